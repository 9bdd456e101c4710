//! The journal as events: what a cursor has not seen, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use inventory_tests::{Database, Dice, Pg, Session};

use super::receiver::journal_ids;

/// Reads pages until nothing is left; gives what was read and the cursor then.
pub async fn read_all(session: &mut Session, cursor: &str, page: usize) -> (Vec<i64>, String) {
    let (mut cursor, mut ids) = (cursor.to_owned(), Vec::new());
    loop {
        let given = if cursor.is_empty() { "NULL".to_owned() } else { format!("'{cursor}'") };
        let sql = format!("SELECT e.id, e.cursor FROM inventory.read_events({given}, {page}) AS e");
        let rows = session.text(&sql).await;
        let mut left = true;
        for row in rows.lines() {
            let (id, behind) = row.split_once('|').unwrap();
            behind.clone_into(&mut cursor);
            match id.parse() {
                Ok(id) => ids.push(id),
                Err(_) => left = false,
            }
        }
        if !left {
            return (ids, cursor);
        }
    }
}

pub async fn what_commits_late_is_read_when_it_commits(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1_000), ("B", 1_000)]).await;
    let mut reader = db.operator().await;
    let before = journal_ids(&mut db.owner().await).await;
    let (all, _) = read_all(&mut reader, "", 3).await;
    assert_eq!(all.iter().copied().collect::<BTreeSet<_>>(), before, "from the beginning");
    // Whoever is open now draws ids now and commits in the end.
    let mut late = db.operator().await;
    late.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    let now = reader.text("SELECT inventory.events_now()").await;
    let mut other = db.operator().await;
    other.run("SELECT inventory.deduct('B', 1) FROM generate_series(1, 50)").await;
    let (seen, cursor) = read_all(&mut reader, &now, 7).await;
    assert_eq!(seen.len(), 50);
    late.run("SELECT inventory.deduct('A', 1)").await;
    let (nothing, cursor) = read_all(&mut reader, &cursor, 7).await;
    assert_eq!(nothing, [0_i64; 0]);
    late.run("COMMIT").await;
    let (then, cursor) = read_all(&mut reader, &cursor, 1).await;
    assert_eq!(then.len(), 2, "both of the one that committed last");
    assert!(then[0] < seen[0], "and one had drawn its id before the others");
    assert_eq!(read_all(&mut reader, &cursor, 1).await.0, [0_i64; 0]);
    // What was rolled back is nothing.
    late.run("BEGIN; SELECT inventory.deduct('A', 1); ROLLBACK").await;
    assert_eq!(read_all(&mut reader, &cursor, 1).await.0, [0_i64; 0]);
}

pub async fn one_s_own_transaction_is_open_too(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    let mut own = db.operator().await;
    own.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    db.operator().await.run("SELECT inventory.deduct('B', 1)").await;
    let cursor = own.text("SELECT inventory.events_now()").await;
    own.run("SELECT inventory.deduct('A', 1); COMMIT").await;
    assert_eq!(read_all(&mut own, &cursor, 10).await.0.len(), 2);
}

pub async fn crowds_and_readers_agree(pg: Pg) {
    let db = pg.database().await;
    let skus: Vec<String> = (0..12).map(|n| format!("S{n}")).collect();
    let goods: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 100_000)).collect();
    db.stock(&goods).await;
    let start = db.operator().await.text("SELECT inventory.events_now()").await;
    let known = journal_ids(&mut db.owner().await).await;
    let writers: Vec<_> = (0..6_u64).map(|n| tokio::spawn(write(db.clone(), n))).collect();
    let mut readers = Vec::new();
    for page in [1, 17, 400] {
        let (db, start) = (db.clone(), start.clone());
        readers.push(tokio::spawn(async move {
            let mut session = db.operator().await;
            let (mut cursor, mut ids) = (start, Vec::new());
            for _ in 0..30 {
                let (more, next) = read_all(&mut session, &cursor, page).await;
                (ids, cursor) = ([ids, more].concat(), next);
            }
            (session, cursor, ids)
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let all = journal_ids(&mut db.owner().await).await;
    for reader in readers {
        let (mut session, cursor, mut ids) = reader.await.unwrap();
        ids.extend(read_all(&mut session, &cursor, 100).await.0);
        let each: BTreeSet<i64> = ids.iter().copied().collect();
        assert_eq!(each.len(), ids.len(), "nothing twice");
        assert_eq!(each, all.difference(&known).copied().collect(), "everything once");
        in_version_order(&db, &ids).await;
    }
}

/// Transactions of all lengths that end in any order, some in nothing.
async fn write(db: Database, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut session = db.operator().await;
    for _ in 0..40 {
        session.run("BEGIN").await;
        // In one order, so that nobody waits in a circle.
        let mut skus: Vec<usize> = (0..=dice.below(4)).map(|_| dice.below(12)).collect();
        skus.sort_unstable();
        for sku in skus {
            session.run(&format!("SELECT inventory.deduct('S{sku}', 1)")).await;
        }
        let end = if dice.below(5) == 0 { "ROLLBACK" } else { "COMMIT" };
        session.run(end).await;
    }
}

async fn in_version_order(db: &Database, ids: &[i64]) {
    let versions = db
        .owner()
        .await
        .text(
            "SELECT j.id, j.sku, j.version FROM inventory.journal AS j WHERE j.version IS NOT NULL",
        )
        .await;
    let versions: BTreeMap<i64, (&str, i64)> = versions
        .lines()
        .map(|line| {
            let parts: Vec<&str> = line.split('|').collect();
            (parts[0].parse().unwrap(), (parts[1], parts[2].parse().unwrap()))
        })
        .collect();
    let mut last = BTreeMap::new();
    for (sku, version) in ids.iter().filter_map(|id| versions.get(id)) {
        assert!(last.insert(*sku, *version).unwrap_or(0) < *version, "{sku}: {version}");
    }
}

pub async fn cursors_of_another_database_are_refused(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let cursor = {
        let mut op = db.operator().await;
        for (sql, detail) in [
            ("SELECT * FROM inventory.read_events('nonsense')", "cursor must be one that"),
            ("SELECT * FROM inventory.read_events(max_events => 0)", "max_events must be 1 to"),
            ("SELECT * FROM inventory.read_events(max_events => NULL)", "max_events must not be"),
        ] {
            op.check_refused(sql, "IV004", detail).await;
        }
        op.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
        let call = "SELECT inventory.events_now()";
        op.check_refused(call, "IV004", "events are read in READ COMMITTED").await;
        op.run("ROLLBACK").await;
        op.text(call).await
    };
    let copy = db.cloned().await;
    let mut op = copy.operator().await;
    let call = format!("SELECT * FROM inventory.read_events('{cursor}')");
    op.check_refused(&call, "IV004", "the cursor is of generation").await;
    assert!(!read_all(&mut op, "", 10).await.0.is_empty());
}

pub async fn what_was_pruned_is_said_to_be(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut op = db.operator().await;
    let cursor = op.text("SELECT inventory.events_now()").await;
    db.owner().await.run("UPDATE inventory.installation SET journal_cut_id = 1000").await;
    let call = format!("SELECT * FROM inventory.read_events('{cursor}')");
    op.check_refused(&call, "IV004", "the cursor stands at").await;
}
