//! What the journal calls the things that happen.

/// The type of a journal row, and of the event that the outbox makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    StockReceived,
    StockDeducted,
    StockAdjusted,
    StockTransferred,
    StockReserved,
    StockConfirmed,
    StockReleased,
    StockExpired,
    LowStock,
    StockRecovered,
    OrderStateChanged,
    HotSkuChanged,
}

impl EventType {
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::StockReceived => "STOCK_RECEIVED",
            EventType::StockDeducted => "STOCK_DEDUCTED",
            EventType::StockAdjusted => "STOCK_ADJUSTED",
            EventType::StockTransferred => "STOCK_TRANSFERRED",
            EventType::StockReserved => "STOCK_RESERVED",
            EventType::StockConfirmed => "STOCK_CONFIRMED",
            EventType::StockReleased => "STOCK_RELEASED",
            EventType::StockExpired => "STOCK_EXPIRED",
            EventType::LowStock => "LOW_STOCK",
            EventType::StockRecovered => "STOCK_RECOVERED",
            EventType::OrderStateChanged => "ORDER_STATE_CHANGED",
            EventType::HotSkuChanged => "HOT_SKU_CHANGED",
        }
    }
}
