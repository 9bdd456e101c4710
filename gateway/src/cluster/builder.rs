use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::{About, Error, Result};
use super::hold::Hold;
use super::identity::Identity;
use super::keeper::Then;
use super::server::{PidFile, Server};
use super::{Cluster, SETTINGS_FILE, SUPERUSER, output_of, password, port, replace};

/// How often a start is tried again when somebody else took the port that was free a moment ago.
const PORT_TRIES: usize = 5;
/// UTF-8 letters by code point everywhere; `C` where the machine's C library has no C.UTF-8.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];
/// What differs from PostgreSQL's defaults: private, and room for the tests' and benches' 256 clients.
const DEFAULTS: [(&str, &str); 3] = [
    ("listen_addresses", super::HOST),
    ("unix_socket_directories", ""),
    ("max_connections", "300"),
];

/// Whether initdb's files must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Kept,
    Temporary,
}

/// A cluster to be; [`start`](Self::start) makes it.
#[derive(Debug, Clone)]
pub struct Builder {
    bin_dir: PathBuf,
    home: Option<PathBuf>,
    port: Option<u16>,
    database: String,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    attended: bool,
}

impl Builder {
    pub(super) fn new(bin_dir: PathBuf) -> Self {
        let settings = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self {
            bin_dir,
            home: None,
            port: None,
            database: SUPERUSER.to_owned(),
            settings,
            environment: Vec::new(),
            attended: false,
        }
    }

    /// Keeps the cluster in this folder, which is made where it is missing. A cluster that is there
    /// already is started, one that runs already is joined.
    #[must_use]
    pub fn at(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// A kept cluster whose server ends with this process, however that ends. No other may run there.
    #[must_use]
    pub fn attended(mut self) -> Self {
        self.attended = true;
        self
    }

    /// The port to listen on; without it the one used before, or any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The database that `url()` names; made where it is missing.
    #[must_use]
    pub fn database(mut self, name: &str) -> Self {
        self.database = name.to_owned();
        self
    }

    /// A line of postgresql.conf.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        replace(&mut self.settings, name, value);
        self
    }

    /// A variable of the server's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        replace(&mut self.environment, name, value);
        self
    }

    /// Makes the cluster where it is missing, starts it and waits until it lets sessions in.
    pub fn start(self) -> Result<Cluster> {
        let mut cluster = self.prepare()?;
        if let Some(server) = Server::running(&cluster.data_dir()) {
            cluster.port = PidFile::read(&cluster.data_dir())
                .and_then(|file| file.port)
                .unwrap_or(cluster.port);
            cluster.server = Some(server);
        } else {
            start_on_a_free_port(&mut cluster, self.port)?;
        }
        make_database(&cluster)?;
        Ok(cluster)
    }

    fn prepare(&self) -> Result<Cluster> {
        let bin_dir = checked(&self.bin_dir)?;
        let (home, hold) = self.make_home()?;
        let identity = Identity::for_server(&bin_dir, &home)?;
        identity.give(&home)?;
        let durability = if self.home.is_none() { Durability::Temporary } else { Durability::Kept };
        let password = make_data(&bin_dir, &home, &identity, durability)?;
        Ok(Cluster {
            bin_dir,
            home,
            identity,
            port: 0,
            password,
            database: self.database.clone(),
            settings: self.settings.clone(),
            environment: self.environment.clone(),
            server: None,
            hold,
        })
    }

    fn make_home(&self) -> Result<(PathBuf, Option<Hold>)> {
        if let Some(home) = &self.home {
            fs::create_dir_all(home).about("make", home)?;
            close_to_others(home)?;
            let home = fs::canonicalize(home).about("find", home)?;
            let hold = self.attended.then(|| Hold::alone(&home)).transpose()?;
            return Ok((home, hold));
        }
        let base = std::env::temp_dir();
        let home = tempfile::Builder::new()
            .prefix("pg_inventory-")
            .tempdir_in(&base)
            .about("make a folder in", &base)?;
        let hold = Hold::of(home.path(), Then::Removed)?;
        Ok((home.keep(), Some(hold)))
    }
}

