//! What people look at and are woken by: Grafana's board, Prometheus' rules, the pages that they lead to. A real
//! Prometheus asks a real gateway, and each expression is put to it.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use inventory_tests::prometheus::{program, promtool, settings};
use inventory_tests::servers::repository;
use inventory_tests::{Database, Gateway, Pg, Prometheus, Verdict, promises, skipped};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

promises!(
    once: rules_do_what_their_tests_say,
    metrics_are_what_prometheus_expects,
    every_panel_shows_something_and_every_rule_evaluates,
    the_board_can_be_provisioned,
);

const NONE: &str = "no promtool or prometheus here (Debian: prometheus)";

/// Panels, from the file that Grafana is given.
fn panels() -> Vec<Value> {
    let board = std::fs::read(repository().join("docker/grafana/dashboards/inventory.json"));
    let board: Value = serde_json::from_slice(&board.unwrap()).expect("JSON");
    board["panels"].as_array().unwrap().clone()
}

/// Panel's title and expression, with what Grafana would put in place of its variables.
fn questions() -> Vec<(String, String)> {
    let mut questions = Vec::new();
    for panel in panels() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let text = target["expr"].as_str().unwrap();
            let text = text.replace("$__rate_interval", "30s").replace("$instance", ".*");
            assert!(!text.contains('$'), "a variable that nobody fills: {text}");
            questions.push((panel["title"].as_str().unwrap().to_owned(), text));
        }
    }
    questions
}

/// Names of ours in an expression: those that rules record aside, as /metrics has them.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let names =
        expression.split(|c| !part_of_name(c)).filter(|name| name.starts_with("inventory_"));
    let suffixes = ["_bucket", "_sum", "_count"];
    names
        .map(|name| suffixes.iter().fold(name, |n, s| n.strip_suffix(s).unwrap_or(n)).to_owned())
        .collect()
}

async fn rules_do_what_their_tests_say(_pg: Pg) -> Verdict {
    let folder = settings("127.0.0.1:9".parse().unwrap());
    let checks: [&[&str]; 3] = [
        &["check", "config", "prometheus.yml"],
        &["check", "rules", "recording.yml", "alerts.yml"],
        &["test", "rules", "tests.yml"],
    ];
    for check in checks {
        match promtool(folder.path(), check).await {
            Some(ended) => drop(ended.ok()),
            None => return skipped(NONE),
        }
    }
    Verdict::Passed
}

