//! Every SQL example in every document runs, one after another on a fresh database, and prints what
//! the document says it prints.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::path::{Path, PathBuf};

use inventory_core::refusal::CATALOGUE;
use inventory_tests::commands::{find_program, run};
use inventory_tests::servers::repository;
use inventory_tests::{Database, Gateway, Pg, Verdict, promises, skipped};
use tokio::process::Command;

promises!(
    examples_run_and_print_what_is_written,
    calls_over_http_answer_what_is_written,
    the_table_of_refusals_is_the_catalogue,
);

/// A fenced block of a document.
struct Block {
    language: String,
    text: String,
    /// Where it begins.
    line: usize,
}

/// All documents, where nobody else's are.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules"
            {
                folders.push(entry.path());
            } else if kind.is_file() && name.ends_with(".md") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    // Of a block within a list.
    let mut indent = 0;
    for (at, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            open = !open;
            if open {
                indent = line.len() - line.trim_start().len();
                let language = language.trim().to_owned();
                blocks.push(Block { language, text: String::new(), line: at + 1 });
            }
        } else if open && let Some(block) = blocks.last_mut() {
            block.text += &format!("{}\n", line.get(indent..).unwrap_or_default());
        }
    }
    assert!(!open, "a block is not closed");
    blocks
}

async fn examples_run_and_print_what_is_written(pg: Pg) {
    let mut with_examples = Vec::new();
    for path in documents() {
        let name = path.strip_prefix(repository()).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        let blocks = blocks(&text);
        if !blocks.iter().any(|b| b.language == "sql") {
            continue;
        }
        // A document that sets everything up itself begins with nothing.
        let db = match text.contains("CREATE EXTENSION pg_inventory;") {
            true => pg.bare_database().await,
            false => pg.database().await,
        };
        run_document(&db, &name, &blocks).await;
        db.verify_is_clean().await;
        with_examples.push(name);
    }
    for needed in ["README.md", "sql/README.md"] {
        assert!(with_examples.iter().any(|name| name == needed), "{needed} has no example");
    }
}

async fn run_document(db: &Database, name: &str, blocks: &[Block]) {
    let folder = tempfile::tempdir().unwrap();
    for (at, block) in blocks.iter().enumerate().filter(|(_, b)| b.language == "sql") {
        let script = folder.path().join("example.sql");
        std::fs::write(&script, &block.text).unwrap();
        let printed = psql(db, &script, &format!("{name}, line {}", block.line)).await;
        if let Some(next) = blocks.get(at + 1).filter(|b| b.language == "text") {
            assert_eq!(tidy(&printed), tidy(&next.text), "{name}, line {}", next.line);
        }
    }
}

/// Between the answers of two blocks.
const NEXT: &str = "-- the next block --";

/// Blocks of `sh` that call the gateway, one after another, where `make up` has left `.local/env`.
async fn calls_over_http_answer_what_is_written(pg: Pg) -> Verdict {
    if find_program("curl").is_none() {
        return skipped("no curl");
    }
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let blocks = blocks(&text);
    let calls = |block: &&Block| block.language == "sh" && block.text.contains("curl ");
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".local")).unwrap();
    let key = gateway.admin.key.clone().unwrap();
    let env = format!("GATEWAY_URL=http://{}\nINVENTORY_API_KEY={key}\n", gateway.address);
    std::fs::write(folder.path().join(".local/env"), env).unwrap();
    let calls: Vec<_> = (0..blocks.len()).filter(|at| calls(&&blocks[*at])).collect();
    // One shell for all, as somebody's who types them.
    let typed: Vec<_> = calls.iter().map(|at| blocks[*at].text.as_str()).collect();
    let mut shell = Command::new("bash");
    let script = format!("set -e\n{}", typed.join(&format!("echo '{NEXT}'\n")));
    let ended = run(shell.current_dir(folder.path()).args(["-c", &script])).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let answers: Vec<_> = ended.out.split(NEXT).collect();
    assert_eq!(answers.len(), calls.len());
    for (told, at) in answers.iter().zip(&calls) {
        let next = blocks.get(at + 1).filter(|b| b.language == "text").expect("what it answers");
        let (told, written) = (tidy(told), tidy(&next.text));
        assert!(is_like(&told, &written), "README.md, line {}:\n{told}", next.line);
    }
    let refused = r#"{"type":"/errors/insufficient-stock","#;
    assert!(
        text.contains(refused) && text.contains(r#""detail":"requested 10 units, available: 3""#)
    );
    db.verify_is_clean().await;
    Verdict::Passed
}

/// Whether a text is what is written, where `…` stands for whatever is there on the day.
fn is_like(text: &str, written: &str) -> bool {
    let mut parts = written.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

async fn psql(db: &Database, script: &Path, place: &str) -> String {
    let mut psql = db.server.command("psql", &db.name);
    let ended = run(psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(script)).await;
    assert_eq!(ended.code, Some(0), "{place}: {}", ended.err);
    ended.out
}

/// Without the blanks at line ends and the empty lines around, which no document shows.
fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.trim_matches('\n').lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

async fn the_table_of_refusals_is_the_catalogue(_pg: Pg) {
    let text = std::fs::read_to_string(repository().join("sql/README.md")).unwrap();
    for entry in &CATALOGUE {
        let row = format!(
            "| `{}` | {} | {} | {} |",
            entry.name, entry.sqlstate, entry.http_status, entry.title
        );
        assert!(text.lines().any(|line| line == row), "sql/README.md lacks: {row}");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `") && line.contains("` | IV"));
    assert_eq!(rows.count(), CATALOGUE.len(), "no refusal that is not in the catalogue");
}
