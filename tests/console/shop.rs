//! A shop with something for every page of the console, all of it come about as in life: orders under way,
//! two sinks that do not want one SKU, sagas whose account service fails, tickets of a check.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use inventory_tests::accounts::Fault;
use inventory_tests::{Accounts, Client, Database, Gateway, Pg, Receiver, Session};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

pub const SKU: &str = "LAMP-01";
/// What the sinks refuse; and a page that took it for markup would show it slanted.
const TORN: &str = "<i>TORN</i>";
/// `whsec_` and 32 bytes in base64.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8%3D";

/// Dead after two tries, and soon.
const QUICK: [&str; 7] = [
    "--relay",
    "--relay-private-addresses",
    "--relay-poll-ms=20",
    "--relay-lease-ms=2000",
    "--relay-retry-ms=20",
    "--relay-attempts=2",
    // A look would close the tickets: nothing is wrong with the stock.
    "--check-every=0",
];
/// As many as the account service fails.
const TRIES: usize = 2;

/// Name, kind, subject, what is expected and what was found.
const TICKETS: [(&str, &str, &str, &str, &str); 6] = [
    ("done", "on_hand", "LAMP-02 in 1", "495", "499"),
    ("rejected", "low", "LAMP-02 in 1", "f", "t"),
    ("confirmed", "reserved", "LAMP-02 in 1", "6", "8"),
    (
        "byhand",
        "hold_lines",
        "reservation 0190f3a5-5b7e-7c50-9d38-1f3f4b0a7c11",
        "a line for each of its SKUs",
        "none",
    ),
    ("lot", "on_hand", "MILK in 1, lot L1", "9", "7"),
    ("pending", "on_hand", "LAMP-01 in 1", "10", "13"),
];

pub struct Shop {
    pub db: Database,
    /// What the walks look for.
    pub facts: Value,
    accounts: Accounts,
    /// Whether the sinks refuse.
    picky: Arc<AtomicBool>,
    sinks: [Receiver; 2],
    folder: TempDir,
}

