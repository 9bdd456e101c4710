//! Who may do what: nobody but the owner touches the tables, and no object of anybody else's is
//! ever used by a function that runs with the owner's rights.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_tests::commands::{python, run};
use inventory_tests::servers::repository;
use inventory_tests::{Database, Pg, User, Verdict, promises, skipped};
use tokio::process::Command;

promises!(
    nobody_but_the_owner_has_rights_on_the_tables,
    attempts_on_the_tables_fail,
    every_function_has_a_fixed_search_path,
    functions_are_for_their_roles_alone,
    views_are_for_readers,
    an_admin_installs_what_the_owner_owns,
    roles_contain_each_other,
    shadowing_objects_are_not_used,
    nobody_stops_others_with_a_lock,
    pgspot_finds_nothing,
);

const OTHERS: [User; 4] = [User::Admin, User::Operator, User::Reader, User::Stranger];

/// One more than the whole set of table privileges is no harm; one less would be.
const TABLE_PRIVILEGES: [&str; 7] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];

async fn nobody_but_the_owner_has_rights_on_the_tables(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1)]).await;
    let mut owner = db.owner().await;
    let tables = "FROM pg_class AS c WHERE c.relnamespace = 'inventory'::regnamespace AND c.relkind IN ('r', 'p')";
    assert!(owner.number(&format!("SELECT count(*) {tables}")).await > 20, "the leaves count too");
    for user in OTHERS {
        for privilege in TABLE_PRIVILEGES {
            let sql = format!(
                "SELECT c.relname {tables} AND has_table_privilege('{}', c.oid, '{privilege}')",
                user.name()
            );
            owner.check(&sql, "").await;
        }
        for privilege in ["SELECT", "INSERT", "UPDATE", "REFERENCES"] {
            let sql = format!(
                "SELECT c.relname {tables} AND has_any_column_privilege('{}', c.oid, '{privilege}')",
                user.name()
            );
            owner.check(&sql, "").await;
        }
        for privilege in ["USAGE", "SELECT", "UPDATE"] {
            let sql = format!(
                "SELECT s.schemaname || '.' || s.sequencename FROM pg_sequences AS s WHERE s.schemaname = 'inventory' \
                 AND has_sequence_privilege('{}', format('%I.%I', s.schemaname, s.sequencename), '{privilege}')",
                user.name()
            );
            owner.check(&sql, "").await;
        }
        let sql = format!("SELECT has_schema_privilege('{}', 'inventory', 'CREATE')", user.name());
        owner.check(&sql, "f").await;
        let sql = format!("SELECT has_schema_privilege('{}', 'inventory', 'USAGE')", user.name());
        owner.check(&sql, if user == User::Stranger { "f" } else { "t" }).await;
    }
    owner.check(&format!("SELECT DISTINCT c.relowner::regrole {tables}"), "postgres").await;
}

async fn attempts_on_the_tables_fail(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1)]).await;
    let leaf = "SELECT tableoid::regclass FROM inventory.stock LIMIT 1";
    let leaf = db.owner().await.text(leaf).await;
    for user in OTHERS {
        let mut session = db.session(user).await;
        for sql in [
            "SELECT * FROM inventory.stock".into(),
            "UPDATE inventory.stock SET on_hand = 1000".into(),
            format!("UPDATE {leaf} SET on_hand = 1000"),
            format!("TRUNCATE {leaf}"),
            "DELETE FROM inventory.journal".into(),
            "SELECT * FROM inventory.journal".into(),
            "INSERT INTO inventory.warehouse VALUES (5, 'X', 'X')".into(),
            "DELETE FROM inventory.request".into(),
            "SELECT nextval('inventory.journal_id')".into(),
            "SELECT setval('inventory.journal_id', 1)".into(),
            "DROP TABLE inventory.stock".into(),
            "CREATE TABLE inventory.mine (x int)".into(),
            "CREATE FUNCTION inventory.deduct(int) RETURNS int LANGUAGE sql AS 'SELECT 1'".into(),
        ] {
            let refused = session.refused(&sql).await;
            assert_eq!(refused.sqlstate, "42501", "{} ran {sql}: {refused}", user.name());
        }
    }
}

