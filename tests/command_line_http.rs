//! The command line says and does the same by a gateway as on the database.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::cell::Cell;

use inventory_tests::commands::{Ended, inventory, run};
use inventory_tests::{Database, Pg, Service, User, promises};
use serde_json::{Value, json};

promises!(
    both_ways_say_the_same,
    holds_by_both_ways,
    orders_by_both_ways,
    long_lists_come_whole,
    who_may_not_is_told_so,
    a_gateway_that_is_away_exits_with_three,
    what_cannot_go_over_http_is_wrong_usage,
    the_named_way_counts,
    doctor_looks_at_the_gateway,
    ping_asks_whether_it_is_alive,
    shells_and_man_are_served,
);

const NAME: &str = "ann";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Two databases with the same in them: one worked on directly, one through a gateway.
struct Ways {
    direct: Database,
    behind: Database,
    service: Service,
    key: String,
    asked: Cell<u32>,
}

async fn gateway(db: &Database) -> Service {
    let mut command = inventory();
    command.args(["--database-url", &db.url(User::Operator), "serve"]);
    command.env("INVENTORY_ADMIN_DATABASE_URL", db.url(User::Admin));
    Service::start(command).await
}

/// Makes a key of that role, as `inventory key create` would.
async fn key(db: &Database, role: &str) -> String {
    let key = inventory_gateway::http::key::ApiKey::fresh();
    let hash: String = key.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let sql =
        format!("SELECT inventory.create_api_key('{}', '{NAME}', '{role}', '\\x{hash}')", key.id());
    db.admin().await.run(&sql).await;
    key.reveal()
}

impl Ways {
    async fn of(pg: &Pg) -> Ways {
        let (direct, behind) = (pg.database().await, pg.database().await);
        let service = gateway(&behind).await;
        let key = key(&behind, "admin").await;
        Ways { direct, behind, service, key, asked: Cell::new(0) }
    }

    async fn each(&self, arguments: &[&str]) -> [Ended; 2] {
        let mut direct = inventory();
        direct.args(["--database-url", &self.direct.url(User::Admin)]).args(arguments);
        if arguments.contains(&"--request-id") {
            direct.env("INVENTORY_OPERATOR", NAME);
        }
        [run(&mut direct).await, self.service.ask(&self.key, arguments).await]
    }

    /// Asserts that both ways answer alike; gives the answers, the gateway's second.
    async fn same(&self, arguments: &[&str]) -> [Ended; 2] {
        let [direct, behind] = self.each(arguments).await;
        assert_eq!(direct.code, behind.code, "{arguments:?}: {direct:?} and {behind:?}");
        assert_eq!(masked(&direct.out), masked(&behind.out), "{arguments:?}");
        assert_eq!(masked(&direct.err), masked(&behind.err), "{arguments:?}");
        [direct, behind]
    }

    /// A command that changes something, then the same once more, as a program would read it.
    async fn change(&self, arguments: &[&str]) -> [Value; 2] {
        self.asked.set(self.asked.get() + 1);
        let id = format!("00000000-0000-4000-8000-{:012}", self.asked.get());
        let caller = ["--request-id", &id, "--trace-id", TRACE];
        self.same(&[arguments, &caller].concat()).await;
        let again = self.same(&[&["--json"], arguments, &caller].concat()).await;
        again.map(|ended| serde_json::from_str(&ended.out).unwrap_or(Value::Null))
    }

    /// A question, as people and as programs read it; the answer by the gateway.
    async fn look(&self, arguments: &[&str]) -> Value {
        self.same(arguments).await;
        let [_, behind] = self.same(&[&["--json"], arguments].concat()).await;
        serde_json::from_str(&behind.out).unwrap_or(Value::Null)
    }
}

/// Ids, numbers and times that differ from database to database, by their shape.
fn masked(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        // What ends a sentence is no part of the word.
        let bare = rest[..end].trim_end_matches([':', '.']);
        out += hidden(bare);
        out += &rest[bare.len()..end];
        let gap = rest[end..].find(word).map_or(rest.len(), |gap| end + gap);
        out += &rest[end..gap];
        rest = &rest[gap..];
    }
    out
}

