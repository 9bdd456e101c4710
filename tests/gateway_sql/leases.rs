//! Leases.

use futures::future::join_all;
use inventory_tests::{Database, Pg, Session};
use uuid::Uuid;

async fn shop(pg: &Pg) -> Database {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 5)]).await;
    db
}

/// Takes a lease for `gate`, and gives its id.
async fn lease(op: &mut Session, sku: &str, units: i64) -> String {
    let sql =
        format!("SELECT lease_id FROM inventory.take_lease('{sku}', {units}, 'gate', 'token')");
    op.text(&sql).await
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|_| Uuid::new_v4().to_string()).collect()
}

/// The sales of one unit each with these request ids.
fn settle(lease: &str, ids: &[String], more: &str) -> String {
    let list: Vec<_> = ids.iter().map(|id| format!("'{id}'")).collect();
    format!(
        "inventory.settle_lease('{lease}', 'gate', ARRAY[{}]::uuid[], array_fill(1::bigint, ARRAY[{}]){more})",
        list.join(", "),
        ids.len()
    )
}

const LEVEL: &str =
    "SELECT on_hand, reserved, available FROM inventory.stock_level WHERE sku = 'A'";
const LEASES: &str = "SELECT granted, sold, rest, state FROM inventory.leases ORDER BY created_at";

pub async fn a_lease_sells_what_it_was_granted(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    op.check(
        "SELECT granted, expires_at > now() + interval '4 minutes', generation > 0, on_hand, reserved, available, replayed \
           FROM inventory.take_lease('A', 4, 'gate', 'token')",
        "4|t|t|10|4|6|f",
    )
    .await;
    let id = op.text("SELECT lease_id FROM inventory.leases").await;
    let sales = ids(6);
    let more = ", reasons => ARRAY['web', NULL, NULL], operators => ARRAY['ann', NULL, NULL], \
                trace_ids => ARRAY[NULL, 't-2', NULL]";
    let sql = format!(
        "SELECT line, code, detail, length(order_no), on_hand, reserved, available, replayed FROM {}",
        settle(&id, &sales[..3], more)
    );
    op.check(&sql, "1|ok|null|23|9|3|6|f\n2|ok|null|23|8|2|6|f\n3|ok|null|23|7|1|6|f").await;
    op.check(LEASES, "4|3|1|OPEN").await;
    let sql = format!("SELECT line, code, detail FROM {}", settle(&id, &sales[3..], ""));
    op.check(
        &sql,
        "1|ok|null
         2|insufficient_stock|requested 1 units, available: 0
         3|insufficient_stock|requested 1 units, available: 0",
    )
    .await;
    op.check(LEASES, "4|4|0|SETTLED").await;
    op.check(LEVEL, "6|0|6").await;
    op.check(
        "SELECT event_type, payload->>'qty', payload->>'on_hand_delta', payload->>'reserved_delta', \
                payload->>'reason', payload->>'operator', payload->>'trace_id', \
                payload->>'reservation_id' IS NOT NULL FROM inventory.outbox ORDER BY id OFFSET 2",
        "STOCK_RESERVED|4|0|4|lease|null|null|t
         STOCK_DEDUCTED|1|-1|-1|web|ann|null|t
         STOCK_DEDUCTED|1|-1|-1|sale|null|t-2|t
         STOCK_DEDUCTED|1|-1|-1|sale|null|null|t
         STOCK_DEDUCTED|1|-1|-1|sale|null|null|t",
    )
    .await;
    db.verify_is_clean().await;
}

pub async fn a_repeated_settlement_changes_nothing(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let id = lease(&mut op, "A", 4).await;
    let sales = ids(3);
    for keep in ["true", "false"] {
        let more = format!(", keep => {keep}");
        let sql = format!("SELECT code, order_no, on_hand FROM {}", settle(&id, &sales, &more));
        let first = op.text(&sql).await;
        let before = db.digest().await;
        op.check(&sql, &first).await;
        assert_eq!(db.digest().await, before, "keep => {keep}");
    }
    let sql = format!("SELECT code, replayed FROM {}", settle(&id, &sales, ""));
    op.check(&sql, "ok|t\nok|t\nok|t").await;
    op.check(LEASES, "4|3|0|RETURNED").await;
    op.check(LEVEL, "7|0|7").await;
    db.verify_is_clean().await;
}

