//! `inventory repair …`

use super::screen::{number, text};
use super::settings::Settings;
use super::span;
use crate::check::open_tickets;
use crate::error::{Error, Refused, Result};
use crate::store::{Caller, RepairTicket, RepairedLease, Session};
use clap::{Args, Subcommand};
use inventory_core::refusal::Code;
use inventory_core::ticket::Correction;
use serde_json::json;
use std::time::Duration;

/// Tickets shown at most.
const SHOWN: i64 = 10_000;
/// Refusals told of one by one.
const TOLD: usize = 10;

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Without a word it gives back the leases of gateways that will not return. A lease is stock that a gateway
set aside to sell from while the database is away. Its goods come back when that gateway comes back, or by
this command: never by the clock alone, because it may still have sales to tell of. Give back only what
belongs to gateways that will not return; a sale told of later is refused then.

Tickets are what `inventory check` found. Where a stock row differs from the journal, `confirm` says that
the journal is right, `confirm --counted N` that N units lie on the shelf now; `run` carries it out as a command
of the engine, with the ticket as its reason in the audit log. What is sold between the two is taken off the
count; if somebody corrected the row meanwhile, count again.

Where a shadow differs (`inventory check --shadow URL`) there are two tickets, and you confirm one: that of
the shadow (`--database-url` of the shadow) makes it what its source is; that of the source, `source_level`,
changes the source by what the shadow has more or less. If somebody corrected the source meanwhile, that is not
done, and the ticket waits for another check and another word."
)]
pub struct RepairArgs {
    #[command(subcommand)]
    command: Option<RepairCommand>,

    /// Only leases whose time has been over for so long
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = span::parse)]
    older_than: Duration,
}

