//! The programs around the server: the `inventory` binary, and what a machine may or may not have.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::servers::repository;

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "out: {}\nerr: {}", self.out, self.err);
        self.out
    }
}

/// Runs a program to its end.
pub async fn run(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    Ended {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The `inventory` binary under test.
pub fn inventory_binary() -> PathBuf {
    if let Some(named) = std::env::var_os("INVENTORY_BIN") {
        return named.into();
    }
    let target = repository().join("target");
    let built =
        ["tested", "release", "debug"].map(|profile| target.join(profile).join("inventory"));
    let found = built.into_iter().find(|path| path.exists());
    found.expect("no inventory binary: run `make test`, or name one by INVENTORY_BIN")
}

/// `inventory`, with nothing of the caller's own settings.
pub fn inventory() -> Command {
    let mut command = Command::new(inventory_binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("INVENTORY_") || matches!(&*text, "DATABASE_URL" | "REDIS_URL") {
            command.env_remove(&name);
        }
    }
    command
}

/// A program from PATH or from where Debian keeps daemons.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

/// The Python of the tests' own environment, where `make test` could make one.
pub fn python() -> Option<PathBuf> {
    let venv = PathBuf::from(std::env::var_os("INVENTORY_TEST_VENV")?);
    Some(venv.join("bin/python")).filter(|p| p.exists())
}

/// A program of that environment.
pub fn of_python(name: &str) -> Option<PathBuf> {
    let venv = PathBuf::from(std::env::var_os("INVENTORY_TEST_VENV")?);
    Some(venv.join("bin").join(name)).filter(|program| program.exists())
}

/// A node to run, and a script of the tests' `node_modules` to run with it.
pub fn of_node(script: &str) -> Option<(PathBuf, PathBuf)> {
    let folder = PathBuf::from(std::env::var_os("INVENTORY_TEST_NODE")?);
    let script = folder.join("node_modules").join(script);
    Some((find_program("node")?, script)).filter(|(_, script)| script.exists())
}

/// The folder with the tests' `node_modules`, and a node to run.
pub fn node() -> Option<(PathBuf, PathBuf)> {
    let folder = PathBuf::from(std::env::var_os("INVENTORY_TEST_NODE")?);
    let modules = folder.join("node_modules/pg").is_dir();
    modules.then_some(())?;
    Some((find_program("node")?, folder))
}
