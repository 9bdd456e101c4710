//! `/v1/orders`: orders and their states.

use super::lines::{self, MAIN};
use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, MaybeBody, Params, Segment, objects};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::Problem;
use crate::serve::app::App;
use crate::store::{NewOrder, Order, OrderEvent, OrderFilter, OrderLine, Step};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use inventory_core::refusal::Code;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(start))
        .routes(routes!(complete))
        .routes(routes!(fail))
        .routes(routes!(revert))
}

/// `outbound`: goods leave; `inbound`: they come in
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Outbound,
    Inbound,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum State_ {
    Pending,
    Processing,
    Completed,
    Failed,
    Reverted,
}

impl State_ {
    fn name(self) -> &'static str {
        match self {
            State_::Pending => "PENDING",
            State_::Processing => "PROCESSING",
            State_::Completed => "COMPLETED",
            State_::Failed => "FAILED",
            State_::Reverted => "REVERTED",
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrder)]
struct OrderBody {
    direction: Direction,
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 10_000)]
    lines: Vec<NewLine>,
    #[schema(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    /// Your own number for it
    #[schema(min_length = 1, max_length = 200)]
    external_ref: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrderLine)]
struct NewLine {
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    #[serde(alias = "qty")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    quantity: i64,
    #[schema(min_length = 1, max_length = 64)]
    lot: Option<String>,
    /// Inbound: the last day on which the lot may be sold
    expires_on: Option<NaiveDate>,
}

impl OrderBody {
    fn order(self) -> NewOrder {
        let lines = self.lines.iter().map(|line| {
            let mut fields = serde_json::Map::new();
            fields.insert("sku".into(), line.sku.clone().into());
            fields.insert("qty".into(), line.quantity.into());
            fields.extend(line.lot.clone().map(|lot| ("lot".into(), lot.into())));
            fields.extend(line.expires_on.map(|day| ("expires_on".into(), json!(day))));
            serde_json::Value::Object(fields)
        });
        let direction = match self.direction {
            Direction::Outbound => "outbound",
            Direction::Inbound => "inbound",
        };
        NewOrder {
            direction: direction.to_owned(),
            lines: lines.collect(),
            warehouse_id: self.warehouse_id.unwrap_or(MAIN),
            external_ref: self.external_ref,
        }
    }
}

/// The answer to a command about an order
#[derive(Serialize, ToSchema)]
struct Moved {
    /// 23 digits
    order_no: String,
    state: String,
    replayed: bool,
}

#[derive(Serialize, ToSchema)]
struct Created {
    /// 23 digits
    order_no: String,
    /// The 64-bit form, as text
    order_id: String,
    state: String,
    replayed: bool,
}

#[derive(Serialize, ToSchema)]
struct OrderSummary {
    order_no: String,
    order_id: String,
    direction: String,
    warehouse_id: i32,
    external_ref: Option<String>,
    state: String,
    /// Of its last change
    reason: Option<String>,
    reservation_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
}

impl From<Order> for OrderSummary {
    fn from(order: Order) -> OrderSummary {
        OrderSummary {
            order_no: order.order_no,
            order_id: order.order_id.to_string(),
            direction: order.direction,
            warehouse_id: order.warehouse_id,
            external_ref: order.external_ref,
            state: order.state,
            reason: order.reason,
            reservation_id: order.reservation_id,
            created_at: order.created_at,
            changed_at: order.changed_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct OrderDetail {
    #[serde(flatten)]
    order: OrderSummary,
    lines: Vec<OrderLine>,
    /// The states it went through
    history: Vec<OrderEvent>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    #[schema(min_length = 1, max_length = 64)]
    reason: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(inline)]
    state: Option<State_>,
    #[param(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    external_ref: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

refusals!(CreateRefused, body = true, codes = [UnknownSku, UnknownWarehouse, RequestIdReused]);
refusals!(GetRefused, codes = [UnknownOrder]);
refusals!(ListRefused);
refusals!(
    MoveRefused,
    body = true,
    codes = [
        UnknownOrder,
        InvalidTransition,
        InsufficientStock,
        UnknownSku,
        UnknownWarehouse,
        UnknownLot,
        RequestIdReused,
        Busy
    ]
);

/// Takes an order down; nothing moves yet
#[utoipa::path(post, path = "/orders", tag = "orders", operation_id = "create_order",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = OrderBody,
    responses((status = 201, body = Created, headers(("Location" = String, description = "Where it is")),
        links(("get" = (operation_id = "get_order", parameters(("order_no" = "$response.body#/order_no")))),
              ("complete" = (operation_id = "complete_order", parameters(("order_no" = "$response.body#/order_no")))),
              ("revert" = (operation_id = "revert_order", parameters(("order_no" = "$response.body#/order_no")))),
              ("start" = (operation_id = "start_order", parameters(("order_no" = "$response.body#/order_no")))),
              ("fail" = (operation_id = "fail_order", parameters(("order_no" = "$response.body#/order_no")))))), CreateRefused))]
async fn create(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(body): Body<OrderBody>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let order = body.order();
    let (id, moved) = app
        .command(|mut session| async move { session.create_order(&order, &caller).await })
        .await
        .map_err(|problem| command.refuse(problem))?;
    let replayed = moved.replayed;
    let place = [(LOCATION, format!("/v1/orders/{}", moved.order_no))];
    let created = Created {
        order_no: moved.order_no,
        order_id: id.to_string(),
        state: moved.state,
        replayed,
    };
    Ok(command.answer((StatusCode::CREATED, place, Json(created)), replayed))
}

/// An order with its lines and its history
#[utoipa::path(get, path = "/orders/{order_no}", tag = "orders", operation_id = "get_order",
    params(("order_no" = String, Path, description = "23 digits")),
    responses((status = 200, body = OrderDetail), GetRefused))]
