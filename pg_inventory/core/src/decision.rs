//! The decision: a command against the book gives movements, or a refusal that changes nothing.

use crate::book::{Book, Levels, Row};
use crate::command::{Action, Line, Place, WarehouseId};
use crate::event::EventType;
use crate::text::Label;
use crate::time::{Day, Moment};
use crate::{Code, ON_HAND_MAX, Refusal, fefo};

/// Two deltas on one stock row, and the row after them: one row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub event: EventType,
    pub place: Place,
    pub lot: Option<Label>,
    pub on_hand_delta: i64,
    pub reserved_delta: i64,
    pub on_hand: i64,
    pub reserved: i64,
    pub version: i64,
    pub reason: Label,
}

/// What an accepted command does and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub movements: Vec<Movement>,
    /// The place's levels after each line; for a transfer the source first, then the target.
    pub answers: Vec<Levels>,
    /// For what leaves by an order: the warehouse whose number it gets.
    pub outbound: Option<WarehouseId>,
}

/// Decides one command against what the ones before it left in the book. Accepted, its movements
/// are in the book; refused, the book is as it was.
pub fn decide(book: &mut Book, action: &Action, now: Moment) -> Result<Decision, Refusal> {
    let mut draft = Draft { book, now, today: now.day(), decision: Decision::default() };
    match draft.run(action) {
        Ok(()) => Ok(draft.decision),
        Err(refusal) => {
            draft.undo();
            Err(refusal)
        }
    }
}

/// A decision in the making.
struct Draft<'b> {
    book: &'b mut Book,
    now: Moment,
    today: Day,
    decision: Decision,
}

/// A lot, its date, and the units taken from it.
type Taken = (Option<Label>, Option<Day>, i64);

/// Whether goods past their date may be taken when their lot is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expired {
    Refused,
    Allowed,
}

