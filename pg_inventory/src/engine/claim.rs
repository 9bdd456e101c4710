//! Request ids: the same id has one effect, however often and by how many it is sent.
//!
//! An accepted command claims its id in the transaction of its effect. An id that is taken, and
//! that of a command which would be refused, is looked up, and the command decided again as a repeat.
//! (Looking every id up first costs each new command a tenth of its time, and spares only repeats.)

use super::{Accepted, Answer, Outcome, Task, levels};
use crate::pg::spi::{Args, Spi};
use crate::pg::{copy, failure};
use crate::plans;
use crate::session::Session;
use inventory_core::book::{Book, Levels};
use inventory_core::command::RequestId;
use inventory_core::fingerprint::Fingerprint;
use inventory_core::hold::HoldId;
use inventory_core::order_number::OrderNumber;
use inventory_core::time::Moment;
use inventory_core::{Code, Refusal};
use std::collections::HashMap;
use std::ffi::CStr;

/// From so many on they are copied: below, the part of a transaction that it takes costs more than it
/// spares. (And a transaction of many small batches shall not have as many parts.)
const MANY: usize = 64;

/// The columns of a claim, in the order in which they are copied.
static COLUMNS: [&CStr; 8] = [
    c"request_id",
    c"fingerprint",
    c"order_id",
    c"levels",
    c"movements",
    c"reservation_id",
    c"expires_at",
    c"at",
];

/// An effect that is there: what it was of, and what it answered.
#[derive(Clone)]
pub struct Known {
    pub fingerprint: Fingerprint,
    pub order: Option<OrderNumber>,
    /// On hand, reserved, available; a triple a line.
    pub levels: Vec<i64>,
    pub hold: Option<(HoldId, Option<Moment>)>,
}

/// The request ids of a batch.
pub struct Requests {
    /// By task.
    ids: Vec<Option<(RequestId, Fingerprint)>>,
    known: HashMap<RequestId, Known>,
}

impl Requests {
    pub fn of(tasks: &[Task]) -> Requests {
        Requests { ids: tasks.iter().map(Task::request).collect(), known: HashMap::new() }
    }

    /// Whether the task's effect is there already, or its id belongs to another.
    pub fn settled(&self, task: usize) -> bool {
        self.known(task).is_some()
    }

    fn known(&self, task: usize) -> Option<(&Known, &Fingerprint)> {
        let (id, fingerprint) = self.ids.get(task)?.as_ref()?;
        Some((self.known.get(id)?, fingerprint))
    }

    /// A settled task's outcome: the first answer, or the id was used for another content.
    pub fn outcome(&self, task: usize, book: &Book, tasks: &[Task], now: Moment) -> Outcome {
        match self.known(task) {
            Some((known, fingerprint)) if known.fingerprint == *fingerprint => {
                Outcome::Accepted(known.answer())
            }
            _ => Outcome::Refused(reused(), levels(book, &tasks[task], now)),
        }
    }

    /// Looks up the ids of refused tasks again, now that the rows are locked; gives those that are
    /// settled by it.
    pub fn settle_refused(
        &mut self,
        spi: &Spi,
        refused: impl Iterator<Item = usize>,
    ) -> Vec<usize> {
        let open: Vec<usize> =
            refused.filter(|&t| self.ids[t].is_some() && !self.settled(t)).collect();
        let ids: Vec<RequestId> = open.iter().flat_map(|&t| self.ids[t]).map(|r| r.0).collect();
        self.known.extend(look_up(spi, &ids));
        open.into_iter().filter(|&t| self.settled(t)).collect()
    }

    /// Claims the accepted tasks' ids with their answers. False when some belong to others by now:
    /// then nothing is claimed, and those ids are known.
    pub(super) fn claim(
        &mut self,
        spi: &Spi,
        session: &Session,
        accepted: &[Accepted],
        now: Moment,
    ) -> bool {
        let mut claims: Vec<Claim> =
            accepted.iter().filter_map(|a| Claim::of(a, self.ids[a.task]?)).collect();
        // Two batches that share ids claim them in the same order.
        claims.sort_unstable_by_key(|c| c.id);
        let claimed = match claims.as_slice() {
            [] => return true,
            [one] => one.insert(spi, now),
            many if many.len() >= MANY && copy_all(spi, session, many, now) => return true,
            many => insert_all(spi, many, now),
        };
        if claimed.len() == claims.len() {
            return true;
        }
        forget(spi, &claimed);
        let lost: Vec<RequestId> =
            claims.iter().map(|c| c.id).filter(|id| !claimed.contains(id)).collect();
        self.known.extend(look_up(spi, &lost));
        false
    }
}

impl Known {
    pub fn answer(&self) -> Answer {
        let levels = self.levels.chunks_exact(3);
        Answer {
            order: self.order,
            levels: levels
                .map(|l| Levels { on_hand: l[0], reserved: l[1], available: l[2] })
                .collect(),
            hold: self.hold,
            replayed: true,
        }
    }
}

pub fn reused() -> Refusal {
    Refusal::new(Code::RequestIdReused, "this request id stands for a command with other arguments")
}

