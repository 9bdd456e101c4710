//! How calls end that do not end by themselves, and who commits after a committer's end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::future::join_all;
use inventory_tests::ledger::{self, End, Told};
use inventory_tests::{
    Database, Pg, Seller, Server, Session, User, chaos, preloaded, seller, soak,
};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::plain::until_waiting;

/// Few connections, so that slots that were not given back are soon missed: there are less than twice
/// as many slots.
const CONNECTIONS: usize = 40;
const CALLERS: usize = 12;
/// Enough for everybody.
const UNITS: i64 = 100_000_000;
/// Has the goods' row until its transaction ends: nobody can have so many.
const KEEP: &str = "BEGIN; SELECT inventory.try_deduct('HOT', 1000000000)";

async fn small_shop(pg: &Pg) -> Database {
    let db = pg
        .private_database(|builder| {
            preloaded(builder)
                .setting("max_connections", &CONNECTIONS.to_string())
                .setting("max_worker_processes", "8")
                .setting("max_wal_senders", "2")
                .setting("client_connection_check_interval", "0")
        })
        .await;
    db.stock(&[("HOT", UNITS), ("COLD", UNITS)]).await;
    db
}

fn begun() -> BTreeMap<String, i64> {
    BTreeMap::from([("HOT".into(), UNITS), ("COLD".into(), UNITS)])
}

/// How a caller's call is ended while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Cancelled,
    Terminated,
    OutOfTime,
    /// Its client is gone, and the backend looks whether it is.
    ClientGone,
    /// Its client is gone, and the backend does not know.
    ClientGoneUnnoticed,
}

const WAYS: [Way; 5] =
    [Way::Cancelled, Way::Terminated, Way::OutOfTime, Way::ClientGone, Way::ClientGoneUnnoticed];

/// A call under way.
struct Caller {
    id: Uuid,
    pid: u32,
    task: JoinHandle<End>,
}

fn call(id: Uuid) -> String {
    format!("SELECT order_no, on_hand FROM inventory.deduct_now('HOT', 1, request_id => '{id}')")
}

async fn begin(db: &Database, way: Way) -> Caller {
    let mut session = db.operator().await;
    let (id, pid) = (Uuid::new_v4(), session.pid().await);
    session.run("SET pg_inventory.lock_wait = '10min'").await;
    match way {
        Way::OutOfTime => session.run("SET statement_timeout = '300ms'").await,
        Way::ClientGone => session.run("SET client_connection_check_interval = '20ms'").await,
        _ => {}
    }
    let task = tokio::spawn(async move { End::of(session.query(&call(id)).await) });
    Caller { id, pid, task }
}

impl Caller {
    /// Ends the call; what its client was told.
    async fn end(self, owner: &mut Session, way: Way) -> Told {
        let Caller { id, pid, task } = self;
        match way {
            Way::Cancelled => owner.run(&format!("SELECT pg_cancel_backend({pid})")).await,
            Way::Terminated => owner.run(&format!("SELECT pg_terminate_backend({pid})")).await,
            Way::ClientGone | Way::ClientGoneUnnoticed => task.abort(),
            Way::OutOfTime => {}
        }
        let end = task.await.unwrap_or(End::Unknown(Default::default()));
        let End::Unknown(why) = &end else { panic!("{way:?}: {end:?}") };
        let code = match way {
            Way::Cancelled | Way::OutOfTime => "57014",
            Way::Terminated => "57P01",
            Way::ClientGone | Way::ClientGoneUnnoticed => "",
        };
        assert_eq!(why.sqlstate, code, "{way:?}: {why}");
        // Who is terminated says so to the client first, and then gives its slot back.
        if matches!(way, Way::Terminated | Way::ClientGone) {
            let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid =";
            owner.until(&format!("{gone} {pid}")).await;
        }
        Told { id, sku: "HOT".into(), delta: -1, end }
    }
}

/// Settles what is not known by the request id; whether the call had its effect before.
async fn settle(session: &mut Session, told: &mut Told) -> bool {
    // It is carried out, however slow the disk is.
    session.run("SET pg_inventory.lock_wait = '10min'").await;
    let sql = call(told.id).replace("order_no", "replayed, order_no");
    let answer = session.query(&sql).await.unwrap_or_else(|refused| panic!("{refused}"));
    let replayed = answer.rows[0][0].as_deref() == Some("t");
    let row =
        inventory_tests::session::Answer { rows: vec![answer.rows[0][1..].to_vec()], ..answer };
    told.end = End::of(Ok(row));
    replayed
}

