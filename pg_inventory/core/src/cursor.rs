//! Where a reader of the journal stands.
//!
//! Ids are drawn under the lock of the stock row, so their order is each row's version order; but a
//! transaction may commit long after it drew its ids. So a reader remembers which transactions it has
//! seen: a snapshot. What one snapshot sees and the one before it did not is read in the order of ids.
//!
//! Which ids those have follows from what was noted with a snapshot: its *mark*, the last id given, and
//! after that `next`, the id that the next transaction will be given. Who begins from then on draws all
//! its ids behind the mark. Who was open then has a *floor* instead: the mark of the last time that they
//! had not begun yet. (The snapshot alone would not tell: its `xmax` is the transaction after the last
//! that has ended, and others may have begun, and drawn, before it was taken.)

mod meet;

use crate::Refusal;
use std::fmt;

/// The most transactions that a cursor names: as many as a server may have open, and more.
const OPEN_MAX: usize = 100_000;

/// What the database is like at one moment, as a reader notes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub generation: i32,
    /// The last id given, asked for before the rest.
    pub mark: i64,
    /// The id that the next transaction will be given.
    pub next: u64,
    /// The same, asked for after it was taken.
    pub top: i64,
    /// The last id of what has left the journal.
    pub cut: i64,
    pub snapshot: Snapshot,
}

/// Which transactions are over: those before `xmax` that are not open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    xmax: u64,
    /// In order, each before `xmax`.
    open: Vec<u64>,
}

/// A place in the journal: all that is behind it, and nothing else, is still to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The generation of the database that it may be used in.
    valid_in: i32,
    seen: Seen,
    ahead: Option<Ahead>,
}

/// What was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    generation: i32,
    xmax: u64,
    mark: i64,
    next: u64,
    /// The floor of those from `xmax` to before `next`.
    late: i64,
    /// Transactions that were open, in order, each with its floor.
    open: Vec<(u64, i64)>,
}

/// What is being read now, up to `position`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ahead {
    generation: i32,
    mark: i64,
    next: u64,
    top: i64,
    snapshot: Snapshot,
    position: i64,
}

/// Which rows are to be read next: those of `after < id <= upto` that are new. A row is new if its
/// generation is later than `seen_generation`, or the same and its transaction not seen; and if the
/// snapshot that is being read sees it: rows of earlier generations all, others by `xmax` and `open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window<'c> {
    pub after: i64,
    pub upto: i64,
    pub seen_generation: i32,
    pub seen_xmax: u64,
    pub seen_open: Vec<u64>,
    pub generation: i32,
    pub xmax: u64,
    pub open: &'c [u64],
}

impl Snapshot {
    /// Reads PostgreSQL's text of one, `xmin:xmax:xid,xid`. `own` is the transaction that takes it, if it
    /// has an id: to others it is open as any.
    pub fn parse(text: &str, own: Option<u64>) -> Option<Snapshot> {
        let (_, rest) = text.split_once(':')?;
        let (xmax, list) = rest.split_once(':')?;
        let xmax = xmax.parse().ok()?;
        let mut open = list_of(list, |xid| xid.parse().ok())?;
        open.extend(own.filter(|own| *own < xmax));
        open.sort_unstable();
        open.dedup();
        Some(Snapshot { xmax, open })
    }

    fn has_open(&self, xid: u64) -> bool {
        self.open.binary_search(&xid).is_ok()
    }
}

impl Cursor {
    /// Before all that the journal has, if `cut` is the last id that it has no more.
    pub fn beginning(generation: i32, cut: i64) -> Cursor {
        let seen = Seen { generation: 0, xmax: 0, mark: cut, next: 0, late: cut, open: Vec::new() };
        Cursor { valid_in: generation, seen, ahead: None }
    }

    /// Behind all that is committed. `floor` gives an id behind which all ids of an open transaction lie.
    pub fn now(noted: &Noted, floor: impl Fn(u64) -> i64) -> Cursor {
        let floor = |xid: u64| floor(xid).max(noted.cut).min(noted.mark);
        let seen = Seen {
            generation: noted.generation,
            xmax: noted.snapshot.xmax,
            mark: noted.mark,
            next: noted.next,
            late: floor(noted.snapshot.xmax),
            open: noted.snapshot.open.iter().map(|xid| (*xid, floor(*xid))).collect(),
        };
        Cursor { valid_in: noted.generation, seen, ahead: None }
    }

    /// Whether the reader is on its way to a snapshot; if not, [`Cursor::look`] needs a new one.
    pub fn is_on_its_way(&self) -> bool {
        self.ahead.is_some()
    }

