//! `doctor`: says in plain words what is wrong with a setup. What the database knows of itself is
//! judged in sql/doctor.sql, what its tables tell in sql/doctor_tables.sql, the background worker here.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::lock::{self, Mode};
use crate::pg::server;
use crate::pg::spi::{self, Args, Row, Spi};
use crate::session::{self, LAYOUT};
use crate::settings;
use crate::sql_function;
use crate::worker::{self, Found, Status, Visit};
use inventory_core::Refusal;
use inventory_core::time::Moment;
use pgrx::pg_sys::{INT8OID, TEXTOID};

sql_function!(doctor, in any encoding);

/// Something that is looked at.
struct Topic {
    name: &'static str,
    /// What is said where nothing was found; empty where a finding always comes.
    well: &'static str,
    /// Whether the tables must be read to say so.
    of_tables: bool,
}

const fn topic(name: &'static str, well: &'static str) -> Topic {
    Topic { name, well, of_tables: false }
}

const fn of_tables(name: &'static str, well: &'static str) -> Topic {
    Topic { name, well, of_tables: true }
}

/// In the order of the answer.
const TOPICS: &[Topic] = &[
    topic("version", concat!("library and functions are of version ", env!("CARGO_PKG_VERSION"))),
    topic("encoding", "UTF8"),
    topic("layout", ""),
    topic("rights", "roles, functions, views and tables have those they were made with"),
    topic("worker", ""),
    of_tables("upkeep", "holds are swept, old requests and holds are pruned"),
    of_tables("journal", "its partitions have room"),
    of_tables("sequences", "they are as they were made, and count with the clock"),
    of_tables("sagas", "none needs attention, and none waits for a coordinator"),
    of_tables("repairs", "no ticket waits for long"),
    of_tables("sinks", "each hears what happens"),
    topic("vacuum", "autovacuum keeps up"),
    topic("transactions", "none is open for more than a minute, and nothing keeps dead rows"),
    topic("durability", "what is answered is on disk"),
    topic("isolation", "commands that meet wait for each other"),
    topic("connections", ""),
    topic("growth", ""),
];

/// The tables that are read; the first says which layout they have.
const READ: &[&str] = &[
    "installation",
    "journal",
    "journal_default",
    "outbox_parked",
    "relay_cursor",
    "repair_ticket",
    "reservation",
    "saga",
    "sink",
    "sinks",
    "upkeep",
    "warehouse",
];

/// How one of them is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Free,
    /// Somebody has it to themselves.
    Kept,
    Missing,
}

/// One finding: a row of the answer.
struct Finding {
    topic: String,
    /// `ok`, `note` or `problem`
    state: String,
    says: String,
    /// What to do next; empty where nothing is to be done.
    next: String,
}

impl Finding {
    fn new(topic: &str, state: &str, says: impl Into<String>, next: &str) -> Finding {
        Finding { topic: topic.into(), state: state.into(), says: says.into(), next: next.into() }
    }

    fn read(row: Row<'_>) -> Finding {
        Finding { topic: row.text(1), state: row.text(2), says: row.text(3), next: row.text(4) }
    }

    fn is_ok(&self) -> bool {
        self.state == "ok"
    }

    fn row(self) -> Vec<Value> {
        [self.topic, self.state, self.says, self.next].map(Value::Text).into()
    }
}

fn doctor(_: &Call) -> Result<Answer, Refusal> {
    let findings =
        if server::encoding_is_utf8() { spi::connect(examine) } else { vec![encoding()] };
    Ok(Answer::Rows(findings.into_iter().map(Finding::row).collect()))
}

/// All that can be said: names here may be in letters that we cannot read.
fn encoding() -> Finding {
    let next =
        "Dump the database and restore it into one made with ENCODING 'UTF8' TEMPLATE template0.";
    Finding::new(
        "encoding",
        "problem",
        "the database is not encoded in UTF8: no command works",
        next,
    )
}

fn examine(spi: &Spi) -> Vec<Finding> {
    let access: Vec<Access> = READ.iter().map(|table| access(spi, table)).collect();
    // Where somebody keeps the table that says it, nothing is said against the layout.
    let layout = match access[0] {
        Access::Free => session::stored_layout(spi),
        Access::Kept => Some(LAYOUT),
        Access::Missing => None,
    };
    let args = Args::new().text(env!("CARGO_PKG_VERSION"));
    let args = args.int8(LAYOUT.into()).maybe_int8(layout.map(i64::from));
    let setup = include_str!("../../../sql/doctor.sql");
    let setup = spi.once(setup, &[TEXTOID, INT8OID, INT8OID], &args);
    let mut found: Vec<Finding> = setup.iter().map(Finding::read).collect();
    found.push(worker());
    let kept = READ.iter().zip(&access).filter(|(_, access)| **access == Access::Kept);
    found.extend(kept.map(|(table, _)| kept_by_somebody(table)));
    let readable = layout == Some(LAYOUT) && access.iter().all(|access| *access == Access::Free);
    if readable {
        let tables = spi.script(include_str!("../../../sql/doctor_tables.sql"));
        found.extend(tables.iter().map(Finding::read));
    }
    in_order(found, readable)
}

