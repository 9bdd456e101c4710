//! `inventory check` and `inventory repair`: faults planted by hand in every copy of the stock are found,
//! and nothing else; they are set right by commands of the engine, and stand in the audit log with their
//! tickets.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;

use inventory_gateway::deduct::ledger::{LeaseEntry, Ledger, Limits, Sale, Settlement};
use inventory_tests::commands::{Ended, inventory, run};
use inventory_tests::{
    Database, Gateway, Pg, Redis, Request, Session, User, Verdict, promises, skipped, soak,
};
use serde_json::{Value, json};

promises!(
    planted_faults_are_found_and_settled,
    load_makes_no_false_alarms,
    a_row_that_is_sold_from_meanwhile_is_settled_too,
    a_count_on_the_shelf_may_be_the_truth,
    what_is_sold_after_a_count_is_gone,
    one_that_cannot_be_carried_out_keeps_no_other,
    what_is_held_is_not_mended_away,
    a_rejected_ticket_stays_rejected,
    checks_at_once_open_one_ticket,
    what_needs_somebodys_word_waits_for_it,
    a_ticket_is_settled_over_http,
    a_word_over_http_counts_once,
    a_gateway_looks_by_itself,
    sales_that_nobody_told_of_are_found,
);

async fn command(db: &Database, user: User, arguments: &[&str]) -> Ended {
    run(inventory().args(["--json", "--database-url", &db.url(user)]).args(arguments)).await
}

fn rows(ended: &Ended) -> Vec<Value> {
    let rows: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    rows.as_array().unwrap().clone()
}

/// What a check finds, as `kind|subject`; its exit code says whether anything is left.
async fn found(db: &Database, more: &[&str]) -> BTreeSet<String> {
    let ended = command(db, User::Operator, &[&["check"], more].concat()).await;
    let rows = rows(&ended);
    let left = rows.iter().any(|row| row["state"] != "DONE");
    assert_eq!(ended.code, Some(i32::from(left)), "{ended:?}");
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| text(row, "check_name") + "|" + &text(row, "subject")).collect()
}

async fn ok(db: &Database, arguments: &[&str]) -> Value {
    let ended = command(db, User::Operator, arguments).await;
    serde_json::from_str(&ended.ok()).unwrap()
}

/// Sells and receives until it is told to stop.
async fn trade(db: &Database, sku: &str, stop: &Cell<bool>) -> usize {
    let mut op = db.operator().await;
    let mut sold = 0;
    while !stop.get() {
        op.run(&format!(
            "SELECT inventory.deduct('{sku}', 2, request_id => gen_random_uuid()); \
             SELECT inventory.reserve('{sku}', 1); SELECT inventory.receive('{sku}', 2)"
        ))
        .await;
        sold += 1;
    }
    sold
}

fn names(kind: char, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{kind}{n:05}")).collect()
}

async fn goods(db: &Database, skus: &[String]) {
    let list: Vec<String> = skus.iter().map(|sku| format!("'{sku}'")).collect();
    let each = format!("unnest(ARRAY[{}]) AS s (sku)", list.join(", "));
    let mut owner = db.owner().await;
    owner.run(&format!("SELECT inventory.put_product(s.sku, s.sku) FROM {each}")).await;
    owner.run(&format!("SELECT inventory.receive(s.sku, 100) FROM {each}")).await;
}

