//! A session that stays open between statements.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::error::{Error, Result};
use crate::server::Server;

/// What `psql` is told to say once it is through.
const DONE: &str = "-- done --";

/// Closed when it is dropped: PostgreSQL rolls back what it left open.
#[derive(Debug)]
pub struct Session {
    child: Child,
    statements: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Session {
    pub fn open(server: &Server, role: &str, database: &str) -> Result<Session> {
        let mut command = server.client("psql", role, database);
        command.args(["-qAtX", "-v", "ON_ERROR_STOP=1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let program = command.get_program().into();
        let mut child = command.spawn().map_err(|source| Error::Spawn { program, source })?;
        let gone = || Error::Io(std::io::ErrorKind::BrokenPipe.into());
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        Ok(Session { statements: child.stdin.take(), child, answers })
    }

    /// Runs statements, and waits until they are through.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        if let Some(statements) = &mut self.statements {
            write!(statements, "{sql}\n\\echo {DONE}\n")?;
            statements.flush()?;
        }
        let mut line = String::new();
        while line.trim_end() != DONE {
            line.clear();
            if self.answers.read_line(&mut line)? == 0 {
                let (statement, answer) = (sql.to_owned(), "psql has ended".to_owned());
                return Err(Error::Answer { statement, answer });
            }
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.statements.take());
        let _ = self.child.wait();
    }
}