/// What the extension's functions are, whoever made them.
const FUNCTIONS: &str = "FROM pg_proc AS p WHERE p.pronamespace = 'inventory'::regnamespace";

async fn every_function_has_a_fixed_search_path(pg: Pg) {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    assert!(owner.number(&format!("SELECT count(*) {FUNCTIONS}")).await >= 15);
    // A procedure with settings of its own may not commit: reshard names everything in full.
    let sql = format!(
        "SELECT p.oid::regprocedure, p.proconfig {FUNCTIONS} AND p.prokind <> 'p' \
         AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"
    );
    owner.check(&sql, "").await;
    // NULL rights are PUBLIC's rights.
    let sql = format!(
        "SELECT p.oid::regprocedure {FUNCTIONS} AND (p.proacl IS NULL OR EXISTS \
         (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0))"
    );
    owner.check(&sql, "").await;
}

async fn functions_are_for_their_roles_alone(pg: Pg) {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    let expected = |user: User, function: &str| match function {
        "verify" | "doctor" | "group_commit" => user != User::Stranger,
        "receive"
        | "deduct"
        | "try_deduct"
        | "deduct_many"
        | "adjust"
        | "recount"
        | "transfer"
        | "next_order_no"
        | "next_order_id"
        | "reserve"
        | "reserve_many"
        | "confirm"
        | "release"
        | "create_order"
        | "start_order"
        | "complete_order"
        | "fail_order"
        | "revert_order"
        | "deduct_now"
        | "reserve_now"
        | "execute_many"
        | "take_lease"
        | "remembered_requests"
        | "events_now"
        | "read_events"
        | "redrive"
        | "renew_leases"
        | "settle_lease"
        | "return_lease"
        | "report_findings"
        | "confirm_ticket"
        | "reject_ticket"
        | "run_ticket"
        | "start_shadow"
        | "stop_shadow"
        | "feed_shadow"
        | "begin_saga"
        | "claim_sagas"
        | "advance_saga"
        | "retry_saga" => {
            matches!(user, User::Operator | User::Admin)
        }
        "maintain" | "reshard" | "reshard_step" | "install" | "put_product" | "put_warehouse"
        | "delete_product" | "delete_warehouse" | "set_hot" | "repair_leases"
        | "create_api_key" | "api_keys" | "revoke_api_key" | "touch_api_keys" | "put_sink"
        | "pause_sink" | "resume_sink" | "drop_sink" | "take_turns" | "give_turns"
        | "save_progress" | "due_events" => user == User::Admin,
        "orders_keep_to_their_states" | "saga_steps_stay_answered" => false,
        other => panic!("whose is {other}?"),
    };
    let functions = owner.text(&format!("SELECT p.proname, p.oid {FUNCTIONS} ORDER BY 1")).await;
    for line in functions.lines() {
        let (name, oid) = line.split_once('|').unwrap();
        for user in OTHERS {
            let sql =
                format!("SELECT has_function_privilege('{}', {oid}::oid, 'EXECUTE')", user.name());
            let may = owner.text(&sql).await == "t";
            assert_eq!(may, expected(user, name), "{} and {name}", user.name());
        }
    }
    let mut reader = db.reader().await;
    reader.check_refused("SELECT inventory.deduct('A', 1)", "42501", "").await;
    reader.check("SELECT * FROM inventory.verify()", "").await;
    let mut op = db.operator().await;
    op.check_refused("SELECT inventory.put_product('A', 'n')", "42501", "").await;
    op.check_refused("SELECT inventory.install()", "42501", "").await;
    let mut stranger = db.session(User::Stranger).await;
    stranger.check_refused("SELECT inventory.verify()", "42501", "").await;
}

