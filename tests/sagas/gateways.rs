//! Gateways that start, share, go down and are killed; a database that is away.

use std::time::Duration;

use inventory_tests::accounts::Fault;
use inventory_tests::commands::run;
use inventory_tests::{Gateway, Pg, Request, chaos};

use super::stage::{Stage, calls, definitions, eventually, order, serve, serve_with, until, write};

pub async fn a_file_that_is_wrong_stops_the_service(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let right = std::fs::read_to_string(stage.file()).unwrap();
    let wrong = [
        (
            right.replacen("timeout_ms = 300", "timeout_ms = 3", 1),
            "sagas.outbound_order.steps[0].timeout_ms: 10 to 600000, got 3",
        ),
        (right.replacen("tries = 6", "trials = 6", 1), "line "),
        (
            right.replace("[participants.account]", "[participants.bank]"),
            "steps[0].participant: there is no participants.account",
        ),
        (
            right.replace("SAGA_TEST_SECRET", "NO_SUCH_SECRET"),
            "the environment has no NO_SUCH_SECRET",
        ),
    ];
    for (text, said) in wrong {
        write(&stage.folder, &text);
        let mut command = Gateway::command(&stage.db);
        command.arg("--saga-file").arg(stage.file()).env("SAGA_TEST_SECRET", "open sesame");
        let ended = run(&mut command).await;
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(
            ended.err.contains("sagas.toml") && ended.err.contains(said),
            "{said}: {}",
            ended.err
        );
        assert!(!ended.err.contains("sesame"), "{}", ended.err);
    }
    // JSON says the same.
    let json = stage.folder.path().join("sagas.json");
    let value: serde_json::Value = serde_json::json!({
        "participants": {"account": {"url": format!("http://{}/saga", stage.accounts.address)}},
    });
    std::fs::write(&json, value.to_string()).unwrap();
    let gateway = Gateway::with(&stage.db, &["--saga-file", json.to_str().unwrap()]).await;
    let begun = gateway.operator.send(order("outbound_order", 10)).await.is(201);
    until(&gateway, begun["saga_id"].as_str().unwrap(), "COMPLETED").await;
    stage.ends_sound().await;
}

/// Sagas that were begun over this gateway.
async fn begin_many(stage: &Stage, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(stage.begin("outbound_order", 10).await);
    }
    ids
}

pub async fn two_gateways_share_and_one_takes_over(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let other = serve(&stage.db, &stage.folder).await;
    for id in begin_many(&stage, 20).await {
        stage.until(&id, "COMPLETED").await;
    }
    assert_eq!(stage.accounts.asked().len(), 20, "nobody asks for what the other has asked for");
    let holders = "SELECT count(DISTINCT holder) FROM inventory.sagas";
    assert!(stage.db.reader().await.number(holders).await >= 1);
    // One dies in the middle of a call; the other asks again.
    stage.accounts.next("charge", &[Fault::Silent; 20]);
    let ids = begin_many(&stage, 20).await;
    eventually("calls that hang", || stage.accounts.asked().len() > 30).await;
    chaos::kill(stage.gateway.pid());
    for id in &ids {
        until(&other, id, "COMPLETED").await;
    }
    assert_eq!((stage.accounts.balance("ada"), stage.accounts.charged()), (600, 40));
    stage.db.verify_is_clean().await;
    other.logged_no_failure();
}

/// Whether it has not heard yet that it is to go down.
async fn ready(gateway: &Gateway) -> bool {
    let asked = gateway.reader.try_send(&Request::new("GET", "/readyz")).await;
    asked.is_ok_and(|reply| reply.status == 200)
}

pub async fn a_gateway_that_goes_down_hands_over(pg: Pg) {
    let mut stage = Stage::open(&pg).await;
    stage.accounts.next("charge", &[Fault::Slow]);
    let id = stage.begin("patient", 10).await;
    eventually("a charge", || stage.accounts.count("charge") == 1).await;
    // It waits for the call that is under way, and makes no other.
    stage.gateway.terminate();
    while ready(&stage.gateway).await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.accounts.let_go();
    assert_eq!(stage.gateway.ended().await, Some(0));
    let mut owner = stage.db.owner().await;
    owner
        .check("SELECT state, due_at <= clock_timestamp() FROM inventory.sagas", "RUNNING|t")
        .await;
    owner.check("SELECT count(*) FROM inventory.saga_step WHERE state = 'DONE'", "2").await;
    stage.gateway = serve(&stage.db, &stage.folder).await;
    stage.until(&id, "COMPLETED").await;
    assert_eq!((stage.left().await, stage.accounts.count("charge")), ((98, 98, 990), 1));
    // One that coordinates nothing leaves them to others, and doctor() says that nobody comes.
    stage.gateway = serve_with(&stage.db, &stage.folder, &["--sagas", "0"]).await;
    let id = stage.begin("outbound_order", 10).await;
    owner.run("UPDATE inventory.saga SET due_at = due_at - interval '1 hour' WHERE due_at IS NOT NULL").await;
    let said = owner.text("SELECT finding FROM inventory.doctor() WHERE topic = 'sagas'").await;
    assert!(said.starts_with("nobody has gone on with them since"), "{said}");
    stage.gateway = serve(&stage.db, &stage.folder).await;
    stage.until(&id, "COMPLETED").await;
    stage.ends_sound().await;
}

pub async fn a_database_away_is_waited_for(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    db.stock(&[("LAMP", 100)]).await;
    let stage = Stage::before(db).await;
    stage.accounts.next("charge", &[Fault::Slow]);
    let id = stage.begin("patient", 10).await;
    eventually("a charge", || stage.accounts.count("charge") == 1).await;
    stage.db.server.kill();
    stage.accounts.let_go();
    eventually("the money", || stage.accounts.charged() == 1).await;
    stage.db.server.start_again();
    stage.gateway.until_ready().await;
    stage.until(&id, "COMPLETED").await;
    assert_eq!((stage.left().await, stage.accounts.charged()), ((98, 98, 990), 1));
    stage.db.verify_is_clean().await;
}

pub async fn a_changed_file_changes_no_running_saga(pg: Pg) {
    let mut stage = Stage::open(&pg).await;
    stage.accounts.next("charge", &[Fault::Fails; 6]);
    let id = stage.begin("outbound_order", 10).await;
    stage.until(&id, "NEEDS_ATTENTION").await;
    // The new file has no order that charges; the participant stays.
    let changed =
        definitions(&stage.accounts, "").replace("action = \"charge\"", "action = \"pack\"");
    write(&stage.folder, &changed);
    stage.gateway = serve(&stage.db, &stage.folder).await;
    let retry = format!("/v1/sagas/{id}/retry");
    stage.gateway.operator.post(&retry, &serde_json::json!({})).await.is(200);
    let saga = stage.until(&id, "COMPLETED").await;
    assert_eq!(calls(&saga)[1], "charge action DONE", "{saga:#}");
    assert_eq!(stage.accounts.charged(), 1);
    let id = stage.begin("outbound_order", 10).await;
    stage.until(&id, "COMPLETED").await;
    assert_eq!((stage.accounts.charged(), stage.accounts.count("pack")), (1, 1));
    stage.ends_sound().await;
}
