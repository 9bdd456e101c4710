//! What each function does and answers, one session at a time.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_tests::{Database, Pg, Session, promises};

promises!(
    products_are_made_and_changed,
    warehouses_are_made_and_changed,
    receive_adds_and_answers_the_levels,
    deduct_takes_and_numbers_the_order,
    try_deduct_answers_refusals_as_rows,
    adjust_goes_both_ways,
    recount_sets_what_was_counted,
    recount_can_insist_on_a_version,
    transfer_moves_both_sides_or_neither,
    deduct_many_answers_a_row_a_line_in_order,
    deduct_many_keeps_each_order_whole,
    an_order_that_names_a_sku_twice_gets_no_more_than_there_is,
    deduct_many_without_request_ids_is_an_order_a_line,
    a_repeated_request_answers_as_at_first,
    the_same_request_id_with_other_content_is_refused,
    one_line_deductions_are_one_kind,
    a_refusal_is_not_remembered,
    deduct_many_replays_whole_orders,
    every_command_replays,
    lots_are_received_and_sold_first_expired_first,
    a_named_lot_is_the_one_that_is_sold,
    expired_lots_are_on_hand_but_not_sold,
    a_lot_has_one_date,
    lots_travel_with_a_transfer,
    what_is_not_known_is_refused_by_name,
    what_stock_names_cannot_be_deleted,
    skus_differ_by_case_and_by_warehouse,
    low_stock_shows_what_is_at_its_threshold,
    the_journal_says_who_what_and_why,
    every_movement_is_in_the_outbox,
    a_rolled_back_call_leaves_nothing,
    install_again_changes_nothing,
);

/// The columns that do not change from run to run.
const LEVELS: &str = "code, on_hand, reserved, available, replayed";

async fn levels(session: &mut Session, sku: &str) -> String {
    let sql = format!(
        "SELECT warehouse_id, on_hand, reserved, available FROM inventory.stock_level \
         WHERE sku = '{sku}' ORDER BY warehouse_id"
    );
    session.text(&sql).await
}

/// Runs a command and asserts its answer without the order number.
macro_rules! call {
    ($session:expr, $call:literal, $expected:expr) => {
        $session.check(&format!("SELECT {LEVELS} FROM inventory.{}", $call), $expected).await
    };
}

async fn second_warehouse(db: &Database) {
    db.admin().await.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
}

async fn lot_controlled(db: &Database, sku: &str) {
    let put = format!("SELECT inventory.put_product('{sku}', 'By lot', lot_controlled => true)");
    db.admin().await.run(&put).await;
}

async fn products_are_made_and_changed(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    let call = "SELECT * FROM inventory.put_product('A', 'Apple')";
    admin.check(call, "ok|t|f").await;
    admin.check(call, "ok|f|f").await;
    admin
        .check(
            "SELECT * FROM inventory.put_product(sku => 'A', name => 'Apple, red', \
             low_stock_threshold => 7, unit => 'kg', attributes => '{\"colour\": \"red\"}')",
            "ok|f|f",
        )
        .await;
    admin
        .check(
            "SELECT sku, name, low_stock_threshold, lot_controlled, unit, attributes FROM inventory.products",
            r#"A|Apple, red|7|f|kg|{"colour": "red"}"#,
        )
        .await;
}

async fn warehouses_are_made_and_changed(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.check("SELECT warehouse_id, code FROM inventory.warehouses", "1|MAIN").await;
    admin.check("SELECT * FROM inventory.put_warehouse(2, 'NORTH', 'North')", "ok|t|f").await;
    admin.check("SELECT * FROM inventory.put_warehouse(2, 'NORD', 'Nord')", "ok|f|f").await;
    admin.check("SELECT * FROM inventory.put_warehouse(999, 'LAST', 'Last')", "ok|t|f").await;
    for id in [0, -1, 1000] {
        let call = format!("SELECT inventory.put_warehouse({id}, 'X', 'X')");
        admin.check_refused(&call, "IV004", "").await;
    }
    admin
        .check(
            "SELECT warehouse_id, code, name FROM inventory.warehouses WHERE warehouse_id > 1 ORDER BY 1",
            "2|NORD|Nord\n999|LAST|Last",
        )
        .await;
}

