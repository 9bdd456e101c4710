//! A shop with an account service beside it, and what all tests here ask of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use inventory_tests::{Accounts, Database, Gateway, Pg, Reply, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Fast, so that tests that wait for pauses wait not long: six tries within a second or two.
const RETRY: &str = "timeout_ms = 300\nretry = { tries = 6, first_ms = 10, most_ms = 60 }";

pub struct Stage {
    pub db: Database,
    pub gateway: Gateway,
    pub accounts: Accounts,
    pub folder: TempDir,
}

impl Stage {
    /// A hundred lamps, and a thousand for Ada to spend.
    pub async fn open(pg: &Pg) -> Stage {
        let db = pg.database().await;
        db.stock(&[("LAMP", 100)]).await;
        Stage::before(db).await
    }

    pub async fn before(db: Database) -> Stage {
        let accounts = Accounts::open(&[("ada", 1_000)]).await;
        let folder = tempfile::tempdir().unwrap();
        write(&folder, &definitions(&accounts, RETRY));
        let gateway = serve(&db, &folder).await;
        Stage { db, gateway, accounts, folder }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("sagas.toml")
    }

    /// Begins a saga and gives its id.
    pub async fn begin(&self, saga: &str, amount: i64) -> String {
        let begun = self.gateway.operator.send(order(saga, amount)).await.is(201);
        assert_eq!(begun["state"], "RUNNING", "{begun}");
        begun["saga_id"].as_str().unwrap().to_owned()
    }

    /// The saga, as soon as it is in that state; fails the test after a minute.
    pub async fn until(&self, id: &str, state: &str) -> Value {
        until(&self.gateway, id, state).await
    }

    /// Units on hand and available, and Ada's money.
    pub async fn left(&self) -> (i64, i64, i64) {
        let level = self.gateway.reader.get("/v1/stock/LAMP").await.is(200);
        let units = |name: &str| level[name].as_i64().unwrap();
        (units("on_hand"), units("available"), self.accounts.balance("ada"))
    }

    pub async fn ends_sound(&self) {
        self.db.verify_is_clean().await;
        self.gateway.logged_no_failure();
    }
}

pub async fn serve(db: &Database, folder: &TempDir) -> Gateway {
    serve_with(db, folder, &[]).await
}

pub async fn serve_with(db: &Database, folder: &TempDir, more: &[&str]) -> Gateway {
    let mut command = Gateway::command(db);
    command.arg("--saga-file").arg(folder.path().join("sagas.toml"));
    command.args(["--saga-lease-ms", "500"]).args(more);
    command.env("SAGA_TEST_SECRET", "open sesame");
    Gateway::start(db, command).await
}

pub fn write(folder: &TempDir, text: &str) {
    std::fs::write(folder.path().join("sagas.toml"), text).unwrap();
}

/// `order` as it is built in, and what the tests need beside it.
pub fn definitions(accounts: &Accounts, retry: &str) -> String {
    let step = |saga: &str, name: &str, compensation: &str| {
        let compensation = match compensation {
            "" => String::new(),
            undo => format!("compensation = \"{undo}\"\n"),
        };
        let participant = if ["reserve", "confirm"].contains(&name) { "engine" } else { "account" };
        format!(
            "[[sagas.{saga}.steps]]\nname = \"{name}\"\nparticipant = \"{participant}\"\n\
             action = \"{name}\"\n{compensation}{retry}\n\n"
        )
    };
    [
        format!("[participants.account]\nurl = \"http://{}/saga\"\n", accounts.address),
        "secret_env = \"SAGA_TEST_SECRET\"\n\n".to_owned(),
        step("outbound_order", "reserve", "release"),
        step("outbound_order", "charge", "refund"),
        step("outbound_order", "confirm", ""),
        step("parcel", "pack", "unpack"),
        step("parcel", "label", "unlabel"),
        step("parcel", "greet", ""),
        step("parcel", "charge", "refund"),
        step("hasty_order", "reserve", "release"),
        step("hasty_order", "charge", "refund").replace(" }", ", then = \"revert\" }"),
        step("hasty_order", "confirm", ""),
        step("errand", "charge", "refund"),
        step("errand", "pack", "unpack"),
        // An order whose charge may take its time.
        step("patient", "reserve", "release"),
        step("patient", "charge", "refund").replace("timeout_ms = 300", "timeout_ms = 60000"),
        step("patient", "confirm", ""),
        // One whose charge is given up when nobody answers.
        step("hasty", "reserve", "release"),
        step("hasty", "charge", "refund")
            .replace("tries = 6", "tries = 1")
            .replace(" }", ", then = \"revert\" }"),
    ]
    .concat()
}

pub fn order(saga: &str, amount: i64) -> Request {
    let lines = json!([{"sku": "LAMP", "quantity": 2}]);
    let input = json!({"lines": lines, "account": "ada", "amount": amount});
    Request::post("/v1/sagas", &json!({"saga": saga, "input": input}))
}

pub async fn until(gateway: &Gateway, id: &str, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let saga = show(gateway, id).await.is(200);
        if saga["state"] == state {
            return saga;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never {state}: {saga:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn show(gateway: &Gateway, id: &str) -> Reply {
    gateway.reader.get(&format!("/v1/sagas/{id}")).await
}

/// The calls of a saga as `name direction state`, in the order in which they began.
pub fn calls(saga: &Value) -> Vec<String> {
    let steps = saga["steps"].as_array().unwrap();
    let call = |step: &Value| {
        let word = |name: &str| step[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("name"), word("direction"), word("state"))
    };
    steps.iter().map(call).collect()
}

/// Waits for what a test has no event for; fails after a minute.
pub async fn eventually(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
