//! doctor() says what is wrong with a setup: each fault is made by hand, and seen as exactly that
//! finding. Where nothing is wrong it says so.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::time::Duration;

use inventory_gateway::cluster::Builder;
use inventory_tests::clock::Clock;
use inventory_tests::servers::repository;
use inventory_tests::{Database, Pg, Session, User, Verdict, promises, skipped};

promises!(
    a_sound_setup_is_well,
    without_preload_there_is_one_note,
    each_fault_is_seen_and_nothing_else,
    settings_of_the_server_that_harm_are_seen,
    dead_rows_are_seen,
    a_slot_without_a_reader_is_seen,
    few_connections_left_are_seen,
    what_stays_open_is_seen_as_time_goes_by,
    before_install_it_says_so,
    another_encoding_is_seen,
    a_newer_version_on_the_server_is_seen,
    it_waits_for_nobody,
    a_standby_is_well,
    every_finding_is_made_here,
    it_knows_all_that_install_makes,
);

/// What is not well, a line a finding, without the worker: only servers that preload it have one.
const UNWELL: &str = "SELECT topic, state, finding FROM inventory.doctor() WHERE state <> 'ok' AND topic <> 'worker'";

/// A server as PostgreSQL delivers it: the shared one is set up to be quick, not safe.
async fn safe(pg: &Pg) -> Database {
    pg.private_database(|server| server).await
}

/// Asserts what is found; `…` stands for anything.
#[track_caller]
fn assert_found(found: &str, wanted: &str, after: &str) {
    let mut rest = found;
    let mut fits = true;
    for (at, part) in wanted.split('…').enumerate() {
        let place = if at == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        fits &= place.is_some();
        rest = &rest[place.map_or(0, |place| place + part.len())..];
    }
    let open = wanted.ends_with('…') && !rest.contains('\n');
    assert!(
        fits && (rest.is_empty() || open),
        "after {after}\n  found  {found}\n  wanted {wanted}"
    );
}

async fn a_sound_setup_is_well(pg: Pg) {
    let preloaded = |server: Builder| server.setting("shared_preload_libraries", "pg_inventory");
    let db = pg.private_database(preloaded).await;
    db.stock(&[("A", 10)]).await;
    db.operator()
        .await
        .run("SELECT inventory.reserve('A', 1); SELECT inventory.deduct('A', 1)")
        .await;
    let mut reader = db.reader().await;
    reader.until("SELECT NOT EXISTS (SELECT FROM inventory.doctor() WHERE state <> 'ok')").await;
    reader.check("SELECT topic FROM inventory.doctor() WHERE advice <> ''", "").await;
    let topics = "SELECT topic FROM inventory.doctor() WHERE topic <> 'growth'";
    reader
        .check(
            topics,
            "version\nencoding\nlayout\nrights\nworker\nupkeep\njournal\nsequences\nsagas\nrepairs\nsinks\nvacuum\ntransactions\n\
             durability\nisolation\nconnections",
        )
        .await;
    let mut stranger = db.session(User::Stranger).await;
    stranger.check_refused("SELECT * FROM inventory.doctor()", "42501", "").await;
}

async fn without_preload_there_is_one_note(pg: Pg) {
    let db = safe(&pg).await;
    let all = "SELECT topic, state, finding FROM inventory.doctor() WHERE state <> 'ok'";
    let note = "worker|note|the library is not preloaded: nothing sweeps holds or prunes by itself";
    db.reader().await.check(all, note).await;
}