/// Faults in stock, in leases that are over and those that are not, and in what Redis counts.
async fn plant(db: &Database, redis: &Redis, each: usize) -> BTreeSet<String> {
    let mut planted = BTreeSet::new();
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 3 WHERE sku LIKE 'S%'").await;
    planted.extend(names('S', each).iter().map(|sku| format!("on_hand|{sku} in 1")));
    for (sku, kind, change) in [
        ("L%", "lease_sold", "sold = sold + 1, granted = granted + 1"),
        ("O%", "lease_overdue", "expires_at = clock_timestamp() - interval '2 hours'"),
    ] {
        let changed = format!(
            "WITH e AS (UPDATE inventory.lease SET {change} WHERE sku LIKE '{sku}' RETURNING lease_id) \
             SELECT '{kind}|lease ' || lease_id FROM e"
        );
        planted.extend(owner.text(&changed).await.lines().map(str::to_owned));
    }
    let mut said = Vec::new();
    for (at, sku) in names('R', each).iter().enumerate() {
        // One kind, in both of the things that Redis counts.
        if at % 2 == 0 {
            said.push(format!("SET inventory:level:1:{sku} 0"));
            planted.insert(format!("redis_level|{sku} in 1"));
        } else {
            said.push(format!("SET inventory:slice:gone:1:{sku} 7"));
            planted.insert(format!("redis_slice|{sku} in 1, slice of gone"));
        }
    }
    assert!(redis.say(&said).iter().all(|answer| answer == "+OK"));
    planted
}

/// Drift in a shadow: goods that were counted there, and goods that it has lost.
async fn plant_drift(shadow: &Database, each: usize) -> BTreeSet<String> {
    let mut owner = shadow.owner().await;
    let change = "SELECT inventory.adjust(sku, CASE WHEN right(sku, 1) < '5' THEN 2 ELSE -3 END, 'by hand') \
                  FROM inventory.products WHERE sku LIKE 'D%'";
    owner.run(change).await;
    names('D', each).iter().map(|sku| format!("shadow_level|{sku} in 1")).collect()
}

/// Sales in the journal of a gateway that is not there, one a SKU, from leases that it holds.
async fn plant_sales(db: &Database, folder: &Path, each: usize) -> BTreeSet<String> {
    let ledger = Ledger::open(folder, Limits::default()).unwrap();
    std::fs::write(folder.join("holder"), "gate\n").unwrap();
    let mut owner = db.owner().await;
    let take = "SELECT p.sku, l.lease_id, l.generation FROM inventory.product AS p, \
                LATERAL inventory.take_lease(p.sku, 5, 'gate', 'fallback', ttl => '1 day') AS l \
                WHERE p.sku LIKE 'J%'";
    let mut planted = BTreeSet::new();
    for line in owner.text(take).await.lines() {
        let [sku, lease_id, generation] = *line.split('|').collect::<Vec<_>>() else {
            panic!("{line}")
        };
        let lease_id = lease_id.parse().unwrap();
        let expires_at_ms = chrono::Utc::now().timestamp_millis() + 86_400_000;
        let purpose = "fallback".into();
        let generation = generation.parse().unwrap();
        ledger
            .lease_taken(LeaseEntry {
                lease_id,
                sku: sku.into(),
                warehouse_id: 1,
                purpose,
                granted: 5,
                generation,
                expires_at_ms,
            })
            .await
            .unwrap();
        // Any id will do that no other sale has.
        let token = uuid::Uuid::from_u128(lease_id.as_u128() ^ 1);
        ledger.sold(sale(token, lease_id, sku)).await.unwrap();
        planted.insert(format!("ledger_sale|sale {token}"));
    }
    assert_eq!(planted.len(), each);
    planted
}

fn sale(token: uuid::Uuid, lease_id: uuid::Uuid, sku: &str) -> Sale {
    Sale {
        token,
        lease_id,
        request_id: token,
        sku: sku.into(),
        warehouse_id: 1,
        quantity: 1,
        operator: None,
        trace_id: None,
        at_ms: 0,
    }
}

/// Each ticket that is done has its movement, and each of those names its ticket.
async fn settled_with_its_ticket(owner: &mut Session, count: usize) {
    let done = "SELECT count(*) FROM inventory.repair_ticket WHERE state = 'DONE'";
    owner.check(done, &count.to_string()).await;
    owner
        .check(
            "SELECT t.kind, t.subject FROM inventory.repair_ticket AS t WHERE t.state = 'DONE' AND NOT EXISTS \
             (SELECT FROM inventory.audit_log AS a WHERE a.request_id = t.request_id AND a.reason = \
              'repair ' || t.ticket_id || CASE t.kind WHEN 'source_level' THEN ' from shadow' ELSE '' END)",
            "",
        )
        .await;
}

