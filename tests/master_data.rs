//! Products and warehouses beside the commands that use them: made, changed and deleted while others
//! move stock, under old snapshots too, and once a request id.

use std::collections::BTreeMap;

use futures::future::join_all;
use inventory_tests::{Dice, Pg, Session, promises};

promises!(
    commands_and_master_data_do_not_deadlock,
    warehouses_put_and_deleted_at_once_do_not_deadlock,
    a_product_that_appears_while_a_receipt_waits,
    two_that_make_one_product_agree_on_who_did,
    two_that_make_a_warehouse_of_one_code_get_an_answer_each,
    a_repeat_changes_nothing,
    an_old_snapshot_deletes_nothing_it_does_not_see,
    an_old_snapshot_sells_from_no_shelf_it_does_not_see,
    what_fills_while_it_is_deleted_is_kept,
    what_comes_again_counts_on,
    a_place_comes_back_with_its_product_and_warehouse,
    one_request_id_for_two_kinds_of_command_at_once,
    a_product_that_loses_its_lots_is_counted_by_its_own_row,
    a_lot_that_moves_keeps_its_date,
    the_main_warehouse_is_there_after_every_install,
    a_deleted_warehouse_gives_no_numbers,
    a_missing_sequence_is_named_and_healed,
    waiting_for_a_number_can_be_cancelled,
    a_schema_of_a_stranger_is_refused,
    another_encoding_is_refused_in_words,
);

/// One call of many kinds on few SKUs and warehouses, so that they meet.
fn random_call(dice: &mut Dice) -> String {
    let sku = *dice.pick(&["A", "B", "C"]);
    let (from, to) = *dice.pick(&[(1, 2), (2, 1), (3, 2), (2, 3)]);
    match dice.below(7) {
        0 => format!("put_product('{sku}', 'n', {})", dice.below(9)),
        1 => format!("delete_product('{sku}')"),
        2 | 3 => format!("receive('{sku}', 2, {from})"),
        4 => format!("transfer('{sku}', 1, {from}, {to})"),
        5 => format!(
            "deduct_many(ARRAY[NULL, NULL]::uuid[], ARRAY['{sku}', 'B'], ARRAY[1, 1], ARRAY[{from}, {to}])"
        ),
        _ if dice.below(2) == 0 => format!("put_warehouse({to}, 'W{to}', 'n')"),
        _ => format!("delete_warehouse({to})"),
    }
}

async fn commands_and_master_data_do_not_deadlock(pg: Pg) {
    let db = pg.database().await;
    let mut sessions = Vec::new();
    for _ in 0..12 {
        sessions.push(db.admin().await);
    }
    let run = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        let mut dice = Dice::new(n as u64);
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..80 {
            let call = random_call(&mut dice);
            if let Err(refused) = session.query(&format!("SELECT inventory.{call}")).await {
                assert!(refused.sqlstate.starts_with("IV"), "{call}: {refused}");
                *ends.entry(refused.sqlstate).or_default() += 1;
            }
        }
        ends
    });
    let ends = join_all(run).await;
    assert!(ends.iter().any(|e| e.contains_key("IV015")), "the calls met: {ends:?}");
    db.verify_is_clean().await;
}

async fn warehouses_put_and_deleted_at_once_do_not_deadlock(pg: Pg) {
    let db = pg.database().await;
    let mut sessions = [db.admin().await, db.admin().await, db.admin().await, db.admin().await];
    let run = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        let mut dice = Dice::new(n as u64);
        for _ in 0..60 {
            let call = if dice.below(2) == 0 {
                "put_warehouse(7, 'W7', 'n')"
            } else {
                "delete_warehouse(7)"
            };
            if let Err(refused) = session.query(&format!("SELECT inventory.{call}")).await {
                assert_eq!(refused.sqlstate, "IV003", "{call}: {refused}");
            }
        }
    });
    join_all(run).await;
}

