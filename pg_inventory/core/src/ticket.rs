//! Repair tickets: one a finding, from the day it is found to the day it is settled.
//!
//! What sets a finding right follows from its kind. Every correction is a command of the engine, with the
//! ticket as its reason: it stands in the journal beside what it corrects.

use crate::hold::HoldId;
use crate::text::Label;
use crate::{Code, Refusal, command::WarehouseId};

/// How a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Found, and nobody has decided yet.
    Pending,
    /// To be carried out.
    Confirmed,
    Done,
    /// Not to be carried out; or found no more before anybody decided.
    Rejected,
}

impl TicketState {
    const ALL: [TicketState; 4] =
        [TicketState::Pending, TicketState::Confirmed, TicketState::Done, TicketState::Rejected];

    pub fn as_str(self) -> &'static str {
        match self {
            TicketState::Pending => "PENDING",
            TicketState::Confirmed => "CONFIRMED",
            TicketState::Done => "DONE",
            TicketState::Rejected => "REJECTED",
        }
    }

    pub fn from_name(name: &str) -> Option<TicketState> {
        TicketState::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Fails where a ticket cannot come to `to`.
    pub fn check(self, id: i64, to: TicketState) -> Result<(), Refusal> {
        use TicketState::{Confirmed, Done, Pending, Rejected};
        let detail = match (self, to) {
            (Pending | Confirmed, Confirmed | Rejected) | (Confirmed, Done) => return Ok(()),
            (Pending, Done) => format!("ticket {id} waits for somebody's word: confirm it first"),
            _ => format!("ticket {id} is {}: it cannot become {}", self.as_str(), to.as_str()),
        };
        Err(Refusal::new(Code::InvalidTransition, detail))
    }
}

/// What sets a finding right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// The stock row becomes what the journal says of it; then what was counted, where somebody counted.
    Row,
    /// The lease becomes what the journal says of it.
    Lease,
    /// What is left of the lease comes back.
    ReturnLease,
    /// What follows from a row's goods and holds is written anew; of a copy elsewhere, which has forgotten it,
    /// it is noted on the row.
    Derived,
    /// The stock row becomes what its source had at the same place in the journal.
    Shadow,
    /// The source's stock row goes by what its shadow has more or less: see `SourceLevel`.
    Source,
    /// Nothing here can: somebody has to look.
    ByHand,
}

impl Correction {
    /// Of a finding of that kind: a check of `verify()`, or of what the gateway compares.
    pub fn of(kind: &str) -> Correction {
        match kind {
            "stock_row" | "on_hand" | "reserved" | "version" => Correction::Row,
            "lease_state" | "lease_units" | "lease_sold" => Correction::Lease,
            "lease_overdue" => Correction::ReturnLease,
            "lapsed" | "low" | "redis_level" | "redis_slice" => Correction::Derived,
            "shadow_level" => Correction::Shadow,
            SourceLevel::KIND => Correction::Source,
            _ => Correction::ByHand,
        }
    }

    /// Whether nobody needs to be asked: what is set right follows from what nobody doubts, and no goods
    /// come or go.
    pub fn is_safe(self) -> bool {
        self == Correction::Derived
    }

    /// Whether it may be confirmed together with whatever else can be set right. Whoever lets a copy tell its
    /// source what there is has to mean it.
    pub fn goes_with_others(self) -> bool {
        !matches!(self, Correction::ByHand | Correction::Source)
    }
}

/// A row of which a shadow has another level than its source had at the same place in the journal, as a
/// ticket of the source tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLevel {
    /// Units on hand in the shadow.
    pub shadow: i64,
    /// Units on hand in the source, when its row had this version.
    pub source: i64,
    pub version: i64,
}

impl SourceLevel {
    pub const KIND: &str = "source_level";

    /// What the ticket expects, and what it found.
    pub fn texts(self) -> (String, String) {
        (self.shadow.to_string(), format!("{} at version {}", self.source, self.version))
    }

    /// Of a ticket's texts; None where they are not such.
    pub fn of_texts(expected: &str, found: &str) -> Option<SourceLevel> {
        let (source, version) = found.split_once(" at version ")?;
        let number = |text: &str| text.parse().ok();
        Some(SourceLevel {
            shadow: number(expected)?,
            source: number(source)?,
            version: number(version)?,
        })
    }

    /// By what the source's row has to change; None beyond what can be counted.
    pub fn delta(self) -> Option<i64> {
        self.shadow.checked_sub(self.source)
    }
}

/// The row that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowName {
    pub sku: Label,
    pub warehouse_id: WarehouseId,
    pub lot: Option<Label>,
}