/// Feeds a shadow until it has heard of everything.
async fn feed(db: &Database, shadow: &Database) {
    let url = shadow.url(User::Owner);
    let start = ["shadow", "start", "--target", &url, "--ratio", "1", "--once"];
    command(db, User::Owner, &start).await.ok();
}

/// Somebody confirms of a half of what differs that the shadow is right; the other half it has wrong.
async fn settle_drift(db: &Database, shadow: &Database) -> usize {
    let counted = "SELECT ticket_id FROM inventory.repair_tickets WHERE kind = 'source_level' AND open \
                   AND subject ~ '[0-4] in 1$'";
    let tickets = db.owner().await.text(counted).await;
    let tickets: Vec<&str> = tickets.lines().collect();
    ok(db, &[&["repair", "confirm", "--operator", "ann"], &*tickets].concat()).await;
    ok(db, &[&["repair", "run"], &*tickets].concat()).await;
    feed(db, shadow).await;
    let url = shadow.url(User::Owner);
    command(db, User::Operator, &["check", "--shadow", &url, "--repair"]).await.ok();
    tickets.len()
}

/// Promise: a few hundred faults of five kinds and some sales that nobody told of, in one run under load;
/// `INVENTORY_SOAK=1`: 10,000.
async fn planted_faults_are_found_and_settled(pg: Pg) -> Verdict {
    let Some(redis) = Redis::start().await else {
        return skipped("this machine has no Redis");
    };
    let (each, sales) = if soak() { (2_000, 500) } else { (40, 10) };
    let (db, shadow) = (pg.database().await, pg.database().await);
    for kind in ['S', 'L', 'O', 'R', 'D'] {
        goods(&db, &names(kind, each)).await;
    }
    goods(&db, &names('J', sales)).await;
    db.stock(&[("BUSY", 1_000_000), ("MORE", 1_000_000)]).await;
    let mut owner = db.owner().await;
    let lease = "SELECT inventory.take_lease(sku, 5, 'gone', 'fallback') FROM inventory.product \
                 WHERE sku LIKE 'L%' OR sku LIKE 'O%'";
    owner.run(lease).await;
    let folder = tempfile::tempdir().unwrap();
    let (url, other, path) =
        (redis.url(), shadow.url(User::Owner), folder.path().to_str().unwrap());
    let here = ["--redis-url", &url, "--journal-dir", path];
    let there = ["--shadow", &other];

    let stop = Cell::new(false);
    let work = async {
        feed(&db, &shadow).await;
        assert_eq!(found(&db, &there).await, BTreeSet::new());
        let mut waits = plant_sales(&db, folder.path(), sales).await;
        let faults = plant(&db, &redis, each).await;
        let drift = plant_drift(&shadow, each).await;
        assert_eq!(faults.len() + drift.len(), each * 5);
        waits.extend(faults);
        assert_eq!(found(&db, &here).await, waits, "what was planted, and nothing else");
        assert_eq!(found(&db, &there).await, drift, "what was planted, and nothing else");
        // What Redis had wrong needed nobody's word.
        waits.retain(|fault| !fault.starts_with("redis"));
        assert_eq!(found(&db, &here).await, waits);
        ok(&db, &["repair", "confirm", "--every", "any", "--operator", "ann"]).await;
        ok(&db, &["repair", "run", "--every", "any"]).await;
        let counted = settle_drift(&db, &shadow).await;
        // The gateway is back, and tells of its sales.
        let gateway = Gateway::with(&db, &["--journal-dir", path]).await;
        let told = "SELECT count(*) = 0 FROM inventory.stock WHERE sku LIKE 'J%' AND on_hand <> 99";
        owner.until(told).await;
        assert_eq!(found(&db, &here).await, BTreeSet::new());
        feed(&db, &shadow).await;
        assert_eq!(found(&db, &there).await, BTreeSet::new());
        drop(gateway);
        stop.set(true);
        counted
    };
    let (a, b, counted) =
        futures::join!(trade(&db, "BUSY", &stop), trade(&db, "MORE", &stop), work);
    assert!(a + b > 10, "there was load");
    assert!((1..each).contains(&counted), "{counted}");
    let keys = names('R', each).into_iter().flat_map(|sku| {
        [format!("EXISTS inventory:level:1:{sku}"), format!("EXISTS inventory:slice:gone:1:{sku}")]
    });
    assert!(redis.say(&keys.collect::<Vec<_>>()).iter().all(|answer| answer == ":0"));
    settled_with_its_ticket(&mut owner, each * 4 + counted).await;
    settled_with_its_ticket(&mut shadow.owner().await, each - counted).await;
    levels_are_right(&db, &shadow).await;
    Verdict::Passed
}

