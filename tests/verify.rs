//! verify() truly recomputes: for each of its checks that one fact is spoiled by hand, and exactly
//! that row is seen.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::cell::Cell;
use std::collections::BTreeSet;

use inventory_tests::servers::repository;
use inventory_tests::{Database, Pg, Session, promises};

promises!(
    each_spoiled_fact_is_seen_and_nothing_else,
    every_check_is_spoiled_here,
    a_sound_shop_has_no_fault,
    a_lost_movement_is_seen,
    what_would_mislead_the_engine_is_seen,
    load_makes_no_false_alarms,
    looking_writes_nothing,
);

/// A fact to spoil: the check, the statement that spoils it, the row that must be seen.
struct Spoil {
    check: &'static str,
    sql: &'static str,
    seen: &'static str,
}

const fn spoil(check: &'static str, sql: &'static str, seen: &'static str) -> Spoil {
    Spoil { check, sql, seen }
}

/// A saga of two steps that nobody carried out.
macro_rules! saga {
    ($state:literal, $due_at:literal) => {
        concat!(
            "INSERT INTO inventory.saga (saga_id, generation, name, definition, input, state, due_at, fence, created_at, changed_at) \
             SELECT '00000000-0000-4000-8000-000000000001', i.generation, 'made up', \
                    '{\"steps\": [{\"name\": \"hold\", \"participant\": \"engine\", \"action\": \"reserve\", \"compensation\": \"release\"}, \
                                {\"name\": \"pay\", \"participant\": \"bank\", \"action\": \"pay\", \"compensation\": \"refund\"}]}', '{}', '",
            $state, "', ", $due_at, ", 1, now(), now() FROM inventory.installation AS i"
        )
    };
}

/// Steps of it that are done. The first one's hold is that of the shop.
macro_rules! saga_steps {
    ($steps:literal) => {
        concat!(
            "INSERT INTO inventory.saga_step (saga_id, step, direction, state, asked, tries, answer, began_at, changed_at) \
             SELECT '00000000-0000-4000-8000-000000000001', s.step, s.direction, 'DONE', 1, 1, \
                    jsonb_build_object('reservation_id', CASE s.step WHEN 1 THEN \
                        (SELECT r.reservation_id FROM inventory.reservation AS r WHERE r.expires_at IS NOT NULL) END), now(), now() \
               FROM (VALUES ", $steps, ") AS s (step, direction)"
        )
    };
}

