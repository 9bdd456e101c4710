//! Whose turn a sink is.

use inventory_tests::Pg;

const SINKS: &str =
    "SELECT inventory.put_sink(name, 'stdout:') FROM unnest(ARRAY['a', 'b', 'c']) AS name";
/// The sinks of a relay, those to give back marked.
fn take(relay: &str) -> String {
    format!(
        "SELECT string_agg(t.sink || CASE WHEN t.give_back THEN '!' ELSE '' END, ' ' ORDER BY t.sink) \
           FROM inventory.take_turns('{relay}', '1 second') AS t"
    )
}

pub async fn relays_share_sinks_and_hand_them_over(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run(SINKS).await;
    // An hour, so that nothing depends on how quick this test is.
    let take = |relay: &str| take(relay).replace("1 second", "1 hour");
    admin.check(&take("one"), "a b c").await;
    admin.check(&take("two"), "null").await;
    admin.check(&take("one"), "a b c!").await;
    admin.check(&take("two"), "null").await;
    admin.check("SELECT inventory.give_turns('one', 'c')", "1").await;
    admin.check(&take("two"), "c").await;
    admin.check(&take("one"), "a b").await;
    // Paused: whoever has it is to give it back.
    admin.check("SELECT changed FROM inventory.pause_sink('a')", "t").await;
    admin.check("SELECT changed FROM inventory.pause_sink('a')", "f").await;
    admin.check(&take("one"), "a! b").await;
    admin.check("SELECT inventory.give_turns('one')", "2").await;
    admin.check(&take("two"), "b c").await;
    admin.check("SELECT changed FROM inventory.resume_sink('a')", "t").await;
    admin.check(&take("two"), "a b c").await;
    admin.check("SELECT changed FROM inventory.drop_sink('b')", "t").await;
    admin.check(&take("two"), "a c").await;
}

pub async fn a_turn_that_is_over_saves_nothing(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_sink('a', 'stdout:', true)").await;
    let turn = "SELECT t.turn FROM inventory.take_turns('one', '1 second') AS t";
    let first = admin.number(turn).await;
    let cursor = admin.text("SELECT e.cursor FROM inventory.read_events() AS e LIMIT 1").await;
    let save = |turn: i64, cursor: &str| {
        format!(
            "SELECT inventory.save_progress('a', {turn}, '{cursor}', 1, park_ids => ARRAY[1], park_skus => ARRAY['A'], \
                 park_attempts => ARRAY[1], park_waits => ARRAY['1 hour'::interval], park_errors => ARRAY['no'])"
        )
    };
    admin.check(&save(first + 1, &cursor), "f").await;
    admin.check("SELECT count(*) FROM inventory.parked_events", "0").await;
    admin.check(&save(first, &cursor), "t").await;
    // Another takes over when the lease is over.
    admin.until("SELECT EXISTS (SELECT FROM inventory.take_turns('two', '1 second'))").await;
    let now = admin.text("SELECT inventory.events_now()").await;
    admin.check(&save(first, &now), "f").await;
    let mut owner = db.owner().await;
    owner.check(&format!("SELECT cursor = '{cursor}' FROM inventory.relay_cursor"), "t").await;
    admin.check("SELECT status, attempts, error FROM inventory.parked_events", "RETRY|1|no").await;
    db.verify_is_clean().await;
}

pub async fn a_sink_that_refuses_too_much_is_paused(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_sink('a', 'stdout:', true), inventory.take_turns('one')").await;
    let save = "SELECT inventory.save_progress('a', 1, park_ids => ARRAY[1], park_skus => ARRAY['A'], \
         park_attempts => ARRAY[8], park_waits => ARRAY[NULL]::interval[], park_errors => ARRAY['no'])";
    let fill = |from: u32, to: u32| {
        format!(
            "INSERT INTO inventory.outbox_parked \
             SELECT 'a', n, 'A', 'DEAD', 8, NULL, 'no', now() FROM generate_series({from}, {to}) AS n"
        )
    };
    let mut owner = db.owner().await;
    owner.run(&fill(2, 10_000)).await;
    admin.check(save, "t").await;
    admin.check("SELECT dead, state FROM inventory.sinks", "10000|ACTIVE").await;
    owner.run(&fill(10_001, 10_001)).await;
    admin.check(save, "t").await;
    admin.check("SELECT dead, state FROM inventory.sinks", "10001|PAUSED").await;
}

