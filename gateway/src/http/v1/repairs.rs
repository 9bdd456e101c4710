//! `/v1/repairs`: tickets of what a check found, and what becomes of them.

use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, MaybeBody, Params, Segment};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{RepairTicket, TicketStatus};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use inventory_core::ticket::{Correction, RowName, SourceLevel};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(confirm))
        .routes(routes!(reject))
        .routes(routes!(run))
}

/// A ticket, and what its texts say of a stock row
#[derive(Serialize, ToSchema)]
struct Repair {
    #[serde(flatten)]
    ticket: RepairTicket,
    /// Of the row that it is about, where it is about one
    sku: Option<String>,
    warehouse_id: Option<i32>,
    lot: Option<String>,
    /// What is expected less what was found, where both are numbers
    delta: Option<i64>,
    /// Of the row as it was found, where the ticket holds for that version alone
    version: Option<i64>,
    /// Whether it can be confirmed; else it is set right by hand, and closed when it is found no more
    correctable: bool,
    /// Whether whoever confirms it may say what lies on the shelf
    countable: bool,
}

impl From<RepairTicket> for Repair {
    fn from(ticket: RepairTicket) -> Repair {
        let row = RowName::of_subject(&ticket.subject);
        let level = SourceLevel::of_texts(&ticket.expected, &ticket.found);
        let correction = Correction::of(&ticket.kind);
        Repair {
            sku: row.as_ref().map(|row| row.sku.to_string()),
            warehouse_id: row.as_ref().map(|row| row.warehouse_id.number()),
            lot: row.and_then(|row| row.lot).map(|lot| lot.to_string()),
            delta: difference(&ticket.expected, &ticket.found),
            version: level.map(|level| level.version),
            correctable: correction != Correction::ByHand,
            countable: correction == Correction::Row,
            ticket,
        }
    }
}

/// Of texts that begin with a number: `47` and `50 at version 12`.
fn difference(expected: &str, found: &str) -> Option<i64> {
    let number = |text: &str| text.split(' ').next()?.parse::<i64>().ok();
    number(expected)?.checked_sub(number(found)?)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(inline)]
    status: Option<TicketStatus>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirming {
    /// Units that lie on the shelf, where the ticket is `countable`; without it the journal is right
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    counted: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rejecting {
    /// Why, for those who see it again
    #[schema(min_length = 1, max_length = 64)]
    reason: String,
}

/// What has become of a ticket
#[derive(Serialize, ToSchema)]
struct Decided {
    ticket_id: i64,
    /// `CONFIRMED`, `REJECTED` or `DONE`; `PENDING` where what was confirmed is no longer so: it waits for
    /// another check and another word
    state: &'static str,
}

refusals!(ListRefused);
refusals!(DecideRefused, body = true, codes = [UnknownTicket, InvalidTransition, RequestIdReused]);
refusals!(
    RunRefused,
    codes = [
        UnknownTicket,
        InvalidTransition,
        InsufficientStock,
        UnknownSku,
        UnknownWarehouse,
        UnknownLot,
        Busy
    ]
);

/// Tickets, newest first
#[utoipa::path(get, path = "/repairs", tag = "repairs", operation_id = "list_repairs",
    params(ListParams), responses((status = 200, body = Page<Repair>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Repair>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let before: Option<i64> = page::read(params.cursor.as_deref())?;
    let status = params.status.map(TicketStatus::as_str);
    let rows = app.session().await?.tickets(status, before, slice.to_read()).await?;
    let rows = rows.into_iter().map(Repair::from).collect();
    Ok(Json(slice.page(rows, |repair: &Repair| repair.ticket.ticket_id)))
}

/// Says that a ticket is to be carried out; said again before it is, the last word holds
#[utoipa::path(post, path = "/repairs/{id}/confirm", tag = "repairs", operation_id = "confirm_repair",
    params(("id" = i64, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Confirming>, responses((status = 200, body = Decided), DecideRefused))]
async fn confirm(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<i64>,
    MaybeBody(Confirming { counted }): MaybeBody<Confirming>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let replayed = app
        .command(
            move |mut session| async move { session.confirm_ticket(id, counted, &caller).await },
        )
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(command.answer(Json(Decided { ticket_id: id, state: "CONFIRMED" }), replayed))
}

/// Says that what a ticket is about stays as it is
#[utoipa::path(post, path = "/repairs/{id}/reject", tag = "repairs", operation_id = "reject_repair",
    params(("id" = i64, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Rejecting, responses((status = 200, body = Decided), DecideRefused))]
async fn reject(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<i64>,
    Body(Rejecting { reason }): Body<Rejecting>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let replayed = app
        .command(
            move |mut session| async move { session.reject_ticket(id, &reason, &caller).await },
        )
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(command.answer(Json(Decided { ticket_id: id, state: "REJECTED" }), replayed))
}

/// Carries out what was confirmed, once: a movement with the ticket as its reason
#[utoipa::path(post, path = "/repairs/{id}/run", tag = "repairs", operation_id = "run_repair",
    params(("id" = i64, Path), ("Idempotency-Key" = Option<String>, Header, description = "Taken, and not needed: a ticket is carried out once", min_length = 1, max_length = 255)),
    responses((status = 200, body = Decided), RunRefused))]
async fn run(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<i64>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let ran = app
        .command(move |mut session| async move {
            session.run_ticket(id, caller.operator.as_deref(), caller.trace_id.as_deref()).await
        })
        .await
        .map_err(|problem| command.refuse(problem))?;
    let state = if ran.is_done { "DONE" } else { "PENDING" };
    Ok(command.answer(Json(Decided { ticket_id: id, state }), ran.replayed))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn a_difference_is_of_numbers() {
        for (expected, found, delta) in [
            ("47", "50 at version 12", Some(-3)),
            ("9", "7 (-2)", Some(2)),
            ("a stock row", "none", None),
            ("9223372036854775807", "-1", None),
        ] {
            assert_eq!(difference(expected, found), delta, "{expected} {found}");
        }
    }
}
