//! `/v1/deductions`: goods out.

use super::lines::{self, GoodsLine};
use crate::deduct::fallback::{Standing, Token};
use crate::deduct::front::Sold;
use crate::deduct::work::{Done, Kind, Work};
use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::extract::{Body, Object, Segment};
use crate::http::idempotency::Command;
use crate::http::problem::{Fault, Problem, requested_and_available};
use crate::serve::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use inventory_core::command::Line;
use inventory_core::refusal::Code;
use inventory_core::text::Label;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(get))
}

/// One line, or several that leave together or not at all
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sku: Option<String>,
    quantity: Option<i64>,
    warehouse_id: Option<i32>,
    lot: Option<String>,
    lines: Option<Vec<Object<GoodsLine>>>,
    reason: Option<String>,
}

/// One line, or several that leave together or not at all
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum NewDeduction {
    One(OneLine),
    Lines(ManyLines),
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct OneLine {
    #[schema(min_length = 1, max_length = 64)]
    sku: String,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    quantity: i64,
    #[schema(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    #[schema(min_length = 1, max_length = 64)]
    lot: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    reason: Option<String>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct ManyLines {
    #[schema(min_items = 1, max_items = 10_000)]
    lines: Vec<GoodsLine>,
    #[schema(min_length = 1, max_length = 64)]
    reason: Option<String>,
}

impl Asked {
    fn lines(self) -> Result<Vec<Line>, Problem> {
        let reason = lines::reason(self.reason, "sale")?;
        let Some(many) = self.lines else {
            let missing =
                |name: &str| Problem::invalid(format!("/{name}"), format!("{name} is missing"));
            let line = GoodsLine {
                sku: self.sku.ok_or_else(|| missing("sku"))?,
                quantity: self.quantity.ok_or_else(|| missing("quantity"))?,
                warehouse_id: self.warehouse_id,
                lot: self.lot,
            };
            return Ok(vec![line.checked("", &reason)?]);
        };
        let one = self.sku.is_some()
            || self.quantity.is_some()
            || self.warehouse_id.is_some()
            || self.lot.is_some();
        if one {
            return Err(Problem::invalid("/lines", "give sku and quantity, or lines, not both"));
        }
        lines::checked(many.into_iter().map(|Object(line)| line).collect(), &reason)
    }
}

/// An accepted deduction
#[derive(Serialize, ToSchema)]
pub struct Deducted {
    /// 23 digits
    order_no: Option<String>,
    lines: Vec<DeductedLine>,
    replayed: bool,
}

#[derive(Serialize, ToSchema)]
struct DeductedLine {
    sku: Label64,
    quantity: i64,
    warehouse_id: i32,
    on_hand: Option<i64>,
    available: Option<i64>,
}

/// A label that is written without being copied.
#[derive(ToSchema)]
#[schema(value_type = String)]
struct Label64(Label);

impl Serialize for Label64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

refusals!(
    Refused,
    body = true,
    codes = [InsufficientStock, UnknownSku, UnknownWarehouse, UnknownLot, RequestIdReused, Busy]
);

/// Takes goods out
#[utoipa::path(post, path = "/deductions", tag = "movements", operation_id = "deduct",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat", min_length = 1, max_length = 255)),
    request_body = NewDeduction,
    responses((status = 201, body = Deducted),
        (status = 202, body = Promise, description = "Promised from goods set aside, while the database is away",
            links(("get" = (operation_id = "get_deduction", parameters(("token" = "$response.body#/token")))))), Refused))]
async fn create(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Body(asked): Body<Asked>,
) -> Result<Response, Problem> {
    let work = Work {
        kind: Kind::Deduct,
        request_id: command.id(),
        lines: asked.lines().map_err(|problem| command.refuse(problem))?,
        operator: command.principal.name.clone(),
        trace_id: command.trace.as_str().to_owned(),
    };
    let asked_for = work.lines.clone();
    let sold = app.front.deduct(work, command.repeatable).await;
    let failed = |failed| named(&asked_for, Problem::from(failed));
    let answer = sold.map_err(failed).and_then(|sold| match sold {
        Sold::Done(done) => deducted(&asked_for, done).map(Answer::Deducted),
        Sold::Promised(token) => Ok(Answer::Promised(promised(&app, token))),
    });
    app.metrics.deduction(answer.as_ref().map_or_else(|problem| problem.code, Answer::outcome));
    match answer.map_err(|problem| command.refuse(problem))? {
        Answer::Deducted(deducted) => {
            let replayed = deducted.replayed;
            Ok(command.answer((StatusCode::CREATED, Json(deducted)), replayed))
        }
        Answer::Promised(promise) => {
            let place = [(LOCATION, format!("/v1/deductions/{}", promise.token))];
            Ok(command.answer((StatusCode::ACCEPTED, place, Json(promise)), false))
        }
    }
}

