//! What PostgreSQL planned for a script's statements and all that they call: `auto_explain` tells it
//! to psql.

use std::path::Path;

use inventory_tests::Database;
use inventory_tests::commands::run;
use serde_json::Value;

/// A plan that was carried out.
pub struct Planned {
    /// The script's line it was carried out for.
    pub call: String,
    pub query: String,
    pub plan: Value,
}

/// Nested statements too, each with what it really read.
const TELL: &str = "\
\\set SHOW_CONTEXT never
\\set VERBOSITY verbose
SET client_min_messages = log;
LOAD 'auto_explain';
SET auto_explain.log_format = json;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_verbose = on;
SET auto_explain.log_min_duration = 0;
";

/// Runs scripts in one session. A line ends well, or with the code that stands behind its `; --`.
pub async fn plans_of(db: &Database, scripts: &[&str]) -> Vec<Planned> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("calls.sql");
    let script = TELL.to_owned() + &scripts.join("\n");
    std::fs::write(&file, &script).expect("a file of our own");
    let mut psql = db.server.command("psql", &db.name);
    let ended = run(psql.args(["-X", "-q", "-f"]).arg(&file)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<&str> = script.lines().collect();
    let messages = messages(&ended.err, &file);
    check_codes(&lines, &messages);
    messages.iter().filter_map(|m| planned(lines[m.line - 1], &m.text)).collect()
}

/// One message of the server.
struct Message {
    line: usize,
    text: String,
}

/// psql begins each with the script's name and the line it is at.
fn messages(told: &str, file: &Path) -> Vec<Message> {
    let head = format!("psql:{}:", file.display());
    let parts = told.split(&head).skip(1).filter_map(|part| part.split_once(": "));
    let message = |(line, text): (&str, &str)| Message {
        line: line.parse().expect("a line's number"),
        text: text.to_owned(),
    };
    parts.map(message).collect()
}

fn check_codes(lines: &[&str], messages: &[Message]) {
    for (line, at) in lines.iter().zip(1..) {
        let wanted = line.rsplit_once("; -- ").map_or("", |(_, code)| code);
        let errors = messages.iter().filter(|m| m.line == at && m.text.starts_with("ERROR"));
        let errors: Vec<&str> = errors.map(|m| &*m.text).collect();
        let as_wanted = match errors.as_slice() {
            [] => wanted.is_empty(),
            [error] => !wanted.is_empty() && error.contains(wanted),
            _ => false,
        };
        assert!(as_wanted, "{line}\n  was answered {errors:?}");
    }
}

fn planned(call: &str, message: &str) -> Option<Planned> {
    let (_, json) = message.split_once("plan:\n")?;
    let end = json.find("\n}")? + 2;
    let told: Value = serde_json::from_str(&json[..end]).expect("a plan in JSON");
    let query = told["Query Text"].as_str().unwrap_or_default();
    let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Planned { call: call.to_owned(), query, plan: told["Plan"].clone() })
}