pub async fn a_sale_is_known_whichever_way_it_came(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let id = lease(&mut op, "A", 4).await;
    let sales = ids(2);
    op.run(&format!("SELECT inventory.deduct('A', 1, request_id => '{}')", sales[0])).await;
    let sql = format!("SELECT code, on_hand, replayed FROM {}", settle(&id, &sales, ""));
    op.check(&sql, "ok|9|t\nok|8|f").await;
    op.check(LEASES, "4|1|3|OPEN").await;
    let again = format!(
        "SELECT on_hand, replayed FROM inventory.deduct('A', 1, request_id => '{}')",
        sales[1]
    );
    op.check(&again, "8|t").await;
    let other = format!(
        "SELECT code FROM inventory.settle_lease('{id}', 'gate', ARRAY['{}']::uuid[], ARRAY[2])",
        sales[1]
    );
    op.check(&other, "request_id_reused").await;
    let twice = settle(&id, &[sales[0].clone(), sales[0].clone()], "");
    op.check_refused(&format!("SELECT {twice}"), "IV004", "each sale must have a request id").await;
    db.verify_is_clean().await;
}

pub async fn the_rest_goes_back_once(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let id = lease(&mut op, "A", 4).await;
    op.run(&format!("SELECT {}", settle(&id, &ids(1), ""))).await;
    let give_back = format!("SELECT state, returned FROM inventory.return_lease('{id}', 'gate')");
    op.check(&give_back, "RETURNED|3").await;
    op.check(&give_back, "RETURNED|3").await;
    op.check(LEVEL, "9|0|9").await;
    let late = format!("SELECT code FROM {}", settle(&id, &ids(1), ""));
    op.check(&late, "reservation_closed").await;
    // What is not this holder's is unknown to it.
    let other = lease(&mut op, "A", 2).await;
    for call in [
        format!("return_lease('{other}', 'thief')"),
        format!("return_lease('{}', 'gate')", Uuid::new_v4()),
        format!(
            "settle_lease('{other}', 'thief', ARRAY[]::uuid[], ARRAY[]::bigint[], keep => false)"
        ),
    ] {
        op.check_refused(&format!("SELECT inventory.{call}"), "IV005", "").await;
    }
    let stolen = settle(&other, &ids(1), "").replace("'gate'", "'thief'");
    op.check(&format!("SELECT code FROM {stolen}"), "unknown_reservation").await;
    for call in [format!("release('{other}')"), format!("confirm('{other}')")] {
        op.check_refused(&format!("SELECT inventory.{call}"), "IV008", "").await;
    }
    op.check(LEVEL, "9|2|7").await;
    db.verify_is_clean().await;
}

pub async fn leased_goods_are_nobody_elses(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let id = lease(&mut op, "A", 10).await;
    op.check_refused(
        "SELECT inventory.take_lease('A', 1, 'gate', 'fallback')",
        "IV001",
        "requested 1 units, available: 0",
    )
    .await;
    op.check_refused("SELECT inventory.deduct('A', 1)", "IV001", "requested 1 units, available: 0")
        .await;
    let sql = format!("SELECT code FROM {}", settle(&id, &ids(2), ""));
    op.check(&sql, "ok\nok").await;
    op.check_refused("SELECT inventory.deduct('A', 1)", "IV001", "requested 1 units, available: 0")
        .await;
    for (bad, detail) in [
        ("'A', 1, NULL, 'token'", "holder must not be NULL"),
        ("'A', 1, 'gate', 'loan'", "purpose must be token or fallback"),
        ("'A', 1, 'gate', NULL", "purpose must not be NULL"),
        ("'A', 0, 'gate', 'token'", "quantity must be"),
        ("'A', 1, 'gate', 'token', ttl => '0'", "ttl must be"),
    ] {
        op.check_refused(&format!("SELECT inventory.take_lease({bad})"), "IV004", detail).await;
    }
    db.verify_is_clean().await;
}

/// Sets every lease's time back.
async fn let_time_pass(db: &Database) {
    let sql = "UPDATE inventory.lease SET expires_at = expires_at - interval '1 hour'";
    db.owner().await.run(sql).await;
}

pub async fn a_lease_outlives_its_time(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut admin) = (db.operator().await, db.admin().await);
    let id = lease(&mut op, "A", 10).await;
    let_time_pass(&db).await;
    admin.run("SELECT inventory.maintain()").await;
    op.check(LEVEL, "10|10|0").await;
    op.check(&format!("SELECT code FROM {}", settle(&id, &ids(2), "")), "ok\nok").await;
    db.verify_is_clean().await;
}