async fn receive_adds_and_answers_the_levels(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 0)]).await;
    let mut op = db.operator().await;
    op.check("SELECT * FROM inventory.receive('A', 5)", "ok|null|5|0|5|f").await;
    op.check("SELECT * FROM inventory.receive(qty => 7, sku => 'A')", "ok|null|12|0|12|f").await;
    call!(op, "receive('A', 1000000000000)", "ok|1000000000012|0|1000000000012|f");
    op.check(
        "SELECT sku, warehouse_id, on_hand, reserved, available, low, version FROM inventory.stock_level",
        "A|1|1000000000012|0|1000000000012|f|3",
    )
    .await;
    db.verify_is_clean().await;
}

async fn deduct_takes_and_numbers_the_order(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    second_warehouse(&db).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.receive('A', 4, 2)").await;
    call!(op, "deduct('A', 3)", "ok|7|0|7|f");
    call!(op, "deduct('A', 4, warehouse_id => 2)", "ok|0|0|0|f");
    call!(op, "deduct('A', 7)", "ok|0|0|0|f");
    op.check_refused("SELECT inventory.deduct('A', 1)", "IV001", "requested 1 units, available: 0")
        .await;
    // The numbers carry the warehouse, and rise.
    op.check(
        "SELECT bool_and(order_no ~ '^20[0-9]{21}$'), string_agg(substr(order_no, 15, 3), ',' ORDER BY id), \
                (array_agg(order_no ORDER BY id))[1] < (array_agg(order_no ORDER BY id))[3] \
           FROM (SELECT id, payload->>'order_no' AS order_no FROM inventory.outbox \
                  WHERE event_type = 'STOCK_DEDUCTED') AS sold",
        "t|001,002,001|t",
    )
    .await;
    db.verify_is_clean().await;
}

async fn try_deduct_answers_refusals_as_rows(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 2)]).await;
    let mut op = db.operator().await;
    call!(op, "try_deduct('A', 2)", "ok|0|0|0|f");
    op.run("SELECT inventory.receive('A', 2)").await;
    let before = db.digest().await;
    op.check("SELECT * FROM inventory.try_deduct('A', 3)", "insufficient_stock|null|2|0|2|f").await;
    for (call, code) in [
        ("try_deduct('NONE', 1)", "unknown_sku"),
        ("try_deduct('A', 1, 9)", "unknown_warehouse"),
        ("try_deduct('A', 0)", "invalid_argument"),
        ("try_deduct(NULL, 1)", "invalid_argument"),
        ("try_deduct('A', 1, operator => repeat('x', 65))", "invalid_argument"),
    ] {
        let sql = format!("SELECT code, order_no, replayed FROM inventory.{call}");
        op.check(&sql, &format!("{code}|null|f")).await;
    }
    assert_eq!(db.digest().await, before, "a refusal changes nothing");
}

async fn adjust_goes_both_ways(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    call!(op, "adjust('A', 5, 'found behind the shelf')", "ok|15|0|15|f");
    call!(op, "adjust('A', -15, 'fire')", "ok|0|0|0|f");
    op.check_refused(
        "SELECT inventory.adjust('A', -1, 'x')",
        "IV001",
        "requested 1 units, available: 0",
    )
    .await;
    op.check("SELECT order_no FROM inventory.adjust('A', 1, 'x')", "null").await;
    op.check_refused("SELECT inventory.adjust('A', 0, 'x')", "IV004", "").await;
    op.check_refused("SELECT inventory.adjust('A', 1, '')", "IV004", "").await;
    op.check_refused("SELECT inventory.adjust('A', 1, NULL)", "IV004", "").await;
    op.run("SELECT inventory.adjust('A', 1, repeat('ü', 64))").await;
    op.check_refused("SELECT inventory.adjust('A', 1, repeat('ü', 65))", "IV004", "").await;
    db.verify_is_clean().await;
}

async fn recount_sets_what_was_counted(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    call!(op, "recount('A', 12, 'yearly count')", "ok|12|0|12|f");
    call!(op, "recount('A', 0, 'all gone')", "ok|0|0|0|f");
    call!(op, "recount('A', 1000000000000, 'many')", "ok|1000000000000|0|1000000000000|f");
    op.check_refused("SELECT inventory.recount('A', -1, 'x')", "IV004", "").await;
    op.check_refused("SELECT inventory.recount('A', 1000000000001, 'x')", "IV004", "").await;
    op.check(
        "SELECT before_qty, after_qty, reason FROM inventory.audit_log ORDER BY id",
        "0|10|receipt\n10|12|yearly count\n12|0|all gone\n0|1000000000000|many",
    )
    .await;
    db.verify_is_clean().await;
}

