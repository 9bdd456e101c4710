//! What a record holds, whatever it was read from.

use std::sync::Arc;
use uuid::Uuid;

/// One SKU in one warehouse, and how many units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub sku: Arc<str>,
    pub warehouse_id: i32,
    /// Units, as the record has them: the engine judges whether they are allowed.
    pub qty: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Goods out, all lines or none.
    Order(Vec<Line>),
    /// Goods in.
    Receipt(Line),
    /// Goods written off; `qty` is what goes.
    WriteOff(Line),
}

/// One command of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Rises through the record.
    pub place: u64,
    pub request_id: Uuid,
    /// How a summary calls it: `489434`.
    pub name: Arc<str>,
    pub reason: String,
    pub operator: Option<String>,
    pub trace_id: Option<String>,
    pub effect: Effect,
}

impl Movement {
    pub fn lines(&self) -> &[Line] {
        match &self.effect {
            Effect::Order(lines) => lines,
            Effect::Receipt(line) | Effect::WriteOff(line) => std::slice::from_ref(line),
        }
    }

    pub fn units(&self) -> i64 {
        self.lines().iter().fold(0, |sum, line| sum.saturating_add(line.qty))
    }
}

/// A product the record names.
#[derive(Clone, Debug)]
pub struct Product {
    pub request_id: Uuid,
    pub sku: Arc<str>,
    pub name: String,
    pub low_stock_threshold: Option<i64>,
    pub unit: &'static str,
    pub category: Option<&'static str>,
}

/// A warehouse the record names.
#[derive(Clone, Debug)]
pub struct Warehouse {
    pub request_id: Uuid,
    pub warehouse_id: i32,
    pub code: &'static str,
    pub name: &'static str,
}

/// Stock that is there before the record begins.
#[derive(Clone, Debug)]
pub struct Opening {
    pub request_id: Uuid,
    pub line: Line,
}
