//! `/v1/outbox`: events, and what became of them at each sink.

use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{MaybeBody, Params, Segment};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{EventStatus, OutboxEvent, OutboxPlace};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(redrive))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(inline)]
    status: Option<EventStatus>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Redriving {
    /// Without it, at every sink that has given the event up
    #[schema(min_length = 1, max_length = 32)]
    sink: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Redriven {
    id: i64,
    sink: Option<String>,
    replayed: bool,
}

refusals!(ListRefused);
refusals!(RedriveRefused, body = true, codes = [RequestIdReused]);

/// Events, newest first, a row an event and sink
#[utoipa::path(get, path = "/outbox", tag = "events", operation_id = "list_outbox",
    params(ListParams), responses((status = 200, body = Page<OutboxEvent>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<OutboxEvent>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let after: Option<OutboxPlace> = page::read(params.cursor.as_deref())?;
    let status = params.status.map(EventStatus::as_str);
    let rows = app.session().await?.outbox(status, after.as_ref(), slice.to_read()).await?;
    Ok(Json(slice.page(rows, |event| OutboxPlace { id: event.id, sink: event.sink.clone() })))
}

/// Tries an event again that was given up, or waits to be tried
#[utoipa::path(post, path = "/outbox/{id}/redrive", tag = "events", operation_id = "redrive_event",
    params(("id" = i64, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Redriving>, responses((status = 200, body = Redriven), RedriveRefused))]
async fn redrive(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<i64>,
    MaybeBody(Redriving { sink }): MaybeBody<Redriving>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let named = sink.clone();
    let replayed = app
        .command(
            move |mut session| async move { session.redrive(id, named.as_deref(), &caller).await },
        )
        .await
        .map_err(|problem| command.refuse(problem))?;
    Ok(command.answer(Json(Redriven { id, sink, replayed }), replayed))
}
