//! What is wrong with a setup is told in the log and by the doctor, and breaks nothing.

use inventory_tests::{Database, Pg, kept};

use crate::{SWEPT, WORKER, open};

pub async fn a_lack_of_processes_is_told(pg: Pg) {
    // One for PostgreSQL's own launcher, one for ours, none for a visit.
    let db = pg.private_database(|b| kept(b).setting("max_worker_processes", "2")).await;
    let mut owner = open(&db, &[("A", 10)]).await;
    db.server.until_logged("no process left for upkeep: raise max_worker_processes").await;
    owner.check(WORKER, "problem|the server has had no process left for upkeep for N s").await;
    owner.run("SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour')").await;
    owner.check("SELECT done FROM inventory.maintain() WHERE job = 'expire holds'", "1").await;
    db.operator().await.run("SELECT inventory.deduct('A', 1)").await;
    let told = db.server.log().matches("no process left").count();
    assert_eq!(told, 1, "once, however long it lasts");
    drop(owner);
    // Not even one for the launcher.
    db.server.stop();
    db.server.set("max_worker_processes", "1");
    db.server.start_again();
    let mut owner = db.owner().await;
    owner.check(WORKER, "problem|the launcher does not run").await;
    owner.run("SELECT inventory.maintain()").await;
    drop(owner);
    db.server.stop();
    db.server.set("max_worker_processes", "8");
    db.server.start_again();
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour')").await;
    owner.until(SWEPT).await;
    owner.verify_is_clean().await;
}

/// Commands of the first version.
const COMMANDS: [&str; 4] = [
    "SELECT inventory.deduct('A', 1)",
    "SELECT inventory.put_product('A', 'A')",
    "SELECT inventory.verify()",
    "SELECT inventory.next_order_no()",
];

pub async fn an_old_layout_is_told(pg: Pg) {
    let server = pg.private(kept).await;
    let other = Database::maintenance(&server);
    other.owner().await.run("CREATE DATABASE old TEMPLATE template0").await;
    let db = Database { server: server.clone(), name: "old".into() };
    let mut owner = db.owner().await;
    owner.run("CREATE EXTENSION pg_inventory VERSION '0.1.0'").await;
    server.until_logged("the extension in database \"old\" is not of this library's version").await;
    for command in COMMANDS {
        owner
            .check_refused(command, "IV013", "the inventory tables are not in this database")
            .await;
    }
    // As a library finds tables that were made by the one before it.
    owner.run("SELECT inventory.install(); UPDATE inventory.installation SET layout = 1").await;
    server
        .until_logged("the tables in database \"old\" have layout 1, this library works with")
        .await;
    let mut owner = db.owner().await;
    for command in COMMANDS {
        owner
            .check_refused(command, "IV013", "the tables have layout 1, this library works with")
            .await;
    }
    owner.run("ALTER EXTENSION pg_inventory UPDATE").await;
    owner
        .until("SELECT EXISTS (SELECT FROM inventory.doctor() WHERE topic = 'worker' AND state = 'problem' AND finding LIKE 'the tables have layout 1,%')")
        .await;
    owner.check_refused("SELECT inventory.maintain()", "IV013", "the tables have layout 1").await;
    owner.check_refused("CALL inventory.reshard(32)", "IV013", "the tables have layout 1").await;
    let told = server.log().matches("LOG:  pg_inventory: the tables in database").count();
    assert_eq!(told, 1, "once, however often somebody looks");
    // Back to what it truly is.
    owner.run("UPDATE inventory.installation SET layout = (SELECT substring(finding FROM 'works with ([0-9]+)')::int FROM inventory.doctor() WHERE topic = 'worker')").await;
    let mut owner = db.owner().await;
    owner
        .until("SELECT EXISTS (SELECT FROM inventory.doctor() WHERE topic = 'worker' AND finding LIKE 'it was here%')")
        .await;
    owner.verify_is_clean().await;
}
