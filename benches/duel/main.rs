//! `duel`: the engine beside its opponents, on one private cluster, in turns.

mod error;
mod machine;
mod plan;
mod report;
mod score;
mod server;
mod slice;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use inventory_gateway::cluster::Cluster;

use error::{Error, Result};
use machine::Machine;
use plan::{Duel, Variant};
use report::Report;
use score::{Outcome, Score};
use server::Server;
use slice::{Slice, Span};
use stage::Stage;

/// Measures the engine side by side with frozen opponents and writes a table and a JSON file.
#[derive(Debug, Parser)]
struct Options {
    /// Folder of PostgreSQL's programs (initdb, postgres, psql, pgbench).
    #[arg(long, env = "INVENTORY_BENCH_PG")]
    bin_dir: Option<PathBuf>,
    /// Measure on a running server (HOST:PORT, superuser `postgres`, trusted) in place of a private cluster: for a profiler.
    #[arg(long)]
    attach: Option<String>,
    /// Only the measurements of these names.
    #[arg(long)]
    only: Vec<String>,
    /// Only tables in this condition.
    #[arg(long, value_enum)]
    variant: Vec<Variant>,
    /// Least seconds measured for each side.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Seconds at the start of each slice that do not count: sessions open, plans are made.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=60))]
    warm_up: u32,
    /// Fail when a target is missed.
    #[arg(long)]
    strict: bool,
    /// Where the figures go.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("duel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let duels = chosen(&options.only)?;
    let (server, _cluster) = find_server(options)?;
    let version = server.value("postgres", "SELECT current_setting('server_version')")?;
    let machine = Machine::look()?;
    println!(
        "PostgreSQL {version} · {} · {} cores · sync {} ms",
        machine.cpu, machine.cores, machine.sync_ms
    );

    let results = play_all(&server, &duels, options)?;
    let report = Report { machine, postgresql: version, results };
    report.write(&options.out)?;
    println!("{}\nFigures in {}", report.table(), options.out.display());
    let missed = report.missed();
    if options.strict && !missed.is_empty() {
        return Err(Error::TargetsMissed(missed.join(", ")));
    }
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<Duel>> {
    let mut duels = plan::duels();
    if let Some(unknown) = only.iter().find(|name| duels.iter().all(|duel| duel.name != **name)) {
        return Err(Error::NoSuchDuel(unknown.clone()));
    }
    if !only.is_empty() {
        duels.retain(|duel| only.iter().any(|name| name == duel.name));
    }
    Ok(duels)
}

/// How the asked seconds are cut: a slice of a side, then of the next, so that a drift of the machine hits all.
struct Cut {
    span: Span,
    rounds: u32,
}

impl Cut {
    fn of(options: &Options) -> Cut {
        let measured_seconds = options.seconds.div_ceil(5);
        let rounds = options.seconds.div_ceil(measured_seconds).max(2);
        Cut { span: Span { warm_up_seconds: options.warm_up, measured_seconds }, rounds }
    }
}

fn play_all(server: &Server, duels: &[Duel], options: &Options) -> Result<Vec<Outcome>> {
    let variants = match options.variant.as_slice() {
        [] => &[Variant::Fresh, Variant::NeverAnalyzed, Variant::Bloated],
        some => some,
    };
    let cut = Cut::of(options);
    let slices: usize =
        duels.iter().map(|duel| 1 + duel.against.len()).sum::<usize>() * cut.rounds as usize;
    let bar = ProgressBar::new((slices * variants.len()) as u64);
    bar.set_style(
        ProgressStyle::with_template(
            "{bar:32} {pos}/{len} slices, {elapsed} of about {duration}  {msg}",
        )
        .map_err(std::io::Error::other)?,
    );
    let mut outcomes = Vec::new();
    for duel in duels {
        for variant in variants {
            outcomes.extend(play(server, duel, *variant, &cut, &bar)?);
        }
    }
    bar.finish_and_clear();
    Ok(outcomes)
}

fn play(
    server: &Server,
    duel: &Duel,
    variant: Variant,
    cut: &Cut,
    bar: &ProgressBar,
) -> Result<Vec<Outcome>> {
    bar.set_message(format!("{} {}: stocking up", duel.name, variant.name()));
    bar.tick();
    let stage = Stage::set(server, duel, variant)?;
    let sides = duel.sides();
    let mut slices: Vec<Vec<Slice>> = sides.iter().map(|_| Vec::new()).collect();
    for round in 0..cut.rounds {
        // There and back again: a machine that grows steadily slower or faster favours nobody.
        let mut order: Vec<usize> = (0..sides.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            bar.set_message(format!("{} {}: {}", duel.name, variant.name(), sides[index].name));
            slices[index].push(slice::play(server, &stage.database, sides[index], cut.span)?);
            bar.inc(1);
        }
    }
    stage.verify()?;
    stage.strike()?;
    let scores = sides
        .iter()
        .zip(&slices)
        .map(|(side, slices)| Score::sum(side, slices, cut.span.measured_seconds));
    let mut scores: Vec<Score> = scores.collect();
    let theirs = scores.split_off(1);
    Ok(Outcome::compare(duel, variant, &scores[0], theirs))
}

/// The server to measure on, with the private cluster that holds it up unless it was running before.
fn find_server(options: &Options) -> Result<(Server, Option<Cluster>)> {
    let bin_dir = options.bin_dir.as_deref().ok_or(Error::NoBinDir)?;
    if let Some(address) = &options.attach {
        let parts =
            address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = parts.ok_or_else(|| Error::Address(address.clone()))?;
        return Ok((Server::new(bin_dir, host, port, None)?, None));
    }
    let cluster = Cluster::builder(bin_dir).start()?;
    trust_the_caller(&cluster)?;
    let server = Server::new(bin_dir, cluster.host(), cluster.port(), Some(cluster.password()))?;
    Ok((server, Some(cluster)))
}

/// Proving 128 passwords (SCRAM is slow on purpose) would use up a slice's warm-up.
fn trust_the_caller(cluster: &Cluster) -> Result<()> {
    let path = cluster.data_dir().join("pg_hba.conf");
    let rules = std::fs::read_to_string(&path)?;
    std::fs::write(&path, format!("host all {} 127.0.0.1/32 trust\n{rules}", stage::CALLER))?;
    Ok(cluster.sql("SELECT pg_reload_conf()").map(drop)?)
}
