//! What the background worker does in a database, and for whom.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use inventory_tests::{Database, Pg, Session, soak};

use crate::{DUE, SWEPT, WORKER, open};

pub async fn holds_past_their_time_are_swept(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 10), ("B", 10)]).await;
    let mut op = db.operator().await;
    op.run(
        "SELECT inventory.reserve_many(gen_random_uuid(), ARRAY['A', 'B'], ARRAY[2, 3]); \
         SELECT inventory.reserve('A', 4); SELECT inventory.reserve('B', 5, ttl => '20 days')",
    )
    .await;
    owner.run("SELECT public.time_passes('1 hour')").await;
    owner.until(SWEPT).await;
    owner
        .check(
            "SELECT state, count(*) FROM inventory.reservation GROUP BY 1 ORDER BY 1",
            "EXPIRED|2\nHELD|1",
        )
        .await;
    owner
        .check(
            "SELECT event_type, payload->>'sku', payload->>'qty', payload->>'reserved' \
               FROM inventory.outbox WHERE event_type = 'STOCK_EXPIRED' ORDER BY 2, 3",
            "STOCK_EXPIRED|A|2|4\nSTOCK_EXPIRED|A|4|0\nSTOCK_EXPIRED|B|3|5",
        )
        .await;
    owner
        .check("SELECT sku, reserved, lapsed FROM inventory.stock ORDER BY 1", "A|0|0\nB|5|0")
        .await;
    owner
        .check("SELECT count(*) FROM inventory.journal WHERE event_type = 'STOCK_EXPIRED'", "3")
        .await;
    owner.verify_is_clean().await;
    owner.until(&format!("SELECT ({WORKER_STATE}) = 'ok|it was here N s ago'")).await;
}

/// As one column.
const WORKER_STATE: &str = "SELECT state || '|' || regexp_replace(finding, '[0-9]+ s', 'N s') \
                              FROM inventory.doctor() WHERE topic = 'worker'";

pub async fn many_holds_are_swept(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 5_000), ("B", 5_000)]).await;
    let mut op = db.operator().await;
    op.run(
        "SELECT inventory.reserve(s, 1) FROM generate_series(1, 600), unnest(ARRAY['A', 'B']) AS s",
    )
    .await;
    owner.run("SELECT public.time_passes('1 hour')").await;
    owner.until(SWEPT).await;
    owner
        .check(
            "SELECT sku, on_hand, reserved FROM inventory.stock ORDER BY 1",
            "A|5000|0\nB|5000|0",
        )
        .await;
    owner.verify_is_clean().await;
}

pub async fn holds_are_swept_of_what_is_sold_all_the_time(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 1_000_000)]).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut sellers = Vec::new();
    for _ in 0..8 {
        let (over, mut op) = (over.clone(), db.operator().await);
        sellers.push(tokio::spawn(async move {
            let mut sold = 0;
            while !over.load(Relaxed) {
                op.run("SELECT inventory.deduct('A', 1)").await;
                sold += 1;
            }
            sold
        }));
    }
    owner.run("SELECT inventory.reserve('A', 1) FROM generate_series(1, 1500)").await;
    owner.run("SELECT public.time_passes('1 hour')").await;
    owner.until(SWEPT).await;
    over.store(true, Relaxed);
    let mut sold = 0;
    for seller in sellers {
        sold += seller.await.unwrap();
    }
    owner
        .check(
            "SELECT on_hand, reserved, lapsed FROM inventory.stock",
            &format!("{}|0|0", 1_000_000 - sold),
        )
        .await;
    owner.verify_is_clean().await;
}

/// Requests of an age, as if they had been made then: in more blocks than one pass looks at.
fn requests(count: usize, age: &str) -> String {
    format!(
        "INSERT INTO inventory.request (request_id, fingerprint, levels, movements, at) \
         SELECT gen_random_uuid(), gen_random_uuid(), '{{}}', 0, clock_timestamp() - '{age}'::interval \
           FROM generate_series(1, {count})"
    )
}

