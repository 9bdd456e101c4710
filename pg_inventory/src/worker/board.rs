//! The board in shared memory: what launcher and visits tell each other, and `doctor()`.

use crate::pg::shared;
use inventory_core::time::Moment;

/// The most databases the board has room for; those beyond it are visited, but not told of.
const ROOM: usize = 64;

/// What a visit found in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No visit came so far.
    Nothing,
    /// A visit that did not end: it failed, or is under way.
    Begun,
    NoTables,
    /// Tables of this layout, which is not the library's.
    OtherLayout(i32),
    /// All was done.
    Kept,
}

/// The last visit to a database.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    pub database: u32,
    pub found: Found,
    pub at: Moment,
}

/// All that is on the board.
#[derive(Clone, Copy)]
pub struct Board {
    launcher: bool,
    standby: bool,
    /// The server has no process left for a visit.
    exhausted: bool,
    visits: [Visit; ROOM],
}

impl Default for Board {
    fn default() -> Board {
        let nobody = Visit { database: 0, found: Found::Nothing, at: Moment(0) };
        Board { launcher: false, standby: false, exhausted: false, visits: [nobody; ROOM] }
    }
}

/// What the board says of the launcher and of one database.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    pub launcher: bool,
    pub standby: bool,
    pub exhausted: bool,
    pub visit: Option<Visit>,
}

/// The worker's state as far as it concerns this database; nothing where the library is not preloaded.
pub fn status(database: u32) -> Option<Status> {
    shared::read(|board| Status {
        launcher: board.launcher,
        standby: board.standby,
        exhausted: board.exhausted,
        visit: board.visits.iter().find(|v| v.database == database).copied(),
    })
}

/// What the launcher has to tell.
pub fn launcher(standby: bool, exhausted: bool) {
    shared::write(|board| {
        (board.launcher, board.standby, board.exhausted) = (true, standby, exhausted)
    });
}

/// Forgets databases that are gone.
pub fn keep(databases: &[u32]) {
    shared::write(|board| {
        for visit in board.visits.iter_mut().filter(|v| !databases.contains(&v.database)) {
            visit.database = 0;
        }
    });
}

/// Notes what a visit found.
pub fn note(database: u32, found: Found, at: Moment) {
    shared::write(|board| {
        let known = board.visits.iter().position(|v| v.database == database);
        let place = known.or_else(|| board.visits.iter().position(|v| v.database == 0));
        if let Some(place) = place {
            board.visits[place] = Visit { database, found, at };
        }
    });
}
