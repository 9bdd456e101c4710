//! Leases: goods that are set aside for a holder who sells them by itself for a while, and tells later.
//!
//! A lease is a hold without time limit. Its time says how long the holder may sell from it; the goods
//! come back by its holder or by a repair only, never by the clock: it may still tell of sales.

use crate::hold::{HoldId, HoldState};
use crate::text::{Label, required};
use crate::time::Moment;
use crate::{Code, Refusal};

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Sales that are decided outside the database as long as all is well.
    Token,
    /// Sales while the database is away.
    Fallback,
}

impl Purpose {
    const ALL: [Purpose; 2] = [Purpose::Token, Purpose::Fallback];

    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Token => "token",
            Purpose::Fallback => "fallback",
        }
    }

    pub fn required(name: Option<&str>) -> Result<Purpose, Refusal> {
        let name = required("purpose", name)?;
        let known = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == name);
        known.ok_or_else(|| Refusal::invalid("purpose must be token or fallback"))
    }
}

/// What a hold is when it is a lease.
#[derive(Clone, Debug)]
pub struct Lease {
    pub holder: Label,
    /// The generation of the database that gave it, where that is another than today's: what was
    /// restored or cloned knows nothing of the sales that its holder made.
    pub void_since: Option<i32>,
    pub granted: i64,
    pub sold: i64,
    pub expires_at: Moment,
    /// Units sold as they are stored.
    pub stored: i64,
}

/// Who gives the rest of a lease back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returner {
    Holder(Label),
    /// Somebody who looks after leases whose time is over by so many microseconds.
    Repair {
        overdue: i64,
        reason: Label,
    },
}

impl Lease {
    /// Whether `holder` may use it.
    pub fn check(&self, id: HoldId, holder: &Label) -> Result<(), Refusal> {
        if self.holder != *holder {
            return Err(unknown(id));
        }
        self.void_since.map_or(Ok(()), |generation| {
            let detail = format!(
                "lease {} is void: it is of generation {generation}, before the database was restored or cloned",
                id.text()
            );
            Err(Refusal::new(Code::ReservationExpired, detail))
        })
    }

    /// Whether its time has been over for so long.
    pub fn overdue(&self, by: i64, now: Moment) -> bool {
        self.expires_at.plus(by) <= now
    }
}

/// What the state of its hold means for a lease: all was sold, or a rest came back.
pub fn state(hold: HoldState) -> &'static str {
    match hold {
        HoldState::Held => "OPEN",
        HoldState::Confirmed => "SETTLED",
        HoldState::Released | HoldState::Expired => "RETURNED",
    }
}

pub fn unknown(id: HoldId) -> Refusal {
    Refusal::new(Code::UnknownReservation, format!("this holder has no lease {}", id.text()))
}
