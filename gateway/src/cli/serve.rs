//! `inventory serve`: the REST gateway.

use super::settings::Settings;
use crate::error::Result;
use crate::http::docs;
use crate::serve::{self, ServeSettings};
use crate::store::Database;
use clap::Args;
use std::time::Duration;

#[derive(Args)]
#[command(after_help = "\
Works as two database users: --database-url for stock, needing inventory_operator, and
--admin-database-url for products, warehouses and keys, needing inventory_admin.

Example:
  inventory serve --database-url postgresql://shop@localhost/shop --listen 0.0.0.0:8080")]
pub struct ServeArgs {
    #[command(flatten)]
    settings: ServeSettings,
}

pub async fn run(settings: &Settings, args: ServeArgs) -> Result<()> {
    let serve = args.settings;
    let operating = settings.database()?;
    let administering = match serve.admin_database_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => Database::new(url, Duration::from_secs(settings.connect_timeout))?,
        None => operating.clone(),
    };
    let screen = settings.screen();
    serve::run(serve, &operating, &administering, |listening| {
        screen.answer(listening, &format!("listening on {}", listening.url))
    })
    .await
}

pub fn openapi(settings: &Settings) -> Result<()> {
    settings.screen().json(&docs::document())
}