async fn views_are_for_readers(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1)]).await;
    let sql = "SELECT relname FROM pg_class WHERE relnamespace = 'inventory'::regnamespace AND relkind = 'v' ORDER BY 1";
    let views = db.owner().await.text(sql).await;
    for view in ["stock_level", "stock_lot", "low_stock", "audit_log", "outbox"] {
        assert!(views.lines().any(|v| v == view), "{view} is missing");
    }
    for user in OTHERS {
        let mut session = db.session(user).await;
        for view in views.lines() {
            let read = session.query(&format!("SELECT * FROM inventory.{view}")).await;
            assert_eq!(read.is_ok(), user != User::Stranger, "{} and {view}", user.name());
            for sql in [
                format!("DELETE FROM inventory.{view}"),
                format!("INSERT INTO inventory.{view} DEFAULT VALUES"),
            ] {
                assert!(session.query(&sql).await.is_err(), "{} could {sql}", user.name());
            }
        }
    }
}

async fn an_admin_installs_what_the_owner_owns(pg: Pg) {
    let db = pg.bare_database().await;
    db.owner().await.run("CREATE EXTENSION pg_inventory").await;
    db.admin().await.run("SELECT inventory.install()").await;
    db.stock(&[("A", 3)]).await;
    let owners = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'inventory'::regnamespace";
    db.owner().await.check(owners, "postgres").await;
    db.admin().await.check_refused("UPDATE inventory.stock SET on_hand = 9", "42501", "").await;
    db.operator().await.check("SELECT on_hand FROM inventory.deduct('A', 1)", "2").await;
    db.verify_is_clean().await;
}

async fn roles_contain_each_other(pg: Pg) {
    let db = pg.database().await;
    db.owner()
        .await
        .check(
            "SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole, \
                    pg_has_role(r.oid, 'inventory_reader', 'USAGE'), pg_has_role(r.oid, 'inventory_operator', 'USAGE'), \
                    pg_has_role(r.oid, 'inventory_admin', 'USAGE') \
               FROM pg_roles AS r WHERE r.rolname LIKE 'inventory_%' ORDER BY 1",
            "inventory_admin|f|f|f|t|t|t
             inventory_operator|f|f|f|t|t|f
             inventory_reader|f|f|f|t|f|f",
        )
        .await;
}

