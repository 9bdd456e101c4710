//! Goods leased to a holder, sold by it, given back.

use super::holds::closed;
use super::{Change, Draft, Numbering};
use crate::command::Line;
use crate::event::EventType;
use crate::hold::{HeldLine, Hold, HoldId, HoldState};
use crate::lease::{self, Lease, Returner};
use crate::text::Label;
use crate::{Refusal, fefo};

impl Draft<'_> {
    pub(super) fn lease(&mut self, id: HoldId, line: &Line) -> Result<(), Refusal> {
        self.hold(id, std::slice::from_ref(line), None)?;
        self.answer(&line.place)
    }

    /// Goods that are held already: on hand and reserved fall together, so nobody else sees them free.
    pub(super) fn sell(&mut self, id: HoldId, holder: &Label, line: &Line) -> Result<(), Refusal> {
        let (hold, lease) = self.leased(id)?;
        lease.check(id, holder)?;
        if hold.state == HoldState::Released {
            return Err(closed(id, hold.state));
        }
        let rest = lease.granted - lease.sold;
        let wanted = line.quantity.units();
        if wanted > rest {
            return Err(Refusal::insufficient(wanted, rest));
        }
        let picked = self.pick_leased(&hold, wanted)?;
        for (nth, at, units) in &picked {
            let held = &hold.lines[*nth];
            let change = Change { on_hand: -units, reserved: -units, hold: Some((id, held.line)) };
            self.book(EventType::StockDeducted, &held.place, *at, change, &line.reason)?;
        }
        self.answer(&line.place)?;
        self.decision.numbering = Numbering::Draw(line.place.warehouse_id);
        self.lower(id, &picked, wanted);
        if wanted == rest { self.close(id, HoldState::Confirmed) } else { Ok(()) }
    }

    /// A repeat gives nothing back and is no refusal: nobody can have the goods of a lease twice.
    pub(super) fn return_lease(&mut self, id: HoldId, by: &Returner) -> Result<(), Refusal> {
        let (hold, lease) = self.leased(id)?;
        let reason = match by {
            Returner::Holder(holder) => {
                lease.check(id, holder).map(|()| Label::fixed("lease returned"))?
            }
            // It was renewed since somebody looked.
            Returner::Repair { overdue, .. } if !lease.overdue(*overdue, self.now) => return Ok(()),
            Returner::Repair { reason, .. } => reason.clone(),
        };
        if hold.state != HoldState::Held {
            return Ok(());
        }
        let open: Vec<HeldLine> = hold.lines.into_iter().filter(|l| l.open).collect();
        self.give_back(id, &open, EventType::StockReleased, &reason)?;
        open.first().map_or(Ok(()), |line| self.answer(&line.place))?;
        self.close(id, HoldState::Released)
    }

    /// What the lease became is in the book; the movement says that it did.
    pub(super) fn mend_lease(&mut self, id: HoldId, reason: &Label) -> Result<(), Refusal> {
        let (hold, _) = self.leased(id)?;
        let line = hold.lines.first().ok_or_else(|| lease::unknown(id))?;
        let at = self.row_of(line)?;
        self.book(EventType::StockAdjusted, &line.place, at, Change::default(), reason)?;
        self.answer(&line.place)
    }

    fn leased(&self, id: HoldId) -> Result<(Hold, Lease), Refusal> {
        let hold = self.book.papers.hold(id)?.clone();
        let lease = hold.lease.clone().ok_or_else(|| lease::unknown(id))?;
        Ok((hold, lease))
    }

    /// Which open lines give how much, first expired, first out: line, row, units.
    fn pick_leased(&self, hold: &Hold, wanted: i64) -> Result<Vec<(usize, usize, i64)>, Refusal> {
        let mut open = Vec::with_capacity(hold.lines.len());
        for (nth, line) in hold.lines.iter().enumerate().filter(|(_, l)| l.open) {
            let at = self.row_of(line)?;
            let row = &self.book.shelf(&line.place)?.rows[at];
            open.push((fefo::rank(row), nth, at, line.quantity));
        }
        open.sort();
        let mut left = wanted;
        let mut picked = Vec::with_capacity(open.len());
        for (_, nth, at, held) in open {
            let units = left.min(held);
            left -= units;
            if units > 0 {
                picked.push((nth, at, units));
            }
        }
        Ok(picked)
    }

    /// What is held gets less. The last thing a command does, since it is not undone.
    fn lower(&mut self, id: HoldId, picked: &[(usize, usize, i64)], sold: i64) {
        let Some(Ok(hold)) = self.book.papers.holds.get_mut(&id) else { return };
        for (nth, _, units) in picked {
            let line = &mut hold.lines[*nth];
            line.open = line.quantity > *units;
            line.quantity -= units;
        }
        if let Some(lease) = &mut hold.lease {
            lease.sold += sold;
        }
    }
}
