//! The `inventory` command as people and programs use it: what it does, prints and exits with.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_tests::commands::{Ended, inventory, run};
use inventory_tests::{Database, Pg, Redis, User, Verdict, promises, skipped};
use serde_json::{Value, json};

promises!(
    init_makes_everything_and_may_be_repeated,
    the_sample_shop_is_loaded_once,
    the_demo_shows_what_it_promises,
    the_demo_races_every_way_of_selling,
    the_demo_says_which_ways_it_leaves_out,
    a_day_at_the_shop,
    products_and_warehouses,
    lots_from_the_command_line,
    refusals_exit_with_one,
    wrong_usage_exits_with_two,
    a_server_that_is_away_exits_with_three,
    check_finds_what_is_broken,
    doctor_says_what_to_do,
    rights_of_the_user_are_enough,
    settings_come_from_the_environment_too,
    answers_are_for_people_too,
    keys_are_shown_once,
    repair_gives_back_what_nobody_will,
);

/// Runs `inventory` as a user of the database.
async fn as_user(db: &Database, user: User, arguments: &[&str]) -> Ended {
    run(inventory().args(["--database-url", &db.url(user)]).args(arguments)).await
}

/// Runs `inventory --json`, which must succeed.
async fn answer(db: &Database, arguments: &[&str]) -> Value {
    let ended = as_user(db, User::Owner, &[&["--json"], arguments].concat()).await;
    serde_json::from_str(&ended.ok()).expect("JSON on standard output")
}

/// Asserts members of an object; others may be there.
#[track_caller]
fn check_members(found: &Value, expected: Value) {
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{name} in {found:#}");
    }
}

async fn init_makes_everything_and_may_be_repeated(pg: Pg) {
    let db = pg.bare_database().await;
    let first = answer(&db, &["init"]).await;
    check_members(&first, json!({"extension_created": true, "tables_created": true, "shards": 16}));
    let before = db.digest().await;
    let again = answer(&db, &["init"]).await;
    check_members(&again, json!({"extension_created": false, "tables_created": false}));
    assert_eq!(db.digest().await, before);
    answer(&db, &["product", "put", "A", "Apple"]).await;
    db.verify_is_clean().await;
}

async fn the_sample_shop_is_loaded_once(pg: Pg) {
    let db = pg.bare_database().await;
    let loaded = answer(&db, &["init", "--sample"]).await;
    let sample = &loaded["sample"];
    assert!(sample["products"].as_i64() > Some(20), "{sample}");
    assert!(sample["warehouses"].as_i64() > Some(1), "{sample}");
    let before = db.digest().await;
    let again = answer(&db, &["init", "--sample"]).await;
    assert_eq!(again["sample"]["products_created"], 0);
    assert_eq!(db.digest().await, before, "a second time nothing changes");
    db.verify_is_clean().await;
}

async fn the_demo_shows_what_it_promises(pg: Pg) {
    let db = pg.bare_database().await;
    let shown = as_user(&db, User::Owner, &["demo"]).await.ok();
    let orders = shown.lines().find(|l| l.starts_with("orders ")).expect("orders");
    assert!(orders.contains("accepted") && !orders.contains(" 0 refused"), "{orders}");
    // The queries it ends with are worth trying.
    let queries: Vec<_> =
        shown.lines().map(str::trim).filter(|l| l.starts_with("SELECT ")).collect();
    assert_eq!(queries.len(), 3, "{shown}");
    let mut owner = db.owner().await;
    for query in queries {
        assert_ne!(owner.text(query).await, "", "{query}");
    }
    as_user(&db, User::Owner, &["demo"]).await.ok();
    db.verify_is_clean().await;
}

/// Sold, oversold, left and turned away of a hundred units and five hundred orders, as shown.
fn raced(shown: &str, way: &str) -> Option<[i64; 4]> {
    let begins = |line: &&str| line.split('|').next().is_some_and(|cell| cell.trim() == way);
    let line = shown.lines().find(begins)?;
    let cells = line.split('|').skip(1).map(|c| c.trim().replace(',', ""));
    let counts: Vec<i64> = cells.take(4).map(|c| c.parse().expect("a number")).collect();
    counts.try_into().ok()
}

