//! `inventory shadow …`

use super::screen::{number, text};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::shadow::{By, Feeder, Share};
use crate::store::{Database, Shadow};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde_json::json;
use std::time::Duration;
use tokio::sync::watch;

/// Sources that a shadow has, at most, in a list.
const SHOWN: i64 = 100;

#[derive(Subcommand)]
#[command(after_help = "\
A shadow is another inventory, maybe of the next version, that a part of what happens here is applied to, in
the order of the journal. It needs tables of its own (`inventory init` there) and nobody else who writes to
it. `inventory check --shadow URL` compares the two.")]
pub enum ShadowCommand {
    /// Feed a shadow, until it is stopped; begun again it goes on where it was
    Start {
        #[command(flatten)]
        at: Target,
        /// Which part of the traffic it sees: above 0, up to 1
        #[arg(long, env = "INVENTORY_SHADOW_RATIO", default_value_t = 0.05)]
        ratio: f64,
        /// Parts of what
        #[arg(long, env = "INVENTORY_SHADOW_BY", value_enum, default_value = "sku")]
        by: By,
        /// End when it has caught up
        #[arg(long, env = "INVENTORY_SHADOW_ONCE")]
        once: bool,
    },
    /// How far a shadow has come
    Status {
        #[command(flatten)]
        at: Target,
    },
    /// End the feeding of a shadow, wherever it is done
    Stop {
        #[command(flatten)]
        at: Target,
    },
}

#[derive(Args)]
pub struct Target {
    /// The shadow: postgresql://user@host:port/db
    #[arg(long, env = "INVENTORY_SHADOW_URL", hide_env_values = true, value_name = "URL")]
    target: String,

    /// By which the shadow knows whom it follows
    #[arg(long, env = "INVENTORY_SHADOW_NAME", default_value = "main", value_name = "NAME")]
    name: String,
}

impl Target {
    fn database(&self, settings: &Settings) -> Result<Database> {
        Database::new(&self.target, Duration::from_secs(settings.connect_timeout))
    }
}

pub async fn run(settings: &Settings, command: ShadowCommand) -> Result<()> {
    match command {
        ShadowCommand::Start { at, ratio, by, once } => {
            let wrong = || Error::usage("--ratio must be above 0 and at most 1");
            let share = Share::new(ratio, by).ok_or_else(wrong)?;
            let target = at.database(settings)?;
            let mut feeder = Feeder::new(settings.database()?, target, at.name, share);
            let (end, stop) = watch::channel(false);
            let signal = tokio::spawn(async move {
                let _ = tokio::signal::ctrl_c().await;
                let _ = end.send(true);
            });
            let fed = feeder.run(once, stop).await;
            signal.abort();
            fed?;
            settings.screen().answer(&json!({ "state": "ended" }), "the shadow is fed no more")
        }
        ShadowCommand::Status { at } => {
            let mut shadow = at.database(settings)?.connect().await?;
            settings.screen().list(
                &shadow.shadows(SHOWN).await?,
                &[
                    text("source", |s: &Shadow| s.source.clone()),
                    number("of a million", |s| s.share.to_string()),
                    text("by", |s| s.share_by.clone()),
                    text("state", |s| s.state.clone()),
                    number("applied", |s| s.applied.to_string()),
                    number("refused", |s| s.refused.to_string()),
                    text("caught up", |s| {
                        let at = s.caught_up_at;
                        at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
                            .unwrap_or_default()
                    }),
                ],
            )
        }
        ShadowCommand::Stop { at } => {
            at.database(settings)?.connect().await?.stop_shadow(&at.name).await?;
            settings.screen().answer(&json!({ "state": "STOPPED" }), "the shadow is stopped")
        }
    }
}
