//! `inventory cluster`: the private PostgreSQL behind `make up` and `make down`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::private::{self, DATABASE, told};
use super::screen::Screen;
use super::secrets;
use super::settings::Settings;
use crate::cluster::{Kept, Shutdown};
use crate::error::Result;

#[derive(Args)]
pub struct ClusterArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a private PostgreSQL with the extension and its tables, made where they are missing; safe
    /// to run again
    Up(UpArgs),
    /// Stop it; its data stays
    Down(Place),
    /// Say whether it runs, and where
    Status(Place),
}

#[derive(Args)]
struct Place {
    /// Folder of the cluster: data, log and password
    #[arg(long, env = "INVENTORY_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
}

#[derive(Args)]
struct UpArgs {
    #[command(flatten)]
    place: Place,

    /// Folder with postgres, initdb and psql
    #[arg(long, env = "INVENTORY_PG_BIN", value_name = "DIR")]
    pg_bin: PathBuf,

    /// Port on 127.0.0.1 (without it, the one used before or a free one)
    #[arg(long, env = "INVENTORY_PGPORT", value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// File to write the addresses to, as NAME=value lines
    #[arg(long, env = "INVENTORY_ENV_FILE", value_name = "FILE")]
    env_file: Option<PathBuf>,

    /// File to write what `inventory serve` needs to, as NAME=value lines
    #[arg(long, env = "INVENTORY_SERVE_FILE", value_name = "FILE")]
    serve_file: Option<PathBuf>,

    /// Redis to name in both
    #[arg(long, env = "INVENTORY_REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<String>,
}

/// What programs get; the address of a server that is down is not known.
#[derive(Serialize)]
struct State {
    running: bool,
    pid: Option<i32>,
    port: Option<u16>,
    database_url: Option<String>,
}

const DOWN: State = State { running: false, pid: None, port: None, database_url: None };

pub async fn run(settings: &Settings, args: ClusterArgs) -> Result<()> {
    let (state, sentence) = match args.action {
        Action::Up(args) => up(settings, &args).await?,
        Action::Down(place) => down(&place.data_dir)?,
        Action::Status(place) => status(&place.data_dir)?,
    };
    settings.screen().answer(&state, &sentence)
}

async fn up(settings: &Settings, args: &UpArgs) -> Result<(State, String)> {
    let home = &args.place.data_dir;
    let verb = if Kept::running(home).is_some() { "runs" } else { "started" };
    let mut builder = private::builder(&args.pg_bin).at(home);
    if let Some(port) = args.port {
        builder = builder.port(port);
    }
    let cluster = private::start(builder).await?;
    let (port, pid) = (cluster.port(), cluster.pid());
    let patience = Duration::from_secs(settings.connect_timeout);
    let furnished = private::furnish(&cluster, patience, false, &Screen::silent()).await?;
    let redis_url = args.redis_url.as_deref().unwrap_or_default();
    if let Some(path) = &args.env_file {
        write_env_file(path, &cluster.url(), &furnished.api_key, redis_url)?;
    }
    if let Some(path) = &args.serve_file {
        let text = format!(
            "INVENTORY_DATABASE_URL={}\nINVENTORY_ADMIN_DATABASE_URL={}\nINVENTORY_REDIS_URL={redis_url}\n",
            furnished.operator_url, furnished.administrator_url
        );
        secrets::write(path, &text)?;
    }
    let state = State { running: true, pid, port: Some(port), database_url: Some(cluster.url()) };
    Ok((state, format!("PostgreSQL {verb} on 127.0.0.1:{port}, database {DATABASE}")))
}

fn down(home: &Path) -> Result<(State, String)> {
    let Some(kept) = Kept::running(home) else {
        return Ok((DOWN, "PostgreSQL is not running".to_owned()));
    };
    kept.stop(Shutdown::Fast).map_err(told)?;
    Ok((DOWN, "PostgreSQL stopped; its data stays".to_owned()))
}

fn status(home: &Path) -> Result<(State, String)> {
    let Some(kept) = Kept::running(home) else {
        return Ok((DOWN, "PostgreSQL is not running".to_owned()));
    };
    let (pid, port) = (kept.pid(), kept.port());
    let database_url = Some(kept.url(DATABASE).map_err(told)?);
    let sentence =
        format!("PostgreSQL runs on 127.0.0.1:{}, process {pid}", port.unwrap_or_default());
    Ok((State { running: true, pid: Some(pid), port, database_url }, sentence))
}

/// Empty values stand for parts of the stack that do not run.
fn write_env_file(path: &Path, database_url: &str, api_key: &str, redis_url: &str) -> Result<()> {
    let text = format!(
        "DATABASE_URL={database_url}\nREDIS_URL={redis_url}\nGATEWAY_URL=\nINVENTORY_API_KEY={api_key}\n"
    );
    secrets::write(path, &text)
}
