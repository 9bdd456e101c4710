//! The servers under test: for each PostgreSQL one that a file's tests share, and private ones for
//! tests that kill, restart or set them up in their own way.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, chown, lchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use inventory_gateway::cluster::{Builder, Cluster, Shutdown};
use tokio::sync::OnceCell;

use crate::commands::run;
use crate::database::{Database, USERS, User};
use crate::release;
use crate::session::Session;

/// Connections that a file's tests may hold at once, both at a time.
const MAX_CONNECTIONS: &str = "320";

const TEMPLATE: &str = "inventory_template";

/// Names the PostgreSQLs to test on: `15=<bindir>,18=<bindir>`.
const NAMED_BY: &str = "INVENTORY_TEST_PG";

/// More settings for every server, as `name=value,name=value`: to run the same tests under others.
const SETTINGS: &str = "INVENTORY_TEST_SETTINGS";

/// A running server.
pub struct Server {
    pub major: u32,
    pub bin_dir: PathBuf,
    pub host: String,
    pub password: String,
    cluster: Mutex<Option<Cluster>>,
    /// A folder that the cluster does not remove by itself.
    home: Mutex<Option<PathBuf>>,
}

/// The PostgreSQLs of this run, and the shared servers started so far.
pub struct Servers {
    each: Vec<Pg>,
    started: Arc<Mutex<Vec<Arc<Server>>>>,
}

/// One PostgreSQL under test, as a test gets it.
#[derive(Clone)]
pub struct Pg {
    pub major: u32,
    pub bin_dir: PathBuf,
    shared: Arc<OnceCell<Arc<Server>>>,
    kept: Arc<OnceCell<Arc<Server>>>,
    preloaded: Arc<OnceCell<Arc<Server>>>,
    started: Arc<Mutex<Vec<Arc<Server>>>>,
}

impl Servers {
    pub fn from_environment() -> Result<Servers, String> {
        let named = std::env::var(NAMED_BY).unwrap_or_default();
        let majors = parse(&named)?;
        let started = Arc::new(Mutex::new(Vec::new()));
        let each = majors
            .into_iter()
            .map(|(major, bin_dir)| Pg {
                major,
                bin_dir,
                shared: Arc::default(),
                kept: Arc::default(),
                preloaded: Arc::default(),
                started: started.clone(),
            })
            .collect();
        Ok(Servers { each, started })
    }

    pub fn each(&self) -> &[Pg] {
        &self.each
    }

    pub fn stop(&self) {
        let servers = std::mem::take(&mut *lock(&self.started));
        servers.iter().for_each(|server| server.shut_down());
    }
}

fn parse(named: &str) -> Result<BTreeMap<u32, PathBuf>, String> {
    let usage = || {
        format!(
            "{NAMED_BY} must name the PostgreSQLs to test on, as in 15=<bindir>,18=<bindir>, each \
             with the extension installed; it is {named:?}. `make test` sets all of this up."
        )
    };
    let mut majors = BTreeMap::new();
    for part in named.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (major, bin_dir) = part.split_once('=').ok_or_else(usage)?;
        let major = major.trim().parse::<u32>().map_err(|_| usage())?;
        let bin_dir = PathBuf::from(bin_dir.trim());
        if !bin_dir.join("postgres").exists() {
            return Err(format!("{NAMED_BY}: there is no postgres in {}", bin_dir.display()));
        }
        majors.insert(major, bin_dir);
    }
    if majors.is_empty() { Err(usage()) } else { Ok(majors) }
}

impl Pg {
    /// A fresh database, with the extension and its tables, on the file's shared server.
    pub async fn database(&self) -> Database {
        let server = self.shared().await;
        Database::create(server, TEMPLATE).await
    }

    /// A fresh database without any of our things.
    pub async fn bare_database(&self) -> Database {
        let server = self.shared().await;
        Database::create(server, "template0").await
    }

    /// The file's shared server. What its tests prove does not hang on the disk.
    pub async fn shared(&self) -> Arc<Server> {
        let start = || async {
            let builder = self.builder().setting("fsync", "off");
            let server = Server::start(self, builder).await;
            server.prepare(TEMPLATE).await;
            lock(&self.started).push(server.clone());
            server
        };
        self.shared.get_or_init(start).await.clone()
    }

    /// The same on a shared server with the background worker, which looks in ten times a second.
    pub async fn kept_database(&self) -> Database {
        Database::create(self.kept().await, TEMPLATE).await
    }

    /// The file's shared server with the background worker.
    pub async fn kept(&self) -> Arc<Server> {
        self.shared_in_its_way(&self.kept, kept).await
    }

    /// A fresh database on the file's shared server with the library preloaded.
    pub async fn preloaded_database(&self) -> Database {
        let server = self.shared_in_its_way(&self.preloaded, preloaded).await;
        Database::create(server, TEMPLATE).await
    }

