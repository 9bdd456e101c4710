//! The PostgreSQL under measurement: its programs, its sessions, the processor time it used.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use inventory_gateway::cluster::SUPERUSER;

use crate::error::{Error, Result};

/// Linux shows processor time to programs in hundredths of a second, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Debug)]
pub struct Server {
    bin_dir: PathBuf,
    host: String,
    port: u16,
    /// Of the superuser; none where the server trusts.
    password: Option<String>,
    postmaster: u32,
}

impl Server {
    pub fn new(bin_dir: &Path, host: &str, port: u16, password: Option<&str>) -> Result<Server> {
        let mut server = Server {
            bin_dir: bin_dir.into(),
            host: host.into(),
            port,
            password: password.map(str::to_owned),
            postmaster: 0,
        };
        let statement = r"SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)";
        let answer = server.value("postgres", statement)?;
        server.postmaster =
            answer.parse().map_err(|_| Error::Answer { statement: statement.into(), answer })?;
        Ok(server)
    }

    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@{}:{}/{database}", self.host, self.port)
    }

    /// Runs a script, whatever it has to say.
    pub fn run(&self, database: &str, sql: &str) -> Result<()> {
        self.psql(database, &["-c", sql]).map(drop)
    }

    pub fn run_file(&self, database: &str, sql: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), sql)?;
        self.psql(database, &["-f", &file.path().to_string_lossy()]).map(drop)
    }

    /// The same as another role.
    pub fn run_as(&self, role: &str, database: &str, sql: &str) -> Result<()> {
        self.psql_as(role, database, &["-c", sql]).map(drop)
    }

    /// Changes a setting of the running server; `None` takes it back.
    pub fn set(&self, setting: &str, value: Option<&str>) -> Result<()> {
        let change = match value {
            Some(value) => format!("ALTER SYSTEM SET {setting} = '{value}'"),
            None => format!("ALTER SYSTEM RESET {setting}"),
        };
        self.run("postgres", &change)?;
        self.run("postgres", "SELECT pg_reload_conf()")
    }

    pub fn preloaded(&self) -> Result<bool> {
        let libraries = "SELECT current_setting('shared_preload_libraries')";
        let libraries = self.value("postgres", libraries)?;
        Ok(libraries.split(',').any(|name| name.trim() == "pg_inventory"))
    }

    /// The rows of a query, columns parted by `|`.
    pub fn rows(&self, database: &str, query: &str) -> Result<Vec<String>> {
        Ok(self.psql(database, &["-c", query])?.lines().map(str::to_owned).collect())
    }

    pub fn value(&self, database: &str, query: &str) -> Result<String> {
        Ok(self.psql(database, &["-c", query])?.trim_end().to_owned())
    }

    pub fn number(&self, database: &str, query: &str) -> Result<u64> {
        let answer = self.value(database, query)?;
        answer.parse().map_err(|_| Error::Answer { statement: query.to_owned(), answer })
    }

    fn psql(&self, database: &str, args: &[&str]) -> Result<String> {
        self.psql_as(SUPERUSER, database, args)
    }

    fn psql_as(&self, role: &str, database: &str, args: &[&str]) -> Result<String> {
        let mut command = self.client("psql", role, database);
        command.args(["-qAtX", "-v", "ON_ERROR_STOP=1"]).args(args);
        Ok(String::from_utf8_lossy(&finish("psql", command)?.stdout).into_owned())
    }

    /// One of the client programs that came with the server, told where it is.
    pub fn client(&self, program: &str, user: &str, database: &str) -> Command {
        let mut command = Command::new(self.bin_dir.join(program));
        command.env("PGHOST", &self.host).env("PGPORT", self.port.to_string());
        command
            .env("PGUSER", user)
            .env("PGDATABASE", database)
            .env("PGOPTIONS", "-c client_min_messages=warning");
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password);
        }
        command
    }

    /// Processor seconds of the postmaster and everything it started, ended processes included.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let mut ticks = 0;
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|text| text.parse::<u32>().ok()) else {
                continue;
            };
            // A process may end between the listing and the look; the postmaster then has its time.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let Some(used) = ProcessTime::parse(&stat) else { continue };
            if pid == self.postmaster {
                ticks += used.own + used.ended_children;
            } else if used.parent == self.postmaster {
                ticks += used.own;
            }
        }
        Ok(ticks as f64 / TICKS_PER_SECOND)
    }
}

/// What `/proc/PID/stat` (proc(5)) says of a process, in ticks.
struct ProcessTime {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl ProcessTime {
    fn parse(stat: &str) -> Option<ProcessTime> {
        // The command name stands in parentheses and may hold anything, so count from the last one.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(ProcessTime {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended_children: ticks(13)? + ticks(14)?,
        })
    }
}

/// Runs to the end; anything but success is an error with what the program said.
pub fn finish(program: &'static str, mut command: Command) -> Result<Output> {
    let path = PathBuf::from(command.get_program());
    let output = command.output().map_err(|source| Error::Spawn { program: path, source })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Program { program, status: output.status, stderr });
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::ProcessTime;

    #[test]
    fn reads_times_behind_a_name_with_parentheses() {
        let stat = "42 (postgres: a) b) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7";
        let used = ProcessTime::parse(stat).unwrap();
        assert_eq!((used.parent, used.own, used.ended_children), (7, 120, 7));
    }
}
