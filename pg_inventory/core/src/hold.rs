//! Holds: goods set aside until they are taken, given back, or their time is over.

use crate::command::Place;
use crate::lease::Lease;
use crate::text::{Label, required};
use crate::time::Moment;
use crate::{Code, Refusal};

/// A hold's id: a UUID that rises with time, so that new ones lie together in their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub [u8; 16]);

impl HoldId {
    /// Version 7 of RFC 9562: 48 bits of milliseconds since 1970, the rest by chance.
    pub fn new(now: Moment, chance: [u8; 10]) -> HoldId {
        let millis = now.unix_millis().to_be_bytes();
        let mut id = [0; 16];
        id[..6].copy_from_slice(&millis[2..]);
        id[6..].copy_from_slice(&chance);
        id[6] = 0x70 | id[6] & 0x0f;
        id[8] = 0x80 | id[8] & 0x3f;
        HoldId(id)
    }

    pub fn required(id: Option<[u8; 16]>) -> Result<HoldId, Refusal> {
        required("reservation_id", id).map(HoldId)
    }

    /// From the text form.
    pub fn parse(text: &str) -> Option<HoldId> {
        let hex: String = text.chars().filter(|c| *c != '-').collect();
        let mut id = [0; 16];
        if hex.len() != 32 || !hex.is_ascii() {
            return None;
        }
        for (at, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(HoldId(id))
    }

    /// The canonical text form.
    pub fn text(self) -> String {
        let hex: String = self.0.iter().map(|b| format!("{b:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

/// How long goods are held: more than nothing, at most 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl(i64);

/// The longest time goods may be held for, in microseconds.
const TTL_MAX: i64 = 366 * 86_400 * 1_000_000;

impl Ttl {
    /// From microseconds; `None` for a NULL, or for more than can be counted.
    pub fn new(micros: Option<i64>) -> Result<Ttl, Refusal> {
        match micros {
            Some(micros @ 1..=TTL_MAX) => Ok(Ttl(micros)),
            _ => Err(Refusal::invalid("ttl must be more than 0 and at most 366 days")),
        }
    }

    pub fn micros(self) -> i64 {
        self.0
    }
}

/// A hold resolves exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    Held,
    Confirmed,
    Released,
    Expired,
}

impl HoldState {
    const ALL: [HoldState; 4] =
        [HoldState::Held, HoldState::Confirmed, HoldState::Released, HoldState::Expired];

    pub fn as_str(self) -> &'static str {
        match self {
            HoldState::Held => "HELD",
            HoldState::Confirmed => "CONFIRMED",
            HoldState::Released => "RELEASED",
            HoldState::Expired => "EXPIRED",
        }
    }

    pub fn from_name(name: &str) -> Option<HoldState> {
        HoldState::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a hold has of one stock row.
#[derive(Clone, Debug)]
pub struct HeldLine {
    /// The line of the call or order that it is for; one line may be held from several lots.
    pub line: i32,
    pub place: Place,
    pub lot: Option<Label>,
    pub quantity: i64,
    /// Not yet taken, given back or booked as expired.
    pub open: bool,
}

/// A hold as it stands while a batch is decided.
#[derive(Clone, Debug)]
pub struct Hold {
    pub state: HoldState,
    /// `None`: the hold of an order or a lease, which has no limit.
    pub expires_at: Option<Moment>,
    pub lines: Vec<HeldLine>,
    /// What makes it a lease; read for commands on leases only.
    pub lease: Option<Lease>,
    /// The state as it is stored.
    pub stored: HoldState,
}

impl Hold {
    /// Whether its goods count as gone: its time is over, or some were booked as expired already.
    pub fn lapsed(&self, now: Moment) -> bool {
        self.expires_at.is_some_and(|at| at <= now || self.lines.iter().any(|l| !l.open))
    }

    /// Whether it differs from what is stored.
    pub fn changed(&self) -> bool {
        self.state != self.stored || self.lease.as_ref().is_some_and(|l| l.sold != l.stored)
    }
}

pub(crate) fn unknown(id: HoldId) -> Refusal {
    Refusal::new(Code::UnknownReservation, format!("reservation {} does not exist", id.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_with_time_and_are_of_version_7() {
        let (a, b) = (HoldId::new(Moment(0), [0xff; 10]), HoldId::new(Moment(1_000), [0; 10]));
        assert!(a < b);
        // 2000-01-01 is 946,684,800,000 ms after 1970: 0xdc6acfac00.
        assert_eq!(a.text(), "00dc6acf-ac00-7fff-bfff-ffffffffffff");
        assert_eq!(HoldId::parse(&a.text()), Some(a));
        assert_eq!(HoldId::parse("00dc6acf-ac00"), None);
    }

    #[test]
    fn a_hold_lasts_from_a_microsecond_to_a_leap_year() {
        assert!(Ttl::new(Some(1)).is_ok() && Ttl::new(Some(TTL_MAX)).is_ok());
        for bad in [None, Some(0), Some(-1), Some(TTL_MAX + 1)] {
            assert_eq!(Ttl::new(bad).unwrap_err().code, Code::InvalidArgument);
        }
    }
}
