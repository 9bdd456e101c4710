//! What the journal calls the things that happen.

/// The type of a journal row, and of the event that the outbox makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    StockReceived,
    StockDeducted,
    StockAdjusted,
    StockTransferred,
}

impl EventType {
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::StockReceived => "STOCK_RECEIVED",
            EventType::StockDeducted => "STOCK_DEDUCTED",
            EventType::StockAdjusted => "STOCK_ADJUSTED",
            EventType::StockTransferred => "STOCK_TRANSFERRED",
        }
    }
}
