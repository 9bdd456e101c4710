//! Commands: what callers ask for, already checked argument by argument.

use crate::book::Papers;
use crate::hold::{HoldId, Ttl};
use crate::lease::{Purpose, Returner};
use crate::order::{Direction, OrderDraft, OrderState, Step};
use crate::order_number::OrderNumber;
use crate::text::{Label, required};
use crate::time::Day;
use crate::{Code, QUANTITY_MAX, Refusal};
use std::sync::Arc;

/// A caller's name for one command: the same id has one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

/// A number of units that moves: 1 to 10^12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    pub fn new(value: Option<i64>) -> Result<Quantity, Refusal> {
        match required("quantity", value)? {
            v @ 1..=QUANTITY_MAX => Ok(Quantity(v)),
            v => Err(Refusal::invalid(format!("quantity must be 1 to {QUANTITY_MAX}, got {v}"))),
        }
    }

    pub fn units(self) -> i64 {
        self.0
    }
}

/// A warehouse's number: 1 to 999, the three digits in an order number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WarehouseId(i32);

impl WarehouseId {
    /// For a command that uses a warehouse: what cannot exist is not known.
    /// `what` names the argument in the refusal.
    pub fn used(what: &str, value: Option<i32>) -> Result<WarehouseId, Refusal> {
        let value = required(what, value)?;
        Self::checked(value).ok_or_else(|| Self::unknown(value))
    }

    /// For the command that makes one.
    pub fn new(value: Option<i32>) -> Result<WarehouseId, Refusal> {
        let value = required("warehouse_id", value)?;
        Self::checked(value)
            .ok_or_else(|| Refusal::invalid(format!("warehouse_id must be 1 to 999, got {value}")))
    }

    fn checked(value: i32) -> Option<WarehouseId> {
        (1..=999).contains(&value).then_some(WarehouseId(value))
    }

    pub fn unknown(value: i32) -> Refusal {
        Refusal::new(Code::UnknownWarehouse, format!("warehouse {value} does not exist"))
    }

    pub fn number(self) -> i32 {
        self.0
    }
}

/// Where stock is counted: one SKU in one warehouse. Ordered as the rows are locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub sku: Label,
    pub warehouse_id: WarehouseId,
}

/// Goods that are to move or to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub place: Place,
    pub lot: Option<Label>,
    pub quantity: Quantity,
    pub reason: Label,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Receive {
        line: Line,
        expires_on: Option<Day>,
    },
    /// One order: all lines or none.
    Deduct {
        lines: Vec<Line>,
    },
    Adjust {
        place: Place,
        lot: Option<Label>,
        delta: Delta,
        reason: Label,
    },
    Recount {
        place: Place,
        lot: Option<Label>,
        counted: Counted,
        expected_version: Option<i64>,
        reason: Label,
    },
    Transfer {
        line: Line,
        to: Place,
    },
    /// One hold: all lines or none.
    Reserve {
        /// The id it gets.
        hold: HoldId,
        lines: Vec<Line>,
        ttl: Ttl,
    },
    /// Takes the held goods out; of a hold of one line a part, which gives the rest back.
    Confirm {
        hold: HoldId,
        quantity: Option<Quantity>,
    },
    Release {
        hold: HoldId,
        reason: Label,
    },
    /// Closes a hold whose time is over.
    Expire {
        hold: HoldId,
    },
    /// Sets goods aside for a holder who sells them by itself.
    Lease {
        /// The id it gets.
        lease: HoldId,
        line: Line,
        holder: Label,
        purpose: Purpose,
        ttl: Ttl,
    },
    /// A deduction of leased goods.
    Sell {
        lease: HoldId,
        holder: Label,
        line: Line,
    },
    /// Gives back what was not sold.
    ReturnLease {
        lease: HoldId,
        by: Returner,
    },
    /// Sets a row right, which its keeper has read as `truth` says.
    Mend {
        place: Place,
        lot: Option<Label>,
        truth: Truth,
        reason: Label,
    },
    /// Sets a lease right, which its keeper read from the journal.
    MendLease {
        lease: HoldId,
        reason: Label,
    },
    CreateOrder(OrderDraft),
    MoveOrder {
        order: OrderNumber,
        step: Step,
        reason: Option<Label>,
        /// The id of the hold that starting it makes.
        hold: HoldId,
    },
}

