//! Somebody who vouches for servers, and whom nobody trusts by themselves.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::commands::find_program;

/// A key and certificate of its own, and those of a server at this machine's loopback address.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// None where there is no openssl.
    pub fn found() -> Option<Authority> {
        let openssl = find_program("openssl")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
        let own = ["-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=The tests"];
        let server = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost"];
        let vouched = ["-CA", "authority.pem", "-CAkey", "authority.key", "-addext", names];
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
        for rest in [own.to_vec(), [&server[..], &vouched[..], &leaf[..]].concat()] {
            let mut command = Command::new(&openssl);
            command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
            command.args(["-nodes", "-days", "2"]).args(rest).current_dir(folder.path());
            let made = command.stderr(Stdio::null()).status().expect("openssl runs");
            assert!(made.success(), "{command:?}");
        }
        Some(Authority { folder })
    }

    /// What one trusts who trusts it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The server's certificate and its key.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("server.pem"), self.folder.path().join("server.key"))
    }
}