async fn a_product_that_appears_while_a_receipt_waits(pg: Pg) {
    let db = pg.database().await;
    let (mut first, mut second, mut third) = (db.admin().await, db.admin().await, db.admin().await);
    let mut owner = db.owner().await;
    first.run("SELECT inventory.put_warehouse(2, 'EAST', 'x')").await;
    first.run("BEGIN; SELECT inventory.put_warehouse(2, 'WEST', 'x')").await;
    let receipt = second.query("SELECT inventory.receive('NEW', 5, 2)");
    let meanwhile = async {
        owner.until_waiting(1).await;
        third.run("SELECT inventory.put_product('NEW', 'n')").await;
        first.run("ROLLBACK").await;
    };
    let (receipt, ()) = futures::join!(receipt, meanwhile);
    // The product was not there when the receipt looked.
    let refused = receipt.expect_err("refused");
    assert_eq!(refused.sqlstate, "IV002", "{refused}");
    db.verify_is_clean().await;
}

async fn two_that_make_one_product_agree_on_who_did(pg: Pg) {
    let db = pg.database().await;
    let (mut first, mut second, mut owner) = (db.admin().await, db.admin().await, db.owner().await);
    first.run("BEGIN; SELECT inventory.put_product('P', 'n')").await;
    first.run("SELECT inventory.receive('P', 10)").await;
    let put = second.query("SELECT created FROM inventory.put_product('P', 'm', 20)");
    let commit = async {
        owner.until_waiting(1).await;
        first.run("COMMIT").await;
    };
    let (put, ()) = futures::join!(put, commit);
    assert_eq!(put.expect("an update").to_string(), "f");
    owner.check("SELECT low FROM inventory.stock_level WHERE sku = 'P'", "t").await;
    let detail = "lot_controlled of SKU P cannot change while 10 units are on hand";
    second
        .check_refused(
            "SELECT inventory.put_product('P', 'm', lot_controlled => true)",
            "IV015",
            detail,
        )
        .await;
    owner.verify_is_clean().await;
}

async fn two_that_make_a_warehouse_of_one_code_get_an_answer_each(pg: Pg) {
    let db = pg.database().await;
    let (mut first, mut second, mut owner) = (db.admin().await, db.admin().await, db.owner().await);
    first.run("BEGIN; SELECT inventory.put_warehouse(11, 'NORTH', 'n')").await;
    let put = second.check_refused(
        "SELECT inventory.put_warehouse(12, 'NORTH', 'm')",
        "IV004",
        "code NORTH belongs to warehouse 11",
    );
    let commit = async {
        owner.until_waiting(1).await;
        first.run("COMMIT").await;
    };
    futures::join!(put, commit);
    second.check("SELECT created FROM inventory.put_warehouse(11, 'NORTH', 'm')", "f").await;
}

/// Three puts wait behind one lock: an effect, another, and the first one again.
async fn a_repeat_changes_nothing(pg: Pg) {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.put_product('P', 'before')").await;
    let mut lock = db.owner().await;
    lock.run("BEGIN; SELECT 1 FROM inventory.product WHERE sku = 'P' FOR UPDATE").await;
    let put = |name, id| {
        format!(
            "SELECT replayed FROM inventory.put_product('P', '{name}', \
             request_id => '00000000-0000-4000-8000-00000000000{id}')"
        )
    };
    let (first, second) = (put("a", 1), put("b", 2));
    let mut sessions = [db.admin().await, db.admin().await, db.admin().await];
    let [a, b, again] = &mut sessions;
    let mut observer = db.owner().await;
    // Each one asks when the one before it waits, so that they are served in this order.
    let steps = async {
        observer.until_waiting(3).await;
        lock.run("COMMIT").await;
    };
    let mut queue = db.owner().await;
    let b = async {
        queue.until_waiting(1).await;
        b.text(&second).await
    };
    let mut queue_too = db.owner().await;
    let again = async {
        queue_too.until_waiting(2).await;
        again.text(&first).await
    };
    let (a, b, again, ()) = futures::join!(a.text(&first), b, again, steps);
    assert_eq!((&*a, &*b, &*again), ("f", "f", "t"));
    owner.check("SELECT name FROM inventory.products WHERE sku = 'P'", "b").await;
    owner.verify_is_clean().await;
}

