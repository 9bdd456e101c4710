//! A hot standby reads, checks and refuses to write; promoted, it goes on where the primary ended, and
//! nothing that was acknowledged is lost.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inventory_tests::calls::{self, CHANGING};
use inventory_tests::trade::{every_view_answers, repeated};
use inventory_tests::{Database, Pg, Session, Trade, promises};
use uuid::Uuid;

promises!(
    a_standby_reads_and_refuses_to_write,
    a_promoted_standby_goes_on,
    nothing_acknowledged_is_lost_with_the_primary,
);

/// The standby of a primary, which has come as far.
async fn standby_of(pg: &Pg, primary: &Database) -> Database {
    let server = pg.standby_of(&primary.server).await;
    let standby = Database { server, name: primary.name.clone() };
    caught_up(primary, &standby).await;
    standby
}

async fn caught_up(primary: &Database, standby: &Database) {
    let written = primary.owner().await.text("SELECT pg_current_wal_flush_lsn()").await;
    let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
    standby.owner().await.until(&replayed).await;
}

/// The error of a call that must not hang either.
async fn refused_soon(session: &mut Session, call: &str) -> String {
    let refused = session.refused(call);
    let refused = tokio::time::timeout(Duration::from_secs(30), refused).await;
    refused.unwrap_or_else(|_| panic!("{call} never ends")).sqlstate
}

async fn a_standby_reads_and_refuses_to_write(pg: Pg) {
    let primary = pg.private_database(|builder| builder).await;
    Trade::of(&primary).await;
    let standby = standby_of(&pg, &primary).await;
    let (mut reader, mut there) = (standby.reader().await, primary.reader().await);
    every_view_answers(&mut reader).await;
    for view in ["stock_level", "stock_lot", "reservations", "order_status", "order_lines"] {
        let sorted = format!("SELECT v::text FROM inventory.{view} AS v ORDER BY 1");
        let expected = there.text(&sorted).await;
        assert!(!expected.is_empty(), "{view}");
        reader.check(&sorted, &expected).await;
    }
    reader.verify_is_clean().await;
    reader.run("SELECT * FROM inventory.doctor()").await;
    let mut admin = standby.admin().await;
    calls::are_complete(&mut admin).await;
    for call in CHANGING {
        // Read-only, in PostgreSQL's own words.
        assert_eq!(refused_soon(&mut admin, call).await, "25006", "{call}");
    }
    reader.verify_is_clean().await;
}

async fn a_promoted_standby_goes_on(pg: Pg) {
    let primary = pg.private_database(|builder| builder).await;
    let trade = Trade::of(&primary).await;
    let standby = standby_of(&pg, &primary).await;
    // One session whose first look was while it stood by.
    let mut looked = standby.admin().await;
    looked.verify_is_clean().await;
    let mut owner = standby.owner().await;
    let before = owner.number("SELECT generation FROM inventory.installation").await;
    primary.server.kill();
    owner.check("SELECT pg_promote()", "t").await;

    trade.replays(&mut looked).await;
    let next = looked.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    assert!(next > trade.number, "{next} after {}", trade.number);
    trade.goes_on(&standby).await;
    // A new timeline is a new generation.
    let last = "SELECT generation FROM inventory.journal ORDER BY id DESC LIMIT 1";
    owner.check(last, &(before + 1).to_string()).await;
    owner.check("SELECT generation FROM inventory.installation", &(before + 1).to_string()).await;
}

/// The units that nobody runs out of.
const UNITS: i64 = 1_000_000;
/// Clients, and how many answers they have before the primary is killed.
const CLIENTS: usize = 12;
const ANSWERS: usize = 600;

/// What clients heard.
#[derive(Default)]
struct Heard {
    /// Calls that were answered.
    acknowledged: Vec<(Uuid, String, String)>,
    /// Calls whose answer never came.
    open: Vec<(Uuid, String)>,
}

/// A call of one of the ways to sell a unit of two SKUs, by turns.
fn sale(turn: usize, id: Uuid) -> String {
    let many = format!("deduct_many(ARRAY['{id}', '{id}']::uuid[], ARRAY['A', 'B'], ARRAY[1, 1])");
    let call = match turn % 4 {
        0 => format!("deduct('A', 1, request_id => '{id}')"),
        1 => format!("deduct_now('B', 1, request_id => '{id}')"),
        2 => many,
        _ => format!("try_deduct('B', 1, request_id => '{id}')"),
    };
    format!("SELECT * FROM inventory.{call}")
}