async fn recount_can_insist_on_a_version(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    op.check("SELECT version FROM inventory.stock_level", "1").await;
    call!(op, "recount('A', 9, 'count', expected_version => 1)", "ok|9|0|9|f");
    op.check_refused(
        "SELECT inventory.recount('A', 8, 'count', expected_version => 1)",
        "IV012",
        "expected version 1, found 2",
    )
    .await;
    call!(op, "recount('A', 8, 'count', expected_version => 2)", "ok|8|0|8|f");
    op.check("SELECT on_hand, version FROM inventory.stock_level", "8|3").await;
}

async fn transfer_moves_both_sides_or_neither(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    second_warehouse(&db).await;
    let mut op = db.operator().await;
    call!(op, "transfer('A', 4, 1, 2)", "ok|6|0|6|f\nok|4|0|4|f");
    call!(op, "transfer('A', 1, from_warehouse => 2, to_warehouse => 1)", "ok|3|0|3|f\nok|7|0|7|f");
    op.check_refused(
        "SELECT inventory.transfer('A', 8, 1, 2)",
        "IV001",
        "requested 8 units, available: 7",
    )
    .await;
    op.check_refused("SELECT inventory.transfer('A', 1, 1, 3)", "IV003", "").await;
    op.check_refused("SELECT inventory.transfer('A', 1, 3, 1)", "IV003", "").await;
    op.check_refused("SELECT inventory.transfer('A', 1, 1, 1)", "IV004", "").await;
    assert_eq!(levels(&mut op, "A").await, "1|7|0|7\n2|3|0|3");
    op.check(
        "SELECT warehouse_id, before_qty, after_qty, reason FROM inventory.audit_log WHERE reason = 'transfer' ORDER BY id",
        "1|10|6|transfer\n2|0|4|transfer\n2|4|3|transfer\n1|6|7|transfer",
    )
    .await;
    db.verify_is_clean().await;
}

const MANY: &str = "SELECT line, code, on_hand, available, replayed FROM inventory.deduct_many";
const ID_1: &str = "11111111-1111-4111-8111-111111111111";
const ID_2: &str = "22222222-2222-4222-8222-222222222222";

async fn deduct_many_answers_a_row_a_line_in_order(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10), ("Z", 10)]).await;
    second_warehouse(&db).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.receive('A', 5, 2)").await;
    // Two orders, their lines mixed, not in the order of the locks.
    op.check(
        &format!(
            "{MANY}(ARRAY['{ID_2}', '{ID_1}', '{ID_2}', '{ID_1}']::uuid[], ARRAY['Z', 'B', 'A', 'A'], \
             ARRAY[1, 2, 3, 4], ARRAY[1, 1, 2, 1], ARRAY['sale', 'gift', 'sale', 'gift'])"
        ),
        "1|ok|9|9|f
         2|ok|8|8|f
         3|ok|2|2|f
         4|ok|6|6|f",
    )
    .await;
    // One number an order; the second order in the call comes after the first.
    op.check(
        "SELECT count(DISTINCT payload->>'order_no') FROM inventory.outbox WHERE event_type = 'STOCK_DEDUCTED'",
        "2",
    )
    .await;
    op.check(
        "SELECT sku_id, warehouse_id, reason, count(*) FROM inventory.audit_log WHERE reason <> 'receipt' \
         GROUP BY 1, 2, 3 ORDER BY 1, 2",
        "A|1|gift|1\nA|2|sale|1\nB|1|gift|1\nZ|1|sale|1",
    )
    .await;
    db.verify_is_clean().await;
}

async fn deduct_many_keeps_each_order_whole(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 1)]).await;
    let mut op = db.operator().await;
    // The first order fails on its second line; the second order goes on.
    op.check(
        &format!(
            "{MANY}(ARRAY['{ID_1}', '{ID_1}', '{ID_2}', '{ID_2}']::uuid[], ARRAY['A', 'B', 'A', 'B'], \
             ARRAY[10, 2, 9, 1])"
        ),
        "1|insufficient_stock|10|10|f
         2|insufficient_stock|1|1|f
         3|ok|1|1|f
         4|ok|0|0|f",
    )
    .await;
    // An unknown SKU, and a quantity that is none, refuse their own order alone.
    op.check(
        "SELECT line, code FROM inventory.deduct_many(ARRAY[NULL, NULL, NULL]::uuid[], ARRAY['NONE', 'A', 'A'], ARRAY[1, 0, 1])",
        "1|unknown_sku\n2|invalid_argument\n3|ok",
    )
    .await;
    assert_eq!(levels(&mut op, "A").await, "1|0|0|0");
    db.verify_is_clean().await;
}

