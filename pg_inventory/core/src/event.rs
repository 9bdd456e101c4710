//! What the journal calls the things that happen.

macro_rules! events {
    ($($name:ident = $text:literal;)*) => {
        /// The type of a journal row, and of the event that the outbox makes of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($name),*
        }

        impl EventType {
            pub const ALL: &[EventType] = &[$(EventType::$name),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(EventType::$name => $text),*
                }
            }

            /// None where a later version has written it.
            pub fn parse(text: &str) -> Option<EventType> {
                EventType::ALL.iter().copied().find(|event| event.as_str() == text)
            }
        }
    };
}

events! {
    StockReceived = "STOCK_RECEIVED";
    StockDeducted = "STOCK_DEDUCTED";
    StockAdjusted = "STOCK_ADJUSTED";
    StockTransferred = "STOCK_TRANSFERRED";
    StockReserved = "STOCK_RESERVED";
    StockConfirmed = "STOCK_CONFIRMED";
    StockReleased = "STOCK_RELEASED";
    StockExpired = "STOCK_EXPIRED";
    LowStock = "LOW_STOCK";
    StockRecovered = "STOCK_RECOVERED";
    OrderStateChanged = "ORDER_STATE_CHANGED";
    HotSkuChanged = "HOT_SKU_CHANGED";
}
