//! `inventory demo`: the sample shop, its orders, and why the engine is there at all.

use super::progress::Bar;
use super::race::{self, Race};
use super::screen::{Screen, number, text};
use super::settings::Settings;
use super::{check, customers, init, replay as replay_command};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::replay::{self, History, LINES_PER_CALL, Summary, Window};
use crate::sample;
use crate::store::oversell::Redis;
use crate::store::{Database, LowStock, Session};
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

#[derive(Args)]
#[command(after_help = "\
Creates extension and tables if they are missing. Run again, it keeps the shop and repeats the race. Where there
is a gateway, customers order there afterwards, for whoever watches in the console.

Example:
  inventory demo")]
pub struct DemoArgs {
    /// The psql to name in the closing lines
    #[arg(long, env = "INVENTORY_PSQL", default_value = "psql", value_name = "PROGRAM")]
    psql: String,

    /// Redis to race against: redis://:password@host:port (without it, REDIS_URL)
    #[arg(long, env = "INVENTORY_REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<String>,

    /// The gateway to name there (without it, GATEWAY_URL)
    #[arg(long, env = "INVENTORY_GATEWAY_URL", value_name = "URL")]
    gateway_url: Option<String>,

    /// The file with its key, as `make up` writes it
    #[arg(long, env = "INVENTORY_ENV_FILE", default_value = ".local/env", value_name = "FILE")]
    env_file: String,

    /// How long customers come to that gateway in the end; Ctrl-C ends it too
    #[arg(long, env = "INVENTORY_DEMO_SECONDS", default_value_t = 900, value_name = "SECONDS")]
    seconds: u64,
}

/// One that stands before the same database.
struct Gateway {
    url: String,
    env_file: String,
}

impl Gateway {
    fn client(&self, settings: &Settings) -> Result<Client> {
        let timeout = Duration::from_secs(settings.connect_timeout);
        Client::new(&self.url, settings.api_key.as_deref(), timeout)
    }
}

impl DemoArgs {
    fn gateway(&self) -> Option<Gateway> {
        let given = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let url = self.gateway_url.clone().filter(|url| !url.is_empty());
        let url = url.or_else(|| given("GATEWAY_URL"))?;
        Some(Gateway { url, env_file: self.env_file.clone() })
    }

    fn redis(&self) -> Result<Option<Redis>> {
        let named = self.redis_url.clone().filter(|url| !url.is_empty());
        let url = named.or_else(|| std::env::var("REDIS_URL").ok().filter(|url| !url.is_empty()));
        url.map(|url| Redis::at(&url)).transpose()
    }
}

#[derive(Serialize)]
struct Report {
    shop: Summary,
    race: Race,
    low_stock: Vec<LowStock>,
    violations: usize,
}

pub async fn run(settings: &Settings, args: DemoArgs) -> Result<()> {
    let screen = settings.screen();
    let redis = args.redis()?;
    let database = settings.database()?;
    let mut session = database.connect().await?;
    let gateway = args.gateway();
    if let Some(gateway) = &gateway {
        screen.say(&to_watch(gateway))?;
    }
    screen.say("── The sample shop ──")?;
    init::prepare(&mut session, &screen).await?;
    let shop = replay_shop(&mut session, &screen).await?;
    let low_stock = show_low_stock(&mut session, &screen).await?;
    let race = race::run(&database, redis, &mut session, &screen).await?;
    let violations = session.verify().await?;
    session.close().await?;
    if violations.is_empty() {
        screen.say("\nOversell check, verify(): sound, every unit is accounted for.")?;
    } else {
        check::show(&screen, &violations)?;
        return Err(Error::Unsound(violations.len()));
    }
    screen.say(&closing(&args.psql, &database))?;
    if let Some(gateway) = &gateway {
        screen.say(&over_http(gateway))?;
    }
    if screen.is_json() {
        screen.json(&Report { shop, race, low_stock, violations: violations.len() })?;
    }
    match gateway {
        Some(gateway) if args.seconds > 0 => {
            screen.say(&customers_come(&gateway))?;
            let client = gateway.client(settings)?;
            customers::serve(&client, Duration::from_secs(args.seconds), &screen).await
        }
        _ => Ok(()),
    }
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

fn to_watch(gateway: &Gateway) -> String {
    let Gateway { url, env_file } = gateway;
    format!(
        "Watch it in a browser: {url}/console/ (it asks for a key: INVENTORY_API_KEY of {env_file})\n"
    )
}

fn customers_come(gateway: &Gateway) -> String {
    format!(
        "\n── Customers ──\nOrders come in now, some a second: see them arrive at {}/console/ (Ctrl-C ends it)",
        gateway.url
    )
}

fn over_http(gateway: &Gateway) -> String {
    let Gateway { url, env_file } = gateway;
    format!(
        "\nor in a browser, at {url}/console/ (its key is INVENTORY_API_KEY of {env_file}),\n\
         or over HTTP, at {url} (its documents: {url}/docs):\n\
         \x20 . {env_file}\n\
         \x20 curl -H \"Authorization: Bearer $INVENTORY_API_KEY\" {url}/v1/stock/KIT-0101\n\
         \x20 curl -H \"Authorization: Bearer $INVENTORY_API_KEY\" --json '{{\"sku\":\"KIT-0101\",\"quantity\":2}}' {url}/v1/deductions"
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