pub async fn old_requests_and_holds_are_forgotten(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 1_000)]).await;
    let mut op = db.operator().await;
    let repeat = "SELECT on_hand, replayed FROM inventory.deduct('A', 1, request_id => '11111111-1111-4111-8111-111111111111')";
    op.check(repeat, "999|f").await;
    let order = op
        .text("SELECT order_no FROM inventory.create_order('outbound', '[{\"sku\": \"A\", \"qty\": 2}]')")
        .await;
    op.run(&format!(
        "SELECT inventory.start_order('{order}'); SELECT inventory.complete_order('{order}')"
    ))
    .await;
    let mut holds = Vec::new();
    for end in ["confirm", "release", "confirm", "none"] {
        let hold = op
            .text("SELECT reservation_id FROM inventory.reserve('A', 1, ttl => '366 days')")
            .await;
        if end != "none" {
            op.run(&format!("SELECT inventory.{end}('{hold}')")).await;
        }
        holds.push(hold);
    }
    // All but the third, and the one that is open, were resolved long ago.
    owner
        .run(&format!(
            "UPDATE inventory.reservation SET closed_at = closed_at - interval '31 days' \
              WHERE state <> 'HELD' AND reservation_id <> '{}'",
            holds[2]
        ))
        .await;
    owner.run(&requests(12_000, "8 days")).await;
    owner.run(&requests(300, "6 days 23 hours")).await;
    owner.run(&requests(12_000, "7 days 1 minute")).await;
    owner.run(DUE).await;
    owner.until("SELECT count(*) = 301 FROM inventory.request").await;
    owner.until("SELECT count(*) = 3 FROM inventory.reservation").await;
    owner
        .check(
            "SELECT state, r.expires_at IS NULL, count(*), count(l.line) FROM inventory.reservation AS r \
               LEFT JOIN inventory.reservation_line AS l USING (reservation_id) GROUP BY 1, 2 ORDER BY 1, 2",
            "CONFIRMED|f|1|1\nCONFIRMED|t|1|1\nHELD|f|1|1",
        )
        .await;
    owner.check("SELECT count(*) FROM inventory.reservation_line", "3").await;
    owner
        .check(
            &format!("SELECT lot_quantity FROM inventory.order_lines WHERE order_no = '{order}'"),
            "2",
        )
        .await;
    op.check(repeat, "999|t").await;
    // Once it is forgotten the id is free again.
    owner
        .run(
            "UPDATE inventory.request SET at = at - interval '8 days' WHERE movements > 0; \
             UPDATE inventory.journal SET at = at - interval '8 days' WHERE request_id IS NOT NULL",
        )
        .await;
    owner.run(DUE).await;
    owner.until("SELECT count(*) = 300 FROM inventory.request").await;
    op.check(repeat, "994|f").await;
    op.check_refused(&format!("SELECT inventory.confirm('{}')", holds[0]), "IV005", "").await;
    owner.verify_is_clean().await;
}

/// Holds that are due.
async fn due_holds(db: &Database) -> Session {
    let mut owner = open(db, &[("A", 10)]).await;
    owner.run("SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour')").await;
    owner
}