pub async fn leases_are_renewed_by_their_holder(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let (open, closed) = (lease(&mut op, "A", 2).await, lease(&mut op, "A", 2).await);
    op.run(&format!("SELECT inventory.return_lease('{closed}', 'gate')")).await;
    op.run("SELECT inventory.take_lease('B', 1, 'other', 'fallback')").await;
    let theirs = op.text("SELECT lease_id FROM inventory.leases WHERE holder = 'other'").await;
    let_time_pass(&db).await;
    let sql = format!(
        "SELECT lease_id, state, expires_at > now() FROM inventory.renew_leases('gate', \
         ARRAY['{theirs}', '{open}', '{closed}', '{open}']::uuid[], '10 minutes')"
    );
    op.check(
        &sql,
        &format!("{theirs}|UNKNOWN|null\n{open}|OPEN|t\n{closed}|RETURNED|f\n{open}|OPEN|t"),
    )
    .await;
    let none = "SELECT inventory.renew_leases('gate', ARRAY[NULL]::uuid[], '1 minute')";
    op.check_refused(none, "IV004", "lease_id must not be NULL").await;
    db.verify_is_clean().await;
}

pub async fn only_a_repair_gives_back_for_others(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut admin) = (db.operator().await, db.admin().await);
    let old = lease(&mut op, "A", 5).await;
    op.run(&format!("SELECT {}", settle(&old, &ids(2), ""))).await;
    let_time_pass(&db).await;
    let _young = lease(&mut op, "A", 1).await;
    let repair = |older: &str| {
        format!(
            "SELECT lease_id, sku, warehouse_id, holder, purpose, returned FROM inventory.repair_leases('{older}')"
        )
    };
    admin.check(&repair("1 hour"), "").await;
    admin.check(&repair("0"), &format!("{old}|A|1|gate|token|3")).await;
    admin.check(&repair("0"), "").await;
    op.check(LEASES, "5|2|0|RETURNED\n1|0|1|OPEN").await;
    op.check(LEVEL, "8|1|7").await;
    op.check(&format!("SELECT code FROM {}", settle(&old, &ids(1), "")), "reservation_closed")
        .await;
    for bad in ["NULL", "'-1 second'"] {
        admin
            .check_refused(&format!("SELECT inventory.repair_leases({bad})"), "IV004", "older_than")
            .await;
    }
    db.verify_is_clean().await;
}

pub async fn lots_are_leased_first_expired_first_out(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut admin) = (db.operator().await, db.admin().await);
    admin.run("SELECT inventory.put_product('L', 'Lots', lot_controlled => true)").await;
    admin.run("SELECT inventory.receive('L', 2, lot => 'late', expires_on => '2999-02-01')").await;
    admin.run("SELECT inventory.receive('L', 2, lot => 'soon', expires_on => '2999-01-01')").await;
    let id = lease(&mut op, "L", 3).await;
    let lots = "SELECT lot, on_hand, reserved FROM inventory.stock_lot WHERE sku = 'L' ORDER BY 1";
    op.check(lots, "late|2|1\nsoon|2|2").await;
    op.run(&format!("SELECT {}", settle(&id, &ids(2), ""))).await;
    op.check(lots, "late|2|1\nsoon|0|0").await;
    db.verify_is_clean().await;
    op.run(&format!("SELECT {}", settle(&id, &ids(1), ""))).await;
    op.check(lots, "late|1|0\nsoon|0|0").await;
    db.verify_is_clean().await;
}

pub async fn a_restored_database_knows_no_lease(pg: Pg) {
    let db = shop(&pg).await;
    let id = lease(&mut db.operator().await, "A", 4).await;
    let copy = db.cloned().await;
    let mut op = copy.operator().await;
    let sales = ids(1);
    op.check(&format!("SELECT code FROM {}", settle(&id, &sales, "")), "reservation_expired").await;
    let detail = op.text(&format!("SELECT detail FROM {}", settle(&id, &sales, ""))).await;
    assert!(detail.contains("is void: it is of generation "), "{detail}");
    op.check_refused(&format!("SELECT inventory.return_lease('{id}', 'gate')"), "IV006", "").await;
    let sql = format!(
        "SELECT state FROM inventory.renew_leases('gate', ARRAY['{id}']::uuid[], '1 hour')"
    );
    op.check(&sql, "VOID").await;
    // Its goods come back by a repair; what is leased anew is of the new generation.
    let newer = "SELECT generation > min(generation) OVER () FROM inventory.leases ORDER BY 1";
    op.run("SELECT inventory.take_lease('B', 1, 'gate', 'token')").await;
    op.check(newer, "f\nt").await;
    let_time_pass(&copy).await;
    copy.admin()
        .await
        .check("SELECT returned FROM inventory.repair_leases('0') ORDER BY 1", "1\n4")
        .await;
    copy.verify_is_clean().await;
    // Where it was taken it is as good as ever.
    db.operator().await.check(&format!("SELECT code FROM {}", settle(&id, &sales, "")), "ok").await;
    db.verify_is_clean().await;
}