/// Opens a REPEATABLE READ transaction that has its snapshot.
async fn old_snapshot(session: &mut Session) {
    session
        .run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM inventory.products")
        .await;
}

async fn an_old_snapshot_deletes_nothing_it_does_not_see(pg: Pg) {
    let db = pg.database().await;
    let (mut old, mut other) = (db.admin().await, db.admin().await);
    other.run("SELECT inventory.put_warehouse(4, 'SOUTH', 's')").await;
    for (sku, call) in [
        ("X", "delete_product('X')"),
        ("Y", "delete_warehouse(4)"),
        ("Z", "put_product('Z', 'n', 99)"),
    ] {
        other.run(&format!("SELECT inventory.put_product('{sku}', 'n')")).await;
        old_snapshot(&mut old).await;
        other.run(&format!("SELECT inventory.receive('{sku}', 10, 4)")).await;
        let refused = old.refused(&format!("SELECT inventory.{call}")).await;
        assert_eq!(refused.sqlstate, "40001", "{call}: {refused}");
        old.run("ROLLBACK").await;
    }
    db.verify_is_clean().await;
}

async fn an_old_snapshot_sells_from_no_shelf_it_does_not_see(pg: Pg) {
    let db = pg.database().await;
    let (mut old, mut other) = (db.admin().await, db.admin().await);
    other.run("SELECT inventory.put_product('L', 'n', lot_controlled => true)").await;
    other
        .run("SELECT inventory.put_product('P', 'n'), inventory.receive('L', 1, lot => 'a')")
        .await;
    for (meanwhile, call) in [
        ("receive('L', 10, lot => 'b')", "deduct('L', 5)"),
        ("receive('L', 10, lot => 'c')", "receive('L', 10, lot => 'c')"),
        ("receive('P', 10)", "deduct('P', 5)"),
    ] {
        old_snapshot(&mut old).await;
        other.run(&format!("SELECT inventory.{meanwhile}")).await;
        let refused = old.refused(&format!("SELECT inventory.{call}")).await;
        assert_eq!(refused.sqlstate, "40001", "{call}: {refused}");
        old.run("ROLLBACK").await;
    }
    // Nobody came in between: an old snapshot is as good as a new one, its own changes included.
    old_snapshot(&mut old).await;
    old.check("SELECT on_hand FROM inventory.receive('L', 4, lot => 'd')", "25").await;
    old.check("SELECT on_hand FROM inventory.deduct('L', 20)", "5").await;
    old.run("COMMIT").await;
    db.verify_is_clean().await;
}

/// Goods come in by a transaction that is still open when product or warehouse is to go.
async fn what_fills_while_it_is_deleted_is_kept(pg: Pg) {
    let db = pg.database().await;
    let (mut first, mut second, mut owner) = (db.admin().await, db.admin().await, db.owner().await);
    first.run("SELECT inventory.put_warehouse(80, 'W80', 'w')").await;
    for (sku, delete) in [("X", "delete_warehouse(80)"), ("Y", "delete_product('Y')")] {
        first.run(&format!("SELECT inventory.put_product('{sku}', 'n')")).await;
        // With a row that is there and empty, and with one that is not there yet.
        for _ in 0..2 {
            first.run(&format!("BEGIN; SELECT inventory.receive('{sku}', 10, 80)")).await;
            let delete = format!("SELECT inventory.{delete}");
            let refused = second.check_refused(&delete, "IV015", "");
            let commit = async {
                owner.until_waiting(1).await;
                first.run("COMMIT").await;
            };
            futures::join!(refused, commit);
            let left = format!("SELECT on_hand FROM inventory.deduct('{sku}', 10, 80)");
            first.check(&left, "0").await;
        }
    }
    db.verify_is_clean().await;
}

