//! `inventory stock …`

use super::screen::{grouped, number, or_blank, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::{Answer, AuditFilter, Date, Goods, Level, Lot, Movement, Session};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum StockCommand {
    /// Levels: on hand, reserved, available
    Show(ShowArgs),
    /// Goods in
    #[command(
        after_help = "Example:\n  inventory stock receive LAMP-01 10 --warehouse 2 --reason \"purchase 4711\""
    )]
    Receive {
        #[command(flatten)]
        goods: GoodsArgs,
        /// Units, 1 to 10^12
        qty: i64,
        /// Best before, for lots: 2026-01-31
        #[arg(long, value_name = "DATE")]
        expires_on: Option<Date>,
        /// For the audit log, 1 to 64 characters
        #[arg(long, default_value = "receipt")]
        reason: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// Goods out: an order of one line
    #[command(after_help = "Example:\n  inventory stock deduct LAMP-01 3 --operator anna")]
    Deduct {
        #[command(flatten)]
        goods: GoodsArgs,
        /// Units, 1 to 10^12
        qty: i64,
        /// For the audit log, 1 to 64 characters
        #[arg(long, default_value = "sale")]
        reason: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// More or fewer than the book says, by a difference
    #[command(
        after_help = "Example:\n  inventory stock adjust LAMP-01 -1 --reason \"broken on the shelf\""
    )]
    Adjust {
        #[command(flatten)]
        goods: GoodsArgs,
        /// Units to add, or with a minus to take away; not 0
        #[arg(allow_negative_numbers = true)]
        delta: i64,
        /// For the audit log, 1 to 64 characters
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// More or fewer than the book says, by what was counted
    #[command(
        after_help = "Example:\n  inventory stock recount LAMP-01 6 --reason \"yearly count\" --expected-version 3"
    )]
    Recount {
        #[command(flatten)]
        goods: GoodsArgs,
        /// Units that are there, 0 to 10^12
        counted: i64,
        /// For the audit log, 1 to 64 characters
        #[arg(long)]
        reason: String,
        /// Refuse if the stock has moved since this version was read
        #[arg(long, value_name = "VERSION")]
        expected_version: Option<i64>,
        #[command(flatten)]
        caller: CallerArgs,
    },
    /// From one warehouse to another: both sides or neither
    #[command(after_help = "Example:\n  inventory stock transfer LAMP-01 2 --from 1 --to 2")]
    Transfer(TransferArgs),
    /// What happened to a SKU, newest first
    History {
        /// Stock keeping unit, letter by letter
        sku: String,
        /// Only this warehouse
        #[arg(long, env = "INVENTORY_WAREHOUSE", value_name = "ID")]
        warehouse: Option<i32>,
        /// At most so many
        #[arg(long, env = "INVENTORY_LIMIT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
    },
}

#[derive(Args)]
pub struct GoodsArgs {
    /// Stock keeping unit, letter by letter
    sku: String,
    /// Where
    #[arg(long, env = "INVENTORY_WAREHOUSE", default_value_t = 1, value_name = "ID")]
    warehouse: i32,
    /// Which lot, for lot-controlled products
    #[arg(long)]
    lot: Option<String>,
}

#[derive(Args)]
pub struct TransferArgs {
    /// Stock keeping unit, letter by letter
    sku: String,
    /// Units, 1 to 10^12
    qty: i64,
    /// Warehouse they leave
    #[arg(long, value_name = "ID")]
    from: i32,
    /// Warehouse they reach
    #[arg(long, value_name = "ID")]
    to: i32,
    /// Which lot, for lot-controlled products
    #[arg(long)]
    lot: Option<String>,
    /// For the audit log, 1 to 64 characters
    #[arg(long, default_value = "transfer")]
    reason: String,
    #[command(flatten)]
    caller: CallerArgs,
}

