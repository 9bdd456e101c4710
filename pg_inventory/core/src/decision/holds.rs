//! Goods held, taken, given back, expired.

use super::{Change, Draft, Numbering};
use crate::command::{Line, Quantity};
use crate::decision::stock::Expired;
use crate::event::EventType;
use crate::hold::{self, HeldLine, Hold, HoldId, HoldState, Ttl};
use crate::text::Label;
use crate::time::Moment;
use crate::{Code, Refusal, fefo};

impl Draft<'_> {
    pub(super) fn reserve(&mut self, id: HoldId, lines: &[Line], ttl: Ttl) -> Result<(), Refusal> {
        self.hold(id, lines, Some(self.now.plus(ttl.micros())))?;
        lines.first().map_or(Ok(()), |first| self.answer(&first.place))
    }

    /// Makes a hold: all lines or none, each from the lots that a sale would take.
    pub(super) fn hold(
        &mut self,
        id: HoldId,
        lines: &[Line],
        expires_at: Option<Moment>,
    ) -> Result<(), Refusal> {
        for (line, number) in lines.iter().zip(1..) {
            for (at, units) in self.pick(line, Expired::Refused)? {
                let change = Change { on_hand: 0, reserved: units, hold: Some((id, number)) };
                self.book(EventType::StockReserved, &line.place, at, change, &line.reason)?;
                let row = &mut self.book.shelf_mut(&line.place)?.rows[at];
                row.next_expiry = match (row.next_expiry, expires_at) {
                    (Some(next), Some(this)) => Some(next.min(this)),
                    (next, this) => next.or(this),
                };
            }
        }
        self.decision.hold = Some((id, expires_at));
        Ok(())
    }

    pub(super) fn confirm(
        &mut self,
        id: HoldId,
        quantity: Option<Quantity>,
    ) -> Result<(), Refusal> {
        let hold = self.open_hold(id)?;
        let held: i64 = hold.lines.iter().map(|l| l.quantity).sum();
        let wanted = quantity.map_or(held, Quantity::units);
        if quantity.is_some() && hold.lines.iter().any(|l| l.line != hold.lines[0].line) {
            return Err(Refusal::invalid(
                "quantity goes with a hold of one line: confirm it whole",
            ));
        }
        if wanted > held {
            return Err(Refusal::insufficient(wanted, held));
        }
        self.take_held(id, &hold.lines, wanted, &Label::fixed("confirm"))?;
        if let Some(first) = hold.lines.first() {
            self.decision.numbering = Numbering::Draw(first.place.warehouse_id);
        }
        self.close(id, HoldState::Confirmed)
    }

    pub(super) fn release(&mut self, id: HoldId, reason: &Label) -> Result<(), Refusal> {
        let hold = self.open_hold(id)?;
        self.give_back(id, &hold.lines, EventType::StockReleased, reason)?;
        self.close(id, HoldState::Released)
    }

    pub(super) fn expire(&mut self, id: HoldId) -> Result<(), Refusal> {
        let hold = self.book.papers.hold(id)?.clone();
        // By the clock alone: what is counted as lapsed is what is due now.
        let due = hold.expires_at.is_some_and(|at| at <= self.now);
        if hold.state != HoldState::Held || !due {
            return Err(closed(id, hold.state));
        }
        let open: Vec<HeldLine> = hold.lines.into_iter().filter(|l| l.open).collect();
        self.give_back(id, &open, EventType::StockExpired, &Label::fixed("expired"))?;
        self.close(id, HoldState::Expired)
    }

    /// Takes `wanted` of the held units out, first expired, first out, and gives the rest back.
    pub(super) fn take_held(
        &mut self,
        id: HoldId,
        lines: &[HeldLine],
        wanted: i64,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let mut order = Vec::with_capacity(lines.len());
        for line in lines {
            order.push((self.row_of(line)?, line));
        }
        if wanted < lines.iter().map(|l| l.quantity).sum() {
            // A part is of one line, so of one shelf.
            let rows = &self.book.shelf(&lines[0].place)?.rows;
            order.sort_by_key(|(at, _)| fefo::rank(&rows[*at]));
        }
        let mut left = wanted;
        for (at, line) in order {
            let taken = left.min(line.quantity);
            left -= taken;
            let hold = Some((id, line.line));
            if taken > 0 {
                let change = Change { on_hand: -taken, reserved: -taken, hold };
                self.book(EventType::StockConfirmed, &line.place, at, change, reason)?;
            }
            if taken < line.quantity {
                let change = Change { on_hand: 0, reserved: taken - line.quantity, hold };
                self.book(EventType::StockReleased, &line.place, at, change, reason)?;
            }
        }
        Ok(())
    }

    /// What was held is free again.
    pub(super) fn give_back(
        &mut self,
        id: HoldId,
        lines: &[HeldLine],
        event: EventType,
        reason: &Label,
    ) -> Result<(), Refusal> {
        for line in lines {
            let at = self.row_of(line)?;
            let hold = Some((id, line.line));
            let change = Change { on_hand: 0, reserved: -line.quantity, hold };
            self.book(event, &line.place, at, change, reason)?;
        }
        Ok(())
    }

    /// A hold that its owner may still resolve.
    fn open_hold(&self, id: HoldId) -> Result<Hold, Refusal> {
        let hold = self.book.papers.hold(id)?;
        if hold.expires_at.is_none() {
            let detail = format!(
                "reservation {} belongs to an order or a lease: it ends with that",
                id.text()
            );
            return Err(Refusal::new(Code::InvalidTransition, detail));
        }
        match hold.state {
            HoldState::Confirmed | HoldState::Released => Err(closed(id, hold.state)),
            HoldState::Held if !hold.lapsed(self.now) => Ok(hold.clone()),
            HoldState::Held | HoldState::Expired => Err(Refusal::new(
                Code::ReservationExpired,
                format!("the time of reservation {} is over", id.text()),
            )),
        }
    }

    /// Resolves a hold. The last thing a command does, since it is not undone.
    pub(super) fn close(&mut self, id: HoldId, state: HoldState) -> Result<(), Refusal> {
        match self.book.papers.holds.get_mut(&id) {
            Some(Ok(hold)) => {
                hold.state = state;
                Ok(())
            }
            _ => Err(hold::unknown(id)),
        }
    }
}

pub(super) fn closed(id: HoldId, state: HoldState) -> Refusal {
    let detail = format!("reservation {} is {}", id.text(), state.as_str());
    Refusal::new(Code::ReservationClosed, detail)
}