    async fn shared_in_its_way(
        &self,
        place: &OnceCell<Arc<Server>>,
        set_up: fn(Builder) -> Builder,
    ) -> Arc<Server> {
        let start = || async {
            let server = self.private(set_up).await;
            server.prepare(TEMPLATE).await;
            lock(&self.started).push(server.clone());
            server
        };
        place.get_or_init(start).await.clone()
    }

    /// A server of the test's own, stopped when its last holder lets go.
    pub async fn private(&self, set_up: impl FnOnce(Builder) -> Builder) -> Arc<Server> {
        Server::start(self, set_up(self.builder())).await
    }

    /// A database on a server of the test's own.
    pub async fn private_database(&self, set_up: impl FnOnce(Builder) -> Builder) -> Database {
        let server = self.private(set_up).await;
        server.prepare("shop").await;
        Database { server, name: "shop".into() }
    }

    /// A hot standby that follows `primary`.
    pub async fn standby_of(&self, primary: &Server) -> Arc<Server> {
        self.standby_with(primary, |builder| builder).await
    }

    /// The same, set up in the test's own way.
    pub async fn standby_with(
        &self,
        primary: &Server,
        set_up: impl FnOnce(Builder) -> Builder,
    ) -> Arc<Server> {
        let home = tempfile::tempdir().expect("a temporary folder").keep();
        let data = home.join("data");
        let mut copy = primary.command("pg_basebackup", "postgres");
        // The option -R writes how to connect from what this command connects with.
        run(copy.args(["-R", "-X", "stream", "-c", "fast", "-D"]).arg(&data)).await.ok();
        std::fs::write(home.join("password"), &primary.password).expect("a folder of our own");
        give_like(&primary.data_dir(), &home).expect("files of our own");
        let server = Server::start(self, set_up(self.builder().at(&home))).await;
        *lock(&server.home) = Some(home);
        server
    }

    /// Another of the PostgreSQLs under test: the next older one.
    pub fn older(&self) -> Option<Pg> {
        let servers = Servers::from_environment().ok()?;
        servers.each.into_iter().rev().find(|pg| pg.major < self.major)
    }

    fn builder(&self) -> Builder {
        let builder = Cluster::builder(&self.bin_dir)
            .setting("max_connections", MAX_CONNECTIONS)
            .setting("max_prepared_transactions", "10");
        let more = std::env::var(SETTINGS).unwrap_or_default();
        let more = more.split(',').filter_map(|setting| setting.split_once('='));
        more.fold(builder, |builder, (name, value)| builder.setting(name.trim(), value.trim()))
    }
}

impl Server {
    async fn start(pg: &Pg, builder: Builder) -> Arc<Server> {
        let started = tokio::task::spawn_blocking(move || builder.start()).await;
        let cluster = started.expect("no panic").expect("a private cluster starts");
        Arc::new(Server {
            major: pg.major,
            bin_dir: pg.bin_dir.clone(),
            host: cluster.host().to_owned(),
            password: cluster.password().to_owned(),
            cluster: Mutex::new(Some(cluster)),
            home: Mutex::default(),
        })
    }

