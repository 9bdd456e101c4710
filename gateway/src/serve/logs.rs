//! Structured logs: one line a failure, as JSON for programs or as text.

use crate::error::{Error, Result};
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// To standard error. `filter` as `info` or `warn,inventory_gateway=debug`.
pub fn start(format: LogFormat, filter: &str) -> Result<()> {
    let filter =
        EnvFilter::try_new(filter).map_err(|cause| Error::usage(format!("--log: {cause}")))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
    // Somebody who embeds us may have begun logging already: theirs is as good.
    let _ = started;
    Ok(())
}
