//! `inventory relay` as people start it.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::authority::Authority;
use crate::chaos;
use crate::commands::inventory;
use crate::database::{Database, User};

/// A relay; killed when dropped.
pub struct Relay {
    child: Child,
    folder: tempfile::TempDir,
}

/// Quick, so that tests need not wait for what people would.
const QUICK: [&str; 7] = [
    "--relay-private-addresses",
    "--relay-poll-ms=20",
    "--relay-lease-ms=2000",
    "--relay-retry-ms=20",
    "--relay-attempts=3",
    "--relay-patience-ms=20000",
    "--log=info",
];

impl Relay {
    pub fn start(db: &Database) -> Relay {
        Relay::with(db, &[])
    }

    /// With more arguments.
    pub fn with(db: &Database, arguments: &[&str]) -> Relay {
        Relay::begin(db, arguments, None)
    }

    /// One that trusts those whom this authority vouches for, and nobody else.
    pub fn trusting(db: &Database, authority: &Authority) -> Relay {
        Relay::begin(db, &[], Some(authority))
    }

    fn begin(db: &Database, arguments: &[&str], trusted: Option<&Authority>) -> Relay {
        let folder = tempfile::tempdir().expect("a relay of our own");
        let file = |name: &str| {
            std::fs::File::create(folder.path().join(name)).expect("a relay of our own")
        };
        let mut command = inventory();
        command.args(["relay", "--database-url", &db.url(User::Admin)]);
        let settings = QUICK.iter().filter(|quick| {
            let name = quick.split('=').next().expect("a relay of our own");
            !arguments.iter().any(|argument| argument.starts_with(name))
        });
        command.args(settings).args(arguments);
        command.envs(trusted.map(|trusted| ("SSL_CERT_FILE", trusted.certificate())));
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).kill_on_drop(true);
        Relay { child: command.spawn().expect("a relay of our own"), folder }
    }

    pub fn kill(&self) {
        chaos::kill(self.child.id().expect("a relay of our own"));
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("a relay of our own")
    }

    /// Ends it in order; gives its exit code.
    pub async fn terminated(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a relay of our own"))
            .expect("a relay of our own");
        kill_process(pid, Signal::TERM).expect("a relay of our own");
        self.child.wait().await.expect("a relay of our own").code()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("err")).expect("a relay of our own")
    }

    pub fn out(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).expect("a relay of our own")
    }
}