/// A shop that shows a bit of everything, and a gateway before it.
async fn shop(pg: &Pg, journal: &tempfile::TempDir) -> (Database, Gateway) {
    let db = pg.database().await;
    db.stock(&[("WATCHED", 1_000_000), ("LOW", 1), ("HOT", 1_000), ("NONE", 0)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product('LOW', 'Low', 3)").await;
    admin.run("SELECT inventory.set_hot('HOT', true)").await;
    // Which nobody tells of anything.
    admin.run("SELECT inventory.put_sink('shop', 'stdout:')").await;
    // Something for doctor() to find, which hurts nobody here.
    db.owner().await.run("ALTER SEQUENCE inventory.order_number_001 CACHE 2").await;
    let folder = journal.path().to_str().unwrap();
    let arguments = ["--watch", "WATCHED", "--journal-dir", folder, "--lease-min", "10"];
    let arguments = [&arguments[..], &["--check-every", "1"]].concat();
    let gateway = Gateway::with(&db, &arguments).await;
    (db, gateway)
}

/// Sales, refusals, reads.
async fn trade(gateway: &Gateway) {
    for _ in 0..10 {
        let sale = |sku: &str| json!({"sku": sku, "quantity": 1});
        gateway.operator.post("/v1/deductions", &sale("WATCHED")).await.is(201);
        gateway.operator.post("/v1/deductions", &sale("NONE")).await.is(400);
        gateway.reader.get("/v1/stock/WATCHED").await.is(200);
    }
}

async fn metrics_are_what_prometheus_expects(pg: Pg) -> Verdict {
    let Some(promtool) = program("promtool") else { return skipped(NONE) };
    let journal = tempfile::tempdir().unwrap();
    let (_db, gateway) = shop(&pg, &journal).await;
    trade(&gateway).await;
    let shown = gateway.reader.get("/metrics").await.body;
    let mut check = Command::new(promtool);
    check.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut check = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(&shown).await.unwrap();
    let ended = check.wait_with_output().await.unwrap();
    let (said, shown) = (String::from_utf8_lossy(&ended.stderr), String::from_utf8_lossy(&shown));
    assert!(ended.status.success() && said.is_empty(), "{said}\n{shown}");
    Verdict::Passed
}

async fn every_panel_shows_something_and_every_rule_evaluates(pg: Pg) -> Verdict {
    let journal = tempfile::tempdir().unwrap();
    let (_db, gateway) = shop(&pg, &journal).await;
    let Some(mut prometheus) = Prometheus::of(gateway.address).await else { return skipped(NONE) };
    until_all_show(&prometheus, &gateway).await;
    let rules = prometheus.rules().await;
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let alerts: BTreeMap<_, _> = rules
        .iter()
        .filter(|rule| rule["type"] == "alerting")
        .map(|rule| (rule["name"].as_str().unwrap(), rule))
        .collect();
    each_alert_leads_somewhere(&alerts);
    let recorded = rules.iter().map(|rule| rule["query"].as_str().unwrap().to_owned());
    let asked: Vec<_> = questions().into_iter().map(|(_, asked)| asked).chain(recorded).collect();
    names_are_those_of_the_gateway(&gateway, &asked).await;
    // What was set up here is seen by those whom it concerns.
    for (alert, is_there) in [("InventoryHotSku", true), ("InventoryOversold", false)] {
        let found = alerts[alert]["alerts"].as_array().unwrap();
        assert_eq!(!found.is_empty(), is_there, "{found:?}");
    }
    assert!(prometheus.runs(), "{}", prometheus.log());
    Verdict::Passed
}

/// Trades until each panel shows something.
async fn until_all_show(prometheus: &Prometheus, gateway: &Gateway) {
    let mut questions = questions();
    assert!(questions.len() > 20, "{questions:?}");
    let begun = Instant::now();
    while !questions.is_empty() {
        trade(gateway).await;
        let mut empty = Vec::new();
        for (title, asked) in questions {
            let answer = prometheus.query(&asked).await;
            let series = answer.unwrap_or_else(|why| panic!("{title}: {asked}: {why}"));
            let shown = series.iter().any(|one| one["value"][1] != "NaN");
            if !shown {
                empty.push((title, asked));
            }
        }
        questions = empty;
        let late = begun.elapsed().as_secs() > 60;
        assert!(!late, "nothing in {questions:#?}\n{}", prometheus.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Each has its page in the run book, and comes in the rules' own tests.
fn each_alert_leads_somewhere(alerts: &BTreeMap<&str, &Value>) {
    let tests = std::fs::read_to_string(repository().join("docker/prometheus/tests.yml")).unwrap();
    for (name, rule) in alerts {
        let page = rule["annotations"]["runbook_url"].as_str().unwrap_or_default();
        assert!(!page.is_empty() && repository().join(page).is_file(), "{name} leads to {page:?}");
        let tested = format!("alertname=\"{name}\", alertstate=\"firing\", severity=");
        assert!(tests.contains(&tested), "tests.yml never lets {name} come");
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
    }
    assert!(alerts.len() > 10, "{alerts:?}");
}

/// Rules and board ask for what there is, and all that there is is asked for.
async fn names_are_those_of_the_gateway(gateway: &Gateway, asked: &[String]) {
    let text = String::from_utf8(gateway.reader.get("/metrics").await.body).unwrap();
    let shown: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(str::to_owned)
        .collect();
    let asked: BTreeSet<_> = asked.iter().flat_map(|text| metrics_in(text)).collect();
    let unknown: Vec<_> = asked.difference(&shown).collect();
    assert!(unknown.is_empty(), "asked for, and not there: {unknown:?}");
    let unseen: Vec<_> = shown.difference(&asked).collect();
    assert!(unseen.is_empty(), "there, and never asked for: {unseen:?}");
}

async fn the_board_can_be_provisioned(_pg: Pg) {
    let folder = repository().join("docker/grafana/provisioning");
    let source = std::fs::read_to_string(folder.join("datasources/prometheus.yaml")).unwrap();
    let panels = panels();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    // Those that come with Grafana.
    let known = ["row", "stat", "timeseries", "heatmap"];
    for panel in &panels {
        assert!(known.contains(&panel["type"].as_str().unwrap()), "a plugin: {panel}");
        if panel["type"] != "row" {
            let uid = panel["datasource"]["uid"].as_str().unwrap();
            assert!(source.contains(&format!("uid: {uid}\n")), "{uid} is not provisioned");
        }
    }
}