/// Better matches for what the functions might call without a schema. Each shouts when used.
const SHADOWS: &str = "
    CREATE FUNCTION public.shout() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'shadowed'; END $$;
    CREATE FUNCTION public.text_eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.shout()';
    CREATE FUNCTION public.text_cat(text, text) RETURNS text LANGUAGE sql AS 'SELECT public.shout()::text';
    CREATE FUNCTION public.big_eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT public.shout()';
    CREATE FUNCTION public.big_add(bigint, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT public.shout()::int::bigint';
    CREATE FUNCTION public.int_eq(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT public.shout()';
    CREATE FUNCTION public.uuid_eq(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT public.shout()';
    CREATE OPERATOR public.= (leftarg = text, rightarg = text, function = public.text_eq);
    CREATE OPERATOR public.<> (leftarg = text, rightarg = text, function = public.text_eq);
    CREATE OPERATOR public.|| (leftarg = text, rightarg = text, function = public.text_cat);
    CREATE OPERATOR public.= (leftarg = bigint, rightarg = bigint, function = public.big_eq);
    CREATE OPERATOR public.<> (leftarg = bigint, rightarg = bigint, function = public.big_eq);
    CREATE OPERATOR public.< (leftarg = bigint, rightarg = bigint, function = public.big_eq);
    CREATE OPERATOR public.>= (leftarg = bigint, rightarg = bigint, function = public.big_eq);
    CREATE OPERATOR public.+ (leftarg = bigint, rightarg = bigint, function = public.big_add);
    CREATE OPERATOR public.- (leftarg = bigint, rightarg = bigint, function = public.big_add);
    CREATE OPERATOR public.= (leftarg = integer, rightarg = integer, function = public.int_eq);
    CREATE OPERATOR public.= (leftarg = uuid, rightarg = uuid, function = public.uuid_eq);
    CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz WHERE public.shout() $$;
    CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz WHERE public.shout() $$;
    CREATE FUNCTION public.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint WHERE public.shout()';
    CREATE FUNCTION public.char_length(text) RETURNS integer LANGUAGE sql AS 'SELECT 1 WHERE public.shout()';
    CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT public.shout()::text';
    CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT public.shout()::text';
    CREATE FUNCTION public.pg_current_xact_id() RETURNS xid8 LANGUAGE sql AS 'SELECT NULL::xid8 WHERE public.shout()';
    CREATE DOMAIN public.text AS pg_catalog.text CHECK (public.shout());
    CREATE DOMAIN public.uuid AS pg_catalog.uuid CHECK (public.shout());
    CREATE TABLE public.stock (LIKE inventory.stock);
    CREATE TABLE public.journal (LIKE inventory.journal);
    CREATE TABLE public.product (LIKE inventory.product);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
    GRANT USAGE ON SCHEMA public TO PUBLIC;";

/// The same in the session's own schema, for what looks there.
const TEMPORARY: &str = "
    SET search_path = pg_temp, public, pg_catalog;
    CREATE TEMP TABLE stock (sku pg_catalog.text, on_hand pg_catalog.int8);
    CREATE TEMP TABLE journal (id pg_catalog.int8);
    CREATE TEMP TABLE installation (layout pg_catalog.int4);
    CREATE TEMP TABLE pg_class (oid pg_catalog.oid, relname pg_catalog.name);
    CREATE DOMAIN pg_temp.int8 AS pg_catalog.int8 CHECK (public.shout());
    CREATE DOMAIN pg_temp.jsonb AS pg_catalog.jsonb CHECK (public.shout());";

async fn shadowing_objects_are_not_used(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    db.owner().await.run(SHADOWS).await;
    let mut admin = db.admin().await;
    admin.run(TEMPORARY).await;
    // They are where an unguarded function would find them.
    for unguarded in [
        "SELECT 'a'::pg_catalog.text = 'a'::pg_catalog.text",
        "SELECT now()",
        "SELECT 1::pg_catalog.int8 + 1::pg_catalog.int8",
        "SELECT 1::int8",
    ] {
        let refused = admin.refused(unguarded).await;
        assert_eq!(refused.message, "shadowed", "{unguarded}: {refused}");
    }
    for call in every_call() {
        if let Err(refused) = admin.query(&call).await {
            panic!("{call}: {refused}");
        }
    }
    calls_fail_as_ever(&mut admin).await;
    drop(admin);
    shadowed_install(&db).await;
    db.verify_is_clean().await;
}

/// Each function, with arguments whose types are said in full.
fn every_call() -> Vec<String> {
    let id = "'11111111-1111-4111-8111-111111111111'::pg_catalog.uuid";
    [
        "put_product('C'::pg_catalog.text, 'n'::pg_catalog.text, low_stock_threshold => 3)".into(),
        "put_warehouse(2, 'N', 'North')".into(),
        "put_warehouse(3, 'O', 'Old')".into(),
        format!("receive('A', 5, request_id => {id})"),
        format!("receive('A', 5, request_id => {id})"),
        "deduct('A', 1)".into(),
        "try_deduct('A', 1, operator => 'ann')".into(),
        "adjust('A', 1, 'r')".into(),
        "recount('A', 50, 'r')".into(),
        "transfer('A', 5, 1, 2)".into(),
        "deduct_many(ARRAY[NULL, NULL]::pg_catalog.uuid[], ARRAY['A', 'B']::pg_catalog.text[], ARRAY[1, 1]::pg_catalog.int8[])"
            .into(),
        "next_order_no(2)".into(),
        "next_order_id()".into(),
        "delete_product('C')".into(),
        "delete_warehouse(3)".into(),
        "verify()".into(),
        "install()".into(),
    ]
    .into_iter()
    .map(|call: String| format!("SELECT inventory.{call}"))
    .collect()
}

async fn calls_fail_as_ever(session: &mut inventory_tests::Session) {
    session.check_refused("SELECT inventory.deduct('A', 1000)", "IV001", "requested 1000").await;
    session.check_refused("SELECT inventory.deduct('NONE', 1)", "IV002", "").await;
}

/// The views and verify() were bound when they were made; the tables are made under the shadows.
async fn shadowed_install(db: &Database) {
    let mut owner = db.owner().await;
    owner.run("DROP EXTENSION pg_inventory; DROP SCHEMA inventory CASCADE").await;
    owner.run("SET search_path = public, pg_catalog").await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    owner.run("SELECT inventory.install()").await;
    for call in every_call() {
        if call.contains("put_product") {
            owner.run("SELECT inventory.put_product('A', 'n'); SELECT inventory.put_product('B', 'n')").await;
            owner.run("SELECT inventory.receive('B', 100)").await;
        }
        owner.run(&call).await;
    }
    for view in ["stock_level", "stock_lot", "low_stock", "audit_log", "outbox"] {
        owner.run(&format!("SELECT * FROM inventory.{view}")).await;
    }
}

/// Advisory locks are everybody's: ours must be out of their reach.
async fn nobody_stops_others_with_a_lock(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut owner = db.owner().await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.deduct('A', 1)").await;
    // Whatever two-key or one-key lock could be meant.
    let mut stranger = db.session(User::Stranger).await;
    stranger
        .run(
            "SELECT pg_advisory_lock(1229870671, n) FROM generate_series(0, 5) AS n; \
             SELECT pg_advisory_lock(hashtextextended('inventory.install', 0))",
        )
        .await;
    for session in [&mut op, &mut owner] {
        session.run("SET statement_timeout = '20s'").await;
        session.run("SELECT inventory.deduct('A', 1); SELECT inventory.next_order_no()").await;
    }
    owner.run("SELECT inventory.install()").await;
    let bare = pg.bare_database().await;
    let mut stranger = bare.session(User::Stranger).await;
    stranger.run("SELECT pg_advisory_lock(hashtextextended('inventory.install', 0))").await;
    let mut owner = bare.owner().await;
    owner.run("SET statement_timeout = '20s'; CREATE EXTENSION pg_inventory").await;
    owner.run("SELECT inventory.install()").await;
}

/// A procedure that commits cannot have a search_path of its own; all in it is qualified.
const COMMITS: &str = "inventory.reshard(shards integer)";

async fn pgspot_finds_nothing(_pg: Pg) -> Verdict {
    let Some(python) = python() else {
        return skipped("no pgspot: INVENTORY_TEST_VENV names no Python environment");
    };
    let pgspot = python.with_file_name("pgspot");
    if !pgspot.exists() {
        return skipped(format!("no pgspot in {}", python.display()));
    }
    let mut scripts = 0;
    for entry in std::fs::read_dir(repository().join("sql")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("pg_inventory--") && name.ends_with(".sql") {
            let ended =
                run(Command::new(&pgspot).args(["--proc-without-search-path", COMMITS]).arg(&path))
                    .await;
            let (out, err) = (ended.out.trim(), ended.err.trim());
            assert_eq!(ended.code, Some(0), "{name}: {out}\n{err}");
            assert!(out.contains("Errors: 0 Warnings: 0 Unknown: 0"), "{name}: {out}\n{err}");
            scripts += 1;
        }
    }
    assert!(scripts > 0, "there is a script to look at");
    Verdict::Passed
}
