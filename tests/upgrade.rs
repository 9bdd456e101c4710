//! A database of an older version comes forward with all that is in it, whoever works on it meanwhile,
//! and is made the same as a fresh one in the end.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::BTreeSet;

use inventory_tests::calls::{self, CHANGING, name_of};
use inventory_tests::release::{self, FROZEN, order_of, sha256};
use inventory_tests::servers::repository;
use inventory_tests::trade::everything_works;
use inventory_tests::{Database, Pg, Release, Session, Under, promises};

promises!(
    released_scripts_are_as_they_were_released,
    what_is_released_is_frozen,
    an_old_database_waits_for_install_and_loses_nothing,
    an_old_database_comes_forward_with_all_that_is_in_it,
    what_is_new_works_on_what_is_old,
    brought_forward_is_made_as_fresh,
    sessions_that_were_open_go_on,
    a_request_half_done_is_waited_for,
    a_request_half_done_and_undone_is_decided_afresh,
    a_prepared_request_is_waited_for,
    two_installs_at_once_are_one,
    an_install_again_changes_nothing,
);

/// The ways from an old database to a new one.
#[derive(Clone, Copy, Debug)]
enum Way {
    UpdateThenInstall,
    InstallThenUpdate,
    /// A dump restored under the new version has the new functions at once.
    Restored,
}

const WAYS: [Way; 3] = [Way::UpdateThenInstall, Way::InstallThenUpdate, Way::Restored];

const UPDATE: &str = "ALTER EXTENSION pg_inventory UPDATE";
const INSTALL: &str = "SELECT inventory.install()";
/// What it answers: it did something, or found all as it should be.
const BROUGHT: &str = "inventory is brought up to date";
const FOUND: &str = "inventory is up to date";

impl Way {
    fn under(self) -> Under {
        if matches!(self, Way::Restored) { Under::TheNewest } else { Under::ItsOwn }
    }
}

/// An old database that was worked with, under its own version.
async fn traded(pg: &Pg) -> Database {
    oldest().load(&pg.shared().await, "traded.sql", Under::ItsOwn).await
}

fn oldest() -> Release {
    Release::all().remove(0)
}

async fn replays(session: &mut Session, release: &Release) {
    let requests = release.requests();
    assert!(requests.len() > 15);
    for (call, answer) in &requests {
        session.check(call, answer).await;
    }
}

/// What the old tables say to a reader.
const SHOWN: [&str; 5] = [
    "SELECT sku, warehouse_id, on_hand, reserved, available, low, version FROM inventory.stock_level ORDER BY 1, 2",
    "SELECT * FROM inventory.stock_lot ORDER BY 1, 2, 3",
    "SELECT * FROM inventory.low_stock ORDER BY 1, 3",
    "SELECT * FROM inventory.audit_log ORDER BY id",
    "SELECT sku, name, attributes, updated_at FROM inventory.products ORDER BY 1",
];

async fn shown(db: &Database) -> Vec<String> {
    let mut reader = db.reader().await;
    let mut all = Vec::new();
    for sql in SHOWN {
        all.push(reader.text(sql).await);
        assert!(!all[all.len() - 1].is_empty(), "{sql}");
    }
    all
}

async fn install(session: &mut Session, expected: &str) {
    let answer = session.text(INSTALL).await;
    assert!(answer.starts_with(expected), "{answer}");
}

async fn bring_forward(db: &Database, release: &Release, way: Way) {
    let mut owner = db.owner().await;
    match way {
        Way::UpdateThenInstall => owner.run(UPDATE).await,
        Way::InstallThenUpdate => {
            install(&mut owner, BROUGHT).await;
            // The old functions work on the new tables.
            replays(&mut owner, release).await;
            owner.run("SELECT inventory.put_product('BETWEEN', 'Came between')").await;
            owner.run("SELECT inventory.receive('BETWEEN', 2)").await;
            owner.check("SELECT on_hand FROM inventory.deduct('BETWEEN', 2)", "0").await;
            owner.run("SELECT inventory.delete_product('BETWEEN')").await;
            owner.verify_is_clean().await;
            return owner.run(UPDATE).await;
        }
        Way::Restored => {}
    }
    // As one who may install, but owns nothing.
    install(&mut db.admin().await, BROUGHT).await;
}

