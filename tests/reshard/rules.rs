//! Who may reshard to what, and what becomes of the rows.

use inventory_tests::{Database, Pg, User};

use crate::{LEAVES, fill, reshard, sku};

pub async fn an_old_snapshot_is_told_so(pg: Pg) {
    let db = pg.database().await;
    fill(&db, 20).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    let mut fresh = db.admin().await;
    let mut known = db.admin().await;
    known.run("SELECT inventory.deduct('S0000001', 1); SELECT inventory.verify()").await;
    reshard(&mut admin, 2).await;
    for (round, call) in [
        format!("deduct('{}', 1)", sku(2)),
        format!("try_deduct('{}', 1)", sku(3)),
        format!("receive('{}', 1)", sku(4)),
        format!("receive('{}', 1, warehouse_id => 2)", sku(5)),
        format!("recount('{}', 5, 'count')", sku(6)),
        format!("transfer('{}', 1, 1, 2)", sku(7)),
        format!("reserve('{}', 1)", sku(8)),
        format!("deduct_many(ARRAY[NULL]::uuid[], ARRAY['{}'], ARRAY[1])", sku(9)),
        format!("put_product('{}', 'Other')", sku(10)),
        format!("delete_product('{}')", sku(11)),
        "verify()".into(),
        "maintain()".into(),
    ]
    .into_iter()
    .enumerate()
    {
        for session in [&mut fresh, &mut known] {
            let isolation = if round % 3 == 0 { "SERIALIZABLE" } else { "REPEATABLE READ" };
            session.run(&format!("BEGIN ISOLATION LEVEL {isolation}; SELECT 1")).await;
            let shards = 3 - u32::try_from(db.owner().await.number(LEAVES).await).unwrap();
            reshard(&mut admin, shards).await;
            session.check_refused(&format!("SELECT * FROM inventory.{call}"), "40001", "").await;
            session.run("ROLLBACK").await;
            session.run("SELECT inventory.deduct('S0000001', 1)").await;
        }
    }
    db.verify_is_clean().await;
}

/// A shop with a bit of everything in its stock rows.
async fn assortment(db: &Database) {
    fill(db, 300).await;
    let mut owner = db.owner().await;
    for sql in [
        "SELECT inventory.put_warehouse(2, 'NORTH', 'North')",
        "SELECT inventory.put_product('Ä ''quoted'' \"sku\"', 'Odd', 7)",
        "SELECT inventory.receive('Ä ''quoted'' \"sku\"', 5)",
        "SELECT inventory.put_product('LOT', 'By lot', lot_controlled => true)",
        "SELECT inventory.receive('LOT', 5, lot => 'l' || n, expires_on => '2999-01-01') FROM generate_series(1, 9) AS n",
        "SELECT inventory.transfer('LOT', 20, 1, 2)",
        "SELECT inventory.reserve('LOT', 3); SELECT inventory.reserve('S0000009', 4, ttl => '20 days')",
        "SELECT inventory.put_product('GONE', 'Gone'); SELECT inventory.receive('GONE', 1); SELECT inventory.deduct('GONE', 1); SELECT inventory.delete_product('GONE')",
    ] {
        owner.run(sql).await;
    }
}

pub async fn every_row_survives(pg: Pg) {
    let db = pg.database().await;
    assortment(&db).await;
    let mut owner = db.owner().await;
    let rows =
        "SELECT s FROM inventory.stock AS s ORDER BY s.sku COLLATE \"C\", s.warehouse_id, s.lot";
    let before = owner.text(rows).await;
    assert!(before.lines().count() > 310);
    for shards in [1, 64, 16] {
        reshard(&mut owner, shards).await;
        assert_eq!(owner.text(rows).await, before, "with {shards}");
        owner.verify_is_clean().await;
        owner.check("SELECT count(*) FROM pg_class WHERE relname LIKE 'stock_before%'", "0").await;
        // Once more changes nothing.
        let leaves =
            owner.text("SELECT array_agg(oid) FROM pg_class WHERE relname LIKE 'stock\\_%'").await;
        reshard(&mut owner, shards).await;
        owner
            .check("SELECT array_agg(oid) FROM pg_class WHERE relname LIKE 'stock\\_%'", &leaves)
            .await;
    }
}

