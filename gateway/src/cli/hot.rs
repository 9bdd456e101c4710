//! `inventory hot …`

use super::screen::{number, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::HotSku;
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde_json::json;

/// No more are hot at once.
const HOT_MAX: i64 = 1_000;

#[derive(Args)]
pub struct HotArgs {
    #[command(subcommand)]
    command: Option<HotCommand>,
}

#[derive(Subcommand)]
enum HotCommand {
    /// SKUs that many want at once, the most wanted first (without a word, too)
    List,
    /// Call a SKU hot by hand
    Set {
        /// Stock keeping unit, letter by letter
        sku: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// Take that back
    Clear {
        /// Stock keeping unit, letter by letter
        sku: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
}

pub async fn run(settings: &Settings, args: HotArgs) -> Result<()> {
    match args.command.unwrap_or(HotCommand::List) {
        HotCommand::List => list(settings).await,
        HotCommand::Set { sku, caller } => set(settings, &sku, true, caller).await,
        HotCommand::Clear { sku, caller } => set(settings, &sku, false, caller).await,
    }
}

async fn list(settings: &Settings) -> Result<()> {
    let hot = settings.service().await?.hot_skus(None, HOT_MAX).await?;
    settings.screen().list(
        &hot,
        &[
            text("sku", |h: &HotSku| h.sku.clone()),
            number("warehouse", |h| h.warehouse_id.to_string()),
            number("a second", |h| h.rate.to_string()),
            text("by hand", |h| if h.by_hand { "yes" } else { "no" }.to_owned()),
            text("since", |h| h.since.to_rfc3339_opts(SecondsFormat::Secs, true)),
        ],
    )
}

async fn set(settings: &Settings, sku: &str, hot: bool, caller: CallerArgs) -> Result<()> {
    let changed = settings.service().await?.set_hot(sku, hot, &caller.into()).await?;
    let called = if hot { "hot" } else { "not hot by hand" };
    let before = if changed { "" } else { ", as before" };
    let answer = json!({ "sku": sku, "hot": hot, "changed": changed });
    settings.screen().answer(&answer, &format!("SKU {sku} is {called}{before}"))
}
