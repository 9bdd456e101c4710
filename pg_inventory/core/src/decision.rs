//! The decision: a command against the book gives movements, or a refusal that changes nothing.

mod holds;
mod leases;
mod orders;
mod stock;

use crate::alert::{self, Mark};
use crate::book::{Book, Levels, Row};
use crate::command::{Action, Place, WarehouseId};
use crate::event::EventType;
use crate::hold::{HeldLine, HoldId};
use crate::order::{Direction, OrderState};
use crate::order_number::OrderNumber;
use crate::text::Label;
use crate::time::{Day, Moment};
use crate::{Code, ON_HAND_MAX, Refusal};

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
    /// The hold and its line that goods went to (reserved more) or came from (reserved less): so a
    /// line of a hold is opened and closed.
    pub hold: Option<(HoldId, i32)>,
}

/// An event that moves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub event: EventType,
    pub warehouse_id: WarehouseId,
    pub about: About,
    pub reason: Option<Label>,
}

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A place that crossed its threshold, and what it holds now.
    Level {
        sku: Label,
        levels: Levels,
        threshold: Option<i64>,
    },
    Order {
        direction: Direction,
        from: Option<OrderState>,
        to: OrderState,
    },
    /// A SKU that became hot, or cold again.
    Hot {
        sku: Label,
        hot: bool,
        by_hand: bool,
        /// Commands a second.
        rate: i64,
    },
}

impl About {
    /// What the journal has no column for, as a JSON object.
    pub fn json(&self) -> String {
        let text = |state: &OrderState| format!("\"{}\"", state.as_str());
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".into());
        match self {
            About::Level { levels, threshold, .. } => format!(
                r#"{{"threshold":{},"available":{}}}"#,
                or_null(threshold.map(|t| t.to_string())),
                levels.available
            ),
            About::Order { direction, from, to } => format!(
                r#"{{"direction":"{}","from":{},"to":{}}}"#,
                direction.as_str(),
                or_null(from.as_ref().map(text)),
                text(to)
            ),
            About::Hot { hot, by_hand, rate, .. } => {
                format!(r#"{{"hot":{hot},"by_hand":{by_hand},"rate":{rate}}}"#)
            }
        }
    }
}

/// The order number that a command's movements carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    #[default]
    None,
    /// A new one of this warehouse.
    Draw(WarehouseId),
    /// That of the order it is about.
    Known(OrderNumber),
}

/// What an accepted command does and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub movements: Vec<Movement>,
    pub notices: Vec<Notice>,
    /// The place's levels after each line; for a transfer the source first, then the target.
    pub answers: Vec<Levels>,
    pub numbering: Numbering,
    /// The hold it makes, and when that ends.
    pub hold: Option<(HoldId, Option<Moment>)>,
}

impl Decision {
    /// How many rows of the journal it is.
    pub fn rows(&self) -> usize {
        self.movements.len() + self.notices.len()
    }
}