async fn an_order_that_names_a_sku_twice_gets_no_more_than_there_is(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    let order = |id: &str, first: i64, second: i64| {
        format!("{MANY}(ARRAY['{id}', '{id}']::uuid[], ARRAY['A', 'A'], ARRAY[{first}, {second}])")
    };
    op.check(&order(ID_1, 6, 5), "1|insufficient_stock|10|10|f\n2|insufficient_stock|10|10|f")
        .await;
    op.check(&order(ID_1, 6, 4), "1|ok|4|4|f\n2|ok|0|0|f").await;
    op.check(&order(ID_2, 1, 1), "1|insufficient_stock|0|0|f\n2|insufficient_stock|0|0|f").await;
    db.verify_is_clean().await;
}

async fn deduct_many_without_request_ids_is_an_order_a_line(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 2)]).await;
    let mut op = db.operator().await;
    op.check(
        &format!("{MANY}(ARRAY[NULL, NULL, NULL]::uuid[], ARRAY['A', 'A', 'A'], ARRAY[1, 2, 1])"),
        "1|ok|1|1|f\n2|insufficient_stock|1|1|f\n3|ok|0|0|f",
    )
    .await;
    op.check(
        "SELECT count(DISTINCT payload->>'order_no') FROM inventory.outbox WHERE event_type = 'STOCK_DEDUCTED'",
        "2",
    )
    .await;
    db.verify_is_clean().await;
}

async fn a_repeated_request_answers_as_at_first(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    let call = format!("SELECT * FROM inventory.deduct('A', 3, request_id => '{ID_1}')");
    let first = op.text(&call).await;
    assert!(first.ends_with("|7|0|7|f"), "{first}");
    // The levels are those of the first answer, whatever has happened since; who asks and under
    // which trace is no part of the content.
    op.run("SELECT inventory.receive('A', 100)").await;
    let before = db.digest().await;
    let again = format!(
        "SELECT * FROM inventory.deduct('A', 3, 1, NULL, 'sale', '{ID_1}', operator => 'eve', trace_id => 't2')"
    );
    let replayed = first.replace("|f", "|t");
    op.check(&again, &replayed).await;
    db.operator().await.check(&call, &replayed).await;
    assert_eq!(db.digest().await, before, "a replay changes nothing");
    db.verify_is_clean().await;
}

async fn the_same_request_id_with_other_content_is_refused(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    second_warehouse(&db).await;
    let mut op = db.operator().await;
    op.run(&format!("SELECT inventory.deduct('A', 3, request_id => '{ID_1}')")).await;
    let before = db.digest().await;
    for call in [
        "deduct('A', 4",
        "deduct('B', 3",
        "deduct('A', 3, warehouse_id => 2",
        "deduct('A', 3, reason => 'gift'",
        "receive('A', 3",
        "adjust('A', -3, 'sale'",
        "recount('A', 3, 'sale'",
        "transfer('A', 3, 1, 2",
    ] {
        let sql = format!("SELECT inventory.{call}, request_id => '{ID_1}')");
        op.check_refused(&sql, "IV009", "").await;
    }
    let row =
        format!("SELECT code, replayed FROM inventory.try_deduct('A', 4, request_id => '{ID_1}')");
    op.check(&row, "request_id_reused|f").await;
    let order = format!(
        "SELECT line, code FROM inventory.deduct_many(ARRAY['{ID_1}', '{ID_1}']::uuid[], ARRAY['A', 'A'], ARRAY[3, 3])"
    );
    op.check(&order, "1|request_id_reused\n2|request_id_reused").await;
    assert_eq!(db.digest().await, before);
}

