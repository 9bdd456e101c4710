//! `inventory events`, on the database and by a gateway.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use inventory_tests::commands::inventory;
use inventory_tests::{Database, Gateway, Pg, User, chaos};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A command that follows, with what it prints.
struct Following {
    child: Child,
    folder: TempDir,
}

impl Following {
    fn start(mut command: Command, arguments: &[&str]) -> Following {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        command.args(arguments).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let child = command.kill_on_drop(true).spawn().unwrap();
        Following { child, folder }
    }

    fn read(&self, name: &str) -> String {
        let path: &Path = self.folder.path();
        std::fs::read_to_string(path.join(name)).unwrap()
    }

    async fn until(&self, what: &str) {
        let begun = Instant::now();
        while !self.read("out").contains(what) {
            let late = begun.elapsed() > Duration::from_secs(60);
            assert!(!late, "never {what:?}: {}{}", self.read("out"), self.read("err"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// As Ctrl-C does. What it printed.
    async fn interrupted(mut self) -> String {
        let pid = i32::try_from(self.child.id().unwrap()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert_eq!(self.child.wait().await.unwrap().code(), Some(0), "{}", self.read("err"));
        self.read("out")
    }
}

fn by_database(db: &Database) -> Command {
    let mut command = inventory();
    command.args(["--database-url", &db.url(User::Operator)]);
    command
}

fn by_gateway(gateway: &Gateway) -> Command {
    let mut command = inventory();
    command.env("INVENTORY_API_KEY", gateway.reader.key.as_ref().unwrap());
    command.args(["--url", &format!("http://{}", gateway.address)]);
    command
}

pub async fn the_command_follows_both_ways(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    let gateway = Gateway::before(&db).await;
    let both = |arguments: &[&str]| {
        [by_database(&db), by_gateway(&gateway)].map(|way| Following::start(way, arguments))
    };
    let for_people = both(&["events", "--from-beginning", "--sku", "A"]);
    let for_programs = both(&["--json", "events", "--from-beginning", "--topic", "StockDeducted"]);
    let from_now = both(&["events", "--warehouse", "1"]);
    for following in &for_people {
        following.until("StockReceived A in 1").await;
    }
    let mut session = db.operator().await;
    // Those who begin now have begun when they hear of something.
    for following in &from_now {
        while !following.read("out").contains("reason=now") {
            session.run("SELECT inventory.deduct('B', 1, reason => 'now'); SELECT inventory.receive('B', 1)").await;
        }
        drop(following.read("err"));
    }
    session.run("SELECT inventory.deduct('A', 3, reason => 'end')").await;
    let mut printed = Vec::new();
    for following in for_people.into_iter().chain(for_programs) {
        following.until("end").await;
        printed.push(following.interrupted().await);
    }
    assert_eq!(printed[0], printed[1]);
    assert_eq!(printed[0].lines().count(), 2, "{}", printed[0]);
    assert!(printed[0].contains("StockDeducted A in 1 available=7"), "{}", printed[0]);
    let events = |text: &str| -> Vec<Value> {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|mut event| {
                assert!(event.as_object_mut().unwrap().remove("cursor").is_some());
                event
            })
            .collect()
    };
    assert_eq!(events(&printed[2]), events(&printed[3]));
    for following in from_now {
        let printed = following.interrupted().await;
        assert!(!printed.contains("StockReceived A"), "from now on: {printed}");
    }

    // What was read before is not read again.
    let last: Value = serde_json::from_str(printed[3].lines().last().unwrap()).unwrap();
    let after = both(&["--json", "events", "--cursor", last["cursor"].as_str().unwrap()]);
    session.run("SELECT inventory.deduct('A', 1, reason => 'after')").await;
    for following in after {
        following.until("after").await;
        assert_eq!(events(&following.interrupted().await).len(), 1);
    }
    for mut command in [by_database(&db), by_gateway(&gateway)] {
        let ended = inventory_tests::commands::run(command.args(["events", "--cursor", "7"])).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("cursor must be one"), "{ended:?}");
    }
    for (arguments, says) in
        [(["--topic", "None"], "there is no topic"), (["--cursor", "1"], "--from-beginning")]
    {
        let mut command = by_database(&db);
        command.args(["events", "--from-beginning"]).args(arguments);
        let ended = inventory_tests::commands::run(&mut command).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(says), "{ended:?}");
    }
}

pub async fn the_command_goes_on_after_a_restart(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    db.stock(&[("A", 10)]).await;
    let gateway = Gateway::before(&db).await;
    let address = gateway.address.to_string();
    let arguments = ["--json", "events", "--from-beginning"];
    let followings =
        [by_database(&db), by_gateway(&gateway)].map(|way| Following::start(way, &arguments));
    db.operator().await.run("SELECT inventory.deduct('A', 1, reason => 'before')").await;
    for following in &followings {
        following.until("before").await;
    }
    chaos::kill(gateway.pid());
    drop(gateway);
    db.server.kill();
    db.server.start_again();
    db.until_up(User::Operator)
        .await
        .run("SELECT inventory.deduct('A', 1, reason => 'after')")
        .await;
    let _gateway = Gateway::start(&db, Gateway::command_at(&db, &address)).await;
    for following in followings {
        following.until("after").await;
        assert!(following.read("err").contains("going on when it is back"));
        assert_eq!(following.interrupted().await.lines().count(), 3);
    }
}