pub async fn leases_are_taken_once_a_request(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let request = Uuid::new_v4();
    let take = |units: i64| {
        format!(
            "SELECT lease_id, granted, available, replayed FROM inventory.take_lease('A', {units}, 'gate', 'token', \
             request_id => '{request}', operator => 'gate', trace_id => 't')"
        )
    };
    let first = op.text(&take(4)).await;
    op.check(&take(4), &first.replace("|f", "|t")).await;
    op.check_refused(&take(5), "IV009", "").await;
    op.check(LEASES, "4|0|4|OPEN").await;
    db.verify_is_clean().await;
}

pub async fn what_is_leased_is_in_use(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut admin) = (db.operator().await, db.admin().await);
    let id = lease(&mut op, "A", 10).await;
    admin.check_refused("SELECT inventory.delete_product('A')", "IV015", "").await;
    admin.check_refused("SELECT inventory.recount('A', 9, 'lost')", "IV001", "").await;
    op.run(&format!("SELECT {}", settle(&id, &ids(10), ""))).await;
    admin.check("SELECT code FROM inventory.delete_product('A')", "ok").await;
    db.verify_is_clean().await;
}

/// Gateways settle and renew, others sell and repair, all at one SKU: never more than there was.
pub async fn many_settle_while_many_sell(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 200)]).await;
    let mut gates = db.operators(4).await;
    let mut sellers = db.operators(2).await;
    let settled = join_all(gates.iter_mut().map(|op| async move {
        let mut sold = 0;
        for round in 0..8 {
            let id = lease(op, "A", 5).await;
            let sales = ids(3);
            let keep = if round % 2 == 0 { ", keep => false" } else { "" };
            let sql = format!(
                "SELECT count(*) FILTER (WHERE code = 'ok') FROM {}",
                settle(&id, &sales, keep)
            );
            assert_eq!(op.number(&sql).await, 3);
            assert_eq!(op.number(&sql).await, 3);
            op.run(&format!("SELECT inventory.return_lease('{id}', 'gate')")).await;
            sold += 3;
        }
        sold
    }));
    let sold = join_all(sellers.iter_mut().map(|op| async move {
        let mut sold = 0;
        for _ in 0..30 {
            sold += op.number("SELECT (code = 'ok')::int FROM inventory.try_deduct('A', 1)").await;
        }
        sold
    }));
    let (settled, sold) = futures::join!(settled, sold);
    let all = settled.iter().chain(&sold).sum::<i64>();
    db.owner().await.check(LEVEL, &format!("{0}|0|{0}", 200 - all)).await;
    db.verify_is_clean().await;
}

pub async fn what_ended_long_ago_is_forgotten(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    let (ended, _open) = (lease(&mut op, "A", 2).await, lease(&mut op, "A", 2).await);
    let fresh = lease(&mut op, "A", 1).await;
    for id in [&ended, &fresh] {
        op.run(&format!("SELECT {}", settle(id, &ids(1), ", keep => false"))).await;
    }
    // Long ago, with all that belongs to it.
    owner
        .run(&format!(
            "UPDATE inventory.reservation SET closed_at = closed_at - interval '31 days' WHERE reservation_id = '{ended}'; \
             UPDATE inventory.upkeep SET at = '-infinity'"
        ))
        .await;
    db.admin().await.run("SELECT inventory.maintain()").await;
    op.check(
        "SELECT count(*), count(*) FILTER (WHERE state = 'OPEN') FROM inventory.leases",
        "2|1",
    )
    .await;
    owner.check("SELECT count(*) FROM inventory.reservation", "2").await;
    db.verify_is_clean().await;
}
