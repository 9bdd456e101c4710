//! Nothing is lost and nothing comes twice, however often somebody breaks off and comes back.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::commands::{find_program, of_node};
use inventory_tests::{
    Dice, Gateway, Listener, Pg, Told, User, Verdict, chaos, heard_all, skipped,
};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::writers::{END, Writers};

/// A program that prints what it hears into a file.
struct Follower {
    name: &'static str,
    printed: PathBuf,
    failed: PathBuf,
    _child: Child,
}

impl Follower {
    fn start(name: &'static str, folder: &Path, mut command: Command) -> Follower {
        let (printed, failed) = (folder.join(name), folder.join(format!("{name}.err")));
        let file = |path: &Path| File::create(path).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file(&printed)).stderr(file(&failed));
        let _child = child.kill_on_drop(true).spawn().unwrap();
        Follower { name, printed, failed, _child }
    }

    fn heard(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.printed).unwrap();
        // A line that is being written is none yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn until(&self, what: &str, enough: impl Fn(&[Value]) -> bool) {
        let begun = Instant::now();
        while !enough(&self.heard()) {
            let failed = std::fs::read_to_string(&self.failed).unwrap();
            let late = begun.elapsed() > Duration::from_secs(60);
            assert!(!late && failed.is_empty(), "{} never heard {what}: {failed}", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn curl(gateway: &Gateway) -> Command {
    let mut command = Command::new("bash");
    command.arg(clients().join("follow.sh"));
    command.arg(format!("http://{}/v1/events?from=beginning", gateway.address));
    command.arg(gateway.reader.key.as_ref().unwrap());
    command
}

/// None where this machine has no Node with the package.
async fn event_source(gateway: &Gateway) -> Option<Command> {
    let (node, package) = of_node("eventsource/package.json")?;
    let given = gateway.reader.post("/v1/events/tickets", &json!({})).await.is(201);
    let ticket = given["ticket"].as_str().unwrap();
    let mut command = Command::new(node);
    command.arg(clients().join("event_source.js"));
    command.arg(format!("http://{}/v1/events?from=beginning&ticket={ticket}", gateway.address));
    command.arg(package.ancestors().nth(3).unwrap());
    command.args(["StockReceived", "StockDeducted", "InventoryAdjustment"]);
    Some(command)
}

pub async fn curl_and_event_source_follow_through_restarts(pg: Pg) -> Verdict {
    if find_program("curl").is_none() {
        return skipped("no curl");
    }
    let db = pg.database().await;
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::with(&db, &["--shutdown-delay-ms", "0"]).await;
    let address = gateway.address.to_string();
    let mut followers = vec![Follower::start("curl", folder.path(), curl(&gateway))];
    let node = event_source(&gateway).await;
    let has_node = node.is_some();
    followers.extend(node.map(|node| Follower::start("EventSource", folder.path(), node)));
    let writers = Writers::start(&db, 4).await;
    for kill in [false, true, false, true] {
        for follower in &followers {
            let so_far = follower.heard().len();
            follower.until("more", |heard| heard.len() > so_far + 50).await;
        }
        match kill {
            true => chaos::kill(gateway.pid()),
            false => gateway.terminate(),
        }
        assert_eq!(gateway.ended().await, (!kill).then_some(0));
        let mut command = Gateway::command_at(&db, &address);
        command.args(["--shutdown-delay-ms", "0"]);
        gateway = Gateway::start(&db, command).await;
    }
    writers.end(&db).await;
    let is_end = |event: &Value| event["payload"]["reason"] == END;
    for follower in &followers {
        follower.until("the end", |heard| heard.iter().any(is_end)).await;
        heard_all(follower.name, &follower.heard(), &db).await;
    }
    gateway.logged_no_failure();
    if has_node {
        Verdict::Passed
    } else {
        skipped("no Node with eventsource (npm); curl followed")
    }
}

fn data(told: &[Told]) -> Vec<Value> {
    told.iter().map(|told| told.data.clone()).collect()
}

pub async fn who_goes_from_gateway_to_gateway_misses_nothing(pg: Pg) {
    let db = pg.database().await;
    let gateways = [Gateway::before(&db).await, Gateway::before(&db).await];
    let writers = Writers::start(&db, 4).await;
    let mut dice = Dice::new(1);
    let (mut heard, mut place) = (Vec::new(), None::<String>);
    for hop in 0..30 {
        let query = if hop == 0 { "from=beginning" } else { "" };
        let mut listener = gateways[hop % 2].reader.listen(query, place.as_deref()).await;
        for _ in 0..dice.below(40) {
            heard.push(listener.event().await);
        }
        listener.until_placed().await;
        place = Some(listener.place);
    }
    writers.end(&db).await;
    let mut listener = gateways[0].reader.listen("", place.as_deref()).await;
    heard.extend(listener.until(END).await);
    heard_all("who goes about", &data(&heard), &db).await;
}

pub async fn who_joins_while_others_write_misses_nothing(pg: Pg) {
    let db = pg.database().await;
    // Those who have joined are not read from until all have.
    let gateway = Gateway::with(&db, &["--write-timeout-ms", "600000"]).await;
    let writers = Writers::start(&db, 6).await;
    let mut first = gateway.reader.listen("from=beginning", None).await;
    let (mut before, mut others) = (Vec::new(), Vec::new());
    // More of them make no new ways to join, and on a slow machine a crowd that cannot be told in time.
    for _ in 0..12 {
        for _ in 0..20 {
            before.push(first.event().await);
        }
        // One who begins where the first one stands, and one who begins at the beginning.
        let after = gateway.reader.listen("", Some(&first.place)).await;
        others.push((before.clone(), after));
        others.push((Vec::new(), gateway.reader.listen("from=beginning", None).await));
    }
    let ends = async {
        // They all go with the others before the end comes.
        tokio::time::sleep(Duration::from_millis(500)).await;
        writers.end(&db).await;
    };
    let rest = others.into_iter().map(async |(mut heard, mut listener): (Vec<Told>, Listener)| {
        heard.extend(listener.until(END).await);
        heard
    });
    let (mut all, ()) = futures::join!(join_all(rest), ends);
    before.extend(first.until(END).await);
    all.push(before);
    for heard in all {
        heard_all("who joins", &data(&heard), &db).await;
    }
}

/// Few read the journal alone at a time. Whoever waits for that is answered all the same, and told later.
pub async fn who_waits_for_a_turn_has_begun(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let gateway = Gateway::before(&db).await;
    let mut owner = db.owner().await;
    // Each look lasts until it may wait no longer.
    owner.run("BEGIN; LOCK TABLE inventory.journal IN ACCESS EXCLUSIVE MODE").await;
    let all = (0..60).map(|_| gateway.reader.try_listen("from=beginning", None));
    let begun = join_all(all).await.into_iter();
    let begun = begun.map(|begun| begun.map_err(|refused| (refused.status, refused.text())));
    let begun: Result<Vec<Listener>, _> = begun.collect();
    let mut begun = begun.map_err(|refused| panic!("{refused:?}")).unwrap();
    owner.run("COMMIT").await;
    for listener in &mut begun {
        assert_eq!(listener.event().await.data["sku"], "A");
    }
}

pub async fn what_commits_late_is_told_late(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("EARLY", 100), ("LATE", 100)]).await;
    let gateway = Gateway::before(&db).await;
    let mut live = gateway.reader.listen("", None).await;
    live.until_placed().await;
    let (mut late, mut early) = (db.operator().await, db.operator().await);
    late.run("BEGIN; SELECT inventory.deduct('LATE', 1)").await;
    for n in 0..3 {
        early.run(&format!("SELECT inventory.deduct('EARLY', 1, reason => 'early {n}')")).await;
        assert_eq!(live.event().await.data["payload"]["reason"], format!("early {n}"));
    }
    // Who comes back now has seen what has a greater id, and not yet what has a smaller one.
    let mut back = gateway.reader.listen("", Some(&live.place)).await;
    late.run("COMMIT").await;
    early.run("SELECT inventory.deduct('EARLY', 1, reason => 'end')").await;
    for listener in [&mut live, &mut back] {
        let heard = listener.until("end").await;
        let skus: Vec<_> = heard.iter().map(|told| told.data["sku"].as_str().unwrap()).collect();
        assert_eq!(skus, ["LATE", "EARLY"]);
        assert!(heard[0].number() < heard[1].number());
    }
    let mut again = gateway.reader.listen("", Some(&back.place)).await;
    early.run("SELECT inventory.deduct('EARLY', 1, reason => 'after')").await;
    assert_eq!(again.until("after").await.len(), 1);
}