#[derive(Subcommand)]
enum RepairCommand {
    /// Tickets that are open
    List {
        /// The newest of all instead, those that are settled too
        #[arg(long, env = "INVENTORY_REPAIR_ALL")]
        all: bool,
    },
    /// Say that tickets are to be carried out
    Confirm {
        #[command(flatten)]
        which: Which,
        /// Units that lie on the shelf; without it the journal is right
        #[arg(long, value_name = "UNITS", conflicts_with = "every")]
        counted: Option<i64>,
        #[command(flatten)]
        by: By,
    },
    /// Say that tickets are not to be carried out
    Reject {
        #[command(flatten)]
        which: Which,
        /// Why, for those who see it again (1 to 64 characters)
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// Carry out what was confirmed
    Run {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Numbers of tickets
    #[arg(value_name = "TICKET")]
    tickets: Vec<i64>,

    /// All that are open and can be, of this kind (the column `check`; `any` for all that can be set
    /// right from here, but for `source_level`, which has to be named)
    #[arg(long, value_name = "KIND")]
    every: Option<String>,
}

#[derive(Args)]
struct By {
    /// Who does it, for the audit log (1 to 64 characters)
    #[arg(long, env = "INVENTORY_OPERATOR", value_name = "NAME")]
    operator: Option<String>,
}

pub async fn run(settings: &Settings, args: RepairArgs) -> Result<()> {
    let mut session = settings.connect().await?;
    match args.command {
        None => leases(settings, &mut session, args.older_than).await,
        Some(RepairCommand::List { all: true }) => {
            list(settings, &session.tickets(None, None, SHOWN).await?)
        }
        Some(RepairCommand::List { all: false }) => {
            list(settings, &session.open_tickets(0, SHOWN).await?)
        }
        Some(RepairCommand::Confirm { which, counted, by }) => {
            let caller = Caller { operator: by.operator, ..Caller::default() };
            let mut round = Round::default();
            for ticket in which.tickets(&mut session, "PENDING").await? {
                let told = session.confirm_ticket(ticket, counted, &caller).await;
                round.take(ticket, told.map(|_| true))?;
            }
            round.tell(settings, "CONFIRMED")
        }
        Some(RepairCommand::Reject { which, reason, by }) => {
            let caller = Caller { operator: by.operator, ..Caller::default() };
            let mut round = Round::default();
            for ticket in which.tickets(&mut session, "PENDING").await? {
                let told = session.reject_ticket(ticket, &reason, &caller).await;
                round.take(ticket, told.map(|_| true))?;
            }
            round.tell(settings, "REJECTED")
        }
        Some(RepairCommand::Run { which, by }) => {
            let mut round = Round::default();
            for ticket in which.tickets(&mut session, "CONFIRMED").await? {
                let ran = session.run_ticket(ticket, by.operator.as_deref(), None).await;
                round.take(ticket, ran.map(|done| done.is_done))?;
            }
            round.tell(settings, "DONE")
        }
    }
}

/// What became of several tickets: one that is refused keeps no other.
#[derive(Default)]
struct Round {
    done: Vec<i64>,
    /// Those whose rows were corrected by somebody since they were confirmed.
    changed: Vec<i64>,
    refused: Vec<(i64, Refused)>,
}

impl Round {
    /// Whether one was done, or what was wrong with it; an error where that is no refusal.
    fn take(&mut self, ticket: i64, ended: Result<bool>) -> Result<()> {
        match ended {
            Ok(true) => self.done.push(ticket),
            Ok(false) => self.changed.push(ticket),
            Err(Error::Refused(refused)) => self.refused.push((ticket, *refused)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What was done, and then, as an error, what was not.
    fn tell(self, settings: &Settings, state: &str) -> Result<()> {
        let answer = json!({ "tickets": self.done, "state": state });
        let sentence = format!("{state}: {} tickets", self.done.len());
        settings.screen().answer(&answer, &sentence)?;
        if let Some((_, first)) = self.refused.first() {
            let each = |(ticket, why): &(i64, Refused)| format!("{ticket} ({})", why.in_short());
            let told: Vec<String> = self.refused.iter().take(TOLD).map(each).collect();
            let more = match self.refused.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let detail = Some(format!("not {state}: {}{more}", told.join(", ")));
            return Err(Error::Refused(Box::new(Refused { detail, ..first.clone() })));
        }
        if self.changed.is_empty() {
            return Ok(());
        }
        Err(Error::refused(
            Code::VersionConflict,
            format!(
                "not carried out, to be confirmed anew after another check: {:?}",
                self.changed
            ),
        ))
    }
}

impl Which {
    /// Those that are named, or those in `state` of the kind that is named.
    async fn tickets(self, session: &mut Session, state: &str) -> Result<Vec<i64>> {
        let Some(kind) = self.every else { return Ok(self.tickets) };
        let any = |t: &RepairTicket| kind == "any" && Correction::of(&t.kind).goes_with_others();
        let meant = |t: &RepairTicket| t.state == state && (t.kind == kind || any(t));
        let tickets = open_tickets(session, meant).await?;
        Ok(tickets.into_iter().map(|t| t.ticket_id).collect())
    }
}

fn list(settings: &Settings, tickets: &[RepairTicket]) -> Result<()> {
    settings.screen().list(
        tickets,
        &[
            number("ticket", |t: &RepairTicket| t.ticket_id.to_string()),
            text("state", |t| t.state.clone()),
            text("check", |t| t.kind.clone()),
            text("subject", |t| t.subject.clone()),
            text("expected", |t| t.expected.clone()),
            text("found", |t| t.found.clone()),
            number("counted", |t| t.counted.map(|n| n.to_string()).unwrap_or_default()),
            text("decided by", |t| t.decided_by.clone().unwrap_or_default()),
            text("note", |t| t.note.clone().unwrap_or_default()),
        ],
    )
}

async fn leases(settings: &Settings, session: &mut Session, older_than: Duration) -> Result<()> {
    settings.screen().list(
        &session.repair_leases(older_than).await?,
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
