//! Partitions of the journal: opened ahead, and dropped when the journal is not kept for ever.

use futures::future::join_all;
use inventory_tests::{Database, Pg, Session, kept};

use crate::DUE;

/// Bounds of the partitions that wait for rows, in units of ten million ids.
const PARTS: &str = "SELECT string_agg(substring(c.relname FROM 9), ',' ORDER BY c.relname) FROM pg_inherits AS i \
    JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'inventory.journal'::regclass AND c.relname <> 'journal_default'";

/// Sets the journal's sequence so that the next row has that id.
fn next_id(id: i64) -> String {
    format!("SELECT setval('inventory.journal_id', {})", id - 1)
}

/// A movement of goods.
const MOVE: &str = "SELECT inventory.adjust('A', 1, 'found')";

pub async fn partitions_are_opened_ahead(pg: Pg) {
    let db = pg.kept_database().await;
    db.stock(&[("A", 100)]).await;
    let mut owner = db.owner().await;
    owner.check(PARTS, "0000,0001,0002,0003,0004,0005,0006,0007,0008,0009").await;
    owner.run(&next_id(75_000_000)).await;
    owner.run(MOVE).await;
    owner
        .until(&format!(
            "SELECT ({PARTS}) = '0000,0001,0002,0003,0004,0005,0006,0007,0008,0009,0010,0011'"
        ))
        .await;
    // A leap over all of them.
    owner.run(&next_id(432_100_000)).await;
    owner.until("SELECT to_regclass('inventory.journal_0047') IS NOT NULL").await;
    owner.run(MOVE).await;
    owner
        .check(
            "SELECT tableoid::regclass FROM inventory.journal ORDER BY id DESC LIMIT 1",
            "inventory.journal_0043",
        )
        .await;
    // A new one is like the old ones.
    let indexes = |part: &str| {
        format!(
            "SELECT string_agg(regexp_replace(pg_get_indexdef(indexrelid), 'journal_[0-9]+', 'J', 'g'), ' ' ORDER BY indnatts) \
               FROM pg_index WHERE indrelid = 'inventory.{part}'::regclass"
        )
    };
    let first = owner.text(&indexes("journal_0000")).await;
    let strip = |text: String| text.replace("journal_0000", "J");
    assert_eq!(strip(owner.text(&indexes("journal_0047")).await), strip(first));
    owner.verify_is_clean().await;
}

/// A shop without preload, where the tests call.
async fn by_hand(pg: &Pg) -> (Database, Session) {
    let db = pg
        .private_database(|b| {
            b.setting("pg_inventory.journal_retention", "1d").setting("fsync", "off")
        })
        .await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    let owner = db.owner().await;
    (db, owner)
}

/// One call of maintain(); what the job about the journal did.
async fn maintain(owner: &mut Session, job: &str) -> String {
    owner.run(DUE).await;
    owner.text(&format!("SELECT done, more FROM inventory.maintain() WHERE job = '{job}'")).await
}

const OPEN: &str = "open journal partitions";
const DROP: &str = "drop journal partitions";

/// A deduction, a hold and an order in the partition of that id.
async fn trade(db: &Database, owner: &mut Session, id: i64) {
    owner.run(&next_id(id)).await;
    let mut op = db.operator().await;
    op.run(
        "SELECT inventory.deduct('A', 1, request_id => gen_random_uuid()); SELECT inventory.reserve('B', 1, ttl => '300 days'); \
         SELECT inventory.adjust('A', 5, 'found'); \
         SELECT inventory.start_order((SELECT order_no FROM inventory.create_order('outbound', '[{\"sku\": \"B\", \"qty\": 1}]')))",
    )
    .await;
}

/// Everything so far happened two days ago.
async fn age(owner: &mut Session) {
    age_those(owner, "true").await;
}

/// What has journal rows like these, by their `id`, happened two days ago.
async fn age_those(owner: &mut Session, which: &str) {
    let those = |what: &str| format!("(SELECT {what} FROM inventory.journal WHERE {which})");
    owner
        .run(&format!(
            "UPDATE inventory.request SET at = at - interval '2 days' WHERE request_id IN {}; \
             UPDATE inventory.reservation SET created_at = created_at - interval '2 days' WHERE reservation_id IN {}; \
             UPDATE inventory.orders SET created_at = created_at - interval '2 days', \
                    changed_at = changed_at - interval '2 days' WHERE order_no IN {}; \
             UPDATE inventory.journal SET at = at - interval '2 days' WHERE {which}",
            those("request_id"),
            those("reservation_id"),
            those("order_no")
        ))
        .await;
}

