//! What a replay did, in numbers.

use serde::Serialize;

/// Names and reasons kept of those that were refused: the first ones say enough.
pub const REFUSALS_KEPT: usize = 10;

/// One refusal by name.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct RefusedItem {
    /// `order`, `return`, `write-off`, `product`, `opening`.
    pub kind: &'static str,
    pub name: String,
    pub code: String,
    pub detail: String,
}

/// Totals over the whole record, whichever run brought them in; `*_replayed` and
/// `*_refused_before` say how much of them an earlier run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub orders_accepted: u64,
    pub orders_refused: u64,
    pub returns_accepted: u64,
    pub returns_refused: u64,
    pub write_offs_accepted: u64,
    pub write_offs_refused: u64,
    pub openings_received: u64,
    pub products_created: u64,
    /// Movements and openings that were there from an earlier run.
    pub replayed: u64,
    /// Refused by an earlier run, and not decided again.
    pub refused_before: u64,
    /// Commands that changed something in this run.
    pub changes: u64,
    /// Lines of the record.
    pub lines: u64,
    pub units_sold: i64,
    pub units_returned: i64,
    pub units_written_off: i64,
    pub first_order_no: Option<String>,
    pub last_order_no: Option<String>,
    /// The first of this run's refusals.
    pub refusals: Vec<RefusedItem>,
    /// From opening the record to the last commit.
    pub seconds: f64,
    pub lines_per_second: f64,
}

impl Summary {
    pub fn keep_refusal(&mut self, kind: &'static str, name: &str, code: &str, detail: String) {
        if self.refusals.len() < REFUSALS_KEPT {
            let (name, code) = (name.to_owned(), code.to_owned());
            self.refusals.push(RefusedItem { kind, name, code, detail });
        }
    }

    /// Numbers have a fixed width and begin with the time, so text order is their order.
    pub fn saw_order_no(&mut self, order_no: String) {
        if self.first_order_no.as_ref().is_none_or(|first| order_no < *first) {
            self.first_order_no = Some(order_no.clone());
        }
        if self.last_order_no.as_ref().is_none_or(|last| order_no > *last) {
            self.last_order_no = Some(order_no);
        }
    }

    pub fn finish(&mut self, elapsed: std::time::Duration) {
        self.seconds = elapsed.as_secs_f64();
        self.lines_per_second = self.lines as f64 / self.seconds.max(1e-9);
    }
}
