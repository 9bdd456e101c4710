//! `/v1/transfers`: goods from one warehouse to another.

use super::stock::Levels;
use crate::http::access::Operating;
use crate::http::docs::refusals;
use crate::http::extract::Body;
use crate::http::idempotency::Command;
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::Goods;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Goods that change their warehouse
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTransfer {
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    quantity: i64,
    #[schema(minimum = 1, maximum = 999)]
    from_warehouse: i32,
    #[schema(minimum = 1, maximum = 999)]
    to_warehouse: i32,
    #[schema(min_length = 1, max_length = 64)]
    lot: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    reason: Option<String>,
}

/// Both sides as they are now
#[derive(Serialize, ToSchema)]
struct Transferred {
    sku: String,
    quantity: i64,
    from: Levels,
    to: Levels,
    replayed: bool,
}

refusals!(
    Refused,
    body = true,
    codes = [InsufficientStock, UnknownSku, UnknownWarehouse, UnknownLot, RequestIdReused, Busy]
);

/// Moves goods: both sides or neither
#[utoipa::path(post, path = "/transfers", tag = "movements", operation_id = "transfer",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = NewTransfer, responses((status = 201, body = Transferred), Refused))]
async fn create(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(asked): Body<NewTransfer>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let sku = asked.sku.clone();
    let moved = app
        .command(|mut session| async move {
            let reason = asked.reason.as_deref().unwrap_or("transfer");
            let source =
                Goods { sku: asked.sku, warehouse_id: asked.from_warehouse, lot: asked.lot };
            let target = Goods { warehouse_id: asked.to_warehouse, ..source.clone() };
            let [from, to] = session
                .transfer(&source, asked.to_warehouse, asked.quantity, reason, &caller)
                .await?;
            Ok(Transferred {
                sku: source.sku.clone(),
                quantity: asked.quantity,
                replayed: from.replayed,
                from: Levels::of(&source, &from),
                to: Levels::of(&target, &to),
            })
        })
        .await
        .map_err(|problem| command.refuse(problem.about(&sku)))?;
    let replayed = moved.replayed;
    Ok(command.answer((StatusCode::CREATED, Json(moved)), replayed))
}
