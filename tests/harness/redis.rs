//! A Redis of a test's own, in memory, where the machine has a server.

use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::commands::find_program;
use crate::pooler::free_port;

const PASSWORD: &str = "of-the-tests";

/// A running Redis; ended when dropped.
pub struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    /// None where the machine has no Redis.
    pub async fn start() -> Option<Redis> {
        let port = free_port();
        let redis = Redis { port, child: spawn(port)? };
        redis.wait_until_it_listens().await;
        Some(redis)
    }

    /// Killed, and begun again with nothing in it.
    pub async fn restart(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
        self.child = spawn(self.port).expect("it was there before");
        self.wait_until_it_listens().await;
    }

    async fn wait_until_it_listens(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Redis lets nobody in");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Makes it forget everything.
    pub fn flush(&self) {
        let said = format!("AUTH {PASSWORD}\r\nFLUSHALL\r\n");
        let mut line = TcpStream::connect(("127.0.0.1", self.port)).expect("Redis listens");
        line.write_all(said.as_bytes()).expect("Redis reads");
        let mut answers = [0; 10];
        std::io::Read::read_exact(&mut line, &mut answers).expect("Redis answers");
        assert_eq!(&answers, b"+OK\r\n+OK\r\n");
    }

    /// Says commands, one a line; the first line of each answer.
    pub fn say(&self, commands: &[String]) -> Vec<String> {
        let mut line = TcpStream::connect(("127.0.0.1", self.port)).expect("Redis listens");
        let said = format!("AUTH {PASSWORD}\r\n{}\r\n", commands.join("\r\n"));
        line.write_all(said.as_bytes()).expect("Redis reads");
        let answers = std::io::BufReader::new(line).lines().take(commands.len() + 1);
        answers.skip(1).map(|answer| answer.expect("Redis answers")).collect()
    }

    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16) -> Option<Child> {
    // Debian's file has another name, and the program asks its own name what it is.
    let mut command = Command::new(program()?);
    command.arg0("redis-server").arg("-").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("Redis starts");
    let settings =
        format!("port {port}\nbind 127.0.0.1\nrequirepass {PASSWORD}\nappendonly no\nsave \"\"\n");
    let mut given = child.stdin.take().expect("a pipe");
    given.write_all(settings.as_bytes()).expect("Redis reads its settings");
    Some(child)
}

/// The one that `make test` found or brought in, or the machine's own.
pub(crate) fn program() -> Option<PathBuf> {
    let named = std::env::var_os("INVENTORY_TEST_REDIS").map(PathBuf::from);
    named.or_else(|| ["redis-server", "valkey-server"].into_iter().find_map(find_program))
}
