//! Stock in, out, corrected, moved.

use super::{Change, Draft, Numbering, fresh_row, needed_lot, not_lot_controlled, unknown_lot};
use crate::command::{Counted, Delta, Line, Place, Truth};
use crate::event::EventType;
use crate::text::Label;
use crate::time::Day;
use crate::{Code, Refusal, fefo};

/// A lot, its date, and the units taken from it.
type Taken = (Option<Label>, Option<Day>, i64);

/// Whether goods past their date may be taken when their lot is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    Refused,
    Allowed,
}

impl Draft<'_> {
    pub(super) fn receive(&mut self, line: &Line, expires_on: Option<Day>) -> Result<(), Refusal> {
        self.put_in(line, expires_on)?;
        self.answer(&line.place)
    }

    pub(super) fn deduct(&mut self, lines: &[Line]) -> Result<(), Refusal> {
        for line in lines {
            self.take_out(EventType::StockDeducted, line, Expired::Refused)?;
            self.answer(&line.place)?;
        }
        if let Some(first) = lines.first() {
            self.decision.numbering = Numbering::Draw(first.place.warehouse_id);
        }
        Ok(())
    }

    pub(super) fn adjust(
        &mut self,
        place: &Place,
        lot: Option<&Label>,
        delta: Delta,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let row = self.counted_row(place, lot)?;
        self.correct(place, row, delta.units(), reason)
    }

    pub(super) fn recount(
        &mut self,
        place: &Place,
        lot: Option<&Label>,
        counted: Counted,
        expected_version: Option<i64>,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let row = self.counted_row(place, lot)?;
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

    /// A movement also where nothing is to move: the journal tells of every correction.
    pub(super) fn mend(
        &mut self,
        place: &Place,
        lot: Option<&Label>,
        truth: Truth,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let row = self.counted_row(place, lot)?;
        let on_hand = self.book.shelf(place)?.rows[row].on_hand;
        self.correct(place, row, truth.right(on_hand) - on_hand, reason)
    }

    pub(super) fn transfer(&mut self, line: &Line, to: &Place) -> Result<(), Refusal> {
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
    pub(super) fn put_in(&mut self, line: &Line, expires_on: Option<Day>) -> Result<(), Refusal> {
        let place = &line.place;
        let lot_controlled = self.lot_controlled(place, line.lot.as_ref())?;
        if expires_on.is_some() && !lot_controlled {
            return Err(Refusal::invalid("expires_on goes with a lot"));
        }
        let row = self.row_to_fill(place, line.lot.as_ref(), expires_on)?;
        let units = line.quantity.units();
        self.move_units(EventType::StockReceived, place, row, units, &line.reason)
    }

    /// Stock out: from the only row, from the named lot, or first expired, first out.
    /// Gives what was taken from which lot.
    pub(super) fn take_out(
        &mut self,
        event: EventType,
        line: &Line,
        expired: Expired,
    ) -> Result<Vec<Taken>, Refusal> {
        let picked = self.pick(line, expired)?;
        let mut taken = Vec::with_capacity(picked.len());
        for (at, units) in picked {
            let row = &self.book.shelf(&line.place)?.rows[at];
            taken.push((row.lot.clone(), row.expires_on, units));
            self.move_units(event, &line.place, at, -units, &line.reason)?;
        }
        Ok(taken)
    }

    /// Which rows give how much: of the only row, of the named lot, or first expired, first out.
    pub(super) fn pick(&self, line: &Line, expired: Expired) -> Result<Vec<(usize, i64)>, Refusal> {
        let (place, wanted) = (&line.place, line.quantity.units());
        let shelf = self.book.shelf(place)?;
        let Some(lot) = &line.lot else {
            return fefo::pick(&shelf.rows, wanted, self.today)
                .ok_or_else(|| Refusal::insufficient(wanted, shelf.levels(self.today).available));
        };
        if !shelf.lot_controlled {
            return Err(not_lot_controlled(&place.sku));
        }
        let at = shelf.find(Some(lot)).ok_or_else(|| unknown_lot(place, lot))?;
        let row = &shelf.rows[at];
        let sellable = expired == Expired::Allowed || !row.expired(self.today);
        let free = if sellable { row.free() } else { 0 };
        if wanted > free {
            return Err(Refusal::insufficient(wanted, free));
        }
        Ok(vec![(at, wanted)])
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
        let lot_controlled = self.book.shelf(place)?.lot_controlled;
        check_lot(place, lot_controlled, lot)?;
        Ok(lot_controlled)
    }

    /// The row for this lot, made where it is missing. A lot has one date.
    fn row_to_fill(
        &mut self,
        place: &Place,
        lot: Option<&Label>,
        expires_on: Option<Day>,
    ) -> Result<usize, Refusal> {
        let now = self.now;
        let shelf = self.book.shelf_mut(place)?;
        if let Some(at) = shelf.find(lot) {
            if expires_on.is_some() && shelf.rows[at].expires_on != expires_on {
                return Err(another_date(lot));
            }
            return Ok(at);
        }
        shelf.rows.push(fresh_row(lot, expires_on, now));
        Ok(shelf.rows.len() - 1)
    }

    pub(super) fn move_units(
        &mut self,
        event: EventType,
        place: &Place,
        at: usize,
        on_hand: i64,
        reason: &Label,
    ) -> Result<(), Refusal> {
        self.book(event, place, at, Change { on_hand, ..Change::default() }, reason)
    }
}

/// Stock that counts by lots needs one named on the way in; other stock has none.
pub(super) fn check_lot(
    place: &Place,
    lot_controlled: bool,
    lot: Option<&Label>,
) -> Result<(), Refusal> {
    match (lot_controlled, lot) {
        (true, None) => Err(needed_lot(place)),
        (false, Some(_)) => Err(not_lot_controlled(&place.sku)),
        _ => Ok(()),
    }
}

fn another_date(lot: Option<&Label>) -> Refusal {
    let lot = lot.map_or("", |l| l);
    Refusal::invalid(format!("lot {lot} is known with another expires_on"))
}
