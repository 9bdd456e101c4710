//! Settings every command shares.

use super::screen::Screen;
use super::service::Service;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::store::{Caller, Database, Session};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
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

    /// Gateway to work through instead: http://host:port; only commands about stock and master data can
    #[arg(long, global = true, help_heading = HEADING, env = "INVENTORY_URL", value_name = "URL")]
    pub url: Option<String>,

    /// Key for that gateway
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "INVENTORY_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_key: Option<String>,

    /// Seconds to wait for a connection, or for a gateway's answer
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

    /// Which of the two ways was named on the command line; that one counts where both are named.
    pub fn note_sources(&mut self, matches: &ArgMatches) -> Result<()> {
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        match (typed("url"), typed("database_url")) {
            (true, true) => {
                Err(Error::usage("give --url or --database-url, not both: which is meant?"))
            }
            (false, true) => {
                self.url = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where commands about stock are carried out: by the gateway if one is named, else on the database.
    pub async fn service(&self) -> Result<Service> {
        match self.gateway()? {
            Some(client) => Ok(Service::Gateway(Box::new(client))),
            None => self.connect().await.map(Service::Database),
        }
    }

    /// The gateway that is named, if one is.
    pub fn gateway(&self) -> Result<Option<Client>> {
        let named = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let Some(url) = named(&self.url) else { return Ok(None) };
        let timeout = Duration::from_secs(self.connect_timeout);
        Client::new(&url, named(&self.api_key).as_deref(), timeout).map(Some)
    }

    pub fn names_a_database(&self) -> bool {
        self.database_url().is_some()
    }

    fn database_url(&self) -> Option<String> {
        let named = self.database_url.clone().filter(|url| !url.is_empty());
        named.or_else(|| std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()))
    }

    pub fn database(&self) -> Result<Database> {
        let url = self.database_url().ok_or_else(|| {
            Error::usage(
                "no database named (and this command needs one, or for stock a gateway by --url): \
                 give --database-url or set INVENTORY_DATABASE_URL (or DATABASE_URL); \
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
