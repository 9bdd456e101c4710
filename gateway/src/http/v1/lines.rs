//! Goods as bodies name them, checked by the rules before they wait anywhere.

use crate::http::extract::at;
use crate::http::problem::Problem;
use inventory_core::command::{Line, Place, Quantity, WarehouseId};
use inventory_core::text::Label;
use serde::Deserialize;
use utoipa::ToSchema;

/// Where goods are that no warehouse is named for.
pub const MAIN: i32 = 1;
/// Lines of one command.
pub const LINES_MAX: usize = 10_000;

/// Units of a SKU in a warehouse
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoodsLine {
    #[schema(min_length = 1, max_length = 64)]
    pub sku: String,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub quantity: i64,
    #[schema(minimum = 1, maximum = 999)]
    pub warehouse_id: Option<i32>,
    #[schema(min_length = 1, max_length = 64)]
    pub lot: Option<String>,
}

impl GoodsLine {
    /// `within` is where the line stands in the body.
    pub fn checked(self, within: &str, reason: &Label) -> Result<Line, Problem> {
        let field = |name: &'static str| move || format!("{within}/{name}");
        let place = place(within, self.sku, self.warehouse_id)?;
        Ok(Line {
            place,
            lot: at(field("lot"), Label::optional("lot", self.lot))?,
            quantity: at(field("quantity"), Quantity::new(Some(self.quantity)))?,
            reason: reason.clone(),
        })
    }
}

pub fn place(within: &str, sku: String, warehouse_id: Option<i32>) -> Result<Place, Problem> {
    let warehouse_id = WarehouseId::used("warehouse_id", Some(warehouse_id.unwrap_or(MAIN)));
    Ok(Place {
        sku: at(|| format!("{within}/sku"), Label::new("sku", sku))?,
        warehouse_id: at(|| format!("{within}/warehouse_id"), warehouse_id)?,
    })
}

/// The warehouse that a query names, if it names one.
pub fn asked(warehouse_id: Option<i32>) -> Result<Option<i32>, Problem> {
    if let Some(number) = warehouse_id {
        at(|| "warehouse_id".to_owned(), WarehouseId::new(Some(number)))?;
    }
    Ok(warehouse_id)
}

/// The SKU that a query names, if it names one.
pub fn asked_sku(sku: Option<String>) -> Result<Option<String>, Problem> {
    let label = at(|| "sku".to_owned(), Label::optional("sku", sku))?;
    Ok(label.map(|label| label.to_string()))
}

/// 1 to 10,000 of them.
pub fn checked(lines: Vec<GoodsLine>, reason: &Label) -> Result<Vec<Line>, Problem> {
    if lines.is_empty() || lines.len() > LINES_MAX {
        let detail = format!("lines must have 1 to {LINES_MAX} lines, got {}", lines.len());
        return Err(Problem::invalid("/lines", detail));
    }
    lines
        .into_iter()
        .enumerate()
        .map(|(n, line)| line.checked(&format!("/lines/{n}"), reason))
        .collect()
}

/// The reason of a movement, or the one that goes without saying.
pub fn reason(given: Option<String>, usual: &'static str) -> Result<Label, Problem> {
    match given {
        Some(reason) => at(|| "/reason".to_owned(), Label::new("reason", reason)),
        None => Ok(Label::fixed(usual)),
    }
}
