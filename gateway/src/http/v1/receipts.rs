//! `/v1/receipts`: goods in.

use super::deductions::refused;
use super::lines::{self, GoodsLine};
use super::stock::Levels;
use crate::deduct::work::{Kind, Work};
use crate::http::access::Operating;
use crate::http::docs::refusals;
use crate::http::extract::Body;
use crate::http::idempotency::Command;
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::LineAnswer;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use inventory_core::command::Place;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Goods that come in
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReceipt {
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    quantity: i64,
    #[schema(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    /// Needed for lot-controlled products, and only for them
    #[schema(min_length = 1, max_length = 64)]
    lot: Option<String>,
    /// The last day on which the lot may be sold
    expires_on: Option<NaiveDate>,
    #[schema(min_length = 1, max_length = 64)]
    reason: Option<String>,
}

refusals!(Refused, body = true, codes = [UnknownSku, UnknownWarehouse, RequestIdReused, Busy]);

/// Takes goods in
#[utoipa::path(post, path = "/receipts", tag = "movements", operation_id = "receive",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = NewReceipt, responses((status = 201, body = Levels), Refused))]
async fn create(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(asked): Body<NewReceipt>,
) -> Result<Response, Problem> {
    let levels = receive(&app, &command, asked).await.map_err(|problem| command.refuse(problem))?;
    let replayed = levels.replayed;
    Ok(command.answer((StatusCode::CREATED, Json(levels)), replayed))
}

async fn receive(
    app: &App,
    command: &Command<Operating>,
    asked: NewReceipt,
) -> Result<Levels, Problem> {
    let reason = lines::reason(asked.reason, "receipt")?;
    let NewReceipt { sku, quantity, warehouse_id, lot, expires_on, .. } = asked;
    let line = GoodsLine { sku, quantity, warehouse_id, lot }.checked("", &reason)?;
    let place = line.place.clone();
    let work = Work {
        kind: Kind::Receive { expires_on },
        request_id: command.id(),
        lines: vec![line],
        operator: command.principal.name.clone(),
        trace_id: command.trace.as_str().to_owned(),
    };
    let lines = work.lines.clone();
    let done = app.front.desk.carry_out(work).await?;
    match done.first() {
        Some(answer) if answer.code == "ok" => {
            app.front.came_in(&place);
            Ok(levels(&place, answer))
        }
        _ => Err(refused(&lines, &done)),
    }
}

fn levels(place: &Place, answer: &LineAnswer) -> Levels {
    Levels {
        sku: place.sku.to_string(),
        warehouse_id: place.warehouse_id.number(),
        on_hand: answer.on_hand.unwrap_or_default(),
        reserved: answer.reserved.unwrap_or_default(),
        available: answer.available.unwrap_or_default(),
        replayed: answer.replayed,
    }
}