/// Journal ids are 1 to 9, as [`shop`] makes them.
#[rustfmt::skip]
const SPOILS: &[Spoil] = &[
    spoil("stock_row", "DELETE FROM inventory.stock WHERE sku = 'A'",
        "A in 1|a stock row|none"),
    spoil("on_hand", "UPDATE inventory.stock SET on_hand = on_hand + 1 WHERE sku = 'A'",
        "A in 1|5|6"),
    spoil("on_hand", "UPDATE inventory.stock SET on_hand = on_hand - 1 WHERE lot = 'x' AND warehouse_id = 2",
        "L in 2, lot x|4|3"),
    spoil("on_hand", "INSERT INTO inventory.journal_base VALUES ('B', 1, '', 1, 0, 0); \
                      UPDATE inventory.journal SET on_hand = on_hand + 1 WHERE id = 4",
        "B in 1|8|7"),
    spoil("reserved", "UPDATE inventory.stock SET reserved = 1 WHERE sku = 'A'",
        "A in 1|0|1\nheld|A in 1|0|1"),
    spoil("version", "UPDATE inventory.stock SET version = version + 1 WHERE sku = 'A'",
        "A in 1|3|4"),
    spoil("negative", "ALTER TABLE inventory.stock DROP CONSTRAINT stock_is_not_oversold; \
                       UPDATE inventory.stock SET on_hand = -1 WHERE sku = 'A'; \
                       UPDATE inventory.journal SET on_hand = -1, on_hand_delta = -8 WHERE id = 3",
        "A in 1|0 <= reserved <= on hand|reserved 0, on hand -1"),
    spoil("negative", "ALTER TABLE inventory.stock DROP CONSTRAINT stock_is_not_oversold; \
                       UPDATE inventory.stock SET reserved = 6 WHERE sku = 'A'; \
                       UPDATE inventory.journal SET reserved = 6, reserved_delta = 6 WHERE id = 3",
        "A in 1|0 <= reserved <= on hand|reserved 6, on hand 5\nheld|A in 1|0|6"),
    spoil("journal_version", "UPDATE inventory.journal SET version = 7 WHERE id = 2",
        "journal 2|2|7"),
    spoil("journal_on_hand", "UPDATE inventory.journal SET on_hand = on_hand + 1 WHERE id = 2",
        "journal 2|7|8"),
    spoil("journal_reserved", "UPDATE inventory.journal SET reserved = 1 WHERE id = 2",
        "journal 2|0|1"),
    spoil("journal_negative", "UPDATE inventory.journal SET on_hand = -1, on_hand_delta = -11 WHERE id = 2; \
                               UPDATE inventory.journal SET on_hand_delta = 6 WHERE id = 3",
        "journal 2|0 <= reserved <= on hand|reserved 0, on hand -1"),
    spoil("request", "UPDATE inventory.journal SET request_id = NULL WHERE id = 2",
        "request 11111111-1111-4111-8111-111111111111|1 movements|0 movements"),
    spoil("request", "UPDATE inventory.journal SET request_id = '11111111-1111-4111-8111-111111111111' WHERE id = 1",
        "request 11111111-1111-4111-8111-111111111111|1 movements|2 movements"),
    spoil("order_number", "UPDATE inventory.journal SET order_no = '20000101000000001000001' WHERE id IN (2, 3)",
        "order 20000101000000001000001|1 order|2 orders"),
    spoil("order_number", "UPDATE inventory.journal SET order_no = '12' WHERE id = 9",
        "12|23 digits|something else"),
    spoil("order_sequence", "UPDATE inventory.journal SET order_no = '22001231235959001000001' WHERE id = 9",
        "warehouse 1|at least 22001231235959001000001|BOUGHT"),
    spoil("order_sequence", "DROP SEQUENCE inventory.order_number_001",
        "warehouse 1|a sequence|none"),
    spoil("product", "DELETE FROM inventory.product WHERE sku = 'A'",
        "A in 1|a product|lot_controlled false, low at none"),
    spoil("product", "UPDATE inventory.product SET low_stock_threshold = 3 WHERE sku = 'A'",
        "A in 1|lot_controlled false, low at 3|lot_controlled false, low at none"),
    spoil("low", "UPDATE inventory.stock SET low = true WHERE sku = 'A'",
        "A in 1|false|true"),
    spoil("warehouse", "DELETE FROM inventory.warehouse WHERE warehouse_id = 3",
        "B in 3|warehouse 3|none"),
    spoil("retired", "UPDATE inventory.stock SET retired = true WHERE sku = 'A'",
        "A in 1|in use|retired with 5 units"),
    spoil("hot_sku", "INSERT INTO inventory.hot_sku VALUES ('gone', 1, false, 0, now(), NULL)",
        "gone|a product|none"),
    spoil("shelf", "DELETE FROM inventory.stock WHERE sku = 'L' AND warehouse_id = 2 AND lot = ''",
        "L in 2, lot x|a row without lot|none"),
    spoil("journal_sequence", "UPDATE inventory.journal SET id = 1000 WHERE id = 9",
        "journal_id|at least 1000|26"),
    spoil("lot", "UPDATE inventory.product SET lot_controlled = true WHERE sku = 'A'; \
                  UPDATE inventory.stock SET lot_controlled = true WHERE sku = 'A'",
        "A in 1|goods in lots|5 units without lot"),
    // Movements 24 to 26 are of a lease: 9 in, 4 leased, 1 of them sold.
    spoil("lease", "UPDATE inventory.lease SET sku = 'A'",
        "lease LEASED|A in 2|G in 2"),
    spoil("lease", "UPDATE inventory.reservation SET expires_at = '2999-01-01 00:00Z' WHERE reservation_id IN (SELECT lease_id FROM inventory.lease); \
                    UPDATE inventory.reservation_line SET expires_at = '2999-01-01 00:00Z' WHERE sku = 'G'; \
                    UPDATE inventory.stock SET next_expiry = '2999-01-01 00:00Z' WHERE sku = 'G'; SET timezone = 'UTC'",
        "lease LEASED|a hold without limit|one until 2999-01-01 00:00:00+00"),
    spoil("lease", "INSERT INTO inventory.lease VALUES \
                    ('99999999-9999-4999-8999-999999999999', 'G', 2, 'gate', 'token', 1, 0, 1, 'RETURNED', now(), now())",
        "lease 99999999-9999-4999-8999-999999999999|a hold without limit|none"),
    spoil("lease_state", "UPDATE inventory.lease SET state = 'RETURNED'",
        "lease LEASED|RETURNED|a hold HELD"),
    spoil("lease_units", "UPDATE inventory.lease SET granted = 5",
        "lease LEASED|4 units|3 units"),
    spoil("lease_sold", "UPDATE inventory.lease SET granted = 5, sold = 2",
        "lease LEASED|1 sold|2 sold"),
    // Movements 10 to 23 are of holds and orders: the hold HELD, the orders STARTED, SOLD and BOUGHT.
    spoil("held", "UPDATE inventory.reservation_line SET warehouse_id = 2 WHERE expires_at IS NOT NULL",
        "H in 1|4|7"),
    spoil("lapsed", "UPDATE inventory.stock SET lapsed = 1 WHERE sku = 'H'",
        "H in 1|0|1"),
    spoil("hold", "DELETE FROM inventory.reservation WHERE expires_at IS NOT NULL",
        "reservation HELD|a reservation|lines of none"),
    spoil("hold", "UPDATE inventory.reservation SET state = 'RELEASED', closed_at = now() WHERE expires_at IS NOT NULL",
        "reservation HELD|no open line|1 of 1 open, RELEASED"),
    spoil("hold_journal", "UPDATE inventory.journal SET reservation_id = NULL WHERE id = 11",
        "reservation HELD|0 units|3 units"),
    spoil("hold", "UPDATE inventory.reservation SET expires_at = '2999-01-01 00:00Z' WHERE expires_at IS NOT NULL; SET timezone = 'UTC'; \
                   UPDATE inventory.reservation_line SET expires_at = '2999-01-02 00:00Z' WHERE expires_at IS NOT NULL",
        "reservation HELD|until 2999-01-01 00:00:00+00|line 1 until 2999-01-02 00:00:00+00"),
    spoil("hold_order", "UPDATE inventory.reservation SET expires_at = NULL; UPDATE inventory.reservation_line SET expires_at = NULL",
        "reservation HELD|1 order|0 orders"),
    spoil("hold_order", "UPDATE inventory.orders SET reservation_id = NULL WHERE state = 'COMPLETED'",
        "reservation SOLD|1 order|0 orders\norder_hold|order SOLD|a hold CONFIRMED|a hold none"),
    spoil("order_hold", "UPDATE inventory.reservation SET state = 'RELEASED' WHERE state = 'CONFIRMED'",
        "order SOLD|a hold CONFIRMED|a hold RELEASED"),
    spoil("order_line", "DELETE FROM inventory.order_line WHERE quantity = 5",
        "order BOUGHT|1 line or more|none"),
    spoil("order_line", "UPDATE inventory.order_line SET quantity = 9 WHERE quantity = 4",
        "order STARTED, line 1|9 of H|held 4 of H\n\
         order_goods|order STARTED, H|0 on hand, 9 reserved|0 on hand, 4 reserved"),
    spoil("order_state", "UPDATE inventory.journal SET extra = '{\"to\": \"FAILED\"}' WHERE id = 23",
        "order BOUGHT|FAILED|COMPLETED"),
    spoil("order_goods", "UPDATE inventory.journal SET order_no = NULL WHERE id = 22",
        "order BOUGHT, H|5 on hand, 0 reserved|0 on hand, 0 reserved"),
    spoil("stock_partition", "DO $$ DECLARE leaf regclass; BEGIN \
         SELECT i.inhrelid INTO leaf FROM pg_inherits AS i WHERE i.inhparent = 'inventory.stock'::regclass \
            AND i.inhrelid NOT IN (SELECT tableoid FROM inventory.stock) LIMIT 1; \
         EXECUTE 'ALTER TABLE inventory.stock DETACH PARTITION ' || leaf; END $$",
        "inventory.stock|leaves for all SKUs|leaves for 93.75 %"),
    spoil("journal_partition", "DROP TABLE inventory.journal_default",
        "inventory.journal|a default partition|none"),
    spoil("sink", "INSERT INTO inventory.sink VALUES ('hook', 'stdout:', 'stdout:', 'ACTIVE', 1, now())",
        "sink hook|a sink with its cursor|no cursor"),
    spoil("sink", "SELECT inventory.put_sink('hook', 'stdout:'); DELETE FROM inventory.sink",
        "sink hook|a sink with its cursor|no sink"),
    spoil("cursor", "SELECT inventory.put_sink('hook', 'stdout:', true); UPDATE inventory.installation SET journal_cut_id = 5",
        "sink hook|behind 5|behind 0"),
    spoil("parked", "INSERT INTO inventory.outbox_parked VALUES ('hook', 1, 'A', 'DEAD', 8, NULL, 'no', now())",
        "event 1 for sink hook|an event and a sink|no sink"),
    spoil("parked", "SELECT inventory.put_sink('hook', 'stdout:'); \
                     INSERT INTO inventory.outbox_parked VALUES ('hook', 99, 'A', 'RETRY', 1, now(), 'no', now())",
        "event 99 for sink hook|an event and a sink|no event"),
    spoil("saga", saga!("COMPLETED", "NULL"),
        "saga 00000000-0000-4000-8000-000000000001, step 1|an action DONE, no compensation|an action none, a compensation none\n\
         saga|saga 00000000-0000-4000-8000-000000000001, step 2|an action DONE, no compensation|an action none, a compensation none"),
    spoil("saga_order", concat!(saga!("REVERTING", "now()"), "; ", saga_steps!("(1, 'action'), (2, 'action'), (1, 'compensation')")),
        "saga 00000000-0000-4000-8000-000000000001, step 1|an action settled, those after it undone|an action DONE, step 2 not undone"),
    spoil("saga_step", saga_steps!("(1, 'action')"),
        "saga 00000000-0000-4000-8000-000000000001, step 1|a step of a saga|none"),
    spoil("saga_hold", concat!(saga!("REVERTED", "NULL"), "; ",
                               saga_steps!("(1, 'action'), (2, 'action'), (2, 'compensation'), (1, 'compensation')")),
        "saga 00000000-0000-4000-8000-000000000001|nothing held or taken|a hold HELD"),
];

