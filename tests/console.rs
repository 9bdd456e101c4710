//! The console: its files as a browser gets them, and what a reader of it finds, in a real Chromium.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use inventory_tests::commands::{find_program, inventory, of_node};
use inventory_tests::gateway::key_id;
use inventory_tests::servers::repository;
use inventory_tests::{
    Client, Database, Dice, Gateway, Pg, Request, Service, User, Verdict, promises, skipped,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

promises!(
    files_are_served_as_browsers_should_take_them,
    every_page_shows_what_there_is,
    every_page_says_what_to_do_where_there_is_nothing,
    what_a_person_changes_is_changed_once,
    a_gateway_that_comes_back_is_found_again,
    everything_goes_by_keyboard,
    pictures_are_of_a_shop_at_work,
);

/// PostgreSQL that the browser's tests run on: what is shown comes through the same API on each.
const BROWSED: u32 = 18;
const SKU: &str = "LAMP-01";

async fn files_are_served_as_browsers_should_take_them(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let anybody = gateway.reader.without_key();
    let moved = anybody.get("/console").await;
    assert_eq!((moved.status, moved.header("location")), (307, Some("console/")));
    let page = anybody.get("/console/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
    ] {
        assert!(page.header(name).is_some_and(|value| value.contains(part)), "{name}: {part}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    let tag = page.header("etag").unwrap().to_owned();
    let again = Request::new("GET", "/console/").header("If-None-Match", &tag);
    assert_eq!(anybody.send(again).await.status, 304);
    for (file, kind) in [
        ("main.js", "text/javascript"),
        ("style/tokens.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
        ("vendor/uPlot.LICENSE.txt", "text/plain"),
    ] {
        let told = anybody.get(&format!("/console/{file}")).await;
        assert_eq!(told.status, 200, "{file}");
        assert!(told.header("content-type").unwrap().starts_with(kind), "{file}");
        assert_ne!(told.header("etag"), Some(tag.as_str()), "{file}");
    }
    for odd in ["none.js", "../Cargo.toml", "%2e%2e/main.js", "style", "style/", "%00"] {
        anybody.get(&format!("/console/{odd}")).await.refuses(404, "not_found", "");
    }
    gateway.logged_no_failure();
}

async fn every_page_shows_what_there_is(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "everything") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let facts = shop(&gateway).await;
    walk.alone(&gateway, facts).await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn every_page_says_what_to_do_where_there_is_nothing(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "nothing") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    walk.alone(&gateway, json!({})).await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn what_a_person_changes_is_changed_once(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "changes") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let facts = shop(&gateway).await;
    let operator = gateway.operator.clone();
    let before = db.owner().await.number("SELECT max(id) FROM inventory.journal").await;
    walk.helped(&gateway, facts, async |what| {
        let (sku, quantity) = if what == "sell" { ("LAMP-02", 7) } else { (SKU, 1) };
        let body = json!({"sku": sku, "quantity": quantity});
        operator.post("/v1/deductions", &body).await.is(201);
    })
    .await;
    let mut owner = db.owner().await;
    let did = owner
        .text(&format!(
            "SELECT event_type, qty FROM (SELECT id, event_type, payload->>'qty' AS qty FROM inventory.outbox) AS o \
              WHERE id > {before} AND event_type IN ('STOCK_RECEIVED', 'STOCK_ADJUSTED', 'STOCK_CONFIRMED', 'STOCK_RELEASED') ORDER BY id"
        ))
        .await;
    let did: Vec<&str> = did.lines().collect();
    assert_eq!(did[..3], ["STOCK_RECEIVED|20", "STOCK_ADJUSTED|3", "STOCK_ADJUSTED|2"], "{did:?}");
    let state =
        format!("SELECT state FROM inventory.order_status WHERE external_ref = '{REFERENCE}'");
    owner.check(&state, "REVERTED").await;
    db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn a_gateway_that_comes_back_is_found_again(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "gone") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let facts = shop(&gateway).await;
    let address = gateway.address;
    let mut there = None;
    let first = std::cell::RefCell::new(Some(gateway));
    let facts = with_key(facts, first.borrow().as_ref().unwrap());
    walk.led(facts, async |what| match what {
        "stop" => drop(first.take()),
        "start" => there = Some(Gateway::start(&db, before(&db, address)).await),
        "revoke" => {
            let id = key_id("admin");
            db.admin().await.run(&format!("SELECT inventory.revoke_api_key('{id}')")).await;
        }
        other => panic!("{other}"),
    })
    .await;
    there.expect("it was started again").logged_no_failure();
    Verdict::Passed
}

async fn everything_goes_by_keyboard(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "keyboard") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let facts = shop(&gateway).await;
    walk.alone(&gateway, facts).await;
    Verdict::Passed
}

/// For the README.
async fn pictures_are_of_a_shop_at_work(pg: Pg) -> Verdict {
    if !pictures() {
        return skipped("INVENTORY_SCREENSHOTS=1 writes them");
    }
    let Some(walk) = Walk::new(&pg, "pictures") else { return skipped(NO_BROWSER) };
    let mut command = inventory();
    command.args(["--json", "serve", "--ephemeral", "--pg-bin"]).arg(&pg.bin_dir);
    let service = Service::start(command).await;
    let said: Value = serde_json::from_str(&service.out()).unwrap();
    let key = said["api_key"].as_str().unwrap().to_owned();
    let address = service.url.trim_start_matches("http://").parse().unwrap();
    let client = Client { address, key: Some(key.clone()) };
    let facts = json!({"sku": BUSY[0], "url": service.url, "key": key});
    tokio::select! {
        () = walk.led(facts, async |what| panic!("{what}")) => {}
        () = trade(&client) => {}
    }
    Verdict::Passed
}

/// Of the sample shop.
const BUSY: [&str; 6] = ["KIT-0101", "KIT-0502", "GAR-0201", "GAR-0301", "LIT-0502", "KIT-0803"];

/// Sells and takes in, without end.
async fn trade(client: &Client) {
    let mut dice = Dice::new(7);
    loop {
        let goods = json!({"sku": dice.pick(&BUSY), "quantity": 1 + dice.below(4)});
        let route = if dice.below(4) == 0 { "/v1/receipts" } else { "/v1/deductions" };
        client.post(route, &goods).await;
        tokio::time::sleep(Duration::from_millis(5 + dice.below(30) as u64)).await;
    }
}

fn pictures() -> bool {
    std::env::var("INVENTORY_SCREENSHOTS").is_ok_and(|asked| asked == "1")
}

const REFERENCE: &str = "web-1";

/// A little of everything; gives what the walks look for.
async fn shop(gateway: &Gateway) -> Value {
    let (admin, operator) = (&gateway.admin, &gateway.operator);
    let product = |name: &str| json!({"name": name, "low_stock_threshold": 20});
    admin.put(&format!("/v1/products/{SKU}"), &product("<b>Desk</b> lamp")).await.is(201);
    admin.put("/v1/products/LAMP-02", &json!({"name": "Floor lamp"})).await.is(201);
    let milk = json!({"name": "Milk", "lot_controlled": true});
    admin.put("/v1/products/MILK", &milk).await.is(201);
    for (sku, lot, quantity) in [(SKU, None, 15), ("LAMP-02", None, 500), ("MILK", Some("L1"), 9)] {
        let receipt = match lot {
            None => json!({"sku": sku, "quantity": quantity}),
            Some(lot) => {
                json!({"sku": sku, "quantity": quantity, "lot": lot, "expires_on": "2099-01-01"})
            }
        };
        operator.post("/v1/receipts", &receipt).await.is(201);
    }
    for _ in 0..5 {
        operator.post("/v1/deductions", &json!({"sku": SKU, "quantity": 1})).await.is(201);
    }
    admin.put("/v1/hot/LAMP-02", &json!({"hot": true})).await.is(200);
    let lines = json!([{"sku": "LAMP-02", "quantity": 2}]);
    let order = json!({"direction": "outbound", "lines": lines, "external_ref": REFERENCE});
    let order = operator.post("/v1/orders", &order).await.is(201)["order_no"].clone();
    let number = order.as_str().unwrap();
    operator.post(&format!("/v1/orders/{number}/start"), &json!({})).await.is(200);
    let mut holds = Vec::new();
    for _ in 0..2 {
        let held = operator.post("/v1/reservations", &json!({"lines": lines})).await.is(201);
        holds.push(held["reservation_id"].clone());
    }
    json!({"sku": SKU, "hot": "LAMP-02", "order": order, "hold": holds[0], "spare": holds[1]})
}

/// The same gateway at the same address.
fn before(db: &Database, address: std::net::SocketAddr) -> Command {
    let mut command = inventory();
    command.args(["--database-url", &db.url(User::Operator)]);
    command.args(["serve", "--admin-database-url", &db.url(User::Admin)]);
    command.args(["--listen", &address.to_string()]);
    command
}

const NO_BROWSER: &str = "no Chromium (Debian: apt-get install chromium), no playwright-core and axe-core (npm), or another \
     PostgreSQL's turn: what is shown comes through the same API on each";

/// A walk of tests/clients/console/walks.mjs.
struct Walk {
    command: Command,
    name: &'static str,
}

impl Walk {
    fn new(pg: &Pg, name: &'static str) -> Option<Walk> {
        if pg.major != BROWSED {
            return None;
        }
        let (node, _) = of_node("axe-core/axe.min.js").and(of_node("playwright-core/index.js"))?;
        let mut command = Command::new(node);
        command.env("CHROMIUM", find_program("chromium")?).kill_on_drop(true);
        if pictures() {
            command.env("PICTURES", repository().join("gateway/src/console/pictures"));
        }
        let script: PathBuf = repository().join("tests/clients/console/run.mjs");
        command.arg(script).arg(name);
        Some(Walk { command, name })
    }

    /// To its end, as an administrator.
    async fn alone(self, gateway: &Gateway, facts: Value) {
        self.helped(gateway, facts, async |what| panic!("{what}")).await;
    }

    async fn helped(self, gateway: &Gateway, facts: Value, help: impl AsyncFnMut(&str)) {
        self.led(with_key(facts, gateway), help).await;
    }

    /// To its end; `help` does what it asks for.
    async fn led(mut self, facts: Value, mut help: impl AsyncFnMut(&str)) {
        let command = self.command.arg(facts.to_string());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut answers = child.stdin.take().unwrap();
        let mut asked = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(what) = asked.next_line().await.unwrap() {
            help(&what).await;
            answers.write_all(b"done\n").await.unwrap();
        }
        let ended = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "the walk {}: {said}", self.name);
    }
}

fn with_key(mut facts: Value, gateway: &Gateway) -> Value {
    facts["url"] = json!(format!("http://{}", gateway.address));
    facts["key"] = json!(gateway.admin.key);
    facts
}
