//! `doctor`: says in plain words what is wrong with a setup.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::session::LAYOUT;
use crate::sql_function;
use crate::worker::{self, Found, Status};
use inventory_core::Refusal;

sql_function!(doctor);

/// One finding: a row of the answer.
struct Finding {
    topic: &'static str,
    state: State,
    says: String,
    /// What to do next; empty where nothing is to be done.
    next: String,
}

#[derive(Clone, Copy)]
enum State {
    Ok,
    Note,
    Problem,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Problem => "problem",
        }
    }
}

impl Finding {
    fn new(topic: &'static str, state: State, says: impl Into<String>, next: &str) -> Finding {
        Finding { topic, state, says: says.into(), next: next.into() }
    }

    fn row(self) -> Vec<Value> {
        [self.topic, self.state.as_str(), &self.says, &self.next].map(Value::text).into()
    }
}

fn doctor(_: &Call) -> Result<Answer, Refusal> {
    let findings = [worker()];
    Ok(Answer::Rows(findings.into_iter().map(Finding::row).collect()))
}

/// The background worker, as far as it concerns this database.
fn worker() -> Finding {
    let finding = |state, says: &str, next| Finding::new("worker", state, says, next);
    let Some(status) = worker::status(server::database()) else {
        return finding(
            State::Note,
            "the library is not preloaded: nothing sweeps holds or prunes by itself",
            "Add pg_inventory to shared_preload_libraries and restart, or call inventory.maintain() every minute.",
        );
    };
    match status {
        Status { launcher: false, .. } => finding(
            State::Problem,
            "the launcher does not run",
            "Look for pg_inventory in the server's log.",
        ),
        Status { standby: true, .. } => {
            finding(State::Ok, "this is a standby: upkeep is the primary's", "")
        }
        Status { exhausted: true, .. } => finding(
            State::Problem,
            "the server has no process left for upkeep",
            "Raise max_worker_processes and restart, or lower pg_inventory.workers.",
        ),
        Status { visit: None, .. } => {
            finding(State::Note, "it has not been here yet", "Wait a moment.")
        }
        Status { visit: Some(visit), .. } => {
            let age = (server::now().0 - visit.at.0).max(0) / 1_000_000;
            match visit.found {
                Found::OtherLayout(layout) => finding(
                    State::Problem,
                    &format!("the tables have layout {layout}, this library works with {LAYOUT}"),
                    "Run SELECT inventory.install().",
                ),
                Found::Begun => finding(
                    State::Note,
                    &format!("it is at work, or failed {age} s ago"),
                    "If this stays so, look for pg_inventory in the server's log.",
                ),
                _ => finding(State::Ok, &format!("it was here {age} s ago"), ""),
            }
        }
    }
}
