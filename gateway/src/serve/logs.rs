//! Structured logs: one line a failure, as JSON for programs or as text.

use crate::error::{Error, Result};
use crate::traces::{self, Telling};
use clap::ValueEnum;
use std::io::IsTerminal;
use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// To standard error. `filter` as `info` or `warn,inventory_gateway=debug`. What is traced is told, where
/// somebody collects it, and never logged.
pub fn start(format: LogFormat, filter: &str, telling: Option<&Telling>) -> Result<()> {
    let filter =
        EnvFilter::try_new(filter).map_err(|cause| Error::usage(format!("--log: {cause}")))?;
    let traced = |meta: &Metadata<'_>| meta.target() == traces::TARGET;
    let logged = filter.and(filter_fn(move |meta| !traced(meta)));
    let colours = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(logged).boxed(),
        LogFormat::Text => lines.with_target(false).with_filter(logged).boxed(),
    };
    let told = telling.map(|telling| {
        let spans = tracing_opentelemetry::layer().with_tracer(telling.tracer());
        // Where in the source a span was made is of no use to who collects.
        let spans = spans.with_location(false).with_threads(false).with_tracked_inactivity(false);
        spans.with_filter(filter_fn(traced))
    });
    // Somebody who embeds us may have begun logging already: theirs is as good.
    let _ = tracing_subscriber::registry().with(lines).with(told).try_init();
    Ok(())
}
