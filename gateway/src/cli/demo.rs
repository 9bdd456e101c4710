//! `inventory demo`: the sample shop, its orders, and why the engine is there at all.

use super::progress::Bar;
use super::screen::{Screen, grouped, number, text};
use super::settings::Settings;
use super::{check, init, replay as replay_command};
use crate::error::{Error, Result};
use crate::replay::{self, History, LINES_PER_CALL, Summary, Window};
use crate::sample;
use crate::store::{
    Caller, Database, Goods, LowStock, NewProduct, Session, engine_order, naive_order,
};
use clap::Args;
use serde::Serialize;
use sqlx::postgres::PgPool;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The race: so many orders of one unit, at once, on so many units.
const RACE_ORDERS: usize = 500;
const RACE_STOCK: i64 = 100;
const RACE_SKU: &str = "DEMO-TICKET";
/// Enough to collide; the rest of the 500 wait for a connection, as they would in a shop.
const RACE_CONNECTIONS: i64 = 64;
/// Connections left for others.
const SPARE_CONNECTIONS: i64 = 8;

#[derive(Args)]
#[command(after_help = "\
Creates extension and tables if they are missing. Run again, it keeps the shop and repeats the race.

Example:
  inventory demo")]
pub struct DemoArgs {
    /// The psql to name in the closing lines
    #[arg(long, env = "INVENTORY_PSQL", default_value = "psql", value_name = "PROGRAM")]
    psql: String,
}

#[derive(Serialize)]
struct Report {
    shop: Summary,
    race: Vec<RaceResult>,
    low_stock: Vec<LowStock>,
    violations: usize,
}

/// One way of selling, after the race.
#[derive(Serialize)]
struct RaceResult {
    way: &'static str,
    orders: usize,
    stock_before: i64,
    units_sold: i64,
    units_oversold: i64,
    stock_after: i64,
    orders_turned_away: usize,
    seconds: f64,
}

pub async fn run(settings: &Settings, args: DemoArgs) -> Result<()> {
    let screen = settings.screen();
    let database = settings.database()?;
    let mut session = database.connect().await?;
    screen.say("── The sample shop ──")?;
    init::prepare(&mut session, &screen).await?;
    let shop = replay_shop(&mut session, &screen).await?;
    let low_stock = show_low_stock(&mut session, &screen).await?;
    let race = oversell(&database, &mut session, &screen).await?;
    let violations = session.verify().await?;
    session.close().await?;
    if violations.is_empty() {
        screen.say("\nOversell check, verify(): sound, every unit is accounted for.")?;
    } else {
        check::show(&screen, &violations)?;
        return Err(Error::Unsound(violations.len()));
    }
    screen.say(&closing(&args.psql, &database))?;
    if screen.is_json() {
        screen.json(&Report { shop, race, low_stock, violations: violations.len() })?;
    }
    Ok(())
}

async fn replay_shop(session: &mut Session, screen: &Screen) -> Result<Summary> {
    let started = Instant::now();
    let plan = sample::plan();
    let history = History::read(session, sample::RECORD, &sample::places(), &plan.openings).await?;
    let lines = sample::movements().map(|m| m.lines().len() as u64).sum();
    let bar = Bar::new(lines, screen.is_json());
    let mut summary = Summary { lines, ..Summary::default() };
    let pace = replay::open(session, &plan, &history, &mut summary, &bar).await?;
    let products = (plan.products.len(), plan.warehouses.len());

    let (sender, receiver) = mpsc::channel(replay_command::READ_AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let mut window = Window::new(LINES_PER_CALL / 5);
        for movement in sample::movements() {
            if let Some(full) = window.push(movement)
                && sender.blocking_send(full).is_err()
            {
                return;
            }
        }
        let _ = sender.blocking_send(window.take());
    });
    replay::replay(session, receiver, &history, pace, &mut summary, &bar).await?;
    reader.await.map_err(|cause| Error::Answer(cause.to_string()))?;
    bar.finish();
    summary.finish(started.elapsed());
    show_shop(screen, products, &summary)?;
    Ok(summary)
}

fn show_shop(screen: &Screen, (products, warehouses): (usize, usize), s: &Summary) -> Result<()> {
    if s.changes == 0 {
        screen.say("the shop and its orders are there from an earlier run; nothing was changed")?;
    }
    screen.say(&format!("{products} products in {warehouses} warehouses"))?;
    screen.say(&replay_command::in_words(s))?;
    if !s.refusals.is_empty() {
        screen.say("\nThe first refusals:")?;
        let few = &s.refusals[..s.refusals.len().min(5)];
        screen.table(few, replay_command::REFUSAL_COLUMNS)?;
    }
    Ok(())
}

async fn show_low_stock(session: &mut Session, screen: &Screen) -> Result<Vec<LowStock>> {
    let low = session.low_stock(8).await?;
    screen.say("\n── Low stock, the emptiest first ──")?;
    screen.table(
        &low,
        &[
            text("sku", |l: &LowStock| l.sku.clone()),
            text("name", |l| l.name.clone()),
            number("warehouse", |l| l.warehouse_id.to_string()),
            number("on hand", |l| l.on_hand.to_string()),
            number("low at", |l| super::screen::or_blank(&l.low_stock_threshold)),
        ],
    )?;
    Ok(low)
}

