//! `inventory serve`: the REST gateway.

use super::private::{self, Furnished};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::http::docs;
use crate::serve::lifecycle::Listening;
use crate::serve::{self, ServeSettings};
use crate::store::Database;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
#[command(after_help = "\
Works as two database users: --database-url for stock, needing inventory_operator, and
--admin-database-url for products, warehouses and keys, needing inventory_admin. With --embedded or
--ephemeral it brings its own PostgreSQL and makes both by itself.

Examples:
  inventory serve --database-url postgresql://shop@localhost/shop --listen 0.0.0.0:8080
  inventory serve --embedded --data-dir /var/lib/inventory --pg-bin /usr/lib/postgresql/18/bin
  inventory serve --ephemeral --pg-bin /usr/lib/postgresql/18/bin")]
pub struct ServeArgs {
    #[command(flatten)]
    settings: ServeSettings,

    /// Run a private PostgreSQL as well, kept in --data-dir and stopped with the service
    #[arg(long, env = "INVENTORY_EMBEDDED", conflicts_with = "ephemeral")]
    embedded: bool,

    /// Run a private PostgreSQL with the sample shop, in a temporary folder: nothing stays
    #[arg(long, env = "INVENTORY_EPHEMERAL")]
    ephemeral: bool,

    /// Folder of the private PostgreSQL: data, log, passwords, and the first admin key in `api_key`
    #[arg(long, env = "INVENTORY_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Folder with postgres, initdb and psql, of a PostgreSQL that has the extension's files
    #[arg(long, env = "INVENTORY_PG_BIN", value_name = "DIR")]
    pg_bin: Option<PathBuf>,
}

pub async fn run(settings: &Settings, args: ServeArgs) -> Result<()> {
    if args.embedded || args.ephemeral {
        return with_postgres(settings, args).await;
    }
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

/// What a service with its own PostgreSQL says once it listens.
#[derive(Serialize)]
struct Started<'s> {
    #[serde(flatten)]
    listening: &'s Listening,
    /// Shown where it is kept nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_file: Option<PathBuf>,
}

async fn with_postgres(settings: &Settings, args: ServeArgs) -> Result<()> {
    let (screen, patience) = (settings.screen(), Duration::from_secs(settings.connect_timeout));
    let cluster = private::start(builder(&args)?).await?;
    let furnished = private::furnish(&cluster, patience, args.ephemeral, &screen).await?;
    let Furnished { operator_url, administrator_url, api_key } = furnished;
    let operating = Database::new(&operator_url, patience)?;
    let administering = Database::new(&administrator_url, patience)?;
    let key_file = (!args.ephemeral).then(|| private::key_file(cluster.home()));
    let served = serve::run(args.settings, &operating, &administering, |listening| {
        let text = match &key_file {
            Some(file) => {
                format!("listening on {}; an admin key is in {}", listening.url, file.display())
            }
            None => {
                format!("listening on {}\nadmin key, shown this once: {api_key}", listening.url)
            }
        };
        let key = key_file.is_none().then_some(api_key.as_str());
        screen.answer(&Started { listening, api_key: key, api_key_file: key_file.clone() }, &text)
    })
    .await;
    private::end(cluster).await?;
    served
}

fn builder(args: &ServeArgs) -> Result<crate::cluster::Builder> {
    let needs = |flag, what| move || Error::usage(format!("--{flag} needs {what}"));
    let flag = if args.ephemeral { "ephemeral" } else { "embedded" };
    let pg_bin = args.pg_bin.as_deref();
    let pg_bin = pg_bin.ok_or_else(needs(flag, "--pg-bin, the folder with postgres and initdb"))?;
    let builder = private::builder(pg_bin);
    if args.ephemeral {
        return Ok(builder);
    }
    let folder = args.data_dir.as_deref();
    let folder = folder.ok_or_else(needs(flag, "--data-dir, the folder to keep everything in"))?;
    Ok(builder.at(folder).attended())
}

pub fn openapi(settings: &Settings) -> Result<()> {
    settings.screen().json(&docs::document())
}
