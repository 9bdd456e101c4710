//! A hundred clients go on while processes are killed, cancelled and ended around them, the committer and
//! the postmaster among them: after each restart every invariant holds, every call that was answered is in the
//! journal exactly once, and every other one at most once. `INVENTORY_SOAK=1` keeps on for minutes.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::ledger::{self, End, Told};
use inventory_tests::{
    Database, Dice, Pg, Seller, Server, Session, User, chaos, promises, seller, soak,
};

promises!(what_was_answered_is_there_once);

const CLIENTS: usize = 100;
const CONNECTIONS: usize = CLIENTS + 30;
const UNITS: i64 = 1_000_000;
const SKUS: [&str; 4] = ["A", "B", "C", "D"];

/// How long the torture lasts.
fn lasts() -> Duration {
    Duration::from_secs(if soak() { 240 } else { 5 })
}

async fn shop(pg: &Pg) -> Database {
    let db = pg
        .private_database(|builder| {
            builder
                .setting("shared_preload_libraries", "pg_inventory")
                .setting("max_connections", &CONNECTIONS.to_string())
                .setting("pg_inventory.upkeep_interval", "300ms")
        })
        .await;
    db.stock(&SKUS.map(|sku| (sku, UNITS))).await;
    db
}

async fn what_was_answered_is_there_once(pg: Pg) {
    let db = shop(&pg).await;
    let seller = Seller {
        db: db.clone(),
        skus: SKUS.map(String::from).to_vec(),
        seed: std::env::var("INVENTORY_SEED").map_or(1, |seed| seed.parse().unwrap()),
        repeats: 6,
        hasty: true,
        functions: &seller::ALL,
    };
    let mut dice = Dice::new(seller.seed);
    let sellers = seller.several(CLIENTS);
    let (stop, log) = (AtomicBool::new(false), RefCell::default());
    let sell = join_all(sellers.iter().map(|seller| seller.sell_until(&stop, &log)));
    let idle = sit_idle(&db, &stop);
    let torture = async {
        let restarts = torture(&db, &mut dice, &log).await;
        stop.store(true, Relaxed);
        restarts
    };
    let (_, (), restarts) = futures::join!(sell, idle, torture);
    let mut log = log.into_inner();
    every_slot_is_free(&db, &mut log).await;
    let begun = SKUS.map(|sku| (sku.to_owned(), UNITS)).into();
    ledger::compare(&db, &begun, &log).await.unwrap();
    tell(&log, restarts);
}

/// Now and then somebody forgets a transaction for a while.
async fn sit_idle(db: &Database, stop: &AtomicBool) {
    let mut dice = Dice::new(99);
    let pause = |dice: &mut Dice| {
        tokio::time::sleep(Duration::from_millis(
            dice.below(if soak() { 3_000 } else { 400 }) as u64
        ))
    };
    while !stop.load(Relaxed) {
        if let Ok(mut session) = db.try_session(User::Operator).await {
            let sku = dice.pick(&SKUS);
            let begun = session.query(&format!("BEGIN; SELECT inventory.deduct('{sku}', 1)")).await;
            if begun.is_ok() {
                pause(&mut dice).await;
            }
        }
        pause(&mut dice).await;
    }
}

/// Makes trouble; how often the server had to start again.
async fn torture(db: &Database, dice: &mut Dice, log: &RefCell<Vec<Told>>) -> usize {
    let begun = Instant::now();
    let mut restarts = 0;
    // Each kind of death comes first, then by chance.
    let each = if soak() { DEATHS } else { DEATHS - 1 };
    while begun.elapsed() < lasts() || restarts < each {
        let mut owner = db.until_up(User::Owner).await;
        annoy(&mut owner, dice).await;
        let death = if restarts < each { restarts } else { dice.below(DEATHS) };
        if !die(db, &mut owner, death, dice).await {
            continue;
        }
        restarts += 1;
        let mut owner = db.until_up(User::Owner).await;
        owner.verify_is_clean().await;
        let told = log.borrow().clone();
        ledger::compare_so_far(db, &told).await.unwrap();
    }
    restarts
}