fn hidden(word: &str) -> &str {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    match word.len() {
        36 if word.bytes().filter(|b| *b == b'-').count() == 4 => "<id>",
        23 if digits == 23 => "<order>",
        16..=19 if digits == word.len() => "<number>",
        20..=32 if word.contains('T') && word.ends_with('Z') => "<time>",
        _ => word,
    }
}

async fn both_ways_say_the_same(pg: Pg) {
    let ways = Ways::of(&pg).await;
    ways.change(&["product", "put", "LAMP", "Desk lamp", "--low-stock-threshold", "5"]).await;
    ways.change(&["product", "put", "A/B c?", "Odd one", "--attributes", r#"{"a": [1]}"#]).await;
    ways.change(&["product", "put", "MILK", "Milk", "--lot-controlled", "--unit", "litre"]).await;
    ways.change(&["product", "put", "GONE", "Gone soon"]).await;
    ways.change(&["warehouse", "put", "2", "NORTH", "Leeds"]).await;
    ways.change(&["warehouse", "put", "3", "SOUTH", "Bath"]).await;
    ways.change(&["stock", "receive", "LAMP", "10"]).await;
    ways.change(&["stock", "receive", "A/B c?", "1000000000000", "--warehouse", "2"]).await;
    ways.change(&["stock", "receive", "MILK", "6", "--lot", "x", "--expires-on", "2999-01-31"])
        .await;
    ways.change(&["stock", "receive", "MILK", "5", "--lot", "y"]).await;
    let [_, sold] = ways.change(&["stock", "deduct", "LAMP", "3"]).await;
    assert_eq!((&sold["on_hand"], &sold["replayed"]), (&json!(7), &json!(true)));
    ways.change(&["stock", "deduct", "MILK", "7"]).await;
    ways.change(&["stock", "adjust", "LAMP", "-1", "--reason", "broken"]).await;
    ways.change(&["stock", "recount", "LAMP", "9", "--reason", "count", "--expected-version", "3"])
        .await;
    ways.change(&["stock", "recount", "LAMP", "8", "--reason", "count again"]).await;
    ways.change(&["stock", "transfer", "LAMP", "4", "--from", "1", "--to", "2"]).await;
    ways.change(&["product", "delete", "GONE"]).await;
    ways.change(&["warehouse", "delete", "3"]).await;
    ways.change(&["hot", "set", "LAMP"]).await;
    for refused in [
        &["stock", "deduct", "LAMP", "10"][..],
        &["stock", "deduct", "NONE", "1"],
        &["stock", "deduct", "LAMP", "0"],
        &["stock", "deduct", "MILK", "1", "--lot", "z"],
        &["stock", "receive", "LAMP", "1", "--warehouse", "9"],
        &["stock", "receive", "LAMP", "1", "--lot", "x"],
        &["stock", "receive", "LAMP", "1", "--reason", ""],
        &["stock", "adjust", "LAMP", "0", "--reason", "x"],
        &["stock", "adjust", "LAMP", "-100", "--reason", "x"],
        &["stock", "recount", "LAMP", "1", "--reason", "x", "--expected-version", "99"],
        &["stock", "transfer", "LAMP", "1", "--from", "1", "--to", "1"],
        &["product", "delete", "LAMP"],
        &["warehouse", "put", "1000", "FAR", "Far"],
        &["hot", "set", "NONE"],
        &["product", "show", "NONE"],
    ] {
        let [direct, _] = ways.same(refused).await;
        assert_eq!(direct.code, Some(1), "{refused:?}: {direct:?}");
        ways.same(&[&["--json"], refused].concat()).await;
    }
    for question in [
        &["product", "show", "A/B c?"][..],
        &["product", "list"],
        &["product", "list", "--limit", "1", "--after", "A/B c?"],
        &["warehouse", "list"],
        &["stock", "show"],
        &["stock", "show", "LAMP"],
        &["stock", "show", "NONE"],
        &["stock", "show", "--low"],
        &["stock", "show", "LAMP", "--low"],
        &["stock", "show", "--warehouse", "2"],
        &["stock", "show", "--limit", "1"],
        &["stock", "show", "MILK", "--lots"],
        &["stock", "show", "LAMP", "--lots"],
        &["stock", "history", "LAMP"],
        &["stock", "history", "LAMP", "--warehouse", "2", "--limit", "1"],
        &["hot"],
    ] {
        ways.look(question).await;
    }
    ways.direct.verify_is_clean().await;
    ways.behind.verify_is_clean().await;
}

async fn holds_by_both_ways(pg: Pg) {
    let ways = Ways::of(&pg).await;
    for db in [&ways.direct, &ways.behind] {
        db.stock(&[("A", 10), ("B", 5)]).await;
    }
    let made = ways.change(&["reserve", "make", "A", "4", "--and", "B", "5"]).await;
    let ids = made.map(|made| made["reservation_id"].as_str().unwrap().to_owned());
    for (url_way, id) in [(false, &ids[0]), (true, &ids[1])] {
        let show = ["--json", "reserve", "show", id];
        let shown = if url_way {
            ways.service.ask(&ways.key, &show).await
        } else {
            run(inventory().args(["--database-url", &ways.direct.url(User::Reader)]).args(show))
                .await
        };
        let shown: Value = serde_json::from_str(&shown.ok()).unwrap();
        assert_eq!(
            (&shown["state"], shown["lines"].as_array().unwrap().len()),
            (&json!("HELD"), 2)
        );
    }
    let refused = ["reserve", "make", "B", "1"];
    let [direct, _] = ways.same(&refused).await;
    assert!(direct.err.contains("requested 1 units, available: 0"), "{direct:?}");
    let nobody = "00000000-0000-4000-8000-00000000dead";
    for way in ["show", "confirm", "release"] {
        let [direct, _] = ways.same(&["reserve", way, nobody]).await;
        assert!(direct.err.contains("unknown_reservation"), "{direct:?}");
    }
    // The holds have ids of their own: each way closes its own.
    let close = |id: &str, way: usize, how: &[&str]| {
        let arguments = [&["--json", "reserve", how[0], id][..], &how[1..]].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let mut command = inventory();
        match way {
            0 => command.args(["--database-url", &ways.direct.url(User::Operator)]),
            _ => command.args(["--url", &ways.service.url, "--api-key", &ways.key]),
        };
        command.args(arguments);
        async move { serde_json::from_str::<Value>(&run(&mut command).await.ok()).unwrap() }
    };
    for (way, id) in ids.iter().enumerate() {
        let confirmed = close(id, way, &["confirm"]).await;
        assert_eq!(confirmed["state"], "CONFIRMED", "{confirmed}");
        assert_eq!(confirmed["order_no"].as_str().map(str::len), Some(23));
    }
    let [direct, behind] = ways.change(&["reserve", "make", "A", "2"]).await;
    for (way, made) in [direct, behind].iter().enumerate() {
        let id = made["reservation_id"].as_str().unwrap();
        let released = close(id, way, &["release", "--reason", "changed my mind"]).await;
        assert_eq!((&released["state"], &released["order_no"]), (&json!("RELEASED"), &Value::Null));
    }
    ways.look(&["stock", "show"]).await;
    ways.behind.verify_is_clean().await;
}

async fn orders_by_both_ways(pg: Pg) {
    let ways = Ways::of(&pg).await;
    for db in [&ways.direct, &ways.behind] {
        db.stock(&[("A", 10), ("B", 5)]).await;
    }
    let created = ways
        .change(&["order", "create", "A", "2", "--and", "B", "1", "--external-ref", "r1"])
        .await;
    ways.change(&["order", "create", "A", "7", "--inbound"]).await;
    for (way, order) in created.iter().enumerate() {
        let number = order["order_no"].as_str().unwrap();
        assert_eq!(order["state"], "PENDING");
        let ask = |arguments: &[&str]| {
            let mut command = inventory();
            match way {
                0 => command.args(["--database-url", &ways.direct.url(User::Operator)]),
                _ => command.args(["--url", &ways.service.url, "--api-key", &ways.key]),
            };
            command.args(["--json", "order"]).args(arguments);
            async move { run(&mut command).await }
        };
        for (step, more, state) in [
            ("start", &[][..], "PROCESSING"),
            ("complete", &[], "COMPLETED"),
            ("revert", &["--reason", "sent back"], "REVERTED"),
        ] {
            let moved = ask(&[&[step, number][..], more].concat()).await.ok();
            assert_eq!(serde_json::from_str::<Value>(&moved).unwrap()["state"], state);
        }
        let refused = ask(&["fail", number, "--reason", "too late"]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains("invalid_transition"), "{refused:?}");
        let shown: Value = serde_json::from_str(&ask(&["show", number]).await.ok()).unwrap();
        assert_eq!(shown["order_id"].as_str(), order["order_id"].as_str());
        assert_eq!(shown["history"].as_array().map(Vec::len), Some(4), "{shown:#}");
        assert_eq!(shown["lines"].as_array().map(Vec::len), Some(2), "{shown:#}");
        let people = ask(&["show", number]).await.ok();
        assert!(people.contains("REVERTED") && people.contains("sent back"), "{people}");
    }
    ways.same(&["order", "show", "20240520123001001000001"]).await;
    ways.look(&["order", "list"]).await;
    let one = ways.look(&["order", "list", "--state", "pending"]).await;
    assert_eq!(one.as_array().map(Vec::len), Some(1), "{one}");
    ways.look(&["order", "list", "--external-ref", "r1", "--limit", "5"]).await;
    ways.behind.verify_is_clean().await;
}

async fn long_lists_come_whole(pg: Pg) {
    let db = pg.database().await;
    db.admin()
        .await
        .run(
            "SELECT inventory.put_product('S' || to_char(n, 'FM000'), 'Thing ' || n) FROM generate_series(1, 250) AS n; \
             SELECT inventory.receive('S' || to_char(n, 'FM000'), n) FROM generate_series(1, 250) AS n",
        )
        .await;
    let (service, key) = (gateway(&db).await, key(&db, "reader").await);
    for (arguments, count) in [
        (&["--json", "product", "list", "--limit", "1000"][..], 250),
        (&["--json", "product", "list", "--limit", "130"], 130),
        (&["--json", "stock", "show", "--limit", "201"], 201),
    ] {
        let rows: Value = serde_json::from_str(&service.ask(&key, arguments).await.ok()).unwrap();
        assert_eq!(rows.as_array().map(Vec::len), Some(count), "{arguments:?}");
        assert_eq!(rows[count - 1]["sku"], format!("S{count:03}"), "in order");
    }
}

async fn who_may_not_is_told_so(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 3)]).await;
    let (service, reader) = (gateway(&db).await, key(&db, "reader").await);
    service.ask(&reader, &["stock", "show"]).await.ok();
    let forbidden = service.ask(&reader, &["stock", "deduct", "A", "1"]).await;
    assert_eq!(forbidden.code, Some(1), "{forbidden:?}");
    assert!(forbidden.err.contains("forbidden: this needs the role operator"), "{forbidden:?}");
    let wrong = inventory_gateway::http::key::ApiKey::fresh().reveal();
    for (key, said) in [("", "unauthorized"), (wrong.as_str(), "unauthorized")] {
        let ended = service.ask(key, &["--json", "stock", "show"]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let error: Value = serde_json::from_str(&ended.err).unwrap();
        assert_eq!(error["code"], said);
        assert!(
            !ended.err.contains(&wrong) && ended.err.contains("INVENTORY_API_KEY"),
            "{ended:?}"
        );
    }
}

