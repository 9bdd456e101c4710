//! `/v1/audit`: what happened, newest first.

use super::lines;
use crate::http::access::{Access, Reading};
use crate::http::docs::refusals;
use crate::http::extract::Params;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{AuditFilter, Movement};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(min_length = 1, max_length = 64)]
    sku: Option<String>,
    #[param(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    /// From this moment on
    from: Option<DateTime<Utc>>,
    /// Before this one
    to: Option<DateTime<Utc>>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

refusals!(ListRefused);

/// Movements, newest first
#[utoipa::path(get, path = "/audit", tag = "stock", operation_id = "audit",
    params(ListParams), responses((status = 200, body = Page<Movement>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Movement>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let filter = AuditFilter {
        sku: lines::asked_sku(params.sku)?,
        warehouse_id: lines::asked(params.warehouse_id)?,
        from: params.from,
        to: params.to,
        before: page::read(params.cursor.as_deref())?,
    };
    let rows = app.session().await?.audit(&filter, slice.to_read()).await?;
    Ok(Json(slice.page(rows, |movement| movement.id)))
}
