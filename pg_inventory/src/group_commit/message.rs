//! A call and its answer as they lie in a slot.

use crate::engine::{Answer, Outcome, Task};
use crate::pg::failure::Failure;
use inventory_core::book::Levels;
use inventory_core::command::{
    Action, Command, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::hold::{HoldId, Ttl};
use inventory_core::order_number::OrderNumber;
use inventory_core::refusal::CATALOGUE;
use inventory_core::text::Label;
use inventory_core::time::Moment;
use inventory_core::{Code, Refusal};
use serde::{Deserialize, Serialize};

/// A command on one line of goods.
#[derive(Serialize, Deserialize)]
pub struct Posted<'a> {
    what: What,
    sku: &'a str,
    warehouse_id: i32,
    lot: Option<&'a str>,
    quantity: i64,
    reason: &'a str,
    request_id: Option<[u8; 16]>,
    operator: Option<&'a str>,
    trace_id: Option<&'a str>,
    /// The database user of the caller.
    user: &'a str,
}

#[derive(Serialize, Deserialize)]
enum What {
    Deduct,
    /// The id of the hold, and for how many microseconds.
    Reserve([u8; 16], i64),
}

impl<'a> Posted<'a> {
    /// The command as it is posted, by the database user `user`; nothing where it is not about one line.
    pub fn of(command: &'a Command, user: &'a str) -> Option<Posted<'a>> {
        let (what, lines) = match &command.action {
            Action::Deduct { lines } => (What::Deduct, lines),
            Action::Reserve { hold, lines, ttl } => (What::Reserve(hold.0, ttl.micros()), lines),
            _ => return None,
        };
        let [line] = lines.as_slice() else { return None };
        let origin = &command.origin;
        Some(Posted {
            what,
            sku: &line.place.sku,
            warehouse_id: line.place.warehouse_id.number(),
            lot: line.lot.as_deref(),
            quantity: line.quantity.units(),
            reason: &line.reason,
            request_id: origin.request_id.map(|id| id.0),
            operator: origin.operator.as_deref(),
            trace_id: origin.trace_id.as_deref(),
            user,
        })
    }

    pub fn write(&self, into: &mut [u8]) -> usize {
        // Five texts of 64 characters and a name fit by far; if not, an empty call is refused.
        postcard::to_slice(self, into).map_or(0, |written| written.len())
    }

    /// The task that a posted call stands for.
    pub fn read(bytes: &[u8]) -> Task {
        let command = postcard::from_bytes(bytes).map_err(|_| unreadable());
        Task { places: Vec::new(), command: command.and_then(|posted: Posted| posted.command()) }
    }

    fn command(&self) -> Result<Command, Refusal> {
        let label = |what, text: &str| Label::new(what, text);
        let optional = |what, text: Option<&str>| text.map(|t| Label::new(what, t)).transpose();
        let warehouse_id = WarehouseId::used("warehouse_id", Some(self.warehouse_id))?;
        let line = Line {
            place: Place { sku: label("sku", self.sku)?, warehouse_id },
            lot: optional("lot", self.lot)?,
            quantity: Quantity::new(Some(self.quantity))?,
            reason: label("reason", self.reason)?,
        };
        let lines = vec![line];
        Ok(Command {
            origin: Origin {
                request_id: self.request_id.map(RequestId),
                operator: optional("operator", self.operator)?,
                trace_id: optional("trace_id", self.trace_id)?,
                user: Some(self.user.into()),
            },
            action: match self.what {
                What::Deduct => Action::Deduct { lines },
                What::Reserve(hold, ttl) => {
                    Action::Reserve { hold: HoldId(hold), lines, ttl: Ttl::new(Some(ttl))? }
                }
            },
        })
    }
}

fn unreadable() -> Refusal {
    Refusal::invalid("the call could not be read")
}

/// What became of a call.
#[derive(Serialize, Deserialize)]
pub enum Answered {
    Accepted {
        order: Option<i64>,
        /// On hand, reserved, available.
        levels: [i64; 3],
        hold: Option<([u8; 16], Option<i64>)>,
        replayed: bool,
    },
    Refused {
        /// Its place in the catalogue.
        code: usize,
        detail: String,
    },
    /// PostgreSQL raised an error.
    Failed {
        /// The SQLSTATE as PostgreSQL packs it.
        code: i32,
        message: String,
        detail: String,
    },
}

impl Answered {
    pub fn refused(refusal: Refusal) -> Answered {
        Answered::Refused { code: refusal.code as usize, detail: refusal.detail }
    }

    pub fn failed(failure: &Failure) -> Answered {
        let cut = |text: &str| text.chars().take(SAID).collect();
        Answered::Failed {
            code: failure.code as i32,
            message: cut(&failure.message),
            detail: cut(&failure.detail),
        }
    }

    pub fn write(&self, into: &mut [u8]) -> usize {
        postcard::to_slice(self, into).map_or(0, |written| written.len())
    }

    /// Nothing where the committer ended before it could say what became of the call.
    pub fn read(bytes: &[u8]) -> Option<Answered> {
        postcard::from_bytes(bytes).ok()
    }
}

/// Characters of an error's message that are passed on.
const SAID: usize = 200;

impl From<Outcome> for Answered {
    fn from(outcome: Outcome) -> Answered {
        match outcome {
            Outcome::Refused(refusal, _) => Answered::refused(refusal),
            Outcome::Accepted(answer) => {
                let levels = answer.levels.first().copied().unwrap_or_default();
                Answered::Accepted {
                    order: answer.order.map(OrderNumber::id),
                    levels: [levels.on_hand, levels.reserved, levels.available],
                    hold: answer.hold.map(|(id, until)| (id.0, until.map(|moment| moment.0))),
                    replayed: answer.replayed,
                }
            }
        }
    }
}

/// The answer as the engine would have given it; an error of PostgreSQL's is for the caller to raise.
impl TryFrom<Answered> for Result<Answer, Refusal> {
    type Error = Failure;

    fn try_from(answered: Answered) -> Result<Result<Answer, Refusal>, Failure> {
        match answered {
            Answered::Accepted {
                order,
                levels: [on_hand, reserved, available],
                hold,
                replayed,
            } => Ok(Ok(Answer {
                order: order.map(OrderNumber::from_id),
                levels: vec![Levels { on_hand, reserved, available }],
                hold: hold.map(|(id, until)| (HoldId(id), until.map(Moment))),
                replayed,
            })),
            Answered::Refused { code, detail } => {
                let code = CATALOGUE.get(code).map_or(Code::Busy, |entry| entry.code);
                Ok(Err(Refusal { code, detail }))
            }
            Answered::Failed { code, message, detail } => {
                Err(Failure { code: code.into(), message, detail })
            }
        }
    }
}
