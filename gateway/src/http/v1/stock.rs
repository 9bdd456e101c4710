//! `/v1/stock`: how much there is, and counting it anew.

use super::lines::{self, MAIN};
use super::products::unknown;
use crate::error::Error;
use crate::http::access::{Access, Operating, Reading};
use crate::http::docs::refusals;
use crate::http::etag::{self, Match};
use crate::http::extract::{Body, Params, Sku};
use crate::http::idempotency::Command;
use crate::http::page::{self, Page, Slice};
use crate::http::problem::{Fault, Problem};
use crate::serve::app::App;
use crate::shadow::{Beside, Wish};
use crate::store::{Answer, Caller, Goods, Level, Lot, Session};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ETAG, HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use inventory_core::refusal::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Warehouses of a SKU and lots of a place that one answer shows at most.
const WAREHOUSES_MAX: i64 = 999;
const LOTS_MAX: i64 = 10_000;

pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(recount))
}

/// Levels of a SKU in a warehouse after a command, over all lots
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Levels {
    pub sku: String,
    pub warehouse_id: i32,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    pub replayed: bool,
}

impl Levels {
    pub fn of(goods: &Goods, answer: &Answer) -> Levels {
        let Answer { on_hand, reserved, available, replayed, .. } = *answer;
        Levels {
            sku: goods.sku.clone(),
            warehouse_id: goods.warehouse_id,
            on_hand,
            reserved,
            available,
            replayed,
        }
    }
}

/// A SKU over all warehouses, or over the one that was asked for
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StockOf {
    sku: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
    warehouses: Vec<InWarehouse>,
    /// The database is away, and this is what was known last
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    stale: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct InWarehouse {
    warehouse_id: i32,
    on_hand: i64,
    reserved: i64,
    available: i64,
    low: bool,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    lots: Option<Vec<InLot>>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct InLot {
    lot: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
    /// `yyyy-mm-dd`
    #[schema(value_type = Option<chrono::NaiveDate>)]
    expires_on: Option<String>,
    version: i64,
}

impl StockOf {
    fn new(sku: String, levels: Vec<Level>, lots: Option<Vec<Lot>>) -> StockOf {
        let sum = |of: fn(&Level) -> i64| levels.iter().map(of).fold(0, i64::saturating_add);
        let (on_hand, reserved, available) =
            (sum(|l| l.on_hand), sum(|l| l.reserved), sum(|l| l.available));
        let warehouses = levels.into_iter().map(|level| InWarehouse::new(level, lots.as_deref()));
        StockOf {
            sku,
            on_hand,
            reserved,
            available,
            warehouses: warehouses.collect(),
            stale: false,
        }
    }
}

impl InWarehouse {
    fn new(level: Level, lots: Option<&[Lot]>) -> InWarehouse {
        let Level { warehouse_id, on_hand, reserved, available, low, version, .. } = level;
        let here = |lot: &&Lot| lot.warehouse_id == warehouse_id;
        let lots = lots.map(|lots| lots.iter().filter(here).map(InLot::new).collect());
        InWarehouse { warehouse_id, on_hand, reserved, available, low, version, lots }
    }
}

impl InLot {
    fn new(lot: &Lot) -> InLot {
        let Lot { on_hand, reserved, available, version, .. } = *lot;
        InLot {
            lot: lot.lot.clone(),
            on_hand,
            reserved,
            available,
            expires_on: lot.expires_on.clone(),
            version,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GetParams {
    /// Only this warehouse; the ETag is always that of one row, warehouse 1's where none is named
    #[param(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    /// The ETag is that of this lot
    #[param(min_length = 1, max_length = 64)]
    lot: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only what is at or below its threshold
    low: Option<bool>,
    /// Only this warehouse
    #[param(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// What was counted
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Count)]
struct NewCount {
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    counted: i64,
    #[schema(min_length = 1, max_length = 64)]
    reason: String,
    #[schema(minimum = 1, maximum = 999)]
    warehouse_id: Option<i32>,
    #[schema(min_length = 1, max_length = 64)]
    lot: Option<String>,
}

refusals!(GetRefused, codes = [UnknownSku, UnknownLot]);
refusals!(ListRefused);
refusals!(
    CountRefused,
    body = true,
    codes = [
        InsufficientStock,
        UnknownSku,
        UnknownWarehouse,
        UnknownLot,
        VersionConflict,
        RequestIdReused,
        Busy
    ],
    faults = [PreconditionRequired]
);

/// How much there is of a SKU, where, and in which lots
///
/// Where the service has a shadow, a part of this is read there; what it cannot answer is read here.
#[utoipa::path(get, path = "/stock/{sku}", tag = "stock", operation_id = "get_stock",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64), GetParams,
        ("Stock-Source" = Option<String>, Header, description = "`main` or `shadow`: read it there, whatever the share of the shadow", pattern = "^(main|shadow)$"),
        ("User-Id" = Option<String>, Header, description = "Whom it is read for, where users are shared between both; without it, whose key it is", min_length = 1, max_length = 255)),
    responses((status = 200, body = StockOf, headers(
            ("ETag" = String, description = "The row's version, for If-Match; a shadow gives none"),
            ("Stock-Source" = String, description = "`main` or `shadow`: where it was read"))),
        (status = 304, description = "As If-None-Match knows it"), GetRefused))]
async fn get(
    State(app): State<Arc<App>>,
    access: Access<Reading>,
    Sku(sku): Sku,
    Params(params): Params<GetParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = lines::asked(params.warehouse_id)?;
    let wish = wished(&headers)?;
    let user = headers.get(USER).and_then(|name| name.to_str().ok()).unwrap_or(&access.0.name);
    if let Some(shadow) = app.shadow.as_ref().filter(|s| s.is_asked(wish, &sku, user)) {
        let found = in_shadow(shadow, &sku, asked, params.lot.as_deref()).await;
        app.metrics.shadow_read(found.is_some());
        if let Some(found) = found {
            return Ok(([(SOURCE, FROM_SHADOW)], Json(found)).into_response());
        }
    }
    let found = in_main(&app, sku, asked, params.lot.as_deref(), &headers).await?;
    Ok(([(SOURCE, FROM_MAIN)], found).into_response())
}

/// Who is asked, and who answered.
pub const SOURCE: HeaderName = HeaderName::from_static("stock-source");
/// Whom something is read for.
pub const USER: HeaderName = HeaderName::from_static("user-id");

const FROM_MAIN: &str = "main";
const FROM_SHADOW: &str = "shadow";

fn wished(headers: &HeaderMap) -> Result<Option<Wish>, Problem> {
    match headers.get(SOURCE).map(|value| value.to_str().unwrap_or_default()) {
        None => Ok(None),
        Some(FROM_MAIN) => Ok(Some(Wish::Main)),
        Some(FROM_SHADOW) => Ok(Some(Wish::Shadow)),
        Some(_) => Err(Problem::invalid("Stock-Source", "Stock-Source must be main or shadow")),
    }
}

/// None where the shadow does not answer, or does not know it. Its versions are its own, so there is no ETag.
async fn in_shadow(
    shadow: &Beside,
    sku: &str,
    warehouse_id: Option<i32>,
    lot: Option<&str>,
) -> Option<StockOf> {
    let mut session = shadow.session().await?;
    let (levels, lots) = look_up(&mut session, sku, warehouse_id).await.ok()?;
    version(&levels, lots.as_deref(), warehouse_id.unwrap_or(MAIN), lot).ok()?;
    Some(StockOf::new(sku.to_owned(), levels, lots))
}

async fn in_main(
    app: &App,
    sku: String,
    asked: Option<i32>,
    lot: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let found = match app.session().await {
        Ok(mut session) => look_up(&mut session, &sku, asked).await,
        Err(problem) => Err(problem),
    };
    let (levels, lots) = match found {
        Ok(found) => found,
        Err(problem) if problem.code != Fault::Away.code() => return Err(problem),
        Err(problem) => return stale(app, sku, asked).ok_or(problem),
    };
    app.front.known.read(&levels);
    let version = version(&levels, lots.as_deref(), asked.unwrap_or(MAIN), lot)?;
    let tag = [(ETAG, etag::tag(version))];
    if etag::is_known(headers, version) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(StockOf::new(sku, levels, lots))).into_response())
}

