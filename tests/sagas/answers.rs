//! What participants answer, and what becomes of the saga.

use std::collections::BTreeSet;

use inventory_tests::accounts::Fault;
use inventory_tests::commands::{inventory, run};
use inventory_tests::{Pg, Request, User};
use serde_json::{Value, json};

use super::stage::{Stage, calls, eventually, order};

pub async fn an_order_is_reserved_charged_and_taken_out(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let reply = stage.gateway.operator.send(order("outbound_order", 30)).await;
    let begun = reply.is(201);
    let id = begun["saga_id"].as_str().unwrap();
    assert_eq!(reply.header("location"), Some(&*format!("/v1/sagas/{id}")));
    let saga = stage.until(id, "COMPLETED").await;
    let done = ["reserve action DONE", "charge action DONE", "confirm action DONE"];
    assert_eq!(calls(&saga), done, "{saga:#}");
    assert_eq!(stage.left().await, (98, 98, 970));
    assert!(saga["steps"][2]["answer"]["order_no"].is_string(), "{saga:#}");
    assert_eq!(saga["steps"][1]["answer"], json!({"charged": 30}));
    // A participant knows whom it serves, which step of which saga it is, and what came before.
    let asked = stage.accounts.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].key, format!("{id}.charge.action"));
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer open sesame"));
    let body = &asked[0].body;
    assert_eq!(body["step_id"], format!("{id}.charge"));
    assert_eq!(body["answers"]["reserve"], saga["steps"][0]["answer"], "{body}");
    assert!(!stage.gateway.log().contains("sesame"), "the secret stays out of the log");
    let metrics = stage.gateway.reader.get("/metrics").await.text();
    assert!(metrics.contains("inventory_saga_calls_total{outcome=\"done\"} 1"), "{metrics}");
    assert!(metrics.contains("inventory_sagas_ended_total{state=\"completed\"} 1"), "{metrics}");
    stage.ends_sound().await;
}