fn checked(bin_dir: &Path) -> Result<PathBuf> {
    for program in ["postgres", "initdb", "psql", "createdb"] {
        if !bin_dir.join(program).is_file() {
            return Err(Error::NoServer { dir: bin_dir.to_path_buf(), program });
        }
    }
    fs::canonicalize(bin_dir).about("find", bin_dir)
}

fn close_to_others(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).about("close", folder)
}

/// Runs initdb where there is no cluster yet; returns the superuser's password.
fn make_data(
    bin_dir: &Path,
    home: &Path,
    identity: &Identity,
    durability: Durability,
) -> Result<String> {
    let kept = home.join("password");
    if home.join("data").join(SETTINGS_FILE).is_file() {
        check_major(bin_dir, home)?;
        return Ok(fs::read_to_string(&kept).about("read", &kept)?.trim().to_owned());
    }
    let password = password()?;
    fs::write(&kept, &password).about("write", &kept)?;
    close_to_others_file(&kept)?;
    identity.give(&kept)?;
    initdb(bin_dir, home, identity, durability)?;
    include_settings(&home.join("data"))?;
    Ok(password)
}

fn close_to_others_file(path: &Path) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).about("close", path)
}

fn initdb(bin_dir: &Path, home: &Path, identity: &Identity, durability: Durability) -> Result<()> {
    let data = home.join("data");
    let mut outcome = Ok(());
    for locale in LOCALES {
        if data.exists() {
            // The rest of an attempt that was cut short: our settings are written last.
            fs::remove_dir_all(&data).about("clear", &data)?;
        }
        let mut command = identity.command(&bin_dir.join("initdb"));
        command
            .args(["--encoding=UTF8", "--data-checksums", "--auth=scram-sha-256"])
            .args((durability == Durability::Temporary).then_some("--no-sync"))
            .args([format!("--locale={locale}"), format!("--username={SUPERUSER}")])
            .arg("--pwfile")
            .arg(home.join("password"))
            .arg("-D")
            .arg(&data);
        outcome = output_of(&mut command, "initdb").map(drop);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn include_settings(data: &Path) -> Result<()> {
    let path = data.join("postgresql.conf");
    let mut text = fs::read_to_string(&path).about("read", &path)?;
    text += &format!("\ninclude_if_exists = '{SETTINGS_FILE}'\n");
    fs::write(&path, text).about("write", &path)?;
    let ours = data.join(SETTINGS_FILE);
    fs::write(&ours, "").about("write", &ours)
}

fn check_major(bin_dir: &Path, home: &Path) -> Result<()> {
    let path = home.join("data").join("PG_VERSION");
    let found = fs::read_to_string(&path).about("read", &path)?.trim().to_owned();
    let program = bin_dir.join("postgres");
    let said = output_of(std::process::Command::new(&program).arg("--version"), "postgres")?;
    let wanted: String = said
        .split_whitespace()
        .nth(2)
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if found == wanted {
        Ok(())
    } else {
        Err(Error::WrongMajor { home: home.to_path_buf(), found, wanted })
    }
}

fn start_on_a_free_port(cluster: &mut Cluster, named: Option<u16>) -> Result<()> {
    if let Some(port) = named {
        cluster.port = port;
        return if port::is_free(port) { cluster.start() } else { Err(Error::PortTaken(port)) };
    }
    let mut outcome = Err(Error::NoPort);
    for attempt in 0..PORT_TRIES {
        let before = remembered_port(cluster).filter(|port| attempt == 0 && port::is_free(*port));
        cluster.port = before.map_or_else(port::free_port, Ok)?;
        outcome = cluster.start();
        if !matches!(&outcome, Err(Error::NotStarted { .. }) if !port::is_free(cluster.port)) {
            break;
        }
    }
    outcome
}

fn remembered_port(cluster: &Cluster) -> Option<u16> {
    let text = fs::read_to_string(cluster.data_dir().join(SETTINGS_FILE)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("port = "))?.parse().ok()
}

fn make_database(cluster: &Cluster) -> Result<()> {
    if cluster.database == SUPERUSER {
        return Ok(());
    }
    let mut query = cluster.command("psql");
    query.env("PGDATABASE", SUPERUSER).args(["-XAtq", "-c", "SELECT datname FROM pg_database"]);
    if output_of(&mut query, "psql")?.lines().any(|name| name == cluster.database) {
        return Ok(());
    }
    cluster.create_database(&cluster.database)
}