/// A fault: how it is made, in a transaction that is rolled back, and what is found then.
#[rustfmt::skip]
const FAULTS: &[(&str, &str)] = &[
    ("UPDATE pg_extension SET extversion = '0.1.0' WHERE extname = 'pg_inventory'",
     "version|problem|the functions of this database are of version 0.1.0, the library is …"),
    ("UPDATE pg_extension SET extversion = '99.0.0' WHERE extname = 'pg_inventory'",
     "version|problem|the functions of this database are of version 99.0.0, the library is …"),
    ("UPDATE inventory.installation SET layout = 1",
     "layout|problem|the tables have layout 1, this library works with …"),
    ("UPDATE inventory.installation SET layout = 99",
     "layout|problem|the tables have layout 99, this library works with …"),
    ("DROP VIEW inventory.order_history; DROP INDEX inventory.journal_history",
     "layout|problem|missing: inventory.journal_history, inventory.order_history"),
    ("DROP TABLE inventory.upkeep",
     "layout|problem|missing: inventory.upkeep, inventory.upkeep_pkey"),
    ("ALTER TABLE inventory.orders DISABLE TRIGGER orders_keep_to_their_states",
     "layout|problem|nothing holds orders to their states: the trigger on inventory.orders is off or gone"),
    ("DROP TRIGGER orders_keep_to_their_states ON inventory.orders",
     "layout|problem|nothing holds orders to their states: the trigger on inventory.orders is off or gone"),
    ("ALTER TABLE inventory.saga_step DISABLE TRIGGER saga_steps_stay_answered",
     "layout|problem|nothing holds steps of sagas to their states: the trigger on inventory.saga_step is off or gone"),
    ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'inventory.orders_open'::regclass",
     "layout|problem|index inventory.orders_open is not valid: nothing is looked up by it"),
    ("ALTER TABLE inventory.product SET UNLOGGED",
     "layout|problem|inventory.product is unlogged: a crash empties it"),
    ("ALTER SEQUENCE inventory.journal_id SET UNLOGGED",
     "layout|problem|inventory.journal_id is unlogged: a crash empties it"),
    ("ALTER ROLE inventory_reader RENAME TO inventory_looker",
     "rights|problem|role inventory_reader is missing"),
    ("REVOKE inventory_reader FROM inventory_operator",
     "rights|problem|inventory_operator does not have the rights of inventory_reader"),
    ("GRANT EXECUTE ON FUNCTION inventory.deduct, inventory.install TO PUBLIC",
     "rights|problem|everybody may call inventory.deduct, inventory.install"),
    ("REVOKE EXECUTE ON FUNCTION inventory.verify FROM inventory_reader",
     "rights|problem|inventory_reader may not call inventory.verify"),
    ("REVOKE EXECUTE ON FUNCTION inventory.deduct, inventory.reserve FROM inventory_operator",
     "rights|problem|inventory_operator may not call inventory.deduct, inventory.reserve"),
    ("REVOKE SELECT ON inventory.outbox FROM inventory_reader",
     "rights|problem|inventory_reader may not read inventory.outbox"),
    ("REVOKE USAGE ON SCHEMA inventory FROM inventory_reader",
     "rights|problem|inventory_reader may not use schema inventory"),
    ("GRANT UPDATE, SELECT, DELETE ON inventory.stock TO shop_operator",
     "rights|problem|shop_operator has DELETE, UPDATE on inventory.stock: that goes past the engine"),
    ("GRANT UPDATE (on_hand) ON inventory.stock TO PUBLIC",
     "rights|problem|everybody has UPDATE on inventory.stock: that goes past the engine"),
    ("GRANT USAGE ON SEQUENCE inventory.journal_id TO shop_reader",
     "rights|problem|shop_reader has USAGE on inventory.journal_id: that goes past the engine"),
    ("GRANT CREATE ON SCHEMA inventory TO inventory_admin",
     "rights|problem|inventory_admin has CREATE on schema inventory: that goes past the engine"),
    ("ALTER SCHEMA inventory OWNER TO shop_admin",
     "rights|problem|schema inventory belongs to shop_admin, who is no superuser"),
    ("INSERT INTO inventory.reservation (reservation_id, state, expires_at, created_at) \
      VALUES (gen_random_uuid(), 'HELD', now() - interval '1 hour', now())",
     "upkeep|note|holds that ended at … UTC are not swept yet"),
    ("UPDATE inventory.upkeep SET at = now() - interval '2 days' WHERE job = 'prune requests'",
     "upkeep|note|prune requests: not done since … UTC"),
    ("INSERT INTO inventory.saga (saga_id, name, definition, input, state, fence, generation, created_at, changed_at) \
      VALUES ('00000000-0000-7000-8000-000000000001', 'x', '{}', '{}', 'NEEDS_ATTENTION', 0, 1, now(), now())",
     "sagas|problem|1 of them need attention, the oldest is 00000000-0000-7000-8000-000000000001"),
    ("INSERT INTO inventory.saga (saga_id, name, definition, input, state, due_at, fence, generation, created_at, changed_at) \
      VALUES (gen_random_uuid(), 'x', '{}', '{}', 'RUNNING', now() - interval '1 hour', 0, 1, now(), now())",
     "sagas|problem|nobody has gone on with them since … UTC"),
    ("INSERT INTO inventory.repair_ticket (scope, kind, subject, expected, found, state, open, opened_at, seen_at) \
      VALUES ('database', 'on_hand', 'A in 1', '1', '2', 'PENDING', true, now() - interval '2 days', now()), \
             ('database', 'on_hand', 'B in 1', '1', '2', 'PENDING', true, now() - interval '1 hour', now()), \
             ('database', 'on_hand', 'C in 1', '1', '2', 'REJECTED', true, now() - interval '2 days', now())",
     "repairs|note|1 tickets have waited for somebody's word for more than a day, the first of them is …"),
    ("INSERT INTO inventory.repair_ticket (scope, kind, subject, expected, found, state, open, opened_at, seen_at, decided_at) \
      VALUES ('database', 'on_hand', 'A in 1', '1', '2', 'CONFIRMED', true, now() - interval '2 days', now(), now() - interval '2 hours'), \
             ('database', 'on_hand', 'B in 1', '1', '2', 'CONFIRMED', true, now() - interval '2 days', now(), now()), \
             ('database', 'on_hand', 'C in 1', '1', '2', 'REJECTED', true, now() - interval '2 days', now(), now() - interval '2 hours')",
     "repairs|note|1 tickets were confirmed and never carried out, the first of them is …"),
    ("DROP INDEX inventory.saga_due", "layout|problem|missing: inventory.saga_due"),
    ("INSERT INTO inventory.journal (id, generation, xid, at, event_type, on_hand_delta, reserved_delta, db_user) \
      VALUES (999000000000, 1, '1', now(), 'x', 0, 0, 'x')",
     "journal|note|movements lie in the default partition, the first of them is 999000000000"),
    ("ALTER SEQUENCE inventory.journal_id RESTART 98000000; SELECT nextval('inventory.journal_id')",
     "journal|note|its partitions have room for 2000000 more movements only"),
    ("ALTER SEQUENCE inventory.journal_id RESTART 100000000; SELECT nextval('inventory.journal_id')",
     "journal|problem|the last partition is full: movements go to the default one, which is never dropped"),
    ("SELECT inventory.put_sink('hook', 'stdout:'), inventory.pause_sink('hook')",
     "sinks|note|sink hook is paused: it is told nothing, and the journal keeps all that it has still to hear"),
    ("SELECT inventory.put_sink('hook', 'stdout:'); \
      UPDATE inventory.relay_cursor SET failing_since = now() - interval '1 hour', failure = 'gone'",
     "sinks|problem|sink hook does not take what it is sent since … UTC: gone"),
    ("SELECT inventory.put_sink('hook', 'stdout:', true); UPDATE inventory.journal SET at = at - interval '1 hour'",
     "sinks|problem|no relay tells sink hook"),
    ("SELECT inventory.put_sink('hook', 'stdout:', true), inventory.take_turns('one'); \
      UPDATE inventory.journal SET at = at - interval '1 hour'",
     "sinks|note|sink hook is 6… minutes behind"),
    ("SELECT inventory.put_sink('hook', 'stdout:'); \
      INSERT INTO inventory.outbox_parked VALUES ('hook', 1, 'A', 'DEAD', 8, NULL, 'no', now())",
     "sinks|note|sink hook refused 1 events for good"),
    ("ALTER SEQUENCE inventory.journal_id CACHE 20",
     "sequences|problem|inventory.journal_id is not as it was made: CACHE 20"),
    ("ALTER SEQUENCE inventory.order_number_001 INCREMENT 2 CYCLE MAXVALUE 8000000000000000",
     "sequences|problem|inventory.order_number_001 is not as it was made: INCREMENT 2, CYCLE, MAXVALUE 8000000000000000"),
    ("ALTER SEQUENCE inventory.journal_id AS integer",
     "sequences|problem|inventory.journal_id is not as it was made: no bigint, MAXVALUE 2147483647"),
    ("ALTER SEQUENCE inventory.order_number_001 RESTART 9000000000000000; SELECT nextval('inventory.order_number_001')",
     "sequences|problem|inventory.order_number_001 nears its end: 9000000000000000 of 9223372035854775"),
    ("SELECT format('ALTER SEQUENCE inventory.order_number_001 RESTART %s', extract(epoch FROM now())::bigint * 1000000 + 18000000000)",
     "sequences|note|inventory.order_number_001 is ahead of the clock by 0…"),
    ("DROP SEQUENCE inventory.order_number_001",
     "sequences|problem|warehouse 1 has no sequence of order numbers"),
    ("SET LOCAL track_counts = off",
     "vacuum|problem|the setting track_counts is off"),
    ("ALTER TABLE inventory.request SET (autovacuum_enabled = off)",
     "vacuum|problem|autovacuum is off for inventory.request"),
    ("UPDATE pg_class SET relfrozenxid = OLD_XID WHERE oid = 'inventory.request'::regclass",
     "vacuum|problem|inventory.request is 4… transactions behind with freezing"),
    ("UPDATE pg_database SET datfrozenxid = OLD_XID WHERE datname = current_database()",
     "vacuum|problem|database shop is 4… transactions behind with freezing"),
    ("SET LOCAL synchronous_commit = off",
     "durability|note|synchronous_commit is off: a crash can lose the last answers that were given"),
    ("SET LOCAL default_transaction_isolation = 'repeatable read'",
     "isolation|note|default_transaction_isolation is repeatable read"),
];