async fn one_line_deductions_are_one_kind(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    op.run(&format!("SELECT inventory.try_deduct('A', 3, request_id => '{ID_1}')")).await;
    let number =
        op.text("SELECT payload->>'order_no' FROM inventory.outbox ORDER BY id DESC LIMIT 1").await;
    op.check(
        &format!("SELECT order_no, on_hand, replayed FROM inventory.deduct('A', 3, request_id => '{ID_1}')"),
        &format!("{number}|7|t"),
    )
    .await;
    op.check(
        &format!(
            "SELECT line, code, order_no, on_hand, available, replayed \
             FROM inventory.deduct_many(ARRAY['{ID_1}']::uuid[], ARRAY['A'], ARRAY[3])"
        ),
        &format!("1|ok|{number}|7|7|t"),
    )
    .await;
    op.run(&format!("SELECT inventory.deduct_many(ARRAY['{ID_2}']::uuid[], ARRAY['A'], ARRAY[2])"))
        .await;
    op.check(
        &format!(
            "SELECT on_hand, replayed FROM inventory.try_deduct('A', 2, request_id => '{ID_2}')"
        ),
        "5|t",
    )
    .await;
    assert_eq!(levels(&mut op, "A").await, "1|5|0|5");
}

async fn a_refusal_is_not_remembered(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1)]).await;
    let mut op = db.operator().await;
    let call = format!("SELECT {LEVELS} FROM inventory.try_deduct('A', 2, request_id => '{ID_1}')");
    op.check(&call, "insufficient_stock|1|0|1|f").await;
    op.check_refused(&call.replace("try_deduct", "deduct"), "IV001", "").await;
    op.run("SELECT inventory.receive('A', 1)").await;
    op.check(&call, "ok|0|0|0|f").await;
    op.check(&call, "ok|0|0|0|t").await;
}

async fn deduct_many_replays_whole_orders(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    let mut op = db.operator().await;
    let order =
        "SELECT line, code, order_no, on_hand, available, replayed FROM inventory.deduct_many";
    let one = format!("{order}(ARRAY['{ID_1}', '{ID_1}']::uuid[], ARRAY['B', 'A'], ARRAY[1, 2])");
    let first = op.text(&one).await;
    op.check(&one, &first.replace("|f", "|t")).await;
    // A repeated order beside a new one: the new one alone has an effect.
    op.check(
        &format!("{MANY}(ARRAY['{ID_1}', '{ID_2}', '{ID_1}']::uuid[], ARRAY['B', 'B', 'A'], ARRAY[1, 4, 2])"),
        "1|ok|9|9|t\n2|ok|5|5|f\n3|ok|8|8|t",
    )
    .await;
    // The order of the lines is content: with other lines it is another order.
    op.check(
        &format!("SELECT DISTINCT code FROM inventory.deduct_many(ARRAY['{ID_1}', '{ID_1}']::uuid[], ARRAY['B', 'A'], ARRAY[1, 3])"),
        "request_id_reused",
    )
    .await;
    assert_eq!(levels(&mut op, "B").await, "1|5|0|5");
    db.verify_is_clean().await;
}

async fn every_command_replays(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("GONE", 0)]).await;
    second_warehouse(&db).await;
    db.admin().await.run("SELECT inventory.put_warehouse(3, 'OLD', 'Old')").await;
    let mut admin = db.admin().await;
    for (n, call) in [
        "receive('A', 3",
        "deduct('A', 2",
        "try_deduct('A', 2",
        "adjust('A', -1, 'broken'",
        "recount('A', 50, 'count'",
        "transfer('A', 5, 1, 2",
        "put_product('NEW', 'New'",
        "put_warehouse(4, 'NEW', 'New'",
        "delete_product('GONE'",
        "delete_warehouse(3",
    ]
    .iter()
    .enumerate()
    {
        let sql = format!(
            "SELECT * FROM inventory.{call}, request_id => '00000000-0000-4000-8000-{n:012}')"
        );
        let first = admin.text(&sql).await;
        assert!(first.lines().all(|l| l.ends_with("|f")), "{call}: {first}");
        let before = db.digest().await;
        let again = admin.text(&sql).await;
        let expected: Vec<_> =
            first.lines().map(|l| format!("{}|t", l.strip_suffix("|f").unwrap())).collect();
        assert_eq!(again, expected.join("\n"), "{call}");
        assert_eq!(db.digest().await, before, "{call} again changes nothing");
    }
    db.verify_is_clean().await;
}