/// Nine movements: of A 10 in, 3 out with a request id, 2 out; of B 7 in, 3 of them elsewhere and
/// back; of L a lot, part of which went to another warehouse. Then of H a hold and three orders, and of G
/// a lease.
async fn shop(pg: &Pg) -> Database {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    for sql in [
        "SELECT inventory.put_warehouse(2, 'NORTH', 'North'), inventory.put_warehouse(3, 'SOUTH', 'South')",
        "SELECT inventory.put_product('A', 'Apple'), inventory.put_product('B', 'Bread')",
        "SELECT inventory.put_product('L', 'Lots', lot_controlled => true)",
        "SELECT inventory.receive('A', 10)",
        "SELECT inventory.deduct('A', 3, request_id => '11111111-1111-4111-8111-111111111111')",
        "SELECT inventory.deduct('A', 2, request_id => '22222222-2222-4222-8222-222222222222')",
        "SELECT inventory.receive('B', 7)",
        "SELECT inventory.receive('B', 1, 3)",
        "SELECT inventory.receive('L', 5, lot => 'x', expires_on => '2999-01-01')",
        "SELECT inventory.transfer('L', 4, 1, 2)",
        "SELECT inventory.deduct('L', 1)",
        "SELECT inventory.put_product('H', 'Held'), inventory.receive('H', 20), inventory.reserve('H', 3)",
        "SELECT inventory.start_order(order_no) FROM inventory.create_order('outbound', '[{\"sku\": \"H\", \"qty\": 4}]')",
        "SELECT inventory.start_order(order_no) FROM inventory.create_order('outbound', '[{\"sku\": \"H\", \"qty\": 2}]')",
        "SELECT inventory.complete_order((SELECT max(order_no) FROM inventory.order_status))",
        "SELECT inventory.start_order(order_no) FROM inventory.create_order('inbound', '[{\"sku\": \"H\", \"qty\": 5}]')",
        "SELECT inventory.complete_order((SELECT max(order_no) FROM inventory.order_status))",
        "SELECT inventory.put_product('G', 'Given'), inventory.receive('G', 9, 2)",
        "SELECT inventory.settle_lease(lease_id, 'gate', ARRAY['33333333-3333-4333-8333-333333333333']::uuid[], ARRAY[1]) \
           FROM inventory.take_lease('G', 4, 'gate', 'token', 2)",
    ] {
        admin.run(sql).await;
    }
    db
}