impl Draft<'_> {
    fn run(&mut self, action: &Action) -> Result<(), Refusal> {
        match action {
            Action::Receive { line, expires_on } => {
                self.put_in(EventType::StockReceived, line, &line.place, *expires_on)?;
                self.answer(&line.place)
            }
            Action::Deduct { lines } => {
                for line in lines {
                    self.take_out(EventType::StockDeducted, line, Expired::Refused)?;
                    self.answer(&line.place)?;
                }
                self.decision.outbound = lines.first().map(|l| l.place.warehouse_id);
                Ok(())
            }
            Action::Adjust { place, lot, delta, reason } => {
                let row = self.counted_row(place, lot.as_ref())?;
                self.correct(place, row, delta.units(), reason)
            }
            Action::Recount { place, lot, counted, expected_version, reason } => {
                let row = self.counted_row(place, lot.as_ref())?;
                let found = &self.book.shelf(place)?.rows[row];
                if let Some(expected) = expected_version.filter(|v| *v != found.version) {
                    return Err(Refusal::new(
                        Code::VersionConflict,
                        format!("expected version {expected}, found {}", found.version),
                    ));
                }
                let delta = counted.units() - found.on_hand;
                self.correct(place, row, delta, reason)
            }
            Action::Transfer { line, to } => self.transfer(line, to),
        }
    }

    fn transfer(&mut self, line: &Line, to: &Place) -> Result<(), Refusal> {
        self.book.shelf(to)?;
        let taken = self.take_out(EventType::StockTransferred, line, Expired::Allowed)?;
        self.answer(&line.place)?;
        for (lot, expires_on, units) in taken {
            let row = self.row_to_fill(to, lot.as_ref(), expires_on)?;
            // A receipt without a date joins the lot as it is known; here both dates are known.
            if self.book.shelf(to)?.rows[row].expires_on != expires_on {
                return Err(another_date(lot.as_ref()));
            }
            self.move_units(EventType::StockTransferred, to, row, units, &line.reason)?;
        }
        self.answer(to)
    }

    /// Stock in: onto the place's only row, or onto the lot that is named.
    fn put_in(
        &mut self,
        event: EventType,
        line: &Line,
        place: &Place,
        expires_on: Option<Day>,
    ) -> Result<(), Refusal> {
        let lot_controlled = self.lot_controlled(place, line.lot.as_ref())?;
        if expires_on.is_some() && !lot_controlled {
            return Err(Refusal::invalid("expires_on goes with a lot"));
        }
        let row = self.row_to_fill(place, line.lot.as_ref(), expires_on)?;
        self.move_units(event, place, row, line.quantity.units(), &line.reason)
    }

    /// Stock out: from the only row, from the named lot, or first expired, first out.
    /// Gives what was taken from which lot.
    fn take_out(
        &mut self,
        event: EventType,
        line: &Line,
        expired: Expired,
    ) -> Result<Vec<Taken>, Refusal> {
        let (place, wanted) = (&line.place, line.quantity.units());
        let shelf = self.book.shelf(place)?;
        if line.lot.is_some() && !shelf.lot_controlled {
            return Err(not_lot_controlled(place));
        }
        let picked = match &line.lot {
            None => fefo::pick(&shelf.rows, wanted, self.today)
                .ok_or_else(|| Refusal::insufficient(wanted, shelf.levels(self.today).available))?,
            Some(lot) => {
                let at = shelf.find(Some(lot)).ok_or_else(|| unknown_lot(place, lot))?;
                let row = &shelf.rows[at];
                let sellable = expired == Expired::Allowed || !row.expired(self.today);
                let free = if sellable { row.free() } else { 0 };
                if wanted > free {
                    return Err(Refusal::insufficient(wanted, free));
                }
                vec![(at, wanted)]
            }
        };
        let mut taken = Vec::with_capacity(picked.len());
        for (at, units) in picked {
            let row = &self.book.shelf(place)?.rows[at];
            taken.push((row.lot.clone(), row.expires_on, units));
            self.move_units(event, place, at, -units, &line.reason)?;
        }
        Ok(taken)
    }

    /// Sets a row right by `delta` units; what is held stays covered.
    fn correct(
        &mut self,
        place: &Place,
        row: usize,
        delta: i64,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let free = self.book.shelf(place)?.rows[row].free();
        if delta < 0 && -delta > free {
            return Err(Refusal::insufficient(-delta, free));
        }
        self.move_units(EventType::StockAdjusted, place, row, delta, reason)?;
        self.answer(place)
    }

    /// The row that a count or a correction is about: it must be there, or be the place's only one.
    fn counted_row(&mut self, place: &Place, lot: Option<&Label>) -> Result<usize, Refusal> {
        if !self.lot_controlled(place, lot)? {
            return self.row_to_fill(place, None, None);
        }
        let lot = lot.ok_or_else(|| needed_lot(place))?;
        self.book.shelf(place)?.find(Some(lot)).ok_or_else(|| unknown_lot(place, lot))
    }

    /// Whether the place counts by lots; a lot that is needed and missing, or given where there are
    /// none, is refused.
    fn lot_controlled(&self, place: &Place, lot: Option<&Label>) -> Result<bool, Refusal> {
        match (self.book.shelf(place)?.lot_controlled, lot) {
            (true, None) => Err(needed_lot(place)),
            (false, Some(_)) => Err(not_lot_controlled(place)),
            (lot_controlled, _) => Ok(lot_controlled),
        }
    }

    /// The row for this lot, made where it is missing. A lot has one date.
    fn row_to_fill(
        &mut self,
        place: &Place,
        lot: Option<&Label>,
        expires_on: Option<Day>,
    ) -> Result<usize, Refusal> {
        let received_at = self.now;
        let shelf = self.book.shelf_mut(place)?;
        if let Some(at) = shelf.find(lot) {
            if expires_on.is_some() && shelf.rows[at].expires_on != expires_on {
                let lot = lot.map_or("", |l| l);
                return Err(Refusal::invalid(format!(
                    "lot {lot} is known with another expires_on"
                )));
            }
            return Ok(at);
        }
        shelf.rows.push(Row {
            lot: lot.cloned(),
            on_hand: 0,
            reserved: 0,
            version: 0,
            expires_on,
            received_at,
            stored: None,
        });
        Ok(shelf.rows.len() - 1)
    }

    /// Books units on one row and notes the movement.
    fn move_units(
        &mut self,
        event: EventType,
        place: &Place,
        at: usize,
        on_hand_delta: i64,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let today = self.today;
        let shelf = self.book.shelf_mut(place)?;
        let before = shelf.levels(today).on_hand;
        if before.checked_add(on_hand_delta).is_none_or(|after| after > ON_HAND_MAX) {
            return Err(Refusal::invalid(format!("on hand would exceed {ON_HAND_MAX}")));
        }
        let row = &mut shelf.rows[at];
        row.on_hand += on_hand_delta;
        row.version += 1;
        self.decision.movements.push(Movement {
            event,
            place: place.clone(),
            lot: row.lot.clone(),
            on_hand_delta,
            reserved_delta: 0,
            on_hand: row.on_hand,
            reserved: row.reserved,
            version: row.version,
            reason: reason.clone(),
        });
        Ok(())
    }

    fn answer(&mut self, place: &Place) -> Result<(), Refusal> {
        let levels = self.book.shelf(place)?.levels(self.today);
        self.decision.answers.push(levels);
        Ok(())
    }

    /// Takes the movements back, the last first.
    fn undo(&mut self) {
        for movement in self.decision.movements.drain(..).rev() {
            let Ok(shelf) = self.book.shelf_mut(&movement.place) else { continue };
            let Some(at) = shelf.find(movement.lot.as_ref()) else { continue };
            let row = &mut shelf.rows[at];
            row.on_hand -= movement.on_hand_delta;
            row.reserved -= movement.reserved_delta;
            row.version -= 1;
            // A lot that this command brought is not known any more.
            if row.stored.is_none() && row.version == 0 && row.lot.is_some() {
                shelf.rows.remove(at);
            }
        }
    }
}

fn another_date(lot: Option<&Label>) -> Refusal {
    let lot = lot.map_or("", |l| l);
    Refusal::invalid(format!("lot {lot} is known with another expires_on"))
}

fn needed_lot(place: &Place) -> Refusal {
    Refusal::invalid(format!("SKU {} is lot-controlled: name a lot", place.sku))
}

fn not_lot_controlled(place: &Place) -> Refusal {
    Refusal::invalid(format!("SKU {} is not lot-controlled: name no lot", place.sku))
}

fn unknown_lot(place: &Place, lot: &Label) -> Refusal {
    Refusal::new(
        Code::UnknownLot,
        format!(
            "lot {lot} of SKU {} is not in warehouse {}",
            place.sku,
            place.warehouse_id.number()
        ),
    )
}

#[cfg(test)]
mod tests;