    /// What to read next: on the way to the snapshot that was begun with, or to the one `noted` gives.
    pub fn look(&mut self, noted: impl FnOnce() -> Noted) -> Window<'_> {
        let ahead = self.ahead.get_or_insert_with(|| {
            let Noted { generation, mark, next, top, snapshot, .. } = noted();
            // The sequence goes back where a crash took ids that nothing durable came of.
            let position = self.seen.first_of_the_new(generation, &snapshot).min(mark);
            Ahead { generation, mark, next, top, snapshot, position }
        });
        Window {
            after: ahead.position,
            upto: ahead.top,
            seen_generation: self.seen.generation,
            seen_xmax: self.seen.xmax,
            seen_open: self.seen.open.iter().map(|(xid, _)| *xid).collect(),
            generation: ahead.generation,
            xmax: ahead.snapshot.xmax,
            open: &ahead.snapshot.open,
        }
    }

    /// Fails where some of what a reader behind `after` would have to read has left the journal, which begins
    /// behind `cut`.
    pub fn check_kept(after: i64, cut: i64) -> Result<(), Refusal> {
        if after >= cut {
            return Ok(());
        }
        Err(Refusal::invalid(format!(
            "the cursor stands at {after}, and the journal was pruned up to {cut}: what lies between can no \
             longer be read. Begin anew, from now on or from the beginning"
        )))
    }

    /// The text of this cursor behind the row of that id, given by [`Cursor::look`]'s window.
    pub fn behind(&self) -> impl Fn(i64) -> String + use<> {
        let mut cursor = self.clone();
        if let Some(ahead) = &mut cursor.ahead {
            ahead.position = 0;
        }
        let text = cursor.to_string();
        let stem = text.strip_suffix('0').unwrap_or(&text).to_owned();
        move |id| format!("{stem}{id}")
    }

    /// Where the reader stands when its window holds no more: what it was reading is what it has seen.
    pub fn caught_up(self) -> Cursor {
        let Some(ahead) = &self.ahead else { return self };
        let floor = |xid| self.seen.floor(ahead.generation, xid).min(ahead.mark);
        let seen = Seen {
            generation: ahead.generation,
            xmax: ahead.snapshot.xmax,
            mark: ahead.mark,
            next: ahead.next,
            late: floor(ahead.snapshot.xmax),
            open: ahead.snapshot.open.iter().map(|xid| (*xid, floor(*xid))).collect(),
        };
        Cursor { valid_in: self.valid_in, seen, ahead: None }
    }

    /// Everything that is still to be read has a greater id: what the journal may let go of.
    pub fn keeps_after(&self) -> i64 {
        let Some(ahead) = &self.ahead else {
            let floors = self.seen.open.iter().map(|(_, floor)| *floor);
            return floors.fold(self.seen.mark.min(self.seen.late), i64::min);
        };
        let open = ahead.snapshot.open.iter().chain([&ahead.snapshot.xmax]);
        let floors = open.map(|xid| self.seen.floor(ahead.generation, *xid));
        floors.fold(ahead.position.min(ahead.mark), i64::min)
    }

    /// How far it has come.
    pub fn position(&self) -> i64 {
        self.ahead.as_ref().map_or(self.seen.mark, |ahead| ahead.position)
    }

    /// Fails in a database of another generation: its transactions are others.
    pub fn check_generation(&self, generation: i32) -> Result<(), Refusal> {
        if self.valid_in == generation {
            return Ok(());
        }
        Err(Refusal::invalid(format!(
            "the cursor is of generation {} and the database, restored or cloned since, of generation \
             {generation}: begin anew, from now on or from the beginning",
            self.valid_in
        )))
    }

    /// The same place in a database that was restored or cloned since. What it saw of the transactions of
    /// before stays true of their rows.
    pub fn carry_over(self, generation: i32) -> Cursor {
        Cursor { valid_in: generation, ..self }
    }

    /// What of the journal it has passed, for those who read it with SQL.
    pub fn passed(&self) -> Passed {
        let ahead = self.ahead.as_ref();
        Passed {
            seen_generation: self.seen.generation,
            seen_xmax: self.seen.xmax,
            seen_open: self.seen.open.iter().map(|(xid, _)| *xid).collect(),
            generation: ahead.map_or(self.seen.generation, |ahead| ahead.generation),
            xmax: ahead.map_or(0, |ahead| ahead.snapshot.xmax),
            open: ahead.map_or_else(Vec::new, |ahead| ahead.snapshot.open.clone()),
            position: self.position(),
        }
    }

    pub fn parse(text: &str) -> Result<Cursor, Refusal> {
        parse(text).ok_or_else(unreadable)
    }
}

/// A row is passed if the first snapshot has seen it; or if its id is at most `position` and the second
/// one, that is being read, sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub seen_generation: i32,
    pub seen_xmax: u64,
    pub seen_open: Vec<u64>,
    pub generation: i32,
    pub xmax: u64,
    pub open: Vec<u64>,
    pub position: i64,
}