pub async fn the_outbox_says_what_became_of_each_event(pg: Pg) {
    let db = pg.database().await;
    let mut reader = db.reader().await;
    db.stock(&[("A", 10)]).await;
    let outbox = "SELECT sink, status, attempts, count(*) FROM inventory.outbox GROUP BY 1, 2, 3 ORDER BY 1, 2";
    reader.check(outbox, "null|PENDING|0|1").await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_sink('new', 'stdout:'); SELECT inventory.put_sink('old', 'stdout:', true)").await;
    reader.check(outbox, "new|SENT|0|1\nold|PENDING|0|1").await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.deduct('A', 1); SELECT inventory.deduct('A', 1)").await;
    reader.check(outbox, "new|PENDING|0|2\nnew|SENT|0|1\nold|PENDING|0|3").await;
    let ids = admin.text("SELECT id FROM inventory.outbox WHERE sink = 'old' ORDER BY id").await;
    let ids: Vec<&str> = ids.lines().collect();
    let cursor = admin.text("SELECT e.cursor FROM inventory.read_events(max_events => 2) AS e ORDER BY e.id DESC LIMIT 1").await;
    admin.run("SELECT inventory.take_turns('one')").await;
    let save = format!(
        "SELECT inventory.save_progress('old', 1, '{cursor}', 1, park_ids => ARRAY[{}], park_skus => ARRAY['A'], \
         park_attempts => ARRAY[8], park_waits => ARRAY[NULL]::interval[], park_errors => ARRAY['no'])",
        ids[1]
    );
    admin.check(&save, "t").await;
    let old = "SELECT id, status, attempts FROM inventory.outbox WHERE sink = 'old' ORDER BY id";
    let line = |at: usize, rest: &str| format!("{}|{rest}\n", ids[at]);
    let expected = line(0, "SENT|0") + &line(1, "DEAD|8") + &line(2, "PENDING|0");
    reader.check(old, &expected).await;
    // It is redriven once a request id.
    let call = |id: &str| {
        format!(
            "SELECT code, replayed FROM inventory.redrive({id}, request_id => '11111111-1111-4111-8111-111111111111')"
        )
    };
    op.check(&call(ids[1]), "ok|f").await;
    op.check(
        "SELECT count(*) FROM inventory.parked_events WHERE status = 'RETRY' AND attempts = 0",
        "1",
    )
    .await;
    op.check(&call(ids[1]), "ok|t").await;
    op.check_refused(&call(ids[0]), "IV009", "").await;
    let sent = format!("SELECT inventory.redrive({})", ids[0]);
    op.check_refused(&sent, "IV004", "event").await;
    admin.check("SELECT id, attempts, due FROM inventory.due_events('old')", &line(1, "0|t")).await;
    db.verify_is_clean().await;
}

pub async fn secrets_of_sinks_are_for_relays(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_sink('a', 'redis://u:s3cret@host:1/s?password=s3cret')").await;
    db.reader()
        .await
        .check("SELECT name, address, state FROM inventory.sinks", "a|redis://host:1/s|ACTIVE")
        .await;
    let mut op = db.operator().await;
    for sql in ["SELECT * FROM inventory.sink", "SELECT * FROM inventory.take_turns('x')"] {
        op.check_refused(sql, "42501", "").await;
    }
    for (call, detail) in [
        ("put_sink('A', 'stdout:')", "name must have 1 to 32"),
        ("put_sink(NULL, 'stdout:')", "name must not be NULL"),
        ("put_sink('b', 'no url')", "target must be a URL"),
        ("put_sink('b', repeat('x:', 1001))", "target must be a URL"),
        ("pause_sink('b')", "there is no sink b"),
        ("resume_sink('b')", "there is no sink b"),
        ("take_turns('')", "relay must have"),
        ("take_turns('x', '0')", "lease must be 1 second"),
        ("redrive(NULL)", "event_id must not be NULL"),
        ("due_events('a', 0)", "max_events must be"),
        ("save_progress('a', 1, park_ids => ARRAY[1])", "the arrays must have the same length"),
        ("save_progress('a', 1, 'x')", "cursor must be one that"),
    ] {
        admin.check_refused(&format!("SELECT inventory.{call}"), "IV004", detail).await;
    }
}
