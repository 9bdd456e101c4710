//! Settings every command shares.

use super::screen::Screen;
use crate::error::{Error, Result};
use crate::store::{Caller, Database, Session};
use clap::Args;
use std::time::Duration;
use uuid::Uuid;

/// Keeps what every command has out of the way of what one command has.
const HEADING: &str = "Settings of every command";

#[derive(Args)]
pub struct Settings {
    /// PostgreSQL to work on: postgresql://user@host:port/db (without it, DATABASE_URL)
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "INVENTORY_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_url: Option<String>,

    /// Seconds to wait for a connection
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "INVENTORY_CONNECT_TIMEOUT",
        default_value_t = 10,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub connect_timeout: u64,

    /// Answers and errors as JSON, for programs
    #[arg(long, global = true, help_heading = HEADING, env = "INVENTORY_JSON")]
    pub json: bool,
}

impl Settings {
    pub fn screen(&self) -> Screen {
        Screen::new(self.json)
    }

    pub fn database(&self) -> Result<Database> {
        let named = self.database_url.clone().filter(|url| !url.is_empty());
        let fallback = || std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        let url = named.or_else(fallback);
        let url = url.ok_or_else(|| {
            Error::usage(
                "no database named: give --database-url or set INVENTORY_DATABASE_URL (or DATABASE_URL); \
                 after `make up`, its value stands in .local/env",
            )
        })?;
        Database::new(&url, Duration::from_secs(self.connect_timeout))
    }

    pub async fn connect(&self) -> Result<Session> {
        self.database()?.connect().await
    }
}

/// What a writing command may carry beside its own arguments.
#[derive(Args)]
pub struct CallerArgs {
    /// Makes the command safe to repeat: the same id has one effect and one answer
    #[arg(long, value_name = "UUID")]
    request_id: Option<Uuid>,

    /// Who does it, for the audit log (1 to 64 characters)
    #[arg(long, env = "INVENTORY_OPERATOR", value_name = "NAME")]
    operator: Option<String>,

    /// Kept with the movement, to find it again from your own logs (1 to 64 characters)
    #[arg(long, env = "INVENTORY_TRACE_ID", value_name = "ID")]
    trace_id: Option<String>,
}

impl From<CallerArgs> for Caller {
    fn from(args: CallerArgs) -> Caller {
        let CallerArgs { request_id, operator, trace_id } = args;
        Caller { request_id, operator, trace_id }
    }
}