pub async fn every_database_is_served(pg: Pg) {
    let mut before = Vec::new();
    for _ in 0..3 {
        let db = pg.kept_database().await;
        before.push(due_holds(&db).await);
    }
    for owner in &mut before {
        owner.until(SWEPT).await;
    }
    // One that had no tables when it was first looked at.
    let db = Database::create(pg.kept().await, "template0").await;
    let mut owner = db.owner().await;
    visited(&db, 2).await;
    owner.run("CREATE EXTENSION pg_inventory; SELECT inventory.install()").await;
    drop(owner);
    let mut owner = due_holds(&db).await;
    owner.until(SWEPT).await;
    // And under another name.
    drop(owner);
    let renamed = Database { server: db.server.clone(), name: format!("{}_renamed", db.name) };
    let mut other = Database::maintenance(&db.server).owner().await;
    other.until(&format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend')", db.name)).await;
    other.run(&format!("ALTER DATABASE {} RENAME TO {}", db.name, renamed.name)).await;
    let mut owner = renamed.owner().await;
    owner.run("SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour')").await;
    owner.until(SWEPT).await;
}

/// Waits until that many more transactions than now have come to their end in a database, in which
/// nobody else is.
async fn visited(db: &Database, times: i64) {
    let mut other = Database::maintenance(&db.server).owner().await;
    let count = format!(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{}'",
        db.name
    );
    let before = other.number(&count).await;
    other.until(&format!("SELECT ({count}) >= {before} + {times}")).await;
}

/// A schema of our name, made to be stumbled over with more rights than its maker has.
const TRAP: &str = "
    CREATE SCHEMA inventory;
    CREATE TABLE public.caught (who text);
    CREATE FUNCTION public.trap() RETURNS int LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO public.caught VALUES (current_user); RETURN 2; END $$;
    CREATE VIEW inventory.installation AS SELECT public.trap() AS layout";

pub async fn strangers_are_left_alone(pg: Pg) {
    let db = Database::create(pg.kept().await, "template0").await;
    let mut owner = db.owner().await;
    owner.run(TRAP).await;
    drop(owner);
    visited(&db, 4).await;
    db.owner().await.check("SELECT * FROM public.caught", "").await;
}

/// Tables that belong to somebody who is no superuser: what they made of them runs with their rights.
pub async fn nobody_is_given_more_rights(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 10)]).await;
    owner
        .run(&format!("CREATE ROLE {0} NOLOGIN; GRANT ALL ON SCHEMA public TO {0}", db.name))
        .await;
    owner
        .run(&format!(
            "DO $$ DECLARE r regclass; BEGIN
                 FOR r IN SELECT oid FROM pg_class WHERE relnamespace = 'inventory'::regnamespace AND relkind IN ('r', 'p') LOOP
                     EXECUTE format('ALTER TABLE %s OWNER TO {0}', r);
                 END LOOP;
                 FOR r IN SELECT oid FROM pg_class WHERE relnamespace = 'inventory'::regnamespace AND relkind = 'S' LOOP
                     EXECUTE format('ALTER SEQUENCE %s OWNER TO {0}', r);
                 END LOOP;
             END $$;
             GRANT ALL ON SCHEMA inventory TO {0};
             CREATE TABLE public.caught (who text, what text);
             GRANT ALL ON public.caught TO {0};
             SET ROLE {0};
             CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO public.caught VALUES (current_user, 'plain');
                 BEGIN
                     RESET ROLE;
                 EXCEPTION WHEN OTHERS THEN
                     INSERT INTO public.caught VALUES (current_user, 'no way back');
                 END;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER trap AFTER UPDATE ON inventory.reservation FOR EACH ROW EXECUTE FUNCTION public.trap();
             RESET ROLE",
            db.name
        ))
        .await;
    owner.run("SELECT inventory.reserve('A', 1)").await;
    owner.run("ALTER TABLE inventory.reservation DISABLE TRIGGER trap; SELECT public.time_passes('1 hour'); \
               ALTER TABLE inventory.reservation ENABLE TRIGGER trap").await;
    owner.until(SWEPT).await;
    owner
        .check(
            "SELECT DISTINCT who, what FROM public.caught ORDER BY 2",
            &format!("{0}|no way back\n{0}|plain", db.name),
        )
        .await;
    // What comes beside the tables belongs to their owner too.
    owner.run("SELECT setval('inventory.journal_id', 95000000)").await;
    owner.until("SELECT to_regclass('inventory.journal_0013') IS NOT NULL").await;
    owner
        .check("SELECT relowner::regrole FROM pg_class WHERE relname = 'journal_0013'", &db.name)
        .await;
    // A second stranger among the owners: then nobody is trusted.
    owner
        .run(&format!(
            "CREATE ROLE {0}_too NOLOGIN; ALTER TABLE inventory.request OWNER TO {0}_too",
            db.name
        ))
        .await;
    db.server
        .until_logged(&format!(
            "a table in schema inventory of database \"{}\" belongs neither",
            db.name
        ))
        .await;
    owner
        .until(&format!(
            "SELECT ({WORKER_STATE}) LIKE 'problem|a table in schema inventory belongs neither%'"
        ))
        .await;
}

