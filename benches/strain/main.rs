//! `strain`: the engine under what a long life brings: many holds, large tables, a change of layout,
//! neighbours that hammer or dawdle. One private cluster, a database a measurement.

mod cold;
mod fill;
mod gateway;
mod goods;
mod holds;
mod idle;
mod outcome;
mod prune;
mod relay;
mod reshard;
mod scale;
mod site;
mod snapshot;
mod sweep;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use inventory_benches::report::Report;
use inventory_benches::venue::Venue;
use inventory_benches::{Error, Progress, Result};

use outcome::Outcome;
use site::Site;

/// Measures what the engine promises under strain, and writes a table and a JSON file.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    venue: Venue,
    /// Only the measurements of these names.
    #[arg(long)]
    only: Vec<String>,
    /// Seconds measured for each side.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    seconds: u32,
    /// Seconds before that do not count: sessions open, plans are made.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=60))]
    warm_up: u32,
    /// The full lengths: a snapshot open for five minutes in place of one, stock of 10^7 rows, ten minutes of
    /// requests in place of two.
    #[arg(long)]
    full: bool,
    /// The part of the promised rows to measure on, for a look while developing.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// Fail when a target is missed.
    #[arg(long)]
    strict: bool,
    /// Where the figures go.
    #[arg(long, default_value = "target/strain.json")]
    out: PathBuf,
}

type Measurement = fn(&Site) -> Result<Outcome>;

const MEASUREMENTS: &[(&str, Measurement)] = &[
    (holds::NAME, holds::measure),
    (sweep::NAME, sweep::measure),
    (prune::NAME, prune::measure),
    (relay::NAME, relay::measure),
    (gateway::NAME, gateway::measure),
    (reshard::NAME, reshard::measure),
    (cold::NAME, cold::measure),
    (idle::NAME, idle::measure),
    (snapshot::NAME, snapshot::measure),
    (scale::NAME, scale::measure),
];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("strain: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let chosen = chosen(&options.only)?;
    let (server, _cluster) = options.venue.open()?;
    let mut report = Report::begin(&server)?;
    let bar = Progress::new("")?;
    let site = Site { server: &server, bar: &bar, options };
    for (name, measure) in chosen {
        // What one cannot measure keeps nobody from the next: together they take long.
        match measure(&site) {
            Ok(outcome) => report.results.push(outcome),
            Err(error) => report.failures.push(format!("{name} ({error})")),
        }
        server.set("pg_inventory.upkeep", None)?;
        report.write(&options.out)?;
    }
    bar.done();
    println!("{}\n{}", table::sides(&report.results), table::checks(&report.results));
    println!("Figures in {}", options.out.display());
    report.conclude(options.strict)
}

fn chosen(only: &[String]) -> Result<Vec<(&'static str, Measurement)>> {
    let known = |name: &String| MEASUREMENTS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        return Err(Error::NoSuchMeasurement(unknown.clone()));
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|asked| asked == name);
    Ok(MEASUREMENTS.iter().copied().filter(|(name, _)| wanted(name)).collect())
}
