//! A Prometheus of a test's own, where the machine has one: it asks a gateway as the shipped files say.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::commands::{Ended, find_program, run};
use crate::gateway::key_of;
use crate::http::Client;
use crate::pooler::free_port;
use crate::servers::repository;

/// A running Prometheus; ended when dropped.
pub struct Prometheus {
    asked: Client,
    child: Child,
    folder: tempfile::TempDir,
}

/// Prometheus or promtool: those that `make test` brought in, or the machine's own.
pub fn program(name: &str) -> Option<PathBuf> {
    let brought = std::env::var_os("INVENTORY_TEST_PROMETHEUS").map(PathBuf::from);
    let brought = brought.map(|folder| folder.join(name)).filter(|path| path.exists());
    brought.or_else(|| find_program(name))
}

/// Runs promtool in a folder; None where there is none.
pub async fn promtool(folder: &Path, arguments: &[&str]) -> Option<Ended> {
    Some(run(Command::new(program("promtool")?).current_dir(folder).args(arguments)).await)
}

/// The folder of the shipped settings, with this gateway in place of the one they name, asked often.
pub fn settings(gateway: SocketAddr) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shipped = repository().join("docker/prometheus");
    for file in std::fs::read_dir(shipped).expect("our folder").flatten() {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("a file of ours");
    }
    let path = folder.path().join("prometheus.yml");
    let text = std::fs::read_to_string(&path).expect("it is shipped");
    assert!(text.contains("\"gateway:8080\"") && text.contains("_interval: 15s"), "{text}");
    let text = text.replace("gateway:8080", &gateway.to_string());
    std::fs::write(&path, text.replace("_interval: 15s", "_interval: 1s")).expect("our folder");
    std::fs::write(folder.path().join("inventory_key"), key_of("reader")).expect("our folder");
    folder
}

impl Prometheus {
    /// Asks this gateway; None where the machine has no Prometheus.
    pub async fn of(gateway: SocketAddr) -> Option<Prometheus> {
        let mut command = Command::new(program("prometheus")?);
        let (folder, port) = (settings(gateway), free_port());
        let log = std::fs::File::create(folder.path().join("log")).expect("our folder");
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.kill_on_drop(true).spawn().expect("Prometheus starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let prometheus = Prometheus { asked: Client { address, key: None }, child, folder };
        prometheus.until_ready().await;
        Some(prometheus)
    }

    async fn until_ready(&self) {
        let begun = Instant::now();
        let ready = crate::http::Request::new("GET", "/-/ready");
        while !self.asked.try_send(&ready).await.is_ok_and(|reply| reply.status == 200) {
            assert!(begun.elapsed().as_secs() < 60, "never ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What an expression gives now; an Err says why it gives nothing.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).await;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.clone()),
            None => Err(answer.to_string()),
        }
    }

    /// Every rule, once each has been evaluated.
    pub async fn rules(&self) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.get("/api/v1/rules").await;
            let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
            let rules: Vec<_> =
                groups.iter().filter_map(|g| g["rules"].as_array()).flatten().cloned().collect();
            if !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown") {
                return rules;
            }
            assert!(begun.elapsed().as_secs() < 60, "not evaluated: {answer}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.asked.get(path).await;
        serde_json::from_slice(&reply.body).expect("Prometheus speaks JSON")
    }

    pub fn runs(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }
}