/// Whether a table can be read without waiting. The lock lasts until the caller's transaction ends.
fn access(spi: &Spi, table: &str) -> Access {
    match session::relation(spi, &format!("inventory.{table}")) {
        None => Access::Missing,
        Some(oid) if lock::try_table(oid, Mode::Read) => Access::Free,
        Some(_) => Access::Kept,
    }
}

fn kept_by_somebody(table: &str) -> Finding {
    let says =
        format!("somebody has inventory.{table} to themselves: what is in it was not looked at");
    let next = "Ask again; if it stays so, look for AccessExclusiveLock in pg_locks.";
    Finding::new("transactions", "note", says, next)
}

/// The findings by topic; where there is none, that all is well.
fn in_order(mut found: Vec<Finding>, tables_were_read: bool) -> Vec<Finding> {
    let mut ordered = Vec::new();
    for topic in TOPICS {
        let (mut of_topic, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|finding| finding.topic == topic.name);
        found = others;
        if of_topic.iter().any(|finding| !finding.is_ok()) {
            of_topic.retain(|finding| !finding.is_ok());
            of_topic.sort_by_key(|finding| finding.state != "problem");
        } else if of_topic.is_empty()
            && !topic.well.is_empty()
            && (tables_were_read || !topic.of_tables)
        {
            of_topic.push(Finding::new(topic.name, "ok", topic.well, ""));
        }
        ordered.extend(of_topic);
    }
    ordered
}

/// Seconds after which a launcher that gives no sign is taken for gone; it gives one every five.
const SILENT: i64 = 60;

/// The background worker, as far as it concerns this database.
fn worker() -> Finding {
    let finding = |state, says: &str, next| Finding::new("worker", state, says, next);
    let ago = |at: Moment| (server::now().0 - at.0).max(0) / 1_000_000;
    if server::in_recovery() {
        return finding("ok", "this is a standby: upkeep is the primary's", "");
    }
    let Some(status) = worker::status(server::database()) else {
        return finding(
            "note",
            "the library is not preloaded: nothing sweeps holds or prunes by itself",
            "Add pg_inventory to shared_preload_libraries and restart, or call inventory.maintain() every minute.",
        );
    };
    match status {
        _ if !settings::UPKEEP.get() => finding(
            "note",
            "pg_inventory.upkeep is off: nothing sweeps holds or prunes by itself",
            "Turn it on and reload, or call inventory.maintain() every minute.",
        ),
        Status { launcher, .. } if launcher.is_none_or(|at| ago(at) > SILENT) => finding(
            "problem",
            "the launcher does not run",
            "Look in the server's log for pg_inventory and for too many background workers; raise max_worker_processes.",
        ),
        Status { exhausted: Some(since), .. } => finding(
            "problem",
            &format!("the server has had no process left for upkeep for {} s", ago(since)),
            "Raise max_worker_processes and restart, or lower pg_inventory.workers.",
        ),
        Status { visit: None, .. } => finding("note", "it has not been here yet", "Wait a moment."),
        Status { visit: Some(visit), .. } => visited(&visit, ago(visit.at)),
    }
}

fn visited(visit: &Visit, age: i64) -> Finding {
    let finding = |state, says: &str, next| Finding::new("worker", state, says, next);
    match visit.found {
        Found::OtherLayout(layout) => finding(
            "problem",
            &format!("the tables have layout {layout}, this library works with {LAYOUT}"),
            "Run SELECT inventory.install().",
        ),
        Found::OtherOwners => finding(
            "problem",
            "a table in schema inventory belongs neither to the owner of the others nor to a superuser: upkeep leaves all alone",
            "Give it to the owner of inventory.installation, or move it to another schema.",
        ),
        Found::Failed => finding(
            "problem",
            &format!("it failed {age} s ago"),
            "Look for pg_inventory in the server's log.",
        ),
        Found::NoTables => finding(
            "note",
            &format!("it found no tables here {age} s ago"),
            "Run SELECT inventory.install().",
        ),
        Found::Nothing | Found::Kept | Found::Unfinished => {
            finding("ok", &format!("it was here {age} s ago"), "")
        }
    }
}