impl Seen {
    /// An id behind which lie all ids of a transaction that is not seen, be it open or yet to begin.
    fn floor(&self, generation: i32, xid: u64) -> i64 {
        if generation != self.generation || xid >= self.next {
            return self.mark;
        }
        let open = self.open.binary_search_by_key(&xid, |(xid, _)| *xid);
        open.map_or(self.late, |at| self.open[at].1)
    }

    /// An id behind which lies all that a later snapshot sees and this one did not.
    fn first_of_the_new(&self, generation: i32, snapshot: &Snapshot) -> i64 {
        let later = generation != self.generation;
        let over = |xid: u64| later || xid < snapshot.xmax && !snapshot.has_open(xid);
        let floors = self.open.iter().filter(|(xid, _)| over(*xid)).map(|(_, floor)| *floor);
        let end = if later { self.next } else { self.next.min(snapshot.xmax) };
        let late = (self.xmax..end).any(over).then_some(self.late);
        floors.chain(late).fold(self.mark, i64::min)
    }
}

fn unreadable() -> Refusal {
    Refusal::invalid("cursor must be one that was given with events")
}

/// `valid_in:generation:xmax:mark:next:late:open`, and of what is being read
/// `/generation:xmax:mark:next:top:open/position`. Open transactions are counted back from `xmax`, `next`
/// on from it, floors back from `mark`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { generation, xmax, mark, next, late, open } = &self.seen;
        write!(f, "{}:{generation}:{xmax}:{mark}:", self.valid_in)?;
        write!(f, "{}:{}:", next.saturating_sub(*xmax), mark - late)?;
        for (at, (xid, floor)) in open.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}.{}", xmax - xid, mark - floor)?;
        }
        let Some(Ahead { generation, mark, next, top, snapshot, position }) = &self.ahead else {
            return Ok(());
        };
        let xmax = snapshot.xmax;
        write!(f, "/{generation}:{xmax}:{mark}:{}:{top}:", next.saturating_sub(xmax))?;
        for (at, xid) in snapshot.open.iter().enumerate() {
            write!(f, "{}{}", if at > 0 { "," } else { "" }, xmax - xid)?;
        }
        write!(f, "/{position}")
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let mut parts = text.split('/');
    let (seen, ahead, position) = (parts.next()?, parts.next(), parts.next());
    let (valid_in, seen) = seen.split_once(':')?;
    let ahead = match (ahead, position) {
        (None, None) => None,
        (Some(ahead), Some(position)) => Some(parse_ahead(ahead, position)?),
        _ => return None,
    };
    let valid_in = natural(valid_in)?.try_into().ok()?;
    parts.next().is_none().then_some(Cursor { valid_in, seen: parse_seen(seen)?, ahead })
}

fn parse_seen(text: &str) -> Option<Seen> {
    let [generation, xmax, mark, next, late, open] = fields(text)?;
    let (xmax, mark) = (natural(xmax)?.unsigned_abs(), natural(mark)?);
    let below = |text: &str| mark.checked_sub(natural(text)?).filter(|floor| *floor >= 0);
    let entry = |text: &str| {
        let (back, floor) = text.split_once('.')?;
        Some((before(xmax, back)?, below(floor)?))
    };
    let open = list_of(open, entry)?;
    let seen = Seen {
        generation: natural(generation)?.try_into().ok()?,
        xmax,
        mark,
        next: later(xmax, next)?,
        late: below(late)?,
        open,
    };
    seen.open.is_sorted_by(|a, b| a.0 < b.0).then_some(seen)
}

fn parse_ahead(text: &str, position: &str) -> Option<Ahead> {
    let [generation, xmax, mark, next, top, open] = fields(text)?;
    let xmax = natural(xmax)?.unsigned_abs();
    let open = list_of(open, |back| before(xmax, back))?;
    let ahead = Ahead {
        generation: natural(generation)?.try_into().ok()?,
        mark: natural(mark)?,
        next: later(xmax, next)?,
        top: natural(top)?,
        snapshot: Snapshot { xmax, open },
        position: natural(position)?,
    };
    ahead.snapshot.open.is_sorted_by(|a, b| a < b).then_some(ahead)
}

fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split(':').collect::<Vec<_>>().try_into().ok()
}

/// Digits alone, so that each cursor has one text.
fn natural(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn later(xmax: u64, on: &str) -> Option<u64> {
    xmax.checked_add(natural(on)?.unsigned_abs())
}

fn before(xmax: u64, back: &str) -> Option<u64> {
    let back = natural(back).filter(|back| *back > 0)?;
    xmax.checked_sub(back.unsigned_abs())
}

fn list_of<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let list: Option<Vec<T>> = text.split(',').take(OPEN_MAX + 1).map(item).collect();
    list.filter(|list| list.len() <= OPEN_MAX)
}

#[cfg(test)]
mod tests;
