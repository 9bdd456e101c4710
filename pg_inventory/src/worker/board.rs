//! The board in shared memory: what launcher and visits tell each other, and `doctor()`.

use crate::pg::shared;
use inventory_core::time::Moment;

/// The most databases the board has room for; those beyond it are visited now and then, and not told of.
const ROOM: usize = 512;

/// What the last visit found in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// None has ended so far.
    Nothing,
    /// No extension, or no tables.
    NoTables,
    /// Tables of this layout, which is not the library's.
    OtherLayout(i32),
    /// Some table belongs neither to the owner of the others nor to a superuser: whom to trust?
    OtherOwners,
    /// All was done.
    Kept,
    /// More was to do than it had time for.
    Unfinished,
    /// Something of it could not be done; the log says what.
    Failed,
}

/// What is known of a database.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    pub database: u32,
    pub found: Found,
    /// The extension's SQL has another version than the library.
    pub other_version: bool,
    /// When the last visit ended.
    pub at: Moment,
    under_way: bool,
}

/// All that is on the board.
#[derive(Clone, Copy)]
pub struct Board {
    launcher: Option<Moment>,
    exhausted: Option<Moment>,
    visits: [Visit; ROOM],
}

impl Visit {
    const NONE: Visit = Visit {
        database: 0,
        found: Found::Nothing,
        other_version: false,
        at: Moment(0),
        under_way: false,
    };
}

impl Default for Board {
    fn default() -> Board {
        Board { launcher: None, exhausted: None, visits: [Visit::NONE; ROOM] }
    }
}

/// What the board says of the launcher and of one database.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// When the launcher last gave a sign of life.
    pub launcher: Option<Moment>,
    /// Since when the server has had no process left for a visit.
    pub exhausted: Option<Moment>,
    /// Nothing before the first visit has ended.
    pub visit: Option<Visit>,
}

/// The worker's state as far as it concerns this database; nothing where the library is not preloaded.
pub fn status(database: u32) -> Option<Status> {
    shared::read(|board| Status {
        launcher: board.launcher,
        exhausted: board.exhausted,
        visit: board
            .visits
            .iter()
            .find(|v| v.database == database && v.found != Found::Nothing)
            .copied(),
    })
}

/// What the launcher has to tell.
pub fn launcher(now: Moment, exhausted: Option<Moment>) {
    shared::write(|board| (board.launcher, board.exhausted) = (Some(now), exhausted));
}

/// Forgets databases that are gone.
pub fn keep(databases: &[u32]) {
    shared::write(|board| {
        for visit in board.visits.iter_mut().filter(|v| !databases.contains(&v.database)) {
            *visit = Visit::NONE;
        }
    });
}

/// A visit is sent, or could not be.
pub fn under_way(database: u32, is: bool) {
    change(database, |visit| visit.under_way = is);
}

/// What a visit found, told by itself as the last thing it does.
pub fn note(database: u32, found: Found, other_version: bool, at: Moment) {
    change(database, |visit| {
        *visit = Visit { database, found, other_version, at, under_way: false };
    });
}

/// A visit has ended: what came of it. One that told nothing has failed.
pub fn ended(database: u32, now: Moment) -> Option<Visit> {
    let mut known = None;
    change(database, |visit| {
        if visit.under_way {
            *visit = Visit { found: Found::Failed, at: now, under_way: false, ..*visit };
        }
        known = Some(*visit);
    });
    known
}

fn change(database: u32, how: impl FnOnce(&mut Visit)) {
    shared::write(|board| {
        let at = |oid| board.visits.iter().position(|v| v.database == oid);
        if let Some(place) = at(database).or_else(|| at(0)) {
            board.visits[place].database = database;
            how(&mut board.visits[place]);
        }
    });
}
