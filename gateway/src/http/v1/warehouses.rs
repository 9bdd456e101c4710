//! `/v1/warehouses`: where goods lie.

use crate::http::access::{Access, Administering, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, Params, Segment};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::Warehouse;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete))
}

/// A warehouse as it is to be
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WarehouseBody {
    #[schema(min_length = 1, max_length = 64)]
    code: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
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

refusals!(PutRefused, body = true, codes = [RequestIdReused]);
refusals!(DeleteRefused, codes = [UnknownWarehouse, InUse, RequestIdReused]);
refusals!(ListRefused);

/// Creates a warehouse, or changes it
#[utoipa::path(put, path = "/warehouses/{id}", tag = "warehouses", operation_id = "put_warehouse",
    params(("id" = i32, Path, description = "The three digits in its order numbers", minimum = 1, maximum = 999)),
    request_body = WarehouseBody,
    responses((status = 201, body = Warehouse, description = "New"), (status = 200, body = Warehouse, description = "Changed"), PutRefused))]
async fn put(
    State(app): State<Arc<App>>,
    command: Command<Administering>,
    Segment(id): Segment<i32>,
    Body(body): Body<WarehouseBody>,
) -> Result<Response, Problem> {
    let warehouse = Warehouse { warehouse_id: id, code: body.code, name: body.name };
    let caller = command.caller();
    let asked = warehouse.clone();
    let put = app
        .admin_command(|mut session| async move { session.put_warehouse(&asked, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    let status = if put.created == Some(true) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(command.answer((status, Json(warehouse)), put.replayed))
}

/// Deletes a warehouse that no stock, hold or open order names
#[utoipa::path(delete, path = "/warehouses/{id}", tag = "warehouses", operation_id = "delete_warehouse",
    params(("id" = i32, Path, minimum = 1, maximum = 999)),
    responses((status = 204, description = "Gone"), DeleteRefused))]
async fn delete(
    State(app): State<Arc<App>>,
    command: Command<Administering>,
    Segment(id): Segment<i32>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let put = app
        .admin_command(|mut session| async move { session.delete_warehouse(id, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(command.answer(StatusCode::NO_CONTENT.into_response(), put.replayed))
}

/// Warehouses, in the order of their numbers
#[utoipa::path(get, path = "/warehouses", tag = "warehouses", operation_id = "list_warehouses",
    params(ListParams), responses((status = 200, body = Page<Warehouse>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Warehouse>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let after: i32 = page::read(params.cursor.as_deref())?.unwrap_or(0);
    // There are 999 at most.
    let mut rows = app.session().await?.warehouses().await?;
    rows.retain(|warehouse| warehouse.warehouse_id > after);
    Ok(Json(slice.page(rows, |warehouse| warehouse.warehouse_id)))
}
