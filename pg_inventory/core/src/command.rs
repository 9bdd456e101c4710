//! Commands: what callers ask for, already checked argument by argument.

use crate::text::{Label, required};
use crate::time::Day;
use crate::{Code, QUANTITY_MAX, Refusal};

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

/// One line of an outbound order.
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
}

/// One command as it enters the engine.
#[derive(Clone, Debug)]
pub struct Command {
    pub request_id: Option<RequestId>,
    pub operator: Option<Label>,
    pub trace_id: Option<Label>,
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

    /// The places whose rows must be locked; each with whether a missing row is to be made there.
    pub fn places(&self) -> Vec<(&Place, bool)> {
        match self {
            Action::Receive { line, .. } => vec![(&line.place, true)],
            Action::Deduct { lines } => lines.iter().map(|l| (&l.place, false)).collect(),
            Action::Adjust { place, .. } | Action::Recount { place, .. } => vec![(place, true)],
            Action::Transfer { line, to } => vec![(&line.place, false), (to, true)],
        }
    }

    /// The lots that are named, so that their rows are read even when they are empty.
    pub fn lots(&self) -> Vec<&Label> {
        match self {
            Action::Receive { line, .. } | Action::Transfer { line, .. } => {
                line.lot.iter().collect()
            }
            Action::Deduct { lines } => lines.iter().filter_map(|l| l.lot.as_ref()).collect(),
            Action::Adjust { lot, .. } | Action::Recount { lot, .. } => lot.iter().collect(),
        }
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