async fn what_comes_again_counts_on(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin
        .run("SELECT inventory.put_warehouse(2, 'EAST', 'e'), inventory.put_product('P', 'n')")
        .await;
    admin.run("SELECT inventory.receive('P', 3, 2)").await;
    admin.run("SELECT inventory.deduct('P', 3, 2)").await;
    let number = admin.text("SELECT max(order_no) FROM inventory.outbox, jsonb_to_record(payload) AS x (order_no text)").await;
    admin.run("SELECT inventory.delete_product('P')").await;
    admin.check_refused("SELECT inventory.receive('P', 1, 2)", "IV002", "SKU P").await;
    admin.check("SELECT count(*) FROM inventory.stock_level WHERE sku = 'P'", "0").await;
    admin.run("SELECT inventory.put_product('P', 'again')").await;
    admin.run("SELECT inventory.delete_warehouse(2)").await;
    admin.check_refused("SELECT inventory.receive('P', 1, 2)", "IV003", "warehouse 2").await;
    admin.run("SELECT inventory.put_warehouse(2, 'EAST', 'again')").await;
    admin.check("SELECT on_hand FROM inventory.receive('P', 8, 2)", "8").await;
    admin.check("SELECT version FROM inventory.stock_level WHERE sku = 'P'", "3").await;
    let later = admin.text("SELECT order_no FROM inventory.deduct('P', 1, 2)").await;
    assert!(later > number, "{later} after {number}");
    db.verify_is_clean().await;
}

/// Both were deleted; each is made again by a transaction that does not see the other's.
async fn a_place_comes_back_with_its_product_and_warehouse(pg: Pg) {
    let db = pg.database().await;
    let (mut old, mut other) = (db.admin().await, db.admin().await);
    for sql in [
        "SELECT inventory.put_product('X', 'n'), inventory.put_warehouse(2, 'EAST', 'e')",
        "SELECT inventory.receive('X', 5, 2)",
        "SELECT inventory.deduct('X', 5, 2)",
        "SELECT inventory.delete_product('X')",
        "SELECT inventory.delete_warehouse(2)",
    ] {
        other.run(sql).await;
    }
    old_snapshot(&mut old).await;
    other.run("SELECT inventory.put_warehouse(2, 'EAST', 'again')").await;
    if let Err(refused) = old.query("SELECT inventory.put_product('X', 'again')").await {
        assert_eq!(refused.sqlstate, "40001", "{refused}");
        old.run("ROLLBACK").await;
        old.run("SELECT inventory.put_product('X', 'again')").await;
    } else {
        old.run("COMMIT").await;
    }
    other.check("SELECT on_hand FROM inventory.receive('X', 5, 2)", "5").await;
    other.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'X'", "5").await;
    db.verify_is_clean().await;
}

async fn one_request_id_for_two_kinds_of_command_at_once(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let (mut first, mut second) = (db.admin().await, db.admin().await);
    for round in 0..40 {
        let id = format!("request_id => '00000000-0000-4000-8000-{round:012}'");
        let put = format!("SELECT inventory.put_product('A', 'n{round}', {id})");
        let receive = format!("SELECT inventory.receive('A', 1, {id})");
        let answers = futures::join!(first.query(&put), second.query(&receive));
        match answers {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => {
                assert_eq!(refused.sqlstate, "IV009", "{refused}");
            }
            both => panic!("one of them has the id, the other is refused: {both:?}"),
        }
    }
    db.verify_is_clean().await;
}

async fn a_product_that_loses_its_lots_is_counted_by_its_own_row(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product('K', 'n', lot_controlled => true)").await;
    admin.run("SELECT inventory.receive('K', 5, lot => 'l')").await;
    admin.run("SELECT inventory.deduct('K', 5)").await;
    admin.run("SELECT inventory.put_product('K', 'n')").await;
    admin.run("SELECT inventory.receive('K', 5)").await;
    let version = admin.number("SELECT version FROM inventory.stock_level WHERE sku = 'K'").await;
    admin
        .check(
            &format!(
                "SELECT on_hand FROM inventory.recount('K', 4, 'r', expected_version => {version})"
            ),
            "4",
        )
        .await;
    admin.check("SELECT count(*) FROM inventory.stock_lot WHERE sku = 'K'", "0").await;
    db.verify_is_clean().await;
}

