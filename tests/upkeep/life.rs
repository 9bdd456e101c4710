//! How the background worker lives and dies with its server.

use std::process::Command;

use inventory_tests::{Database, Pg, kept};

use crate::{SWEPT, WORKER, open};

/// A hold that is due, and gone soon.
async fn is_swept(db: &Database) {
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour')").await;
    owner.until(SWEPT).await;
}

pub async fn the_server_stops_and_starts_with_it(pg: Pg) {
    let db = pg.private_database(kept).await;
    let mut owner = open(&db, &[("A", 10_000)]).await;
    is_swept(&db).await;
    // In the middle of much to do.
    owner.run("SELECT inventory.reserve('A', 1) FROM generate_series(1, 2000); SELECT public.time_passes('1 hour')").await;
    owner.until("SELECT EXISTS (SELECT FROM inventory.reservation WHERE state = 'EXPIRED' AND closed_at > clock_timestamp() - interval '1 second')").await;
    db.server.stop();
    db.server.start_again();
    db.owner().await.until(SWEPT).await;
    db.verify_is_clean().await;
    let log = db.server.log();
    assert!(!log.contains("PANIC") && !log.contains("terminated by signal"), "{log}");
}

pub async fn it_comes_back_after_a_crash(pg: Pg) {
    let db = pg.private_database(kept).await;
    let mut owner = open(&db, &[("A", 10)]).await;
    // The launcher is asked to end.
    let launcher = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_inventory launcher'";
    let before = owner.text(launcher).await;
    owner.run(&format!("SELECT pg_terminate_backend({before})")).await;
    owner.until(&format!("SELECT EXISTS ({launcher} AND pid <> {before})")).await;
    is_swept(&db).await;
    // A process of the server is killed, so that it starts over with fresh memory.
    let pid = owner.pid().await;
    let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
    db.server.until_logged("all server processes terminated; reinitializing").await;
    let mut owner = loop {
        if let Ok(session) = db.try_session(inventory_tests::User::Owner).await {
            break session;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    is_swept(&db).await;
    owner.check(WORKER, "ok|it was here N s ago").await;
    // And all of it, as in a power cut.
    db.server.kill();
    db.server.start_again();
    is_swept(&db).await;
    db.verify_is_clean().await;
}

pub async fn a_standby_waits_for_its_promotion(pg: Pg) {
    let primary = pg.private_database(kept).await;
    let mut owner = open(&primary, &[("A", 10)]).await;
    is_swept(&primary).await;
    let server = pg.standby_with(&primary.server, kept).await;
    let standby = Database { server, name: primary.name.clone() };
    standby.server.until_logged("this is a standby: upkeep waits for its promotion").await;
    // What the primary does comes over; the standby itself does nothing.
    is_swept(&primary).await;
    let written = owner.text("SELECT pg_current_wal_flush_lsn()").await;
    let mut there = standby.owner().await;
    there.until(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'")).await;
    there.check("SELECT count(*) FROM inventory.reservation WHERE state = 'EXPIRED'", "2").await;
    there.check(WORKER, "ok|this is a standby: upkeep is the primary's").await;
    there
        .check(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_inventory upkeep'",
            "0",
        )
        .await;
    there.check_refused("SELECT inventory.maintain()", "25006", "").await;
    there.check_refused("CALL inventory.reshard(32)", "25006", "").await;
    primary.server.kill();
    there.check("SELECT pg_promote()", "t").await;
    is_swept(&standby).await;
    there.until("SELECT EXISTS (SELECT FROM inventory.doctor() WHERE topic = 'worker' AND finding LIKE 'it was here%')").await;
    there.verify_is_clean().await;
    let log = standby.server.log();
    assert!(!log.contains("pg_inventory: could not"), "{log}");
}

pub async fn it_can_be_switched_off(pg: Pg) {
    let db = pg.private_database(kept).await;
    let mut owner = open(&db, &[("A", 10)]).await;
    is_swept(&db).await;
    owner.run("ALTER SYSTEM SET pg_inventory.upkeep = off").await;
    owner.run("SELECT pg_reload_conf()").await;
    owner.until("SELECT current_setting('pg_inventory.upkeep') = 'off'").await;
    owner
        .check(WORKER, "note|pg_inventory.upkeep is off: nothing sweeps holds or prunes by itself")
        .await;
    // The launcher has heard of it too when nobody comes any more.
    let visits = format!("SELECT xact_commit FROM pg_stat_database WHERE datname = '{}'", db.name);
    drop(owner);
    let mut other = Database::maintenance(&db.server).owner().await;
    loop {
        let before = other.number(&visits).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        if other.number(&visits).await == before {
            break;
        }
    }
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour')").await;
    owner
        .check("SELECT done, more FROM inventory.maintain() WHERE job = 'expire holds'", "1|f")
        .await;
    owner.run("ALTER SYSTEM RESET pg_inventory.upkeep").await;
    owner.run("SELECT pg_reload_conf()").await;
    is_swept(&db).await;
}