async fn the_demo_races_every_way_of_selling(pg: Pg) -> Verdict {
    let db = pg.private_database(|b| b.setting("shared_preload_libraries", "pg_inventory")).await;
    let redis = Redis::start().await;
    let mut demo = inventory();
    demo.args(["--database-url", &db.url(User::Owner), "demo"]);
    if let Some(redis) = &redis {
        demo.env("REDIS_URL", redis.url());
    }
    let shown = run(&mut demo).await.ok();
    let naive = raced(&shown, "read, then write").expect("a row");
    assert!(naive[0] > 100 && naive[1] == naive[0] - 100, "the naive way oversells: {shown}");
    for way in ["row lock in the client", "one function", "the engine", "group commit"] {
        assert_eq!(raced(&shown, way), Some([100, 0, 0, 400]), "{way}: {shown}");
    }
    assert!(shown.contains("gave 200 order numbers"), "none twice: {shown}");
    let scratch = "SELECT count(*) FROM pg_namespace WHERE nspname = 'inventory_demo_scratch'";
    db.owner().await.check(scratch, "0").await;
    db.verify_is_clean().await;
    if redis.is_none() {
        return skipped("no redis-server or valkey-server here; the other ways were raced");
    }
    assert_eq!(raced(&shown, "Redis and Lua"), Some([100, 0, 0, 400]), "{shown}");
    assert!(!shown.contains("left out"), "{shown}");
    Verdict::Passed
}

