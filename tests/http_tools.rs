//! What others' tools say of the gateway and of its document.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::path::PathBuf;

use inventory_tests::commands::{inventory, of_node, of_python, run};
use inventory_tests::servers::repository;
use inventory_tests::{Gateway, Pg, Verdict, promises, skipped, soak};
use tokio::process::Command;

promises!(once: spectral_finds_nothing, schemathesis_finds_nothing);

fn settings(name: &str) -> PathBuf {
    repository().join("tests/http_tools").join(name).canonicalize().unwrap()
}

async fn spectral_finds_nothing(_pg: Pg) -> Verdict {
    let Some((node, script)) = of_node("@stoplight/spectral-cli/dist/index.js") else {
        return skipped("no spectral (npm: @stoplight/spectral-cli)");
    };
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("openapi.json");
    std::fs::write(&document, run(inventory().arg("openapi")).await.ok()).unwrap();
    let mut command = Command::new(node);
    command.current_dir(folder.path()).arg(script).args([
        "lint",
        "--fail-severity=hint",
        "--ruleset",
    ]);
    let ended = run(command.arg(settings("spectral.yaml")).arg(document)).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    Verdict::Passed
}

async fn schemathesis_finds_nothing(pg: Pg) -> Verdict {
    let Some(program) = of_python("schemathesis") else {
        return skipped("no schemathesis (PyPI)");
    };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let key = gateway.admin.key.clone().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.current_dir(folder.path()).arg("--config-file").arg(settings("schemathesis.toml"));
    command.args(["run", &format!("http://{}/openapi.json", gateway.address), "--no-color"]);
    command.args(["--header", &format!("Authorization: Bearer {key}"), "--checks", "all"]);
    command.args(["--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]);
    // The same walk each time, so that a failure can be seen again.
    command.args(["--seed", "1", "--max-examples", if soak() { "500" } else { "20" }]);
    let ended = run(&mut command).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    gateway.logged_no_failure();
    db.verify_is_clean().await;
    Verdict::Passed
}
