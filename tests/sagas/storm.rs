//! Many sagas, faults by chance at every step, and a coordinator that is killed every few moments. At the
//! end goods and money must agree with what the sagas say; and they must not where a fault is planted.

use std::time::{Duration, Instant};

use inventory_tests::{Dice, Gateway, Pg, chaos, soak};
use serde_json::json;

use super::stage::{Stage, order, serve};

/// What each order charges.
const PRICE: i64 = 3;

fn sagas() -> usize {
    if soak() { 1_000 } else { 100 }
}

fn seed() -> u64 {
    std::env::var("INVENTORY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20)
}

/// Too little for all: of ten orders nine find goods, and eight money.
async fn open(pg: &Pg, sagas: usize) -> (Stage, Wealth) {
    let db = pg.database().await;
    let orders = i64::try_from(sagas).unwrap();
    let wealth = Wealth { units: orders * 2 * 9 / 10, money: orders * PRICE * 8 / 10 };
    db.stock(&[("LAMP", wealth.units)]).await;
    let stage = Stage::before(db).await;
    stage.accounts.grant("ada", wealth.money);
    (stage, wealth)
}

/// What there was before.
#[derive(Clone, Copy)]
struct Wealth {
    units: i64,
    money: i64,
}

/// What does not agree, a line each.
async fn disagreements(stage: &Stage, before: Wealth) -> Vec<String> {
    let mut owner = stage.db.owner().await;
    let completed =
        owner.number("SELECT count(*) FROM inventory.sagas WHERE state = 'COMPLETED'").await;
    let level = owner.text("SELECT on_hand, reserved FROM inventory.stock_level").await;
    let mut found = Vec::new();
    let mut same = |what: &str, is: String, should: String| {
        if is != should {
            found.push(format!("{what}: {is}, and should be {should}"));
        }
    };
    same("goods", level, format!("{}|0", before.units - 2 * completed));
    same(
        "money",
        stage.accounts.balance("ada").to_string(),
        (before.money - PRICE * completed).to_string(),
    );
    same("charges", stage.accounts.charged().to_string(), completed.to_string());
    same("verify()", owner.text("SELECT * FROM inventory.verify()").await, String::new());
    found
}

/// Has whatever needs attention tried again, or undone, until all have ended.
async fn bring_to_an_end(stage: &Stage, gateway: &Gateway, patience: Duration) {
    let begun = Instant::now();
    let mut dice = Dice::new(seed());
    let open = "SELECT count(*) FROM inventory.sagas WHERE state NOT IN ('COMPLETED', 'REVERTED')";
    let mut reader = stage.db.reader().await;
    while reader.number(open).await > 0 {
        let ids = reader
            .text("SELECT saga_id FROM inventory.sagas WHERE state = 'NEEDS_ATTENTION' LIMIT 50")
            .await;
        for id in ids.lines() {
            let again = json!({"revert": dice.below(2) == 0});
            // It may be somebody else's matter by now.
            let _ = gateway.operator.post(&format!("/v1/sagas/{id}/retry"), &again).await;
        }
        assert!(begun.elapsed() < patience, "{} never end", reader.number(open).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Ends the sessions of gateways, whatever they are at.
const HANG_UP: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE application_name = 'inventory gateway' AND datname = current_database()";

pub async fn a_storm_ends_well(pg: Pg) {
    let count = sagas();
    let (mut stage, before) = open(&pg, count).await;
    let mut dice = Dice::new(seed());
    stage.accounts.storm(seed(), 40);
    let mut begun = 0;
    let mut kills = 0;
    let started = Instant::now();
    let mut reader = stage.db.reader().await;
    let open = "SELECT count(*) FROM inventory.sagas WHERE due_at IS NOT NULL";
    while begun < count || reader.number(open).await > 0 {
        let until = (begun + count / 8).min(count);
        for n in begun..until {
            // A third of them is given up where nobody answers.
            let saga = if n % 3 == 0 { "hasty_order" } else { "outbound_order" };
            let ask = order(saga, PRICE).once(&format!("storm-{n}"));
            stage.gateway.operator.send(ask).await.is(201);
        }
        begun = until;
        tokio::time::sleep(Duration::from_millis(500 + dice.below(1_500) as u64)).await;
        // Half of the time those who speak for it in the database go first.
        if dice.below(2) == 0 {
            stage.db.owner().await.run(HANG_UP).await;
        }
        chaos::kill(stage.gateway.pid());
        kills += 1;
        stage.gateway = serve(&stage.db, &stage.folder).await;
        assert!(
            started.elapsed() < Duration::from_secs(if soak() { 3_000 } else { 200 }),
            "no end"
        );
    }
    stage.accounts.calm();
    bring_to_an_end(&stage, &stage.gateway, Duration::from_secs(60)).await;
    assert!(kills >= 3, "{kills} kills");
    let mut owner = stage.db.owner().await;
    let ended =
        owner.text("SELECT state, count(*) FROM inventory.sagas GROUP BY 1 ORDER BY 1").await;
    println!("{count} sagas, {kills} kills, {} calls: {ended}", stage.accounts.asked().len());
    assert!(ended.contains("COMPLETED") && ended.contains("REVERTED"), "both happen: {ended}");
    assert_eq!(owner.number("SELECT count(*) FROM inventory.sagas").await, count as i64);
    assert_eq!(disagreements(&stage, before).await, Vec::<String>::new());
}

/// A compensation that counts as done before it was asked for: as if the guard of its row were broken.
const PLANTED: &str = "
    CREATE FUNCTION public.forget_to_undo() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.direction = 'action' AND NEW.state = 'DONE' THEN
            INSERT INTO inventory.saga_step (saga_id, step, direction, state, asked, tries, began_at, changed_at)
            VALUES (NEW.saga_id, NEW.step, 'compensation', 'DONE', 1, 1, now(), now()) ON CONFLICT DO NOTHING;
        END IF;
        RETURN NULL;
    END $$;
    ALTER TABLE inventory.saga_step DISABLE TRIGGER saga_steps_stay_answered;
    CREATE TRIGGER forget_to_undo AFTER INSERT OR UPDATE ON inventory.saga_step
        FOR EACH ROW EXECUTE FUNCTION public.forget_to_undo()";

pub async fn a_planted_fault_is_found(pg: Pg) {
    let (stage, before) = open(&pg, 20).await;
    stage.db.owner().await.run(PLANTED).await;
    stage.accounts.storm(seed(), 30);
    for n in 0..20 {
        // Some of them ask for more than Ada has.
        let saga = if n % 2 == 0 { "errand" } else { "outbound_order" };
        stage.gateway.operator.send(order(saga, PRICE)).await.is(201);
    }
    stage.accounts.next("pack", &[inventory_tests::accounts::Fault::Refuses; 10]);
    bring_to_an_end(&stage, &stage.gateway, Duration::from_secs(120)).await;
    let found = disagreements(&stage, before).await;
    for what in ["money", "verify()"] {
        assert!(found.iter().any(|line| line.starts_with(what)), "{what} agrees: {found:#?}");
    }
}
