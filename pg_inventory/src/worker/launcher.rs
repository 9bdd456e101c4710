//! The launcher: sends a visit to each database when it is due.

use super::board::{self, Found};
use crate::pg::exchange::{self, Desk, Service};
use crate::pg::process::{self, Running};
use crate::pg::server;
use crate::settings;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a database without tables of ours is left alone.
const ELSEWHERE: Duration = Duration::from_secs(15);
/// How long one is left alone whose visits fail, at most; it begins with two intervals and doubles.
const GIVEN_UP: Duration = Duration::from_secs(300);

/// A database as the launcher knows it.
struct Known {
    name: String,
    due: Instant,
    visit: Option<Running>,
    failures: u32,
    /// What was last told in the log of it.
    told: Found,
}

/// What the launcher remembers.
#[derive(Default)]
struct Launcher {
    databases: BTreeMap<u32, Known>,
    /// Databases with a committer.
    committers: BTreeMap<u32, Running>,
    standby: bool,
    exhausted: bool,
}

/// The process. Ends when the server does, or is asked to.
pub fn run() {
    process::be_launcher();
    let mut launcher = Launcher::default();
    launcher.take_place();
    let mut round = Instant::now();
    while process::wait(round.saturating_duration_since(Instant::now())) {
        launcher.send_committers();
        if settings::UPKEEP.get() && round <= Instant::now() {
            launcher.round();
        }
        if round <= Instant::now() {
            clear_desks();
            round = Instant::now() + settings::upkeep_interval() / 4;
        }
    }
}

/// Frees the desks of databases that are gone. (Not of those that merely let nobody in: who is in them
/// stays. And each desk is seen before its database is looked for, so no new one is missed.)
fn clear_desks() {
    Desk::all().filter(|desk| !process::database_exists(desk.database())).for_each(Desk::clear);
}

impl Launcher {
    /// Lets callers know that somebody sends committers. Those whom a launcher before this one sent, and
    /// who never came, are not waited for.
    fn take_place(&self) {
        for desk in Desk::all() {
            desk.turn(Service::Starting, Service::Closed);
        }
        exchange::launcher_is_here();
    }

    /// Sends a committer wherever callers ask for one.
    fn send_committers(&mut self) {
        self.committers.retain(|_, committer| !committer.ended());
        let most = usize::try_from(settings::COMMITTERS.get()).unwrap_or(0);
        for desk in Desk::all() {
            let database = desk.database();
            let under_way = self.committers.contains_key(&database);
            if !under_way {
                // It was sent and could not stay.
                desk.turn(Service::Starting, Service::Refused);
            }
            if desk.service() != Service::Wanted || under_way {
                continue;
            }
            let room = self.committers.len() < most;
            match room.then(|| process::send_committer(database)).flatten() {
                Some(committer) => {
                    desk.turn(Service::Wanted, Service::Starting);
                    self.committers.insert(database, committer);
                }
                None => {
                    desk.turn(Service::Wanted, Service::Refused);
                }
            }
        }
    }

    fn round(&mut self) {
        let standby = server::in_recovery();
        if standby && !self.standby {
            pgrx::log!("pg_inventory: this is a standby: upkeep waits for its promotion");
        }
        self.standby = standby;
        board::launcher(standby, self.exhausted);
        if standby {
            return;
        }
        self.look_around();
        let databases: Vec<u32> = self.databases.keys().copied().collect();
        for database in &databases {
            self.look_after(*database);
        }
        let under_way = self.databases.values().filter(|known| known.visit.is_some()).count();
        let free = usize::try_from(settings::WORKERS.get()).unwrap_or(1).saturating_sub(under_way);
        self.send(free);
        board::launcher(standby, self.exhausted);
    }

    /// Takes in databases that came and went.
    fn look_around(&mut self) {
        let there = process::databases();
        let oids: Vec<u32> = there.iter().map(|(oid, _)| *oid).collect();
        self.databases.retain(|oid, _| oids.contains(oid));
        board::keep(&oids);
        for (oid, name) in there {
            self.databases.entry(oid).or_insert_with(|| Known {
                name,
                due: Instant::now(),
                visit: None,
                failures: 0,
                told: Found::Nothing,
            });
        }
    }

    /// Takes in what came of a visit that has ended, and sets the next one.
    fn look_after(&mut self, database: u32) {
        let Some(known) = self.databases.get_mut(&database) else { return };
        if !known.visit.as_ref().is_some_and(Running::ended) {
            return;
        }
        known.visit = None;
        let found = board::status(database).and_then(|s| s.visit).map_or(Found::Kept, |v| v.found);
        known.failures = if found == Found::Begun { known.failures.saturating_add(1) } else { 0 };
        let interval = settings::upkeep_interval();
        known.due = Instant::now()
            + match found {
                Found::Kept => interval,
                Found::Begun => {
                    (interval * 2u32.saturating_pow(known.failures.min(16))).min(GIVEN_UP)
                }
                Found::Nothing | Found::NoTables | Found::OtherLayout(_) => ELSEWHERE.max(interval),
            };
        if found != known.told {
            known.tell(found);
        }
    }

    /// Sends visits to the databases that have been due longest.
    fn send(&mut self, most: usize) {
        let now = Instant::now();
        let mut due: Vec<(Instant, u32)> = self
            .databases
            .iter()
            .filter(|(_, known)| known.visit.is_none() && known.due <= now)
            .map(|(oid, known)| (known.due, *oid))
            .collect();
        due.sort_unstable();
        let mut exhausted = false;
        for (_, database) in due.into_iter().take(most) {
            let Some(known) = self.databases.get_mut(&database) else { continue };
            known.visit = process::send_visit(database, &known.name);
            exhausted |= known.visit.is_none();
        }
        if exhausted && !self.exhausted {
            pgrx::log!(
                "pg_inventory: no process left for upkeep: raise max_worker_processes, or lower pg_inventory.workers"
            );
        }
        self.exhausted = exhausted;
    }
}

impl Known {
    fn tell(&mut self, found: Found) {
        if let Found::OtherLayout(layout) = found {
            pgrx::log!(
                "pg_inventory: the tables in database \"{}\" have layout {layout}, this library works with {}: run SELECT inventory.install()",
                self.name,
                crate::session::LAYOUT
            );
        }
        if found == Found::Begun {
            pgrx::log!(
                "pg_inventory: upkeep of database \"{}\" failed; it will be tried again",
                self.name
            );
        }
        self.told = found;
    }
}
