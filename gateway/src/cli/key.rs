//! `inventory key …`

use super::screen::text;
use super::settings::Settings;
use super::span;
use crate::error::Result;
use crate::http::key::ApiKey;
use crate::store::{KnownKey, NewKey, Time};
use chrono::Utc;
use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use std::time::Duration;

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a key for the REST gateway; it is shown this once
    #[command(
        after_help = "Example:\n  inventory key create \"Till at the door\" --role operator --expires-in 90d"
    )]
    Create {
        /// What people call its holder
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: Role,
        /// For how long it is good: 12h, 90d, 4w (without it, until it is revoked)
        #[arg(long, value_name = "TIME", value_parser = span::parse)]
        expires_in: Option<Duration>,
    },
    /// All keys, without their secrets
    List,
    /// Take a key back, for good
    Revoke {
        /// The eight characters after `inv_`
        key_id: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    /// Reads
    Reader,
    /// Moves and holds stock, too
    Operator,
    /// Keeps products and warehouses, too
    Admin,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

#[derive(Serialize)]
struct Created<'k> {
    #[serde(flatten)]
    key: &'k NewKey<'k>,
    /// The whole of it.
    secret: String,
}

pub async fn run(settings: &Settings, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create { name, role, expires_in } => {
            create(settings, &name, role, expires_in).await
        }
        KeyCommand::List => list(settings).await,
        KeyCommand::Revoke { key_id } => {
            let revoked = settings.connect().await?.revoke_api_key(&key_id).await?;
            let text = if revoked { "revoked" } else { "was revoked before" };
            let answer = serde_json::json!({ "key_id": key_id, "revoked": revoked });
            settings.screen().answer(&answer, &format!("key {key_id} {text}"))
        }
    }
}

async fn create(
    settings: &Settings,
    name: &str,
    role: Role,
    expires_in: Option<Duration>,
) -> Result<()> {
    let fresh = ApiKey::fresh();
    let (key_id, hash) = (fresh.id(), fresh.hash());
    let expires_at = expires_in.map(|span| Utc::now() + span);
    let key = NewKey { key_id, name, role: role.name(), key_hash: &hash, expires_at };
    settings.connect().await?.create_api_key(&key).await?;
    let secret = fresh.reveal();
    let text = format!(
        "{secret}\n\nThis is the key of {name} ({}), and is shown this once. Send it as `Authorization: Bearer …`.",
        key.role
    );
    settings.screen().answer(&Created { key: &key, secret }, &text)
}

async fn list(settings: &Settings) -> Result<()> {
    settings.screen().list(
        &settings.connect().await?.api_keys().await?,
        &[
            text("key", |k: &KnownKey| k.key_id.clone()),
            text("name", |k| k.name.clone()),
            text("role", |k| k.role.clone()),
            text("state", |k| state(k).to_owned()),
            text("created", |k| moment(Some(k.created_at))),
            text("expires", |k| moment(k.expires_at)),
            text("last used", |k| moment(k.last_used_at)),
        ],
    )
}

fn state(key: &KnownKey) -> &'static str {
    if key.revoked_at.is_some() {
        "revoked"
    } else if key.expires_at.is_some_and(|at| at <= Utc::now()) {
        "expired"
    } else {
        "good"
    }
}

fn moment(at: Option<Time>) -> String {
    at.map_or(String::new(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string())
}