async fn a_lot_that_moves_keeps_its_date(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'EAST', 'e')").await;
    admin.run("SELECT inventory.put_product('K', 'n', lot_controlled => true)").await;
    admin.run("SELECT inventory.receive('K', 5, lot => 'l')").await;
    admin.run("SELECT inventory.receive('K', 5, 2, 'l', '2000-01-01')").await;
    let detail = "lot l is known with another expires_on";
    admin.check_refused("SELECT inventory.transfer('K', 2, 1, 2, 'l')", "IV004", detail).await;
    db.verify_is_clean().await;
}

async fn the_main_warehouse_is_there_after_every_install(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.delete_warehouse(1)").await;
    admin.run("SELECT inventory.put_warehouse(5, 'MAIN', 'x')").await;
    let detail = "code MAIN belongs to warehouse 5";
    admin.check_refused("SELECT inventory.install()", "IV004", detail).await;
    admin.run("SELECT inventory.delete_warehouse(5)").await;
    admin.run("SELECT inventory.install()").await;
    admin.check("SELECT warehouse_id, code FROM inventory.warehouses ORDER BY 1", "1|MAIN").await;
}

async fn a_deleted_warehouse_gives_no_numbers(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'EAST', 'e')").await;
    admin.run("SELECT inventory.next_order_no(2)").await;
    admin.run("SELECT inventory.delete_warehouse(2)").await;
    for call in ["next_order_no(2)", "next_order_id(2)"] {
        admin.check_refused(&format!("SELECT inventory.{call}"), "IV003", "warehouse 2").await;
    }
}

async fn a_missing_sequence_is_named_and_healed(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let (mut owner, mut operator) = (db.owner().await, db.operator().await);
    let last = operator.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    owner.run("DROP SEQUENCE inventory.order_number_001").await;
    let detail = "warehouse 1 has no order number sequence";
    operator.check_refused("SELECT inventory.deduct('A', 1)", "IV013", detail).await;
    owner
        .check("SELECT * FROM inventory.verify()", "order_sequence|warehouse 1|a sequence|none")
        .await;
    owner.run("SELECT inventory.install()").await;
    let next = operator.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    assert!(next > last, "{next} after {last}");
    owner.verify_is_clean().await;
}

async fn waiting_for_a_number_can_be_cancelled(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let (mut owner, mut operator) = (db.owner().await, db.operator().await);
    owner.run("BEGIN; ALTER SEQUENCE inventory.order_number_001 INCREMENT BY 1").await;
    for (setting, sqlstate) in [("statement_timeout", "57014"), ("lock_timeout", "55P03")] {
        operator.run(&format!("SET {setting} = '100ms'")).await;
        let refused = operator.refused("SELECT inventory.deduct('A', 1)").await;
        assert_eq!(refused.sqlstate, sqlstate, "{refused}");
        operator.run(&format!("RESET {setting}")).await;
    }
    owner.run("COMMIT").await;
    operator.check("SELECT on_hand FROM inventory.deduct('A', 1)", "4").await;
}

async fn a_schema_of_a_stranger_is_refused(pg: Pg) {
    let db = pg.bare_database().await;
    let mut owner = db.owner().await;
    owner
        .run("DROP EXTENSION IF EXISTS pg_inventory; DROP SCHEMA IF EXISTS inventory CASCADE")
        .await;
    owner.run("CREATE SCHEMA inventory AUTHORIZATION inventory_reader").await;
    let refused = owner.refused("CREATE EXTENSION pg_inventory").await;
    assert_eq!(refused.sqlstate, "42501", "{refused}");
    owner.run("DROP SCHEMA inventory; CREATE EXTENSION pg_inventory").await;
}

async fn another_encoding_is_refused_in_words(pg: Pg) {
    let db = pg.bare_database().await;
    let mut owner = db.owner().await;
    let name = format!("{}_latin", db.name);
    owner
        .run(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
        .await;
    let latin = inventory_tests::Database { server: db.server.clone(), name };
    let mut owner = latin.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    for call in ["install()", "try_deduct('\u{fc}', 1)"] {
        let detail = "the database must have the encoding UTF8";
        owner.check_refused(&format!("SELECT inventory.{call}"), "IV013", detail).await;
    }
}
