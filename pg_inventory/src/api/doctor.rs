//! `doctor`: says in plain words what is wrong with a setup.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::session::LAYOUT;
use crate::settings;
use crate::sql_function;
use crate::worker::{self, Found, Status, Visit};
use inventory_core::Refusal;
use inventory_core::time::Moment;

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

/// Seconds after which a launcher that gives no sign is taken for gone; it gives one every five.
const SILENT: i64 = 60;

/// The background worker, as far as it concerns this database.
fn worker() -> Finding {
    let finding = |state, says: &str, next| Finding::new("worker", state, says, next);
    let ago = |at: Moment| (server::now().0 - at.0).max(0) / 1_000_000;
    if server::in_recovery() {
        return finding(State::Ok, "this is a standby: upkeep is the primary's", "");
    }
    let Some(status) = worker::status(server::database()) else {
        return finding(
            State::Note,
            "the library is not preloaded: nothing sweeps holds or prunes by itself",
            "Add pg_inventory to shared_preload_libraries and restart, or call inventory.maintain() every minute.",
        );
    };
    match status {
        _ if !settings::UPKEEP.get() => finding(
            State::Note,
            "pg_inventory.upkeep is off: nothing sweeps holds or prunes by itself",
            "Turn it on and reload, or call inventory.maintain() every minute.",
        ),
        Status { launcher, .. } if launcher.is_none_or(|at| ago(at) > SILENT) => finding(
            State::Problem,
            "the launcher does not run",
            "Look in the server's log for pg_inventory and for too many background workers; raise max_worker_processes.",
        ),
        Status { exhausted: Some(since), .. } => finding(
            State::Problem,
            &format!("the server has had no process left for upkeep for {} s", ago(since)),
            "Raise max_worker_processes and restart, or lower pg_inventory.workers.",
        ),
        Status { visit: None, .. } => {
            finding(State::Note, "it has not been here yet", "Wait a moment.")
        }
        Status { visit: Some(visit), .. } => visited(&visit, ago(visit.at)),
    }
}

fn visited(visit: &Visit, age: i64) -> Finding {
    let finding = |state, says: &str, next| Finding::new("worker", state, says, next);
    match visit.found {
        Found::OtherLayout(layout) => finding(
            State::Problem,
            &format!("the tables have layout {layout}, this library works with {LAYOUT}"),
            "Run SELECT inventory.install().",
        ),
        Found::OtherOwners => finding(
            State::Problem,
            "a table in schema inventory belongs neither to the owner of the others nor to a superuser: upkeep leaves all alone",
            "Give it to the owner of inventory.installation, or move it to another schema.",
        ),
        Found::Failed => finding(
            State::Problem,
            &format!("it failed {age} s ago"),
            "Look for pg_inventory in the server's log.",
        ),
        Found::NoTables => finding(
            State::Note,
            &format!("it found no tables here {age} s ago"),
            "Run SELECT inventory.install().",
        ),
        Found::Nothing | Found::Kept | Found::Unfinished => {
            finding(State::Ok, &format!("it was here {age} s ago"), "")
        }
    }
}
