//! The console: its files as a browser gets them, and what a reader of it finds, in a real Chromium.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::path::PathBuf;
use std::process::Stdio;

use inventory_tests::commands::{find_program, inventory, of_node};
use inventory_tests::gateway::key_id;
use inventory_tests::servers::repository;
use inventory_tests::{Gateway, Pg, Request, User, Verdict, promises, skipped};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

#[path = "console/shop.rs"]
mod shop;

use shop::{SKU, Shop};

promises!(
    files_are_served_as_browsers_should_take_them,
    every_page_shows_what_there_is,
    every_page_says_what_to_do_where_there_is_nothing,
    what_strangers_write_is_text_and_keeps_its_place,
    what_a_person_changes_is_changed_once,
    what_is_stuck_goes_on_when_a_person_says_so,
    what_a_check_found_is_settled_by_a_person,
    a_gateway_that_comes_back_is_found_again,
    a_database_that_is_away_is_seen,
    everything_goes_by_keyboard,
    the_demo_s_orders_arrive_at_the_address_it_prints,
);

/// PostgreSQL that the browser's tests run on: what is shown comes through the same API on each.
const BROWSED: u32 = 18;

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
    let (shop, gateway) = Shop::open(&pg).await;
    walk.alone(&gateway, &shop.facts).await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn every_page_says_what_to_do_where_there_is_nothing(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "nothing") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    walk.alone(&gateway, &json!({})).await;
    gateway.logged_no_failure();
    Verdict::Passed
}

/// As long as may be, without a place to break it, and markup for whoever takes it for that.
async fn what_strangers_write_is_text_and_keeps_its_place(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "strangers") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    for name in ["books", "hook"] {
        let target = "webhook+http://127.0.0.1:9/hook";
        db.admin().await.run(&format!("SELECT inventory.put_sink('{name}', '{target}')")).await;
    }
    let gateway = Gateway::before(&db).await;
    let mut facts = shop::of_strangers(&gateway).await;
    // No relay tells any sink of it.
    let mut owner = db.owner().await;
    facts["waiting"] = json!(owner.number("SELECT max(pending) FROM inventory.sinks").await);
    facts["reader"] = json!(gateway.reader.key);
    walk.alone(&gateway, &facts).await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn what_a_person_changes_is_changed_once(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "changes") else { return skipped(NO_BROWSER) };
    let (shop, gateway) = Shop::open(&pg).await;
    let operator = gateway.operator.clone();
    let mut owner = shop.db.owner().await;
    let before = owner.number("SELECT max(id) FROM inventory.journal").await;
    walk.helped(&gateway, &shop.facts, async |what| {
        let (sku, quantity) = if what == "sell" { ("LAMP-02", 7) } else { (SKU, 1) };
        let body = json!({"sku": sku, "quantity": quantity});
        operator.post("/v1/deductions", &body).await.is(201);
    })
    .await;
    let did = format!(
        "SELECT event_type, sku, lot, on_hand_delta, reserved_delta, reason FROM inventory.journal \
          WHERE id > {before} AND version IS NOT NULL AND operator = 'admin' ORDER BY id"
    );
    owner.check(&did, CHANGES.trim()).await;
    let id = |name: &str| shop.facts[name].as_str().unwrap();
    let hold = |name| {
        format!("SELECT state FROM inventory.reservations WHERE reservation_id = '{}'", id(name))
    };
    owner.check(&hold("hold"), "CONFIRMED").await;
    owner.check(&hold("spare"), "RELEASED").await;
    let trail = format!(
        "SELECT string_agg(to_state, ' ' ORDER BY at) FROM inventory.order_history WHERE order_no = '{}'",
        id("order")
    );
    owner.check(&trail, "PENDING PROCESSING COMPLETED REVERTED").await;
    shop.db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