async fn lots_are_received_and_sold_first_expired_first(pg: Pg) {
    let db = pg.database().await;
    lot_controlled(&db, "M").await;
    let mut op = db.operator().await;
    op.check_refused("SELECT inventory.receive('M', 1)", "IV004", "").await;
    call!(op, "receive('M', 5, lot => 'late', expires_on => '2999-12-31')", "ok|5|0|5|f");
    call!(op, "receive('M', 5, lot => 'early', expires_on => '2999-01-01')", "ok|10|0|10|f");
    call!(op, "receive('M', 5, lot => 'never')", "ok|15|0|15|f");
    call!(op, "receive('M', 1, lot => 'early')", "ok|16|0|16|f");
    call!(op, "deduct('M', 8)", "ok|8|0|8|f");
    op.check(
        "SELECT lot, on_hand, available, expires_on FROM inventory.stock_lot ORDER BY lot",
        "early|0|0|2999-01-01\nlate|3|3|2999-12-31\nnever|5|5|null",
    )
    .await;
    // One call, one order, a movement a lot.
    op.check(
        "SELECT payload->>'lot', payload->>'qty' FROM inventory.outbox WHERE event_type = 'STOCK_DEDUCTED' ORDER BY id",
        "early|6\nlate|2",
    )
    .await;
    call!(op, "deduct('M', 8)", "ok|0|0|0|f");
    op.check_refused("SELECT inventory.deduct('M', 1)", "IV001", "requested 1 units, available: 0")
        .await;
    db.verify_is_clean().await;
}

async fn a_named_lot_is_the_one_that_is_sold(pg: Pg) {
    let db = pg.database().await;
    lot_controlled(&db, "M").await;
    db.stock(&[("A", 5)]).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.receive('M', 5, lot => 'x', expires_on => '2999-01-01')").await;
    op.run("SELECT inventory.receive('M', 5, lot => 'y')").await;
    call!(op, "deduct('M', 4, lot => 'y')", "ok|6|0|6|f");
    op.check_refused(
        "SELECT inventory.deduct('M', 2, lot => 'y')",
        "IV001",
        "requested 2 units, available: 1",
    )
    .await;
    op.check_refused("SELECT inventory.deduct('M', 1, lot => 'z')", "IV011", "").await;
    op.check_refused("SELECT inventory.adjust('M', 1, 'found', lot => 'z')", "IV011", "").await;
    op.check_refused("SELECT inventory.deduct('A', 1, lot => 'x')", "IV004", "").await;
    call!(op, "adjust('M', -5, 'broken', lot => 'x')", "ok|1|0|1|f");
    call!(op, "recount('M', 9, 'count', lot => 'y')", "ok|9|0|9|f");
    op.check_refused("SELECT inventory.adjust('M', 1, 'found')", "IV004", "").await;
    op.check_refused("SELECT inventory.recount('M', 1, 'found')", "IV004", "").await;
    db.verify_is_clean().await;
}

async fn expired_lots_are_on_hand_but_not_sold(pg: Pg) {
    let db = pg.database().await;
    lot_controlled(&db, "M").await;
    let mut op = db.operator().await;
    let today = "(clock_timestamp() AT TIME ZONE 'UTC')::date";
    op.run(&format!("SELECT inventory.receive('M', 5, lot => 'old', expires_on => {today} - 1)"))
        .await;
    op.check(
        &format!(
            "SELECT {LEVELS} FROM inventory.receive('M', 3, lot => 'today', expires_on => {today})"
        ),
        "ok|8|0|3|f",
    )
    .await;
    assert_eq!(levels(&mut op, "M").await, "1|8|0|3");
    op.check_refused("SELECT inventory.deduct('M', 4)", "IV001", "requested 4 units, available: 3")
        .await;
    op.check_refused(
        "SELECT inventory.deduct('M', 1, lot => 'old')",
        "IV001",
        "requested 1 units, available: 0",
    )
    .await;
    call!(op, "deduct('M', 3)", "ok|5|0|0|f");
    // What is not fit for sale can still be thrown away.
    call!(op, "adjust('M', -5, 'past its date', lot => 'old')", "ok|0|0|0|f");
    db.verify_is_clean().await;
}

async fn a_lot_has_one_date(pg: Pg) {
    let db = pg.database().await;
    lot_controlled(&db, "M").await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.receive('M', 5, lot => 'x', expires_on => '2999-01-01')").await;
    op.run("SELECT inventory.receive('M', 5, lot => 'x', expires_on => '2999-01-01')").await;
    op.check_refused(
        "SELECT inventory.receive('M', 5, lot => 'x', expires_on => '2999-01-02')",
        "IV004",
        "",
    )
    .await;
    op.check("SELECT lot, on_hand FROM inventory.stock_lot", "x|10").await;
}

