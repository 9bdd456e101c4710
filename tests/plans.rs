//! No statement of ours scans a table that it could look up, in whatever state the tables are: new,
//! grown under a session that began when they were empty, never analyzed, bloated, well kept.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::BTreeSet;

use inventory_gateway::store::statements;
use inventory_tests::clock::TIME_PASSES;
use inventory_tests::{Database, Pg, promises};

#[path = "plans/judge.rs"]
mod judge;
#[path = "plans/watch.rs"]
mod watch;

use judge::{Fault, Planner, faults};
use watch::{Planned, plans_of};

promises!(
    commands_look_up_what_they_need,
    views_and_lists_are_read_by_key_or_page,
    every_statement_that_reads_a_view_is_here,
    a_scan_would_be_noticed,
);

const CALLS: &str = include_str!("plans/calls.sql");
const VIEWS: &str = include_str!("plans/views.sql");
const GOODS: &str = include_str!("plans/goods.sql");
const BLOAT: &str = include_str!("plans/bloat.sql");

/// What may read more than it looks up, and why.
struct Exception {
    /// In the line of the script.
    call: &'static str,
    tables: &'static [&'static str],
    #[allow(dead_code)] // for the reader
    why: &'static str,
}

const fn except(
    call: &'static str,
    tables: &'static [&'static str],
    why: &'static str,
) -> Exception {
    Exception { call, tables, why }
}

const OF_COMMANDS: &[Exception] = &[
    except(
        "put_warehouse(",
        &["stock", "product"],
        "a new warehouse takes over the rows that bear its number: rare, and an index that leads \
         with the warehouse would cost every receipt",
    ),
    except("delete_warehouse(", &["stock"], "the same"),
    except(
        "delete_product(",
        &["orders"],
        "looks into each open order by a partial index: few beside all that ever were",
    ),
    except("put_sink(", &["journal"], "all notes of the journal's end: a thousand at most"),
    except("resume_sink(", &["journal"], "the same"),
    except("events_now(", &["journal"], "the same"),
    except("maintain(", &["journal"], "the same"),
];

const OF_READERS: &[Exception] = &[
    except(
        "low_",
        &["stock", "product"],
        "all that is low is all of a partial index; where many are, their products are hashed",
    ),
    except(
        "EXECUTE \"shown_levels\"(",
        &["stock", "product"],
        "all that is low is all of a partial index, and each SKU that is shown has its leaf",
    ),
    except(
        "EXECUTE \"piles\"(",
        &["stock", "product", "lease"],
        "all that is low and all leases that are open are all of a partial index each",
    ),
    except("leases WHERE state", &["lease"], "all that are open are all of a partial index"),
    except("ANY (ARRAY['P77', 'P78'])", &["stock"], "a leaf a SKU"),
    except(
        "EXECUTE \"levels\"(",
        &["product", "stock"],
        "goes through products in order, looks up each, and stops when the page is full",
    ),
    except("EXECUTE \"stock_page\"(", &["stock"], "looks up each product of a page: a leaf a SKU"),
    except(
        "EXECUTE \"known_requests\"",
        &["journal"],
        "asked once when a record is replayed again, for all of it: an index by request id would \
         cost every command, and the ids of a week are in another table",
    ),
    except(
        "EXECUTE \"leased_units\"",
        &["lease"],
        "all that are open are all of a partial index, and few beside all that ever were",
    ),
    except("EXECUTE \"movements_exist\"", &["journal"], "stops at the first row"),
    except(
        "outbox",
        &["journal"],
        "in the order of the key, a row or more for each of the journal's: it stops when the page is full",
    ),
];

