//! A running `inventory serve` before a database, as two ordinary database users, with a key a role.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use tokio::process::{Child, Command};

use crate::commands::inventory;
use crate::database::{Database, User};
use crate::http::Client;
use crate::pooler::free_port;

/// A gateway; ended when dropped.
pub struct Gateway {
    pub address: SocketAddr,
    pub reader: Client,
    pub operator: Client,
    pub admin: Client,
    child: Child,
    folder: tempfile::TempDir,
}

impl Gateway {
    pub async fn before(db: &Database) -> Gateway {
        Gateway::with(db, &[]).await
    }

    /// With more arguments for `inventory serve`.
    pub async fn with(db: &Database, arguments: &[&str]) -> Gateway {
        let mut command = Gateway::command(db);
        command.args(arguments);
        Gateway::start(db, command).await
    }

    /// `inventory serve` as it is started for tests, to be set up further.
    pub fn command(db: &Database) -> Command {
        // One that nobody is lent while the next gateway is awaited there.
        Gateway::command_at(db, &format!("127.0.0.1:{}", free_port()))
    }

    /// The same at an address of its own, where clients find the next one, too.
    pub fn command_at(db: &Database, address: &str) -> Command {
        let mut command = inventory();
        command.args(["--database-url", &db.url(User::Operator)]);
        command.args(["serve", "--admin-database-url", &db.url(User::Admin)]);
        command.args(["--listen", address]);
        command
    }

    /// Starts it and waits until it is ready; fails the test after a minute.
    pub async fn start(db: &Database, mut command: Command) -> Gateway {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().join("address");
        let log = File::create(folder.path().join("log")).expect("a file of our own");
        let child = command.arg("--address-file").arg(&place).stdin(Stdio::null());
        let child = child.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn();
        let mut child = child.expect("the gateway starts");
        let begun = Instant::now();
        let address = loop {
            let written = std::fs::read_to_string(&place).unwrap_or_default();
            let address = written.trim().split("//").nth(1).and_then(|text| text.parse().ok());
            if let Some(address) = address.filter(|_| written.ends_with('\n')) {
                break address;
            }
            let patient = begun.elapsed() < Duration::from_secs(60);
            let ended = child.try_wait().expect("a child of ours");
            assert!(patient && ended.is_none(), "the gateway does not start: {ended:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let [reader, operator, admin] =
            ["reader", "operator", "admin"].map(|role| Client { address, key: Some(key_of(role)) });
        let gateway = Gateway { address, reader, operator, admin, child, folder };
        make_keys(db).await;
        gateway.until_ready().await;
        gateway
    }

    pub async fn until_ready(&self) {
        let begun = Instant::now();
        while self.reader.get("/readyz").await.status != 200 {
            assert!(begun.elapsed().as_secs() < 60, "never ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub fn terminate(&self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::TERM).expect("a process of ours");
    }

    /// Its exit code, once it has ended; None where a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        self.child.wait().await.expect("a child of ours").code()
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Asserts that nothing failed that nobody expected to.
    #[track_caller]
    pub fn logged_no_failure(&self) {
        let log = self.log();
        let bad = log.lines().find(|line| line.contains("panicked") || line.contains("ERROR"));
        assert_eq!(bad, None, "in the log");
    }

    /// Bytes of memory that it has.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
        let kilobytes = line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
        kilobytes.expect("a number") * 1024
    }
}

/// A key's text, always the same for a name, so that several gateways know the same.
pub fn key_of(name: &str) -> String {
    let digest = hex(&Sha256::digest(name));
    format!("inv_{}_{digest}", &digest[..8])
}

/// SQL that makes a key known; `more` are further arguments.
pub fn create_key(name: &str, role: &str, more: &str) -> String {
    let digest = hex(&Sha256::digest(name));
    let hash = hex(&Sha256::digest(&digest));
    let id = &digest[..8];
    format!("SELECT inventory.create_api_key('{id}', '{name}', '{role}', '\\x{hash}'{more})")
}

/// The part of a key's text that is no secret.
pub fn key_id(name: &str) -> String {
    hex(&Sha256::digest(name))[..8].to_owned()
}

async fn make_keys(db: &Database) {
    let mut admin = db.admin().await;
    if admin.number("SELECT count(*) FROM inventory.api_keys()").await == 0 {
        for role in ["reader", "operator", "admin"] {
            admin.run(&create_key(role, role, "")).await;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