/// What is believed of a row that is set right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Its goods as they are stored: only what follows from them and from its holds is written anew.
    Stock,
    /// What the journal adds up to.
    Journal,
    /// The same, and then that so many units lie there.
    Level(Counted),
    /// The same, and then so many units more or less, as a count at that version of the row came to; unless
    /// somebody has corrected it since. What was sold meanwhile is gone from the shelf, too.
    Counted { apart: i64, since: i64 },
    /// The same, as a shadow has more or less.
    Apart { delta: Delta, since: i64 },
}

impl Truth {
    /// Units on hand that are right where `on_hand` is what is stored or, but for `Stock`, what the journal says.
    pub fn right(self, on_hand: i64) -> i64 {
        match self {
            Truth::Stock | Truth::Journal => on_hand,
            Truth::Level(level) => level.units(),
            Truth::Counted { apart, .. } => on_hand.saturating_add(apart),
            Truth::Apart { delta, .. } => on_hand.saturating_add(delta.units()),
        }
    }
}

/// What a command needs of one place.
#[derive(Clone, Debug)]
pub struct Need<'c> {
    pub place: Place,
    /// Make the row if it is missing: something may come in.
    pub create: bool,
    /// A lot to be read also when it is empty.
    pub lot: Option<&'c Label>,
    /// How many units may leave or be held at most. That many of lapsed holds may have to make room.
    pub units: i64,
}

impl<'c> Need<'c> {
    fn of(place: &Place, lot: Option<&'c Label>) -> Need<'c> {
        Need { place: place.clone(), create: false, lot, units: 0 }
    }

    fn units(mut self, units: i64) -> Need<'c> {
        self.units = units;
        self
    }

    fn create(mut self) -> Need<'c> {
        self.create = true;
        self
    }

    fn to_leave(line: &'c Line) -> Need<'c> {
        Need::of(&line.place, line.lot.as_ref()).units(line.quantity.units())
    }
}

/// Where a command comes from, as its caller says.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub request_id: Option<RequestId>,
    pub operator: Option<Label>,
    pub trace_id: Option<Label>,
    /// Who is logged in, where that is not the session which carries it out.
    pub user: Option<Arc<str>>,
}

/// One command as it enters the engine.
#[derive(Clone, Debug)]
pub struct Command {
    pub origin: Origin,
    pub action: Action,
}

impl Action {
    /// Takes goods from `line` to another warehouse.
    pub fn transfer(line: Line, to: WarehouseId) -> Result<Action, Refusal> {
        if line.place.warehouse_id == to {
            return Err(Refusal::invalid("from_warehouse and to_warehouse must differ"));
        }
        let to = Place { sku: line.place.sku.clone(), warehouse_id: to };
        Ok(Action::Transfer { line, to })
    }

    /// What it needs of stock, each place that must be locked. Holds and orders it names are looked up
    /// in `papers`; one that is not there needs nothing.
    pub fn needs<'c>(&'c self, papers: &'c Papers) -> Vec<Need<'c>> {
        match self {
            Action::Receive { line, .. } => {
                vec![Need::of(&line.place, line.lot.as_ref()).create()]
            }
            Action::Deduct { lines } | Action::Reserve { lines, .. } => {
                lines.iter().map(Need::to_leave).collect()
            }
            Action::Adjust { place, lot, delta, .. } => {
                let units = delta.units().saturating_neg().max(0);
                vec![Need::of(place, lot.as_ref()).units(units).create()]
            }
            // How many leave is known only under the lock.
            Action::Recount { place, lot, .. } | Action::Mend { place, lot, .. } => {
                vec![Need::of(place, lot.as_ref()).units(i64::MAX).create()]
            }
            Action::Transfer { line, to } => {
                vec![Need::to_leave(line), Need::of(to, line.lot.as_ref()).create()]
            }
            Action::Lease { line, .. } => vec![Need::to_leave(line)],
            Action::Confirm { hold, .. }
            | Action::Release { hold, .. }
            | Action::Expire { hold }
            | Action::Sell { lease: hold, .. }
            | Action::ReturnLease { lease: hold, .. }
            | Action::MendLease { lease: hold, .. } => held(papers, *hold).collect(),
            Action::CreateOrder(_) => Vec::new(),
            Action::MoveOrder { order, step, .. } => order_needs(papers, *order, *step),
        }
    }