/// A transaction id that is 400 million old.
const OLD_XID: &str =
    "((txid_current() % 4294967296 + 4294967296 - 400000000) % 4294967296)::text::xid";

async fn each_fault_is_seen_and_nothing_else(pg: Pg) {
    let db = safe(&pg).await;
    db.stock(&[("A", 10)]).await;
    db.operator().await.run("SELECT inventory.deduct('A', 1)").await;
    let mut owner = db.owner().await;
    for (fault, wanted) in FAULTS {
        let fault = fault.replace("OLD_XID", OLD_XID);
        let made = owner.text(&format!("BEGIN; {fault}")).await;
        if made.starts_with("ALTER SEQUENCE") {
            let drawn = "SELECT nextval('inventory.order_number_001')";
            owner.run(&format!("{made}; {drawn}")).await;
        }
        let found = owner.text(UNWELL).await;
        owner.run("ROLLBACK").await;
        assert_found(&found, wanted, &fault);
    }
    owner.check(UNWELL, "").await;
}

async fn settings_of_the_server_that_harm_are_seen(pg: Pg) {
    let db = safe(&pg).await;
    let mut owner = db.owner().await;
    for (setting, wanted) in [
        ("autovacuum", "vacuum|problem|the setting autovacuum is off"),
        ("fsync", "durability|problem|fsync is off: a power cut can destroy the database"),
        (
            "full_page_writes",
            "durability|problem|full_page_writes is off: a power cut can destroy the database",
        ),
    ] {
        owner.run(&format!("ALTER SYSTEM SET {setting} = off")).await;
        owner.run("SELECT pg_reload_conf()").await;
        owner.until(&format!("SELECT current_setting('{setting}') = 'off'")).await;
        owner.check(UNWELL, wanted).await;
        owner.run(&format!("ALTER SYSTEM RESET {setting}")).await;
        owner.run("SELECT pg_reload_conf()").await;
        owner.until(&format!("SELECT current_setting('{setting}') = 'on'")).await;
    }
    owner.check(UNWELL, "").await;
}