/// What the journal holds of the walk `changes`, each once.
const CHANGES: &str = "
STOCK_RECEIVED|LAMP-01||20|0|receipt
STOCK_ADJUSTED|LAMP-01||-3|0|<u>broken</u>
STOCK_ADJUSTED|LAMP-01||-2|0|counted
STOCK_RECEIVED|MILK|L2|4|0|receipt
STOCK_ADJUSTED|MILK|L1|-2|0|spilt
STOCK_ADJUSTED|MILK|L2|-1|0|counted
STOCK_CONFIRMED|LAMP-02||-2|-2|confirm
STOCK_RELEASED|LAMP-02||0|-2|released
STOCK_CONFIRMED|LAMP-02||-2|-2|order
STOCK_RECEIVED|LAMP-02||2|0|came back
";

async fn what_is_stuck_goes_on_when_a_person_says_so(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "stuck") else { return skipped(NO_BROWSER) };
    let (shop, gateway) = Shop::open(&pg).await;
    let mut owner = shop.db.owner().await;
    let refused = shop.torn_at(1);
    walk.helped(&gateway, &shop.facts, async |what| match what {
        "mend" => shop.mend_sinks(),
        other => panic!("{other}"),
    })
    .await;
    // Where it was redriven to it has come, once; the other sink was not asked again.
    owner.until("SELECT sum(dead) = 1 AND sum(retrying) = 0 FROM inventory.sinks").await;
    let dead = format!(
        "SELECT sink FROM inventory.outbox WHERE id = {} AND status = 'DEAD'",
        shop.facts["dead"]
    );
    owner.check(&dead, "books").await;
    assert_eq!(shop.torn_at(1), refused + 1, "posts to the hook");
    owner
        .until("SELECT count(*) = 0 FROM inventory.sagas WHERE state IN ('RUNNING', 'REVERTING')")
        .await;
    for (n, state) in ["COMPLETED", "REVERTED"].into_iter().enumerate() {
        let id = shop.facts["sagas"][n].as_str().unwrap();
        let saga = format!("SELECT state FROM inventory.sagas WHERE saga_id = '{id}'");
        owner.check(&saga, state).await;
    }
    shop.db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn what_a_check_found_is_settled_by_a_person(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "repairs") else { return skipped(NO_BROWSER) };
    let (shop, gateway) = Shop::open(&pg).await;
    walk.alone(&gateway, &shop.facts).await;
    let mut owner = shop.db.owner().await;
    let ticket = |name: &str| shop.facts["tickets"][name].clone();
    for (name, became) in [
        ("pending", "DONE|12|admin|null"),
        ("lot", "REJECTED|null|admin|sealed"),
        ("byhand", "PENDING|null|null|null"),
    ] {
        let state = format!(
            "SELECT state, counted, decided_by, note FROM inventory.repair_tickets WHERE ticket_id = {}",
            ticket(name)
        );
        owner.check(&state, became).await;
    }
    let moved = format!(
        "SELECT sku_id, before_qty, after_qty, operator FROM inventory.audit_log WHERE reason = 'repair {}'",
        ticket("pending")
    );
    owner.check(&moved, &format!("{SKU}|10|12|admin")).await;
    shop.db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn a_gateway_that_comes_back_is_found_again(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "gone") else { return skipped(NO_BROWSER) };
    let (shop, gateway) = Shop::open(&pg).await;
    let address = gateway.address.to_string();
    let facts = with_key(&shop.facts, &gateway);
    let mut first = Some(gateway);
    let mut there = None;
    walk.led(facts, async |what| match what {
        "stop" => drop(first.take()),
        "start" => there = Some(Gateway::start(&shop.db, shop.command(&address)).await),
        "revoke" => {
            let id = key_id("admin");
            shop.db.admin().await.run(&format!("SELECT inventory.revoke_api_key('{id}')")).await;
        }
        other => panic!("{other}"),
    })
    .await;
    there.expect("it was started again").logged_no_failure();
    Verdict::Passed
}