/// As many sessions as there can be, all waiting at once: each needs a slot.
async fn every_slot_is_free(db: &Database, log: &mut Vec<Told>) {
    let mut owner = db.owner().await;
    let mut idle = db.operator().await;
    // Three connections are kept for superusers.
    let taken = owner
        .number("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        .await;
    let free = CONNECTIONS - 3 - taken as usize;
    idle.run(KEEP).await;
    let mut callers = Vec::new();
    for _ in 0..free {
        callers.push(begin(db, Way::Cancelled).await);
    }
    until_waiting(&mut owner, free).await;
    idle.run("COMMIT").await;
    for caller in callers {
        let end = caller.task.await.expect("it is answered");
        assert!(end.accepted(), "{end:?}");
        log.push(Told { id: caller.id, sku: "HOT".into(), delta: -1, end });
    }
}

/// Calls that nobody has begun to commit: the goods are locked by somebody else.
pub async fn a_waiting_call_can_be_given_up(pg: Pg) {
    let db = small_shop(&pg).await;
    let (mut owner, mut idle) = (db.owner().await, db.operator().await);
    let mut log = Vec::new();
    for round in 0..if soak() { 60 } else { 2 } {
        for way in WAYS {
            idle.run(KEEP).await;
            let mut callers = Vec::new();
            for _ in 0..CALLERS {
                callers.push(begin(&db, way).await);
            }
            // Those whose time is short need not be waited for.
            if way != Way::OutOfTime {
                until_waiting(&mut owner, CALLERS).await;
            }
            let mut given_up = Vec::new();
            for caller in callers {
                given_up.push(caller.end(&mut owner, way).await);
            }
            // What a committer has just taken is carried out if the row is free by then.
            owner.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event_type IS DISTINCT FROM 'Extension' AND backend_type = 'pg_inventory committer'").await;
            idle.run("COMMIT").await;
            owner.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND backend_type = 'client backend'").await;
            for told in given_up.iter_mut().step_by(2) {
                let done = settle(&mut idle, told).await;
                // Only who never heard of the end went on.
                assert_eq!(done, way == Way::ClientGoneUnnoticed, "{way:?} in round {round}");
            }
            log.extend(given_up);
        }
    }
    every_slot_is_free(&db, &mut log).await;
    ledger::compare(&db, &begun(), &log).await.unwrap();
}

/// Lets no commit end, or lets them go on: with a standby to wait for that is not there.
async fn hold_commits(owner: &mut Session, hold: bool) {
    let names = if hold { "'nobody'" } else { "''" };
    owner.run("SET synchronous_commit = local").await;
    owner.run(&format!("ALTER SYSTEM SET synchronous_standby_names = {names}")).await;
    owner.run("SELECT pg_reload_conf()").await;
}

/// Calls by callers who will be ended that way; all of them are committed, but nobody is told.
async fn begin_commits(
    db: &Database,
    owner: &mut Session,
    way: Way,
    log: &mut Vec<Told>,
) -> Vec<Caller> {
    hold_commits(owner, true).await;
    let held = "SELECT count(*) > 0 FROM pg_stat_activity \
        WHERE backend_type = 'pg_inventory committer' AND wait_event = 'SyncRep'";
    // The server takes in its configuration when it comes to it.
    loop {
        let first = begin(db, Way::Cancelled).await;
        while !first.task.is_finished() && owner.text(held).await != "t" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        if first.task.is_finished() {
            let end = first.task.await.expect("it is answered");
            log.push(Told { id: first.id, sku: "HOT".into(), delta: -1, end });
            continue;
        }
        // It is of this batch; those that come now are of the next one, which begins when it is over.
        let mut callers = vec![first];
        for _ in 1..CALLERS {
            callers.push(begin(db, way).await);
        }
        if way != Way::OutOfTime {
            until_waiting(owner, CALLERS).await;
        }
        return callers;
    }
}

/// Calls whose commit is under way: they have their effect, whatever becomes of the callers, and the
/// request id tells.
pub async fn a_call_given_up_while_it_is_committed(pg: Pg) {
    let db = small_shop(&pg).await;
    let (mut owner, mut op) = (db.owner().await, db.operator().await);
    let mut log = Vec::new();
    for _ in 0..if soak() { 40 } else { 1 } {
        for way in [Way::Cancelled, Way::Terminated, Way::ClientGone] {
            let mut callers = begin_commits(&db, &mut owner, way, &mut log).await;
            let first = callers.remove(0);
            let mut first = first.end(&mut owner, Way::Cancelled).await;
            let mut others = Vec::new();
            for caller in callers {
                others.push(caller.end(&mut owner, way).await);
            }
            hold_commits(&mut owner, false).await;
            assert!(settle(&mut op, &mut first).await, "{way:?}: its commit was under way");
            for told in &mut others {
                assert!(!settle(&mut op, told).await, "{way:?}: nobody had taken it");
            }
            log.push(first);
            log.extend(others);
        }
    }
    every_slot_is_free(&db, &mut log).await;
    ledger::compare(&db, &begun(), &log).await.unwrap();
}

/// A committer that is ended while it waits for a standby cannot know whether the commit counts.
pub async fn a_committer_that_cannot_know_says_so(pg: Pg) {
    let db = small_shop(&pg).await;
    let (mut owner, mut op) = (db.owner().await, db.operator().await);
    let mut log = Vec::new();
    let mut callers = begin_commits(&db, &mut owner, Way::Cancelled, &mut log).await;
    let committer = chaos::committer(&mut owner, "shop").await.expect("it waits");
    owner.run(&format!("SELECT pg_terminate_backend({committer})")).await;
    let Caller { id, task, .. } = callers.remove(0);
    let end = task.await.expect("it is answered");
    let End::Unknown(why) = &end else { panic!("{end:?}") };
    assert_eq!(why.sqlstate, "40003", "{why}");
    assert!(why.detail.starts_with("Repeat the call with the same request id"), "{why}");
    let mut told = Told { id, sku: "HOT".into(), delta: -1, end };
    hold_commits(&mut owner, false).await;
    assert!(settle(&mut op, &mut told).await, "it was committed");
    log.push(told);
    // Those behind it are the next committer's.
    for Caller { id, task, .. } in callers {
        let end = task.await.expect("it is answered");
        assert!(end.accepted(), "{end:?}");
        log.push(Told { id, sku: "HOT".into(), delta: -1, end });
    }
    every_slot_is_free(&db, &mut log).await;
    ledger::compare(&db, &begun(), &log).await.unwrap();
}

/// Sells while something happens; gives the logs of the sellers. The seed is one of its own each time,
/// and so are the request ids.
async fn sell_meanwhile(
    db: &Database,
    (seed, repeats): (u64, usize),
    happens: impl Future<Output = ()>,
) -> Vec<Told> {
    let skus = vec!["HOT".into(), "HOT".into(), "COLD".into()];
    let functions = &seller::DEDUCTIONS;
    let seller = Seller { db: db.clone(), skus, seed, repeats, hasty: false, functions };
    let sellers = seller.several(CALLERS);
    let (stop, log) = (AtomicBool::new(false), RefCell::default());
    let sell = join_all(sellers.iter().map(|seller| seller.sell_until(&stop, &log)));
    let happens = async {
        happens.await;
        stop.store(true, Relaxed);
    };
    futures::join!(sell, happens);
    log.into_inner()
}

/// Whoever ends or cancels a committer disturbs nobody.
pub async fn a_committer_ended_or_cancelled_is_not_missed(pg: Pg) {
    let db = small_shop(&pg).await;
    let mut owner = db.owner().await;
    let happens = async {
        let mut last = None;
        for round in 0..if soak() { 600 } else { 24 } {
            let pid =
                chaos::next_committer(&mut owner, "shop", last.filter(|_| round % 2 == 1)).await;
            let how = if round % 2 == 0 { "terminate" } else { "cancel" };
            owner.run(&format!("SELECT pg_{how}_backend({pid})")).await;
            last = Some(pid);
        }
        // And the one that sends them.
        let launcher = "FROM pg_stat_activity WHERE backend_type = 'pg_inventory launcher'";
        let pid = owner.text(&format!("SELECT pid {launcher}")).await;
        owner.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        owner.until(&format!("SELECT count(*) = 1 {launcher} AND pid <> {pid}")).await;
        let last = chaos::next_committer(&mut owner, "shop", None).await;
        owner.run(&format!("SELECT pg_terminate_backend({last})")).await;
        chaos::next_committer(&mut owner, "shop", Some(last)).await;
    };
    let mut log = sell_meanwhile(&db, (1, 0), happens).await;
    for told in &log {
        assert!(told.end.accepted(), "{told:?}");
    }
    every_slot_is_free(&db, &mut log).await;
    ledger::compare(&db, &begun(), &log).await.unwrap();
}

/// What waits for a row that somebody has waits on, whichever committer tries for it.
pub async fn a_committer_ended_leaves_those_who_wait_to_the_next(pg: Pg) {
    let db = small_shop(&pg).await;
    let (mut owner, mut idle) = (db.owner().await, db.operator().await);
    idle.run("BEGIN; SELECT inventory.deduct('HOT', 1)").await;
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let mut session = db.operator().await;
        session.run("SET pg_inventory.lock_wait = '10min'").await;
        let id = Uuid::new_v4();
        let task = tokio::spawn(async move { End::of(session.query(&call(id)).await) });
        callers.push((id, task));
    }
    until_waiting(&mut owner, CALLERS).await;
    let mut last = None;
    for _ in 0..5 {
        let pid = chaos::next_committer(&mut owner, "shop", last).await;
        owner.run(&format!("SELECT pg_terminate_backend({pid})")).await;
        last = Some(pid);
    }
    chaos::next_committer(&mut owner, "shop", last).await;
    until_waiting(&mut owner, CALLERS).await;
    idle.run("COMMIT").await;
    let mut log = Vec::new();
    for (id, task) in callers {
        let end = task.await.unwrap_or(End::Unknown(Default::default()));
        assert!(end.accepted(), "{id}: {end:?}");
        log.push(Told { id, sku: "HOT".into(), delta: -1, end });
    }
    owner.check("SELECT on_hand FROM inventory.stock WHERE sku = 'HOT'", &left(CALLERS + 1)).await;
    every_slot_is_free(&db, &mut log).await;
    db.verify_is_clean().await;
}

