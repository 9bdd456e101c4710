//! Events arrive: at least once, those of a SKU in order, whatever happens to who sends and who receives.

use std::collections::BTreeSet;
use std::time::Duration;

use inventory_tests::{Database, Pg, Relay, Session, chaos};

use super::receiver::{Receiver, journal_ids};

const SKUS: [&str; 4] = ["A", "B", "C", "D"];

/// A shop, somebody who is told of all of it, and nobody yet who tells.
async fn shop(pg: &Pg) -> (Database, Receiver) {
    let db = pg.database().await;
    let receiver = Receiver::start().await;
    db.stock(&SKUS.map(|sku| (sku, 1_000_000))).await;
    put_sink(&db, &receiver).await;
    (db, receiver)
}

async fn put_sink(db: &Database, receiver: &Receiver) {
    let sql = format!("SELECT inventory.put_sink('hook', '{}', true)", receiver.url());
    db.admin().await.run(&sql).await;
}

/// So many orders of each.
async fn sell(db: &Database, orders: u32) {
    let sql = format!(
        "SELECT inventory.deduct(sku, 1) FROM unnest(ARRAY['A', 'B', 'C', 'D']) AS sku, generate_series(1, {orders})"
    );
    db.operator().await.run(&sql).await;
}

async fn until_idle(session: &mut Session) {
    session.until("SELECT bool_and(pending = 0 AND retrying = 0) FROM inventory.sinks").await;
}

pub async fn a_sink_that_is_away_for_a_while_hears_it_all(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    let _relay = Relay::start(&db);
    sell(&db, 20).await;
    receiver.until(|heard| heard.len() > 10).await;
    receiver.be_away(true);
    let mut reader = db.reader().await;
    sell(&db, 100).await;
    reader.until("SELECT failing_since IS NOT NULL AND failure <> '' FROM inventory.sinks").await;
    reader.check("SELECT lag_seconds > 0, pending > 0 FROM inventory.sinks", "t|t").await;
    receiver.be_away(false);
    receiver.until_complete(&db).await;
    reader.until("SELECT failing_since IS NULL AND failure IS NULL FROM inventory.sinks").await;
    until_idle(&mut reader).await;
    db.verify_is_clean().await;
}

pub async fn a_relay_killed_between_sending_and_saving_sends_again(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    sell(&db, 50).await;
    receiver.hold_back();
    let relay = Relay::start(&db);
    // It has sent what it may have under way, and waits for answers: nothing is saved.
    receiver.until(|heard| !heard.is_empty()).await;
    let mut reader = db.reader().await;
    reader.check("SELECT delivered FROM inventory.sinks", "0").await;
    relay.kill();
    receiver.go_on();
    // Another takes over when the lease is over.
    let _other = Relay::start(&db);
    receiver.until_complete(&db).await;
    assert!(receiver.repeats() > 0, "what was not saved is sent again");
    assert!(receiver.repeats() <= 100, "and no more than a round: {}", receiver.repeats());
    // Under the same id.
    let heard = receiver.heard();
    let whole: BTreeSet<&str> = heard.iter().map(|heard| heard.whole_id.as_str()).collect();
    assert_eq!(whole.len(), receiver.ids().len());
    db.verify_is_clean().await;
}

pub async fn two_relays_share_the_work_and_one_takes_over(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    let second = Receiver::start().await;
    let sql = format!("SELECT inventory.put_sink('other', '{}', true)", second.url());
    db.admin().await.run(&sql).await;
    let (one, two) = (Relay::start(&db), Relay::start(&db));
    let mut reader = db.reader().await;
    reader.until("SELECT count(DISTINCT relay) = 2 FROM inventory.sinks").await;
    sell(&db, 100).await;
    one.kill();
    sell(&db, 100).await;
    for receiver in [&receiver, &second] {
        receiver.until_complete(&db).await;
    }
    reader.until("SELECT count(DISTINCT relay) = 1 FROM inventory.sinks").await;
    assert_eq!(two.terminated().await, Some(0));
    // It gave its turns back.
    reader.check("SELECT count(relay) FROM inventory.sinks", "0").await;
}

