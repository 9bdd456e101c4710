//! The launcher: sends a visit to each database when it is due.

use super::board::{self, Found};
use crate::pg::exchange::{self, Desk, Service};
use crate::pg::process::{self, Running};
use crate::pg::server;
use crate::settings;
use inventory_core::time::Moment;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how many intervals a database without tables of ours is left alone, but no longer than that.
const ELSEWHERE: (u32, Duration) = (8, Duration::from_secs(60));
/// How long one is left alone whose visits fail, at most; it begins with two intervals and doubles.
const GIVEN_UP: Duration = Duration::from_secs(300);
/// The launcher gives a sign of life at least so often.
const BEAT: Duration = Duration::from_secs(5);
/// A lack of processes is told when it lasts that many intervals, and then not again for a while:
/// parallel queries take what is left every now and then.
const LACKING: u32 = 2;
const AGAIN: Duration = Duration::from_secs(600);

/// A database as the launcher knows it.
struct Known {
    name: String,
    visit: Option<Running>,
    /// When the last visit ended, or the database was first seen.
    since: Instant,
    /// What that visit found.
    found: Found,
    /// How many have failed, one after the other.
    failures: u32,
    /// What was last told of it in the log.
    told: Found,
    told_version: bool,
}

/// That no process is left for a visit.
#[derive(Default)]
struct Lack {
    since: Option<(Instant, Moment)>,
    told: Option<Instant>,
}

/// What the launcher remembers.
#[derive(Default)]
struct Launcher {
    databases: BTreeMap<u32, Known>,
    /// Databases with a committer.
    committers: BTreeMap<u32, Running>,
    standby: bool,
    lack: Lack,
}

/// The process. Ends when the server does, or is asked to.
pub fn run() {
    process::be_launcher();
    let mut launcher = Launcher::default();
    launcher.take_place();
    let mut round = Instant::now();
    while process::wait(round.saturating_duration_since(Instant::now())) {
        launcher.send_committers();
        if round <= Instant::now() {
            clear_desks();
            launcher.round();
            round = Instant::now() + (settings::upkeep_interval() / 4).min(BEAT);
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
        board::launcher(server::now(), self.lack.since.map(|(_, at)| at));
        if standby {
            return;
        }
        self.look_around();
        if settings::UPKEEP.get() {
            self.look_after();
        }
    }

    fn look_after(&mut self) {
        for (oid, known) in &mut self.databases {
            known.look_after(*oid);
        }
        let under_way = self.databases.values().filter(|known| known.visit.is_some()).count();
        let most = usize::try_from(settings::WORKERS.get()).unwrap_or(1);
        self.send(most.saturating_sub(under_way));
    }

    /// Takes in databases that came and went.
    fn look_around(&mut self) {
        let there = process::databases();
        let oids: Vec<u32> = there.iter().map(|(oid, _)| *oid).collect();
        self.databases.retain(|oid, _| oids.contains(oid));
        board::keep(&oids);
        for (oid, name) in there {
            let known = self.databases.entry(oid).or_insert_with(Known::new);
            known.name = name;
        }
    }

    /// Sends visits to the databases that have been due longest.
    fn send(&mut self, most: usize) {
        let now = Instant::now();
        let mut due: Vec<(Instant, u32)> =
            self.databases.iter().filter_map(|(oid, k)| Some((k.due(now)?, *oid))).collect();
        due.sort_unstable();
        for (_, oid) in due.into_iter().take(most) {
            let Some(known) = self.databases.get_mut(&oid) else { continue };
            board::under_way(oid, true);
            known.visit = process::send_visit(oid, &known.name);
            if known.visit.is_none() {
                board::under_way(oid, false);
                return self.lack.goes_on(now);
            }
            self.lack.since = None;
        }
    }
}

impl Lack {
    fn goes_on(&mut self, now: Instant) {
        let (since, _) = *self.since.get_or_insert_with(|| (now, server::now()));
        let lasts = now.duration_since(since) >= settings::upkeep_interval() * LACKING;
        if lasts && self.told.is_none_or(|told| now.duration_since(told) >= AGAIN) {
            pgrx::log!(
                "pg_inventory: no process left for upkeep: raise max_worker_processes, or lower pg_inventory.workers"
            );
            self.told = Some(now);
        }
    }
}

impl Known {
    fn new() -> Known {
        Known {
            name: String::new(),
            visit: None,
            since: Instant::now(),
            found: Found::Nothing,
            failures: 0,
            told: Found::Nothing,
            told_version: false,
        }
    }

    /// Takes in what came of a visit that has ended.
    fn look_after(&mut self, oid: u32) {
        if !self.visit.as_ref().is_some_and(Running::ended) {
            return;
        }
        (self.visit, self.since) = (None, Instant::now());
        // Where the board has no room it is as if nothing were there.
        let visit = board::ended(oid, server::now());
        self.found = visit.map_or(Found::NoTables, |v| v.found);
        self.failures =
            if self.found == Found::Failed { self.failures.saturating_add(1) } else { 0 };
        self.tell(visit.is_some_and(|v| v.other_version));
    }

    /// Since when a visit has been due, if it is.
    fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.since + self.pause();
        (self.visit.is_none() && due <= now).then_some(due)
    }

    fn pause(&self) -> Duration {
        let interval = settings::upkeep_interval();
        match self.found {
            Found::Nothing | Found::Unfinished => Duration::ZERO,
            Found::Kept => interval,
            Found::Failed => {
                (interval * 2u32.saturating_pow(self.failures.min(12))).min(GIVEN_UP.max(interval))
            }
            Found::NoTables | Found::OtherLayout(_) | Found::OtherOwners => {
                (interval * ELSEWHERE.0).min(ELSEWHERE.1.max(interval))
            }
        }
    }

    /// Tells in the log what has changed and somebody should know.
    fn tell(&mut self, other_version: bool) {
        let name = &self.name;
        if other_version && !self.told_version {
            pgrx::log!(
                "pg_inventory: the extension in database \"{name}\" is not of this library's version {}: run ALTER EXTENSION pg_inventory UPDATE, then SELECT inventory.install()",
                super::sql_version()
            );
        }
        self.told_version = other_version;
        if self.found == self.told {
            return;
        }
        self.told = self.found;
        match self.found {
            Found::OtherLayout(layout) => pgrx::log!(
                "pg_inventory: the tables in database \"{name}\" have layout {layout}, this library works with {}: run SELECT inventory.install()",
                crate::session::LAYOUT
            ),
            Found::OtherOwners => pgrx::log!(
                "pg_inventory: a table in schema inventory of database \"{name}\" belongs neither to the owner of the others nor to a superuser: upkeep leaves all alone"
            ),
            Found::Failed => pgrx::log!(
                "pg_inventory: upkeep of database \"{name}\" failed; it will be tried again"
            ),
            Found::Nothing | Found::NoTables | Found::Kept | Found::Unfinished => {}
        }
    }
}
