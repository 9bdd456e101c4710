//! The oversell comparison of `inventory demo`: the same rush on the same goods, each way of selling
//! in its turn. Nothing sleeps here: the naive shop oversells because its answer to "how many are
//! there" is old by the time it writes.

use super::screen::{Screen, grouped, number, text};
use crate::error::{Error, Result};
use crate::store::oversell::{Answer, Engine, LUA, Lua, Redis, Scratch, Way};
use crate::store::{Database, ServerFacts, Session};
use serde::Serialize;
use sqlx::postgres::PgPool;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// So many orders of one unit, at once, on so many units.
const ORDERS: usize = 500;
const STOCK: i64 = 100;
/// Enough to collide; the rest of the 500 wait for a connection, as they would in a shop.
const CONNECTIONS: i64 = 64;
/// Connections left for others: the demo's own session, the shelf's, and people's.
const SPARE_CONNECTIONS: i64 = 8;

/// What the race showed, for programs.
#[derive(Serialize)]
pub struct Race {
    ways: Vec<Outcome>,
    /// The ways that could not be tried here, each with the reason.
    left_out: Vec<String>,
}

/// One way of selling, after the race.
#[derive(Serialize)]
struct Outcome {
    way: &'static str,
    orders: usize,
    stock_before: i64,
    units_sold: i64,
    units_oversold: i64,
    stock_after: i64,
    orders_turned_away: usize,
    seconds: f64,
    /// Of one order, from when it has a connection to its answer.
    p99_ms: f64,
    #[serde(skip)]
    order_nos: Vec<String>,
}

/// Runs all ways that there are here, and shows them.
pub async fn run(
    database: &Database,
    redis: Option<Redis>,
    session: &mut Session,
    screen: &Screen,
) -> Result<Race> {
    let facts = session.server_facts().await?;
    let free = i64::from(facts.max_connections) - facts.connections - SPARE_CONNECTIONS;
    let connections = free.clamp(2, CONNECTIONS) as u32;
    screen.say(&format!(
        "\n── {ORDERS} orders of one unit at once, {STOCK} units in stock, {connections} connections ──"
    ))?;
    let pool = database.pool(connections).await?;
    let (ways, left_out) = ways(database, &pool, redis, &facts).await?;
    session.scratch_begin().await?;
    let outcomes = rush_on_all(ways, connections).await;
    session.scratch_end().await?;
    pool.close().await;
    let race = Race { ways: outcomes?, left_out };
    show(screen, &race)?;
    Ok(race)
}

/// The ways that can be tried here, and why the others cannot.
async fn ways(
    database: &Database,
    pool: &PgPool,
    redis: Option<Redis>,
    facts: &ServerFacts,
) -> Result<(Vec<Arc<dyn Way>>, Vec<String>)> {
    let mut ways: Vec<Arc<dyn Way>> = vec![
        Arc::new(Scratch::naive(pool)),
        Arc::new(Scratch::row_lock(pool)),
        Arc::new(Scratch::function(pool)),
    ];
    let mut left_out = Vec::new();
    match redis {
        None => left_out.push(format!("{LUA}: REDIS_URL names no Redis")),
        Some(redis) => match Lua::connect(redis, database.timeout()).await {
            Ok(lua) => ways.push(Arc::new(lua)),
            Err(error @ Error::Unreachable { .. }) => {
                left_out.push(format!("{LUA}: {error}"));
            }
            Err(error) => return Err(error),
        },
    }
    ways.push(Arc::new(Engine::deduct(database, pool)));
    if facts.preloaded() == Some(true) {
        ways.push(Arc::new(Engine::deduct_now(database, pool)));
    } else {
        left_out.push("group commit: pg_inventory is not in shared_preload_libraries".to_owned());
    }
    Ok((ways, left_out))
}

async fn rush_on_all(ways: Vec<Arc<dyn Way>>, connections: u32) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(ways.len());
    for way in ways {
        outcomes.push(rush_on(way, connections as usize).await?);
    }
    Ok(outcomes)
}

/// The rush on one way's shelf. Before it everybody asks once for what is not there, so that nobody's
/// first call (plans, scripts, the process that commits) is measured.
async fn rush_on(way: Arc<dyn Way>, connections: usize) -> Result<Outcome> {
    way.fill(0).await?;
    rush(&way, connections, connections).await?;
    way.fill(STOCK).await?;
    let started = Instant::now();
    let answers = rush(&way, ORDERS, connections).await?;
    let seconds = started.elapsed().as_secs_f64();
    let left = way.left().await?;
    Ok(Outcome::of(way.name(), answers, left, seconds))
}