async fn an_old_database_waits_for_install_and_loses_nothing(pg: Pg) {
    let db = traded(&pg).await;
    let before = db.digest().await;
    let shown_before = shown(&db).await;
    let mut admin = db.admin().await;
    let there = functions(&mut admin).await;
    refuses_everything(&mut admin, &there).await;
    let mut owner = db.owner().await;
    owner.run(UPDATE).await;
    owner.run(UPDATE).await;
    calls::are_complete(&mut owner).await;
    let there = functions(&mut admin).await;
    assert!(there.len() > 25);
    refuses_everything(&mut admin, &there).await;
    assert_eq!(shown(&db).await, shown_before);
    assert_eq!(db.digest().await, before);
    admin.run("SELECT * FROM inventory.doctor()").await;
}

async fn functions(session: &mut Session) -> BTreeSet<String> {
    let names =
        "SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'inventory'::regnamespace";
    session.text(names).await.lines().map(str::to_owned).collect()
}

/// Every function that is there, but those that tell of the state or mend it.
async fn refuses_everything(admin: &mut Session, there: &BTreeSet<String>) {
    let verify = "SELECT inventory.verify()";
    for call in CHANGING.iter().copied().chain([verify]).filter(|c| name_of(c) != "install") {
        if !there.contains(name_of(call)) {
            continue;
        }
        if name_of(call) == "try_deduct" {
            let answer = "SELECT code, on_hand FROM inventory.try_deduct('A', 1)";
            admin.check(answer, "not_installed|null").await;
            continue;
        }
        let refused = admin.refused(call).await;
        assert_eq!(refused.sqlstate, "IV013", "{call}: {refused}");
        assert!(refused.hint.contains("inventory.install()"), "{call}: {refused}");
        assert!(refused.detail.contains("layout 1"), "{call}: {refused}");
    }
}

async fn an_old_database_comes_forward_with_all_that_is_in_it(pg: Pg) {
    for release in Release::all() {
        for way in WAYS {
            let db = release.load(&pg.shared().await, "traded.sql", way.under()).await;
            let before = shown(&db).await;
            bring_forward(&db, &release, way).await;
            let after = shown(&db).await;
            let looked_at = if matches!(way, Way::InstallThenUpdate) { 3 } else { SHOWN.len() };
            assert_eq!(after[..looked_at], before[..looked_at], "{} by {way:?}", release.version);
            db.verify_is_clean().await;
            let mut admin = db.admin().await;
            replays(&mut admin, &release).await;
            db.verify_is_clean().await;
            numbers_go_on(&mut admin).await;
            what_was_under_way_goes_on(&mut admin).await;
            everything_works(&db).await;
        }
    }
}

/// Open holds, where their time is not over, and orders come to their ends.
async fn what_was_under_way_goes_on(admin: &mut Session) {
    let held = "SELECT DISTINCT reservation_id FROM inventory.reservations AS r WHERE state = 'HELD' \
        AND NOT EXISTS (SELECT FROM inventory.order_status AS o WHERE o.reservation_id = r.reservation_id)";
    for hold in admin.text(held).await.lines() {
        admin.run(&format!("SELECT inventory.confirm('{hold}')")).await;
    }
    let started = "SELECT order_no FROM inventory.order_status WHERE state = 'PROCESSING'";
    for order in admin.text(started).await.lines() {
        admin.run(&format!("SELECT inventory.complete_order('{order}')")).await;
    }
}

async fn what_is_new_works_on_what_is_old(pg: Pg) {
    let db = traded(&pg).await;
    bring_forward(&db, &oldest(), Way::UpdateThenInstall).await;
    let mut op = db.operator().await;
    let other =
        "SELECT inventory.deduct('LAMP', 11, request_id => '00000000-0000-4000-8000-000000000005')";
    op.check_refused(other, "IV009", "").await;
    op.check("SELECT code FROM inventory.try_deduct('GONE', 1)", "unknown_sku").await;
    op.check("SELECT on_hand, reserved FROM inventory.reserve('LAMP', 380)", "380|380").await;
    op.check("SELECT code FROM inventory.try_deduct('LAMP', 1)", "insufficient_stock").await;
    // All but the spoiled lot.
    op.check("SELECT on_hand, reserved FROM inventory.reserve('MILK', 20)", "35|20").await;
    op.check("SELECT code FROM inventory.try_deduct('MILK', 1)", "insufficient_stock").await;
    op.check("SELECT on_hand FROM inventory.receive('LOW', 100)", "145").await;
    let last = "SELECT event_type FROM inventory.outbox ORDER BY id DESC LIMIT 1";
    db.reader().await.check(last, "STOCK_RECOVERED").await;
    everything_works(&db).await;
}

