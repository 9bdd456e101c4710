//! `inventory reserve …`

use super::lines::LinesArgs;
use super::screen::{Screen, number, or_blank, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::{Closed, Hold, HoldLine, Reserved, ReservedLine, Time};
use chrono::SecondsFormat;
use clap::Subcommand;
use uuid::Uuid;

#[derive(Subcommand)]
pub enum ReserveCommand {
    /// Set goods aside: all lines or none
    #[command(
        after_help = "Example:\n  inventory reserve make LAMP-01 2 --and CABLE-02 1 --ttl-seconds 600"
    )]
    Make {
        #[command(flatten)]
        lines: LinesArgs,
        /// How long they are held
        #[arg(long, env = "INVENTORY_TTL_SECONDS", default_value_t = 900, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=31_622_400))]
        ttl_seconds: i64,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// A hold, open or closed
    Show {
        /// As `reserve make` gave it
        reservation_id: Uuid,
    },
    /// Take the held goods out, once
    Confirm {
        /// As `reserve make` gave it
        reservation_id: Uuid,
        /// Part of a hold of one line; the rest is given back
        #[arg(long, value_name = "UNITS")]
        qty: Option<i64>,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// Give the held goods back, once
    Release {
        /// As `reserve make` gave it
        reservation_id: Uuid,
        /// For the audit log, 1 to 64 characters
        #[arg(long, default_value = "released")]
        reason: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
}

pub async fn run(settings: &Settings, command: ReserveCommand) -> Result<()> {
    let (mut service, screen) = (settings.service().await?, settings.screen());
    match command {
        ReserveCommand::Make { lines, ttl_seconds, caller } => {
            let wanted = lines.wanted()?;
            made(&screen, &service.reserve(&wanted, ttl_seconds, &caller.into()).await?)
        }
        ReserveCommand::Show { reservation_id } => {
            shown(&screen, &service.hold(reservation_id).await?)
        }
        ReserveCommand::Confirm { reservation_id, qty, caller } => {
            ended(&screen, &service.confirm(reservation_id, qty, &caller.into()).await?)
        }
        ReserveCommand::Release { reservation_id, reason, caller } => {
            ended(&screen, &service.release(reservation_id, &reason, &caller.into()).await?)
        }
    }
}

fn made(screen: &Screen, reserved: &Reserved) -> Result<()> {
    let again = if reserved.replayed { " (as answered before; nothing changed)" } else { "" };
    let until = moment(reserved.expires_at);
    let sentence = format!("reservation {} until {until}{again}", reserved.reservation_id);
    screen.answer(reserved, &sentence)?;
    screen.table(
        &reserved.lines,
        &[
            text("sku", |l: &ReservedLine| l.sku.clone()),
            number("warehouse", |l| l.warehouse_id.to_string()),
            number("quantity", |l| l.quantity.to_string()),
            number("on hand", |l| or_blank(&l.on_hand)),
            number("reserved", |l| or_blank(&l.reserved)),
            number("available", |l| or_blank(&l.available)),
        ],
    )
}

fn shown(screen: &Screen, hold: &Hold) -> Result<()> {
    let sentence = format!(
        "reservation  {}\nstate        {}\ncreated      {}\nexpires      {}\nclosed       {}",
        hold.reservation_id,
        hold.state,
        moment(Some(hold.created_at)),
        moment(hold.expires_at),
        moment(hold.closed_at)
    );
    screen.answer(hold, &sentence)?;
    screen.table(
        &hold.lines,
        &[
            text("sku", |l: &HoldLine| l.sku.clone()),
            number("warehouse", |l| l.warehouse_id.to_string()),
            text("lot", |l| or_blank(&l.lot)),
            number("quantity", |l| l.quantity.to_string()),
        ],
    )
}

fn ended(screen: &Screen, closed: &Closed) -> Result<()> {
    let order = closed.order_no.as_ref().map(|no| format!(", order {no}")).unwrap_or_default();
    let again = if closed.replayed { " (as answered before; nothing changed)" } else { "" };
    let sentence = format!("reservation {} {}{order}{again}", closed.reservation_id, closed.state);
    screen.answer(closed, &sentence)
}

fn moment(at: Option<Time>) -> String {
    at.map_or("-".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