pub async fn cursors_of_another_database(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let place = db.operator().await.text("SELECT inventory.events_now()").await;
    let clone = db.cloned().await;
    let gateway = Gateway::before(&clone).await;
    let refused = gateway.reader.try_listen("", Some(&place)).await.err().unwrap();
    let problem = refused.refuses(422, "invalid_argument", "begin anew");
    assert_eq!(problem["errors"][0]["pointer"], "Last-Event-ID", "{problem}");
    // Who begins anew hears of everything that was before, too.
    let mut listener = gateway.reader.listen("from=beginning", None).await;
    assert_eq!(listener.event().await.data["topic"], "StockReceived");
}

pub async fn streams_outlive_the_database(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    db.stock(&[("A", 100)]).await;
    let gateway =
        Gateway::with(&db, &["--event-heartbeat-ms", "50", "--request-timeout-ms", "1000"]).await;
    let mut live = gateway.reader.listen("", None).await;
    live.until_placed().await;
    db.operator().await.run("SELECT inventory.deduct('A', 1, reason => 'before')").await;
    live.until("before").await;
    db.server.kill();
    // Others come meanwhile: with a place, and without.
    let mut back = gateway.reader.listen("", Some(&live.place)).await;
    let mut fresh = gateway.reader.listen("", None).await;
    let beats = live.beats;
    db.server.start_again();
    let mut session = db.until_up(User::Operator).await;
    session.run("SELECT inventory.deduct('A', 1, reason => 'between')").await;
    for listener in [&mut live, &mut back] {
        let heard = listener.until("between").await;
        assert_eq!(heard.len(), 1, "{heard:?}");
    }
    fresh.until_placed().await;
    session.run("SELECT inventory.deduct('A', 1, reason => 'after')").await;
    for listener in [&mut live, &mut back, &mut fresh] {
        listener.until("after").await;
    }
    assert!(live.beats > beats, "it said that it was alive");
}

pub async fn a_service_that_goes_down_ends_its_streams(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100)]).await;
    let mut gateway = Gateway::with(&db, &["--shutdown-delay-ms", "0"]).await;
    let mut listeners = Vec::new();
    for _ in 0..3 {
        let mut listener = gateway.reader.listen("from=beginning", None).await;
        listener.event().await;
        listeners.push(listener);
    }
    gateway.terminate();
    for mut listener in listeners {
        // Its end is said, not torn off.
        while listener.next().await.is_some() {}
    }
    assert_eq!(gateway.ended().await, Some(0));
    let log = gateway.log();
    assert!(!log.contains("cut off"), "{log}");
}