const NEXT_EXPIRY: &str =
    "UPDATE inventory.stock SET next_expiry = next_expiry - interval '1 hour'";

pub async fn sessions_that_stay_open_stop_their_own_sku_alone(pg: Pg) {
    let db = pg.kept_database().await;
    let skus = ["DEDUCTED", "HELD", "CONFIRMED", "FREE"];
    let mut owner = open(&db, &skus.map(|sku| (sku, 10))).await;
    let mut op = db.operator().await;
    for sku in skus {
        op.run(&format!("SELECT inventory.reserve('{sku}', 1)")).await;
    }
    let hold = op
        .text("SELECT reservation_id FROM inventory.reserve('CONFIRMED', 1, ttl => '30 days')")
        .await;
    let mut old = db.operator().await;
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM inventory.outbox").await;
    // What they hold of the time of holds is moved by themselves, what nobody holds by the owner.
    let mut idle = Vec::new();
    let confirm = format!("confirm('{hold}')");
    for (sku, call) in [
        ("DEDUCTED", "deduct('DEDUCTED', 1)"),
        ("HELD", "reserve('HELD', 1)"),
        ("CONFIRMED", &confirm),
    ] {
        let mut session = db.owner().await;
        session
            .run(&format!("BEGIN; SELECT inventory.{call}; {NEXT_EXPIRY} WHERE sku = '{sku}'"))
            .await;
        idle.push(session);
    }
    let soon = "expires_at = expires_at - interval '1 hour' WHERE expires_at < clock_timestamp() + interval '1 day'";
    owner
        .run(&format!(
            "{NEXT_EXPIRY} WHERE sku = 'FREE'; UPDATE inventory.reservation SET {soon}; \
             UPDATE inventory.reservation_line SET {soon}"
        ))
        .await;
    owner.run("INSERT INTO inventory.request (request_id, fingerprint, levels, movements, at) \
               SELECT gen_random_uuid(), gen_random_uuid(), '{}', 0, clock_timestamp() - interval '8 days' FROM generate_series(1, 100)").await;
    owner.run(DUE).await;
    owner.until("SELECT count(*) = 0 FROM inventory.request WHERE at < clock_timestamp() - interval '7 days'").await;
    let due = "SELECT coalesce(string_agg(l.sku, ',' ORDER BY l.sku), '') FROM inventory.reservation AS r \
                 JOIN inventory.reservation_line AS l USING (reservation_id) \
                WHERE r.state = 'HELD' AND r.expires_at <= clock_timestamp()";
    owner.until(&format!("SELECT ({due}) = 'CONFIRMED,DEDUCTED,HELD'")).await;
    // Nor does anybody wait for them, once they are open for longer than any healthy transaction.
    owner
        .until(
            "SELECT count(*) = 3 FROM pg_stat_activity WHERE datname = current_database() \
                AND backend_xid IS NOT NULL AND xact_start < clock_timestamp() - interval '3 seconds'",
        )
        .await;
    for _ in 0..20 {
        assert_eq!(owner.waiting().await, 0);
    }
    owner.check(WORKER, "ok|it was here N s ago").await;
    for session in &mut idle {
        session.run("COMMIT").await;
    }
    old.run("ROLLBACK").await;
    owner.until(SWEPT).await;
    owner.verify_is_clean().await;
}