async fn levels_are_right(db: &Database, shadow: &Database) {
    let mut owner = db.owner().await;
    let who =
        "SELECT DISTINCT operator FROM inventory.audit_log WHERE reason LIKE 'repair %' ORDER BY 1";
    owner.check(who, "ann\ninventory check").await;
    owner.check("SELECT DISTINCT on_hand FROM inventory.stock WHERE sku LIKE 'S%'", "100").await;
    owner.check("SELECT DISTINCT reserved FROM inventory.stock WHERE sku LIKE 'O%'", "0").await;
    let sold = "SELECT DISTINCT granted, sold FROM inventory.lease WHERE sku LIKE 'L%'";
    owner.check(sold, "5|0").await;
    owner.check("SELECT DISTINCT on_hand FROM inventory.stock WHERE sku LIKE 'J%'", "99").await;
    let counted = "SELECT DISTINCT right(sku, 1) < '5', on_hand FROM inventory.stock WHERE sku LIKE 'D%' ORDER BY 1";
    owner.check(counted, "f|100\nt|102").await;
    shadow.owner().await.check(counted, "f|100\nt|102").await;
    db.verify_is_clean().await;
    shadow.verify_is_clean().await;
}

async fn load_makes_no_false_alarms(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100_000_000), ("B", 100_000_000)]).await;
    let redis = Redis::start().await;
    let url = redis.as_ref().map(Redis::url);
    let more: Vec<&str> = url.iter().flat_map(|url| ["--redis-url", url]).collect();
    let stop = Cell::new(false);
    let look = async {
        for _ in 0..if soak() { 100 } else { 8 } {
            assert_eq!(found(&db, &more).await, BTreeSet::new());
        }
        stop.set(true);
    };
    let (a, b, ()) = futures::join!(trade(&db, "A", &stop), trade(&db, "B", &stop), look);
    assert!(a + b > 10, "there was load: {a}, {b}");
    db.owner().await.check("SELECT count(*) FROM inventory.repair_ticket", "0").await;
}

/// Its movements were written with levels that were wrong. They stay as they were written.
async fn a_row_that_is_sold_from_meanwhile_is_settled_too(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1_000_000)]).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 7, version = version + 2 WHERE sku = 'A'").await;
    let stop = Cell::new(false);
    let work = async {
        let subject = "A in 1";
        loop {
            let found = found(&db, &[]).await;
            assert!(found.contains(&format!("on_hand|{subject}")), "{found:?}");
            assert!(found.contains(&format!("version|{subject}")), "{found:?}");
            if found.iter().any(|fault| fault.starts_with("journal_on_hand|")) {
                break;
            }
        }
        for kind in ["on_hand", "version"] {
            ok(&db, &["repair", "confirm", "--every", kind]).await;
            ok(&db, &["repair", "run", "--every", kind]).await;
        }
        assert_eq!(found(&db, &[]).await, BTreeSet::new());
        stop.set(true);
    };
    let (sold, ()) = futures::join!(trade(&db, "A", &stop), work);
    assert!(sold > 1, "there was load");
    db.verify_is_clean().await;
    let open = "SELECT count(*) FROM inventory.repair_tickets WHERE open";
    owner.check(open, "0").await;
}

