//! `/v1/hot`: SKUs that many want at once.

use crate::http::access::{Access, Administering, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, Params, Sku};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{HotPlace, HotSku};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Called {
    hot: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
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
    params(ListParams), responses((status = 200, body = Page<HotSku>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<HotSku>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let after: Option<HotPlace> = page::read(params.cursor.as_deref())?;
    let rows = app.session().await?.hot_skus(after.as_ref(), slice.to_read()).await?;
    Ok(Json(slice.page(rows, |hot| HotPlace {
        rate: hot.rate,
        sku: hot.sku.clone(),
        warehouse_id: hot.warehouse_id,
    })))
}

/// Calls a SKU hot by hand, or takes that back
#[utoipa::path(put, path = "/hot/{sku}", tag = "stock", operation_id = "set_hot",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64)),
    request_body = Called, responses((status = 200, body = CalledHot), SetRefused))]
async fn set(
    State(app): State<Arc<App>>,
    command: Command<Administering>,
    Sku(sku): Sku,
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
