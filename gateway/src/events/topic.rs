//! What those who follow the journal call its events, and which of them somebody wants.

use super::event::Event;
use inventory_core::event::EventType;
use serde::{Deserialize, Serialize};

macro_rules! topics {
    ($($topic:ident = $event:ident;)*) => {
        /// A kind of event, named for those who act on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum Topic {
            $($topic),*
        }

        impl Topic {
            pub const ALL: &[Topic] = &[$(Topic::$topic),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Topic::$topic => stringify!($topic)),*
                }
            }
        }

        /// Each has one: a type without a topic does not compile.
        impl From<EventType> for Topic {
            fn from(event: EventType) -> Topic {
                match event {
                    $(EventType::$event => Topic::$topic),*
                }
            }
        }
    };
}

topics! {
    StockReceived = StockReceived;
    StockDeducted = StockDeducted;
    InventoryAdjustment = StockAdjusted;
    StockTransferred = StockTransferred;
    StockReserved = StockReserved;
    StockConfirmed = StockConfirmed;
    StockReleased = StockReleased;
    StockExpired = StockExpired;
    LowStockAlert = LowStock;
    StockRecovered = StockRecovered;
    OrderStateChanged = OrderStateChanged;
    HotSkuChanged = HotSkuChanged;
}

impl Topic {
    /// Letter by letter; what else there is stands in the error, for people.
    pub fn parse(name: &str) -> Result<Topic, String> {
        let found = Topic::ALL.iter().copied().find(|topic| topic.as_str() == name);
        found.ok_or_else(|| {
            let all: Vec<_> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
            format!("there is no topic {name:?}; the topics are {}", all.join(", "))
        })
    }
}

/// Which events somebody wants to hear of; what is empty or None lets all through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub topics: Vec<Topic>,
    pub sku: Option<String>,
    pub warehouse_id: Option<i32>,
}

impl Filter {
    pub fn passes(&self, event: &Event) -> bool {
        (self.topics.is_empty() || self.topics.contains(&event.topic))
            && self.sku.as_ref().is_none_or(|sku| event.sku.as_ref() == Some(sku))
            && self.warehouse_id.is_none_or(|id| event.warehouse_id == Some(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::event::tests::event;

    #[test]
    fn every_type_has_a_topic_of_its_own() {
        let mut topics: Vec<Topic> = EventType::ALL.iter().copied().map(Topic::from).collect();
        topics.dedup();
        assert_eq!(topics, Topic::ALL);
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.as_str()), Ok(*topic));
        }
        for odd in ["", "stockdeducted", "STOCK_DEDUCTED", "StockDeducted "] {
            assert!(Topic::parse(odd).is_err_and(|why| why.contains("LowStockAlert")), "{odd}");
        }
    }

    #[test]
    fn all_that_is_asked_for_must_hold() {
        let sold = event(Topic::StockDeducted, Some("A"), Some(2));
        let order = event(Topic::OrderStateChanged, None, Some(2));
        let filter = |topics: &[Topic], sku: Option<&str>, warehouse_id| Filter {
            topics: topics.to_vec(),
            sku: sku.map(str::to_owned),
            warehouse_id,
        };
        for (filter, sale, change) in [
            (filter(&[], None, None), true, true),
            (filter(&[Topic::StockDeducted], None, None), true, false),
            (filter(&[Topic::LowStockAlert, Topic::OrderStateChanged], None, None), false, true),
            (filter(&[], Some("A"), None), true, false),
            (filter(&[], Some("a"), None), false, false),
            (filter(&[], None, Some(2)), true, true),
            (filter(&[Topic::StockDeducted], Some("A"), Some(1)), false, false),
        ] {
            assert_eq!((filter.passes(&sold), filter.passes(&order)), (sale, change), "{filter:?}");
        }
    }
}
