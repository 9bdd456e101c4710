//! `/v1/hot`: SKUs that many want at once.

use crate::http::access::{Access, Administering, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, Segment};
use crate::http::idempotency::Command;
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::HotSku;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// No more are hot at once.
const HOT_MAX: i64 = 1_000;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Called {
    hot: bool,
}

#[derive(Serialize, ToSchema)]
struct CalledHot {
    sku: String,
    hot: bool,
    /// Whether it was otherwise before
    changed: bool,
}

refusals!(ListRefused);
refusals!(SetRefused, body = true, codes = [UnknownSku, RequestIdReused]);

/// SKUs that are hot now, the most wanted first
#[utoipa::path(get, path = "/hot", tag = "stock", operation_id = "list_hot",
    responses((status = 200, body = Page<HotSku>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
) -> Result<Json<Page<HotSku>>, Problem> {
    let data = app.session().await?.hot_skus(HOT_MAX).await?;
    Ok(Json(Page { data, next_cursor: None }))
}

/// Calls a SKU hot by hand, or takes that back
#[utoipa::path(put, path = "/hot/{sku}", tag = "stock", operation_id = "set_hot",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64)),
    request_body = Called, responses((status = 200, body = CalledHot), SetRefused))]
async fn set(
    State(app): State<Arc<App>>,
    command: Command<Administering>,
    Segment(sku): Segment<String>,
    Body(Called { hot }): Body<Called>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let named = sku.clone();
    let changed = app
        .admin_command(|mut session| async move { session.set_hot(&named, hot, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(command.answer(Json(CalledHot { sku, hot, changed }), false))
}