async fn dead_rows_are_seen(pg: Pg) {
    let db = pg.private_database(|server| server.setting("autovacuum_naptime", "1d")).await;
    let mut owner = db.owner().await;
    owner
        .run(
            "SELECT count(inventory.put_product('S' || n, 'Product')) FROM generate_series(1, 4000) AS n; \
             UPDATE inventory.product SET name = 'a'; UPDATE inventory.product SET name = 'b'; \
             UPDATE inventory.product SET name = 'c'; SELECT pg_stat_force_next_flush()",
        )
        .await;
    owner.until("SELECT pg_stat_get_dead_tuples('inventory.product'::regclass) > 10000").await;
    let found = owner.text(UNWELL).await;
    let wanted = "vacuum|note|inventory.product has 1… dead rows beside 4000 live ones";
    assert_found(&found, wanted, "updates");
    owner.run("VACUUM inventory.product").await;
    owner.check(UNWELL, "").await;
}

async fn a_slot_without_a_reader_is_seen(pg: Pg) {
    let db = pg.private_database(|server| server.setting("wal_level", "logical")).await;
    let mut owner = db.owner().await;
    owner.run("SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')").await;
    let found = owner.text(UNWELL).await;
    let wanted = "transactions|note|replication slot left_behind has no reader, and keeps \
                  dead rows of the last … transactions, and WAL from … on";
    assert_found(&found, wanted, "a slot");
    owner.run("SELECT pg_drop_replication_slot('left_behind')").await;
    owner.check(UNWELL, "").await;
}

