//! Version 1, a file a resource: what it takes and gives, and one call of the store.

mod adjustments;
mod audit;
mod deductions;
mod events;
mod hot;
mod lines;
mod orders;
mod outbox;
mod products;
mod receipts;
mod repairs;
mod reservations;
mod sagas;
pub mod stock;
mod transfers;
mod warehouses;

use crate::serve::app::App;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(products::routes())
        .merge(warehouses::routes())
        .merge(stock::routes())
        .merge(receipts::routes())
        .merge(deductions::routes())
        .merge(adjustments::routes())
        .merge(transfers::routes())
        .merge(reservations::routes())
        .merge(orders::routes())
        .merge(sagas::routes())
        .merge(audit::routes())
        .merge(events::routes())
        .merge(hot::routes())
        .merge(outbox::routes())
        .merge(repairs::routes())
}