/// The effects of these ids that are there.
pub fn look_up(spi: &Spi, ids: &[RequestId]) -> Vec<(RequestId, Known)> {
    let rows = match ids {
        [] => return Vec::new(),
        [one] => spi.execute(plans::FIND_REQUEST.plan(spi), &Args::new().uuid(&one.0)),
        many => {
            let args = Args::new().uuids(many.iter().map(|id| Some(&id.0)));
            spi.execute(plans::FIND_REQUESTS.plan(spi), &args)
        }
    };
    rows.iter()
        .map(|r| {
            let order = r.maybe_int8(3).map(OrderNumber::from_id);
            let hold = r.maybe_uuid(5).map(|id| (HoldId(id), r.maybe_moment(6)));
            let known = Known { fingerprint: r.uuid(2), order, levels: r.int8s(4), hold };
            (RequestId(r.uuid(1)), known)
        })
        .collect()
}

fn forget(spi: &Spi, ids: &[RequestId]) {
    let args = Args::new().uuids(ids.iter().map(|id| Some(&id.0)));
    spi.execute(plans::FORGET_REQUESTS.plan(spi), &args);
}

/// One row of the request table.
pub struct Claim {
    pub id: RequestId,
    pub fingerprint: Fingerprint,
    pub order: Option<OrderNumber>,
    pub levels: Vec<i64>,
    /// Rows of the journal.
    pub movements: i32,
    pub hold: Option<(HoldId, Option<Moment>)>,
}

impl Claim {
    fn of(accepted: &Accepted, (id, fingerprint): (RequestId, Fingerprint)) -> Option<Claim> {
        let answers = accepted.decision.answers.iter();
        Some(Claim {
            id,
            fingerprint,
            order: accepted.order,
            levels: answers.flat_map(|l| [l.on_hand, l.reserved, l.available]).collect(),
            movements: i32::try_from(accepted.decision.rows()).ok()?,
            hold: accepted.decision.hold,
        })
    }

    /// Inserts this one; gives its id when it was free.
    pub fn insert(&self, spi: &Spi, now: Moment) -> Vec<RequestId> {
        let args = Args::new()
            .uuid(&self.id.0)
            .uuid(&self.fingerprint)
            .maybe_int8(self.order.map(OrderNumber::id))
            .int8s(self.levels.iter().map(|l| Some(*l)))
            .int4(self.movements)
            .maybe_uuid(self.hold.as_ref().map(|(id, _)| &id.0))
            .maybe_moment(self.hold.and_then(|(_, expires_at)| expires_at))
            .moment(now);
        let inserted = spi.execute(plans::CLAIM_REQUEST.plan(spi), &args).processed();
        if inserted == 1 { vec![self.id] } else { Vec::new() }
    }
}

/// Inserts many as COPY would, if all are free.
fn copy_all(spi: &Spi, session: &Session, claims: &[Claim], now: Moment) -> bool {
    // Of a batch that is repeated most likely all are taken: one tells.
    if !look_up(spi, &[claims[0].id]).is_empty() {
        return false;
    }
    let mut rows = copy::Rows::new(&COLUMNS, claims.len());
    for claim in claims {
        rows.row()
            .uuid(&claim.id.0)
            .uuid(&claim.fingerprint)
            .maybe_int8(claim.order.map(OrderNumber::id))
            .int8s(&claim.levels)
            .int4(claim.movements)
            .maybe_uuid(claim.hold.as_ref().map(|(id, _)| &id.0))
            .maybe_moment(claim.hold.and_then(|(_, expires_at)| expires_at))
            .moment(now);
    }
    match failure::subtransaction(|| rows.write(session.requests)) {
        Ok(()) => true,
        Err(failure) if failure.is_of_a_twin() => false,
        Err(failure) => failure.raise(),
    }
}

/// Inserts many with one statement; gives the ids that were free.
fn insert_all(spi: &Spi, claims: &[Claim], now: Moment) -> Vec<RequestId> {
    let mut end = 0;
    let cuts: Vec<(i32, i32)> = claims
        .iter()
        .map(|c| {
            let first = end + 1;
            end += c.levels.len() as i32;
            (first, end)
        })
        .collect();
    let args = Args::new()
        .uuids(claims.iter().map(|c| Some(&c.id.0)))
        .uuids(claims.iter().map(|c| Some(&c.fingerprint)))
        .int8s(claims.iter().map(|c| c.order.map(OrderNumber::id)))
        .int8s(claims.iter().flat_map(|c| &c.levels).map(|l| Some(*l)))
        .int4s(cuts.iter().map(|c| Some(c.0)))
        .int4s(cuts.iter().map(|c| Some(c.1)))
        .int4s(claims.iter().map(|c| Some(c.movements)))
        .uuids(claims.iter().map(|c| c.hold.as_ref().map(|(id, _)| &id.0)))
        .moments(claims.iter().map(|c| c.hold.and_then(|(_, expires_at)| expires_at)))
        .moment(now);
    let rows = spi.execute(plans::CLAIM_REQUESTS.plan(spi), &args);
    rows.iter().map(|r| RequestId(r.uuid(1))).collect()
}