async fn get(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Segment(order_no): Segment<String>,
) -> Result<Json<OrderDetail>, Problem> {
    let session = &mut app.session().await?;
    let Some(order) = session.order(&order_no).await? else {
        return Err(Problem::refused(
            Code::UnknownOrder,
            format!("order {order_no:?} is not known"),
        ));
    };
    let lines = session.order_lines(&order_no).await?;
    let history = session.order_history(&order_no).await?;
    Ok(Json(OrderDetail { order: order.into(), lines, history }))
}

/// Orders, newest first
#[utoipa::path(get, path = "/orders", tag = "orders", operation_id = "list_orders",
    params(ListParams), responses((status = 200, body = Page<OrderSummary>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<OrderSummary>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let filter = OrderFilter {
        state: params.state.map(|state| state.name().to_owned()),
        warehouse_id: lines::asked(params.warehouse_id)?,
        external_ref: params.external_ref,
        before: page::read(params.cursor.as_deref())?,
    };
    let rows = app.session().await?.orders(&filter, slice.to_read()).await?;
    let page = slice.page(rows, |order| order.order_id);
    let data = page.data.into_iter().map(OrderSummary::from).collect();
    Ok(Json(Page { data, next_cursor: page.next_cursor }))
}

/// Starts it; an outbound order holds all its lines
#[utoipa::path(post, path = "/orders/{order_no}/start", tag = "orders", operation_id = "start_order",
    params(("order_no" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Nothing>, responses((status = 200, body = Moved), MoveRefused))]
async fn start(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(order_no): Segment<String>,
    MaybeBody(Nothing {}): MaybeBody<Nothing>,
) -> Result<Response, Problem> {
    step(&app, &command, order_no, Step::Start, None).await
}

/// Completes it: held goods leave, or goods come in
#[utoipa::path(post, path = "/orders/{order_no}/complete", tag = "orders", operation_id = "complete_order",
    params(("order_no" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Option<Nothing>, responses((status = 200, body = Moved), MoveRefused))]
async fn complete(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(order_no): Segment<String>,
    MaybeBody(Nothing {}): MaybeBody<Nothing>,
) -> Result<Response, Problem> {
    step(&app, &command, order_no, Step::Complete, None).await
}

/// Gives it up; what it holds goes back
#[utoipa::path(post, path = "/orders/{order_no}/fail", tag = "orders", operation_id = "fail_order",
    params(("order_no" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Why, responses((status = 200, body = Moved), MoveRefused))]
async fn fail(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(order_no): Segment<String>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    step(&app, &command, order_no, Step::Fail, Some(why.reason)).await
}

/// Undoes a completed or failed one: goods come back, or leave again
#[utoipa::path(post, path = "/orders/{order_no}/revert", tag = "orders", operation_id = "revert_order",
    params(("order_no" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = Why, responses((status = 200, body = Moved), MoveRefused))]
async fn revert(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Segment(order_no): Segment<String>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    step(&app, &command, order_no, Step::Revert, Some(why.reason)).await
}

async fn step(
    app: &App,
    command: &Command<Operating>,
    order_no: String,
    step: Step,
    reason: Option<String>,
) -> Result<Response, Problem> {
    let caller = command.caller();
    let moved = app
        .command(move |mut session| async move {
            session.move_order(&order_no, step, reason.as_deref(), &caller).await
        })
        .await
        .map_err(|problem| command.refuse(problem))?;
    let crate::store::Moved { order_no, state, replayed } = moved;
    Ok(command.answer(Json(Moved { order_no, state, replayed }), replayed))
}