/// Levels of a SKU, and its lots where it has any.
async fn look_up(
    session: &mut Session,
    sku: &str,
    warehouse_id: Option<i32>,
) -> Result<(Vec<Level>, Option<Vec<Lot>>), Problem> {
    let levels = session.levels(Some(sku), warehouse_id, false, WAREHOUSES_MAX).await?;
    let controlled = match session.products(Some(sku), None, 1).await?.first() {
        Some(product) => product.lot_controlled,
        None => return Err(unknown(sku)),
    };
    let lots = match controlled {
        true => Some(session.lots(sku, warehouse_id, LOTS_MAX).await?),
        false => None,
    };
    Ok((levels, lots))
}

/// What was known last, where the database cannot be asked. Without an ETag: nothing may rely on it.
fn stale(app: &App, sku: String, warehouse_id: Option<i32>) -> Option<Response> {
    let levels = app.front.known.of(&sku, warehouse_id);
    let found = (!levels.is_empty()).then(|| StockOf::new(sku, levels, None))?;
    Some(Json(StockOf { stale: true, ..found }).into_response())
}

/// Of the row that a recount of the same place would change; 0 where there is none yet.
fn version(
    levels: &[Level],
    lots: Option<&[Lot]>,
    warehouse_id: i32,
    lot: Option<&str>,
) -> Result<i64, Problem> {
    let Some(name) = lot else {
        let level = levels.iter().find(|level| level.warehouse_id == warehouse_id);
        return Ok(level.map_or(0, |level| level.version));
    };
    let mut lots = lots.unwrap_or_default().iter();
    let found = lots.find(|lot| lot.warehouse_id == warehouse_id && lot.lot == name);
    let missing = || {
        Problem::refused(
            Code::UnknownLot,
            format!("lot {name:?} is not in warehouse {warehouse_id}"),
        )
    };
    found.map(|lot| lot.version).ok_or_else(missing)
}