/// Each warehouse's numbers, where it stopped drawing them.
async fn numbers_go_on(op: &mut Session) {
    let last = op
        .text("SELECT max(payload->>'order_no') FROM inventory.outbox GROUP BY substr(payload->>'order_no', 15, 3)")
        .await;
    let there = op.text("SELECT warehouse_id FROM inventory.warehouses").await;
    let numbers = last.lines().filter(|number| number.len() == 23);
    let of_warehouse = |number: &str| number[14..17].parse::<u32>().unwrap().to_string();
    let mut looked_at = 0;
    for last in numbers.filter(|number| there.lines().any(|id| id == of_warehouse(number))) {
        let draw = format!("SELECT inventory.next_order_no({})", of_warehouse(last));
        let next = op.text(&draw).await;
        assert!(next.as_str() > last, "{next} after {last}");
        looked_at += 1;
    }
    assert!(looked_at > 0);
}

/// Lines of the catalogue, a fact each.
async fn facts(db: &Database) -> BTreeSet<String> {
    let sql = std::fs::read_to_string(repository().join("tests/upgrade/facts.sql")).unwrap();
    let mut owner = db.owner().await;
    owner.run("SET search_path = ''").await;
    let facts = owner.text(&sql).await;
    facts.lines().map(str::to_owned).collect()
}

async fn brought_forward_is_made_as_fresh(pg: Pg) {
    let fresh = pg.bare_database().await;
    release::set_up_afresh(&fresh).await;
    let wanted = facts(&fresh).await;
    for kind in
        ["routine", "column", "constraint", "index", "trigger", "grant", "sequence", "member"]
    {
        let of_kind = wanted.iter().filter(|fact| fact.starts_with(kind));
        assert!(of_kind.count() > 0, "no {kind} was looked at");
    }
    for release in Release::all() {
        for way in WAYS {
            let db = release.load(&pg.shared().await, "installed.sql", way.under()).await;
            let mut owner = db.owner().await;
            match way {
                Way::UpdateThenInstall => owner.run(&format!("{UPDATE}; {INSTALL}")).await,
                Way::InstallThenUpdate => owner.run(&format!("{INSTALL}; {UPDATE}")).await,
                Way::Restored => owner.run(INSTALL).await,
            }
            let found = facts(&db).await;
            let missing: Vec<_> = wanted.difference(&found).take(20).collect();
            let besides: Vec<_> = found.difference(&wanted).take(20).collect();
            assert!(
                missing.is_empty() && besides.is_empty(),
                "{} by {way:?}\n  lacks {missing:#?}\n  has {besides:#?}",
                release.version
            );
            same_rows(&fresh, &db).await;
        }
    }
}

/// Rows that an installation begins with, but for which database it is.
async fn same_rows(fresh: &Database, db: &Database) {
    for sql in [
        "SELECT layout, generation, journal_cut FROM inventory.installation",
        "SELECT * FROM inventory.upkeep ORDER BY job",
        "SELECT * FROM inventory.warehouse",
        "SELECT * FROM inventory.order_number_001",
        "SELECT * FROM inventory.journal_id",
    ] {
        let expected = fresh.owner().await.text(sql).await;
        db.owner().await.check(sql, &expected).await;
    }
}