/// Who took over has told the sink of later events: what the other has still in hand would come after them.
pub async fn a_relay_that_slept_past_its_turn_sends_nothing_more(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    sell(&db, 20).await;
    receiver.hold_back();
    let one = Relay::start(&db);
    receiver.until(|heard| heard.len() == SKUS.len()).await;
    chaos::halt(one.pid());
    // The answers lie there when it wakes up, so that it could go on with its round.
    receiver.go_on();
    let _two = Relay::start(&db);
    receiver.until_complete(&db).await;
    until_idle(&mut db.reader().await).await;
    let heard = receiver.heard().len();
    chaos::go_on(one.pid());
    let awake = "SELECT count(*) = 2 FROM inventory.relay WHERE until > clock_timestamp()";
    db.owner().await.until(awake).await;
    assert_eq!(receiver.heard()[heard..], []);
    sell(&db, 1).await;
    receiver.until_complete(&db).await;
    assert_eq!(receiver.heard().len(), heard + SKUS.len());
}

/// As one that a later version knows: the others are told, and what is wrong is said where people look.
pub async fn a_sink_that_cannot_be_read_says_so(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    db.admin()
        .await
        .run("SELECT inventory.put_sink('odd', 'pigeon://:hush@loft/flock', true)")
        .await;
    let relay = Relay::start(&db);
    receiver.until_complete(&db).await;
    let mut reader = db.reader().await;
    reader.until("SELECT failure LIKE 'no sink is reached by pigeon%' FROM inventory.sinks WHERE name = 'odd'").await;
    assert_eq!(relay.log().matches("no sink is reached by pigeon").count(), 1, "{}", relay.log());
    assert!(!relay.log().contains("hush"));
}

pub async fn a_relay_that_ends_in_order_repeats_nothing(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    for _ in 0..3 {
        let relay = Relay::start(&db);
        let before = receiver.heard().len();
        sell(&db, 50).await;
        receiver.until(|heard| heard.len() > before).await;
        assert_eq!(relay.terminated().await, Some(0));
    }
    let _relay = Relay::start(&db);
    receiver.until_complete(&db).await;
    assert_eq!(receiver.repeats(), 0);
}

pub async fn an_open_transaction_delays_only_its_own_events(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    db.stock(&[("LATE", 10)]).await;
    let _relay = Relay::start(&db);
    receiver.until_complete(&db).await;
    let before = receiver.heard().len();
    let mut late = db.operator().await;
    late.run("BEGIN; SELECT inventory.deduct('LATE', 1)").await;
    let orders = if inventory_tests::soak() { 10_000 } else { 1_000 };
    sell(&db, orders / 4).await;
    let wanted = before + usize::try_from(orders).unwrap();
    receiver.until(|heard| heard.len() >= wanted).await;
    late.run("SELECT inventory.deduct('LATE', 1)").await;
    assert_eq!(receiver.heard().len(), wanted, "its own wait");
    late.run("COMMIT").await;
    receiver.until_complete(&db).await;
    assert_eq!(receiver.repeats(), 0);
    let last: Vec<_> = receiver.heard().into_iter().rev().take(2).map(|heard| heard.sku).collect();
    assert_eq!(last, [Some("LATE".to_owned()), Some("LATE".to_owned())]);
}