    /// A database with the extension, its tables, and the cluster's login roles.
    async fn prepare(self: &Arc<Self>, name: &str) {
        Database::maintenance(self)
            .owner()
            .await
            .run(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await;
        let database = Database { server: self.clone(), name: name.into() };
        release::set_up(&database).await;
        self.make_users(&mut database.owner().await).await;
    }

    /// Makes the login roles, once the extension has made ours; they share the superuser's password.
    pub async fn make_users(&self, owner: &mut Session) {
        for (name, role) in USERS {
            let member = role.map(|role| format!("IN ROLE {role}")).unwrap_or_default();
            owner
                .run(&format!("CREATE ROLE {name} LOGIN PASSWORD '{}' {member}", self.password))
                .await;
        }
    }

    pub fn port(&self) -> u16 {
        self.with(|cluster| cluster.port())
    }

    pub fn data_dir(&self) -> PathBuf {
        self.with(|cluster| cluster.data_dir())
    }

    pub fn url(&self, user: User, database: &str) -> String {
        self.with(|cluster| cluster.url_of(user.name(), &self.password, database))
    }

    /// Kills every process of the server at once, as a power cut would.
    pub fn kill(&self) {
        self.with(|cluster| cluster.kill().expect("the server can be killed"));
    }

    /// Stops the server in order: its sessions are cut off.
    pub fn stop(&self) {
        self.with(|cluster| cluster.stop(Shutdown::Fast).expect("the server stops"));
    }

    /// Adds or replaces a setting; it holds from the next start on.
    pub fn set(&self, name: &str, value: &str) {
        self.with(|cluster| cluster.set(name, value));
    }

    /// All that the server has written to its log.
    pub fn log(&self) -> String {
        let path = self.with(|cluster| cluster.log_path());
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
    }

    /// Waits until the server's log has a line with that text; fails the test after a minute.
    #[track_caller]
    pub fn until_logged<'a>(&'a self, text: &'a str) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let begun = std::time::Instant::now();
            while !self.log().contains(text) {
                assert!(begun.elapsed().as_secs() < 60, "at {place}: never in the log: {text}");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }

    /// Stops the server without order: the next start recovers.
    pub fn stop_at_once(&self) {
        self.with(|cluster| cluster.stop(Shutdown::Immediate).expect("the server stops"));
    }

    /// The server's first process.
    pub fn postmaster(&self) -> u32 {
        self.with(|cluster| cluster.pid()).and_then(|pid| pid.try_into().ok()).expect("it runs")
    }

    /// Starts the server again on its data, after a stop or a kill.
    pub fn start_again(&self) {
        self.with(|cluster| cluster.start().expect("the server starts again"));
    }

    /// Goes on with a copy of its files in their place, as whoever copies a folder or a disk does.
    pub async fn go_on_with_copied_files(&self) {
        self.stop();
        let (data, copy) = (self.data_dir(), self.data_dir().with_extension("copy"));
        let mut copying = tokio::process::Command::new("cp");
        let ended = run(copying.arg("-a").args([&data, &copy])).await;
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
        std::fs::remove_dir_all(&data).expect("the files that were copied");
        std::fs::rename(&copy, &data).expect("the copy");
        self.start_again();
    }

    /// A client program of this PostgreSQL (pg_dump, psql), connected as superuser to `database`.
    pub fn command(&self, program: &str, database: &str) -> tokio::process::Command {
        let mut command = self.with(|cluster| cluster.command(program));
        command.env("PGDATABASE", database);
        command.into()
    }

    /// Brings everything of `old`, another PostgreSQL's server that was stopped, over to this one, which
    /// was never used and is started afterwards. The users bring their passwords.
    pub async fn take_over(self: &mut Arc<Self>, old: &Server) {
        let set = format!("ALTER ROLE {} PASSWORD '{}'", User::Owner.name(), old.password);
        Database::maintenance(self).owner().await.run(&set).await;
        self.stop();
        let (ours, theirs) = (self.data_dir(), old.data_dir());
        // Paths of sockets are short: a folder of its own, as far up as may be.
        let sockets = tempfile::tempdir().expect("a temporary folder");
        give_like(&ours, sockets.path()).expect("a folder of our own");
        let mut command = self.with(|cluster| cluster.tool("pg_upgrade"));
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("PG"))
        {
            command.env_remove(name);
        }
        command.env("PGPASSWORD", &old.password).args(["--username", User::Owner.name()]);
        command.arg("--old-bindir").arg(&old.bin_dir).arg("--new-bindir").arg(&self.bin_dir);
        command.arg("--old-datadir").arg(theirs).arg("--new-datadir").arg(ours);
        command.args(["--old-port", &old.port().to_string()]);
        command.args(["--new-port", &self.port().to_string()]);
        command.arg("--socketdir").arg(sockets.path()).arg("--no-sync");
        let ended = run(&mut command.into()).await;
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, log_ends(&self.data_dir()));
        self.start_again();
        let server = Arc::get_mut(self).expect("nobody uses it yet");
        server.password = old.password.clone();
    }

    fn shut_down(&self) {
        if let Some(mut cluster) = lock(&self.cluster).take() {
            // Nobody reads the data again.
            let _ = cluster.stop(Shutdown::Immediate);
        }
        if let Some(home) = lock(&self.home).take() {
            let _ = std::fs::remove_dir_all(home);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Cluster) -> T) -> T {
        act(lock(&self.cluster).as_mut().expect("the server was not shut down"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// With the background worker in a hurry.
pub fn kept(builder: Builder) -> Builder {
    builder
        .setting("shared_preload_libraries", "pg_inventory")
        .setting("pg_inventory.upkeep_interval", "100ms")
        .setting("fsync", "off")
}

/// The ends of what `pg_upgrade` wrote down of a cluster.
fn log_ends(data: &Path) -> String {
    let mut ends = String::new();
    let mut folders = vec![data.join("pg_upgrade_output.d")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let lines: Vec<_> = text.lines().rev().take(12).collect();
                let lines: Vec<_> = lines.into_iter().rev().collect();
                ends += &format!("-- {}\n{}\n", path.display(), lines.join("\n"));
            }
        }
    }
    ends
}

/// With the library preloaded, and room for a committer in every database that a file's tests use.
pub fn preloaded(builder: Builder) -> Builder {
    builder
        .setting("shared_preload_libraries", "pg_inventory")
        .setting("max_worker_processes", "40")
        .setting("pg_inventory.committers", "32")
        .setting("fsync", "off")
}

/// Hands everything below `folder` to whoever owns `model`.
fn give_like(model: &Path, folder: &Path) -> std::io::Result<()> {
    let owner = std::fs::metadata(model)?;
    chown(folder, Some(owner.uid()), Some(owner.gid()))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give_like(model, &entry.path())?;
        } else {
            lchown(entry.path(), Some(owner.uid()), Some(owner.gid()))?;
        }
    }
    Ok(())
}

/// A lock that a failed test left poisoned still guards sound data.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