async fn a_gateway_that_is_away_exits_with_three(_: Pg) {
    for url in ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://no-such-host.invalid"] {
        let mut command = inventory();
        command.args(["--url", url, "stock", "show"]).env("INVENTORY_API_KEY", "secret-of-mine");
        let ended = run(&mut command).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.err.contains("cannot reach the gateway at"), "{ended:?}");
        assert!(!ended.err.contains("secret-of-mine"), "{ended:?}");
    }
}

async fn what_cannot_go_over_http_is_wrong_usage(pg: Pg) {
    let db = pg.database().await;
    let (service, key) = (gateway(&db).await, key(&db, "operator").await);
    for arguments in [
        &["stock", "deduct", "A", "1", "--operator", "bob"][..],
        &["stock", "deduct", "A", "1", "--trace-id", "short"],
        &["check"],
        &["init"],
        &["reserve", "make", "A", "1", "--and", "B", "many"],
        &["reserve", "make", "A", "1", "--ttl-seconds", "0"],
        &["product", "show", ".."],
    ] {
        let ended = service.ask(&key, arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
    for url in ["no-url", "ftp://127.0.0.1", "http://user:password@127.0.0.1"] {
        let ended = run(inventory().args(["--url", url, "stock", "show"])).await;
        assert_eq!(ended.code, Some(2), "{url}: {ended:?}");
        assert!(!ended.err.contains("password"), "{ended:?}");
    }
}

async fn the_named_way_counts(pg: Pg) {
    let (direct, behind) = (pg.database().await, pg.database().await);
    direct.stock(&[("DIRECT", 1)]).await;
    behind.stock(&[("BEHIND", 1)]).await;
    let (service, key) = (gateway(&behind).await, key(&behind, "reader").await);
    let url = direct.url(User::Reader);
    let with = |arguments: &[&str]| {
        let mut command = inventory();
        command.env("INVENTORY_DATABASE_URL", &url).env("INVENTORY_URL", &service.url);
        command.env("INVENTORY_API_KEY", &key).args(arguments);
        command
    };
    let by_default = run(&mut with(&["stock", "show"])).await.ok();
    assert!(by_default.contains("BEHIND"), "a gateway that is named is used: {by_default}");
    let named = run(&mut with(&["--database-url", &url, "stock", "show"])).await.ok();
    assert!(named.contains("DIRECT"), "what is typed counts: {named}");
    let both = ["--database-url", &url, "--url", &service.url, "stock", "show"];
    let both = run(&mut with(&both)).await;
    assert_eq!(both.code, Some(2), "{both:?}");
}

async fn doctor_looks_at_the_gateway(pg: Pg) {
    let db = pg.database().await;
    let service = gateway(&db).await;
    let mut doctor = inventory();
    doctor.args(["--url", &service.url, "doctor"]);
    doctor.env("INVENTORY_JWT_SECRET", "not-to-be-shown").env("INVENTORY_POOL", "17");
    let well = run(&mut doctor).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    assert!(well.out.contains("reached the gateway at"), "{well:?}");
    assert!(well.out.contains(env!("CARGO_PKG_VERSION")), "{well:?}");
    let pool = well.out.lines().find(|line| line.contains("INVENTORY_POOL")).unwrap();
    assert!(pool.contains("17") && pool.contains("variable"), "{pool}");
    let secret = well.out.lines().find(|line| line.contains("INVENTORY_JWT_SECRET")).unwrap();
    assert!(secret.contains("(hidden)"), "{secret}");
    assert!(!well.out.contains("not-to-be-shown"), "{well:?}");
    let away = run(inventory().args(["--url", "http://127.0.0.1:1", "doctor"])).await;
    assert_eq!(away.code, Some(1), "{away:?}");
    assert!(away.out.contains("PROBLEM  gateway"), "{away:?}");
}

async fn ping_asks_whether_it_is_alive(pg: Pg) {
    let db = pg.database().await;
    let service = gateway(&db).await;
    let alive = run(inventory().args(["--url", &service.url, "ping"])).await;
    assert_eq!(alive.code, Some(0), "{alive:?}");
    assert!(alive.out.contains("answers"), "{alive:?}");
    let away = run(inventory().args(["--url", "http://127.0.0.1:1", "ping"])).await;
    assert_eq!(away.code, Some(3), "{away:?}");
    let nobody = run(inventory().arg("ping")).await;
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
}

async fn shells_and_man_are_served(_: Pg) {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(inventory().args(["completions", shell])).await.ok();
        assert!(script.contains("inventory") && script.contains("warehouse"), "{shell}");
    }
    let page = run(inventory().arg("man")).await.ok();
    assert!(
        page.contains(".TH inventory") && page.contains("Stock that is never oversold"),
        "{page}"
    );
    let folder = tempfile::tempdir().unwrap();
    run(inventory().args(["man", "--out"]).arg(folder.path())).await.ok();
    assert!(folder.path().join("inventory-stock-deduct.1").exists());
}