async fn lots_travel_with_a_transfer(pg: Pg) {
    let db = pg.database().await;
    lot_controlled(&db, "M").await;
    second_warehouse(&db).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.receive('M', 5, lot => 'x', expires_on => '2999-01-01')").await;
    op.run("SELECT inventory.receive('M', 5, lot => 'y', expires_on => '2999-02-01')").await;
    call!(op, "transfer('M', 7, 1, 2)", "ok|3|0|3|f\nok|7|0|7|f");
    call!(op, "transfer('M', 1, 1, 2, lot => 'y')", "ok|2|0|2|f\nok|8|0|8|f");
    op.check_refused("SELECT inventory.transfer('M', 1, 1, 2, lot => 'z')", "IV011", "").await;
    op.check(
        "SELECT warehouse_id, lot, on_hand, expires_on FROM inventory.stock_lot ORDER BY 1, 2",
        "1|x|0|2999-01-01\n1|y|2|2999-02-01\n2|x|5|2999-01-01\n2|y|3|2999-02-01",
    )
    .await;
    db.verify_is_clean().await;
}

async fn what_is_not_known_is_refused_by_name(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut admin = db.admin().await;
    for (call, sqlstate) in [
        ("receive('NONE', 1)", "IV002"),
        ("deduct('NONE', 1)", "IV002"),
        ("adjust('NONE', 1, 'x')", "IV002"),
        ("recount('NONE', 1, 'x')", "IV002"),
        ("transfer('NONE', 1, 1, 2)", "IV002"),
        ("delete_product('NONE')", "IV002"),
        ("receive('A', 1, 77)", "IV003"),
        ("deduct('A', 1, 77)", "IV003"),
        ("deduct('A', 1, 1000)", "IV003"),
        ("deduct('A', 1, -5)", "IV003"),
        ("adjust('A', 1, 'x', 77)", "IV003"),
        ("recount('A', 1, 'x', 77)", "IV003"),
        ("transfer('A', 1, 1, 77)", "IV003"),
        ("transfer('A', 1, 77, 1)", "IV003"),
        ("delete_warehouse(77)", "IV003"),
        ("next_order_no(77)", "IV003"),
        ("next_order_id(77)", "IV003"),
    ] {
        // Of a transfer both the SKU and a warehouse are unknown here: either may be named.
        if call == "transfer('NONE', 1, 1, 2)" {
            let refused = admin.refused(&format!("SELECT inventory.{call}")).await;
            assert!(["IV002", "IV003"].contains(&&*refused.sqlstate), "{refused}");
            continue;
        }
        admin.check_refused(&format!("SELECT inventory.{call}"), sqlstate, "").await;
    }
}

async fn what_stock_names_cannot_be_deleted(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    second_warehouse(&db).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.transfer('A', 10, 1, 2)").await;
    admin.check_refused("SELECT inventory.delete_product('A')", "IV015", "").await;
    admin.check_refused("SELECT inventory.delete_warehouse(2)", "IV015", "").await;
    admin.run("SELECT inventory.deduct('A', 10, 2)").await;
    admin.check("SELECT * FROM inventory.delete_warehouse(2)", "ok|f").await;
    admin.check_refused("SELECT inventory.receive('A', 1, 2)", "IV003", "").await;
    admin.check("SELECT * FROM inventory.delete_product('A')", "ok|f").await;
    admin.check_refused("SELECT inventory.receive('A', 1)", "IV002", "").await;
    admin.check("SELECT count(*) FROM inventory.stock_level", "0").await;
    db.verify_is_clean().await;
}

async fn skus_differ_by_case_and_by_warehouse(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("85123a", 1), ("85123A", 2), (" 85123A", 3), ("ÄÖ 12", 4)]).await;
    let mut op = db.operator().await;
    call!(op, "deduct('85123a', 1)", "ok|0|0|0|f");
    call!(op, "deduct('85123A', 1)", "ok|1|0|1|f");
    call!(op, "deduct(' 85123A', 1)", "ok|2|0|2|f");
    call!(op, "deduct('ÄÖ 12', 1)", "ok|3|0|3|f");
    op.check_refused("SELECT inventory.deduct('äö 12', 1)", "IV002", "").await;
}