enum Answer {
    Deducted(Deducted),
    Promised(Promise),
}

impl Answer {
    fn outcome(&self) -> &'static str {
        match self {
            Answer::Deducted(_) => "accepted",
            Answer::Promised(_) => "promised",
        }
    }
}

/// A deduction that was promised from goods set aside; the database hears of it later
#[derive(Serialize, ToSchema)]
struct Promise {
    token: Uuid,
    /// `accepted`, then `completed` or, where the goods were taken back by hand, `refused`
    state: &'static str,
    /// Once it is completed
    order_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    detail: Option<String>,
}

fn promised(app: &App, token: Token) -> Promise {
    let standing = app.front.fallback.as_ref().and_then(|fallback| fallback.standing(&token));
    promise(token, standing.unwrap_or(Standing::Accepted))
}

fn promise(Token(token): Token, standing: Standing) -> Promise {
    let (state, order_no, refusal) = match standing {
        Standing::Accepted => ("accepted", None, None),
        Standing::Completed { order_no } => ("completed", Some(order_no), None),
        Standing::Refused { code, detail } => ("refused", None, Some((code, detail))),
    };
    let (code, detail) = refusal.unzip();
    Promise { token, state, order_no, code, detail }
}

refusals!(GetRefused, faults = [NoRoute]);

/// How a promised deduction stands
#[utoipa::path(get, path = "/deductions/{token}", tag = "movements", operation_id = "get_deduction",
    params(("token" = Uuid, Path)), responses((status = 200, body = Promise), GetRefused))]
async fn get(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Segment(token): Segment<Uuid>,
) -> Result<Json<Promise>, Problem> {
    let token = Token(token);
    let standing = app.front.fallback.as_ref().and_then(|fallback| fallback.standing(&token));
    let unknown = || Problem::new(Fault::NoRoute, "this gateway gave no such token");
    standing.map(|standing| Json(promise(token, standing))).ok_or_else(unknown)
}

fn deducted(asked: &[Line], done: Done) -> Result<Deducted, Problem> {
    if done.code() != "ok" {
        return Err(refused(asked, &done));
    }
    let first = done.first();
    let (order_no, replayed) = first.map_or((None, false), |l| (l.order_no.clone(), l.replayed));
    let lines = asked.iter().zip(&done.lines).map(|(line, answer)| DeductedLine {
        sku: Label64(line.place.sku.clone()),
        quantity: line.quantity.units(),
        warehouse_id: line.place.warehouse_id.number(),
        on_hand: answer.on_hand,
        available: answer.available,
    });
    Ok(Deducted { order_no, lines: lines.collect(), replayed })
}

/// The refusal of a command of lines, with the line that it is about where that is known.
pub fn refused(asked: &[Line], done: &Done) -> Problem {
    let Some((first, code)) = done.first().and_then(|l| Some((l, Code::from_name(&l.code)?)))
    else {
        return Problem::new(
            crate::http::problem::Fault::Internal,
            "the engine's answer is not known",
        );
    };
    let detail = first.detail.as_deref().unwrap_or(code.title());
    let problem = named(asked, Problem::told(code, detail));
    if asked.len() == 1 {
        return problem;
    }
    // Lines of one place add up, so the sums tell which of several places it was.
    let short = requested_and_available(code, detail)
        .and_then(|(requested, available)| short_of(asked, done, requested, available));
    match short {
        Some(line) => problem.about(&line.place.sku),
        None => problem,
    }
}

/// With its SKU, where there is but one.
fn named(asked: &[Line], problem: Problem) -> Problem {
    match asked {
        [only] => problem.about(&only.place.sku),
        _ => problem,
    }
}

fn short_of<'l>(
    asked: &'l [Line],
    done: &Done,
    requested: i64,
    available: i64,
) -> Option<&'l Line> {
    let wanted = |line: &Line| -> i64 {
        let same = asked.iter().filter(|other| other.place == line.place && other.lot == line.lot);
        same.map(|other| other.quantity.units()).fold(0, i64::saturating_add)
    };
    let there = asked.iter().zip(&done.lines);
    let exact = there
        .clone()
        .find(|(line, answer)| answer.available == Some(available) && wanted(line) == requested);
    let short = |(line, answer): &(&Line, &crate::store::LineAnswer)| {
        answer.available.is_some_and(|available| available < wanted(line))
    };
    exact.or_else(|| there.clone().find(short)).map(|(line, _)| line)
}
