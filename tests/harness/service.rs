//! `inventory serve` as people start it: a process, where it listens, how it ends.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::commands::{Ended, inventory, run};

/// A running service; killed when dropped.
pub struct Service {
    pub url: String,
    child: Child,
    folder: TempDir,
}

impl Service {
    /// Starts `inventory serve` with these arguments, and waits until work may be sent there.
    pub async fn start(mut command: Command) -> Service {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file =
            |name: &str| std::fs::File::create(folder.path().join(name)).expect("our folder");
        let address = folder.path().join("address");
        command.args(["--listen", "127.0.0.1:0", "--shutdown-delay-ms", "0", "--address-file"]);
        let child =
            command.arg(&address).stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let mut child = child.kill_on_drop(true).spawn().expect("the service starts");
        let url = loop {
            let written = std::fs::read_to_string(&address).unwrap_or_default();
            if written.ends_with('\n') {
                break written.trim().to_owned();
            }
            let ended = child.try_wait().expect("a child of ours");
            let said = std::fs::read_to_string(folder.path().join("err")).unwrap_or_default();
            assert!(ended.is_none(), "the service ended: {ended:?}: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let service = Service { url, child, folder };
        while service.get("/readyz").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service
    }

    /// What it said on standard output.
    pub fn out(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).expect("our folder")
    }

    /// And on standard error, its log.
    pub fn err(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("err")).expect("our folder")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        kill_process(pid.and_then(Pid::from_raw).expect("it runs"), signal).expect("ours");
    }

    /// Waits for its end; the exit code, None after a signal that it did not take.
    pub async fn ended(mut self) -> Option<i32> {
        self.child.wait().await.expect("a child of ours").code()
    }

    pub async fn terminated(self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Status and body of a GET without a key.
    pub async fn get(&self, path: &str) -> (u16, String) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let host = self.url.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(host).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("it answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
        (status.expect("a status"), body)
    }

    /// Runs `inventory` against it.
    pub async fn ask(&self, key: &str, arguments: &[&str]) -> Ended {
        let mut command = inventory();
        command.env("INVENTORY_API_KEY", key).args(["--url", &self.url]).args(arguments);
        run(&mut command).await
    }
}

/// Waits until there is nothing left in a folder, also nothing hidden.
pub async fn until_empty(folder: &Path) {
    for _ in 0..1_500 {
        let left = std::fs::read_dir(folder).expect("our folder").count();
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} is not empty after 30 seconds", folder.display());
}