/// Statements of the gateway that read views, each with arguments.
const READERS: &[(&str, &str)] = &[
    ("products", "'P77', NULL, 10"),
    ("products", "NULL, 'P77', 10"),
    ("products", "NULL, NULL, 10"),
    ("existing_products", "ARRAY['P77', 'P78']"),
    ("levels_of", "'P77', NULL, 10"),
    ("levels_of", "'P77', 1, 10"),
    ("levels", "NULL, 10"),
    ("levels", "1, 10"),
    ("low_levels", "NULL, NULL, 10"),
    ("low_levels", "'P300', 1, 10"),
    ("lots", "'P50', NULL, 10"),
    ("lots", "'P50', 1, 10"),
    ("low_stock", "10"),
    ("stock_page", "NULL, NULL, 10"),
    ("stock_page", "1, 'P77', 10"),
    ("low_page", "NULL, NULL, 10"),
    ("low_page", "1, 'P300', 10"),
    ("audit", "'P77', NULL, NULL, NULL, NULL, 10"),
    ("audit", "NULL, NULL, NULL, NULL, NULL, 10"),
    ("audit", "NULL, NULL, NULL, NULL, 5000000, 10"),
    ("order", "'20170714000000001000077'"),
    ("orders", "NULL, NULL, NULL, NULL, 10"),
    ("orders", "NULL, NULL, NULL, 1500000000001000077, 10"),
    ("orders", "NULL, NULL, 'shop 77', NULL, 10"),
    ("order_lines", "'20170714000000001000077'"),
    ("order_history", "'20170714000000001000077'"),
    ("reservation", "'00000000-0000-4000-8000-000000000001'"),
    ("saga", "'00000000-0000-4000-8000-000000000001'"),
    ("sagas", "NULL, NULL, 10"),
    ("sagas", "'NEEDS_ATTENTION', NULL, 10"),
    ("sagas", "'NEEDS_ATTENTION', '00000000-0000-4000-8000-000000000001', 10"),
    ("sagas", "NULL, '00000000-0000-4000-8000-000000000001', 10"),
    ("saga_steps", "'00000000-0000-4000-8000-000000000001'"),
    ("open_sagas", "100"),
    ("hot_skus", "NULL, NULL, NULL, 10"),
    ("hot_skus", "7, 'P77', 1, 10"),
    ("shown_levels", "ARRAY['P77'], 10"),
    ("outbox_backlog", ""),
    ("piles", "10"),
    ("sinks", ""),
    ("outbox", "NULL, NULL, NULL, 10"),
    ("outbox", "NULL, 5000000, 'hook', 10"),
    ("parked_events", "'DEAD', NULL, NULL, 10"),
    ("parked_events", "'RETRY', 5000000, 'hook', 10"),
    ("pending_events", "'PENDING', NULL, NULL, 10"),
    ("pending_events", "'PENDING', 5000000, 'hook', 10"),
    ("known_requests", "ARRAY['00000000-0000-4000-8000-000000000001']::uuid[]"),
    ("movements_exist", ""),
    ("warehouses", ""),
    ("open_tickets", "0, 10"),
    ("tickets", "NULL, NULL, 10"),
    ("tickets", "'PENDING', 5000000, 10"),
    ("overdue_leases", "'1 hour', 10"),
    ("leased_units", ""),
    ("shadows", "10"),
    ("shadow_drift", ""),
    ("leases_of", "ARRAY['00000000-0000-4000-8000-000000000001']::uuid[]"),
];

/// A shop that nobody tidies up.
async fn shop(pg: &Pg) -> Database {
    let unkept = |b: inventory_gateway::cluster::Builder| {
        b.setting("autovacuum", "off").setting("fsync", "off")
    };
    let db = pg.private_database(unkept).await;
    db.owner().await.run(TIME_PASSES).await;
    db
}

/// Asserts that no plan has a fault but those excepted; gives the exceptions that were needed.
fn check<'e>(
    state: &str,
    plans: &[Planned],
    planner: Planner,
    exceptions: &'e [Exception],
) -> BTreeSet<&'e str> {
    assert!(plans.len() > 20, "{state}: plans were told");
    let mut needed = BTreeSet::new();
    let mut found: BTreeSet<String> = BTreeSet::new();
    for planned in plans {
        // doctor() keeps no plan.
        let anew = planned.call.contains("doctor()");
        let planner = if anew { Planner::Asks } else { planner };
        for Fault { table, why } in faults(&planned.plan, planner) {
            let excepted =
                |e: &&Exception| planned.call.contains(e.call) && e.tables.contains(&table);
            match exceptions.iter().find(excepted) {
                Some(exception) => _ = needed.insert(exception.call),
                None => {
                    _ = found
                        .insert(format!("{table}: {why}\n  {}\n  {}", planned.call, planned.query))
                }
            }
        }
    }
    assert!(found.is_empty(), "{state}:\n{}", found.into_iter().collect::<Vec<_>>().join("\n"));
    needed
}

/// Asserts that the list of exceptions has none too many.
fn check_needed(needed: &BTreeSet<&str>, exceptions: &[Exception]) {
    let listed: BTreeSet<&str> = exceptions.iter().map(|e| e.call).collect();
    assert_eq!(*needed, listed, "the exceptions that are needed, and those that are listed");
}

