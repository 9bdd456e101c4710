//! As applications that are older than this extension use it: behind a pooler, within savepoints,
//! two-phase commits and stricter isolation, beside their own locks, from their own drivers.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::path::Path;

use futures::future::join_all;
use inventory_tests::commands::{node, python, run};
use inventory_tests::pooler::POOL_SIZE;
use inventory_tests::{Database, Pg, Pooler, User, Verdict, promises, skipped};
use tokio::process::Command;

promises!(
    behind_a_pooler_exactly_what_is_there_is_sold,
    behind_a_pooler_an_idle_transaction_stops_its_sku_alone,
    savepoints_that_roll_back_take_their_effects_with_them,
    prepared_transactions_hold_what_they_took,
    a_prepared_transaction_outlives_a_crash,
    repeatable_read_gets_serialization_failures,
    serializable_sells_no_unit_twice,
    own_row_locks_in_between,
    calls_from_triggers_queries_and_cursors,
    prepared_statements_and_discard_all,
    whatever_a_session_has_set,
    from_psycopg,
    from_node_postgres,
);

const NO_POOLER: &str = "no pgbouncer (Debian: apt-get install pgbouncer)";

async fn behind_a_pooler_exactly_what_is_there_is_sold(pg: Pg) -> Verdict {
    let db = pg.database().await;
    db.stock(&[("HOT", 1_000), ("A", 10), ("B", 10)]).await;
    let Some(pooler) = Pooler::before(&db).await else { return skipped(NO_POOLER) };
    let mut sessions = pooler.sessions(60).await;
    let sold = join_all(sessions.iter_mut().map(|session| async move {
        let mut sold = 0;
        loop {
            // Two calls in one transaction, a plain one, and a number on its own.
            let call = "BEGIN; SELECT inventory.next_order_no(); \
                        SELECT code FROM inventory.try_deduct('HOT', 1, request_id => gen_random_uuid()); COMMIT";
            match session.text(call).await.as_str() {
                "ok" => sold += 1,
                "insufficient_stock" => return sold,
                other => panic!("{other}"),
            }
        }
    }))
    .await;
    assert_eq!(sold.iter().sum::<i64>(), 1_000);

    // One request id by all, through whichever connection.
    let id = "SELECT on_hand, replayed FROM inventory.deduct('A', 3, request_id => '11111111-1111-4111-8111-111111111111')";
    let answers = join_all(sessions.iter_mut().map(|session| session.text(id))).await;
    assert_eq!(answers.iter().filter(|a| *a == "7|f").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|a| *a == "7|t").count(), 59, "{answers:?}");
    // Errors leave the shared connections usable, and nothing is left locked on them.
    for session in &mut sessions {
        session.check_refused("SELECT inventory.deduct('A', 100)", "IV001", "").await;
    }
    let mut owner = db.owner().await;
    owner.check("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0").await;
    let backends = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_operator' AND datname = current_database()";
    assert!(owner.number(backends).await as usize <= POOL_SIZE);
    db.verify_is_clean().await;
    Verdict::Passed
}

async fn behind_a_pooler_an_idle_transaction_stops_its_sku_alone(pg: Pg) -> Verdict {
    let db = pg.database().await;
    db.stock(&[("HOT", 10), ("COLD", 500)]).await;
    let Some(pooler) = Pooler::before(&db).await else { return skipped(NO_POOLER) };
    let mut idle = pooler.session(User::Operator).await;
    idle.run("BEGIN; SELECT inventory.deduct('HOT', 1)").await;
    let mut waiter = pooler.session(User::Operator).await;
    let mut movers = pooler.sessions(40).await;
    let mut owner = db.owner().await;
    let waits = waiter.text("SELECT on_hand FROM inventory.deduct('HOT', 1)");
    let meanwhile = async {
        owner.until_waiting(1).await;
        let sold = join_all(movers.iter_mut().map(|session| async move {
            let mut sold = 0;
            while session.text("SELECT code FROM inventory.try_deduct('COLD', 1)").await == "ok" {
                sold += 1;
            }
            sold
        }))
        .await;
        assert_eq!(sold.iter().sum::<i64>(), 500);
        assert_eq!(owner.waiting().await, 1);
        idle.run("COMMIT").await;
    };
    let (left, ()) = futures::join!(waits, meanwhile);
    assert_eq!(left, "8");
    db.verify_is_clean().await;
    Verdict::Passed
}

