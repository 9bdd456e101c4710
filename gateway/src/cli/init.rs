//! `inventory init`

use super::screen::{Screen, grouped};
use super::settings::Settings;
use crate::error::{Error, Refused, Result};
use crate::replay::{self, History, Progress, Summary};
use crate::sample;
use crate::store::{Extension, Layout, Session};
use clap::Args;
use inventory_core::refusal::Code;
use serde::Serialize;

#[derive(Args)]
#[command(after_help = "\
Safe to run again: what is there stays as it is.

Examples:
  inventory init
  inventory init --sample")]
pub struct InitArgs {
    /// Load the sample shop too: products, warehouses, opening stock
    #[arg(long, env = "INVENTORY_SAMPLE")]
    sample: bool,

    /// Leaves of the stock table, on a fresh install
    #[arg(
        long,
        env = "INVENTORY_SHARDS",
        default_value_t = 16,
        value_parser = clap::value_parser!(i32).range(1..=32)
    )]
    shards: i32,
}

/// What `init` found and did.
#[derive(Serialize)]
struct Report {
    extension: String,
    extension_created: bool,
    tables_created: bool,
    answer: String,
    #[serde(flatten)]
    layout: Option<Layout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<SampleReport>,
}

#[derive(Serialize)]
pub struct SampleReport {
    products: usize,
    warehouses: usize,
    products_created: u64,
    openings_received: u64,
    openings_replayed: u64,
}

pub async fn run(settings: &Settings, args: InitArgs) -> Result<()> {
    let screen = settings.screen();
    let mut session = settings.connect().await?;
    let mut report = install(&mut session, args.shards, &screen).await?;
    if args.sample {
        report.sample = Some(load_sample(&mut session, &screen).await?);
    }
    if screen.is_json() {
        screen.json(&report)?;
    }
    session.close().await
}

/// Extension and tables, for others too.
pub async fn prepare(session: &mut Session, screen: &Screen) -> Result<()> {
    install(session, 16, screen).await.map(drop)
}

async fn install(session: &mut Session, shards: i32, screen: &Screen) -> Result<Report> {
    let found = session.extension().await?.ok_or_else(files_missing)?;
    let extension_created = create(session, &found, screen).await?;
    let answer = session.install(shards).await?;
    let layout = session.layout().await?;
    let verb = if found.has_tables { "found" } else { "created" };
    let seen = layout.as_ref().map_or(String::new(), |l| {
        format!(", {} stock leaves, generation {}", l.shards, l.generation)
    });
    screen.say(&format!("tables {verb}: {answer}{seen}"))?;
    Ok(Report {
        extension: found.available.unwrap_or_default(),
        extension_created,
        tables_created: !found.has_tables,
        answer,
        layout,
        sample: None,
    })
}

/// True if it was not there before.
async fn create(session: &mut Session, found: &Extension, screen: &Screen) -> Result<bool> {
    let available = found.available.as_deref().unwrap_or("?");
    match found.installed.as_deref() {
        Some(installed) if installed == available => {
            screen.say(&format!("extension pg_inventory {installed} found"))?;
            Ok(false)
        }
        Some(installed) => {
            session.update_extension().await?;
            screen.say(&format!("extension pg_inventory {installed} brought to {available}"))?;
            Ok(false)
        }
        None => {
            session.create_extension().await?;
            screen.say(&format!("extension pg_inventory {available} created"))?;
            Ok(true)
        }
    }
}

fn files_missing() -> Error {
    Error::Refused(Box::new(Refused {
        code: Code::NotInstalled,
        message: "the server does not have the files of the extension pg_inventory".to_owned(),
        detail: None,
        hint: Some(
            "Install the extension into this PostgreSQL (`make install`), or use the private one of `make up`."
                .to_owned(),
        ),
    }))
}

/// The sample shop, as it is before its first order.
pub async fn load_sample(session: &mut Session, screen: &Screen) -> Result<SampleReport> {
    struct Quiet;
    impl Progress for Quiet {
        fn stage(&self, _: &str) {}
        fn lines(&self, _: u64) {}
    }
    let plan = sample::plan();
    let history = History::read(session, sample::RECORD, &[], &plan.openings).await?;
    let mut summary = Summary::default();
    replay::open(session, &plan, &history, &mut summary, &Quiet).await?;
    let report = SampleReport {
        products: plan.products.len(),
        warehouses: plan.warehouses.len(),
        products_created: summary.products_created,
        openings_received: summary.openings_received,
        openings_replayed: summary.replayed,
    };
    screen.say(&describe(&report, summary.changes))?;
    Ok(report)
}

fn describe(sample: &SampleReport, changes: u64) -> String {
    let what = format!(
        "{} products in {} warehouses, {} opening receipts",
        grouped(sample.products as i64),
        sample.warehouses,
        grouped(sample.openings_received as i64)
    );
    match changes {
        0 => format!("sample shop found: {what}; nothing changed"),
        _ => format!("sample shop loaded: {what}"),
    }
}
