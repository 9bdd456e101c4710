//! What the database holds to, whoever calls it.

use inventory_tests::{Database, Pg};

/// A saga of two steps of a service.
const TWO: &str = r#"{"steps": [
    {"name": "charge", "participant": "account", "action": "charge", "compensation": "refund"},
    {"name": "pack", "participant": "account", "action": "pack", "compensation": "unpack"}]}"#;

fn begin(definition: &str) -> String {
    format!(
        "SELECT saga_id FROM inventory.begin_saga('two', '{definition}', \
         '{{\"lines\": [{{\"sku\": \"LAMP\", \"quantity\": 2}}]}}')"
    )
}

/// What comes next, as `next|step|direction`.
fn advance(id: &str, fence: i64, report: &str) -> String {
    format!(
        "SELECT next, step, direction FROM inventory.advance_saga('{id}', {fence}, '1 minute'{report})"
    )
}

fn told(step: i32, direction: &str, outcome: &str) -> String {
    format!(", step => {step}, direction => '{direction}', outcome => '{outcome}'")
}

pub async fn who_lost_a_saga_changes_nothing(pg: Pg) {
    let db = pg.database().await;
    let (mut first, mut second) = (db.operator().await, db.operator().await);
    let id = first.text(&begin(TWO)).await;
    let claim = "SELECT fence FROM inventory.claim_sagas('me', '1 microsecond')";
    first.check(claim, "1").await;
    first.check(&advance(&id, 1, ""), "call|1|action").await;
    // Its time is over, as the database counts it, and somebody else takes it up.
    db.owner().await.run("UPDATE inventory.saga SET due_at = clock_timestamp()").await;
    second.check(claim, "2").await;
    second.check(&advance(&id, 2, ""), "call|1|action").await;
    let digest = db.digest().await;
    for report in ["".to_owned(), told(1, "action", "done"), told(1, "action", "refused")] {
        first.check(&advance(&id, 1, &report), "lost|null|null").await;
    }
    assert_eq!(db.digest().await, digest, "nothing of it is written");
    second.check(&advance(&id, 2, &told(1, "action", "done")), "call|2|action").await;
    // An answer that comes once more changes nothing.
    second.check(&advance(&id, 2, &told(1, "action", "refused")), "call|2|action").await;
    second.check(&advance(&id, 2, &told(2, "action", "done")), "completed|null|null").await;
    second.check(&advance(&id, 2, ""), "lost|null|null").await;
    first.check("SELECT count(*) FROM inventory.claim_sagas('me', '1 minute')", "0").await;
    db.verify_is_clean().await;
}

/// What was done is done, whatever the participant said of it: a report that is refused would come again for ever.
pub async fn an_answer_that_cannot_be_kept_is_left_out(pg: Pg) {
    let db = pg.database().await;
    let mut op = db.operator().await;
    let input = "'{\"x\": ' || repeat('[', 63) || repeat(']', 63) || '}'";
    for (answer, why) in [
        ("to_jsonb(repeat('x', 20000))", "without its answer, answer: at most 16384 bytes"),
        // As text of PostgreSQL it has 309 digits a number.
        (
            "(SELECT jsonb_agg(1e308) FROM generate_series(1, 100))",
            "without its answer, answer: at most",
        ),
        ("'{\"x\": 1e999}'", "without its answer, answer: number out of range"),
        (
            "(repeat('[', 65) || repeat(']', 65))::jsonb",
            "without its answer, answer: at most 64 levels",
        ),
    ] {
        let id = op
            .text(&format!(
                "SELECT saga_id FROM inventory.begin_saga('two', '{TWO}', ({input})::jsonb)"
            ))
            .await;
        op.run("SELECT inventory.claim_sagas('me', '1 minute')").await;
        op.check(&advance(&id, 1, ""), "call|1|action").await;
        let done = told(1, "action", "done") + ", answer => " + answer;
        op.check(&advance(&id, 1, &done), "call|2|action").await;
        let step = format!(
            "SELECT state, answer IS NULL, left(detail, {}) FROM inventory.saga_steps \
              WHERE saga_id = '{id}' AND step = 1",
            why.len()
        );
        op.check(&step, &format!("DONE|t|{why}")).await;
    }
    db.verify_is_clean().await;
}

/// A staging copy must not go on with what the shop goes on with, too.
pub async fn a_copy_of_the_database_asks_nobody(pg: Pg) {
    let db = pg.database().await;
    let mut first = db.operator().await;
    let id = first.text(&begin(TWO)).await;
    first.run("SELECT inventory.claim_sagas('me', '1 minute')").await;
    first.check(&advance(&id, 1, ""), "call|1|action").await;
    drop(first);
    let copy = db.cloned().await;
    let mut second = copy.operator().await;
    // Whoever had it there has not got it here, and who comes for it asks people first.
    second.check(&advance(&id, 1, &told(1, "action", "done")), "lost|null|null").await;
    copy.owner().await.run("UPDATE inventory.saga SET due_at = clock_timestamp()").await;
    second.check("SELECT count(*) FROM inventory.claim_sagas('me', '1 minute')", "0").await;
    let state = "SELECT state, left(reason, 25) FROM inventory.sagas";
    second.check(state, "NEEDS_ATTENTION|the database was restored").await;
    second.run(&format!("SELECT inventory.retry_saga('{id}')")).await;
    second.check("SELECT fence FROM inventory.claim_sagas('me', '1 minute')", "3").await;
    second.check(&advance(&id, 3, ""), "call|1|action").await;
    let mut first = db.operator().await;
    first.check(&advance(&id, 1, &told(1, "action", "done")), "call|2|action").await;
    db.verify_is_clean().await;
    copy.verify_is_clean().await;
}

