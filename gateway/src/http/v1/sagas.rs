//! `/v1/sagas`: orders of several steps, each undone where a later one is refused.

use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{self, Body, MaybeBody, Params, Segment};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{NewSaga, Saga, SagaDetail, SagaFilter, SagaMoved, SagaStep};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, begin)).routes(routes!(get)).routes(routes!(retry))
}

/// `NEEDS_ATTENTION`: it was tried too often, or an undoing was refused; somebody has to look
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum SagaState {
    Running,
    Reverting,
    NeedsAttention,
    Completed,
    Reverted,
}

impl SagaState {
    fn name(self) -> &'static str {
        match self {
            SagaState::Running => "RUNNING",
            SagaState::Reverting => "REVERTING",
            SagaState::NeedsAttention => "NEEDS_ATTENTION",
            SagaState::Completed => "COMPLETED",
            SagaState::Reverted => "REVERTED",
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSaga)]
struct SagaBody {
    /// As this service's file of sagas names it
    #[schema(min_length = 1, max_length = 40, example = "outbound_order")]
    saga: String,
    /// What its participants are told. Where the engine reserves: `lines` of `sku`, `quantity` and, if you
    /// like, `warehouse_id` and `lot`; `ttl_seconds` says for how long
    #[schema(value_type = Object)]
    input: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
struct Begun {
    saga_id: Uuid,
    saga: String,
    /// `RUNNING`
    state: String,
    replayed: bool,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Again {
    /// Give the step up that needs attention, and undo everything
    #[serde(default)]
    revert: bool,
}

/// How a saga goes on
#[derive(Serialize, ToSchema)]
struct GoesOn {
    saga_id: Uuid,
    /// `RUNNING` or `REVERTING`
    state: String,
    replayed: bool,
}

/// A saga with its calls, in the order in which they began
#[derive(Serialize, ToSchema)]
struct SagaWithSteps {
    #[serde(flatten)]
    saga: Saga,
    steps: Vec<SagaStep>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(inline)]
    status: Option<SagaState>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

refusals!(BeginRefused, body = true, codes = [RequestIdReused]);
refusals!(GetRefused, codes = [UnknownSaga]);
refusals!(ListRefused);
refusals!(RetryRefused, body = true, codes = [UnknownSaga, NothingToRetry, RequestIdReused]);

/// Begins a saga; it is carried to its end behind the answer
#[utoipa::path(post, path = "/sagas", tag = "sagas", operation_id = "begin_saga",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = SagaBody,
    responses((status = 201, body = Begun, headers(("Location" = String, description = "Where it is")),
        links(("get" = (operation_id = "get_saga", parameters(("id" = "$response.body#/saga_id")))),
              ("retry" = (operation_id = "retry_saga", parameters(("id" = "$response.body#/saga_id")))))), BeginRefused))]
async fn begin(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(body): Body<SagaBody>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let definition = extract::at(|| "/saga".to_owned(), app.sagas.definition(&body.saga));
    let definition = definition.map_err(|problem| command.refuse(problem))?.clone();
    let new = NewSaga { name: body.saga.clone(), definition, input: Value::Object(body.input) };
    let SagaMoved { saga_id, state, replayed } = app
        .command(|mut session| async move { session.begin_saga(&new, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    app.saga_bell.notify_one();
    let place = [(LOCATION, format!("/v1/sagas/{saga_id}"))];
    let begun = Begun { saga_id, saga: body.saga, state, replayed };
    Ok(command.answer((StatusCode::CREATED, place, Json(begun)), replayed))
}

/// A saga and what its participants were asked and answered
#[utoipa::path(get, path = "/sagas/{id}", tag = "sagas", operation_id = "get_saga",
    params(("id" = Uuid, Path)), responses((status = 200, body = SagaWithSteps), GetRefused))]
async fn get(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Segment(id): Segment<Uuid>,
) -> Result<Json<SagaWithSteps>, Problem> {
    let SagaDetail { saga, steps } = app.session().await?.saga_detail(id).await?;
    Ok(Json(SagaWithSteps { saga, steps }))
}

/// Sagas, newest first
#[utoipa::path(get, path = "/sagas", tag = "sagas", operation_id = "list_sagas",
    params(ListParams), responses((status = 200, body = Page<Saga>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Saga>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let filter = SagaFilter {
        state: params.status.map(|state| state.name().to_owned()),
        before: page::read(params.cursor.as_deref())?,
    };
    let rows = app.session().await?.sagas(&filter, slice.to_read()).await?;
    Ok(Json(slice.page(rows, |saga| saga.saga_id)))
}

/// Has a saga that needs attention tried again, or undone
#[utoipa::path(post, path = "/sagas/{id}/retry", tag = "sagas", operation_id = "retry_saga",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Again>, responses((status = 200, body = GoesOn), RetryRefused))]
async fn retry(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(id): Segment<Uuid>,
    MaybeBody(again): MaybeBody<Again>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let SagaMoved { saga_id, state, replayed } = app
        .command(
            move |mut session| async move { session.retry_saga(id, again.revert, &caller).await },
        )
        .await
        .map_err(|problem| command.refuse(problem))?;
    app.saga_bell.notify_one();
    Ok(command.answer(Json(GoesOn { saga_id, state, replayed }), replayed))
}