async fn the_demo_says_which_ways_it_leaves_out(pg: Pg) {
    let db = pg.bare_database().await;
    let wrong = as_user(&db, User::Owner, &["demo", "--redis-url", "http://secret@x"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(!wrong.err.contains("secret"), "{wrong:?}");
    let made = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_inventory'";
    db.owner().await.check(made, "0").await; // refused before anything is loaded
    let shown = as_user(&db, User::Owner, &["demo", "--redis-url", "redis://:secret@127.0.0.1:1"]);
    let shown = shown.await.ok();
    for (way, why) in
        [("Redis and Lua", "127.0.0.1:1"), ("group commit", "shared_preload_libraries")]
    {
        let said = format!("left out: {way}");
        let line = shown.lines().find(|l| l.starts_with(&said)).expect("the reason");
        assert!(line.contains(why) && !line.contains("secret"), "{line}");
        assert_eq!(raced(&shown, way), None, "{shown}");
    }
    assert_eq!(raced(&shown, "the engine"), Some([100, 0, 0, 400]), "{shown}");
}

async fn a_day_at_the_shop(pg: Pg) {
    let db = pg.database().await;
    let id = "6f1c0f0e-7d3a-4d0e-9a57-0b8a3c9a1d11";
    answer(&db, &["product", "put", "LAMP", "Desk lamp", "--low-stock-threshold", "5"]).await;
    answer(&db, &["warehouse", "put", "2", "NORTH", "North"]).await;
    let received = answer(&db, &["stock", "receive", "LAMP", "10"]).await;
    check_members(
        &received,
        json!({"code": "ok", "on_hand": 10, "available": 10, "replayed": false}),
    );
    let deduct = [
        "stock",
        "deduct",
        "LAMP",
        "3",
        "--request-id",
        id,
        "--operator",
        "ann",
        "--trace-id",
        "t1",
    ];
    let sold = answer(&db, &deduct).await;
    check_members(&sold, json!({"code": "ok", "on_hand": 7, "replayed": false}));
    assert_eq!(sold["order_no"].as_str().map(str::len), Some(23));
    let again = answer(&db, &deduct).await;
    check_members(&again, json!({"order_no": sold["order_no"], "on_hand": 7, "replayed": true}));
    let adjusted = answer(&db, &["stock", "adjust", "LAMP", "-1", "--reason", "broken"]).await;
    check_members(&adjusted, json!({"on_hand": 6, "order_no": null}));
    let counted = ["stock", "recount", "LAMP", "9", "--reason", "count", "--expected-version", "3"];
    check_members(&answer(&db, &counted).await, json!({"on_hand": 9}));
    let both = answer(&db, &["stock", "transfer", "LAMP", "4", "--from", "1", "--to", "2"]).await;
    assert_eq!(both.as_array().map(Vec::len), Some(2), "{both}");
    assert_eq!((&both[0]["on_hand"], &both[1]["on_hand"]), (&json!(5), &json!(4)));

    let levels = answer(&db, &["stock", "show", "LAMP"]).await;
    assert_eq!(levels.as_array().map(Vec::len), Some(2), "{levels}");
    check_members(&levels[0], json!({"sku": "LAMP", "warehouse_id": 1, "on_hand": 5, "low": true}));
    let low = answer(&db, &["stock", "show", "--low", "--warehouse", "2"]).await;
    check_members(&low[0], json!({"warehouse_id": 2, "on_hand": 4}));
    let history = answer(&db, &["stock", "history", "LAMP", "--warehouse", "1"]).await;
    let history = history.as_array().expect("a list");
    assert_eq!(history.len(), 5, "newest first: {history:#?}");
    assert_eq!(history[0]["reason"], "transfer");
    check_members(&history[3], json!({"operator": "ann", "trace_id": "t1", "request_id": id}));
    let newest = answer(&db, &["stock", "history", "LAMP", "--limit", "1"]).await;
    assert_eq!(newest.as_array().map(Vec::len), Some(1));
    db.verify_is_clean().await;
}

async fn products_and_warehouses(pg: Pg) {
    let db = pg.database().await;
    let put =
        ["product", "put", "B", "Bread", "--unit", "loaf", "--attributes", r#"{"rye": true}"#];
    check_members(&answer(&db, &put).await, json!({"code": "ok", "created": true}));
    check_members(&answer(&db, &put).await, json!({"code": "ok", "created": false}));
    answer(&db, &["product", "put", "A", "Apple"]).await;
    let shown = answer(&db, &["product", "show", "B"]).await;
    check_members(
        &shown,
        json!({"sku": "B", "name": "Bread", "unit": "loaf", "attributes": {"rye": true}}),
    );
    let listed = answer(&db, &["product", "list"]).await;
    let skus: Vec<_> = listed.as_array().unwrap().iter().map(|p| p["sku"].clone()).collect();
    assert_eq!(skus, ["A", "B"]);
    answer(&db, &["product", "delete", "B"]).await;
    let gone = as_user(&db, User::Owner, &["product", "show", "B"]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    answer(&db, &["warehouse", "put", "7", "SEVEN", "Seven"]).await;
    let listed = answer(&db, &["warehouse", "list"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    check_members(&listed[1], json!({"warehouse_id": 7, "code": "SEVEN", "name": "Seven"}));
    answer(&db, &["warehouse", "delete", "7"]).await;
}

async fn lots_from_the_command_line(pg: Pg) {
    let db = pg.database().await;
    answer(&db, &["product", "put", "MILK", "Milk", "--lot-controlled"]).await;
    answer(&db, &["stock", "receive", "MILK", "5", "--lot", "x", "--expires-on", "2999-01-31"])
        .await;
    answer(&db, &["stock", "receive", "MILK", "5", "--lot", "y"]).await;
    check_members(&answer(&db, &["stock", "deduct", "MILK", "6"]).await, json!({"on_hand": 4}));
    let lots = answer(&db, &["stock", "show", "MILK", "--lots"]).await;
    check_members(&lots[0], json!({"lot": "x", "on_hand": 0, "expires_on": "2999-01-31"}));
    check_members(&lots[1], json!({"lot": "y", "on_hand": 4, "expires_on": null}));
}

/// Asserts exit code 1 with code and detail on standard error, as text and as JSON.
async fn check_refused(db: &Database, arguments: &[&str], code: &str, detail: &str) {
    let people = as_user(db, User::Owner, arguments).await;
    assert_eq!(people.code, Some(1), "{people:?}");
    assert!(people.err.contains(code) && people.err.contains(detail), "{people:?}");
    assert_eq!(people.out, "", "nothing on standard output");
    let program = as_user(db, User::Owner, &[&["--json"], arguments].concat()).await;
    assert_eq!(program.code, Some(1), "{program:?}");
    let error: Value = serde_json::from_str(&program.err).expect("JSON on standard error");
    assert_eq!(error["code"], code);
    assert!(error["detail"].as_str().is_some_and(|d| d.contains(detail)), "{error}");
}

async fn refusals_exit_with_one(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 3)]).await;
    let before = db.digest().await;
    check_refused(
        &db,
        &["stock", "deduct", "A", "10"],
        "insufficient_stock",
        "requested 10 units, available: 3",
    )
    .await;
    check_refused(&db, &["stock", "deduct", "NONE", "1"], "unknown_sku", "NONE").await;
    check_refused(
        &db,
        &["stock", "receive", "A", "1", "--warehouse", "9"],
        "unknown_warehouse",
        "9",
    )
    .await;
    check_refused(&db, &["stock", "receive", "A", "0"], "invalid_argument", "").await;
    check_refused(&db, &["stock", "adjust", "A", "0", "--reason", "x"], "invalid_argument", "")
        .await;
    check_refused(
        &db,
        &["stock", "recount", "A", "1", "--reason", "x", "--expected-version", "9"],
        "version_conflict",
        "9",
    )
    .await;
    check_refused(&db, &["product", "delete", "A"], "in_use", "").await;
    assert_eq!(db.digest().await, before);
    let bare = pg.bare_database().await;
    check_refused(&bare, &["stock", "deduct", "A", "1"], "not_installed", "").await;
}

async fn wrong_usage_exits_with_two(pg: Pg) {
    let db = pg.database().await;
    for arguments in [
        &["stock", "deduct", "A"][..],
        &["stock", "deduct", "A", "many"],
        &["stock", "deduct", "A", "1", "--request-id", "no-uuid"],
        &["stock", "sell", "A", "1"],
        &["stock", "adjust", "A", "1"],
        &["replay", "file.csv", "--opening", "0"],
        &["replay", "file.csv", "--opening", "-5"],
        &["init", "--shards", "1000"],
        &["--no-such-flag", "check"],
        &[],
    ] {
        let ended = as_user(&db, User::Owner, arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(!ended.err.is_empty(), "{arguments:?} says what is wrong");
    }
    let nameless = run(inventory().arg("check")).await;
    assert_eq!(nameless.code, Some(2), "no database named: {nameless:?}");
    let odd = run(inventory().args(["--database-url", "mysql://x/y", "check"])).await;
    assert_eq!(odd.code, Some(2), "{odd:?}");
}

async fn a_server_that_is_away_exits_with_three(pg: Pg) {
    let server = pg.shared().await;
    let secret = "no-such-password";
    let port = server.port();
    for url in [
        format!("postgres://postgres:{secret}@127.0.0.1:1/shop"),
        format!("postgres://postgres:{secret}@127.0.0.1:{port}/postgres"),
        format!("postgres://postgres:{}@127.0.0.1:{port}/no_such_database", server.password),
    ] {
        for json in [&[][..], &["--json"]] {
            let ended = run(inventory().args(json).args(["--database-url", &url, "check"])).await;
            assert_eq!(ended.code, Some(3), "{ended:?}");
            for word in [secret, &server.password] {
                assert!(!ended.err.contains(word) && !ended.out.contains(word), "{ended:?}");
            }
        }
    }
}

async fn check_finds_what_is_broken(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 3)]).await;
    let sound = as_user(&db, User::Reader, &["check"]).await;
    assert!(sound.ok().contains("sound"));
    assert_eq!(answer(&db, &["check"]).await, json!([]));
    db.owner().await.run("UPDATE inventory.stock SET on_hand = 4").await;
    let broken = as_user(&db, User::Reader, &["--json", "check"]).await;
    assert_eq!(broken.code, Some(1), "{broken:?}");
    let rows: Value = serde_json::from_str(&broken.out).expect("JSON");
    let row =
        json!([{"check_name": "on_hand", "subject": "A in 1", "expected": "3", "actual": "4"}]);
    assert_eq!(rows, row);
    let people = as_user(&db, User::Reader, &["check"]).await;
    assert!(people.out.contains("A in 1") && people.err.contains("violations"), "{people:?}");
}

async fn doctor_says_what_to_do(pg: Pg) {
    // On a server as PostgreSQL delivers it: the shared one is set up to be quick, not safe.
    let server = pg.private(|builder| builder).await;
    let db = Database::maintenance(&server);
    let bare = as_user(&db, User::Owner, &["doctor"]).await;
    assert_eq!(bare.code, Some(1), "{bare:?}");
    assert!(bare.out.contains("inventory init"), "{bare:?}");
    answer(&db, &["init"]).await;
    let mut owner = db.owner().await;
    server.make_users(&mut owner).await;
    let well = as_user(&db, User::Reader, &["doctor"]).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    // What only a client knows, then what the database says of itself.
    let rows = answer(&db, &["doctor"]).await;
    let subjects: Vec<&str> =
        rows.as_array().unwrap().iter().map(|r| r["subject"].as_str().unwrap()).collect();
    let own = ["connection", "server", "clock", "user", "extension"];
    assert_eq!(subjects[..own.len()], own);
    let topics = owner.text("SELECT topic FROM inventory.doctor()").await;
    assert_eq!(subjects[own.len()..], topics.lines().collect::<Vec<_>>());
    let worker = rows.as_array().unwrap().iter().find(|r| r["subject"] == "worker").unwrap();
    assert_eq!(worker["state"], "note", "{worker}");
    assert!(worker["next"].as_str().unwrap().contains("shared_preload_libraries"), "{worker}");

    owner.run("ALTER TABLE inventory.orders DISABLE TRIGGER orders_keep_to_their_states").await;
    let unwell = as_user(&db, User::Operator, &["doctor"]).await;
    assert_eq!(unwell.code, Some(1), "{unwell:?}");
    let line = unwell.out.lines().find(|line| line.starts_with("PROBLEM")).expect("a problem");
    assert!(line.contains("layout") && line.contains("trigger"), "{unwell:?}");
    assert!(
        unwell.out.contains("-> Run ALTER TABLE inventory.orders ENABLE TRIGGER"),
        "{unwell:?}"
    );

    let stranger = as_user(&db, User::Stranger, &["doctor"]).await;
    assert_eq!(stranger.code, Some(1), "{stranger:?}");
    assert!(stranger.out.contains("GRANT inventory_operator"), "{stranger:?}");
    let old = Database::create(server.clone(), "template0").await;
    old.owner().await.run("CREATE EXTENSION pg_inventory VERSION '0.1.0'").await;
    let old = as_user(&old, User::Owner, &["doctor"]).await;
    assert_eq!(old.code, Some(1), "{old:?}");
    assert!(old.out.contains("cannot examine itself yet"), "{old:?}");
    let away =
        run(inventory().args(["--database-url", "postgres://x@127.0.0.1:1/x", "doctor"])).await;
    assert_eq!(away.code, Some(3), "{away:?}");
}

async fn rights_of_the_user_are_enough(pg: Pg) {
    let db = pg.database().await;
    let may = |code: Option<i32>| code == Some(0);
    for (user, arguments, allowed) in [
        (User::Admin, &["product", "put", "A", "Apple"][..], true),
        (User::Operator, &["product", "put", "B", "Bread"], false),
        (User::Operator, &["stock", "receive", "A", "9"], true),
        (User::Operator, &["stock", "deduct", "A", "1"], true),
        (User::Reader, &["stock", "deduct", "A", "1"], false),
        (User::Reader, &["stock", "show"], true),
        (User::Reader, &["stock", "history", "A"], true),
        (User::Reader, &["product", "list"], true),
        (User::Reader, &["warehouse", "list"], true),
        (User::Reader, &["check"], true),
        (User::Stranger, &["stock", "show"], false),
        (User::Stranger, &["check"], false),
    ] {
        let ended = as_user(&db, user, arguments).await;
        assert_eq!(may(ended.code), allowed, "{user:?} {arguments:?}: {ended:?}");
    }
}

async fn settings_come_from_the_environment_too(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 3)]).await;
    for (name, json) in [("INVENTORY_DATABASE_URL", "true"), ("DATABASE_URL", "true")] {
        let mut command = inventory();
        command.env(name, db.url(User::Reader)).env("INVENTORY_JSON", json).args(["stock", "show"]);
        let levels: Value = serde_json::from_str(&run(&mut command).await.ok()).expect("JSON");
        check_members(&levels[0], json!({"sku": "A", "on_hand": 3}));
    }
    let help = run(inventory().args(["stock", "deduct", "--help"])).await.ok();
    for setting in ["INVENTORY_DATABASE_URL", "INVENTORY_OPERATOR", "INVENTORY_WAREHOUSE"] {
        assert!(help.contains(setting), "{setting} is not in --help");
    }
}

