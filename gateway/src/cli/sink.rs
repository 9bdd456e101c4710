//! `inventory sink …`

use super::screen::{number, text};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::store::SinkStatus;
use clap::Subcommand;
use inventory_sinks::Target;
use serde_json::json;

#[derive(Subcommand)]
pub enum SinkCommand {
    /// Tell a sink of events from now on, or give one that is there another address
    #[command(after_help = "\
Addresses: stdout: · webhook+https://:<secret>@host/path · redis://host:6379/<stream> ·
nats://host:4222/<stream>/<subject> · amqp://host:5672/<exchange> · kafka://host:9092/<topic>

Example:
  inventory sink add warehouse redis://:password@127.0.0.1:6379/inventory")]
    Add {
        /// What it is called: lower-case letters, digits, - and _
        name: String,
        /// Where it is
        #[arg(value_name = "URL")]
        target: String,
        /// Begin with the oldest event that there is
        #[arg(long)]
        from_beginning: bool,
    },
    /// Sinks, how far each has come, and what keeps it
    List,
    /// Tell a sink nothing until it is resumed
    Pause { name: String },
    /// Go on where a sink was paused, or where the database was restored or cloned
    Resume {
        name: String,
        /// Leave out what came meanwhile
        #[arg(long)]
        skip: bool,
    },
    /// Forget a sink and what waits for it
    Remove { name: String },
}

pub async fn run(settings: &Settings, command: SinkCommand) -> Result<()> {
    match command {
        SinkCommand::Add { name, target, from_beginning } => {
            add(settings, &name, &target, from_beginning).await
        }
        SinkCommand::List => list(settings).await,
        SinkCommand::Pause { name } => {
            let changed = settings.connect().await?.pause_sink(&name).await?;
            said(settings, &name, "paused", changed)
        }
        SinkCommand::Resume { name, skip } => {
            let changed = settings.connect().await?.resume_sink(&name, skip).await?;
            said(settings, &name, "resumed", changed)
        }
        SinkCommand::Remove { name } => {
            let changed = settings.connect().await?.drop_sink(&name).await?;
            said(settings, &name, "removed", changed)
        }
    }
}

async fn add(settings: &Settings, name: &str, url: &str, from_beginning: bool) -> Result<()> {
    let target = Target::parse(url).map_err(|cause| Error::usage(cause.to_string()))?;
    let created = settings.connect().await?.put_sink(name, url, from_beginning).await?;
    let what = if created { "is told from now on" } else { "has this address now" };
    let what = if created && from_beginning { "is told all that there is" } else { what };
    let answer = json!({ "name": name, "address": target.to_string(), "created": created });
    settings.screen().answer(&answer, &format!("sink {name} {what}: {target}"))
}

fn said(settings: &Settings, name: &str, done: &str, changed: bool) -> Result<()> {
    let before = if changed { "" } else { " before, or is not there" };
    let answer = json!({ "name": name, "changed": changed });
    settings.screen().answer(&answer, &format!("sink {name} was {done}{before}"))
}

async fn list(settings: &Settings) -> Result<()> {
    settings.screen().list(
        &settings.connect().await?.sinks().await?,
        &[
            text("sink", |s: &SinkStatus| s.name.clone()),
            text("address", |s| s.address.clone()),
            text("state", |s| s.state.clone()),
            number("pending", |s| s.pending.to_string()),
            number("lag s", |s| format!("{:.1}", s.lag_seconds)),
            number("retrying", |s| s.retrying.to_string()),
            number("dead", |s| s.dead.to_string()),
            number("delivered", |s| s.delivered.to_string()),
            text("failure", |s| s.failure.clone().unwrap_or_default()),
        ],
    )
}
