"""An ordinary application with psycopg 3. Exits with 0 when everything was as promised."""

import sys
import uuid

import psycopg
from psycopg import errors
from psycopg.rows import namedtuple_row

url = sys.argv[1]
pooled = len(sys.argv) > 2  # behind a pooler: no prepared statements

with psycopg.connect(url, row_factory=namedtuple_row) as shop:
    if pooled:
        shop.prepare_threshold = None
    request = uuid.uuid4()
    deduct = "SELECT * FROM inventory.deduct(%s, %s, request_id => %s, operator => %s)"
    first = shop.execute(deduct, ("A", 3, request, "ann")).fetchone()
    assert (first.code, first.on_hand, first.available, first.replayed) == ("ok", 7, 7, False), first
    assert len(first.order_no) == 23, first
    again = shop.execute(deduct, ("A", 3, request, "bob")).fetchone()
    assert again == first._replace(replayed=True), again
    shop.commit()

    # A refusal is an exception with SQLSTATE, message, detail and hint; a savepoint survives it.
    try:
        with shop.transaction():
            shop.execute("SELECT inventory.deduct('A', 100)")
        raise AssertionError("not refused")
    except psycopg.DatabaseError as refused:
        assert refused.sqlstate == "IV001", refused.sqlstate
        assert refused.diag.message_detail == "requested 100 units, available: 7", refused.diag.message_detail
        assert refused.diag.message_hint

    # Arrays both ways; the server prepares the statement when it comes often.
    many = "SELECT * FROM inventory.deduct_many(%s::uuid[], %s, %s::bigint[])"
    for round_ in range(8):
        rows = shop.execute(many, ([None, uuid.uuid4()], ["A", "B"], [100, 1])).fetchall()
        assert [row.code for row in rows] == ["insufficient_stock", "ok"], rows
        assert [row.line for row in rows] == [1, 2]
    shop.commit()
    left = shop.execute("SELECT on_hand FROM inventory.stock_level WHERE sku = 'B'").fetchone()
    assert left.on_hand == 2, left

    if not pooled:
        with shop.pipeline(), shop.cursor() as cursor:
            for sku in ("A", "A"):
                cursor.execute("SELECT inventory.deduct(%s, 1)", (sku,))
        shop.commit()
        shop.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        shop.execute("SELECT 1 FROM inventory.stock_level").fetchall()
        with psycopg.connect(url) as other:
            other.execute("SELECT inventory.deduct('A', 1)")
        try:
            shop.execute("SELECT inventory.deduct('A', 1)")
            raise AssertionError("no serialization failure")
        except errors.SerializationFailure:
            shop.rollback()
        shop.execute("SELECT inventory.deduct('A', 1)")