/// So many orders given at once, each with the time it took.
async fn rush(
    way: &Arc<dyn Way>,
    orders: usize,
    connections: usize,
) -> Result<Vec<(Answer, Duration)>> {
    let lines = Arc::new(Semaphore::new(connections));
    let mut running = JoinSet::new();
    for _ in 0..orders {
        let (way, lines) = (way.clone(), lines.clone());
        running.spawn(async move {
            let _line = lines.acquire().await.map_err(|cause| Error::Answer(cause.to_string()))?;
            let started = Instant::now();
            let answer = way.order().await?;
            Ok::<_, Error>((answer, started.elapsed()))
        });
    }
    let mut answers = Vec::with_capacity(orders);
    while let Some(outcome) = running.join_next().await {
        answers.push(outcome.map_err(|cause| Error::Answer(cause.to_string()))??);
    }
    Ok(answers)
}

impl Outcome {
    fn of(way: &'static str, answers: Vec<(Answer, Duration)>, left: i64, seconds: f64) -> Outcome {
        let p99_ms = p99_ms(answers.iter().map(|(_, time)| *time).collect());
        let (mut sold, mut order_nos) = (0, Vec::new());
        for (answer, _) in answers {
            if let Answer::Sold(order_no) = answer {
                sold += 1;
                order_nos.extend(order_no);
            }
        }
        Outcome {
            way,
            orders: ORDERS,
            stock_before: STOCK,
            units_sold: sold,
            units_oversold: (sold - STOCK).max(0),
            stock_after: left,
            orders_turned_away: ORDERS - sold as usize,
            seconds,
            p99_ms,
            order_nos,
        }
    }
}

/// The time within which 99 of 100 orders were answered.
fn p99_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let rank = (times.len() * 99).div_ceil(100).max(1);
    times.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

fn show(screen: &Screen, race: &Race) -> Result<()> {
    screen.table(
        &race.ways,
        &[
            text("way", |o: &Outcome| o.way.to_owned()),
            number("units sold", |o| grouped(o.units_sold)),
            number("oversold", |o| grouped(o.units_oversold)),
            number("stock after", |o| grouped(o.stock_after)),
            number("turned away", |o| grouped(o.orders_turned_away as i64)),
            number("seconds", |o| format!("{:.2}", o.seconds)),
            number("p99 (ms)", |o| format!("{:.1}", o.p99_ms)),
        ],
    )?;
    if race.ways.iter().any(|outcome| outcome.way == LUA) {
        screen.say(&format!("{LUA}: in memory only; it records no order and gives no number"))?;
    }
    for why in &race.left_out {
        screen.say(&format!("left out: {why}"))?;
    }
    show_order_nos(screen, &race.ways)
}

fn show_order_nos(screen: &Screen, outcomes: &[Outcome]) -> Result<()> {
    let mut order_nos: Vec<_> = outcomes.iter().flat_map(|o| &o.order_nos).collect();
    let given = order_nos.len();
    order_nos.sort_unstable();
    order_nos.dedup();
    if order_nos.len() != given {
        return Err(Error::Answer("an order number came twice".to_owned()));
    }
    let (Some(first), Some(last)) = (order_nos.first(), order_nos.last()) else { return Ok(()) };
    screen.say(&format!("the engine gave {given} order numbers, {first} to {last}, none twice"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_may_be_slower() {
        let times =
            |slow| (0..500).map(move |n| Duration::from_millis(if n < slow { 90 } else { 1 }));
        assert_eq!(p99_ms(times(5).collect()), 1.0);
        assert_eq!(p99_ms(times(6).collect()), 90.0);
        assert_eq!(p99_ms(Vec::new()), 0.0);
    }

    #[test]
    fn what_was_sold_twice_is_counted() {
        let sold = || (Answer::Sold(Some("1".to_owned())), Duration::ZERO);
        let answers = (0..120).map(|_| sold()).chain([(Answer::TurnedAway, Duration::ZERO)]);
        let outcome = Outcome::of("x", answers.collect(), 3, 0.0);
        assert_eq!((outcome.units_sold, outcome.units_oversold, outcome.stock_after), (120, 20, 3));
        assert_eq!(outcome.orders_turned_away, ORDERS - 120);
    }
}