fn left(sold: usize) -> String {
    (UNITS - sold as i64).to_string()
}

/// Stops the server and starts it again, while clients go on.
async fn restart(db: &Database, stop: fn(&Server)) {
    let server = db.server.clone();
    let restart = move || {
        stop(&server);
        server.start_again();
    };
    tokio::task::spawn_blocking(restart).await.expect("it starts again");
}

/// Processes that die take the server with them, which starts again; and servers that are stopped.
pub async fn what_was_told_is_so_after_any_end(pg: Pg) {
    let db = small_shop(&pg).await;
    let mut log = Vec::new();
    for round in 0..if soak() { 100 } else { 5 } {
        let happens = async {
            let mut owner = db.until_up(User::Owner).await;
            let committer = chaos::next_committer(&mut owner, "shop", None).await;
            let caller = "SELECT pid FROM pg_stat_activity \
                WHERE wait_event_type = 'Extension' AND backend_type = 'client backend' LIMIT 1";
            match round % 5 {
                0 => chaos::kill(committer),
                1 => loop {
                    let waiting = owner.text(caller).await;
                    if let Ok(pid) = waiting.parse() {
                        break chaos::kill(pid);
                    }
                },
                2 => restart(&db, Server::stop).await,
                3 => restart(&db, Server::stop_at_once).await,
                _ => restart(&db, Server::kill).await,
            }
            // The server takes a moment to notice.
            while owner.query("SELECT").await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let mut owner = db.until_up(User::Owner).await;
            owner.verify_is_clean().await;
            // Long enough for all to have come back.
            chaos::next_committer(&mut owner, "shop", None).await;
        };
        log.extend(sell_meanwhile(&db, (round, 5), happens).await);
    }
    let unknown = log.iter().filter(|told| matches!(told.end, End::Unknown(_))).count();
    assert!(unknown > 0, "some never heard of the end of their call");
    every_slot_is_free(&db, &mut log).await;
    ledger::compare(&db, &begun(), &log).await.unwrap();
}