/// Everything about the leaves but their rows.
const SHAPE: &str = "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), c.relowner::regrole, c.reloptions, c.relpersistence, \
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || i.indisprimary, ' ' ORDER BY i.indexrelid::regclass::text) FROM pg_index AS i WHERE i.indrelid = c.oid), \
           (SELECT string_agg(k.conname || k.contype::text || k.coninhcount || k.conislocal, ' ' ORDER BY k.conname) FROM pg_constraint AS k WHERE k.conrelid = c.oid), \
           (SELECT string_agg(a.attname || a.atttypid::regtype || a.attnotnull || a.attcollation::regcollation || a.attinhcount || a.attislocal, ' ' ORDER BY a.attname) \
              FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
           (SELECT string_agg(pg_get_expr(d.adbin, d.adrelid), ' ' ORDER BY d.adnum) FROM pg_attrdef AS d WHERE d.adrelid = c.oid) \
      FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'inventory.stock'::regclass ORDER BY 1";

pub async fn a_resharded_shop_is_like_a_fresh_one(pg: Pg) {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    reshard(&mut owner, 32).await;
    let fresh = pg.bare_database().await;
    let mut other = fresh.owner().await;
    other.run("CREATE EXTENSION pg_inventory; SELECT inventory.install(32)").await;
    assert_eq!(owner.text(SHAPE).await, other.text(SHAPE).await);
    reshard(&mut other, 16).await;
    let mut third = pg.database().await.owner().await;
    assert_eq!(other.text(SHAPE).await, third.text(SHAPE).await);
    third.check("SELECT count(*) FROM pg_constraint WHERE NOT convalidated", "0").await;
}

pub async fn numbers_that_make_no_sense_are_refused(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    for number in ["3", "0", "-1", "65", "128", "2147483647", "NULL"] {
        let call = format!("CALL inventory.reshard({number})");
        admin.check_refused(&call, "IV004", "shards").await;
    }
    db.owner()
        .await
        .check("SELECT count(*) FROM inventory.upkeep WHERE job = 'reshard'", "0")
        .await;
    db.owner().await.check(LEAVES, "16").await;
    // Leaves of another make are not touched.
    let mut owner = db.owner().await;
    owner
        .run(
            "BEGIN; ALTER TABLE inventory.stock DETACH PARTITION inventory.stock_00; DROP TABLE inventory.stock_00; \
             CREATE TABLE inventory.stock_00a PARTITION OF inventory.stock FOR VALUES WITH (MODULUS 48, REMAINDER 0); \
             CREATE TABLE inventory.stock_00b PARTITION OF inventory.stock FOR VALUES WITH (MODULUS 48, REMAINDER 16); \
             CREATE TABLE inventory.stock_00c PARTITION OF inventory.stock FOR VALUES WITH (MODULUS 48, REMAINDER 32); COMMIT",
        )
        .await;
    owner
        .check_refused(
            "CALL inventory.reshard(32)",
            "IV004",
            "leaf \"stock_00a\" was not made by this extension",
        )
        .await;
    owner.check(LEAVES, "18").await;
}

pub async fn resharding_is_for_administrators(pg: Pg) {
    let db = pg.database().await;
    for user in [User::Operator, User::Reader, User::Stranger] {
        let mut session = db.session(user).await;
        session.check_refused("CALL inventory.reshard(32)", "42501", "").await;
        session.check_refused("SELECT inventory.reshard_step(32)", "42501", "").await;
    }
    reshard(&mut db.admin().await, 32).await;
    let bare = pg.bare_database().await;
    let mut owner = bare.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    owner.check_refused("CALL inventory.reshard(32)", "IV013", "").await;
}

pub async fn it_commits_by_itself(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("BEGIN").await;
    admin.check_refused("CALL inventory.reshard(32)", "2D000", "").await;
    admin.run("ROLLBACK").await;
    db.owner().await.check(LEAVES, "16").await;
    // Whatever transactions are like by default.
    admin.run("SET default_transaction_isolation = serializable; SET lock_timeout = '1ms'").await;
    reshard(&mut admin, 32).await;
    admin.run("SET default_transaction_read_only = on").await;
    admin.check_refused("CALL inventory.reshard(16)", "25006", "").await;
}