    /// The hold it names.
    pub fn hold(&self) -> Option<HoldId> {
        match self {
            Action::Confirm { hold, .. }
            | Action::Release { hold, .. }
            | Action::Expire { hold } => Some(*hold),
            _ => self.lease(),
        }
    }

    /// The lease it names.
    pub fn lease(&self) -> Option<HoldId> {
        match self {
            Action::Sell { lease, .. }
            | Action::ReturnLease { lease, .. }
            | Action::MendLease { lease, .. } => Some(*lease),
            _ => None,
        }
    }

    /// The order it names.
    pub fn order(&self) -> Option<OrderNumber> {
        match self {
            Action::MoveOrder { order, .. } => Some(*order),
            _ => None,
        }
    }
}

/// The places of a hold.
fn held(papers: &Papers, hold: HoldId) -> impl Iterator<Item = Need<'_>> {
    let lines = papers.hold(hold).map(|h| h.lines.as_slice()).unwrap_or_default();
    lines.iter().map(|l| Need::of(&l.place, l.lot.as_ref()))
}

fn order_needs(papers: &Papers, number: OrderNumber, step: Step) -> Vec<Need<'_>> {
    let Ok(order) = papers.order(number) else { return Vec::new() };
    let lines = order.lines.iter().map(|l| (Need::of(&order.place(l), l.lot.as_ref()), l.quantity));
    match (order.direction, step) {
        (Direction::Outbound, Step::Start) => lines.map(|(n, q)| n.units(q.units())).collect(),
        (Direction::Outbound, _) => {
            order.hold.map(|h| held(papers, h).collect()).unwrap_or_default()
        }
        (Direction::Inbound, Step::Complete) => lines.map(|(n, _)| n.create()).collect(),
        (Direction::Inbound, Step::Revert) if order.state == OrderState::Completed => {
            lines.map(|(n, q)| n.units(q.units())).collect()
        }
        (Direction::Inbound, _) => Vec::new(),
    }
}

/// A correction: not 0, at most 10^12 either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta(i64);

impl Delta {
    pub fn new(value: Option<i64>) -> Result<Delta, Refusal> {
        match required("delta", value)? {
            0 => Err(Refusal::invalid("delta must not be 0")),
            v if v.unsigned_abs() <= QUANTITY_MAX.unsigned_abs() => Ok(Delta(v)),
            v => Err(Refusal::invalid(format!(
                "delta must be -{QUANTITY_MAX} to {QUANTITY_MAX}, got {v}"
            ))),
        }
    }

    pub fn units(self) -> i64 {
        self.0
    }
}

/// What was counted: 0 to 10^12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted(i64);

impl Counted {
    pub fn new(value: Option<i64>) -> Result<Counted, Refusal> {
        match required("counted", value)? {
            v @ 0..=QUANTITY_MAX => Ok(Counted(v)),
            v => Err(Refusal::invalid(format!("counted must be 0 to {QUANTITY_MAX}, got {v}"))),
        }
    }

    pub fn units(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_end_at_their_limits() {
        assert_eq!(Quantity::new(Some(QUANTITY_MAX)).unwrap().units(), QUANTITY_MAX);
        for bad in [None, Some(0), Some(-1), Some(QUANTITY_MAX + 1), Some(i64::MAX), Some(i64::MIN)]
        {
            assert_eq!(Quantity::new(bad).unwrap_err().code, Code::InvalidArgument);
        }
        for bad in [None, Some(0), Some(i64::MIN), Some(i64::MAX)] {
            assert_eq!(Delta::new(bad).unwrap_err().code, Code::InvalidArgument);
        }
        for bad in [None, Some(-1), Some(QUANTITY_MAX + 1)] {
            assert_eq!(Counted::new(bad).unwrap_err().code, Code::InvalidArgument);
        }
    }

    #[test]
    fn a_warehouse_that_cannot_exist_is_unknown_to_its_users_and_invalid_to_its_maker() {
        assert_eq!(
            WarehouseId::used("warehouse_id", Some(1000)).unwrap_err().code,
            Code::UnknownWarehouse
        );
        assert_eq!(WarehouseId::new(Some(1000)).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(
            WarehouseId::used("warehouse_id", None).unwrap_err().code,
            Code::InvalidArgument
        );
    }
}
