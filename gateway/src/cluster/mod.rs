//! A private PostgreSQL: made, started, stopped and killed from Rust, for tests, benches and `make up`.
//!
//! ```no_run
//! # fn main() -> inventory_gateway::cluster::Result<()> {
//! use inventory_gateway::cluster::Cluster;
//! let cluster = Cluster::builder("/usr/lib/postgresql/15/bin").setting("fsync", "off").start()?;
//! println!("{}", cluster.url()); // gone with everything in it when `cluster` is dropped
//! # Ok(())
//! # }
//! ```
//!
//! The server listens on 127.0.0.1 only, with a password nobody else knows; unix sockets, whose paths
//! are limited to 107 bytes, are not used.

mod builder;
mod error;
mod hold;
mod identity;
mod keeper;
mod kept;
mod port;
mod server;

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use builder::Builder;
use error::About;
pub use error::{Error, Result};
use hold::Hold;
use identity::Identity;
pub use kept::Kept;
pub use port::free_port;
use server::Server;
pub use server::Shutdown;

/// Everything here belongs to this role; it is made by initdb.
pub const SUPERUSER: &str = "postgres";
const HOST: &str = "127.0.0.1";
/// Our part of the configuration, included by postgresql.conf.
const SETTINGS_FILE: &str = "inventory.conf";
const LOG_FILE: &str = "server.log";
const LOG_LIMIT_BYTES: u64 = 16 << 20;
const LOG_TAIL_BYTES: usize = 2_000;

/// A cluster whose server has been started; see [`Builder`] for its beginnings.
///
/// Dropping a temporary cluster ends and removes it, also while a panic unwinds; one that was made
/// [`at`](Builder::at) a folder stays and goes on running, unless it is [`attended`](Builder::attended).
#[derive(Debug)]
pub struct Cluster {
    bin_dir: PathBuf,
    home: PathBuf,
    identity: Identity,
    port: u16,
    password: String,
    database: String,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    server: Option<Server>,
    /// Of a cluster whose server ends with this process.
    hold: Option<Hold>,
}

impl Cluster {
    /// Begins a cluster of the PostgreSQL in `bin_dir`, temporary unless it is given a place.
    pub fn builder(bin_dir: impl Into<PathBuf>) -> Builder {
        Builder::new(bin_dir.into())
    }

    /// Address of the cluster's own database for the superuser, password included.
    pub fn url(&self) -> String {
        self.url_of(SUPERUSER, &self.password, &self.database)
    }

    /// Address for another role and database; texts that need escaping in a URL are the caller's affair.
    pub fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@{HOST}:{}/{database}", self.port)
    }

    pub fn host(&self) -> &str {
        HOST
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The folder with everything of this cluster: data, log, password.
    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.join("data")
    }

    pub fn log_path(&self) -> PathBuf {
        self.home.join(LOG_FILE)
    }

    /// Process id of the postmaster; None while the server is down.
    pub fn pid(&self) -> Option<i32> {
        self.server.as_ref().map(Server::pid)
    }

    /// A client program of the same installation (psql, pgbench, pg_dump), connected to this cluster.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin_dir.join(program));
        command
            .env("PGHOST", HOST)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", &self.database);
        command
    }

    /// A program of the same installation that is run as the server's user on the server's files
    /// (`pg_upgrade`, `pg_checksums`), in the cluster's folder.
    pub fn tool(&self, program: &str) -> Command {
        let mut command = self.identity.command(&self.bin_dir.join(program));
        command.current_dir(&self.home);
        command
    }

    /// Runs SQL through psql and returns its unaligned output; statements stop at the first error.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let mut command = self.command("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statements]);
        output_of(&mut command, "psql")
    }

    pub fn create_database(&self, name: &str) -> Result<()> {
        output_of(self.command("createdb").args(["--maintenance-db=postgres", name]), "createdb")
            .map(drop)
    }

    /// Adds or replaces a setting; it holds from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        replace(&mut self.settings, name, value);
    }

    /// Adds or replaces a variable of the server's environment; it holds from the next start on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        replace(&mut self.environment, name, value);
    }

    pub fn unset_environment(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// Starts the server where it is down, and waits until it lets sessions in.
    pub fn start(&mut self) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        self.write_settings()?;
        Server::forget_zombie(&self.data_dir());
        let mut server = self.spawn()?;
        if !server.wait_until_ready(&self.data_dir()) {
            server.kill()?;
            return Err(Error::NotStarted { log: self.log_tail() });
        }
        self.server = Some(server);
        Ok(())
    }

    pub fn stop(&mut self, how: Shutdown) -> Result<()> {
        self.server.take().map_or(Ok(()), |mut server| server.stop(how))
    }

    pub fn restart(&mut self) -> Result<()> {
        self.stop(Shutdown::Fast)?;
        self.start()
    }

    /// Ends the server as a power cut would: SIGKILL for all its processes. `start` recovers it.
    pub fn kill(&mut self) -> Result<()> {
        self.server.take().ok_or(Error::NotRunning)?.kill()
    }

    fn spawn(&self) -> Result<Server> {
        let log = self.open_log()?;
        let program = self.bin_dir.join("postgres");
        let errors = log.try_clone().about("open", &self.log_path())?;
        let child = self
            .identity
            .command(&program)
            .arg("-D")
            .arg(self.data_dir())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0) // Ctrl-C is meant for us: the server is stopped in order
            .spawn()
            .about("run", &program)?;
        Server::started(child).ok_or(Error::NotRunning)
    }

    fn open_log(&self) -> Result<File> {
        let path = self.log_path();
        if fs::metadata(&path).is_ok_and(|about| about.len() > LOG_LIMIT_BYTES) {
            fs::rename(&path, path.with_extension("log.old")).about("rename", &path)?;
        }
        OpenOptions::new().create(true).append(true).open(&path).about("open", &path)
    }

    fn log_tail(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned()
    }

    /// A file rather than arguments, so that ALTER SYSTEM and reloads keep working.
    fn write_settings(&self) -> Result<()> {
        let mut text = format!("port = {}\n", self.port);
        for (name, value) in &self.settings {
            text += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        let path = self.data_dir().join(SETTINGS_FILE);
        fs::write(&path, text).about("write", &path)?;
        self.identity.give(&path)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(hold) = &self.hold else { return };
        if let Some(mut server) = self.server.take() {
            // The keeper ends what does not stop by itself.
            let _ = server.stop(hold.shutdown());
        }
    }
}

fn replace(list: &mut Vec<(String, String)>, name: &str, value: &str) {
    list.retain(|(known, _)| known != name);
    list.push((name.to_owned(), value.to_owned()));
}

/// Standard output of a tool; what it said on standard error where it fails.
fn output_of(command: &mut Command, tool: &str) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().about("run", Path::new(command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Tool { tool: tool.to_owned(), output: said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// A password that nobody guesses: 128 random bits as hexadecimal digits.
pub fn password() -> Result<String> {
    Ok(random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).about("read", source)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