pub async fn partitions_are_opened_while_rows_fall_beside_them(pg: Pg) {
    let (db, mut owner) = by_hand(&pg).await;
    trade(&db, &mut owner, 150_000_000).await;
    owner.check("SELECT count(*) > 4 FROM inventory.journal_default", "t").await;
    // The range of those that are there stays closed to a partition.
    let open: Vec<_> = "0016,0017,0018,0019".split(',').collect();
    assert_eq!(maintain(&mut owner, OPEN).await, format!("{}|f", open.len()));
    owner.check(&format!("SELECT right(({PARTS}), 24)"), &format!("0009,{}", open.join(","))).await;
    owner.verify_is_clean().await;
    // Sessions that write beside the partitions all the time do not keep others from being opened.
    owner.run(&next_id(300_000_000)).await;
    let mut sessions = db.operators(4).await;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let busy = join_all(sessions.iter_mut().map(|session| async {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            session.run(MOVE).await;
        }
    }));
    let opening = async {
        let opened = "SELECT to_regclass('inventory.journal_0034') IS NOT NULL";
        owner.until("SELECT count(*) > 20 FROM inventory.journal_default").await;
        while owner.text(opened).await != "t" {
            owner.run("SELECT inventory.maintain()").await;
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    futures::join!(busy, opening);
    owner.verify_is_clean().await;
    // Somebody who reads what fell beside them keeps it: that is not waited for.
    owner.run(&next_id(500_000_000)).await;
    owner.run(MOVE).await;
    let mut reader = db.reader().await;
    reader.run("BEGIN; SELECT count(*) FROM inventory.outbox").await;
    assert_eq!(maintain(&mut owner, OPEN).await, "0|f");
    reader.run("COMMIT").await;
    assert_eq!(maintain(&mut owner, OPEN).await, "4|f");
    owner.verify_is_clean().await;
}

pub async fn the_whole_journal_is_kept_unless_told_otherwise(pg: Pg) {
    let db = pg.kept_database().await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    let mut owner = db.owner().await;
    trade(&db, &mut owner, 1_000_000).await;
    age(&mut owner).await;
    trade(&db, &mut owner, 55_000_000).await;
    owner.run(DUE).await;
    owner.until("SELECT bool_and(at > '-infinity') FROM inventory.upkeep WHERE job <> 'drop journal partitions'").await;
    owner.until("SELECT to_regclass('inventory.journal_0009') IS NOT NULL").await;
    owner.check("SELECT to_regclass('inventory.journal_0000') IS NOT NULL, count(*) FROM inventory.journal_base", "t|0").await;
    owner.verify_is_clean().await;
}

pub async fn old_partitions_go_and_their_sums_stay(pg: Pg) {
    let db = pg.private_database(|b| kept(b).setting("pg_inventory.journal_retention", "1h")).await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    let mut owner = db.owner().await;
    for id in [1_000, 12_000_000, 23_000_000] {
        trade(&db, &mut owner, id).await;
    }
    age(&mut owner).await;
    trade(&db, &mut owner, 29_000_000).await;
    trade(&db, &mut owner, 34_000_000).await;
    let levels = owner.text("SELECT * FROM inventory.stock_level ORDER BY sku").await;
    owner.run(DUE).await;
    // The third has a row that is younger than a day, however little is asked for.
    owner.until(&format!("SELECT ({PARTS}) LIKE '0002,0003,%'")).await;
    owner
        .check(
            "SELECT sku, on_hand, version FROM inventory.journal_base ORDER BY 1",
            "A|108|5\nB|100|5",
        )
        .await;
    owner.check("SELECT * FROM inventory.stock_level ORDER BY sku", &levels).await;
    owner.verify_is_clean().await;
    age(&mut owner).await;
    trade(&db, &mut owner, 41_000_000).await;
    owner.run(DUE).await;
    owner.until(&format!("SELECT ({PARTS}) LIKE '0004,0005,%'")).await;
    owner.verify_is_clean().await;
    trade(&db, &mut owner, 41_500_000).await;
    owner.verify_is_clean().await;
    // The sums are of use: one that is wrong is seen.
    owner.run("UPDATE inventory.journal_base SET on_hand = on_hand + 1 WHERE sku = 'A'").await;
    owner.check("SELECT count(*) > 0 FROM inventory.verify()", "t").await;
}

pub async fn rows_beside_the_partitions_go_in_their_turn(pg: Pg) {
    let (db, mut owner) = by_hand(&pg).await;
    // Rows of the partitions, then beside them, then in one again.
    trade(&db, &mut owner, 95_000_000).await;
    trade(&db, &mut owner, 150_000_000).await;
    trade(&db, &mut owner, 150_200_000).await;
    assert_eq!(maintain(&mut owner, OPEN).await, "4|f");
    trade(&db, &mut owner, 165_000_000).await;
    age(&mut owner).await;
    trade(&db, &mut owner, 175_000_000).await;
    owner.verify_is_clean().await;
    let mut passes = 0;
    while owner.text("SELECT to_regclass('inventory.journal_0016') IS NOT NULL").await == "t" {
        let dropped = maintain(&mut owner, DROP).await;
        assert!(dropped.ends_with("|t"), "{dropped} with the 17th partition still there");
        owner.verify_is_clean().await;
        passes += 1;
    }
    assert_eq!(passes, 10 + 2 + 1, "ten partitions, two lots of rows beside them, one partition");
    owner.check("SELECT count(*) FROM inventory.journal_default", "0").await;
    assert_eq!(maintain(&mut owner, DROP).await, "0|f");
    trade(&db, &mut owner, 175_500_000).await;
    owner.verify_is_clean().await;
    // Young ones beside the partitions stay, and what came after them.
    trade(&db, &mut owner, 300_000_000).await;
    maintain(&mut owner, OPEN).await;
    trade(&db, &mut owner, 315_000_000).await;
    age_those(&mut owner, "id < 200000000 OR id >= 310000000").await;
    trade(&db, &mut owner, 325_000_000).await;
    for _ in 0..8 {
        maintain(&mut owner, DROP).await;
    }
    owner.check("SELECT count(*) > 0 FROM inventory.journal_default", "t").await;
    owner.check("SELECT to_regclass('inventory.journal_0031') IS NOT NULL", "t").await;
    owner.verify_is_clean().await;
}

pub async fn a_long_transaction_puts_a_drop_off(pg: Pg) {
    let (db, mut owner) = by_hand(&pg).await;
    trade(&db, &mut owner, 1_000).await;
    age(&mut owner).await;
    trade(&db, &mut owner, 15_000_000).await;
    let mut idle = db.operator().await;
    idle.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    assert_eq!(maintain(&mut owner, DROP).await, "0|f");
    owner
        .check(
            &format!(
                "SELECT ({PARTS}) LIKE '0000,%', (SELECT count(*) FROM inventory.journal_base)"
            ),
            "t|0",
        )
        .await;
    owner.verify_is_clean().await;
    // Others neither wait for it, nor for the one that waits.
    db.operator().await.run("SET lock_timeout = '5s'; SELECT inventory.deduct('B', 1)").await;
    idle.run("COMMIT").await;
    // A row that is not committed yet keeps its partition.
    owner.run(&next_id(5_000)).await;
    idle.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    owner.run(&next_id(16_000_000)).await;
    assert_eq!(maintain(&mut owner, DROP).await, "0|f");
    idle.run("ROLLBACK").await;
    assert_eq!(maintain(&mut owner, DROP).await, "1|t");
    owner.verify_is_clean().await;
}

pub async fn a_drop_among_busy_sessions(pg: Pg) {
    let (db, mut owner) = by_hand(&pg).await;
    for part in 0..3 {
        trade(&db, &mut owner, part * 10_000_000 + 1_000).await;
    }
    age(&mut owner).await;
    owner.run(&next_id(36_000_000)).await;
    owner.run("SELECT inventory.receive('A', 1000000)").await;
    let mut sessions = db.operators(16).await;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let busy = join_all(sessions.iter_mut().map(|session| async {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            session.run("BEGIN; SELECT inventory.deduct('A', 1); SELECT inventory.adjust('B', 1, 'found'); COMMIT").await;
        }
    }));
    let dropping = async {
        while owner.text("SELECT to_regclass('inventory.journal_0002') IS NOT NULL").await == "t" {
            maintain(&mut owner, DROP).await;
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    futures::join!(busy, dropping);
    owner.verify_is_clean().await;
}