async fn low_stock_shows_what_is_at_its_threshold(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("B", 1)]).await;
    second_warehouse(&db).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product('A', 'Apple', 5)").await;
    admin.run("SELECT inventory.receive('A', 6), inventory.receive('A', 9, 2)").await;
    let low = "SELECT sku, warehouse_id, on_hand FROM inventory.low_stock ORDER BY 1, 2";
    admin.check(low, "").await;
    admin.run("SELECT inventory.deduct('A', 1)").await;
    admin.check(low, "A|1|5").await;
    admin.check("SELECT sku, warehouse_id FROM inventory.stock_level WHERE low", "A|1").await;
    // Another threshold holds at once.
    admin.run("SELECT inventory.put_product('A', 'Apple', 9)").await;
    admin.check(low, "A|1|5\nA|2|9").await;
    admin.run("SELECT inventory.put_product('A', 'Apple', 4)").await;
    admin.check(low, "").await;
    db.verify_is_clean().await;
}

async fn the_journal_says_who_what_and_why(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    op.run(&format!(
        "SELECT inventory.deduct('A', 4, reason => 'web', request_id => '{ID_1}', operator => 'ann', trace_id => 'trace-9')"
    ))
    .await;
    op.check(
        "SELECT sku_id, warehouse_id, before_qty, after_qty, reason, operator, trace_id, request_id, \
                at BETWEEN now() - interval '1 minute' AND clock_timestamp() \
           FROM inventory.audit_log ORDER BY id DESC LIMIT 1",
        &format!("A|1|10|6|web|ann|trace-9|{ID_1}|t"),
    )
    .await;
    // The operator is what the caller claims; the database user is who really called.
    db.owner()
        .await
        .check(
            "SELECT operator, db_user FROM inventory.journal ORDER BY id",
            "null|shop_admin\nann|shop_operator",
        )
        .await;
}

async fn every_movement_is_in_the_outbox(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    second_warehouse(&db).await;
    let mut op = db.operator().await;
    op.run(
        "SELECT inventory.deduct('A', 1); SELECT inventory.adjust('A', 2, 'x'); \
         SELECT inventory.recount('A', 9, 'x'); SELECT inventory.transfer('A', 3, 1, 2)",
    )
    .await;
    op.check(
        "SELECT event_type, status, attempts, payload->>'sku', payload->>'warehouse_id', payload->>'qty', \
                payload->>'on_hand', payload->>'reserved', payload->>'available' \
           FROM inventory.outbox ORDER BY id",
        "STOCK_RECEIVED|PENDING|0|A|1|10|10|0|10
         STOCK_DEDUCTED|PENDING|0|A|1|1|9|0|9
         STOCK_ADJUSTED|PENDING|0|A|1|2|11|0|11
         STOCK_ADJUSTED|PENDING|0|A|1|2|9|0|9
         STOCK_TRANSFERRED|PENDING|0|A|1|3|6|0|6
         STOCK_TRANSFERRED|PENDING|0|A|2|3|3|0|3",
    )
    .await;
    op.check("SELECT DISTINCT jsonb_typeof(payload), sink FROM inventory.outbox", "object|null")
        .await;
}

async fn a_rolled_back_call_leaves_nothing(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let before = db.digest().await;
    let mut op = db.operator().await;
    op.run(&format!("BEGIN; SELECT inventory.deduct('A', 4, request_id => '{ID_1}'); ROLLBACK"))
        .await;
    assert_eq!(db.digest().await, before);
    // Its request id is free again, for any content.
    call!(
        op,
        "receive('A', 1, request_id => '11111111-1111-4111-8111-111111111111')",
        "ok|11|0|11|f"
    );
    db.verify_is_clean().await;
}

async fn install_again_changes_nothing(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    db.admin().await.run("SELECT inventory.put_warehouse(1, 'HQ', 'Head office')").await;
    let (before, objects) = (db.digest().await, objects(&db).await);
    db.owner().await.run("SELECT inventory.install()").await;
    db.admin().await.run("SELECT inventory.install(16)").await;
    assert_eq!(db.digest().await, before);
    assert_eq!(self::objects(&db).await, objects);
}

async fn objects(db: &Database) -> String {
    let sql = "SELECT relname, relkind, relowner::regrole, relacl FROM pg_class \
               WHERE relnamespace = 'inventory'::regnamespace ORDER BY 1";
    db.owner().await.text(sql).await
}