pub async fn a_poison_event_stops_nobody_else(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    receiver.refuse("B");
    let _relay = Relay::start(&db);
    sell(&db, 30).await;
    let mut owner = db.owner().await;
    let others = "SELECT j.id FROM inventory.journal AS j WHERE j.sku <> 'B'";
    let others = owner.text(others).await;
    let others: BTreeSet<i64> = others.lines().map(|id| id.parse().unwrap()).collect();
    receiver.until(|heard| heard.len() == others.len()).await;
    assert_eq!(receiver.ids(), others);
    // Each of B is tried three times, and then is dead; those behind it wait for that.
    let mut reader = db.reader().await;
    reader.until("SELECT dead = 31 AND retrying = 0 FROM inventory.sinks").await;
    reader
        .check("SELECT DISTINCT sku, status, attempts FROM inventory.parked_events", "B|DEAD|3")
        .await;
    // Redriven, the first goes again; the others stay dead until somebody says so.
    receiver.refuse_nothing();
    let mut op = db.operator().await;
    let first = "SELECT min(id) FROM inventory.outbox WHERE status = 'DEAD'";
    let first = op.number(first).await;
    op.run(&format!("SELECT inventory.redrive({first})")).await;
    receiver.until(|heard| heard.iter().any(|heard| heard.id == first)).await;
    reader.until("SELECT dead = 30 AND retrying = 0 FROM inventory.sinks").await;
    op.run("SELECT inventory.redrive(id) FROM inventory.parked_events ORDER BY id").await;
    receiver.until_complete(&db).await;
    assert_eq!(receiver.repeats(), 0);
    owner.until("SELECT count(*) = 0 FROM inventory.outbox_parked").await;
}

pub async fn those_behind_a_parked_event_wait_for_it(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    receiver.refuse("B");
    // Tried again and again: none of them dies here.
    let _relay = Relay::with(&db, &["--relay-attempts=100", "--relay-retry-ms=2000"]);
    sell(&db, 20).await;
    let mut reader = db.reader().await;
    reader.until("SELECT retrying = 21 FROM inventory.sinks").await;
    receiver.refuse_nothing();
    // These would be taken, and come before it is tried again.
    sell(&db, 20).await;
    receiver.until_complete(&db).await;
    assert_eq!(receiver.repeats(), 0);
    until_idle(&mut reader).await;
}

pub async fn a_copy_of_the_database_is_silent(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    let relay = Relay::start(&db);
    sell(&db, 5).await;
    receiver.until_complete(&db).await;
    until_idle(&mut db.reader().await).await;
    assert_eq!(relay.terminated().await, Some(0));
    sell(&db, 5).await;
    let told = receiver.heard().len();
    let copy = db.cloned().await;
    let relay = Relay::start(&copy);
    sell(&copy, 5).await;
    let mut reader = copy.reader().await;
    reader.until("SELECT state = 'PAUSED' FROM inventory.sinks").await;
    // It asked for its turns, and got none.
    let mut owner = copy.owner().await;
    owner.until("SELECT EXISTS (SELECT FROM inventory.relay)").await;
    reader.check("SELECT count(relay) FROM inventory.sinks", "0").await;
    assert_eq!(receiver.heard().len(), told, "{}", relay.log());
    // By hand it goes on with what the original had not been told of yet, and with what is the copy's own.
    copy.admin().await.check("SELECT changed FROM inventory.resume_sink('hook')", "t").await;
    receiver.until(|heard| heard.len() == told + 40).await;
    until_idle(&mut reader).await;
    assert_eq!(receiver.repeats(), 0);
    let heard = receiver.heard();
    let generations: BTreeSet<&str> =
        heard[told..].iter().map(|heard| heard.whole_id.rsplit('-').nth(1).unwrap()).collect();
    assert_eq!(generations.len(), 2, "those of the original and the copy's own: {generations:?}");
    copy.verify_is_clean().await;
}

pub async fn resumed_it_may_leave_out_what_came_meanwhile(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    let _relay = Relay::start(&db);
    receiver.until_complete(&db).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.pause_sink('hook')").await;
    admin.until("SELECT relay IS NULL FROM inventory.sinks").await;
    let told = receiver.heard().len();
    sell(&db, 5).await;
    admin.run("SELECT inventory.resume_sink('hook', skip => true)").await;
    sell(&db, 1).await;
    receiver.until(|heard| heard.len() == told + 4).await;
    until_idle(&mut admin).await;
    admin.run("SELECT inventory.pause_sink('hook')").await;
    admin.until("SELECT relay IS NULL FROM inventory.sinks").await;
    sell(&db, 5).await;
    assert_eq!(receiver.heard().len(), told + 4, "paused, it hears nothing");
    admin.run("SELECT inventory.resume_sink('hook')").await;
    receiver.until(|heard| heard.len() == told + 24).await;
}

