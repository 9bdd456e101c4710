//! `inventory ping`: whether a gateway is alive, for health checks where there is no other HTTP client.

use super::settings::Settings;
use crate::error::{Error, Result};
use serde_json::json;

pub async fn run(settings: &Settings) -> Result<()> {
    let gateway = settings.gateway()?;
    let gateway = gateway.ok_or_else(|| {
        Error::usage("name the gateway to ask: --url or INVENTORY_URL, as in http://127.0.0.1:8080")
    })?;
    gateway.alive().await?;
    let says = format!("{} answers", gateway.target());
    settings.screen().answer(&json!({ "status": "ok" }), &says)
}