/// What verify() sees of the spoiled fact, which is then made good again.
async fn seen_after(owner: &mut Session, sql: &str) -> String {
    owner.run(&format!("BEGIN; {sql}")).await;
    let seen = owner.text("SELECT * FROM inventory.verify()").await;
    owner.run("ROLLBACK").await;
    seen
}

/// The ids of the shop's holds and orders, and the names they have in SPOILS.
async fn names(owner: &mut Session) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for (name, hold, order) in [
        ("HELD", "expires_at IS NOT NULL", "false"),
        ("LEASED", "reservation_id IN (SELECT lease_id FROM inventory.lease)", "false"),
        ("STARTED", "expires_at IS NULL AND state = 'HELD'", "state = 'PROCESSING'"),
        ("SOLD", "state = 'CONFIRMED'", "state = 'COMPLETED' AND direction = 'outbound'"),
        ("BOUGHT", "false", "direction = 'inbound'"),
    ] {
        let ids = format!(
            "SELECT reservation_id::text FROM inventory.reservation WHERE {hold}
             UNION ALL SELECT order_no FROM inventory.orders WHERE {order}"
        );
        names.extend(owner.text(&ids).await.lines().map(|id| (id.to_owned(), name)));
    }
    assert_eq!(names.len(), 8);
    names
}