async fn savepoints_that_roll_back_take_their_effects_with_them(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    let mut op = db.operator().await;
    let id = "request_id => '11111111-1111-4111-8111-111111111111'";
    op.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    op.run(&format!("SAVEPOINT one; SELECT inventory.deduct('A', 10, {id})")).await;
    op.run("SAVEPOINT two; SELECT inventory.deduct('B', 10)").await;
    op.run("ROLLBACK TO two").await;
    op.run("ROLLBACK TO one").await;
    // The request id is free again, and what was taken is back.
    op.check(&format!("SELECT on_hand, replayed FROM inventory.deduct('A', 20, {id})"), "79|f")
        .await;
    op.check(&format!("SELECT on_hand, replayed FROM inventory.deduct('A', 20, {id})"), "79|t")
        .await;
    op.run("SAVEPOINT three; SELECT inventory.receive('B', 5); RELEASE three; COMMIT").await;
    op.check(
        "SELECT sku, on_hand, version FROM inventory.stock_level ORDER BY 1",
        "A|79|3\nB|105|2",
    )
    .await;

    // Many, as frameworks make them; every third is kept.
    op.run("BEGIN").await;
    for n in 0..300 {
        let end = if n % 3 == 0 { "RELEASE s" } else { "ROLLBACK TO s; RELEASE s" };
        op.run(&format!("SAVEPOINT s; SELECT inventory.try_deduct('B', 1); {end}")).await;
    }
    op.run("COMMIT").await;
    op.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'B'", "5").await;
    // A block with an exception handler is a savepoint too.
    op.run(
        "DO $$ BEGIN BEGIN PERFORM inventory.deduct('A', 9); RAISE 'away'; EXCEPTION WHEN OTHERS THEN NULL; END; \
         PERFORM inventory.deduct('A', 9); END $$",
    )
    .await;
    op.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'A'", "70").await;
    db.verify_is_clean().await;
}

async fn prepared_transactions_hold_what_they_took(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    for (end, left) in [("COMMIT", "89|f"), ("ROLLBACK", "88|f")] {
        let gid = format!("{}_{end}", db.name);
        let mut op = db.operator().await;
        op.run(&format!("BEGIN; SELECT inventory.deduct('A', 10); SELECT inventory.next_order_no(); PREPARE TRANSACTION '{gid}'"))
            .await;
        drop(op);
        let (mut waiter, mut other, mut owner) =
            (db.operator().await, db.operator().await, db.owner().await);
        let call = "SELECT on_hand, replayed FROM inventory.deduct('A', 1, request_id => gen_random_uuid())";
        let waits = waiter.text(call);
        let meanwhile = async {
            owner.until_waiting(1).await;
            other.run("SELECT inventory.deduct('B', 1); SELECT inventory.next_order_no()").await;
            owner.run(&format!("{end} PREPARED '{gid}'")).await;
        };
        let (answer, ()) = futures::join!(waits, meanwhile);
        assert_eq!(answer, left, "{end}");
    }
    db.verify_is_clean().await;
}

async fn a_prepared_transaction_outlives_a_crash(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    db.stock(&[("A", 100)]).await;
    let mut op = db.operator().await;
    let number = op
        .text("BEGIN; SELECT order_no FROM inventory.deduct('A', 10); PREPARE TRANSACTION 'p'")
        .await;
    let server = db.server.clone();
    let restart = move || {
        server.kill();
        server.start_again();
    };
    tokio::task::spawn_blocking(restart).await.unwrap();
    db.verify_is_clean().await;
    let mut owner = db.owner().await;
    owner.check("SELECT on_hand FROM inventory.stock_level", "100").await;
    owner.run("COMMIT PREPARED 'p'").await;
    owner.check("SELECT on_hand FROM inventory.stock_level", "90").await;
    let next = db.operator().await.text("SELECT inventory.next_order_no()").await;
    assert!(next > number, "{next} after {number}");
    db.verify_is_clean().await;
}