pub async fn a_repeat_begins_nothing(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let operator = &stage.gateway.operator;
    let ask = order("outbound_order", 30).once("order-1");
    let first = operator.send(ask.clone()).await;
    let id = first.is(201)["saga_id"].as_str().unwrap().to_owned();
    stage.until(&id, "COMPLETED").await;
    let again = operator.send(ask).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let (mut before, mut after) = (first.json(), again.is(201));
    assert_eq!((before["replayed"].take(), after["replayed"].take()), (json!(false), json!(true)));
    assert_eq!(before, after, "it answers as at first");
    let other = order("outbound_order", 31).once("order-1");
    operator.send(other).await.refuses(422, "request_id_reused", "");
    let listed = stage.gateway.reader.get("/v1/sagas").await.is(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(stage.left().await, (98, 98, 970));
    stage.ends_sound().await;
}

pub async fn what_cannot_begin_is_refused(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let operator = &stage.gateway.operator;
    let refused = async |body: Value, said: &str| {
        operator.post("/v1/sagas", &body).await.refuses(422, "invalid_argument", said);
    };
    refused(
        json!({"saga": "nothing", "input": {}}),
        "there are: errand, hasty, hasty_order, outbound_order",
    )
    .await;
    refused(json!({"saga": "outbound_order", "input": {}}), "lines").await;
    refused(json!({"saga": "outbound_order", "input": {"lines": []}}), "input.lines: 1 to").await;
    let lines = json!([{"sku": "LAMP", "quantity": 0}]);
    refused(json!({"saga": "outbound_order", "input": {"lines": lines}}), "quantity").await;
    refused(json!({"saga": "outbound_order", "input": []}), "").await;
    let none = "99999999-9999-4999-8999-999999999999";
    let reader = &stage.gateway.reader;
    reader.get(&format!("/v1/sagas/{none}")).await.refuses(404, "unknown_saga", none);
    let retry = format!("/v1/sagas/{none}/retry");
    operator.post(&retry, &json!({})).await.refuses(404, "unknown_saga", none);
    reader.get("/v1/sagas?status=LOST").await.refuses(422, "invalid_argument", "");
    assert_eq!(stage.accounts.asked().len(), 0);
    stage.ends_sound().await;
}

pub async fn a_refusal_undoes_in_reverse(pg: Pg) {
    let stage = Stage::open(&pg).await;
    // More than Ada has.
    let id = stage.begin("outbound_order", 5_000).await;
    let saga = stage.until(&id, "REVERTED").await;
    let undone = ["reserve action DONE", "charge action REFUSED", "reserve compensation DONE"];
    assert_eq!(calls(&saga), undone, "{saga:#}");
    assert_eq!(saga["steps"][1]["detail"], "409 not enough money");
    assert_eq!(stage.left().await, (100, 100, 1_000));
    // The engine refuses, too.
    let lines = json!([{"sku": "LAMP", "quantity": 1_000}]);
    let input = json!({"lines": lines, "account": "ada", "amount": 1});
    let body = json!({"saga": "outbound_order", "input": input});
    let begun = stage.gateway.operator.post("/v1/sagas", &body).await.is(201);
    let saga = stage.until(begun["saga_id"].as_str().unwrap(), "REVERTED").await;
    assert_eq!(calls(&saga), ["reserve action REFUSED"], "{saga:#}");
    let detail = saga["steps"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("insufficient_stock: requested 1000"), "{detail}");
    // Four steps, one of which nothing undoes.
    let before = stage.accounts.asked().len();
    let id = stage.begin("parcel", 5_000).await;
    let saga = stage.until(&id, "REVERTED").await;
    let asked: Vec<String> =
        stage.accounts.asked()[before..].iter().map(|asked| asked.call.clone()).collect();
    assert_eq!(asked, ["pack", "label", "greet", "charge", "unlabel", "unpack"], "{saga:#}");
    stage.ends_sound().await;
}

pub async fn what_is_not_known_is_asked_again(pg: Pg) {
    use Fault::{BreaksOff, Fails, Forgets, Silent, Twice, Works};
    let stage = Stage::open(&pg).await;
    for (number, faults) in [
        vec![Fails],
        vec![Forgets],
        vec![Silent],
        vec![Works, Works, Works],
        vec![Twice],
        vec![BreaksOff],
        vec![Fails, Silent, Works, Twice],
    ]
    .into_iter()
    .enumerate()
    {
        let before = stage.accounts.asked().len();
        stage.accounts.next("charge", &faults);
        let id = stage.begin("outbound_order", 10).await;
        let saga = stage.until(&id, "COMPLETED").await;
        let keys: BTreeSet<String> =
            stage.accounts.asked()[before..].iter().map(|asked| asked.key.clone()).collect();
        assert_eq!(keys.len(), 1, "every asking has the same key: {faults:?} {keys:?}");
        let asked = stage.accounts.asked().len() - before;
        assert_eq!(saga["steps"][1]["asked"], asked, "{saga:#}");
        assert_eq!(saga["steps"][1]["answer"], json!({"charged": 10}), "{saga:#}");
        let sold = 2 * (number as i64 + 1);
        assert_eq!(
            stage.left().await,
            (100 - sold, 100 - sold, 1_000 - 5 * sold),
            "charged once: {faults:?}"
        );
    }
    // A refund, too.
    stage.accounts.next("pack", &[Fault::Refuses]);
    stage.accounts.next("refund", &[Fails, Silent, Works, Forgets]);
    let id = stage.begin("errand", 10).await;
    let saga = stage.until(&id, "REVERTED").await;
    assert_eq!(stage.left().await, (86, 86, 930), "{saga:#}");
    stage.ends_sound().await;
}

pub async fn a_compensation_overtakes_a_slow_action(pg: Pg) {
    let stage = Stage::open(&pg).await;
    // The first asking is still on its way when the second is refused.
    stage.accounts.next("charge", &[Fault::Slow, Fault::Works, Fault::Refuses]);
    let id = stage.begin("outbound_order", 10).await;
    let saga = stage.until(&id, "REVERTED").await;
    let undone = [
        "reserve action DONE",
        "charge action REFUSED",
        "charge compensation DONE",
        "reserve compensation DONE",
    ];
    assert_eq!(calls(&saga), undone, "{saga:#}");
    the_late_charge_is_void(&stage).await;
}

async fn the_late_charge_is_void(stage: &Stage) {
    stage.accounts.let_go();
    // It has been carried out once this one, which comes behind it, has.
    let id = stage.begin("outbound_order", 10).await;
    stage.until(&id, "COMPLETED").await;
    assert_eq!((stage.left().await, stage.accounts.charged()), ((98, 98, 990), 1));
    stage.ends_sound().await;
}

pub async fn a_step_that_stays_silent_is_given_up(pg: Pg) {
    let stage = Stage::open(&pg).await;
    stage.accounts.next("charge", &[Fault::Slow]);
    let id = stage.begin("hasty", 10).await;
    let saga = stage.until(&id, "REVERTED").await;
    let undone = [
        "reserve action DONE",
        "charge action VOID",
        "charge compensation DONE",
        "reserve compensation DONE",
    ];
    assert_eq!(calls(&saga), undone, "{saga:#}");
    the_late_charge_is_void(&stage).await;
}

pub async fn too_many_tries_need_attention(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let operator = &stage.gateway.operator;
    let doctor = "SELECT state, finding FROM inventory.doctor() WHERE topic = 'sagas'";
    for (revert, state, sold) in [(false, "COMPLETED", 2), (true, "REVERTED", 2)] {
        stage.accounts.next("charge", &[Fault::Fails; 6]);
        let id = stage.begin("outbound_order", 10).await;
        let saga = stage.until(&id, "NEEDS_ATTENTION").await;
        assert_eq!(saga["reason"], "action of step charge: 500", "{saga:#}");
        assert_eq!(saga["steps"][1]["asked"], 6, "{saga:#}");
        let waiting = stage.gateway.reader.get("/v1/sagas?status=NEEDS_ATTENTION").await.is(200);
        assert_eq!(waiting["data"][0]["saga_id"], id, "{waiting}");
        let said = stage.db.reader().await.text(doctor).await;
        assert!(said.starts_with("problem|1 of them need attention"), "{said}");
        let again = Request::post(&format!("/v1/sagas/{id}/retry"), &json!({"revert": revert}));
        let again = again.once(&format!("retry-{revert}"));
        let told = operator.send(again.clone()).await.is(200);
        assert_eq!(told["state"], if revert { "REVERTING" } else { "RUNNING" }, "{told}");
        stage.until(&id, state).await;
        assert_eq!(operator.send(again).await.is(200)["replayed"], true);
        let closed = operator.post(&format!("/v1/sagas/{id}/retry"), &json!({})).await;
        closed.refuses(409, "nothing_to_retry", state);
        assert_eq!(stage.left().await, (100 - sold, 100 - sold, 990));
    }
    stage
        .db
        .reader()
        .await
        .check(doctor, "ok|none needs attention, and none waits for a coordinator")
        .await;
    stage.ends_sound().await;
}

pub async fn a_refused_undoing_needs_attention(pg: Pg) {
    let stage = Stage::open(&pg).await;
    stage.accounts.next("charge", &[Fault::Silent]);
    stage.accounts.next("refund", &[Fault::Refuses]);
    let id = stage.begin("hasty", 10).await;
    let saga = stage.until(&id, "NEEDS_ATTENTION").await;
    assert_eq!(saga["reason"], "compensation of step charge: 409 not today", "{saga:#}");
    assert_eq!(stage.left().await, (100, 98, 990), "nothing more is undone before it");
    let told = stage.gateway.operator.post(&format!("/v1/sagas/{id}/retry"), &json!({})).await;
    assert_eq!(told.is(200)["state"], "REVERTING");
    stage.until(&id, "REVERTED").await;
    assert_eq!(stage.left().await, (100, 100, 1_000));
    stage.ends_sound().await;
}

pub async fn a_hold_that_is_gone_is_no_obstacle(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let release = "SELECT inventory.release(r.reservation_id) FROM inventory.reservations AS r WHERE r.state = 'HELD'";
    // Somebody releases the goods while the money is being charged: there is nothing to take out.
    stage.accounts.next("charge", &[Fault::Slow]);
    let id = stage.begin("patient", 10).await;
    eventually("a charge", || stage.accounts.count("charge") == 1).await;
    stage.db.operator().await.run(release).await;
    stage.accounts.let_go();
    let saga = stage.until(&id, "REVERTED").await;
    let undone = [
        "reserve action DONE",
        "charge action DONE",
        "confirm action REFUSED",
        "charge compensation DONE",
        "reserve compensation DONE",
    ];
    assert_eq!(calls(&saga), undone, "{saga:#}");
    assert_eq!(stage.left().await, (100, 100, 1_000));
    // What somebody took out is not undone by anybody but people.
    stage.accounts.hold_back();
    stage.accounts.next("charge", &[Fault::Slow]);
    let id = stage.begin("patient", 10).await;
    eventually("a charge", || stage.accounts.count("charge") == 2).await;
    stage.db.operator().await.run(&release.replace("release(", "confirm(")).await;
    stage.accounts.let_go();
    let saga = stage.until(&id, "NEEDS_ATTENTION").await;
    let reason = saga["reason"].as_str().unwrap();
    assert!(reason.starts_with("compensation of step reserve: reservation_closed"), "{reason}");
    stage.ends_sound().await;
}

pub async fn a_command_line_goes_both_ways(pg: Pg) {
    let stage = Stage::open(&pg).await;
    let input = r#"{"lines": [{"sku": "LAMP", "quantity": 2}], "account": "ada", "amount": 10}"#;
    let url = format!("http://{}", stage.gateway.address);
    let key = stage.gateway.operator.key.clone().unwrap();
    let database = stage.db.url(User::Operator);
    let ways = [
        ["--url", &url, "--api-key", &key],
        ["--database-url", &database, "--connect-timeout", "20"],
    ];
    for way in ways {
        let command = async |arguments: &[&str]| {
            let mut command = inventory();
            command.env("SAGA_TEST_SECRET", "open sesame").args(way).args(["--json", "saga"]);
            let ended = run(command.args(arguments)).await;
            let text = if ended.code == Some(0) { &ended.out } else { &ended.err };
            (
                ended.code,
                serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{e}: {text}")),
            )
        };
        let file = stage.file();
        let file: &[&str] =
            if way[0] == "--url" { &[] } else { &["--saga-file", file.to_str().unwrap()] };
        let start = [&["start", "outbound_order", "--input", input], file].concat();
        stage.accounts.next("charge", &[Fault::Fails; 6]);
        let (code, begun) = command(&start).await;
        assert_eq!((code, &begun["state"]), (Some(0), &json!("RUNNING")), "{begun}");
        let id = begun["saga_id"].as_str().unwrap();
        stage.until(id, "NEEDS_ATTENTION").await;
        let (_, listed) = command(&["list", "--state", "needs_attention"]).await;
        assert_eq!(listed[0]["saga_id"], id, "{listed}");
        let (code, told) = command(&["retry", id]).await;
        assert_eq!((code, &told["state"]), (Some(0), &json!("RUNNING")), "{told}");
        stage.until(id, "COMPLETED").await;
        let (_, shown) = command(&["show", id]).await;
        assert_eq!(shown["steps"].as_array().unwrap().len(), 3, "{shown}");
        let (code, refused) = command(&["retry", id, "--revert"]).await;
        assert_eq!((code, &refused["code"]), (Some(1), &json!("nothing_to_retry")), "{refused}");
        let (code, refused) = command(&["start", "nothing", "--input", "{}"]).await;
        assert_eq!((code, &refused["code"]), (Some(1), &json!("invalid_argument")), "{refused}");
    }
    stage.ends_sound().await;
}
