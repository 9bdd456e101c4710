//! Every SQL example in every document runs, one after another on a fresh database, and prints what
//! the document says it prints.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::path::{Path, PathBuf};

use inventory_core::refusal::CATALOGUE;
use inventory_tests::commands::run;
use inventory_tests::servers::repository;
use inventory_tests::{Database, Pg, promises};

promises!(examples_run_and_print_what_is_written, the_table_of_refusals_is_the_catalogue);

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
    for (at, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            open = !open;
            if open {
                let language = language.trim().to_owned();
                blocks.push(Block { language, text: String::new(), line: at + 1 });
            }
        } else if open && let Some(block) = blocks.last_mut() {
            block.text += &format!("{line}\n");
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
