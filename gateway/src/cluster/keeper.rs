//! Ends a temporary cluster with the process that made it, however that process ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::error::{About, Result};

/// Reads until its input closes, which the kernel does even for a process that is killed with SIGKILL;
/// then stops the server and removes the folder.
const SCRIPT: &str = r#"
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ]; then
    kill -QUIT "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$1"
"#;

#[derive(Debug)]
pub(super) struct Keeper(Child);

impl Keeper {
    /// Watches over `home`, the folder of a temporary cluster.
    pub(super) fn of(home: &Path) -> Result<Self> {
        Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(home)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // Ctrl-C and a test runner's kill reach our group, not the keeper's
            .spawn()
            .map(Self)
            .about("start a keeper of", home)
    }

    fn finish(&mut self) -> io::Result<()> {
        drop(self.0.stdin.take());
        self.0.wait().map(drop)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            eprintln!("a temporary cluster may be left behind: {error}");
        }
    }
}