async fn a_count_on_the_shelf_may_be_the_truth(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.put_product('L', 'Lots', lot_controlled => true), inventory.receive('L', 5, lot => 'x')").await;
    owner
        .run("UPDATE inventory.stock SET on_hand = on_hand - 2 WHERE lot = 'x' OR sku = 'A'")
        .await;
    let found_now = found(&db, &[]).await;
    assert_eq!(found_now, ["on_hand|A in 1", "on_hand|L in 1, lot x"].map(str::to_owned).into());
    let of = |subject: &str| {
        format!("SELECT ticket_id FROM inventory.repair_tickets WHERE subject = '{subject}'")
    };
    let a = owner.text(&of("A in 1")).await;
    let x = owner.text(&of("L in 1, lot x")).await;
    ok(&db, &["repair", "confirm", &a, "--counted", "8"]).await;
    ok(&db, &["repair", "confirm", &x, "--counted", "6"]).await;
    ok(&db, &["repair", "run", &a, &x]).await;
    // Once only, however often.
    ok(&db, &["repair", "run", &a, &x]).await;
    owner
        .check(
            &format!("SELECT before_qty, after_qty FROM inventory.audit_log WHERE reason IN ('repair {a}', 'repair {x}') ORDER BY id"),
            "10|8\n5|6",
        )
        .await;
    owner.check("SELECT on_hand FROM inventory.stock_level ORDER BY sku", "8\n6").await;
    assert_eq!(found(&db, &[]).await, BTreeSet::new());
}

async fn what_is_sold_after_a_count_is_gone(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 50), ("B", 50)]).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 3").await;
    found(&db, &[]).await;
    let of = |sku: &str| {
        format!("SELECT ticket_id FROM inventory.repair_tickets WHERE subject = '{sku} in 1'")
    };
    let (a, b) = (owner.text(&of("A")).await, owner.text(&of("B")).await);
    ok(&db, &["repair", "confirm", &a, "--counted", "60"]).await;
    ok(&db, &["repair", "confirm", &b, "--counted", "60"]).await;
    owner.run("SELECT inventory.deduct('A', 40); SELECT inventory.receive('A', 1)").await;
    ok(&db, &["repair", "run", &a]).await;
    owner.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'A'", "21").await;
    // Corrected meanwhile by somebody who counted too: the older count says nothing any more.
    owner.run("SELECT inventory.recount('B', 58, 'stocktaking')").await;
    let ended = command(&db, User::Operator, &["repair", "run", &b]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    owner.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'B'", "58").await;
    let state =
        format!("SELECT state, counted FROM inventory.repair_tickets WHERE ticket_id = {b}");
    owner.check(&state, "PENDING|null").await;
    ok(&db, &["repair", "confirm", &b, "--counted", "59"]).await;
    ok(&db, &["repair", "run", &b]).await;
    owner.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'B'", "59").await;
    assert_eq!(found(&db, &[]).await, BTreeSet::new());
    db.verify_is_clean().await;
}

/// Whoever runs all that is confirmed has all run that can be, and is told of the rest.
async fn what_is_held_is_not_mended_away(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 10").await;
    assert_eq!(found(&db, &[]).await.len(), 2);
    ok(&db, &["repair", "confirm", "--every", "on_hand"]).await;
    let hold = owner.text("SELECT reservation_id FROM inventory.reserve('A', 15)").await;
    let ended = command(&db, User::Operator, &["repair", "run", "--every", "on_hand"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.err.contains("10 units of A in 1 are right, and 15 of them are held"),
        "{ended:?}"
    );
    let states = "SELECT left(subject, 1), state FROM inventory.repair_tickets ORDER BY subject";
    owner.check(states, "A|CONFIRMED\nB|DONE").await;
    owner.run(&format!("SELECT inventory.release('{hold}')")).await;
    ok(&db, &["repair", "run", "--every", "on_hand"]).await;
    owner.check("SELECT sku, on_hand FROM inventory.stock ORDER BY sku", "A|10\nB|10").await;
    owner.verify_is_clean().await;
}

async fn one_that_cannot_be_carried_out_keeps_no_other(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10), ("C", 10)]).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 10").await;
    let all = ["A", "B", "C"].map(|sku| format!("on_hand|{sku} in 1"));
    assert_eq!(found(&db, &[]).await, all.clone().into());
    ok(&db, &["repair", "confirm", "--every", "on_hand"]).await;
    // One of several is none, or is settled by now: the others are carried out all the same.
    let of = |sku: &str| {
        format!("SELECT ticket_id FROM inventory.repair_tickets WHERE subject = '{sku} in 1'")
    };
    let (a, b, c) =
        (owner.text(&of("A")).await, owner.text(&of("B")).await, owner.text(&of("C")).await);
    ok(&db, &["repair", "reject", &a, "--reason", "counted"]).await;
    let ended = command(&db, User::Operator, &["repair", "run", "999999", &a, &b, &c]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let done: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(done["tickets"], json!([b.parse::<i64>().unwrap(), c.parse::<i64>().unwrap()]));
    assert!(ended.err.contains("999999 ("), "{ended:?}");
    let states = "SELECT left(subject, 1), state FROM inventory.repair_tickets ORDER BY subject";
    owner.check(states, "A|REJECTED\nB|DONE\nC|DONE").await;
}

