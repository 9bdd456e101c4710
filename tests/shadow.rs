//! A shadow: another inventory that a part of the traffic is applied to, compared at the same place in the
//! journal, and set right from its source.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::cell::Cell;

use inventory_tests::commands::{Ended, inventory, run};
use inventory_tests::http::Request;
use inventory_tests::{Database, Gateway, Pg, User, promises, soak};
use serde_json::Value;

promises!(
    a_shadow_follows_and_what_is_under_way_is_no_difference,
    planted_drift_is_found_and_settled,
    it_goes_on_where_it_was,
    nothing_follows_itself,
    a_place_in_one_journal_is_none_in_another,
    a_product_may_be_made_again_with_lots,
    what_was_not_compared_is_not_sound,
    a_ticket_names_one_row,
    a_part_of_the_skus_comes_or_of_the_users,
    a_source_goes_by_its_shadow_once_somebody_said_so,
    what_somebody_corrected_meanwhile_is_judged_anew,
    a_part_of_the_reads_goes_to_the_shadow,
    by_users_whoever_reads_decides,
);

async fn command(db: &Database, arguments: &[&str]) -> Ended {
    run(inventory().args(["--json", "--database-url", &db.url(User::Owner)]).args(arguments)).await
}

/// Feeds until the shadow has caught up.
async fn feed(main: &Database, shadow: &Database, more: &[&str]) {
    let url = shadow.url(User::Owner);
    let start = ["shadow", "start", "--target", &url, "--once"];
    command(main, &[&start[..], more].concat()).await.ok();
}

/// What a check of the shadow finds: kind, subject, expected, actual, state.
async fn check(main: &Database, shadow: &Database, more: &[&str]) -> Vec<String> {
    let url = shadow.url(User::Owner);
    let ended = command(main, &[&["check", "--shadow", &url], more].concat()).await;
    let rows: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"));
    let text = |row: &Value| {
        let names = ["check_name", "subject", "expected", "actual", "state"];
        names.map(|name| row[name].as_str().unwrap_or_default().to_owned()).join("|")
    };
    rows.as_array().unwrap().iter().map(text).collect()
}

async fn trade(db: &Database, sku: &str, stop: &Cell<bool>) -> i64 {
    let mut op = db.operator().await;
    let mut sold = 0;
    while !stop.get() {
        op.run(&format!(
            "SELECT inventory.deduct('{sku}', 2); SELECT inventory.reserve('{sku}', 1); \
             SELECT inventory.receive('{sku}', 3, lot => NULL)"
        ))
        .await;
        sold += 1;
    }
    sold
}

async fn a_shadow_follows_and_what_is_under_way_is_no_difference(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    main.stock(&[("A", 100_000), ("B", 100_000)]).await;
    let mut owner = main.owner().await;
    owner
        .run(
            "SELECT inventory.put_warehouse(2, 'NORTH', 'North'), inventory.transfer('A', 5, 1, 2)",
        )
        .await;
    owner.run("SELECT inventory.put_product('L', 'Lots', lot_controlled => true), inventory.receive('L', 9, lot => 'x'), inventory.deduct('L', 4)").await;
    let stop = Cell::new(false);
    let look = async {
        for _ in 0..if soak() { 50 } else { 4 } {
            feed(&main, &shadow, &["--ratio", "1"]).await;
            assert_eq!(check(&main, &shadow, &[]).await, Vec::<String>::new());
        }
        stop.set(true);
    };
    let (a, b, ()) = futures::join!(trade(&main, "A", &stop), trade(&main, "B", &stop), look);
    assert!(a + b > 10, "there was load: {a}, {b}");
    feed(&main, &shadow, &["--ratio", "1"]).await;
    let levels = "SELECT sku, warehouse_id, on_hand FROM inventory.stock_level ORDER BY 1, 2";
    let wanted = owner.text(levels).await;
    let mut other = shadow.owner().await;
    other.check(levels, &wanted).await;
    let versions = "SELECT sku, warehouse_id, lot, version FROM inventory.";
    let rows = owner.text(&format!("{versions}stock WHERE version > 0 ORDER BY 1, 2, 3")).await;
    other.check(&format!("{versions}shadow_row ORDER BY 1, 2, 3"), &rows).await;
    main.verify_is_clean().await;
    shadow.verify_is_clean().await;
}