async fn each_spoiled_fact_is_seen_and_nothing_else(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = db.owner().await;
    owner.check("SELECT count(*), min(id), max(id) FROM inventory.journal", "26|1|26").await;
    let names = names(&mut owner).await;
    let mut wrong = Vec::new();
    for Spoil { check, sql, seen } in SPOILS {
        let mut answer = seen_after(&mut owner, sql).await;
        for (id, name) in &names {
            answer = answer.replace(id, name);
        }
        // What changes from run to run is left out at the end.
        let wanted = format!("{check}|{seen}");
        let as_wanted = match wanted.strip_suffix('…') {
            Some(head) => answer.starts_with(head) && !answer.contains('\n'),
            None => answer == wanted,
        };
        if !as_wanted {
            wrong.push(format!("{sql}\n  expected {check}|{seen}\n  seen     {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    db.verify_is_clean().await;
}

/// The names of the checks, from the statement itself (a literal at the head of each part) and from
/// the function around it.
fn checks_in_the_sources() -> BTreeSet<String> {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let (sql, rust) = (read("sql/verify.sql"), read("pg_inventory/src/api/verify.rs"));
    let heads = sql.lines().filter_map(|l| l.strip_prefix("SELECT '")?.split('\'').next());
    let faults = rust.split("fault(\"").skip(1).filter_map(|rest| rest.split('"').next());
    heads.chain(faults).map(str::to_owned).collect()
}

async fn every_check_is_spoiled_here(pg: Pg) {
    let spoiled: BTreeSet<_> = SPOILS.iter().map(|s| s.check.to_owned()).collect();
    assert_eq!(spoiled, checks_in_the_sources());
    // What issues and contract name must be among them.
    for promised in [
        "on_hand",
        "reserved",
        "version",
        "negative",
        "journal_version",
        "journal_on_hand",
        "journal_reserved",
        "request",
    ] {
        assert!(spoiled.contains(promised), "{promised}");
    }
    // The file is what the server runs: a check that is only in the file would not be seen.
    let db = shop(&pg).await;
    let names = "SELECT array_to_string(proargnames, ',') FROM pg_proc WHERE proname = 'verify'";
    db.owner().await.check(names, "check_name,subject,expected,actual").await;
}

async fn a_sound_shop_has_no_fault(pg: Pg) {
    let db = shop(&pg).await;
    for mut session in [db.owner().await, db.reader().await] {
        session.verify_is_clean().await;
    }
}

async fn a_lost_movement_is_seen(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = db.owner().await;
    let seen = seen_after(&mut owner, "DELETE FROM inventory.journal WHERE id = 2").await;
    let checks: BTreeSet<_> = seen.lines().map(|l| l.split('|').next().unwrap()).collect();
    for check in ["on_hand", "version", "journal_version", "journal_on_hand", "request"] {
        assert!(checks.contains(check), "{check} is not in {seen}");
    }
    let twice = "INSERT INTO inventory.journal SELECT id + 1000, generation, xid, at, event_type, sku, warehouse_id, lot, \
                 on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id \
                 FROM inventory.journal WHERE id = 2";
    let seen = seen_after(&mut owner, twice).await;
    assert!(
        seen.contains("request 11111111-1111-4111-8111-111111111111|1 movements|2 movements"),
        "{seen}"
    );
}

/// Facts that leave every sum right and yet would make the engine answer wrongly.
async fn what_would_mislead_the_engine_is_seen(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = db.owner().await;
    let mut unseen = Vec::new();
    for spoil in [
        // Goods that nobody can see or sell.
        "ALTER TABLE inventory.stock DROP CONSTRAINT IF EXISTS stock_of_retired_is_gone; \
         UPDATE inventory.stock SET retired = true WHERE sku = 'A'",
        // Lots whose shelf cannot be locked.
        "DELETE FROM inventory.stock WHERE sku = 'L' AND warehouse_id = 2 AND lot = ''",
        // Two orders of one transaction with one number.
        "UPDATE inventory.journal SET order_no = (SELECT order_no FROM inventory.journal WHERE id = 2), \
         xid = (SELECT xid FROM inventory.journal WHERE id = 2) WHERE id = 9",
    ] {
        if seen_after(&mut owner, spoil).await.is_empty() {
            unseen.push(spoil);
        }
    }
    assert!(unseen.is_empty(), "not seen:\n{}", unseen.join("\n"));
    // A sequence is not rolled back: the last to be spoiled.
    owner.run("SELECT setval('inventory.journal_id', 3)").await;
    assert_ne!(owner.text("SELECT * FROM inventory.verify()").await, "", "ids would come again");
}

async fn load_makes_no_false_alarms(pg: Pg) {
    let db = shop(&pg).await;
    db.operator().await.run("SELECT inventory.receive('A', 100000)").await;
    let (stop, sold) = (Cell::new(false), Cell::new(0));
    let sell = async |sku: &'static str, warehouse: i32| {
        let mut op = db.operator().await;
        while !stop.get() {
            op.run(&format!(
                "SELECT inventory.try_deduct('{sku}', 1, {warehouse}, request_id => gen_random_uuid()); \
                 SELECT inventory.receive('{sku}', 1, {warehouse})"
            ))
            .await;
            sold.set(sold.get() + 1);
        }
    };
    let look = async {
        let mut owner = db.owner().await;
        let mut looks = 0;
        while looks < 40 || sold.get() <= 30 {
            owner.verify_is_clean().await;
            looks += 1;
        }
        stop.set(true);
    };
    futures::join!(sell("A", 1), sell("A", 1), sell("B", 1), look);
    db.verify_is_clean().await;
}

async fn looking_writes_nothing(pg: Pg) {
    let db = shop(&pg).await;
    // A clone: whoever writes first begins its new generation, but not who only looks.
    let clone = db.cloned().await;
    let before = clone.digest().await;
    let mut reader = clone.reader().await;
    reader.check("BEGIN READ ONLY; SELECT * FROM inventory.verify()", "").await;
    reader.check("SELECT count(*) FROM inventory.stock_level; COMMIT", "7").await;
    clone.reader().await.check("SELECT * FROM inventory.verify()", "").await;
    assert_eq!(clone.digest().await, before);
}