async fn a_rejected_ticket_stays_rejected(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = 11").await;
    found(&db, &[]).await;
    ok(&db, &["repair", "reject", "--every", "on_hand", "--reason", "auditors look at it"]).await;
    for _ in 0..3 {
        let rows = rows(&command(&db, User::Operator, &["check"]).await);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["state"], "REJECTED");
    }
    let ticket = rows(&command(&db, User::Operator, &["check"]).await)[0]["ticket_id"].to_string();
    for decision in [&["repair", "confirm", &ticket][..], &["repair", "run", &ticket]] {
        let ended = command(&db, User::Operator, decision).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }
    owner.check("SELECT count(*) FROM inventory.repair_ticket", "1").await;
    // Once it is found no more its ticket is closed; the next fault of that row has another.
    owner.run("UPDATE inventory.stock SET on_hand = 10").await;
    assert_eq!(found(&db, &[]).await, BTreeSet::new());
    owner.run("UPDATE inventory.stock SET on_hand = 12").await;
    let rows = rows(&command(&db, User::Operator, &["check"]).await);
    assert_eq!(rows[0]["state"], "PENDING");
    owner.check("SELECT count(*) FROM inventory.repair_ticket", "2").await;
}

async fn checks_at_once_open_one_ticket(pg: Pg) {
    let db = pg.database().await;
    let skus = names('S', 50);
    goods(&db, &skus).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 1, low = true").await;
    let (a, b, c) = futures::join!(found(&db, &[]), found(&db, &[]), found(&db, &[]));
    for found in [&a, &b, &c] {
        let stock = found.iter().filter(|fault| fault.starts_with("on_hand|")).count();
        assert_eq!(stock, skus.len());
    }
    let twice =
        "SELECT kind, subject FROM inventory.repair_ticket GROUP BY 1, 2 HAVING count(*) > 1";
    owner.check(twice, "").await;
    let done = "SELECT count(*) FROM inventory.repair_ticket AS t WHERE t.state = 'DONE' AND 1 <> \
                (SELECT count(*) FROM inventory.journal AS j WHERE j.request_id = t.request_id)";
    owner.check(done, "0").await;
    ok(&db, &["repair", "confirm", "--every", "any"]).await;
    let (a, b) = futures::join!(
        command(&db, User::Operator, &["repair", "run", "--every", "any"]),
        command(&db, User::Operator, &["repair", "run", "--every", "any"])
    );
    a.ok();
    b.ok();
    owner.check(done, "0").await;
    assert_eq!(found(&db, &[]).await, BTreeSet::new());
}