async fn repeatable_read_gets_serialization_failures(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    let (mut strict, mut other) = (db.operator().await, db.operator().await);
    let id = "request_id => '11111111-1111-4111-8111-111111111111'";
    for call in [
        "deduct('A', 1)".to_owned(),
        "receive('A', 1)".into(),
        "deduct_many(ARRAY[NULL]::uuid[], ARRAY['A'], ARRAY[1])".into(),
        "try_deduct('A', 1)".into(),
        format!("deduct('A', 1, {id})"),
    ] {
        strict
            .run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM inventory.stock_level")
            .await;
        other.run("SELECT inventory.deduct('A', 1)").await;
        strict.check_refused(&format!("SELECT inventory.{call}"), "40001", "").await;
        strict.run("ROLLBACK").await;
        // Tried again it goes through, as often as it must.
        strict
            .run(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT inventory.{call}; COMMIT"))
            .await;
    }
    // Rows that nobody touched since are served from the snapshot.
    strict.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM inventory.stock_level").await;
    other.run("SELECT inventory.deduct('A', 1)").await;
    strict.check("SELECT on_hand FROM inventory.deduct('B', 1)", "99").await;
    strict.run("COMMIT").await;
    // A request that somebody else made since is no second effect either.
    strict.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM inventory.stock_level").await;
    let same =
        "SELECT inventory.deduct('B', 1, request_id => '22222222-2222-4222-8222-222222222222')";
    other.run(same).await;
    strict.check_refused(same, "40001", "").await;
    strict.run("ROLLBACK").await;
    strict.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'B'", "98").await;
    db.verify_is_clean().await;
}

async fn serializable_sells_no_unit_twice(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 200)]).await;
    let mut sessions = db.operators(16).await;
    let sold = join_all(sessions.iter_mut().map(|session| async move {
        let mut sold = 0;
        for _ in 0..200 {
            let call = "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT code FROM inventory.try_deduct('A', 1); COMMIT";
            match session.query(call).await {
                Ok(answer) if answer.to_string() == "ok" => sold += 1,
                Ok(answer) => assert_eq!(answer.to_string(), "insufficient_stock"),
                Err(refused) => {
                    assert_eq!(refused.sqlstate, "40001", "{refused}");
                    session.run("ROLLBACK").await;
                }
            }
        }
        sold
    }))
    .await;
    let left = db.owner().await.number("SELECT on_hand FROM inventory.stock_level").await;
    assert_eq!(sold.iter().sum::<i64>() + left, 200);
    db.verify_is_clean().await;
}

async fn own_row_locks_in_between(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1_000), ("B", 1_000)]).await;
    let mut owner = db.owner().await;
    owner
        .run(
            "CREATE TABLE public.customer_order (id int PRIMARY KEY, state text NOT NULL, order_no text); \
             INSERT INTO public.customer_order SELECT n, 'new' FROM generate_series(1, 40) AS n; \
             GRANT ALL ON public.customer_order TO shop_operator; GRANT USAGE ON SCHEMA public TO shop_operator",
        )
        .await;
    let mut sessions = db.operators(20).await;
    join_all(sessions.iter_mut().enumerate().map(|(n, session)| async move {
        // Lock the own row, deduct, lock another own row, deduct again, write both.
        for (first, second) in [(n + 1, n + 21), (n + 1, n + 21)] {
            session
                .run(&format!(
                    "BEGIN; SELECT * FROM public.customer_order WHERE id = {first} FOR UPDATE; \
                     UPDATE public.customer_order AS c SET order_no = d.order_no FROM inventory.deduct('A', 1) AS d WHERE c.id = {first}; \
                     SELECT * FROM public.customer_order WHERE id = {second} FOR UPDATE; \
                     SELECT inventory.deduct('B', 1); \
                     UPDATE public.customer_order SET state = 'sold' WHERE id IN ({first}, {second}); COMMIT"
                ))
                .await;
        }
    }))
    .await;
    owner.check("SELECT sku, on_hand FROM inventory.stock_level ORDER BY 1", "A|960\nB|960").await;
    owner.check("SELECT count(*), count(DISTINCT order_no) FROM public.customer_order WHERE state = 'sold'", "40|20").await;

    // Somebody who may locks the stock row by hand: calls wait for it as for any other, and the
    // same session goes straight through its own lock.
    owner.run("BEGIN; SELECT * FROM inventory.stock WHERE sku = 'A' FOR UPDATE").await;
    owner.check("SELECT on_hand FROM inventory.deduct('A', 1)", "959").await;
    let (mut waiter, mut observer) = (db.operator().await, db.owner().await);
    let waits = waiter.text("SELECT on_hand FROM inventory.deduct('A', 1)");
    let release = async {
        observer.until_waiting(1).await;
        owner.run("COMMIT").await;
    };
    let (left, ()) = futures::join!(waits, release);
    assert_eq!(left, "958");
    db.verify_is_clean().await;
}

