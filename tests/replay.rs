//! A year of a real retailer's invoice lines through the engine, beside an independent computation
//! from the same file.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flate2::read::GzDecoder;
use inventory_tests::commands::{Ended, inventory, run};
use inventory_tests::servers::repository;
use inventory_tests::{Database, Pg, User, Verdict, promises, skipped, soak};

promises!(
    with_plenty_every_stock_code_ends_where_the_file_says,
    with_little_orders_are_refused_whole,
    a_server_killed_in_the_middle_changes_nothing_in_the_end,
    dirty_lines_are_replayed_as_promised,
    a_file_that_is_none_is_refused,
);

fn data_file() -> PathBuf {
    repository().join("../shared/data/online_retail_II_2009-2010.csv.gz")
}

fn no_data() -> Verdict {
    skipped(format!("the retail file is not at {}", data_file().display()))
}

/// The file's text, unpacked.
fn unpacked(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    text
}

/// What must come out, computed from the file alone.
#[derive(Default, Debug, PartialEq)]
struct Outcome {
    levels: HashMap<String, i64>,
    orders_accepted: i64,
    orders_refused: i64,
    refused_others: i64,
}

/// Line by line, in the file's order; an invoice's positive lines are decided together where the
/// last of them stands.
fn computed(csv: &[u8], opening: i64) -> Outcome {
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(csv).records().map(Result::unwrap).collect();
    let quantity = |row: &csv::StringRecord| row[3].parse::<i64>().unwrap();
    let mut outcome = Outcome::default();
    let mut last_line = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        outcome.levels.insert(row[1].to_owned(), opening);
        if quantity(row) > 0 {
            last_line.insert(&row[0], at);
        }
    }
    let mut baskets: HashMap<&str, HashMap<&str, i64>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let (invoice, sku, units) = (&row[0], &row[1], quantity(row));
        if units > 0 {
            *baskets.entry(invoice).or_default().entry(sku).or_default() += units;
            if last_line[invoice] == at {
                decide(&mut outcome, baskets.remove(invoice).unwrap());
            }
        } else {
            let level = outcome.levels.get_mut(sku).unwrap();
            let back = if invoice.starts_with('C') { -units } else { units };
            if *level + back >= 0 {
                *level += back;
            } else {
                outcome.refused_others += 1;
            }
        }
    }
    outcome
}

fn decide(outcome: &mut Outcome, basket: HashMap<&str, i64>) {
    if basket.iter().any(|(sku, units)| outcome.levels[*sku] < *units) {
        outcome.orders_refused += 1;
        return;
    }
    outcome.orders_accepted += 1;
    for (sku, units) in basket {
        *outcome.levels.get_mut(sku).unwrap() -= units;
    }
}

async fn levels(db: &Database) -> HashMap<String, i64> {
    let sql = "SELECT sku, on_hand FROM inventory.stock_level";
    let answer = db.owner().await.query(sql).await.unwrap();
    let pair = |row: &Vec<Option<String>>| {
        (row[0].clone().unwrap(), row[1].as_deref().unwrap().parse().unwrap())
    };
    answer.rows.iter().map(pair).collect()
}

/// Asserts levels and counts, and that the summary tells the same.
async fn check_outcome(db: &Database, expected: &Outcome, summary: &serde_json::Value) {
    let levels = levels(db).await;
    let differ: Vec<_> = expected
        .levels
        .iter()
        .filter(|(sku, level)| levels.get(*sku) != Some(level))
        .map(|(sku, level)| format!("{sku:?}: {:?}, not {level}", levels.get(sku)))
        .take(10)
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert_eq!(levels.len(), expected.levels.len(), "no stock code more");
    assert!(levels.values().all(|level| *level >= 0), "nothing below zero");
    assert_eq!(summary["orders_accepted"], expected.orders_accepted);
    assert_eq!(summary["orders_refused"], expected.orders_refused);
    let others = summary["returns_refused"].as_i64().unwrap()
        + summary["write_offs_refused"].as_i64().unwrap();
    assert_eq!(others, expected.refused_others);
    assert_eq!(summary["violations"], serde_json::json!([]));
    db.verify_is_clean().await;
}

/// Runs `inventory --json replay` and watches its memory; the summary and the peak in kilobytes.
async fn replay(db: &Database, file: &Path, opening: i64) -> (serde_json::Value, u64) {
    let (ended, peak) = replay_to_the_end(db, file, opening).await;
    (serde_json::from_str(&ended.ok()).expect("a summary in JSON"), peak)
}

