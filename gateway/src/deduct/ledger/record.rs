//! What is written: a record a fact. A kind is added at the end of its list, never changed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A sale from a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// What its client was given to ask by.
    pub token: Uuid,
    pub lease_id: Uuid,
    /// Under which the database will know it.
    pub request_id: Uuid,
    pub sku: String,
    pub warehouse_id: i32,
    pub quantity: i64,
    pub operator: Option<String>,
    pub trace_id: Option<String>,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

/// How a sale ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    Completed {
        order_no: String,
    },
    /// Only where a lease is void or was given back by a repair.
    Refused {
        code: String,
        detail: String,
    },
}

/// A lease that this gateway holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseEntry {
    pub lease_id: Uuid,
    pub sku: String,
    pub warehouse_id: i32,
    pub purpose: String,
    pub granted: i64,
    pub generation: i32,
    /// Milliseconds since 1970.
    pub expires_at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// With the units that were sold by sales which are in the file no more.
    Lease {
        lease: LeaseEntry,
        sold: i64,
    },
    LeaseEnded(Uuid),
    Sale(Sale),
    Settled {
        token: Uuid,
        settlement: Settlement,
        at_ms: i64,
    },
}

impl Record {
    pub fn sale(&self) -> Option<&Sale> {
        match self {
            Record::Sale(sale) => Some(sale),
            _ => None,
        }
    }
}