pub async fn what_was_answered_stays_answered(pg: Pg) {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    let id = owner.text(&begin(TWO)).await;
    owner.run("SELECT inventory.claim_sagas('me', '1 minute')").await;
    owner.run(&advance(&id, 1, "")).await;
    owner.run(&advance(&id, 1, &told(1, "action", "done"))).await;
    owner.run(&advance(&id, 1, &told(2, "action", "refused"))).await;
    // Two calls of pack, the second refused: pack is undone first; no marks are made twice.
    for change in [
        "UPDATE inventory.saga_step SET state = 'DONE' WHERE step = 2 AND direction = 'action'",
        "UPDATE inventory.saga_step SET state = 'CALLING' WHERE step = 1 AND direction = 'action'",
        "INSERT INTO inventory.saga_step SELECT * FROM inventory.saga_step",
        "UPDATE inventory.saga SET due_at = NULL",
        "UPDATE inventory.saga SET state = 'COMPLETED'",
        "UPDATE inventory.saga SET state = 'LOST'",
    ] {
        let refused = owner.refused(change).await;
        assert!(refused.sqlstate.starts_with("23"), "{change}: {refused}");
    }
    let late = "INSERT INTO inventory.saga_step (saga_id, step, direction, state, asked, tries, began_at, changed_at) \
                VALUES (gen_random_uuid(), 1, 'compensation', 'CALLING', 1, 1, now(), now())";
    owner.run(late).await;
    let refused = owner
        .refused(
            "INSERT INTO inventory.saga_step (saga_id, step, direction, state, asked, tries, began_at, changed_at) \
             SELECT saga_id, 1, 'action', 'CALLING', 1, 1, now(), now() FROM inventory.saga_step \
              WHERE direction = 'compensation' AND saga_id NOT IN (SELECT saga_id FROM inventory.saga)",
        )
        .await;
    assert!(refused.message.ends_with("its action is void"), "{refused}");
}

pub async fn sagas_that_ended_are_forgotten_in_time(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("LAMP", 100)]).await;
    let mut owner = db.owner().await;
    let only = r#"{"steps": [{"name": "reserve", "participant": "engine", "action": "reserve", "compensation": "release"},
                             {"name": "confirm", "participant": "engine", "action": "confirm"}]}"#;
    for _ in 0..3 {
        owner.run(&begin(only)).await;
    }
    let open = owner.text("SELECT min(saga_id::text) FROM inventory.sagas").await;
    let claimed =
        owner.text("SELECT saga_id, fence FROM inventory.claim_sagas('me', '1 minute')").await;
    for line in claimed.lines().filter(|line| !line.starts_with(&open)) {
        let (id, fence) = line.split_once('|').unwrap();
        owner.check(&advance(id, fence.parse().unwrap(), ""), "again|null|null").await;
        owner.check(&advance(id, fence.parse().unwrap(), ""), "completed|null|null").await;
    }
    owner.check("SELECT on_hand FROM inventory.stock_level", "96").await;
    owner.run("UPDATE inventory.saga SET changed_at = now() - interval '8 days'").await;
    owner.run("SELECT inventory.maintain()").await;
    owner.check("SELECT saga_id, state FROM inventory.sagas", &format!("{open}|RUNNING")).await;
    owner.check("SELECT count(*) FROM inventory.saga_step", "0").await;
    db.verify_is_clean().await;
}

/// A saga that ended in each of the two ways.
async fn ended(db: &Database) {
    let mut owner = db.owner().await;
    for outcome in ["done", "refused"] {
        let id = owner.text(&begin(TWO)).await;
        owner.run("SELECT inventory.claim_sagas('me', '1 minute')").await;
        owner.run(&advance(&id, 1, "")).await;
        owner.run(&advance(&id, 1, &told(1, "action", "done"))).await;
        owner.run(&advance(&id, 1, &told(2, "action", outcome))).await;
        owner.run(&advance(&id, 1, &told(1, "compensation", "done"))).await;
    }
    owner.check("SELECT state FROM inventory.sagas ORDER BY saga_id", "COMPLETED\nREVERTED").await;
}

pub async fn verify_finds_what_is_spoilt(pg: Pg) {
    let sound = pg.database().await;
    ended(&sound).await;
    sound.verify_is_clean().await;
    let of = |state: &str| {
        format!("saga_id IN (SELECT saga_id FROM inventory.saga WHERE state = '{state}')")
    };
    let spoil = [
        (
            "saga",
            format!(
                "DELETE FROM inventory.saga_step WHERE direction = 'compensation' AND {}",
                of("REVERTED")
            ),
        ),
        ("saga", format!("DELETE FROM inventory.saga_step WHERE step = 2 AND {}", of("COMPLETED"))),
        (
            "saga",
            format!(
                "UPDATE inventory.saga_step SET state = 'VOID' WHERE step = 1 AND {}",
                of("COMPLETED")
            ),
        ),
        (
            "saga_order",
            format!(
                "DELETE FROM inventory.saga_step WHERE step = 1 AND direction = 'action' AND {}",
                of("REVERTED")
            ),
        ),
        ("saga_step", "UPDATE inventory.saga_step SET step = 3 WHERE step = 2".to_owned()),
        ("saga_step", "DELETE FROM inventory.saga WHERE state = 'REVERTED'".to_owned()),
    ];
    for (check, change) in spoil {
        let db = sound.cloned().await;
        let mut owner = db.owner().await;
        owner.run("ALTER TABLE inventory.saga_step DISABLE TRIGGER saga_steps_stay_answered").await;
        owner.run(&change).await;
        let found = owner.text("SELECT check_name FROM inventory.verify()").await;
        assert!(found.lines().any(|name| name == check), "{change}: {found}");
    }
}