/// Breaker and leases, as they are while the gateway sells from what it set aside.
async fn a_database_that_is_away_is_seen(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "away") else { return skipped(NO_BROWSER) };
    let db = pg.private_database(|builder| builder).await;
    let journal = tempfile::tempdir().unwrap();
    let folder = journal.path().to_str().unwrap();
    let more = ["--journal-dir", folder, "--lease-min", "400", "--breaker-open-ms", "500"];
    let gateway = Gateway::with(&db, &more).await;
    db.stock(&[(SKU, 1_000)]).await;
    let sale = json!({"sku": SKU, "quantity": 1});
    gateway.operator.post("/v1/deductions", &sale).await.is(201);
    let mut sold = 1;
    let mut owner = db.owner().await;
    owner.until("SELECT count(*) = 1 FROM inventory.leases WHERE state = 'OPEN'").await;
    drop(owner);
    walk.helped(&gateway, &json!({"sku": SKU}), async |what| match what {
        "stop" => db.server.kill(),
        "sell" => {
            let status = gateway.operator.post("/v1/deductions", &sale).await.status;
            sold += i64::from([201, 202].contains(&status));
        }
        "start" => db.server.start_again(),
        other => panic!("{other}"),
    })
    .await;
    let mut owner = db.owner().await;
    let told =
        "SELECT -sum(on_hand_delta) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'";
    owner.check(told, &sold.to_string()).await;
    db.verify_is_clean().await;
    Verdict::Passed
}

async fn everything_goes_by_keyboard(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "keyboard") else { return skipped(NO_BROWSER) };
    let (shop, gateway) = Shop::open(&pg).await;
    walk.alone(&gateway, &shop.facts).await;
    Verdict::Passed
}

/// `make demo` from where its servers run: whoever opens the address that it prints sees its orders arrive.
async fn the_demo_s_orders_arrive_at_the_address_it_prints(pg: Pg) -> Verdict {
    let Some(walk) = Walk::new(&pg, "demo") else { return skipped(NO_BROWSER) };
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let key = gateway.admin.key.clone().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let env_file = folder.path().join("env");
    std::fs::write(&env_file, format!("INVENTORY_API_KEY={key}\n")).unwrap();
    let mut demo = inventory();
    demo.args(["--database-url", &db.url(User::Owner), "demo", "--env-file"]).arg(&env_file);
    demo.env("INVENTORY_GATEWAY_URL", format!("http://{}", gateway.address));
    demo.env("INVENTORY_API_KEY", &key).stdout(Stdio::piped()).kill_on_drop(true);
    let mut demo = demo.spawn().unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    let first = said.next_line().await.unwrap().unwrap();
    let url = first.split_whitespace().find(|word| word.ends_with("/console/")).expect(&first);
    assert!(first.contains(env_file.to_str().unwrap()), "where the key is: {first}");
    let facts = json!({"url": url.trim_end_matches("/console/"), "key": key});
    let whole = tokio::spawn(async move {
        let mut last = String::new();
        while let Some(line) = said.next_line().await.unwrap() {
            assert!(!line.contains(&key), "{line}");
            last = line;
        }
        last
    });
    tokio::select! {
        () = walk.led(facts, async |what| panic!("{what}")) => {}
        ended = demo.wait() => panic!("the demo ended: {ended:?}"),
    }
    signal(&demo, Signal::INT);
    assert_eq!(demo.wait().await.unwrap().code(), Some(0));
    let last = whole.await.unwrap();
    assert!(last.contains("customers served"), "{last}");
    let whole_orders = "SELECT count(*) > 0 FROM inventory.order_status WHERE state = 'COMPLETED'";
    db.owner().await.check(whole_orders, "t").await;
    db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    kill_process(pid.expect("it runs"), signal).expect("a process of ours");
}

/// Whether the pictures of the README are taken.
fn pictures() -> bool {
    std::env::var("INVENTORY_SCREENSHOTS").is_ok_and(|asked| asked == "1")
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
    async fn alone(self, gateway: &Gateway, facts: &Value) {
        self.helped(gateway, facts, async |what| panic!("{what}")).await;
    }

    async fn helped(self, gateway: &Gateway, facts: &Value, help: impl AsyncFnMut(&str)) {
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

fn with_key(facts: &Value, gateway: &Gateway) -> Value {
    let mut facts = facts.clone();
    facts["url"] = json!(format!("http://{}", gateway.address));
    facts["key"] = json!(gateway.admin.key);
    facts
}
