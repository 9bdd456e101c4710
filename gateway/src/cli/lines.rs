//! Goods that a command takes several of.

use crate::error::{Error, Result};
use crate::store::{Goods, Wanted};
use clap::Args;

#[derive(Args)]
pub struct LinesArgs {
    /// Stock keeping unit, letter by letter
    sku: String,
    /// Units, 1 to 10^12
    qty: i64,
    /// One more line; may be given often
    #[arg(long, num_args = 2, value_names = ["SKU", "QTY"], conflicts_with = "lot")]
    and: Vec<String>,
    /// Where
    #[arg(long, env = "INVENTORY_WAREHOUSE", default_value_t = 1, value_name = "ID")]
    pub warehouse: i32,
    /// Which lot, for lot-controlled products
    #[arg(long)]
    lot: Option<String>,
}

impl LinesArgs {
    /// In the order in which they were given.
    pub fn wanted(self) -> Result<Vec<Wanted>> {
        let LinesArgs { sku, qty, and, warehouse: warehouse_id, lot } = self;
        let mut wanted = vec![Wanted { goods: Goods { sku, warehouse_id, lot }, quantity: qty }];
        for more in and.chunks_exact(2) {
            let [sku, qty] = [more[0].clone(), more[1].clone()];
            let quantity = qty.parse().map_err(|_| {
                Error::usage(format!("--and {sku} {qty:?}: the second is no number"))
            })?;
            wanted.push(Wanted { goods: Goods { sku, warehouse_id, lot: None }, quantity });
        }
        Ok(wanted)
    }
}