impl RowName {
    /// Reads `SKU in 1`, `SKU in 1, lot x` and `SKU in 1, slice of x`. A name may hold such words itself; what
    /// can be read in two ways is not read at all, since a correction of the wrong row would move goods.
    pub fn of_subject(subject: &str) -> Option<RowName> {
        let mut readings = subject.match_indices(" in ").filter_map(|(at, middle)| {
            RowName::of_parts(&subject[..at], &subject[at + middle.len()..])
        });
        readings.next().filter(|_| readings.next().is_none())
    }

    fn of_parts(sku: &str, rest: &str) -> Option<RowName> {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, rest) = rest.split_at(end);
        let lot = rest.strip_prefix(", lot ").map(str::to_owned);
        if lot.is_none() && !rest.is_empty() && !rest.starts_with(", slice of ") {
            return None;
        }
        Some(RowName {
            sku: Label::new("sku", sku).ok()?,
            warehouse_id: WarehouseId::used("warehouse_id", number.parse().ok()).ok()?,
            lot: Label::optional("lot", lot).ok()?,
        })
    }
}

/// The lease that a finding is about.
pub fn lease_of_subject(subject: &str) -> Option<HoldId> {
    HoldId::parse(subject.strip_prefix("lease ")?)
}

/// Behind the reason of what a source was told by its shadow.
const FROM_SHADOW: &str = " from shadow";

/// What a ticket's correction says of itself in the journal.
pub fn reason(id: i64, correction: Correction) -> Result<Label, Refusal> {
    let from = if correction == Correction::Source { FROM_SHADOW } else { "" };
    Label::new("reason", format!("repair {id}{from}"))
}

/// Whether a movement of that reason brings a source to where its shadow is already.
pub fn is_from_shadow(reason: &str) -> bool {
    let number = reason.strip_prefix("repair ").and_then(|rest| rest.strip_suffix(FROM_SHADOW));
    number.is_some_and(|number| number.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str) -> Option<(String, i32, Option<String>)> {
        let name = RowName::of_subject(subject)?;
        let lot = name.lot.map(|lot| lot.to_string());
        Some((name.sku.to_string(), name.warehouse_id.number(), lot))
    }

    #[test]
    fn a_subject_names_its_row() {
        assert_eq!(row("LAMP in 1"), Some(("LAMP".into(), 1, None)));
        assert_eq!(row("MADE in CHINA in 12"), Some(("MADE in CHINA".into(), 12, None)));
        assert_eq!(row("L in 2, lot x, y"), Some(("L".into(), 2, Some("x, y".into()))));
        assert_eq!(row("L in 2, slice of gate"), Some(("L".into(), 2, None)));
        assert_eq!(row("L in 2, big in 1"), Some(("L in 2, big".into(), 1, None)));
        for other in ["journal 7", "L in 1000", "L in x", " in 1", "L in 2 lot"] {
            assert_eq!(row(other), None, "{other}");
        }
        // Lot `x in 3` of L, or a SKU of that name.
        for twofold in ["L in 2, lot x in 3", "L in 2, slice of gate in 1"] {
            assert_eq!(row(twofold), None, "{twofold}");
        }
    }

    #[test]
    fn a_source_level_is_read_as_it_is_written() {
        let level = SourceLevel { shadow: 47, source: 50, version: 12 };
        let (expected, found) = level.texts();
        assert_eq!((expected.as_str(), found.as_str()), ("47", "50 at version 12"));
        assert_eq!(SourceLevel::of_texts(&expected, &found), Some(level));
        assert_eq!(level.delta(), Some(-3));
        for (expected, found) in [("47", "50"), ("", "50 at version 1"), ("1", "1 at version x")] {
            assert_eq!(SourceLevel::of_texts(expected, found), None, "{expected} {found}");
        }
        let far = SourceLevel { shadow: i64::MAX, source: -1, version: 1 };
        assert_eq!(far.delta(), None);
    }

    #[test]
    fn a_reason_tells_whose_level_it_was() {
        let told = |correction| is_from_shadow(&reason(7, correction).unwrap());
        assert!(told(Correction::Source));
        assert!(!told(Correction::Row));
        for other in ["repair from shadow", "repair x from shadow", "sale", "repair 7 from shadows"]
        {
            assert!(!is_from_shadow(other), "{other}");
        }
    }

    #[test]
    fn only_what_somebody_confirmed_is_carried_out() {
        let check = |from: TicketState, to| from.check(1, to).is_ok();
        for from in TicketState::ALL {
            assert_eq!(check(from, TicketState::Done), from == TicketState::Confirmed);
            let open = matches!(from, TicketState::Pending | TicketState::Confirmed);
            assert_eq!(check(from, TicketState::Confirmed), open);
            assert_eq!(check(from, TicketState::Rejected), open);
            assert!(!check(from, TicketState::Pending));
        }
    }
}
