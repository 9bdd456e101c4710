//! The catalogue of refusals: one table from which SQL, HTTP, command line and documents are drawn.

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    InsufficientStock,
    UnknownSku,
    UnknownWarehouse,
    InvalidArgument,
    UnknownReservation,
    ReservationExpired,
    ReservationClosed,
    InvalidTransition,
    RequestIdReused,
    UnknownOrder,
    UnknownLot,
    VersionConflict,
    NotInstalled,
    Busy,
    InUse,
    UnknownSaga,
    NothingToRetry,
    UnknownTicket,
}

/// One line of the catalogue.
pub struct Entry {
    pub code: Code,
    /// The name users see: `insufficient_stock`.
    pub name: &'static str,
    /// Five characters of class `IV`.
    pub sqlstate: &'static str,
    pub http_status: u16,
    /// A sentence that fits every refusal of this code.
    pub title: &'static str,
    /// What to do next.
    pub hint: &'static str,
    /// Whether the same call may succeed later without being changed.
    pub retryable: bool,
}

const fn entry(
    code: Code,
    name: &'static str,
    sqlstate: &'static str,
    http_status: u16,
    title: &'static str,
    hint: &'static str,
) -> Entry {
    let retryable = http_status == 503;
    Entry { code, name, sqlstate, http_status, title, hint, retryable }
}

/// Every refusal there is, in the order of [`Code`].
#[rustfmt::skip]
pub const CATALOGUE: [Entry; 18] = [
    entry(Code::InsufficientStock, "insufficient_stock", "IV001", 400, "not enough stock is available",
        "Ask for less, receive more, or look at inventory.stock_level."),
    entry(Code::UnknownSku, "unknown_sku", "IV002", 404, "the SKU is not known",
        "Create it with inventory.put_product; SKUs are compared letter by letter, case included."),
    entry(Code::UnknownWarehouse, "unknown_warehouse", "IV003", 404, "the warehouse is not known",
        "Create it with inventory.put_warehouse."),
    entry(Code::InvalidArgument, "invalid_argument", "IV004", 422, "an argument is not valid",
        "Correct the argument and call again."),
    entry(Code::UnknownReservation, "unknown_reservation", "IV005", 404, "the reservation is not known",
        "Use the reservation_id that inventory.reserve returned."),
    entry(Code::ReservationExpired, "reservation_expired", "IV006", 409, "the reservation has expired",
        "Reserve again; the goods may still be there."),
    entry(Code::ReservationClosed, "reservation_closed", "IV007", 409, "the reservation was confirmed or released before",
        "A reservation resolves once; look at its state."),
    entry(Code::InvalidTransition, "invalid_transition", "IV008", 409, "the state cannot change this way",
        "Look at the state in inventory.order_status, or of a ticket in inventory.repair_tickets."),
    entry(Code::RequestIdReused, "request_id_reused", "IV009", 422, "the request id was used before for another content",
        "Use a new request id for a new command; repeat a command with exactly its first arguments."),
    entry(Code::UnknownOrder, "unknown_order", "IV010", 404, "the order is not known",
        "Use the order_no that inventory.create_order returned."),
    entry(Code::UnknownLot, "unknown_lot", "IV011", 404, "the lot is not known in this warehouse",
        "Look at inventory.stock_lot for the lots that are there."),
    entry(Code::VersionConflict, "version_conflict", "IV012", 412, "the stock has changed since it was read",
        "Read the stock again and decide anew."),
    entry(Code::NotInstalled, "not_installed", "IV013", 503, "the inventory tables are missing or of another layout",
        "Run SELECT inventory.install(); as a member of inventory_admin."),
    entry(Code::Busy, "busy", "IV014", 503, "the stock is held by another transaction",
        "Try again; if it stays so, look for a session that is idle in its transaction."),
    entry(Code::InUse, "in_use", "IV015", 409, "stock, holds or open orders still name it",
        "Move or write off what is there first."),
    entry(Code::UnknownSaga, "unknown_saga", "IV016", 404, "the saga is not known",
        "Use the saga_id that inventory.begin_saga returned; sagas that ended are forgotten after pg_inventory.saga_retention."),
    entry(Code::NothingToRetry, "nothing_to_retry", "IV017", 409, "the saga does not need attention",
        "Only a saga in state NEEDS_ATTENTION is tried again by hand; look at inventory.sagas."),
    entry(Code::UnknownTicket, "unknown_ticket", "IV018", 404, "the repair ticket is not known",
        "Look at inventory.repair_tickets; those that came to nothing are forgotten in time."),
];

impl Code {
    /// The catalogue's line for this code.
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    pub fn sqlstate(self) -> &'static str {
        self.entry().sqlstate
    }

    pub fn http_status(self) -> u16 {
        self.entry().http_status
    }

    pub fn title(self) -> &'static str {
        self.entry().title
    }

    pub fn hint(self) -> &'static str {
        self.entry().hint
    }

    /// The code behind an SQLSTATE, if it is one of ours.
    pub fn from_sqlstate(sqlstate: &str) -> Option<Code> {
        CATALOGUE.iter().find(|e| e.sqlstate == sqlstate).map(|e| e.code)
    }

    /// The code of that name.
    pub fn from_name(name: &str) -> Option<Code> {
        CATALOGUE.iter().find(|e| e.name == name).map(|e| e.code)
    }
}

/// A command that was not carried out, and why. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.title())]
pub struct Refusal {
    pub code: Code,
    /// What exactly was wrong, in one line.
    pub detail: String,
}

impl Refusal {
    pub fn new(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal { code, detail: detail.into() }
    }

    pub fn invalid(detail: impl Into<String>) -> Refusal {
        Refusal::new(Code::InvalidArgument, detail)
    }

    /// The wording that users and tests rely on: `requested 10 units, available: 3`.
    pub fn insufficient(requested: i64, available: i64) -> Refusal {
        Refusal::new(
            Code::InsufficientStock,
            format!("requested {requested} units, available: {available}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_the_order_of_the_codes() {
        for (at, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.code as usize, at, "{}", entry.name);
            assert_eq!(Code::from_sqlstate(entry.sqlstate), Some(entry.code));
            assert_eq!(Code::from_name(entry.name), Some(entry.code));
        }
    }

    #[test]
    fn sqlstates_are_of_class_iv_and_differ() {
        let mut seen: Vec<_> = CATALOGUE.iter().map(|e| e.sqlstate).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), CATALOGUE.len());
        assert!(seen.iter().all(|s| s.len() == 5 && s.starts_with("IV")));
    }

    #[test]
    fn insufficient_stock_says_what_was_asked_and_what_is_there() {
        assert_eq!(Refusal::insufficient(10, 3).detail, "requested 10 units, available: 3");
    }
}