async fn sessions_that_were_open_go_on(pg: Pg) {
    let db = traded(&pg).await;
    let mut idle = db.operator().await;
    idle.check_refused("SELECT inventory.deduct('LAMP', 1)", "IV013", "").await;
    let mut prepared = db.operator().await;
    prepared.run("PREPARE sell AS SELECT on_hand FROM inventory.deduct('LAMP', 1)").await;
    prepared.check_refused("EXECUTE sell", "IV013", "").await;
    let mut reader = db.reader().await;
    reader
        .run("PREPARE levels AS SELECT sum(on_hand) FROM inventory.stock_level; EXECUTE levels")
        .await;
    // Neither has a lock on anything of ours.
    let mut open = db.operator().await;
    open.run("BEGIN; SAVEPOINT before").await;
    open.check_refused("SELECT inventory.deduct('LAMP', 1)", "IV013", "").await;
    open.run("ROLLBACK TO before").await;
    let mut fixed = db.operator().await;
    fixed.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;

    bring_forward(&db, &oldest(), Way::UpdateThenInstall).await;

    idle.check("SELECT on_hand FROM inventory.deduct('LAMP', 1)", "379").await;
    prepared.check("EXECUTE sell", "378").await;
    reader.run("EXECUTE levels").await;
    open.check("SELECT on_hand FROM inventory.deduct('LAMP', 1)", "377").await;
    open.run("COMMIT").await;
    // This one's snapshot still sees the old layout; its next will not.
    fixed.check_refused("SELECT inventory.deduct('LAMP', 1)", "40001", "").await;
    fixed.run("ROLLBACK").await;
    fixed.check("SELECT on_hand FROM inventory.deduct('LAMP', 1)", "376").await;
    db.verify_is_clean().await;
}

/// What an open transaction of the old version had done.
async fn half_done(db: &Database) -> Session {
    let mut session = db.owner().await;
    session.run("BEGIN").await;
    session.run(&oldest().read("half_done.sql")).await;
    session
}

const HALF_DONE: &str = "SELECT * FROM inventory.deduct('LAMP', 7, request_id => '00000000-0000-4000-8000-000000000015')";

/// Starts an install that waits for another session. The functions can be updated meanwhile.
async fn install_waits(db: &Database) -> tokio::task::JoinHandle<Session> {
    let mut owner = db.owner().await;
    owner.run(UPDATE).await;
    let waits = tokio::spawn(async move {
        install(&mut owner, BROUGHT).await;
        owner
    });
    db.owner().await.until_waiting(1).await;
    waits
}

async fn a_request_half_done_is_waited_for(pg: Pg) {
    let db = traded(&pg).await;
    let mut half = half_done(&db).await;
    let install = install_waits(&db).await;
    half.run("COMMIT").await;
    let mut owner = install.await.unwrap();
    owner.verify_is_clean().await;
    owner.check(HALF_DONE, "ok|20261124230332001000000|373|0|373|t").await;
    replays(&mut owner, &oldest()).await;
    owner.check("SELECT on_hand, replayed FROM inventory.deduct('LAMP', 1)", "372|f").await;
    everything_works(&db).await;
}

async fn a_request_half_done_and_undone_is_decided_afresh(pg: Pg) {
    let db = traded(&pg).await;
    let mut half = half_done(&db).await;
    let install = install_waits(&db).await;
    half.run("ROLLBACK").await;
    let mut owner = install.await.unwrap();
    owner.verify_is_clean().await;
    let answer = "SELECT code, on_hand, replayed FROM inventory.deduct('LAMP', 7, request_id => '00000000-0000-4000-8000-000000000015')";
    owner.check(answer, "ok|373|f").await;
    owner.check(answer, "ok|373|t").await;
    everything_works(&db).await;
}

async fn a_prepared_request_is_waited_for(pg: Pg) {
    let db = traded(&pg).await;
    let name = format!("half done in {}", db.name);
    half_done(&db).await.run(&format!("PREPARE TRANSACTION '{name}'")).await;
    let install = install_waits(&db).await;
    // Nobody else is refused for another reason than before, or hangs.
    db.operator().await.check_refused(HALF_DONE, "IV013", "").await;
    db.owner().await.run(&format!("COMMIT PREPARED '{name}'")).await;
    let mut owner = install.await.unwrap();
    owner.check(HALF_DONE, "ok|20261124230332001000000|373|0|373|t").await;
    everything_works(&db).await;
}