async fn what_needs_somebodys_word_waits_for_it(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut owner = db.owner().await;
    owner.run("UPDATE inventory.stock SET on_hand = 11").await;
    owner.run("UPDATE inventory.journal SET reserved = 1 WHERE version IS NOT NULL").await;
    found(&db, &[]).await;
    found(&db, &[]).await;
    owner.check("SELECT on_hand FROM inventory.stock", "11").await;
    let of = |kind: &str| {
        format!("SELECT ticket_id FROM inventory.repair_tickets WHERE kind = '{kind}'")
    };
    let row = owner.text(&of("on_hand")).await;
    let early = command(&db, User::Operator, &["repair", "run", &row]).await;
    assert!(early.code == Some(1) && early.err.contains("confirm it first"), "{early:?}");
    let journal = owner.text(&of("journal_reserved")).await;
    let hopeless = command(&db, User::Operator, &["repair", "confirm", &journal]).await;
    assert!(hopeless.code == Some(1) && hopeless.err.contains("by hand"), "{hopeless:?}");
    // Somebody who may only read sees what is wrong, and writes nothing.
    let tickets = "SELECT count(*), max(seen_at) FROM inventory.repair_ticket";
    let before = owner.text(tickets).await;
    let seen = rows(&command(&db, User::Reader, &["check"]).await);
    assert!(seen.len() > 1 && seen[0].get("ticket_id").is_none(), "{seen:?}");
    assert_eq!(owner.text(tickets).await, before);
    let ended = command(&db, User::Reader, &["repair", "confirm", &row]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(command(&db, User::Reader, &["repair", "list"]).await.code, Some(0));
}

/// Two rows that were changed by hand, and their tickets' addresses.
async fn two_tickets(db: &Database, gateway: &Gateway) -> [String; 2] {
    db.stock(&[("A", 10), ("B", 10)]).await;
    db.owner().await.run("UPDATE inventory.stock SET on_hand = on_hand + 3").await;
    found(db, &[]).await;
    let list = gateway.reader.get("/v1/repairs?status=PENDING").await.is(200);
    let address = |sku: &str| {
        let mut rows = list["data"].as_array().unwrap().iter();
        let row = rows.find(|row| row["sku"] == sku).unwrap();
        assert_eq!((&row["delta"], &row["countable"]), (&json!(-3), &json!(true)), "{row}");
        format!("/v1/repairs/{}", row["ticket_id"])
    };
    ["A", "B"].map(address)
}

/// Each word twice: the second time nothing happens, and the answer says so.
async fn a_ticket_is_settled_over_http(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let [a, b] = two_tickets(&db, &gateway).await;
    let operator = &gateway.operator;
    let none = json!({});
    for (what, body) in [("confirm", &none), ("reject", &json!({"reason": "x"})), ("run", &none)] {
        gateway.reader.post(&format!("{a}/{what}"), body).await.refuses(403, "forbidden", "");
        let unknown = format!("/v1/repairs/999999/{what}");
        operator.post(&unknown, body).await.refuses(404, "unknown_ticket", "999999");
    }
    let run = format!("{a}/run");
    operator.post(&run, &none).await.refuses(409, "invalid_transition", "confirm it first");
    for (path, body, state) in [
        (format!("{a}/confirm"), json!({"counted": 8}), "CONFIRMED"),
        (run, json!({}), "DONE"),
        (format!("{b}/reject"), json!({"reason": "the auditors look at it"}), "REJECTED"),
    ] {
        for replayed in [None, Some("true")] {
            let said = operator.send(Request::post(&path, &body).once("once")).await;
            assert_eq!(said.is(200)["state"], state);
            assert_eq!(said.header("idempotent-replayed"), replayed, "{path}");
        }
    }
    // What is settled stays so, whoever comes later.
    for (settled, state) in [(&a, "DONE"), (&b, "REJECTED")] {
        let late = operator.post(&format!("{settled}/confirm"), &none).await;
        late.refuses(409, "invalid_transition", state);
    }
    let id = a.rsplit('/').next().unwrap();
    let audit = gateway.reader.get("/v1/audit?sku=A").await.is(200);
    let newest = &audit["data"][0];
    assert_eq!(newest["reason"], format!("repair {id}"), "{newest}");
    assert_eq!((&newest["after_qty"], &newest["operator"]), (&json!(8), &json!("operator")));
    let done = gateway.reader.get("/v1/repairs?status=DONE").await.is(200);
    assert_eq!(done["data"].as_array().unwrap().len(), 1, "{done}");
    gateway.logged_no_failure();
}

async fn a_word_over_http_counts_once(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let [a, b] = two_tickets(&db, &gateway).await;
    let operator = &gateway.operator;
    let counted = async |ticket: &str, key: &str, units: i64| {
        let body = json!({"counted": units});
        operator.send(Request::post(&format!("{ticket}/confirm"), &body).once(key)).await
    };
    counted(&a, "first", 8).await.is(200);
    for reply in [counted(&a, "first", 9).await, counted(&b, "first", 8).await] {
        reply.refuses(422, "request_id_reused", "");
    }
    let mut owner = db.owner().await;
    let counts = "SELECT state, counted FROM inventory.repair_tickets ORDER BY ticket_id";
    owner.check(counts, "CONFIRMED|8\nPENDING|null").await;
    // Another count is another word; a repeat of the first that comes late undoes nothing.
    counted(&a, "second", 9).await.is(200);
    let late = counted(&a, "first", 8).await;
    assert_eq!((late.status, late.header("idempotent-replayed")), (200, Some("true")));
    owner.check(counts, "CONFIRMED|9\nPENDING|null").await;
    operator.post(&format!("{a}/run"), &json!({})).await.is(200);
    let late = counted(&a, "second", 9).await;
    assert_eq!((late.status, late.header("idempotent-replayed")), (200, Some("true")));
    owner.check("SELECT on_hand FROM inventory.stock WHERE sku = 'A'", "9").await;
    // Somebody counted meanwhile: it waits for another word.
    counted(&b, "third", 8).await.is(200);
    let recount = "SELECT inventory.recount('B', 7, 'stocktaking')";
    owner.run(recount).await;
    let ran = operator.post(&format!("{b}/run"), &json!({})).await.is(200);
    assert_eq!(ran["state"], "PENDING");
    gateway.logged_no_failure();
}

async fn a_gateway_looks_by_itself(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut owner = db.owner().await;
    let gateway = Gateway::with(&db, &["--check-every", "1"]).await;
    owner.run("UPDATE inventory.stock SET low = true").await;
    owner.until("SELECT count(*) = 1 FROM inventory.repair_ticket WHERE state = 'DONE'").await;
    owner.check("SELECT low FROM inventory.stock", "f").await;
    drop(gateway);
    db.verify_is_clean().await;
}

/// A data directory whose gateway never came back.
async fn sales_that_nobody_told_of_are_found(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let folder = tempfile::tempdir().unwrap();
    let id = || db_uuid(&db);
    let (lease_id, told, lost, waiting) = (id().await, id().await, id().await, id().await);
    {
        let ledger = Ledger::open(folder.path(), Limits::default()).unwrap();
        let lease = LeaseEntry {
            lease_id,
            sku: "A".into(),
            warehouse_id: 1,
            purpose: "fallback".into(),
            granted: 5,
            generation: 1,
            expires_at_ms: 0,
        };
        ledger.lease_taken(lease).await.unwrap();
        for request_id in [told, lost, waiting] {
            ledger.sold(sale(request_id, lease_id, "A")).await.unwrap();
        }
        let completed = |token| (token, Settlement::Completed { order_no: "1".into() });
        let now = chrono::Utc::now().timestamp_millis();
        ledger.settled([told, lost].map(completed).to_vec(), now).await.unwrap();
    }
    let mut op = db.operator().await;
    op.run(&format!("SELECT inventory.deduct('A', 1, request_id => '{told}')")).await;
    let folder = folder.path().to_str().unwrap();
    let found = found(&db, &["--journal-dir", folder]).await;
    let wanted = [lost, waiting].map(|token| format!("ledger_sale|sale {token}"));
    assert_eq!(found, wanted.into());
    // A look that leaves the journal out says nothing of it.
    let open = "SELECT count(*) FROM inventory.repair_tickets WHERE open";
    command(&db, User::Operator, &["check"]).await.ok();
    op.check(open, "2").await;
    let json = ok(&db, &["repair", "list"]).await;
    assert_eq!(json.as_array().unwrap().len(), 2, "{json}");
    assert_ne!(json, json!([]));
}

async fn db_uuid(db: &Database) -> uuid::Uuid {
    db.operator().await.text("SELECT gen_random_uuid()").await.parse().unwrap()
}