async fn calls_from_triggers_queries_and_cursors(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100), ("B", 100)]).await;
    let mut owner = db.owner().await;
    owner
        .run(
            "CREATE TABLE public.cart (sku text, qty bigint, order_no text); \
             CREATE FUNCTION public.take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               SELECT d.order_no INTO NEW.order_no FROM inventory.deduct(NEW.sku, NEW.qty) AS d; RETURN NEW; END $$; \
             CREATE TRIGGER take BEFORE INSERT ON public.cart FOR EACH ROW EXECUTE FUNCTION public.take(); \
             GRANT ALL ON public.cart TO shop_operator; GRANT USAGE ON SCHEMA public TO shop_operator",
        )
        .await;
    let mut op = db.operator().await;
    op.run("INSERT INTO public.cart SELECT CASE WHEN n % 2 = 0 THEN 'A' ELSE 'B' END, 1 FROM generate_series(1, 20) AS n").await;
    op.check("SELECT count(DISTINCT order_no) FROM public.cart", "20").await;
    let too_much = "INSERT INTO public.cart VALUES ('A', 1), ('B', 1000)";
    op.check_refused(too_much, "IV001", "requested 1000 units, available: 90").await;
    op.check("SELECT sku, on_hand FROM inventory.stock_level ORDER BY 1", "A|90\nB|90").await;
    // A call a row of a query, by name and by LATERAL.
    op.check(
        "SELECT c.sku, d.on_hand FROM (SELECT sku, sum(qty) AS qty FROM public.cart GROUP BY sku ORDER BY sku) AS c, \
         LATERAL inventory.deduct(c.sku, c.qty::bigint) AS d",
        "A|80\nB|80",
    )
    .await;
    op.check("SELECT count((inventory.try_deduct(sku, 1)).code) FROM public.cart", "20").await;
    // Through a cursor, fetched in parts.
    op.run(
        "BEGIN; DECLARE c CURSOR FOR SELECT * FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[10]), \
         array_fill('A'::text, ARRAY[10]), array_fill(1::bigint, ARRAY[10]))",
    )
    .await;
    let first = op.text("FETCH 2 FROM c").await;
    assert_eq!(first.lines().count(), 2, "{first}");
    op.run("FETCH ALL FROM c; COMMIT").await;
    op.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'A'", "60").await;
    db.verify_is_clean().await;
}