/// Promise: some dozens; `INVENTORY_SOAK=1`: 2,000.
async fn planted_drift_is_found_and_settled(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    let count = if soak() { 2_000 } else { 40 };
    let mut owner = main.owner().await;
    let skus = format!("generate_series(1, {count}) AS n");
    owner.run(&format!("SELECT inventory.put_product('S' || n, 'S') FROM {skus}")).await;
    owner.run(&format!("SELECT inventory.receive('S' || n, 50) FROM {skus}")).await;
    main.stock(&[("BUSY", 100_000)]).await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    let mut other = shadow.owner().await;
    other.run("SELECT inventory.adjust(sku, -3, 'by mistake') FROM inventory.product WHERE sku LIKE 'S%'").await;
    let stop = Cell::new(false);
    let work = async {
        let found = check(&main, &shadow, &[]).await;
        assert_eq!(found.len(), count, "each, and nothing else");
        assert!(found.contains(&"shadow_level|S1 in 1|50|47 (-3)|PENDING".to_owned()), "{found:?}");
        let some = check(&main, &shadow, &["--sample", "0.5"]).await;
        assert!(!some.is_empty() && some.len() < count, "{}", some.len());
        owner
            .run("SELECT inventory.deduct(sku, 1) FROM inventory.products WHERE sku LIKE 'S%'")
            .await;
        feed(&main, &shadow, &["--ratio", "1"]).await;
        let settled = check(&main, &shadow, &["--repair"]).await;
        assert!(settled.iter().all(|f| f.ends_with("|DONE")), "{settled:?}");
        assert_eq!(settled.len(), count);
        assert_eq!(check(&main, &shadow, &[]).await, Vec::<String>::new());
        stop.set(true);
    };
    let (sold, ()) = futures::join!(trade(&main, "BUSY", &stop), work);
    assert!(sold > 1, "there was load");
    let told = "SELECT count(*) FROM inventory.audit_log AS a JOIN inventory.repair_ticket AS t \
                ON a.request_id = t.request_id AND a.reason = 'repair ' || t.ticket_id AND a.after_qty - a.before_qty = 3";
    other.check(told, &count.to_string()).await;
    other.check("SELECT DISTINCT on_hand FROM inventory.stock WHERE sku LIKE 'S%'", "49").await;
    shadow.verify_is_clean().await;
}