async fn few_connections_left_are_seen(pg: Pg) {
    let few = |server: Builder| {
        server.setting("max_connections", "12").setting("superuser_reserved_connections", "0")
    };
    let db = pg.private_database(few).await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(db.owner().await);
    }
    let mut owner = db.owner().await;
    owner
        .until("SELECT count(*) = 11 FROM pg_stat_activity WHERE backend_type = 'client backend'")
        .await;
    owner.check(UNWELL, "connections|note|11 of 12 connections are in use").await;
}

async fn what_stays_open_is_seen_as_time_goes_by(pg: Pg) -> Verdict {
    let Some(clock) = Clock::new() else { return skipped(Clock::MISSING) };
    let db = pg.private_database(|server| clock.of(server)).await;
    db.stock(&[("A", 10)]).await;
    let mut owner = db.owner().await;
    let (mut idle, mut prepared) = (db.operator().await, db.owner().await);
    idle.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    prepared
        .run("BEGIN; SELECT inventory.next_order_no(); PREPARE TRANSACTION 'left behind'")
        .await;
    owner.check(UNWELL, "").await;

    let session = idle.pid().await;
    let open = format!(
        "session {session} of shop_operator (inventory-tests) has a transaction open since … UTC, idle in transaction"
    );
    let left = "transaction 'left behind' of postgres is prepared since … UTC, and neither committed nor rolled back";
    clock.set("+120");
    let found = owner.text(UNWELL).await;
    assert_found(
        &found,
        &format!("transactions|note|{open}\ntransactions|note|{left}"),
        "2 minutes",
    );

    // Somebody waits for its goods.
    let mut waits = db.operator().await;
    let waiting = async { waits.text("SELECT on_hand FROM inventory.deduct('A', 2)").await };
    let looking = async {
        owner.until_waiting(1).await;
        let found = owner.text(UNWELL).await;
        let wanted = format!(
            "transactions|problem|{open}; 1 sessions wait for it\ntransactions|note|{left}"
        );
        assert_found(&found, &wanted, "somebody waits");
        idle.run("ROLLBACK; BEGIN; SELECT 1").await;
    };
    let (answer, ()) = futures::join!(waiting, looking);
    assert_eq!(answer, "8");

    clock.set("+7200");
    let found = owner.text(UNWELL).await;
    assert_found(
        &found,
        &format!("transactions|problem|{open}\ntransactions|problem|{left}"),
        "2 hours",
    );
    idle.run("COMMIT").await;
    owner.run("ROLLBACK PREPARED 'left behind'").await;
    owner.check(&format!("{UNWELL} AND topic = 'transactions'"), "").await;
    Verdict::Passed
}

async fn before_install_it_says_so(pg: Pg) {
    let db = safe(&pg).await;
    let bare = Database::create(db.server.clone(), "template0").await;
    let mut owner = bare.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    owner.check(UNWELL, "layout|problem|the tables are missing").await;
    // Of what could not be read nothing is said.
    let unread =
        "SELECT topic FROM inventory.doctor() WHERE topic IN ('upkeep', 'journal', 'sequences')";
    owner.check(unread, "").await;
    let advice = "SELECT advice FROM inventory.doctor() WHERE topic = 'layout'";
    owner.check(advice, "Run SELECT inventory.install().").await;
    owner.run("SELECT inventory.install()").await;
    owner.check(UNWELL, "").await;
}

async fn another_encoding_is_seen(pg: Pg) {
    let db = safe(&pg).await;
    let create = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";
    Database::maintenance(&db.server).owner().await.run(create).await;
    let latin = Database { server: db.server.clone(), name: "latin".into() };
    let mut owner = latin.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    owner
        .check(UNWELL, "encoding|problem|the database is not encoded in UTF8: no command works")
        .await;
    owner.check_refused("SELECT inventory.install()", "IV013", "").await;
}

