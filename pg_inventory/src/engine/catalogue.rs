//! The products and warehouses that new orders name: held, so that none goes before we commit.

use super::Task;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::book::Catalogue;
use inventory_core::command::{Action, WarehouseId};
use inventory_core::text::Label;
use std::collections::BTreeSet;

pub fn hold(spi: &Spi, tasks: &[Task]) -> Catalogue {
    let mut skus: BTreeSet<&Label> = BTreeSet::new();
    let mut ids: BTreeSet<WarehouseId> = BTreeSet::new();
    for task in tasks {
        let Ok(command) = &task.command else { continue };
        let Action::CreateOrder(draft) = &command.action else { continue };
        skus.extend(draft.lines.iter().map(|line| &line.sku));
        ids.insert(draft.warehouse_id);
    }
    let mut catalogue = Catalogue::default();
    for sku in skus {
        let found = spi.execute(plans::KEEP_PRODUCT.plan(spi), &Args::new().text(sku));
        if let Some(product) = found.first() {
            catalogue.products.insert(sku.clone(), product.bool(1));
        }
    }
    for id in ids {
        let args = Args::new().int4(id.number());
        if spi.execute(plans::SHARE_WAREHOUSE.plan(spi), &args).len() > 0 {
            catalogue.warehouses.insert(id);
        }
    }
    catalogue
}
