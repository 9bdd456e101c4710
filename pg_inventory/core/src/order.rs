//! Orders: their states, and which may follow which.

use crate::command::{Place, Quantity, WarehouseId};
use crate::hold::HoldId;
use crate::order_number::OrderNumber;
use crate::text::Label;
use crate::time::Day;
use crate::{Code, Refusal};

/// Whether goods leave or come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Outbound,
    Inbound,
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Outbound => "outbound",
            Direction::Inbound => "inbound",
        }
    }

    pub fn from_name(name: &str) -> Option<Direction> {
        [Direction::Outbound, Direction::Inbound].into_iter().find(|d| d.as_str() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    Pending,
    Processing,
    Completed,
    Failed,
    Reverted,
}

/// Every change of state there is. The trigger on the table is made from the same list.
pub const TRANSITIONS: [(OrderState, OrderState); 6] = [
    (OrderState::Pending, OrderState::Processing),
    (OrderState::Pending, OrderState::Failed),
    (OrderState::Processing, OrderState::Completed),
    (OrderState::Processing, OrderState::Failed),
    (OrderState::Failed, OrderState::Reverted),
    (OrderState::Completed, OrderState::Reverted),
];

impl OrderState {
    const ALL: [OrderState; 5] = [
        OrderState::Pending,
        OrderState::Processing,
        OrderState::Completed,
        OrderState::Failed,
        OrderState::Reverted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            OrderState::Pending => "PENDING",
            OrderState::Processing => "PROCESSING",
            OrderState::Completed => "COMPLETED",
            OrderState::Failed => "FAILED",
            OrderState::Reverted => "REVERTED",
        }
    }

    pub fn from_name(name: &str) -> Option<OrderState> {
        OrderState::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What is asked of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Start,
    Complete,
    Fail,
    Revert,
}

impl Step {
    /// The state it leads to.
    pub fn to(self) -> OrderState {
        match self {
            Step::Start => OrderState::Processing,
            Step::Complete => OrderState::Completed,
            Step::Fail => OrderState::Failed,
            Step::Revert => OrderState::Reverted,
        }
    }

    /// The command's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Start => "start_order",
            Step::Complete => "complete_order",
            Step::Fail => "fail_order",
            Step::Revert => "revert_order",
        }
    }
}

/// One line of an order, in the order's warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    pub sku: Label,
    /// The lot that is named.
    pub lot: Option<Label>,
    pub quantity: Quantity,
    /// Inbound: the date of a lot that comes with the order.
    pub expires_on: Option<Day>,
}

/// An order as it is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderDraft {
    pub direction: Direction,
    pub warehouse_id: WarehouseId,
    pub lines: Vec<OrderLine>,
    /// The caller's own name for it, 1 to 200 characters.
    pub external_ref: Option<String>,
}

/// An order as it stands while a batch is decided.
#[derive(Clone, Debug)]
pub struct Order {
    pub direction: Direction,
    pub state: OrderState,
    pub warehouse_id: WarehouseId,
    pub lines: Vec<OrderLine>,
    /// What it holds, or held and took.
    pub hold: Option<HoldId>,
    /// Of its last change.
    pub reason: Option<Label>,
    /// The state as it is stored.
    pub stored: OrderState,
}

impl Order {
    /// Whether this state may follow.
    pub(crate) fn check(&self, number: OrderNumber, to: OrderState) -> Result<(), Refusal> {
        if TRANSITIONS.contains(&(self.state, to)) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::InvalidTransition,
            format!(
                "order {} is {}: {} cannot follow",
                number.text(),
                self.state.as_str(),
                to.as_str()
            ),
        ))
    }

    pub(crate) fn place(&self, line: &OrderLine) -> Place {
        Place { sku: line.sku.clone(), warehouse_id: self.warehouse_id }
    }
}

pub(crate) fn unknown(number: OrderNumber) -> Refusal {
    Refusal::new(Code::UnknownOrder, format!("order {} does not exist", number.text()))
}

/// An outbound order under way always holds its goods; one that does not was tampered with.
pub(crate) fn without_hold() -> Refusal {
    Refusal::new(Code::UnknownReservation, "the order holds no goods: look at inventory.verify()")
}
