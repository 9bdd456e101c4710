//! `inventory product …`

use super::screen::{number, or_blank, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::{NewProduct, Product};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum ProductCommand {
    /// Create a product, or change it
    Put(PutArgs),
    /// One product
    Show {
        /// Stock keeping unit, letter by letter
        sku: String,
    },
    /// Products in SKU order
    List {
        /// At most so many
        #[arg(long, env = "INVENTORY_LIMIT", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
        /// Only those after this SKU: the last one of the page before
        #[arg(long, value_name = "SKU")]
        after: Option<String>,
    },
    /// Delete a product that nothing names any more
    Delete {
        /// Stock keeping unit, letter by letter
        sku: String,
        #[command(flatten)]
        caller: CallerArgs,
    },
}

#[derive(Args)]
#[command(after_help = "\
Example:
  inventory product put HONEY-500 \"Blossom honey, 500 g\" --unit jar --low-stock-threshold 24 \\
      --lot-controlled --attributes '{\"organic\": true}'")]
pub struct PutArgs {
    /// Stock keeping unit: 1 to 64 characters, compared letter by letter
    sku: String,
    /// What people call it
    name: String,
    /// At or below this on hand, in any warehouse, the product is low
    #[arg(long, value_name = "UNITS")]
    low_stock_threshold: Option<i64>,
    /// Every movement must name a lot
    #[arg(long)]
    lot_controlled: bool,
    /// What one unit is
    #[arg(long, default_value = "each")]
    unit: String,
    /// A JSON object of your own
    #[arg(long, default_value = "{}", value_name = "JSON", value_parser = json)]
    attributes: serde_json::Value,
    #[command(flatten)]
    caller: CallerArgs,
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|cause| cause.to_string())
}

pub async fn run(settings: &Settings, command: ProductCommand) -> Result<()> {
    match command {
        ProductCommand::Put(args) => put(settings, args).await,
        ProductCommand::Show { sku } => show(settings, &sku).await,
        ProductCommand::List { limit, after } => list(settings, limit, after.as_deref()).await,
        ProductCommand::Delete { sku, caller } => delete(settings, &sku, caller).await,
    }
}

async fn put(settings: &Settings, args: PutArgs) -> Result<()> {
    let product = NewProduct {
        sku: args.sku,
        name: args.name,
        low_stock_threshold: args.low_stock_threshold,
        lot_controlled: args.lot_controlled,
        unit: args.unit,
        attributes: args.attributes,
    };
    let mut service = settings.service().await?;
    let put = service.put_product(&product, &args.caller.into()).await?;
    let text = format!("product {} {}", product.sku, put.what_happened());
    settings.screen().answer(&put, &text)
}

async fn show(settings: &Settings, sku: &str) -> Result<()> {
    let product = settings.service().await?.product(sku).await?;
    let text = format!(
        "sku                  {}\nname                 {}\nunit                 {}\nlow stock threshold  {}\nlot controlled       {}\nattributes           {}",
        product.sku,
        product.name,
        product.unit,
        product.low_stock_threshold.map_or("none".to_owned(), |t| t.to_string()),
        yes_no(product.lot_controlled),
        product.attributes
    );
    settings.screen().answer(&product, &text)
}

async fn list(settings: &Settings, limit: i64, after: Option<&str>) -> Result<()> {
    let products = settings.service().await?.list_products(after, limit).await?;
    settings.screen().list(
        &products,
        &[
            text("sku", |p: &Product| p.sku.clone()),
            text("name", |p| p.name.clone()),
            text("unit", |p| p.unit.clone()),
            number("low at", |p| or_blank(&p.low_stock_threshold)),
            text("lots", |p| yes_no(p.lot_controlled).to_owned()),
        ],
    )
}

async fn delete(settings: &Settings, sku: &str, caller: CallerArgs) -> Result<()> {
    let done = settings.service().await?.delete_product(sku, &caller.into()).await?;
    let text = format!("product {sku} {}", done.what_happened());
    settings.screen().answer(&done, &text)
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