/// Sells until the server is gone.
async fn client(mut session: Session, first: usize, heard: Arc<Mutex<Heard>>) {
    for turn in first.. {
        let id = Uuid::new_v4();
        let call = sale(turn, id);
        match session.query(&call).await {
            Ok(answer) => {
                heard.lock().unwrap().acknowledged.push((id, call, answer.to_string()));
            }
            Err(refused) => {
                // Nothing else may go wrong than that the connection breaks.
                assert!(["", "57P01", "57P02"].contains(&refused.sqlstate.as_str()), "{refused}");
                return heard.lock().unwrap().open.push((id, call));
            }
        }
    }
}

async fn nothing_acknowledged_is_lost_with_the_primary(pg: Pg) {
    let preload = ("shared_preload_libraries", "pg_inventory");
    let primary = pg.private_database(|b| b.setting(preload.0, preload.1)).await;
    primary.stock(&[("A", UNITS), ("B", UNITS), ("C", 10)]).await;
    let standby = standby_of(&pg, &primary).await;
    wait_for_the_standby(&primary).await;

    let heard = sell_until_killed(&primary).await;
    let mut owner = standby.owner().await;
    owner.check("SELECT pg_promote()", "t").await;

    let effects = effects(&mut owner).await;
    for (id, call, answer) in &heard.acknowledged {
        assert_eq!(effects.get(id), Some(&(1 + call.matches("'B'], ").count())), "{call}");
        owner.check(call, &repeated(answer)).await;
    }
    // What nobody heard of happened once or not at all, and happens once when it is repeated.
    for (_, call) in &heard.open {
        let first = owner.text(call).await;
        let again = owner.text(call).await;
        assert_eq!(again.replace("|t", "|f"), first.replace("|t", "|f"), "{call}");
        assert!(!again.contains("|f"), "{call}: {again}");
    }
    assert_eq!(heard.open.len(), CLIENTS);
    let sold =
        "SELECT 2 * 1000000 - sum(on_hand) FROM inventory.stock_level WHERE sku IN ('A', 'B')";
    let units = "SELECT count(*) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'";
    assert_eq!(owner.number(sold).await, owner.number(units).await);
    // An open transaction was never acknowledged.
    owner.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'C'", "10").await;
    numbers_rise(&mut owner).await;
    standby.verify_is_clean().await;
}

/// From now on a commit waits until the standby has it on disk.
async fn wait_for_the_standby(primary: &Database) {
    let mut owner = primary.owner().await;
    owner.run("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    owner.run("SELECT pg_reload_conf()").await;
    owner.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'").await;
    owner.check("SHOW synchronous_commit", "on").await;
}

/// Clients sell, one leaves its transaction open, and all processes of the primary are killed.
async fn sell_until_killed(primary: &Database) -> Heard {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let mut open = primary.operator().await;
    open.run("BEGIN; SELECT inventory.deduct('C', 1)").await;
    let sessions = primary.operators(CLIENTS).await.into_iter().enumerate();
    let clients: Vec<_> =
        sessions.map(|(at, session)| tokio::spawn(client(session, at, heard.clone()))).collect();
    while heard.lock().unwrap().acknowledged.len() < ANSWERS {
        assert!(clients.iter().all(|c| !c.is_finished()), "a client ended too early");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let server = primary.server.clone();
    // They go on calling while it dies.
    tokio::task::spawn_blocking(move || server.kill()).await.unwrap();
    for client in clients {
        client.await.unwrap();
    }
    Arc::into_inner(heard).unwrap().into_inner().unwrap()
}

/// How many movements each request id has in the journal.
async fn effects(owner: &mut Session) -> BTreeMap<Uuid, usize> {
    let sql = "SELECT request_id, count(*) FROM inventory.journal WHERE request_id IS NOT NULL GROUP BY 1";
    let rows = owner.text(sql).await;
    let pair = |line: &str| {
        let (id, count) = line.split_once('|').unwrap();
        (id.parse().unwrap(), count.parse().unwrap())
    };
    rows.lines().map(pair).collect()
}

/// The next number is greater than all that were given.
async fn numbers_rise(owner: &mut Session) {
    let given = owner.text("SELECT max(order_no) FROM inventory.journal").await;
    let next = owner.text("SELECT inventory.next_order_no()").await;
    assert!(next > given, "{next} after {given}");
}
