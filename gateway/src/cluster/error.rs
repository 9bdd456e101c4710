use std::io;
use std::path::{Path, PathBuf};

/// Why a private server could not be made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{dir} holds no PostgreSQL server: {program} is missing")]
    NoServer { dir: PathBuf, program: &'static str },
    #[error(
        "PostgreSQL refuses to run as root, and user {user} may not enter {dir}: \
         run `chmod o+x {dir}`, move the checkout, or install setpriv (util-linux)"
    )]
    Unreachable { dir: PathBuf, user: String },
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`"
    )]
    NoIdentity,
    #[error("{home} was made by PostgreSQL {found}, but the server given is {wanted}")]
    WrongMajor { home: PathBuf, found: String, wanted: String },
    #[error("port {0} is taken")]
    PortTaken(u16),
    #[error("no free port found")]
    NoPort,
    #[error("{tool} failed: {output}")]
    Tool { tool: String, output: String },
    #[error("the server did not start; the end of its log:\n{log}")]
    NotStarted { log: String },
    #[error("the server did not stop within {seconds} seconds")]
    NotStopped { seconds: u64 },
    #[error(
        "a PostgreSQL runs in {home} already, process {pid}: stop it, or name its --database-url"
    )]
    InUse { home: PathBuf, pid: i32 },
    #[error("another process is at work in {home}")]
    Locked { home: PathBuf },
    #[error("the server is not running")]
    NotRunning,
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

pub type Result<T> = std::result::Result<T, Error>;

/// Says which file or command an input/output error is about.
pub(super) trait About<T> {
    fn about(self, verb: &str, path: &Path) -> Result<T>;
}

impl<T> About<T> for io::Result<T> {
    fn about(self, verb: &str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io {
            what: format!("cannot {verb} {}", path.display()),
            source,
        })
    }
}
