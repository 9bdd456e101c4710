//! `inventory repair`

use super::screen::{number, text};
use super::settings::Settings;
use super::span;
use crate::error::Result;
use crate::store::RepairedLease;
use clap::Args;
use std::time::Duration;

#[derive(Args)]
#[command(after_help = "\
A lease is stock that a gateway set aside to sell from while the database is away. Its goods come
back when that gateway comes back, or by this command: never by the clock alone, because it may still
have sales to tell of. Give back only what belongs to gateways that will not return; a sale told of
later is refused then.")]
pub struct RepairArgs {
    /// Only leases whose time has been over for so long
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = span::parse)]
    older_than: Duration,
}

pub async fn run(settings: &Settings, args: RepairArgs) -> Result<()> {
    settings.screen().list(
        &settings.connect().await?.repair_leases(args.older_than).await?,
        &[
            text("lease", |l: &RepairedLease| l.lease_id.to_string()),
            text("sku", |l| l.sku.clone()),
            number("warehouse", |l| l.warehouse_id.to_string()),
            text("holder", |l| l.holder.clone()),
            text("purpose", |l| l.purpose.clone()),
            number("given back", |l| l.returned.to_string()),
        ],
    )
}