/// SKUs and how much there is of each
#[utoipa::path(get, path = "/stock", tag = "stock", operation_id = "list_stock",
    params(ListParams), responses((status = 200, body = Page<StockOf>), ListRefused))]
async fn list(
    State(app): State<Arc<App>>,
    _: Access<Reading>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<StockOf>>, Problem> {
    let slice = Slice::new(params.limit)?;
    let after: Option<String> = page::read(params.cursor.as_deref())?;
    let (low, asked) = (params.low.unwrap_or(false), lines::asked(params.warehouse_id)?);
    let session = &mut app.session().await?;
    let rows = session.stock_page(asked, low, after.as_deref(), slice.to_read()).await?;
    let mut found: Vec<(String, Vec<Level>)> = Vec::new();
    for (sku, level) in rows {
        match found.last_mut() {
            Some((last, levels)) if *last == sku => levels.extend(level),
            _ => found.push((sku, level.into_iter().collect())),
        }
    }
    let stock = found.into_iter().map(|(sku, levels)| StockOf::new(sku, levels, None)).collect();
    Ok(Json(slice.page(stock, |stock: &StockOf| stock.sku.clone())))
}

/// Sets on hand to what was counted
///
/// Needs If-Match with the ETag that GET gave for the same warehouse and lot.
#[utoipa::path(put, path = "/stock/{sku}/on-hand", tag = "stock", operation_id = "recount",
    params(("sku" = String, Path, description = "Letter by letter", min_length = 1, max_length = 64),
        ("If-Match" = String, Header, description = "The ETag of GET /v1/stock/{sku} for this warehouse and lot")),
    request_body = NewCount,
    responses((status = 200, body = Levels, headers(("ETag" = String, description = "The row's version now"))), CountRefused))]
async fn recount(
    State(app): State<Arc<App>>,
    command: Command<Operating>,
    Sku(sku): Sku,
    headers: HeaderMap,
    Body(count): Body<NewCount>,
) -> Result<Response, Problem> {
    let warehouse_id = count.warehouse_id.unwrap_or(MAIN);
    let goods = Goods { sku, warehouse_id, lot: count.lot.clone() };
    let expected = Match::required(&headers)?.expected()?;
    let (caller, sku) = (command.caller(), goods.sku.clone());
    let (levels, version) = app
        .command(|mut session| async move {
            counted_at_any(&mut session, &goods, &count, &expected, &caller).await
        })
        .await
        .map_err(|problem| command.refuse(problem.about(&sku)))?;
    let replayed = levels.replayed;
    // A repeat has the levels of then; which version they were is not kept.
    let tag = (!replayed).then(|| [(ETAG, etag::tag(version))]);
    Ok(command.answer((tag, Json(levels)), replayed))
}

/// On the first of the versions that holds.
async fn counted_at_any(
    session: &mut Session,
    goods: &Goods,
    count: &NewCount,
    versions: &[Option<i64>],
    caller: &Caller,
) -> Result<(Levels, i64), Error> {
    let mut told = Err(Error::Answer("no version to expect".to_owned()));
    for version in versions {
        session.begin().await?;
        told = counted(session, goods, count, *version, caller).await;
        match &told {
            Ok(_) => session.commit().await?,
            Err(_) => session.rollback().await?,
        }
        if !told.as_ref().is_err_and(is_another_version) {
            break;
        }
    }
    told
}

/// The levels after it and, read while the row is still locked, their version.
async fn counted(
    session: &mut Session,
    goods: &Goods,
    count: &NewCount,
    expected: Option<i64>,
    caller: &Caller,
) -> Result<(Levels, i64), Error> {
    let answer = session.recount(goods, count.counted, expected, &count.reason, caller).await?;
    Ok((Levels::of(goods, &answer), version_of(session, goods).await?))
}

/// Whether another of the versions that will do may still be it: the row's, or that of the command
/// which this one repeats.
fn is_another_version(error: &Error) -> bool {
    let code = error.refusal().map(|refused| refused.code);
    matches!(code, Some(Code::VersionConflict | Code::RequestIdReused))
}

/// As `GET` would tell it.
async fn version_of(session: &mut Session, goods: &Goods) -> Result<i64, Error> {
    let place = Some(goods.warehouse_id);
    if let Some(name) = &goods.lot {
        let lots = session.lots(&goods.sku, place, LOTS_MAX).await?;
        return Ok(lots.iter().find(|lot| lot.lot == *name).map_or(0, |lot| lot.version));
    }
    let levels = session.levels(Some(&goods.sku), place, false, 1).await?;
    Ok(levels.first().map_or(0, |level| level.version))
}