impl Shop {
    /// With a gateway before it.
    pub async fn open(pg: &Pg) -> (Shop, Gateway) {
        let picky = Arc::new(AtomicBool::new(true));
        let mut shop = Shop {
            db: pg.database().await,
            facts: json!({}),
            accounts: Accounts::open(&[("ada", 1_000)]).await,
            sinks: [sink(&picky).await, sink(&picky).await],
            picky,
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(shop.saga_file(), order_saga(&shop.accounts)).unwrap();
        shop.tell_sinks().await;
        let gateway = Gateway::start(&shop.db, shop.command("127.0.0.1:0")).await;
        shop.facts = goods(&gateway).await;
        shop.facts["sagas"] = shop.stuck_sagas(&gateway).await;
        shop.facts["dead"] = json!(shop.dead_event().await);
        shop.facts["tickets"] = shop.tickets().await;
        (shop, gateway)
    }

    /// Its gateway at that address, to be started.
    pub fn command(&self, listen: &str) -> Command {
        let mut command = Gateway::command_at(&self.db, listen);
        command.args(QUICK).arg("--saga-file").arg(self.saga_file());
        command
    }

    fn saga_file(&self) -> std::path::PathBuf {
        self.folder.path().join("sagas.toml")
    }

    async fn tell_sinks(&self) {
        let mut admin = self.db.admin().await;
        for (name, sink) in ["books", "hook"].iter().zip(&self.sinks) {
            let target = format!("webhook+http://:{SECRET}@{}/hook", sink.address);
            admin.run(&format!("SELECT inventory.put_sink('{name}', '{target}')")).await;
        }
    }

    /// The account service fails; gives the ids of two sagas that somebody has to look at.
    async fn stuck_sagas(&self, gateway: &Gateway) -> Value {
        self.accounts.next("charge", &[Fault::Fails; 2 * TRIES]);
        let lines = json!([{"sku": "LAMP-02", "quantity": 1}]);
        let input =
            json!({"lines": lines, "account": "ada", "amount": 10, "note": "<b>fragile</b>"});
        let body = json!({"saga": "outbound_order", "input": input});
        let mut ids = Vec::new();
        for _ in 0..2 {
            let begun = gateway.operator.post("/v1/sagas", &body).await.is(201);
            ids.push(begun["saga_id"].clone());
        }
        let stuck = "SELECT count(*) = 2 FROM inventory.sagas WHERE state = 'NEEDS_ATTENTION'";
        self.reader().await.until(stuck).await;
        json!(ids)
    }

    /// One that both sinks have refused often enough.
    async fn dead_event(&self) -> i64 {
        let mut reader = self.reader().await;
        reader.until("SELECT sum(dead) = 2 AND sum(retrying) = 0 FROM inventory.sinks").await;
        reader.number("SELECT DISTINCT id FROM inventory.outbox WHERE status = 'DEAD'").await
    }

    /// As a check would open them, one in each state and one that nobody can confirm.
    async fn tickets(&self) -> Value {
        let mut owner = self.db.owner().await;
        let mut facts = json!({});
        for (name, kind, subject, expected, found) in TICKETS {
            let report = format!(
                "SELECT ticket_id FROM inventory.report_findings('database', now(), ARRAY['{kind}'], \
                 ARRAY['{subject}'], ARRAY['{expected}'], ARRAY['{found}'], complete => false)"
            );
            facts[name] = json!(owner.number(&report).await);
        }
        let id = |name: &str| &facts[name];
        for word in [
            format!("confirm_ticket({}, operator => 'ann')", id("confirmed")),
            format!("confirm_ticket({}, operator => 'ann')", id("done")),
            format!("run_ticket({})", id("done")),
            format!("reject_ticket({}, '<b>auditors</b> look at it')", id("rejected")),
        ] {
            owner.run(&format!("SELECT inventory.{word}")).await;
        }
        facts
    }

    async fn reader(&self) -> Session {
        self.db.reader().await
    }

    /// From now on the sinks take everything.
    pub fn mend_sinks(&self) {
        self.picky.store(false, Ordering::Relaxed);
    }

    /// How often the sink of that place was sent the torn goods.
    pub fn torn_at(&self, sink: usize) -> usize {
        self.sinks[sink].posts().iter().filter(|post| post.event()["data"]["sku"] == TORN).count()
    }
}

async fn sink(picky: &Arc<AtomicBool>) -> Receiver {
    let picky = picky.clone();
    Receiver::start(move |post| {
        let torn = post.event()["data"]["sku"] == TORN;
        let refused = torn && picky.load(Ordering::Relaxed);
        if refused { "410 Gone" } else { "200 OK" }.to_owned()
    })
    .await
}

/// `outbound_order`, with less patience than is built in.
fn order_saga(accounts: &Accounts) -> String {
    let step = |name: &str, participant: &str, more: &str| {
        format!(
            "[[sagas.outbound_order.steps]]\nname = \"{name}\"\nparticipant = \"{participant}\"\naction = \"{name}\"\n\
             timeout_ms = 10000\nretry = {{ tries = {TRIES}, first_ms = 10, most_ms = 20 }}\n{more}\n"
        )
    };
    [
        format!("[participants.account]\nurl = \"http://{}/saga\"\n\n", accounts.address),
        step("reserve", "engine", "compensation = \"release\""),
        step("charge", "account", "compensation = \"refund\""),
        step("confirm", "engine", ""),
    ]
    .concat()
}

/// What somebody made up who wishes whoever looks at it no good: wherever something may be written.
pub async fn of_strangers(gateway: &Gateway) -> Value {
    // 64 letters, as many as any of them may have.
    let wide = format!("\"><svg/onload=alert(1)>{}", "W".repeat(41));
    let (admin, operator) = (&gateway.admin, &gateway.operator);
    let sku = wide.replace('"', "%22").replace('<', "%3C").replace('>', "%3E").replace('/', "%2F");
    let product =
        json!({"name": wide, "unit": wide, "low_stock_threshold": 100, "lot_controlled": true});
    admin.put(&format!("/v1/products/{sku}"), &product).await.is(201);
    admin.put(&format!("/v1/hot/{sku}"), &json!({"hot": true})).await.is(200);
    admin.put("/v1/warehouses/2", &json!({"code": wide, "name": wide})).await.is(201);
    for warehouse in [1, 2] {
        let receipt = json!({"sku": wide, "quantity": 9, "warehouse_id": warehouse, "lot": wide, "reason": wide});
        operator.post("/v1/receipts", &receipt).await.is(201);
    }
    let lines = json!([{"sku": wide, "quantity": 1}]);
    let order = json!({"direction": "outbound", "lines": lines, "external_ref": wide});
    let order = operator.post("/v1/orders", &order).await.is(201)["order_no"].clone();
    let failed = format!("/v1/orders/{}/fail", order.as_str().unwrap());
    operator.post(&failed, &json!({"reason": wide})).await.is(200);
    let held = operator.post("/v1/reservations", &json!({"lines": lines})).await.is(201);
    json!({"sku": wide, "order": order, "hold": held["reservation_id"]})
}

/// A little of everything that is bought and sold.
async fn goods(gateway: &Gateway) -> Value {
    products(&gateway.admin).await;
    let operator = &gateway.operator;
    for (sku, lot, quantity) in
        [(SKU, None, 15), ("LAMP-02", None, 500), ("MILK", Some("L1"), 9), (TORN, None, 1)]
    {
        let day = lot.map(|_| "2099-01-01");
        let receipt = json!({"sku": sku, "quantity": quantity, "lot": lot, "expires_on": day});
        operator.post("/v1/receipts", &receipt).await.is(201);
    }
    for _ in 0..5 {
        operator.post("/v1/deductions", &json!({"sku": SKU, "quantity": 1})).await.is(201);
    }
    let lines = json!([{"sku": "LAMP-02", "quantity": 2}]);
    let order = json!({"direction": "outbound", "lines": lines, "external_ref": "web-1"});
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

async fn products(admin: &Client) {
    for (sku, product) in [
        (SKU, json!({"name": "<b>Desk</b> lamp", "low_stock_threshold": 20})),
        ("LAMP-02", json!({"name": "Floor lamp"})),
        ("MILK", json!({"name": "Milk", "lot_controlled": true})),
        ("%3Ci%3ETORN%3C%2Fi%3E", json!({"name": "Torn"})),
    ] {
        admin.put(&format!("/v1/products/{sku}"), &product).await.is(201);
    }
    admin.put("/v1/hot/LAMP-02", &json!({"hot": true})).await.is(200);
}
