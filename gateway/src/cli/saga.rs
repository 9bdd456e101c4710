//! `inventory saga …`

use super::screen::{Screen, number, or_blank, text};
use super::service::Service;
use super::settings::{CallerArgs, Settings};
use crate::error::{Error, Result};
use crate::saga::Sagas;
use crate::store::{Caller, NewSaga, Saga, SagaDetail, SagaFilter, SagaMoved, SagaStep, Time};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;
use uuid::Uuid;

const STATES: [&str; 5] = ["running", "reverting", "needs_attention", "completed", "reverted"];

#[derive(Subcommand)]
pub enum SagaCommand {
    /// Begin one; gateways carry it to its end
    Start(StartArgs),
    /// A saga with all that was asked and answered
    Show {
        /// As `saga start` gave it
        saga_id: Uuid,
    },
    /// Sagas, newest first
    List(ListArgs),
    /// Go on with one that needs attention
    Retry(RetryArgs),
}

#[derive(Args)]
#[command(after_help = "\
Example:
  inventory saga start outbound_order --input '{\"lines\": [{\"sku\": \"LAMP-01\", \"quantity\": 2}], \"account\": \"ada\", \"amount\": 4200}'

With --url the gateway knows the definition; with --database-url it is read from --saga-file here.")]
pub struct StartArgs {
    /// As the file of sagas names it
    saga: String,
    /// What its participants are told, a JSON object
    #[arg(long, value_name = "JSON")]
    input: String,
    /// Definitions of sagas, TOML or JSON
    #[arg(long, env = "INVENTORY_SAGA_FILE", value_name = "FILE")]
    saga_file: Option<PathBuf>,
    #[command(flatten)]
    caller: CallerArgs,
}

#[derive(Args)]
pub struct ListArgs {
    /// Only those in this state
    #[arg(long, value_parser = STATES, ignore_case = true)]
    state: Option<String>,
    /// At most so many
    #[arg(long, env = "INVENTORY_LIMIT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

#[derive(Args)]
pub struct RetryArgs {
    /// As `saga list --state needs_attention` shows it
    saga_id: Uuid,
    /// Give the step up that needs attention, and undo everything
    #[arg(long)]
    revert: bool,
    #[command(flatten)]
    caller: CallerArgs,
}

pub async fn run(settings: &Settings, command: SagaCommand) -> Result<()> {
    let screen = settings.screen();
    match command {
        SagaCommand::Start(args) => {
            let moved = start(settings, args).await?;
            screen.answer(&moved, &sentence(&moved))
        }
        SagaCommand::Show { saga_id } => {
            show(&screen, &settings.service().await?.saga_detail(saga_id).await?)
        }
        SagaCommand::List(args) => {
            let state = args.state.map(|state| state.to_uppercase());
            let filter = SagaFilter { state, before: None };
            list(&screen, &settings.service().await?.sagas(&filter, args.limit).await?)
        }
        SagaCommand::Retry(RetryArgs { saga_id, revert, caller }) => {
            let mut service = settings.service().await?;
            let moved = service.retry_saga(saga_id, revert, &caller.into()).await?;
            screen.answer(&moved, &sentence(&moved))
        }
    }
}

async fn start(settings: &Settings, args: StartArgs) -> Result<SagaMoved> {
    let caller: Caller = args.caller.into();
    let input: Value = serde_json::from_str(&args.input)
        .map_err(|cause| Error::usage(format!("--input is no JSON: {cause}")))?;
    match settings.service().await? {
        Service::Gateway(client) => client.begin_saga(&args.saga, &input, &caller).await,
        Service::Database(mut session) => {
            let sagas = Sagas::read(args.saga_file.as_deref())?;
            let definition = sagas.definition(&args.saga);
            let definition = definition.map_err(|no| Error::refused(no.code, no.detail))?.clone();
            session.begin_saga(&NewSaga { name: args.saga, definition, input }, &caller).await
        }
    }
}

fn sentence(moved: &SagaMoved) -> String {
    let again = if moved.replayed { " (as answered before; nothing changed)" } else { "" };
    format!("saga {} {}{again}", moved.saga_id, moved.state)
}

fn list(screen: &Screen, sagas: &[Saga]) -> Result<()> {
    screen.list(
        sagas,
        &[
            text("saga id", |s: &Saga| s.saga_id.to_string()),
            text("saga", |s| s.saga.clone()),
            text("state", |s| s.state.clone()),
            text("changed", |s| moment(s.changed_at)),
            text("reason", |s| or_blank(&s.reason)),
        ],
    )
}

fn show(screen: &Screen, detail: &SagaDetail) -> Result<()> {
    let saga = &detail.saga;
    let due = saga.due_at.map(moment);
    let sentence = format!(
        "saga id  {}\nsaga     {}\nstate    {}\nreason   {}\ndue      {}\ncreated  {}\nchanged  {}\ninput    {}",
        saga.saga_id,
        saga.saga,
        saga.state,
        or_blank(&saga.reason),
        or_blank(&due),
        moment(saga.created_at),
        moment(saga.changed_at),
        saga.input
    );
    screen.answer(detail, &sentence)?;
    screen.table(
        &detail.steps,
        &[
            text("began", |s: &SagaStep| moment(s.began_at)),
            text("step", |s| s.name.clone()),
            text("participant", |s| s.participant.clone()),
            text("direction", |s| s.direction.clone()),
            text("state", |s| s.state.clone()),
            number("asked", |s| s.asked.to_string()),
            text("answer", |s| or_blank(&s.answer)),
            text("detail", |s| or_blank(&s.detail)),
        ],
    )
}

fn moment(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
