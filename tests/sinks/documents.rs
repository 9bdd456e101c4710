use std::collections::BTreeSet;

use inventory_sinks::{Event, JsonObject};
use inventory_tests::commands::{of_python, run};
use inventory_tests::servers::repository;
use inventory_tests::{Pg, Trade, Verdict, skipped};
use serde_json::Value;
use tokio::process::Command;

const EVENTS: &str = "SELECT jsonb_build_object('id', id, 'type', event_type, 'sku', payload -> 'sku', 'time', at, \
     'trace', payload -> 'trace_id', 'data', payload) FROM inventory.outbox ORDER BY id";

fn as_event(row: &str) -> Event {
    let row: Value = serde_json::from_str(row).unwrap();
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    Event {
        id: format!("shop-1-{}", row["id"]),
        kind: text("type").unwrap(),
        sku: text("sku"),
        time: text("time").unwrap().parse().unwrap(),
        trace_id: text("trace"),
        data: row["data"].as_object().cloned().map(JsonObject::from_iter).unwrap(),
    }
}

/// A shop that did a bit of everything: each of its events against the document of its type, by a validator of
/// others; and each document finds out when a member is missing.
pub async fn every_event_is_as_its_document_says(pg: Pg) -> Verdict {
    let Some(python) = of_python("python") else { return skipped("no virtual environment") };
    let db = pg.database().await;
    Trade::of(&db).await;
    let mut admin = db.admin().await;
    for call in [
        "receive('b', 100, trace_id => '4bf92f3577b34da6a3ce929d0e0e4736')",
        "maintain()",
        "set_hot('A', true)",
    ] {
        admin.run(&format!("SELECT inventory.{call}")).await;
    }
    let events: Vec<Event> = admin.text(EVENTS).await.lines().map(as_event).collect();
    let documents = repository().join("gateway/sinks/schemas");
    let types: BTreeSet<String> =
        events.iter().map(|event| format!("{}.json", event.kind)).collect();
    let names = std::fs::read_dir(&documents).unwrap();
    let mut names: BTreeSet<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.remove("event.json"), "what they have in common");
    assert_eq!(types, names, "types that the shop's events have, and documents");
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines: Vec<Vec<u8>> = events.iter().map(|event| event.cloud_event("/shop")).collect();
    std::fs::write(file.path(), lines.join(&b'\n')).unwrap();
    let script = repository().join("tests/sinks/check_events.py");
    let ended = run(Command::new(python).arg(script).arg(documents).arg(file.path())).await;
    assert_eq!(ended.ok(), format!("{} events, {} types\n", events.len(), types.len()));
    Verdict::Passed
}
