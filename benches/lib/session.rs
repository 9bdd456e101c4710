//! A session that stays open between statements.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::error::{Error, Result};
use crate::server::Server;

/// What `psql` is told to say once it is through, with the state of the last statement.
const DONE: &str = "-- done";
const ACCEPTED: &str = "00000";

/// Closed when it is dropped: PostgreSQL rolls back what it left open.
#[derive(Debug)]
pub struct Session {
    child: Child,
    statements: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What statements said.
#[derive(Debug)]
pub struct Answer {
    /// Columns parted by `|`.
    pub lines: Vec<String>,
    /// Of the last statement.
    pub sqlstate: String,
}

impl Session {
    pub fn open(server: &Server, role: &str, database: &str) -> Result<Session> {
        let mut command = server.client("psql", role, database);
        command.arg("-qAtX");
        // Errors are told by their state.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let program = command.get_program().into();
        let mut child = command.spawn().map_err(|source| Error::Spawn { program, source })?;
        let answers = child.stdout.take().map(BufReader::new).ok_or_else(gone)?;
        Ok(Session { statements: child.stdin.take(), child, answers })
    }

    /// Runs statements, and waits until they are through.
    pub fn ask(&mut self, sql: &str) -> Result<Answer> {
        let statements = self.statements.as_mut().ok_or_else(gone)?;
        write!(statements, "{sql}\n\\echo {DONE} :SQLSTATE\n")?;
        statements.flush()?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 {
                return Err(gone());
            }
            match line.trim_end().strip_prefix(DONE) {
                Some(state) => return Ok(Answer { lines, sqlstate: state.trim().to_owned() }),
                None => lines.push(line.trim_end().to_owned()),
            }
        }
    }

    /// The same, where none may fail.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        let answer = self.ask(sql)?;
        if answer.sqlstate == ACCEPTED {
            return Ok(());
        }
        Err(Error::Answer { statement: sql.to_owned(), answer: answer.sqlstate })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.statements.take());
        let _ = self.child.wait();
    }
}

fn gone() -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::BrokenPipe, "psql has ended"))
}