async fn answers_are_for_people_too(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 12_345)]).await;
    let sold = as_user(&db, User::Operator, &["stock", "deduct", "A", "1"]).await.ok();
    let number = "SELECT payload->>'order_no' FROM inventory.outbox ORDER BY id DESC LIMIT 1";
    assert!(sold.contains(&db.owner().await.text(number).await), "the order number: {sold}");
    let shown = as_user(&db, User::Reader, &["stock", "show"]).await.ok();
    assert!(shown.contains("12,344") || shown.contains("12344"), "{shown}");
    let version = run(inventory().arg("--version")).await.ok();
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

async fn keys_are_shown_once(pg: Pg) {
    let db = pg.database().await;
    let made = answer(&db, &["key", "create", "Till 1", "--role", "operator"]).await;
    let id = made["key_id"].as_str().unwrap();
    let secret = made["secret"].as_str().unwrap();
    let digits = secret.strip_prefix(&format!("inv_{id}_")).expect("the id is in it");
    assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{secret}");
    check_members(&made, json!({"name": "Till 1", "role": "operator", "expires_at": null}));
    // What is kept of it is the hash of its secret.
    let kept = format!("SELECT key_hash = sha256('{digits}') FROM inventory.api_keys()");
    db.owner().await.check(&kept, "t").await;
    let soon = ["key", "create", "Board", "--role", "reader", "--expires-in", "30d"];
    let shown = as_user(&db, User::Admin, &soon).await.ok();
    assert!(shown.starts_with("inv_") && shown.contains("shown this once"), "{shown}");
    let limit =
        "SELECT expires_at - created_at > '29 days' FROM inventory.api_keys() WHERE name = 'Board'";
    db.owner().await.check(limit, "t").await;
    let listed = as_user(&db, User::Admin, &["key", "list"]).await.ok();
    assert!(listed.contains("Till 1") && !listed.contains(digits), "{listed}");
    assert!(!answer(&db, &["key", "list"]).await.to_string().contains(digits));
    check_members(&answer(&db, &["key", "revoke", id]).await, json!({"revoked": true}));
    check_members(&answer(&db, &["key", "revoke", id]).await, json!({"revoked": false}));
    assert!(as_user(&db, User::Admin, &["key", "list"]).await.ok().contains("revoked"));
    let unknown = as_user(&db, User::Admin, &["key", "revoke", "nobody"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    for wrong in [
        &["key", "create", "X"][..],
        &["key", "create", "X", "--role", "root"],
        &["key", "create", "X", "--role", "admin", "--expires-in", "soon"],
    ] {
        assert_eq!(as_user(&db, User::Admin, wrong).await.code, Some(2), "{wrong:?}");
    }
    let ended = as_user(&db, User::Operator, &["key", "list"]).await;
    assert_eq!(ended.code, Some(1), "keys are for administrators: {ended:?}");
}

async fn repair_gives_back_what_nobody_will(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    db.operator().await.run("SELECT inventory.take_lease('A', 4, 'gone', 'fallback')").await;
    assert_eq!(answer(&db, &["repair"]).await, json!([]));
    let sql = "UPDATE inventory.lease SET expires_at = expires_at - interval '1 hour'";
    db.owner().await.run(sql).await;
    assert_eq!(answer(&db, &["repair"]).await, json!([]), "its time is over, but not for long");
    let rows = answer(&db, &["repair", "--older-than", "30m"]).await;
    check_members(
        &rows[0],
        json!({"sku": "A", "holder": "gone", "purpose": "fallback", "returned": 4}),
    );
    let ended = as_user(&db, User::Operator, &["repair"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    db.verify_is_clean().await;
}