/// Cancels and ends sessions, the committer and the launcher, by chance.
async fn annoy(owner: &mut Session, dice: &mut Dice) {
    let some = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'shop'";
    for _ in 0..if soak() { 40 } else { 10 } {
        let sql = match dice.below(12) {
            0 => "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_inventory launcher'".into(),
            1 | 2 => format!("SELECT pg_terminate_backend(pid) {some} AND backend_type = 'pg_inventory committer'"),
            3 => format!("SELECT pg_cancel_backend(pid) {some} AND backend_type = 'pg_inventory committer'"),
            4..8 => format!("SELECT pg_cancel_backend(pid) {some} AND state = 'active' AND random() < 0.1"),
            8..11 => format!("SELECT pg_terminate_backend(pid) {some} AND usename = 'shop_operator' AND random() < 0.1"),
            _ => "CHECKPOINT".into(),
        };
        if owner.query(&sql).await.is_err() {
            return; // the server is on its way down
        }
        tokio::time::sleep(Duration::from_millis(dice.below(60) as u64)).await;
    }
}

/// Of a session, of the committer, of the postmaster, of all at once.
const DEATHS: usize = 4;

/// Kills a process so that the server starts again; false where there was none.
async fn die(db: &Database, owner: &mut Session, death: usize, dice: &mut Dice) -> bool {
    match death {
        0 => {
            let sql = "SELECT pid FROM pg_stat_activity WHERE usename = 'shop_operator'";
            let pids =
                owner.query(sql).await.map_or_else(|_| String::new(), |answer| answer.to_string());
            let pids: Vec<u32> = pids.lines().filter_map(|pid| pid.parse().ok()).collect();
            if pids.is_empty() {
                return false;
            }
            chaos::kill(*dice.pick(&pids));
        }
        1 => chaos::kill(chaos::next_committer(owner, "shop", None).await),
        2 => meanwhile(db, Server::lose_postmaster).await,
        _ => {
            let all_at_once = |server: &Server| {
                server.kill();
                server.start_again();
            };
            meanwhile(db, all_at_once).await;
        }
    }
    // Whoever was connected notices.
    while owner.query("SELECT 1").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Acts on the server while the clients go on.
async fn meanwhile(db: &Database, act: fn(&Server)) {
    let server = db.server.clone();
    tokio::task::spawn_blocking(move || act(&server)).await.unwrap();
}

/// As many sessions as there can be wait at once: each has found a slot.
async fn every_slot_is_free(db: &Database, log: &mut Vec<Told>) {
    let mut owner = db.until_up(User::Owner).await;
    owner
        .until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")
        .await;
    let mut idle = db.operator().await;
    idle.run("BEGIN; SELECT inventory.try_deduct('A', 100000000)").await;
    let mut sessions = db.operators(CONNECTIONS - 8).await;
    let count = sessions.len();
    let calls = join_all(sessions.iter_mut().map(|session| async {
        let id = uuid::Uuid::new_v4();
        let call = format!("deduct_now('A', 1, request_id => '{id}')");
        session.run("SET pg_inventory.lock_wait = '10min'").await;
        let answer =
            session.query(&format!("SELECT order_no, on_hand FROM inventory.{call}")).await;
        Told { id, sku: "A".into(), delta: -1, end: End::of(answer) }
    }));
    let release = async {
        let waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND usename = 'shop_operator'";
        owner.until(&format!("SELECT count(*) = {count} {waiting}")).await;
        idle.run("COMMIT").await;
    };
    let (told, ()) = futures::join!(calls, release);
    assert!(told.iter().all(|told| told.end.accepted()), "{told:?}");
    log.extend(told);
}

fn tell(log: &[Told], restarts: usize) {
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for told in log {
        let end = match &told.end {
            End::Accepted { .. } => "accepted",
            End::Refused(_) => "refused",
            End::Unknown(_) => "never told",
        };
        *ends.entry(end).or_default() += 1;
    }
    println!("{ends:?}, {restarts} restarts");
    assert!(ends.get("accepted").is_some_and(|calls| *calls > 100), "they sold: {ends:?}");
}
