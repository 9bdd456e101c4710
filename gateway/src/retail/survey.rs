//! The first pass: what is in the file, before anything is written.

use super::rows::{Row, Rows};
use super::{Identity, text};
use crate::error::Result;
use crate::replay::{Line, Opening, Place, Plan, Product};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where goods of the file lie: it names no warehouse.
pub const WAREHOUSE: i32 = 1;

/// Everything the second pass has to know beforehand. Grows with stock codes and invoices, not with
/// lines.
#[derive(Debug)]
pub struct Survey {
    pub path: PathBuf,
    pub identity: Identity,
    pub lines: u64,
    /// In the order of their first line.
    skus: Vec<Arc<str>>,
    names: HashMap<Arc<str>, Name>,
    /// Invoice to the row of its last positive line: there its order is complete.
    complete_at: HashMap<Arc<str>, u64>,
    /// Rows of returns and write-offs.
    singles: Vec<(u64, Arc<str>)>,
}

/// The best name so far: one from a sale beats one from a write-off (`damaged`).
#[derive(Debug, Default)]
struct Name {
    of_sale: Option<String>,
    of_anything: Option<String>,
}

impl Survey {
    pub fn of(path: &Path) -> Result<Survey> {
        let mut survey = Survey {
            path: path.to_owned(),
            identity: Identity::of(b""),
            lines: 0,
            skus: Vec::new(),
            names: HashMap::new(),
            complete_at: HashMap::new(),
            singles: Vec::new(),
        };
        let mut rows = Rows::open(path)?;
        while let Some(row) = rows.next_row()? {
            survey.take(&row);
        }
        survey.identity = Identity::of(&rows.content_hash());
        Ok(survey)
    }

    pub fn sku_count(&self) -> usize {
        self.skus.len()
    }

    /// The shared copy of a stock code that the first pass met.
    pub(super) fn sku(&self, sku: &str) -> Option<&Arc<str>> {
        self.names.get_key_value(sku).map(|(sku, _)| sku)
    }

    /// The shared copy of the invoice, and the row that completes its order.
    pub(super) fn order_of(&self, invoice: &str) -> Option<(&Arc<str>, u64)> {
        self.complete_at.get_key_value(invoice).map(|(invoice, row)| (invoice, *row))
    }

    /// Every place of the record with its request id.
    pub fn places(&self) -> Vec<Place> {
        let orders = self
            .complete_at
            .iter()
            .map(|(invoice, row)| Place { place: *row, request_id: self.identity.order(invoice) });
        let singles = self.singles.iter().map(|(row, invoice)| Place {
            place: *row,
            request_id: self.identity.line(invoice, *row),
        });
        orders.chain(singles).collect()
    }

    /// Products, and `opening` units of every stock code.
    pub fn plan(&self, opening: Option<i64>) -> Plan {
        let products = self.skus.iter().map(|sku| Product {
            request_id: self.identity.product(sku),
            sku: sku.clone(),
            name: self.name(sku),
            low_stock_threshold: None,
            unit: "each",
            category: None,
        });
        let openings = self.skus.iter().filter_map(|sku| {
            let line = Line { sku: sku.clone(), warehouse_id: WAREHOUSE, qty: opening? };
            Some(Opening { request_id: self.identity.opening(sku), line })
        });
        Plan { warehouses: Vec::new(), products: products.collect(), openings: openings.collect() }
    }

    fn name(&self, sku: &str) -> String {
        let name = self.names.get(sku);
        name.and_then(|n| n.of_sale.as_ref().or(n.of_anything.as_ref()))
            .cloned()
            .unwrap_or_else(|| sku.to_owned())
    }

    fn take(&mut self, row: &Row<'_>) {
        self.lines = row.number;
        self.take_name(row);
        if row.quantity > 0 {
            match self.complete_at.get_mut(row.invoice) {
                Some(last) => *last = row.number,
                None => {
                    self.complete_at.insert(row.invoice.into(), row.number);
                }
            }
        } else if row.quantity < 0 {
            self.singles.push((row.number, row.invoice.into()));
        }
    }

    fn take_name(&mut self, row: &Row<'_>) {
        if !self.names.contains_key(row.sku) {
            let sku: Arc<str> = row.sku.into();
            self.skus.push(sku.clone());
            self.names.insert(sku, Name::default());
        }
        let Some(name) = self.names.get_mut(row.sku) else { return };
        let slot = if row.quantity > 0 { &mut name.of_sale } else { &mut name.of_anything };
        if slot.is_none() {
            *slot = text::name(row.description);
        }
    }
}
