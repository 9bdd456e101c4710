use std::fs;
use std::path::{Path, PathBuf};

use super::error::{About, Result};
use super::server::{PidFile, Server, Shutdown};
use super::{HOST, SUPERUSER};

/// A kept cluster whose server runs, found by its folder alone, whoever started it.
#[derive(Debug)]
pub struct Kept {
    home: PathBuf,
    server: Server,
}

impl Kept {
    /// None where no server runs in this folder.
    pub fn running(home: &Path) -> Option<Self> {
        let server = Server::running(&home.join("data"))?;
        Some(Self { home: home.to_path_buf(), server })
    }

    pub fn pid(&self) -> i32 {
        self.server.pid()
    }

    pub fn port(&self) -> Option<u16> {
        PidFile::read(&self.home.join("data"))?.port
    }

    /// Address of a database for the superuser, password included.
    pub fn url(&self, database: &str) -> Result<String> {
        let path = self.home.join("password");
        let password = fs::read_to_string(&path).about("read", &path)?;
        let port = self.port().unwrap_or_default();
        Ok(format!("postgres://{SUPERUSER}:{}@{HOST}:{port}/{database}", password.trim()))
    }

    pub fn stop(mut self, how: Shutdown) -> Result<()> {
        self.server.stop(how)
    }
}
