//! `duel`: the engine beside its opponents, on one private cluster, in turns.

mod plan;
mod score;
mod services;
mod slice;
mod stage;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use inventory_benches::report::Report;
use inventory_benches::venue::Venue;
use inventory_benches::{Error, Progress, Result, Server};

use plan::{Duel, Variant};
use score::{Outcome, Score};
use slice::{Slice, Span};
use stage::Stage;

/// Measures the engine side by side with frozen opponents and writes a table and a JSON file.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    venue: Venue,
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
    let (server, _cluster) = options.venue.open()?;
    let mut report = Report::begin(&server)?;
    report.results = play_all(&server, &duels, options)?;
    report.write(&options.out)?;
    println!("{}\nFigures in {}", table::table(&report.results), options.out.display());
    report.conclude(options.strict)
}

fn chosen(only: &[String]) -> Result<Vec<Duel>> {
    let mut duels = plan::duels();
    if let Some(unknown) = only.iter().find(|name| duels.iter().all(|duel| duel.name != **name)) {
        return Err(Error::NoSuchMeasurement(unknown.clone()));
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
    let bar = Progress::new("slices")?;
    bar.lengthen((slices * variants.len()) as u64);
    let mut outcomes = Vec::new();
    for duel in duels {
        for variant in variants {
            outcomes.extend(play(server, duel, *variant, &cut, &bar)?);
        }
    }
    bar.done();
    Ok(outcomes)
}

fn play(
    server: &Server,
    duel: &Duel,
    variant: Variant,
    cut: &Cut,
    bar: &Progress,
) -> Result<Vec<Outcome>> {
    bar.say(format!("{} {}: stocking up", duel.name, variant.name()));
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
            bar.say(format!("{} {}: {}", duel.name, variant.name(), sides[index].name));
            slices[index].push(slice::play(&stage, sides[index], cut.span)?);
            bar.inc(1);
        }
    }
    stage.strike()?;
    let scores = sides
        .iter()
        .zip(&slices)
        .map(|(side, slices)| Score::sum(side, slices, cut.span.measured_seconds));
    let mut scores: Vec<Score> = scores.collect();
    let theirs = scores.split_off(1);
    Ok(Outcome::compare(duel, variant, &scores[0], theirs))
}