pub async fn one_job_that_fails_stops_no_other(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 10)]).await;
    owner
        .run(
            "SELECT inventory.reserve('A', 1); SELECT public.time_passes('1 hour'); BEGIN; \
             CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$; \
             CREATE TRIGGER refuse BEFORE UPDATE OF state ON inventory.reservation FOR EACH ROW EXECUTE FUNCTION public.refuse(); \
             SELECT inventory.reserve('A', 2); SELECT public.time_passes('1 hour'); COMMIT",
        )
        .await;
    owner.run("INSERT INTO inventory.request (request_id, fingerprint, levels, movements, at) \
               SELECT gen_random_uuid(), gen_random_uuid(), '{}', 0, clock_timestamp() - interval '8 days'").await;
    owner.run(DUE).await;
    db.server.until_logged("could not expire holds: not this one").await;
    owner.until("SELECT count(*) = 0 FROM inventory.request").await;
    owner.until(&format!("SELECT ({WORKER_STATE}) = 'problem|it failed N s ago'")).await;
    db.server
        .until_logged(&format!("upkeep of database \"{}\" failed; it will be tried again", db.name))
        .await;
    owner.run("DROP TRIGGER refuse ON inventory.reservation").await;
    owner.until(SWEPT).await;
    owner.until(&format!("SELECT ({WORKER_STATE}) = 'ok|it was here N s ago'")).await;
    owner.verify_is_clean().await;
}

pub async fn databases_can_be_dropped_and_copied(pg: Pg) {
    // With so much to do that somebody is there nearly always; in the long form for longer at a time
    // than PostgreSQL waits for others to leave.
    let db = pg.kept_database().await;
    let mut owner = open(&db, &[("A", 10_000)]).await;
    let each = if soak() { "0.035" } else { "0.002" };
    owner
        .run(&format!(
            "SELECT inventory.reserve('A', 1) FROM generate_series(1, 6000); SELECT public.time_passes('1 hour'); \
             CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({each}); RETURN NEW; END $$; \
             CREATE TRIGGER slowly BEFORE UPDATE OF state ON inventory.reservation FOR EACH ROW EXECUTE FUNCTION public.slowly()"
        ))
        .await;
    drop(owner);
    let mut other = Database::maintenance(&db.server).owner().await;
    let alone = format!(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend')",
        db.name
    );
    other.until(&alone).await;
    for force in ["", " WITH (FORCE)"] {
        let copy = db.cloned().await;
        let there = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'pg_inventory upkeep')",
            copy.name
        );
        other.until(&there).await;
        other.run(&format!("DROP DATABASE {}{force}", copy.name)).await;
    }
    other.run(&format!("ALTER DATABASE {0} RENAME TO {0}_b", db.name)).await;
    other.run(&format!("DROP DATABASE {}_b", db.name)).await;
}

/// What a DBA sets for a database or the role of the superuser does not stop upkeep.
pub async fn settings_of_a_database_do_not_mislead_it(pg: Pg) {
    let db = pg.kept_database().await;
    let mut owner = db.owner().await;
    for setting in [
        "default_transaction_read_only = on",
        "default_transaction_isolation = serializable",
        "search_path = public",
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "session_replication_role = replica",
        "synchronous_commit = on",
    ] {
        owner.run(&format!("ALTER DATABASE {} SET {setting}", db.name)).await;
    }
    if db.server.major >= 17 {
        owner.run(&format!("ALTER DATABASE {} SET transaction_timeout = '1ms'", db.name)).await;
    }
    // This session was opened before they were made.
    for sql in [
        "SELECT inventory.put_product('A', 'A')",
        "SELECT inventory.receive('A', 10)",
        "SELECT inventory.reserve('A', 1)",
        inventory_tests::clock::TIME_PASSES,
        "SELECT public.time_passes('1 hour')",
    ] {
        owner.run(sql).await;
    }
    owner.until(SWEPT).await;
}
