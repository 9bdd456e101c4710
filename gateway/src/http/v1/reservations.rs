//! `/v1/reservations`: goods set aside for a while.

use super::deductions::refused;
use super::lines::{self, GoodsLine};
use crate::deduct::work::{Done, Kind, Work};
use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, MaybeBody, Segment, objects};
use crate::http::idempotency::Command;
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{Closed, Hold};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use chrono::{DateTime, Utc};
use inventory_core::command::Line;
use inventory_core::refusal::Code;
use inventory_core::text::Label;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Fifteen minutes: as long as somebody looks for their purse.
const TTL_SECONDS: i64 = 900;
const TTL_MAX: i64 = 366 * 86_400;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get))
        .routes(routes!(confirm))
        .routes(routes!(release))
}

/// All lines are held or none
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReservation {
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 10_000)]
    lines: Vec<GoodsLine>,
    /// How long; 900 where nothing is said
    #[schema(minimum = 1, maximum = 31_622_400)]
    ttl_seconds: Option<i64>,
}

/// A hold that was made
#[derive(Serialize, ToSchema)]
struct Reserved {
    reservation_id: Uuid,
    /// `HELD`
    state: &'static str,
    expires_at: Option<DateTime<Utc>>,
    lines: Vec<ReservedLine>,
    replayed: bool,
}

/// A line, with the levels of its place after it
#[derive(Serialize, ToSchema)]
struct ReservedLine {
    sku: String,
    quantity: i64,
    warehouse_id: i32,
    on_hand: Option<i64>,
    reserved: Option<i64>,
    available: Option<i64>,
}

/// How a hold ended
#[derive(Serialize, ToSchema)]
struct Ended {
    reservation_id: Uuid,
    state: String,
    /// Of goods that were taken out
    order_no: Option<String>,
    replayed: bool,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// Part of a hold of one line; the rest is given back. All where nothing is said
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    quantity: Option<i64>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Giving {
    #[schema(min_length = 1, max_length = 64)]
    reason: Option<String>,
}

refusals!(
    CreateRefused,
    body = true,
    codes = [InsufficientStock, UnknownSku, UnknownWarehouse, UnknownLot, RequestIdReused, Busy]
);
refusals!(GetRefused, codes = [UnknownReservation]);
refusals!(
    CloseRefused,
    body = true,
    codes = [
        UnknownReservation,
        ReservationExpired,
        ReservationClosed,
        InsufficientStock,
        RequestIdReused,
        Busy
    ]
);

/// Sets goods aside
#[utoipa::path(post, path = "/reservations", tag = "reservations", operation_id = "reserve",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = NewReservation,
    responses((status = 201, body = Reserved, headers(("Location" = String, description = "Where it is")),
        links(("get" = (operation_id = "get_reservation", parameters(("id" = "$response.body#/reservation_id")))),
              ("confirm" = (operation_id = "confirm_reservation", parameters(("id" = "$response.body#/reservation_id")))),
              ("release" = (operation_id = "release_reservation", parameters(("id" = "$response.body#/reservation_id")))))), CreateRefused))]
async fn create(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(asked): Body<NewReservation>,
) -> Result<Response, Problem> {
    let reserved =
        reserve(&app, &command, asked).await.map_err(|problem| command.refuse(problem))?;
    let replayed = reserved.replayed;
    let place = [(LOCATION, format!("/v1/reservations/{}", reserved.reservation_id))];
    Ok(command.answer((StatusCode::CREATED, place, Json(reserved)), replayed))
}

async fn reserve(
    app: &App,
    command: &Command<Operating>,
    asked: NewReservation,
) -> Result<Reserved, Problem> {
    let ttl_seconds = asked.ttl_seconds.unwrap_or(TTL_SECONDS);
    if !(1..=TTL_MAX).contains(&ttl_seconds) {
        let detail = format!("ttl_seconds must be 1 to {TTL_MAX}, got {ttl_seconds}");
        return Err(Problem::invalid("/ttl_seconds", detail));
    }
    let work = Work {
        kind: Kind::Reserve { ttl: Duration::from_secs(ttl_seconds.unsigned_abs()) },
        request_id: command.id(),
        lines: lines::checked(asked.lines, &Label::fixed("reserve"))?,
        operator: command.principal.name.clone(),
        trace_id: command.trace.as_str().to_owned(),
    };
    let asked = work.lines.clone();
    let done = app.front.desk.carry_out(work).await?;
    held(&asked, &done).ok_or_else(|| refused(&asked, &done))
}

fn held(asked: &[Line], done: &Done) -> Option<Reserved> {
    let first = done.first().filter(|answer| answer.code == "ok")?;
    let lines = asked.iter().zip(&done.lines).map(|(line, answer)| ReservedLine {
        sku: line.place.sku.to_string(),
        quantity: line.quantity.units(),
        warehouse_id: line.place.warehouse_id.number(),
        on_hand: answer.on_hand,
        reserved: answer.reserved,
        available: answer.available,
    });
    Some(Reserved {
        reservation_id: first.reservation_id?,
        state: "HELD",
        expires_at: first.expires_at,
        lines: lines.collect(),
        replayed: first.replayed,
    })
}

/// A hold, open or closed
#[utoipa::path(get, path = "/reservations/{id}", tag = "reservations", operation_id = "get_reservation",
    params(("id" = Uuid, Path)), responses((status = 200, body = Hold), GetRefused))]
async fn get(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Segment(id): Segment<Uuid>,
) -> Result<Json<Hold>, Problem> {
    let hold = app.session().await?.reservation(id).await?;
    let unknown =
        || Problem::refused(Code::UnknownReservation, format!("reservation {id} is not known"));
    hold.map(Json).ok_or_else(unknown)
}

/// Takes the held goods out
#[utoipa::path(post, path = "/reservations/{id}/confirm", tag = "reservations", operation_id = "confirm_reservation",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Confirmation>, responses((status = 200, body = Ended), CloseRefused))]
async fn confirm(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<Uuid>,
    MaybeBody(asked): MaybeBody<Confirmation>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let closed = app
        .command(
            move |mut session| async move { session.confirm(id, asked.quantity, &caller).await },
        )
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(ended(&command, closed))
}

/// Gives the held goods back
#[utoipa::path(post, path = "/reservations/{id}/release", tag = "reservations", operation_id = "release_reservation",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Giving>, responses((status = 200, body = Ended), CloseRefused))]
async fn release(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<Uuid>,
    MaybeBody(asked): MaybeBody<Giving>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let closed = app
        .command(move |mut session| async move {
            let reason = asked.reason.as_deref().unwrap_or("released");
            session.release(id, reason, &caller).await
        })
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(ended(&command, closed))
}

fn ended(command: &Command<Operating>, closed: Closed) -> Response {
    let Closed { order_no, reservation_id, state, replayed, .. } = closed;
    command.answer(Json(Ended { reservation_id, state, order_no, replayed }), replayed)
}