#[derive(Args)]
pub struct ShowArgs {
    /// Only this SKU; all without it
    sku: Option<String>,
    /// Only this warehouse
    #[arg(long, env = "INVENTORY_WAREHOUSE", value_name = "ID")]
    warehouse: Option<i32>,
    /// Only what is at or below its threshold
    #[arg(long)]
    low: bool,
    /// The lots of one SKU, first to expire first
    #[arg(long, requires = "sku", conflicts_with = "low")]
    lots: bool,
    /// At most so many
    #[arg(long, env = "INVENTORY_LIMIT", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

impl From<GoodsArgs> for Goods {
    fn from(args: GoodsArgs) -> Goods {
        Goods { sku: args.sku, warehouse_id: args.warehouse, lot: args.lot }
    }
}

pub async fn run(settings: &Settings, command: StockCommand) -> Result<()> {
    let mut session = settings.connect().await?;
    let answer = match command {
        StockCommand::Show(args) => return show(settings, &mut session, args).await,
        StockCommand::Transfer(args) => return transfer(settings, &mut session, args).await,
        StockCommand::History { sku, warehouse, limit } => {
            return history(settings, &mut session, &sku, warehouse, limit).await;
        }
        StockCommand::Receive { goods, qty, expires_on, reason, caller } => {
            session.receive(&goods.into(), qty, expires_on, &reason, &caller.into()).await?
        }
        StockCommand::Deduct { goods, qty, reason, caller } => {
            session.deduct(&goods.into(), qty, &reason, &caller.into()).await?
        }
        StockCommand::Adjust { goods, delta, reason, caller } => {
            session.adjust(&goods.into(), delta, &reason, &caller.into()).await?
        }
        StockCommand::Recount { goods, counted, reason, expected_version, caller } => {
            let goods = goods.into();
            session.recount(&goods, counted, expected_version, &reason, &caller.into()).await?
        }
    };
    settings.screen().answer(&answer, &sentence(&answer))
}

async fn show(settings: &Settings, session: &mut Session, args: ShowArgs) -> Result<()> {
    if let (true, Some(sku)) = (args.lots, args.sku.as_deref()) {
        let lots = session.lots(sku, args.warehouse, args.limit).await?;
        return settings.screen().list(
            &lots,
            &[
                text("lot", |l: &Lot| l.lot.clone()),
                number("warehouse", |l| l.warehouse_id.to_string()),
                number("on hand", |l| l.on_hand.to_string()),
                number("reserved", |l| l.reserved.to_string()),
                number("available", |l| l.available.to_string()),
                text("expires on", |l| or_blank(&l.expires_on)),
                number("version", |l| l.version.to_string()),
            ],
        );
    }
    let levels = session.levels(args.sku.as_deref(), args.warehouse, args.low, args.limit).await?;
    settings.screen().list(
        &levels,
        &[
            text("sku", |l: &Level| l.sku.clone()),
            number("warehouse", |l| l.warehouse_id.to_string()),
            number("on hand", |l| l.on_hand.to_string()),
            number("reserved", |l| l.reserved.to_string()),
            number("available", |l| l.available.to_string()),
            text("low", |l| if l.low { "low".to_owned() } else { String::new() }),
            number("version", |l| l.version.to_string()),
        ],
    )
}

async fn transfer(settings: &Settings, session: &mut Session, args: TransferArgs) -> Result<()> {
    let goods = Goods { sku: args.sku, warehouse_id: args.from, lot: args.lot };
    let answers =
        session.transfer(&goods, args.to, args.qty, &args.reason, &args.caller.into()).await?;
    let [source, target] = &answers;
    let text = format!(
        "from warehouse {}: {}\nto warehouse {}: {}",
        args.from,
        sentence(source),
        args.to,
        sentence(target)
    );
    settings.screen().answer(&answers, &text)
}

async fn history(
    settings: &Settings,
    session: &mut Session,
    sku: &str,
    warehouse: Option<i32>,
    limit: i64,
) -> Result<()> {
    let filter = AuditFilter {
        sku: Some(sku.to_owned()),
        warehouse_id: warehouse,
        ..AuditFilter::default()
    };
    let movements = session.audit(&filter, limit).await?;
    settings.screen().list(
        &movements,
        &[
            number("id", |m: &Movement| m.id.to_string()),
            text("at", |m| m.at.to_rfc3339_opts(SecondsFormat::Micros, true)),
            number("warehouse", |m| or_blank(&m.warehouse_id)),
            number("before", |m| or_blank(&m.before_qty)),
            number("after", |m| or_blank(&m.after_qty)),
            text("reason", |m| or_blank(&m.reason)),
            text("operator", |m| or_blank(&m.operator)),
            text("trace", |m| or_blank(&m.trace_id)),
            text("request", |m| or_blank(&m.request_id)),
        ],
    )
}

fn sentence(answer: &Answer) -> String {
    let order = answer.order_no.as_ref().map(|no| format!("order {no}: ")).unwrap_or_default();
    let again = if answer.replayed { " (as answered before; nothing changed)" } else { "" };
    format!(
        "{order}{} on hand, {} reserved, {} available{again}",
        grouped(answer.on_hand),
        grouped(answer.reserved),
        grouped(answer.available)
    )
}
