//! `/v1/products`: what is sold.

use crate::error::Result;
use crate::http::access::{Access, Administering, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, Params, Sku};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{NewProduct, Product};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use inventory_core::refusal::Code;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, get, delete))
}

/// A product as it is to be
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProductBody {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Low at or below this many units on hand in a warehouse; null watches nothing
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    low_stock_threshold: Option<i64>,
    #[serde(default)]
    lot_controlled: bool,
    #[schema(min_length = 1, max_length = 64)]
    unit: Option<String>,
    #[schema(value_type = Option<Object>)]
    attributes: Option<Map<String, Value>>,
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

refusals!(PutRefused, body = true, codes = [InUse, RequestIdReused]);
refusals!(GetRefused, codes = [UnknownSku]);
refusals!(DeleteRefused, codes = [UnknownSku, InUse, RequestIdReused]);
refusals!(ListRefused);

/// Creates a product, or changes it
#[utoipa::path(put, path = "/products/{sku}", tag = "products", operation_id = "put_product",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64)),
    request_body = ProductBody,
    responses((status = 201, body = Product, description = "New",
        links(("get" = (operation_id = "get_product", parameters(("sku" = "$response.body#/sku")))),
              ("stock" = (operation_id = "get_stock", parameters(("sku" = "$response.body#/sku")))),
              ("recount" = (operation_id = "recount", parameters(("sku" = "$response.body#/sku")))),
              ("hot" = (operation_id = "set_hot", parameters(("sku" = "$response.body#/sku")))),
              ("delete" = (operation_id = "delete_product", parameters(("sku" = "$response.body#/sku")))))), (status = 200, body = Product, description = "Changed"), PutRefused))]
async fn put(
    State(app): State<Arc<App>>,
    command: Command<Administering>,
    Sku(sku): Sku,
    Body(body): Body<ProductBody>,
) -> Result<Response, Problem> {
    let product = NewProduct {
        sku,
        name: body.name,
        low_stock_threshold: body.low_stock_threshold,
        lot_controlled: body.lot_controlled,
        unit: body.unit.unwrap_or_else(|| "each".to_owned()),
        attributes: Value::Object(body.attributes.unwrap_or_default()),
    };
    let caller = command.caller();
    let asked = product.clone();
    let put = app
        .admin_command(|mut session| async move { session.put_product(&asked, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    let status = if put.created == Some(true) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(command.answer((status, Json(Product::from(product))), put.replayed))
}

/// A product
#[utoipa::path(get, path = "/products/{sku}", tag = "products", operation_id = "get_product",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64)),
    responses((status = 200, body = Product), GetRefused))]
async fn get(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Sku(sku): Sku,
) -> Result<Json<Product>, Problem> {
    let found = app.session().await?.products(Some(&sku), None, 1).await?;
    found.into_iter().next().map(Json).ok_or_else(|| unknown(&sku))
}

pub fn unknown(sku: &str) -> Problem {
    Problem::refused(Code::UnknownSku, format!("SKU {sku:?} is not known")).with("sku", sku)
}

/// Deletes a product that no stock, hold or open order names
#[utoipa::path(delete, path = "/products/{sku}", tag = "products", operation_id = "delete_product",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64)),
    responses((status = 204, description = "Gone"), DeleteRefused))]
async fn delete(
    State(app): State<Arc<App>>,
    command: Command<Administering>,
    Sku(sku): Sku,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let put = app
        .admin_command(|mut session| async move { session.delete_product(&sku, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(command.answer(StatusCode::NO_CONTENT.into_response(), put.replayed))
}

/// Products, in the order of their SKUs
#[utoipa::path(get, path = "/products", tag = "products", operation_id = "list_products",
    params(ListParams), responses((status = 200, body = Page<Product>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Product>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let after: Option<String> = page::read(params.cursor.as_deref())?;
    let rows = app.session().await?.products(None, after.as_deref(), slice.to_read()).await?;
    Ok(Json(slice.page(rows, |product| product.sku.clone())))
}