async fn replay_to_the_end(db: &Database, file: &Path, opening: i64) -> (Ended, u64) {
    let child = inventory()
        .args(["--database-url", &db.url(User::Owner), "--json", "replay"])
        .arg(file)
        .args(["--opening", &opening.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id().expect("it runs"));
    let mut end = Box::pin(child.wait_with_output());
    let mut peak = 0;
    let output = loop {
        tokio::select! {
            output = &mut end => break output.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(100)) => peak = peak.max(high_water(&status)),
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ended =
        Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
    (ended, peak)
}

/// The most memory a process ever had in use, in kilobytes.
fn high_water(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Counts and positions that any further movement would change.
async fn fingerprint(db: &Database) -> String {
    db.owner()
        .await
        .text(
            "SELECT (SELECT count(*) FROM inventory.journal), (SELECT max(id) FROM inventory.journal), \
                    (SELECT count(*) FROM inventory.request), (SELECT count(*) FROM inventory.product), \
                    (SELECT md5(string_agg(s::text, '/' ORDER BY sku, warehouse_id, lot)) FROM inventory.stock AS s)",
        )
        .await
}

async fn with_plenty_every_stock_code_ends_where_the_file_says(pg: Pg) -> Verdict {
    if !data_file().exists() {
        return no_data();
    }
    let db = pg.database().await;
    let expected = computed(&unpacked(&data_file()), 1_000_000);
    assert_eq!((expected.levels.len(), expected.orders_refused), (4_632, 0));
    let (summary, peak) = replay(&db, &data_file(), 1_000_000).await;
    check_outcome(&db, &expected, &summary).await;
    assert!(peak > 0 && peak < 200 * 1024, "peak memory {peak} kB");
    eprintln!(
        "pg{}: the year in {} s, {} lines a second, peak memory {peak} kB",
        pg.major, summary["seconds"], summary["lines_per_second"]
    );
    no_unit_is_lost(&db).await;

    let before = fingerprint(&db).await;
    let (again, _) = replay(&db, &data_file(), 1_000_000).await;
    assert_eq!(fingerprint(&db).await, before, "run again, it changes nothing");
    assert_eq!(again["changes"], 0, "and says so");
    assert_eq!(again["orders_accepted"], summary["orders_accepted"]);
    Verdict::Passed
}

/// The units of the whole file, as its readme counts them.
async fn no_unit_is_lost(db: &Database) {
    db.owner()
        .await
        .check(
            "SELECT sum(on_hand_delta) FILTER (WHERE event_type = 'STOCK_DEDUCTED'), \
                    sum(on_hand_delta) FILTER (WHERE event_type <> 'STOCK_DEDUCTED') - 4632 * 1000000::bigint \
               - 2 * sum(on_hand_delta) FILTER (WHERE event_type = 'STOCK_ADJUSTED') FROM inventory.journal",
            "-6011588|579547",
        )
        .await;
}

async fn with_little_orders_are_refused_whole(pg: Pg) -> Verdict {
    if !data_file().exists() {
        return no_data();
    }
    let db = pg.database().await;
    let csv = unpacked(&data_file());
    let expected = computed(&csv, 500);
    assert!(
        expected.orders_refused > 1_000,
        "there is something to refuse: {}",
        expected.orders_refused
    );
    let (summary, peak) = replay(&db, &data_file(), 500).await;
    check_outcome(&db, &expected, &summary).await;
    assert!(peak < 200 * 1024, "peak memory {peak} kB");
    assert!(!summary["refusals"].as_array().unwrap().is_empty(), "the first refusals by name");
    whole_or_not_at_all(&db, &csv).await;
    Verdict::Passed
}

/// Every order in the journal has exactly its invoice's positive lines: the invoice is named in the
/// reason of its movements.
async fn whole_or_not_at_all(db: &Database, csv: &[u8]) {
    let mut invoices: HashMap<String, (i64, i64)> = HashMap::new();
    for row in csv::Reader::from_reader(csv).records().map(Result::unwrap) {
        let units: i64 = row[3].parse().unwrap();
        if units > 0 {
            let lines = invoices.entry(row[0].to_owned()).or_default();
            *lines = (lines.0 + 1, lines.1 + units);
        }
    }
    let sql = "SELECT substring(reason FROM '^invoice ([^ ]+)'), count(*), -sum(on_hand_delta), count(DISTINCT order_no) \
               FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED' GROUP BY 1";
    let orders = db.owner().await.text(sql).await;
    for order in orders.lines() {
        let [invoice, lines, units, numbers] = order.split('|').collect::<Vec<_>>()[..] else {
            panic!("{order}")
        };
        let whole = (lines.parse().unwrap(), units.parse().unwrap());
        assert_eq!(invoices.get(invoice), Some(&whole), "invoice {invoice}");
        assert_eq!(numbers, "1", "invoice {invoice} is one order");
    }
}

/// The head of the file, as plain CSV.
fn head_of_file(lines: usize, folder: &Path) -> PathBuf {
    let text = unpacked(&data_file());
    let end = text
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .nth(lines)
        .map_or(text.len(), |(at, _)| at + 1);
    let path = folder.join("head.csv");
    std::fs::File::create(&path).unwrap().write_all(&text[..end]).unwrap();
    path
}

async fn a_server_killed_in_the_middle_changes_nothing_in_the_end(pg: Pg) -> Verdict {
    if !data_file().exists() {
        return no_data();
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, lines) = match soak() {
        true => (data_file(), 525_461),
        false => (head_of_file(80_000, folder.path()), 80_000),
    };
    let csv = if soak() { unpacked(&file) } else { std::fs::read(&file).unwrap() };
    let expected = computed(&csv, 500);
    let db = pg.private_database(|builder| builder).await;
    let killed = kill_in_the_middle(&db, lines);
    let ((ended, _), ()) = futures::join!(replay_to_the_end(&db, &file, 500), killed);
    assert_eq!(ended.code, Some(3), "not reachable: {ended:?}");

    let server = db.server.clone();
    tokio::task::spawn_blocking(move || server.start_again()).await.unwrap();
    db.verify_is_clean().await;
    let done = db.owner().await.number("SELECT count(*) FROM inventory.request").await;
    let (summary, _) = replay(&db, &file, 500).await;
    assert!(summary["replayed"].as_i64().unwrap() > 0, "it went on, not began: {done} were there");
    assert!(summary["changes"].as_i64().unwrap() > 0, "and had something left to do");
    check_outcome(&db, &expected, &summary).await;
    whole_or_not_at_all(&db, &csv).await;
    Verdict::Passed
}

/// Waits until a good part of the movements are there, then kills every process of the server. Of so
/// little stock about half of the lines are refused, so a sixth of them is a third of what moves.
async fn kill_in_the_middle(db: &Database, lines: usize) {
    let mut owner = db.owner().await;
    let enough = format!("SELECT count(*) > {} FROM inventory.journal", lines / 6);
    owner.until(&enough).await;
    let server = db.server.clone();
    tokio::task::spawn_blocking(move || server.kill()).await.unwrap();
}

const HEADER: &str =
    "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n";

async fn dirty_lines_are_replayed_as_promised(pg: Pg) {
    let db = pg.database().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dirty.csv");
    let body = format!(
        "1,a,Lamp,2,2009-12-01 07:45:00,1,13085,UK\n\
         1,A,LAMP,3,2009-12-01 07:45:00,1,13085,UK\n\
         1,a,Lamp,9,2009-12-01 07:45:00,1,13085,UK\n\
         2,A,LAMP,4,2009-12-01 08:00:00,1,,UK\n\
         2,a,Lamp,4,2009-12-01 08:00:00,1,,UK\n\
         3,A,{},-1,2009-12-01 09:00:00,0,,UK\n\
         4,A,,-1,2009-12-01 09:00:00,0,,UK\n\
         C5,a,Lamp,-2,2009-12-01 10:00:00,1,13085,UK\n\
         6,BANK CHARGES,\"Fee, \"\"bank\"\"\",1,2009-12-01 11:00:00,1,,UK\n",
        "broken ".repeat(12)
    );
    std::fs::write(&file, format!("{HEADER}{body}")).unwrap();
    let (summary, _) = replay(&db, &file, 10).await;
    // Invoice 1 wants 11 of `a`: refused as a whole, its `A` as well.
    assert_eq!(
        (summary["orders_accepted"].as_i64(), summary["orders_refused"].as_i64()),
        (Some(2), Some(1))
    );
    let refusal = &summary["refusals"][0];
    assert_eq!(refusal["name"], "1");
    assert_eq!(refusal["code"], "insufficient_stock");
    let mut owner = db.owner().await;
    owner
        .check(
            "SELECT sku, on_hand FROM inventory.stock_level ORDER BY sku",
            "A|4\nBANK CHARGES|9\na|8",
        )
        .await;
    owner
        .check(
            "SELECT sku_id, after_qty - before_qty, reason, operator, trace_id FROM inventory.audit_log \
              WHERE reason NOT LIKE 'invoice %' AND reason NOT LIKE 'open%' ORDER BY id",
            &format!("a|2|return|13085|C5\nA|-1|{}|null|3\nA|-1|write-off|null|4", &"broken ".repeat(12)[..64].trim_end()),
        )
        .await;
    let gz = folder.path().join("dirty.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(
        std::fs::File::create(&gz).unwrap(),
        flate2::Compression::fast(),
    );
    packed.write_all(format!("{HEADER}{body}").as_bytes()).unwrap();
    packed.finish().unwrap();
    let before = fingerprint(&db).await;
    let (again, _) = replay(&db, &gz, 10).await;
    assert_eq!(again["changes"], 0, "packed it is the same file");
    assert_eq!(fingerprint(&db).await, before);
}

async fn a_file_that_is_none_is_refused(pg: Pg) {
    let db = pg.database().await;
    let folder = tempfile::tempdir().unwrap();
    let before = db.digest().await;
    for (name, text) in [
        ("empty.csv", String::new()),
        ("columns.csv", "Invoice,Quantity\n1,1\n".into()),
        ("number.csv", format!("{HEADER}1,A,Lamp,1,,1,,UK\n1,A,Lamp,many,,1,,UK\n")),
        ("sku.csv", format!("{HEADER}1,,Lamp,1,,1,,UK\n")),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let (ended, _) = replay_to_the_end(&db, &file, 10).await;
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
    }
    let missing =
        run(inventory().args(["--database-url", &db.url(User::Owner), "replay", "/nowhere.csv"]))
            .await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert_eq!(db.digest().await, before, "nothing was written");
}