pub async fn tables_do_not_grow_with_what_was_delivered(pg: Pg) {
    let (db, receiver) = shop(&pg).await;
    let _relay = Relay::start(&db);
    let mut owner = db.owner().await;
    let rows = "SELECT (SELECT count(*) FROM inventory.sink), (SELECT count(*) FROM inventory.relay_cursor), \
                       (SELECT count(*) FROM inventory.relay), (SELECT count(*) FROM inventory.outbox_parked)";
    for _ in 0..3 {
        sell(&db, 250).await;
        receiver.until_complete(&db).await;
        until_idle(&mut owner).await;
        owner.check(rows, "1|1|1|0").await;
    }
    let delivered =
        "SELECT delivered = (SELECT count(*) FROM inventory.journal) FROM inventory.sinks";
    owner.check(delivered, "t").await;
    // What is written again and again takes its own room again.
    owner.run("VACUUM inventory.relay_cursor, inventory.relay").await;
    let pages =
        "SELECT pg_relation_size('inventory.relay_cursor') + pg_relation_size('inventory.relay')";
    let before = owner.number(pages).await;
    for _ in 0..10 {
        sell(&db, 25).await;
        receiver.until_complete(&db).await;
        owner.run("VACUUM inventory.relay_cursor, inventory.relay").await;
    }
    let after = owner.number(pages).await;
    assert!(after <= before + 8 * 8_192, "{before} bytes became {after}");
}

pub async fn partitions_are_kept_for_a_slow_sink(pg: Pg) {
    let db = pg
        .private_database(|b| {
            b.setting("pg_inventory.journal_retention", "1d").setting("fsync", "off")
        })
        .await;
    let receiver = Receiver::start().await;
    db.stock(&SKUS.map(|sku| (sku, 1_000_000))).await;
    put_sink(&db, &receiver).await;
    let mut owner = db.owner().await;
    let mut admin = db.admin().await;
    // The first partition is full and old.
    owner.run("SELECT setval('inventory.journal_id', 10000100); UPDATE inventory.journal SET at = at - '1000 days'::interval").await;
    sell(&db, 1).await;
    let maintain =
        "UPDATE inventory.upkeep SET at = '-infinity' WHERE job = 'drop journal partitions'";
    owner.run(maintain).await;
    let drop = "SELECT done FROM inventory.maintain() WHERE job = 'drop journal partitions'";
    owner.check(drop, "0").await;
    let _relay = Relay::start(&db);
    receiver.until_complete(&db).await;
    until_idle(&mut admin).await;
    owner.until("SELECT bool_and(keeps_after > 10000000) FROM inventory.relay_cursor").await;
    owner.run(maintain).await;
    owner.check(drop, "1").await;
    db.verify_is_clean().await;
}

pub async fn standard_output_is_a_sink_too(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    db.admin().await.run("SELECT inventory.put_sink('out', 'stdout:', true)").await;
    let relay = Relay::start(&db);
    db.operator().await.run("SELECT inventory.deduct('A', 1, trace_id => repeat('a', 32))").await;
    let ids = journal_ids(&mut db.owner().await).await;
    let begun = std::time::Instant::now();
    while relay.out().lines().count() < ids.len() {
        assert!(begun.elapsed().as_secs() < 60, "{}", relay.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let out = relay.out();
    let event: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(event["type"], "STOCK_DEDUCTED");
    assert_eq!(event["subject"], "A");
    assert_eq!(event["data"]["on_hand"], 9);
    assert!(event["traceparent"].as_str().unwrap().contains(&"a".repeat(32)));
    assert_eq!(relay.terminated().await, Some(0));
}