async fn prepared_statements_and_discard_all(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100)]).await;
    let mut op = db.operator().await;
    op.run("PREPARE take(text, bigint) AS SELECT on_hand FROM inventory.deduct($1, $2)").await;
    for n in 1..10 {
        op.check("EXECUTE take('A', 1)", &(100 - n).to_string()).await;
    }
    // Poolers reset what a session kept; the engine's own plans come again.
    op.run("DISCARD ALL").await;
    op.check("SELECT on_hand FROM inventory.deduct('A', 1)", "90").await;
    op.run("SET plan_cache_mode = force_custom_plan; SET enable_indexscan = off; SET default_transaction_isolation = 'repeatable read'").await;
    op.check("SELECT on_hand FROM inventory.deduct('A', 1)", "89").await;
    op.run("RESET ALL; SET row_security = off; SET client_encoding = 'LATIN1'; SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape'").await;
    op.check("SELECT on_hand FROM inventory.deduct('A', 1)", "88").await;
    op.run("RESET ALL").await;
    db.verify_is_clean().await;
}

/// Settings that old applications, their databases or roles carry about, each in a fresh session.
async fn whatever_a_session_has_set(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100)]).await;
    db.admin().await.run("SELECT inventory.put_product('L', 'n', lot_controlled => true)").await;
    for setting in [
        "standard_conforming_strings = off",
        "backslash_quote = off",
        "quote_all_identifiers = on",
        "array_nulls = off",
        "transform_null_equals = on",
        "search_path = ''",
        "role = inventory_operator",
        "row_security = off",
        "DateStyle = 'SQL, DMY'",
        "IntervalStyle = 'sql_standard'",
        "TimeZone = 'America/St_Johns'",
        "extra_float_digits = 0",
        "bytea_output = 'escape'",
        "client_encoding = 'LATIN1'",
        "enable_indexscan = off",
        "enable_seqscan = off",
        "plan_cache_mode = force_custom_plan",
        "jit_above_cost = 0",
        "work_mem = '64kB'",
        "max_parallel_workers_per_gather = 8",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "synchronous_commit = off",
        "check_function_bodies = off",
        "constraint_exclusion = on",
        "enable_partition_pruning = off",
    ] {
        let mut op = db.operator().await;
        op.run(&format!("SET {setting}")).await;
        for call in [
            "receive('A', 3)",
            "deduct('A', 1, request_id => gen_random_uuid())",
            "deduct_many(ARRAY[NULL, NULL]::uuid[], ARRAY['A', 'A'], ARRAY[1, 1])",
            "receive('L', 1, lot => 'x', expires_on => DATE '2999-01-31')",
            "deduct('L', 1)",
            "next_order_no()",
            "verify()",
        ] {
            if let Err(refused) = op.query(&format!("SELECT inventory.{call}")).await {
                panic!("SET {setting}; {call}: {refused}");
            }
        }
        op.run("SELECT * FROM inventory.stock_level; SELECT * FROM inventory.outbox LIMIT 3").await;
    }
    db.owner()
        .await
        .check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'A'", "100")
        .await;
    let mut op = db.operator().await;
    op.run("SET default_transaction_read_only = on").await;
    op.check_refused("SELECT inventory.deduct('A', 1)", "25006", "").await;
    db.verify_is_clean().await;
}

fn clients() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/clients"))
}

async fn client_shop(pg: &Pg) -> Database {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    db
}

async fn from_psycopg(pg: Pg) -> Verdict {
    let Some(python) = python() else {
        return skipped("no psycopg: INVENTORY_TEST_VENV names no Python environment");
    };
    let script = clients().join("psycopg_client.py");
    let db = client_shop(&pg).await;
    run(Command::new(&python).arg(&script).arg(db.url(User::Operator))).await.ok();
    db.verify_is_clean().await;
    let db = client_shop(&pg).await;
    if let Some(pooler) = Pooler::before(&db).await {
        let url = pooler.url(User::Operator);
        run(Command::new(&python).arg(&script).arg(url).arg("pooled")).await.ok();
        db.verify_is_clean().await;
    }
    Verdict::Passed
}

async fn from_node_postgres(pg: Pg) -> Verdict {
    let Some((node, folder)) = node() else {
        return skipped("no node-postgres: INVENTORY_TEST_NODE names no folder with it");
    };
    let db = client_shop(&pg).await;
    let script = clients().join("node_client.js");
    run(Command::new(node).arg(script).arg(db.url(User::Operator)).arg(folder)).await.ok();
    db.verify_is_clean().await;
    Verdict::Passed
}