/// Only PostgreSQL 18 can be told where else control files lie.
async fn a_newer_version_on_the_server_is_seen(pg: Pg) -> Verdict {
    if pg.major < 18 {
        return skipped("no extension_control_path before PostgreSQL 18");
    }
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let extensions = folder.path().join("extension");
    std::fs::create_dir(&extensions).unwrap();
    for open in [folder.path(), &extensions] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::write(extensions.join("pg_inventory.control"), "default_version = '99.0.0'\n")
        .unwrap();
    let db = safe(&pg).await;
    let mut owner = db.owner().await;
    owner.run(&format!("SET extension_control_path = '{}:$system'", folder.path().display())).await;
    let found = owner.text(UNWELL).await;
    assert_found(
        &found,
        "version|note|version 99.0.0 lies on the server, this database is at …",
        "99.0.0",
    );
    Verdict::Passed
}

async fn it_waits_for_nobody(pg: Pg) {
    let db = safe(&pg).await;
    let mut keeper = db.owner().await;
    keeper
        .run(
            "BEGIN; DO $$ DECLARE one regclass; BEGIN \
             FOR one IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'inventory'::regnamespace \
             LOOP EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', one); END LOOP; END $$",
        )
        .await;
    let mut reader: Session = db.reader().await;
    let found = tokio::time::timeout(Duration::from_secs(60), reader.text(UNWELL)).await;
    let kept = |table| {
        format!(
            "transactions|note|somebody has inventory.{table} to themselves: what is in it was not looked at"
        )
    };
    let tables = [
        "installation",
        "journal",
        "journal_default",
        "outbox_parked",
        "relay_cursor",
        "repair_ticket",
        "reservation",
        "saga",
        "sink",
        "upkeep",
        "warehouse",
    ];
    let kept: Vec<String> = tables.map(kept).into();
    assert_eq!(found.expect("it does not wait"), kept.join("\n"));
    keeper.run("ROLLBACK").await;
    reader.check(UNWELL, "").await;
}

async fn a_standby_is_well(pg: Pg) {
    let primary = safe(&pg).await;
    let server = pg.standby_of(&primary.server).await;
    let standby = Database { server, name: primary.name.clone() };
    standby.reader().await.check(UNWELL, "").await;
}

/// The longest fixed words of each finding in the sources, but for those that all is well.
fn findings() -> Vec<String> {
    let mut found = Vec::new();
    for file in ["sql/doctor.sql", "sql/doctor_tables.sql"] {
        let text = std::fs::read_to_string(repository().join(file)).unwrap();
        let unwell = |branch: &&str| branch.contains("'note'") || branch.contains("'problem'");
        for branch in text.split("\nSELECT '").skip(1).filter(unwell) {
            // Topic, state (a literal, or a CASE), then the finding.
            let (_, rest) = branch.split_once(", ").unwrap();
            let end = if rest.starts_with("CASE") { "END," } else { "," };
            let (_, rest) = rest.split_once(end).unwrap();
            let finding = rest.split('\'').nth(1).unwrap().replace("%I", "%s").replace("%L", "%s");
            let words = finding.split("%s").map(str::trim).max_by_key(|words| words.len());
            found.push(words.unwrap().to_owned());
        }
    }
    found
}

async fn every_finding_is_made_here(_: Pg) {
    let here = include_str!("doctor.rs");
    let findings = findings();
    assert!(findings.len() > 35, "{findings:#?}");
    let unmade: Vec<_> = findings.iter().filter(|words| !here.contains(*words)).collect();
    assert!(unmade.is_empty(), "no test makes {unmade:#?} of {findings:#?}");
}

/// Of leaves, partitions and order numbers there are as many as there are.
async fn it_knows_all_that_install_makes(pg: Pg) {
    let sql = std::fs::read_to_string(repository().join("sql/doctor.sql")).unwrap();
    let (_, names) = sql.split_once("pg_catalog.unnest('{").unwrap();
    let (names, _) = names.split_once('}').unwrap();
    let mut known: Vec<&str> = names.split(',').map(str::trim).collect();
    known.sort_unstable();
    let made = "SELECT relname FROM pg_class WHERE relnamespace = 'inventory'::regnamespace \
                  AND relname !~ '^(stock_[0-9]|journal_[0-9]|journal_default_|order_number_)' ORDER BY relname COLLATE \"C\"";
    let made = pg.database().await.owner().await.text(made).await;
    assert_eq!(known, made.lines().collect::<Vec<_>>());
}