async fn two_installs_at_once_are_one(pg: Pg) {
    let db = traded(&pg).await;
    // All begin while somebody keeps the first one from ending.
    let mut half = half_done(&db).await;
    let mut owner = db.owner().await;
    owner.run(UPDATE).await;
    let mut installs = Vec::new();
    for level in ["READ COMMITTED", "READ COMMITTED", "REPEATABLE READ"] {
        let mut session = db.admin().await;
        session.run(&format!("SET default_transaction_isolation = '{level}'")).await;
        installs.push(tokio::spawn(async move { session.query(INSTALL).await }));
        owner.until_waiting(installs.len()).await;
    }
    half.run("COMMIT").await;
    // The last one's snapshot is from before the first.
    for (install, expected) in installs.into_iter().zip([BROUGHT, FOUND, "40001"]) {
        let answer = install.await.unwrap().map_or_else(|e| e.to_string(), |a| a.to_string());
        assert!(answer.starts_with(expected), "{answer}");
    }
    everything_works(&db).await;
}

async fn an_install_again_changes_nothing(pg: Pg) {
    let db = traded(&pg).await;
    bring_forward(&db, &oldest(), Way::UpdateThenInstall).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.reserve('LAMP', 300, ttl => '1 day')").await;
    op.run("SELECT inventory.reserve('MILK', 20, ttl => '1 microsecond')").await;
    let (rows, made) = (db.digest().await, facts(&db).await);
    let (mut one, mut other) = (db.owner().await, db.owner().await);
    one.run("BEGIN").await;
    install(&mut one, FOUND).await;
    let waits = tokio::spawn(async move { install(&mut other, FOUND).await });
    db.owner().await.until_waiting(1).await;
    // Who works does not wait for it.
    op.run("BEGIN").await;
    op.check("SELECT on_hand, reserved FROM inventory.deduct('LAMP', 1)", "379|300").await;
    op.run("ROLLBACK").await;
    one.run("COMMIT").await;
    waits.await.unwrap();
    assert_eq!(facts(&db).await, made);
    assert_eq!(db.digest().await, rows);
    everything_works(&db).await;
}

fn frozen() -> Vec<(String, String)> {
    let list = std::fs::read_to_string(repository().join(FROZEN)).unwrap();
    let pair = |line: &str| line.split_once("  ").map(|(sum, file)| (sum.into(), file.into()));
    list.lines().map(|line| pair(line).unwrap()).collect()
}

async fn released_scripts_are_as_they_were_released(_pg: Pg) {
    for (expected, file) in frozen() {
        assert_eq!(
            sha256(&file),
            expected,
            "{file} was edited, but it is released: databases that ran it would differ from those that \
             will. Put it back as it was, and make the change in a script or step of its own \
             (CONTRIBUTING.md, Changing the database)."
        );
    }
}

/// With `INVENTORY_RELEASE=1` it is written down instead.
async fn what_is_released_is_frozen(pg: Pg) {
    if std::env::var_os("INVENTORY_RELEASE").is_some() {
        released_scripts_are_as_they_were_released(pg.clone()).await;
        return release::write_down(&pg).await;
    }
    let last = Release::all().pop().unwrap();
    let released = order_of(&last.version);
    let advice = "(CONTRIBUTING.md, Releasing)";
    let changes = std::fs::read_to_string(repository().join("CHANGELOG.md")).unwrap();
    let headings = changes.lines().filter_map(|line| line.strip_prefix("## [")?.split(']').next());
    for version in headings.filter(|name| *name != "Unreleased") {
        let dumped = order_of(version) <= released;
        assert!(dumped, "the changelog has {version}, tests/upgrade/ has no dumps of it {advice}");
    }
    let to = |script: &str| {
        let versions = script.trim_start_matches("sql/pg_inventory--").trim_end_matches(".sql");
        order_of(versions.rsplit("--").next().unwrap())
    };
    let step = |file: &str| file[11..14].parse::<u32>().unwrap();
    let scripts = release::scripts().into_iter().map(|file| (to(&file) <= released, file));
    let steps = release::steps().into_iter().map(|file| (step(&file) <= last.layout(), file));
    for (is_released, file) in scripts.chain(steps) {
        let listed = frozen().iter().any(|(_, frozen)| *frozen == file);
        assert_eq!(listed, is_released, "{FROZEN} names all that is released: {file} {advice}");
    }
}
