//! Ends a cluster with the process that started it, however that process ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::error::{About, Result};

/// Reads until its input closes, which the kernel does even for a process that is killed with SIGKILL;
/// then stops the server by the signal `$2`, and removes a temporary cluster's folder.
const SCRIPT: &str = r#"
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ]; then
    kill "-$2" "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ $tries -lt 600 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
[ "$3" = keep ] || rm -rf "$1"
"#;

#[derive(Debug)]
pub(super) struct Keeper {
    child: Child,
    then: Then,
}

/// What becomes of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Removed,
    Kept,
}

impl Keeper {
    /// Watches over `home`, the folder of a cluster that no other process works on.
    pub(super) fn of(home: &Path, then: Then) -> Result<Self> {
        // Data that nobody will read again need not be written.
        let words = match then {
            Then::Removed => ["QUIT", "remove"],
            Then::Kept => ["INT", "keep"],
        };
        Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(home)
            .args(words)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // Ctrl-C and a test runner's kill reach our group, not the keeper's
            .spawn()
            .map(|child| Self { child, then })
            .about("start a keeper of", home)
    }

    pub(super) fn then(&self) -> Then {
        self.then
    }

    fn finish(&mut self) -> io::Result<()> {
        drop(self.child.stdin.take());
        self.child.wait().map(drop)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            eprintln!("a private server may be left behind: {error}");
        }
    }
}
