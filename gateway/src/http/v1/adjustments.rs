//! `/v1/adjustments`: corrections by a difference.

use super::lines::MAIN;
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
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Units that were found or are gone
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAdjustment {
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    /// Not 0
    #[schema(minimum = -1_000_000_000_000_i64, maximum = 1_000_000_000_000_i64)]
    delta: i64,
    #[schema(min_length = 1, max_length = 64)]
    reason: String,
    #[schema(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    #[schema(min_length = 1, max_length = 64)]
    lot: Option<String>,
}

refusals!(
    Refused,
    body = true,
    codes = [InsufficientStock, UnknownSku, UnknownWarehouse, UnknownLot, RequestIdReused, Busy]
);

/// Corrects on hand by a difference
#[utoipa::path(post, path = "/adjustments", tag = "stock", operation_id = "adjust",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = NewAdjustment, responses((status = 201, body = Levels), Refused))]
async fn create(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(asked): Body<NewAdjustment>,
) -> Result<Response, Problem> {
    let NewAdjustment { sku, delta, reason, warehouse_id, lot } = asked;
    let goods = Goods { sku, warehouse_id: warehouse_id.unwrap_or(MAIN), lot };
    let caller = command.caller();
    let sku = goods.sku.clone();
    let levels = app
        .command(|mut session| async move {
            let answer = session.adjust(&goods, delta, &reason, &caller).await?;
            Ok(Levels::of(&goods, &answer))
        })
        .await
        .map_err(|problem| command.refuse(problem.about(&sku)))?;
    let replayed = levels.replayed;
    Ok(command.answer((StatusCode::CREATED, Json(levels)), replayed))
}