/// The same rush twice. Nothing sleeps here: the naive shop oversells because its answer to
/// "how many are there" is old by the time it writes.
async fn oversell(
    database: &Database,
    session: &mut Session,
    screen: &Screen,
) -> Result<Vec<RaceResult>> {
    let facts = session.server_facts().await?;
    let free = i64::from(facts.max_connections) - facts.connections - SPARE_CONNECTIONS;
    let connections = free.clamp(2, RACE_CONNECTIONS) as u32;
    screen.say(&format!(
        "\n── {RACE_ORDERS} orders of one unit at once, {RACE_STOCK} units in stock, {connections} connections ──"
    ))?;
    let pool = database.pool(connections).await?;
    let naive = race_naive(session, &pool).await;
    session.naive_end().await?;
    let naive = naive?;
    let (engine, order_nos) = race_engine(session, &pool).await?;
    pool.close().await;
    let results = vec![naive, engine];
    show_race(screen, &results)?;
    if let (Some(first), Some(last)) = (order_nos.first(), order_nos.last()) {
        screen.say(&format!(
            "the engine gave {} order numbers, {first} to {last}, none twice",
            order_nos.len()
        ))?;
    }
    Ok(results)
}

async fn race_naive(session: &mut Session, pool: &PgPool) -> Result<RaceResult> {
    session.naive_begin(RACE_SKU, RACE_STOCK).await?;
    let started = Instant::now();
    let mut orders = JoinSet::new();
    for _ in 0..RACE_ORDERS {
        let pool = pool.clone();
        orders.spawn(async move { naive_order(&pool, RACE_SKU).await });
    }
    let mut turned_away = 0;
    while let Some(outcome) = orders.join_next().await {
        let sold = outcome.map_err(|cause| Error::Answer(cause.to_string()))??;
        turned_away += usize::from(!sold);
    }
    let seconds = started.elapsed().as_secs_f64();
    let (sold, after) = session.naive_result(RACE_SKU).await?;
    Ok(result("read, then write", sold, after, turned_away, seconds))
}

/// The result, and the order numbers in their order.
async fn race_engine(session: &mut Session, pool: &PgPool) -> Result<(RaceResult, Vec<String>)> {
    let goods = fill_for_engine(session).await?;
    let started = Instant::now();
    let mut orders = JoinSet::new();
    for _ in 0..RACE_ORDERS {
        let pool = pool.clone();
        orders.spawn(async move { engine_order(&pool, RACE_SKU).await });
    }
    let (mut order_nos, mut turned_away) = (Vec::new(), 0);
    while let Some(outcome) = orders.join_next().await {
        match outcome.map_err(|cause| Error::Answer(cause.to_string()))?? {
            Some(order_no) => order_nos.push(order_no),
            None => turned_away += 1,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let sold = order_nos.len() as i64;
    order_nos.sort_unstable();
    order_nos.dedup();
    if order_nos.len() as i64 != sold {
        return Err(Error::Answer("an order number came twice".to_owned()));
    }
    let level = session.levels(Some(&goods.sku), Some(goods.warehouse_id), false, 1).await?;
    let after = level.first().map_or(0, |l| l.on_hand);
    Ok((result("the engine", sold, after, turned_away, seconds), order_nos))
}

async fn fill_for_engine(session: &mut Session) -> Result<Goods> {
    let ticket = NewProduct {
        sku: RACE_SKU.to_owned(),
        name: "Concert ticket (of the demo's race)".to_owned(),
        low_stock_threshold: None,
        lot_controlled: false,
        unit: "each".to_owned(),
        attributes: serde_json::json!({}),
    };
    let caller = Caller { operator: Some("demo".to_owned()), ..Caller::default() };
    session.put_product(&ticket, &caller).await?;
    let goods = Goods { sku: ticket.sku, warehouse_id: 1, lot: None };
    session.recount(&goods, RACE_STOCK, None, "before the race", &caller).await?;
    Ok(goods)
}

fn result(
    way: &'static str,
    units_sold: i64,
    stock_after: i64,
    orders_turned_away: usize,
    seconds: f64,
) -> RaceResult {
    RaceResult {
        way,
        orders: RACE_ORDERS,
        stock_before: RACE_STOCK,
        units_sold,
        units_oversold: (units_sold - RACE_STOCK).max(0),
        stock_after,
        orders_turned_away,
        seconds,
    }
}

fn show_race(screen: &Screen, results: &[RaceResult]) -> Result<()> {
    screen.table(
        results,
        &[
            text("way", |r: &RaceResult| r.way.to_owned()),
            number("units sold", |r| grouped(r.units_sold)),
            number("oversold", |r| grouped(r.units_oversold)),
            number("stock after", |r| grouped(r.stock_after)),
            number("turned away", |r| grouped(r.orders_turned_away as i64)),
            number("seconds", |r| format!("{:.2}", r.seconds)),
        ],
    )
}

fn closing(psql: &str, database: &Database) -> String {
    format!(
        "\n── Your turn ──\n  {psql} \"{}\"\n\
         and there, for example:\n\
         \x20 SELECT * FROM inventory.low_stock ORDER BY on_hand LIMIT 5;\n\
         \x20 SELECT * FROM inventory.deduct('KIT-0101', 2, operator => 'me');\n\
         \x20 SELECT id, event_type, payload FROM inventory.outbox ORDER BY id DESC LIMIT 5;",
        database.url_without_password()
    )
}