/// Decides one command against what the ones before it left in the book. Accepted, its movements
/// are in the book; refused, the book is as it was.
pub fn decide(book: &mut Book, action: &Action, now: Moment) -> Result<Decision, Refusal> {
    let decision = Decision::default();
    let mut draft = Draft { book, now, today: now.day(), decision, touched: Vec::new() };
    match draft.run(action).and_then(|()| draft.alert()) {
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
    /// The places with a threshold whose units on hand moved, and how many they had before.
    touched: Vec<(Place, i64)>,
}

/// What one movement changes.
#[derive(Clone, Copy, Default)]
struct Change {
    on_hand: i64,
    reserved: i64,
    /// The hold and line that it is for.
    hold: Option<(HoldId, i32)>,
}

impl Draft<'_> {
    fn run(&mut self, action: &Action) -> Result<(), Refusal> {
        match action {
            Action::Receive { line, expires_on } => self.receive(line, *expires_on),
            Action::Deduct { lines } => self.deduct(lines),
            Action::Adjust { place, lot, delta, reason } => {
                self.adjust(place, lot.as_ref(), *delta, reason)
            }
            Action::Recount { place, lot, counted, expected_version, reason } => {
                self.recount(place, lot.as_ref(), *counted, *expected_version, reason)
            }
            Action::Transfer { line, to } => self.transfer(line, to),
            Action::Reserve { hold, lines, ttl } => self.reserve(*hold, lines, *ttl),
            Action::Confirm { hold, quantity } => self.confirm(*hold, *quantity),
            Action::Release { hold, reason } => self.release(*hold, reason),
            Action::Expire { hold } => self.expire(*hold),
            Action::Lease { lease, line, .. } => self.lease(*lease, line),
            Action::Sell { lease, holder, line } => self.sell(*lease, holder, line),
            Action::ReturnLease { lease, by } => self.return_lease(*lease, by),
            Action::Mend { place, lot, truth, reason } => {
                self.mend(place, lot.as_ref(), *truth, reason)
            }
            Action::MendLease { lease, reason } => self.mend_lease(*lease, reason),
            Action::CreateOrder(draft) => self.create_order(draft),
            Action::MoveOrder { order, step, reason, hold } => {
                self.move_order(*order, *step, reason.as_ref(), *hold)
            }
        }
    }

    /// Books a movement on one row and notes it. Lapsed holds make room for what leaves or is held.
    fn book(
        &mut self,
        event: EventType,
        place: &Place,
        at: usize,
        change: Change,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let shelf = self.book.shelf(place)?;
        let before = shelf.on_hand();
        if before.checked_add(change.on_hand).is_none_or(|after| after > ON_HAND_MAX) {
            return Err(Refusal::invalid(format!("on hand would exceed {ON_HAND_MAX}")));
        }
        let watched = shelf.low_at.is_some() && change.on_hand != 0;
        if watched && self.touched.iter().all(|(touched, _)| touched != place) {
            self.touched.push((place.clone(), before));
        }
        let needed = change.reserved.saturating_sub(change.on_hand);
        if needed > 0 {
            self.make_room(place, at, needed)?;
        }
        self.note(event, place, at, change, reason)
    }

    /// Books holds past their time as expired until `units` are free: as many as it takes, the first
    /// due first.
    fn make_room(&mut self, place: &Place, at: usize, units: i64) -> Result<(), Refusal> {
        let reason = Label::fixed("expired");
        loop {
            let row = &mut self.book.shelf_mut(place)?.rows[at];
            if row.on_hand - row.reserved >= units {
                return Ok(());
            }
            let Some(due) = row.due.get(row.booked).copied() else {
                let free = row.on_hand - row.reserved;
                return Err(Refusal::insufficient(units, free));
            };
            row.booked += 1;
            let hold = Some((due.hold, due.line));
            let change = Change { on_hand: 0, reserved: -due.quantity, hold };
            self.note(EventType::StockExpired, place, at, change, &reason)?;
        }
    }

    fn note(
        &mut self,
        event: EventType,
        place: &Place,
        at: usize,
        change: Change,
        reason: &Label,
    ) -> Result<(), Refusal> {
        let row = &mut self.book.shelf_mut(place)?.rows[at];
        row.on_hand += change.on_hand;
        row.reserved += change.reserved;
        row.version += 1;
        if event == EventType::StockExpired {
            row.lapsed += change.reserved;
        }
        self.decision.movements.push(Movement {
            event,
            place: place.clone(),
            lot: row.lot.clone(),
            on_hand_delta: change.on_hand,
            reserved_delta: change.reserved,
            on_hand: row.on_hand,
            reserved: row.reserved,
            version: row.version,
            reason: reason.clone(),
            hold: change.hold,
        });
        Ok(())
    }

    /// An event for each place that crossed its threshold, once the whole command is decided.
    fn alert(&mut self) -> Result<(), Refusal> {
        for (place, before) in std::mem::take(&mut self.touched) {
            let shelf = self.book.shelf_mut(&place)?;
            let (on_hand, low_at) = (shelf.on_hand(), shelf.low_at);
            let moved = std::mem::replace(&mut shelf.moved, true);
            let marks = (Mark { on_hand: before, low_at }, Mark { on_hand, low_at });
            if let Some(event) = alert::crossing(marks.0, marks.1, moved) {
                let levels = shelf.levels(self.today);
                let notice = crossed(event, &place, levels, low_at);
                self.decision.notices.push(notice);
            }
        }
        Ok(())
    }

    fn answer(&mut self, place: &Place) -> Result<(), Refusal> {
        let levels = self.book.shelf(place)?.levels(self.today);
        self.decision.answers.push(levels);
        Ok(())
    }

    /// Where on its shelf a held line lies.
    fn row_of(&self, line: &HeldLine) -> Result<usize, Refusal> {
        let shelf = self.book.shelf(&line.place)?;
        shelf.find(line.lot.as_ref()).ok_or_else(|| match &line.lot {
            Some(lot) => unknown_lot(&line.place, lot),
            None => needed_lot(&line.place),
        })
    }

    /// Takes the movements back, the last first. (`next_expiry` stays: earlier than needed is no harm.)
    fn undo(&mut self) {
        for movement in self.decision.movements.drain(..).rev() {
            let Ok(shelf) = self.book.shelf_mut(&movement.place) else { continue };
            let Some(at) = shelf.find(movement.lot.as_ref()) else { continue };
            let row = &mut shelf.rows[at];
            row.on_hand -= movement.on_hand_delta;
            row.reserved -= movement.reserved_delta;
            row.version -= 1;
            if movement.event == EventType::StockExpired {
                row.lapsed -= movement.reserved_delta;
                row.booked = row.booked.saturating_sub(1);
            }
            // A lot that this command brought is not known any more.
            if row.stored.is_none() && row.version == 0 && row.lot.is_some() {
                shelf.rows.remove(at);
            }
        }
    }
}

/// The notice of a place that crossed its threshold.
pub fn crossed(event: EventType, place: &Place, levels: Levels, threshold: Option<i64>) -> Notice {
    let about = About::Level { sku: place.sku.clone(), levels, threshold };
    Notice { event, warehouse_id: place.warehouse_id, about, reason: None }
}

/// A row where `lot` is yet to come to.
fn fresh_row(lot: Option<&Label>, expires_on: Option<Day>, now: Moment) -> Row {
    Row::new(lot.cloned(), expires_on, now)
}

fn needed_lot(place: &Place) -> Refusal {
    Refusal::invalid(format!("SKU {} is lot-controlled: name a lot", place.sku))
}

fn not_lot_controlled(sku: &Label) -> Refusal {
    Refusal::invalid(format!("SKU {sku} is not lot-controlled: name no lot"))
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