async fn commands_look_up_what_they_need(pg: Pg) {
    let db = shop(&pg).await;
    let round = |n: u32| format!("\\set r {n}\n{CALLS}");
    let unseen = format!(
        "SET auto_explain.log_min_duration = -1;\n{GOODS}\nSET auto_explain.log_min_duration = 0;"
    );
    let judge = |state, plans: Vec<Planned>| check(state, &plans, Planner::Keeps, OF_COMMANDS);
    let mut needed = judge(
        "new, then grown under the same session",
        plans_of(&db, &[&round(1), &unseen, &round(2)]).await,
    );
    needed.extend(judge("never analyzed", plans_of(&db, &[&round(3)]).await));
    db.owner().await.run(BLOAT).await;
    needed.extend(judge("bloated", plans_of(&db, &[&round(4)]).await));
    db.owner().await.run("VACUUM ANALYZE").await;
    needed.extend(judge("well kept", plans_of(&db, &[&round(5)]).await));
    // Whoever calls may have set the planner in their own way. (What doctor() asks is planned so.)
    let (calls, _) = CALLS.split_once("-- Care.").unwrap();
    let off = "SET enable_indexscan = off; SET enable_nestloop = off; SET enable_tidscan = off;";
    let plans = plans_of(&db, &[off, "\\set r 6", calls]).await;
    needed.extend(judge("with look-ups switched off", plans));
    check_needed(&needed, OF_COMMANDS);
}

/// A statement of the gateway, prepared and executed until PostgreSQL might keep a plan of it.
fn prepared(file: &str, arguments: &str, at: usize) -> String {
    let (_, sql) = statements::ALL.iter().find(|(name, _)| *name == file).unwrap();
    let one_line: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let execute = format!("EXECUTE \"{file}\"{arguments};\n").repeat(7);
    let prepare = format!("PREPARE \"{file}\" AS {};", one_line.join(" "));
    let again = at > 0 && READERS[at - 1].0 == file;
    if again { execute } else { format!("{prepare}\n{execute}") }
}

async fn views_and_lists_are_read_by_key_or_page(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = db.owner().await;
    owner.run(GOODS).await;
    let hold = owner.text("SELECT min(reservation_id::text) FROM inventory.reservation").await;
    let readers: String =
        READERS.iter().enumerate().map(|(at, (file, args))| prepared(file, args, at)).collect();
    let script = format!("\\set hold {hold}\n{VIEWS}\n{readers}");
    let mut needed = BTreeSet::new();
    for (state, sql) in
        [("never analyzed", ""), ("bloated", BLOAT), ("well kept", "VACUUM ANALYZE")]
    {
        owner.run(sql).await;
        let plans = plans_of(&db, &[&script]).await;
        needed.extend(check(state, &plans, Planner::Asks, OF_READERS));
    }
    check_needed(&needed, OF_READERS);
}

async fn every_statement_that_reads_a_view_is_here(pg: Pg) {
    let views = "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'inventory'::regnamespace";
    let views = pg.database().await.owner().await.text(views).await;
    for view in views.lines() {
        let from = format!("inventory.{view}");
        assert!(
            VIEWS.contains(&format!("{from} ")) || VIEWS.contains(&format!("{from};")),
            "{view}"
        );
        let reads =
            |sql: &str| sql.split(&from).skip(1).any(|rest| rest.starts_with([' ', ')', '\n']));
        for (file, _) in statements::ALL.iter().filter(|(_, sql)| reads(sql)) {
            assert!(READERS.iter().any(|(name, _)| name == file), "{file}.sql reads {view}");
        }
    }
}

/// The judge must see what is wrong when something is.
async fn a_scan_would_be_noticed(pg: Pg) {
    let db = shop(&pg).await;
    db.owner().await.run(GOODS).await;
    for (sql, table) in [
        ("SELECT * FROM inventory.stock_00 WHERE on_hand = 7", "stock"),
        ("SELECT count(*) FROM inventory.stock", "stock"),
        ("SELECT * FROM inventory.stock WHERE lot = 'lot 1' ORDER BY sku", "stock"),
        ("SELECT * FROM inventory.request WHERE at > now()", "request"),
        (
            "SELECT * FROM inventory.orders WHERE warehouse_id = 1 AND state = 'PENDING' AND reason = 'x'",
            "orders",
        ),
        ("SELECT count(*) FROM inventory.journal_0003", "journal"),
    ] {
        let plans = plans_of(&db, &[&format!("{sql};")]).await;
        let found: Vec<Fault> = plans.iter().flat_map(|p| faults(&p.plan, Planner::Asks)).collect();
        assert!(found.iter().any(|fault| fault.table == table), "{sql}: {found:?}");
    }
}