async fn it_goes_on_where_it_was(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    main.stock(&[("A", 100)]).await;
    let mut owner = main.owner().await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    owner.run("SELECT inventory.deduct('A', 1)").await;
    // Fed by two at once, nothing comes twice.
    let url = shadow.url(User::Owner);
    let start = ["shadow", "start", "--target", &url, "--ratio", "1", "--once"];
    futures::join!(command(&main, &start), command(&main, &start));
    feed(&main, &shadow, &["--ratio", "1"]).await;
    let mut other = shadow.owner().await;
    other.check("SELECT on_hand FROM inventory.stock_level", "99").await;
    // Another share would leave what was fed before.
    let ended =
        command(&main, &["shadow", "start", "--target", &url, "--ratio", "0.5", "--once"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    command(&main, &["shadow", "stop", "--target", &url]).await.ok();
    let status = command(&main, &["shadow", "status", "--target", &url]).await.ok();
    assert!(status.contains("STOPPED"), "{status}");
    owner.run("SELECT inventory.deduct('A', 1)").await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    other.check("SELECT on_hand FROM inventory.stock_level", "98").await;
}

/// Told of its own movements it would double its stock, and never end.
async fn nothing_follows_itself(pg: Pg) {
    let main = pg.database().await;
    main.stock(&[("A", 100)]).await;
    let url = main.url(User::Admin);
    let start = ["shadow", "start", "--target", &url, "--ratio", "1", "--once"];
    let ended = command(&main, &start).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let mut owner = main.owner().await;
    owner.check("SELECT on_hand FROM inventory.stock_level", "100").await;
    owner.check("SELECT count(*) FROM inventory.shadows", "0").await;
}

/// Two shops, and one shadow that is told of both by the same name.
async fn a_place_in_one_journal_is_none_in_another(pg: Pg) {
    let (main, other) = (pg.database().await, pg.database().await);
    let shadow = pg.database().await;
    main.stock(&[("A", 100)]).await;
    other.stock(&[("B", 100)]).await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    let url = shadow.url(User::Owner);
    let start = ["shadow", "start", "--target", &url, "--ratio", "1", "--once"];
    let ended = command(&other, &start).await;
    assert!(ended.code == Some(2) && ended.err.contains("--name"), "{ended:?}");
    let ended = command(&other, &["check", "--shadow", &url]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    feed(&other, &shadow, &["--ratio", "1", "--name", "other"]).await;
    let levels = "SELECT sku, on_hand FROM inventory.stock_level ORDER BY 1";
    shadow.owner().await.check(levels, "A|100\nB|100").await;
    assert_eq!(check(&main, &shadow, &[]).await, Vec::<String>::new());
    assert_eq!(check(&other, &shadow, &[]).await, Vec::<String>::new());
}

async fn a_product_may_be_made_again_with_lots(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    let mut owner = main.owner().await;
    owner.run("SELECT inventory.put_product('A', 'A'), inventory.receive('A', 5)").await;
    let url = shadow.url(User::Owner);
    let mut feeding = inventory()
        .args(["--json", "--database-url", &main.url(User::Owner), "shadow", "start"])
        .args(["--target", &url, "--ratio", "1"])
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut other = shadow.owner().await;
    let stock = "EXISTS (SELECT FROM inventory.stock WHERE sku = 'A' AND";
    other.until(&format!("SELECT {stock} on_hand = 5)")).await;
    owner.run("SELECT inventory.deduct('A', 5)").await;
    other.until(&format!("SELECT {stock} version = 2)")).await;
    owner.run("SELECT inventory.delete_product('A')").await;
    owner.run("SELECT inventory.put_product('A', 'A', lot_controlled => true), inventory.receive('A', 9, lot => 'x')").await;
    other.until(&format!("SELECT {stock} lot = 'x' AND on_hand = 9)")).await;
    feeding.kill().await.unwrap();
}

async fn what_was_not_compared_is_not_sound(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    main.stock(&[("A", 100)]).await;
    let url = shadow.url(User::Owner);
    let ended = command(&main, &["check", "--shadow", &url]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("this is no shadow of it"), "{ended:?}");
    feed(&main, &shadow, &["--ratio", "1"]).await;
    shadow.owner().await.run("SELECT inventory.adjust('A', -1, 'by mistake')").await;
    for sample in ["0", "-1", "NaN", "1.5"] {
        let sample = format!("--sample={sample}");
        let ended = command(&main, &["check", "--shadow", &url, &sample]).await;
        assert_eq!(ended.code, Some(2), "{sample}: {ended:?}");
    }
}

/// A SKU may look like another's place.
async fn a_ticket_names_one_row(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    let mut owner = main.owner().await;
    owner.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    let skus = ["LAMP", "LAMP in 2, big", "LAMP in 2, lot x"];
    for sku in skus {
        owner.run(&format!("SELECT inventory.put_product('{sku}', 'A lamp')")).await;
    }
    owner.run("SELECT inventory.receive('LAMP', 50, 2)").await;
    for sku in &skus[1..] {
        owner.run(&format!("SELECT inventory.receive('{sku}', 50)")).await;
    }
    feed(&main, &shadow, &["--ratio", "1"]).await;
    let mut other = shadow.owner().await;
    for sku in &skus[1..] {
        other.run(&format!("SELECT inventory.adjust('{sku}', -3, 'by mistake')")).await;
    }
    check(&main, &shadow, &[]).await;
    let ticket = |subject: &str| {
        format!("SELECT ticket_id FROM inventory.repair_tickets WHERE subject = '{subject} in 1'")
    };
    let meant = owner.text(&ticket(skus[1])).await;
    command(&main, &["repair", "confirm", &meant]).await.ok();
    command(&main, &["repair", "run", &meant]).await.ok();
    // A lamp's lot `x in 1`, or that SKU's place.
    let unclear = owner.text(&ticket(skus[2])).await;
    let ended = command(&main, &["repair", "confirm", &unclear]).await;
    assert!(ended.code == Some(1) && ended.err.contains("by hand"), "{ended:?}");
    let levels = "SELECT sku, on_hand FROM inventory.stock_level ORDER BY 1";
    owner.check(levels, "LAMP|50\nLAMP in 2, big|47\nLAMP in 2, lot x|50").await;
}

async fn a_part_of_the_skus_comes_or_of_the_users(pg: Pg) {
    let (main, by_sku, by_user) = (pg.database().await, pg.database().await, pg.database().await);
    let mut owner = main.owner().await;
    owner
        .run("SELECT inventory.put_product('S' || n, 'S') FROM generate_series(1, 200) AS n")
        .await;
    owner.run("SELECT inventory.receive('S' || n, 9) FROM generate_series(1, 200) AS n").await;
    owner.run("SELECT inventory.deduct('S1', 1, operator => 'user ' || n) FROM generate_series(1, 8) AS n").await;
    feed(&main, &by_sku, &["--ratio", "0.3"]).await;
    feed(&main, &by_user, &["--ratio", "0.5", "--by", "user"]).await;
    let skus = by_sku.owner().await.number("SELECT count(*) FROM inventory.stock_level").await;
    assert!((20..120).contains(&skus), "{skus}");
    let mut shadow = by_user.owner().await;
    shadow.check("SELECT count(*) FROM inventory.stock_level", "200").await;
    let left = shadow.number("SELECT on_hand FROM inventory.stock_level WHERE sku = 'S1'").await;
    assert!((2..9).contains(&left), "{left}");
    assert_eq!(check(&main, &by_sku, &[]).await, Vec::<String>::new());
    assert_eq!(check(&main, &by_user, &[]).await, Vec::<String>::new());
}

/// A source with 50 of A, and its shadow that has 47.
async fn parted(pg: &Pg) -> (Database, Database) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    main.stock(&[("A", 50)]).await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    shadow.owner().await.run("SELECT inventory.adjust('A', -3, 'counted there')").await;
    let found = check(&main, &shadow, &[]).await;
    assert_eq!(found, ["shadow_level|A in 1|50|47 (-3)|PENDING"]);
    (main, shadow)
}

/// The ticket in the source.
async fn ticket(main: &Database) -> String {
    let open =
        "SELECT ticket_id FROM inventory.repair_tickets WHERE kind = 'source_level' AND open";
    main.owner().await.text(open).await
}

async fn a_source_goes_by_its_shadow_once_somebody_said_so(pg: Pg) {
    let (main, shadow) = parted(&pg).await;
    let (mut owner, mut other) = (main.owner().await, shadow.owner().await);
    let ticket = ticket(&main).await;
    // Not by itself, nor together with other things.
    let early = command(&main, &["repair", "run", &ticket]).await;
    assert!(early.code == Some(1) && early.err.contains("confirm it first"), "{early:?}");
    command(&main, &["repair", "confirm", "--every", "any"]).await.ok();
    owner.check("SELECT state FROM inventory.repair_tickets", "PENDING").await;
    command(&main, &["repair", "confirm", &ticket, "--operator", "ann"]).await.ok();
    // Nor is the shadow set right against that word.
    let found = check(&main, &shadow, &["--repair"]).await;
    assert_eq!(found, ["shadow_level|A in 1|50|47 (-3)|PENDING"]);
    // What is sold meanwhile is sold in both.
    owner.run("SELECT inventory.deduct('A', 1)").await;
    let run = ["repair", "run", &ticket];
    let (a, b) = futures::join!(command(&main, &run), command(&main, &run));
    a.ok();
    b.ok();
    let told = format!(
        "SELECT before_qty, after_qty, operator FROM inventory.audit_log WHERE reason = 'repair {ticket} from shadow'"
    );
    owner.check(&told, "49|46|ann").await;
    let tickets = "SELECT kind, state FROM inventory.repair_tickets";
    owner.check(tickets, "source_level|DONE").await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    assert_eq!(check(&main, &shadow, &[]).await, Vec::<String>::new());
    other.check("SELECT on_hand FROM inventory.stock_level", "46").await;
    other.check(tickets, "shadow_level|REJECTED").await;
    main.verify_is_clean().await;
    shadow.verify_is_clean().await;
}

async fn what_somebody_corrected_meanwhile_is_judged_anew(pg: Pg) {
    let (main, shadow) = parted(&pg).await;
    let mut owner = main.owner().await;
    let ticket = ticket(&main).await;
    command(&main, &["repair", "confirm", &ticket]).await.ok();
    owner.run("SELECT inventory.recount('A', 47, 'counted')").await;
    let ended = command(&main, &["repair", "run", &ticket]).await;
    assert!(ended.code == Some(1) && ended.err.contains("version_conflict"), "{ended:?}");
    let seen = "SELECT state, expected, found FROM inventory.repair_tickets";
    owner.check(seen, "PENDING|47|50 at version 1").await;
    // A look before the shadow has heard of it does not mislead anybody.
    check(&main, &shadow, &[]).await;
    command(&main, &["repair", "confirm", &ticket]).await.ok();
    assert_eq!(command(&main, &["repair", "run", &ticket]).await.code, Some(1));
    owner.check("SELECT on_hand FROM inventory.stock_level", "47").await;
    feed(&main, &shadow, &["--ratio", "1"]).await;
    assert_eq!(check(&main, &shadow, &[]).await, ["shadow_level|A in 1|47|44 (-3)|PENDING"]);
    owner.check(seen, "PENDING|44|47 at version 2").await;
    // Confirmed, and then the shadow is set right by hand: nothing is left to carry out.
    command(&main, &["repair", "confirm", &ticket]).await.ok();
    shadow.owner().await.run("SELECT inventory.adjust('A', 3, 'by hand')").await;
    assert_eq!(check(&main, &shadow, &[]).await, Vec::<String>::new());
    assert_eq!(command(&main, &["repair", "run", &ticket]).await.code, Some(1));
    let ended = "SELECT state, note FROM inventory.repair_tickets";
    owner.check(ended, "REJECTED|found no more").await;
    owner.check("SELECT on_hand FROM inventory.stock_level", "47").await;
}

async fn level(gateway: &Gateway, sku: &str, headers: &[(&str, &str)]) -> (String, i64) {
    let request = Request::new("GET", &format!("/v1/stock/{sku}"));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let reply = gateway.reader.send(request).await;
    let source = reply.header("stock-source").unwrap().to_owned();
    assert_eq!(reply.header("etag").is_some(), source == "main", "versions are of the main one");
    (source, reply.is(200)["on_hand"].as_i64().unwrap())
}

/// Until the gateway has seen that there is a shadow.
async fn until_read(gateway: &Gateway, sku: &str, source: &str) {
    let begun = std::time::Instant::now();
    while level(gateway, sku, &[("Stock-Source", "shadow")]).await.0 != source {
        assert!(begun.elapsed().as_secs() < 60, "{}", gateway.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn shown(gateway: &Gateway, line: &str) {
    let begun = std::time::Instant::now();
    loop {
        let text = gateway.reader.get("/metrics").await.text();
        if text.lines().any(|shown| shown.starts_with(line)) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "no {line} in {text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn a_part_of_the_reads_goes_to_the_shadow(pg: Pg) {
    let main = pg.database().await;
    let shadow = pg.private_database(|server| server).await;
    let mut owner = main.owner().await;
    let skus = "generate_series(1, 40) AS n";
    owner.run(&format!("SELECT inventory.put_product('S' || n, 'S') FROM {skus}")).await;
    owner.run(&format!("SELECT inventory.receive('S' || n, 9) FROM {skus}")).await;
    feed(&main, &shadow, &["--ratio", "0.5"]).await;
    let mut other = shadow.owner().await;
    other
        .run("SELECT inventory.adjust(sku, -1, 'to tell them apart') FROM inventory.products")
        .await;
    let followed = other.text("SELECT sku FROM inventory.products ORDER BY 1").await;
    let followed: Vec<&str> = followed.lines().collect();
    assert!((5..35).contains(&followed.len()), "{followed:?}");
    let url = shadow.url(User::Operator);
    let arguments = ["--shadow-url", &url, "--shadow-reads", "--check-every", "1"];
    let gateway = Gateway::with(&main, &arguments).await;
    until_read(&gateway, followed[0], "shadow").await;
    for sku in (1..=40).map(|n| format!("S{n}")) {
        let theirs = followed.contains(&sku.as_str());
        let wanted = if theirs { ("shadow".to_owned(), 8) } else { ("main".to_owned(), 9) };
        assert_eq!(level(&gateway, &sku, &[]).await, wanted, "{sku}");
        assert_eq!(level(&gateway, &sku, &[("Stock-Source", "shadow")]).await, wanted, "{sku}");
        let forced = level(&gateway, &sku, &[("Stock-Source", "main")]).await;
        assert_eq!(forced, ("main".to_owned(), 9), "{sku}");
    }
    let wrong = Request::new("GET", "/v1/stock/S1").header("Stock-Source", "moon");
    gateway.reader.send(wrong).await.refuses(
        422,
        "invalid_argument",
        "Stock-Source must be main or shadow",
    );
    let drift = format!(
        "inventory_shadow_delta{{product_id=\"{}\",warehouse_id=\"1\",lot=\"\"}} -1",
        followed[0]
    );
    shown(&gateway, &drift).await;
    shown(
        &gateway,
        &format!("inventory_check_findings{{check_name=\"shadow_level\"}} {}", followed.len()),
    )
    .await;
    let behind = owner
        .text("SELECT count(*) FROM inventory.repair_tickets WHERE kind = 'source_level' AND open")
        .await;
    assert_eq!(behind, followed.len().to_string());
    // It goes away, and nobody is refused anything.
    drop(other);
    shadow.server.stop_at_once();
    for sku in &followed {
        assert_eq!(level(&gateway, sku, &[]).await, ("main".to_owned(), 9), "{sku}");
    }
    shown(&gateway, "inventory_shadow_reads_total{answered_by=\"source\"}").await;
}

async fn by_users_whoever_reads_decides(pg: Pg) {
    let (main, shadow) = (pg.database().await, pg.database().await);
    main.stock(&[("A", 9)]).await;
    feed(&main, &shadow, &["--ratio", "0.5", "--by", "user"]).await;
    let url = shadow.url(User::Operator);
    let gateway =
        Gateway::with(&main, &["--shadow-url", &url, "--shadow-reads", "--shadow-repair"]).await;
    until_read(&gateway, "A", "shadow").await;
    let mut sources = Vec::new();
    for user in (1..=20).map(|n| format!("user {n}")) {
        let (source, _) = level(&gateway, "A", &[("User-Id", &user)]).await;
        assert_eq!(level(&gateway, "A", &[("User-Id", &user)]).await.0, source, "always the same");
        sources.push(source);
    }
    let there = sources.iter().filter(|source| *source == "shadow").count();
    assert!((3..=17).contains(&there), "{sources:?}");
}
