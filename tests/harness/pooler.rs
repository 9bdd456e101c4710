//! A pgbouncer in transaction mode before a server: many clients share few connections, and no
//! client keeps one for longer than a transaction.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sqlx::ConnectOptions;

use crate::commands::find_program;
use crate::database::{Database, User};
use crate::session::Session;

/// The server connections that all clients share.
pub const POOL_SIZE: usize = 6;

/// A running pgbouncer; ended when dropped.
pub struct Pooler {
    database: Database,
    port: u16,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// None where there is no pgbouncer.
    pub async fn before(database: &Database) -> Option<Pooler> {
        let program = find_program("pgbouncer")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        write_settings(folder.path(), database, port);
        let mut command = Command::new(program);
        command.current_dir(folder.path()).arg("pgbouncer.ini");
        if let Some(user) = lend_to_somebody(folder.path()) {
            command.args(["-u", &user]);
        }
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("pgbouncer starts");
        let pooler = Pooler { database: database.clone(), port, child, _folder: folder };
        pooler.wait_until_it_listens().await;
        Some(pooler)
    }

    async fn wait_until_it_listens(&self) {
        for _ in 0..500 {
            if self.try_session(User::Operator).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let log = std::fs::read_to_string(self._folder.path().join("pgbouncer.log"));
        panic!("pgbouncer lets nobody in: {}", log.unwrap_or_default());
    }

    pub async fn session(&self, user: User) -> Session {
        self.try_session(user).await.expect("pgbouncer lets us in")
    }

    async fn try_session(&self, user: User) -> Result<Session, sqlx::Error> {
        let connection = self.database.options(user).port(self.port).connect().await?;
        Ok(Session { connection })
    }

    pub async fn sessions(&self, count: usize) -> Vec<Session> {
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(self.session(User::Operator).await);
        }
        sessions
    }

    /// The address for other programs.
    pub fn url(&self, user: User) -> String {
        let direct = format!(":{}/", self.database.server.port());
        self.database.url(user).replace(&direct, &format!(":{}/", self.port))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    inventory_gateway::cluster::free_port().expect("a free port")
}

fn write_settings(folder: &Path, database: &Database, port: u16) {
    let server = &database.server;
    let users = [User::Owner, User::Admin, User::Operator, User::Reader];
    let list: String =
        users.iter().map(|u| format!("\"{}\" \"{}\"\n", u.name(), server.password)).collect();
    std::fs::write(folder.join("users.txt"), list).expect("a folder of our own");
    let settings = format!(
        "[databases]\n{name} = host={host} port={server_port} dbname={name}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_file = users.txt\npool_mode = transaction\n\
         default_pool_size = {POOL_SIZE}\nmax_client_conn = 300\nlogfile = pgbouncer.log\n\
         ignore_startup_parameters = extra_float_digits\n",
        name = database.name,
        host = server.host,
        server_port = server.port(),
    );
    std::fs::write(folder.join("pgbouncer.ini"), settings).expect("a folder of our own");
}

/// pgbouncer does not run as root: then its folder and itself go to an unprivileged user.
fn lend_to_somebody(folder: &Path) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|l| l.starts_with("Uid:") && l.split_whitespace().nth(2) == Some("0"))?;
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = accounts.lines().find(|l| l.starts_with("nobody:"))?;
    let ids: Vec<u32> =
        account.split(':').skip(2).take(2).filter_map(|id| id.parse().ok()).collect();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).ok()?;
    for path in [folder.to_owned(), folder.join("users.txt"), folder.join("pgbouncer.ini")] {
        chown(&path, ids.first().copied(), ids.get(1).copied()).ok()?;
    }
    Some("nobody".into())
}
