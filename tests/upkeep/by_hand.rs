//! `maintain()`, for servers without preload.

use inventory_tests::{Pg, User};

use crate::{DUE, WORKER, open};

/// What readers of the journal begin from is noted when it is time for it, not when there is work.
const ALL: &str = "SELECT * FROM inventory.maintain() WHERE job <> 'note the end of the journal'";

pub async fn maintain_does_the_same(pg: Pg) {
    let db = pg.database().await;
    let mut owner = open(&db, &[("A", 5_000)]).await;
    owner
        .check(
            WORKER,
            "note|the library is not preloaded: nothing sweeps holds or prunes by itself",
        )
        .await;
    let quiet = "expire holds|0|f\nwatch hot SKUs|0|f\nopen journal partitions|0|f\nprune requests|0|f\nprune holds|0|f\nprune sagas|0|f\ndrop journal partitions|0|f";
    owner.check(ALL, quiet).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.reserve('A', 1) FROM generate_series(1, 300)").await;
    owner
        .run("SELECT public.time_passes('1 hour'); SELECT setval('inventory.journal_id', 71000000)")
        .await;
    owner
        .run(
            "INSERT INTO inventory.request (request_id, fingerprint, levels, movements, at) \
             SELECT gen_random_uuid(), gen_random_uuid(), '{}', 0, clock_timestamp() - interval '8 days' FROM generate_series(1, 100)",
        )
        .await;
    owner.run(DUE).await;
    let mut admin = db.admin().await;
    // Bounded in one call; `more` asks for another.
    admin
        .check(
            ALL,
            "expire holds|200|t\nwatch hot SKUs|0|f\nopen journal partitions|2|f\nprune requests|100|f\nprune holds|0|f\nprune sagas|0|f\ndrop journal partitions|0|f",
        )
        .await;
    owner.run("UPDATE inventory.reservation SET closed_at = closed_at - interval '31 days' WHERE state = 'EXPIRED'").await;
    owner.run(DUE).await;
    admin
        .check(
            ALL,
            "expire holds|100|f\nwatch hot SKUs|0|f\nopen journal partitions|0|f\nprune requests|0|f\nprune holds|200|f\nprune sagas|0|f\ndrop journal partitions|0|f",
        )
        .await;
    owner.check("SELECT count(*), (SELECT count(*) FROM inventory.reservation_line) FROM inventory.reservation", "100|100").await;
    owner.verify_is_clean().await;
    // What others do at the moment is left for the next time.
    let mut other = db.admin().await;
    owner.run(DUE).await;
    other.run("BEGIN; SELECT inventory.maintain()").await;
    owner.check(ALL, quiet).await;
    other.run("ROLLBACK").await;
}

pub async fn maintain_leaves_nothing_behind(pg: Pg) {
    let db = pg
        .private_database(|b| {
            b.setting("pg_inventory.journal_retention", "1d").setting("fsync", "off")
        })
        .await;
    let mut owner = open(&db, &[("A", 10)]).await;
    owner.run("UPDATE inventory.journal SET at = at - interval '2 days'").await;
    owner.run("SELECT setval('inventory.journal_id', 95000000)").await;
    let settings = "SELECT current_setting('lock_timeout') || current_setting('search_path') || current_setting('deadlock_timeout')";
    owner.run("SET lock_timeout = '1234ms'").await;
    let before = owner.text(settings).await;
    owner
        .check(
            "BEGIN; SELECT job FROM inventory.maintain() WHERE done > 0",
            "open journal partitions\nnote the end of the journal\ndrop journal partitions",
        )
        .await;
    owner.check(settings, &before).await;
    owner.run("COMMIT").await;
    owner.check("BEGIN; SELECT more FROM inventory.reshard_step(8); SELECT more FROM inventory.reshard_step(8, 100)", "t").await;
    owner.check(settings, &before).await;
    owner.run("ROLLBACK").await;
    owner.verify_is_clean().await;
}

pub async fn maintain_is_for_administrators(pg: Pg) {
    let db = pg.database().await;
    for user in [User::Operator, User::Reader, User::Stranger] {
        let mut session = db.session(user).await;
        session.check_refused("SELECT inventory.maintain()", "42501", "").await;
    }
    db.admin().await.run("SELECT inventory.maintain()").await;
    db.reader().await.run("SELECT * FROM inventory.doctor()").await;
}

pub async fn maintain_needs_tables_and_leave_to_write(pg: Pg) {
    let bare = pg.bare_database().await;
    let mut owner = bare.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    owner.check_refused("SELECT inventory.maintain()", "IV013", "").await;
    owner.run("SELECT inventory.doctor()").await;
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.check_refused("BEGIN READ ONLY; SELECT inventory.maintain()", "25006", "").await;
    admin.run("ROLLBACK").await;
}
