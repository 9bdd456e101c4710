//! `inventory order …`

use super::lines::LinesArgs;
use super::screen::{Screen, number, or_blank, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::{
    Caller, Date, Moved, NewOrder, Order, OrderDetail, OrderEvent, OrderFilter, OrderLine, Step,
    Time,
};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};

const STATES: [&str; 5] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REVERTED"];

#[derive(Subcommand)]
pub enum OrderCommand {
    /// Take an order down; nothing moves yet
    Create(CreateArgs),
    /// An order with its lines and its history
    Show {
        /// 23 digits
        order_no: String,
    },
    /// Orders, newest first
    List(ListArgs),
    /// Start it; an outbound order holds all its lines
    Start(StepArgs),
    /// Complete it: held goods leave, or goods come in
    Complete(StepArgs),
    /// Give it up; what it holds goes back
    Fail(EndArgs),
    /// Undo a completed or failed one: goods come back, or leave again
    Revert(EndArgs),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  inventory order create LAMP-01 2 --and CABLE-02 1 --external-ref web-4711
  inventory order create HONEY-500 24 --inbound --lot 2026-05 --expires-on 2027-05-31")]
pub struct CreateArgs {
    #[command(flatten)]
    lines: LinesArgs,
    /// Goods come in; without it they leave
    #[arg(long)]
    inbound: bool,
    /// Best before, for lots that come in: 2026-01-31
    #[arg(long, value_name = "DATE", requires_all = ["lot", "inbound"])]
    expires_on: Option<Date>,
    /// Your own number for it
    #[arg(long, value_name = "TEXT")]
    external_ref: Option<String>,
    #[command(flatten)]
    caller: CallerArgs,
}

#[derive(Args)]
pub struct ListArgs {
    /// Only those in this state
    #[arg(long, value_parser = STATES, ignore_case = true)]
    state: Option<String>,
    /// Only this warehouse
    #[arg(long, env = "INVENTORY_WAREHOUSE", value_name = "ID")]
    warehouse: Option<i32>,
    /// Only that number of yours
    #[arg(long, value_name = "TEXT")]
    external_ref: Option<String>,
    /// At most so many
    #[arg(long, env = "INVENTORY_LIMIT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

#[derive(Args)]
pub struct StepArgs {
    /// 23 digits
    order_no: String,
    #[command(flatten)]
    caller: CallerArgs,
}

#[derive(Args)]
pub struct EndArgs {
    /// 23 digits
    order_no: String,
    /// Why, 1 to 64 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    caller: CallerArgs,
}

#[derive(Serialize)]
struct Created {
    order_no: String,
    /// 64 bits: text in JSON.
    order_id: String,
    state: String,
    replayed: bool,
}

pub async fn run(settings: &Settings, command: OrderCommand) -> Result<()> {
    match command {
        OrderCommand::Create(args) => create(settings, args).await,
        OrderCommand::Show { order_no } => {
            let order = settings.service().await?.order_detail(&order_no).await?;
            show(&settings.screen(), &order)
        }
        OrderCommand::List(args) => list(settings, args).await,
        OrderCommand::Start(StepArgs { order_no, caller }) => {
            step(settings, &order_no, Step::Start, None, caller.into()).await
        }
        OrderCommand::Complete(StepArgs { order_no, caller }) => {
            step(settings, &order_no, Step::Complete, None, caller.into()).await
        }
        OrderCommand::Fail(EndArgs { order_no, reason, caller }) => {
            step(settings, &order_no, Step::Fail, Some(&reason), caller.into()).await
        }
        OrderCommand::Revert(EndArgs { order_no, reason, caller }) => {
            step(settings, &order_no, Step::Revert, Some(&reason), caller.into()).await
        }
    }
}

async fn create(settings: &Settings, args: CreateArgs) -> Result<()> {
    let CreateArgs { lines, inbound, expires_on, external_ref, caller } = args;
    let warehouse_id = lines.warehouse;
    let lines = lines.wanted()?.into_iter().map(|wanted| {
        let mut line = Map::new();
        line.insert("sku".into(), wanted.goods.sku.into());
        line.insert("qty".into(), wanted.quantity.into());
        line.extend(wanted.goods.lot.map(|lot| ("lot".into(), lot.into())));
        line.extend(expires_on.map(|day| ("expires_on".into(), day.to_string().into())));
        Value::Object(line)
    });
    let direction = if inbound { "inbound" } else { "outbound" }.to_owned();
    let order = NewOrder { direction, lines: lines.collect(), warehouse_id, external_ref };
    let (id, moved) = settings.service().await?.create_order(&order, &caller.into()).await?;
    let sentence = sentence(&moved);
    let Moved { order_no, state, replayed } = moved;
    let created = Created { order_no, order_id: id.to_string(), state, replayed };
    settings.screen().answer(&created, &sentence)
}

async fn step(
    settings: &Settings,
    order_no: &str,
    step: Step,
    reason: Option<&str>,
    caller: Caller,
) -> Result<()> {
    let moved = settings.service().await?.move_order(order_no, step, reason, &caller).await?;
    settings.screen().answer(&moved, &sentence(&moved))
}

fn sentence(moved: &Moved) -> String {
    let again = if moved.replayed { " (as answered before; nothing changed)" } else { "" };
    format!("order {} {}{again}", moved.order_no, moved.state)
}

async fn list(settings: &Settings, args: ListArgs) -> Result<()> {
    let filter = OrderFilter {
        state: args.state.map(|state| state.to_uppercase()),
        warehouse_id: args.warehouse,
        external_ref: args.external_ref,
        before: None,
    };
    let orders = settings.service().await?.orders(&filter, args.limit).await?;
    settings.screen().list(
        &orders,
        &[
            text("order", |o: &Order| o.order_no.clone()),
            text("direction", |o| o.direction.clone()),
            number("warehouse", |o| o.warehouse_id.to_string()),
            text("state", |o| o.state.clone()),
            text("reference", |o| or_blank(&o.external_ref)),
            text("changed", |o| moment(o.changed_at)),
            text("reason", |o| or_blank(&o.reason)),
        ],
    )
}

fn show(screen: &Screen, detail: &OrderDetail) -> Result<()> {
    let order = &detail.order;
    let sentence = format!(
        "order        {}\nid           {}\ndirection    {}\nwarehouse    {}\nreference    {}\n\
         state        {}\nreason       {}\nreservation  {}\ncreated      {}\nchanged      {}",
        order.order_no,
        order.order_id,
        order.direction,
        order.warehouse_id,
        or_blank(&order.external_ref),
        order.state,
        or_blank(&order.reason),
        or_blank(&order.reservation_id),
        moment(order.created_at),
        moment(order.changed_at)
    );
    screen.answer(detail, &sentence)?;
    screen.table(
        &detail.lines,
        &[
            number("line", |l: &OrderLine| l.line.to_string()),
            text("sku", |l| l.sku.clone()),
            number("quantity", |l| l.quantity.to_string()),
            text("named lot", |l| or_blank(&l.named_lot)),
            text("lot", |l| or_blank(&l.lot)),
            number("of it", |l| or_blank(&l.lot_quantity)),
        ],
    )?;
    screen.table(
        &detail.history,
        &[
            text("at", |e: &OrderEvent| moment(e.at)),
            text("from", |e| or_blank(&e.from_state)),
            text("to", |e| e.to_state.clone()),
            text("reason", |e| or_blank(&e.reason)),
            text("operator", |e| or_blank(&e.operator)),
        ],
    )
}

fn moment(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
