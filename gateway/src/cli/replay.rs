//! `inventory replay FILE`

use super::progress::Bar;
use super::screen::{Screen, grouped, text};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::replay::{self, History, LINES_PER_CALL, Movement, RefusedItem, Summary, Window};
use crate::retail::{Movements, Survey};
use crate::store::{Session, Violation};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// Windows read ahead while the server works on one.
pub const READ_AHEAD: usize = 2;

#[derive(Args)]
#[command(after_help = "\
The file needs the columns Invoice, StockCode, Description and Quantity. An invoice is one order of \
its positive lines, all or nothing; negative lines of an invoice that begins with C come back as \
returns, other negative lines are written off. It is safe to run again: a replay that is complete \
changes nothing, one that was interrupted goes on where it stopped.

Examples:
  inventory replay online_retail.csv.gz --opening 1000000
  inventory --json replay online_retail.csv | jq .orders_refused")]
pub struct ReplayArgs {
    /// Invoice lines as CSV, plain or gzip
    file: PathBuf,

    /// Receive so many units of every stock code first
    #[arg(
        long,
        env = "INVENTORY_OPENING",
        value_name = "UNITS",
        value_parser = clap::value_parser!(i64).range(1..=1_000_000_000_000)
    )]
    opening: Option<i64>,

    /// Lines sent in one transaction
    #[arg(
        long,
        env = "INVENTORY_BATCH_LINES",
        default_value_t = LINES_PER_CALL as u64,
        value_name = "LINES",
        value_parser = clap::value_parser!(u64).range(1..=LINES_PER_CALL as u64)
    )]
    batch_lines: u64,
}

/// The summary as programs get it.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    file_id: String,
    #[serde(flatten)]
    summary: &'a Summary,
    verify_seconds: f64,
    violations: &'a [Violation],
}

pub async fn run(settings: &Settings, args: ReplayArgs) -> Result<()> {
    let screen = settings.screen();
    let started = Instant::now();
    let mut session = settings.connect().await?;
    let survey = Arc::new(read_survey(args.file.clone()).await?);
    let bar = Bar::new(survey.lines, screen.is_json());
    let summary = replay_file(&mut session, &survey, &args, &bar).await;
    bar.finish();
    let mut summary = summary.map_err(|error| with_advice(error, &screen))?;
    summary.finish(started.elapsed());

    let verifying = Instant::now();
    let violations = session.verify().await?;
    let report = Report {
        file: args.file.display().to_string(),
        file_id: survey.identity.file().to_string(),
        summary: &summary,
        verify_seconds: verifying.elapsed().as_secs_f64(),
        violations: &violations,
    };
    show(&screen, &report)?;
    if violations.is_empty() { Ok(()) } else { Err(Error::Unsound(violations.len())) }
}

async fn read_survey(file: PathBuf) -> Result<Survey> {
    tokio::task::spawn_blocking(move || Survey::of(&file))
        .await
        .map_err(|cause| Error::Answer(cause.to_string()))?
}

async fn replay_file(
    session: &mut Session,
    survey: &Arc<Survey>,
    args: &ReplayArgs,
    bar: &Bar,
) -> Result<Summary> {
    let plan = survey.plan(args.opening);
    let history =
        History::read(session, survey.identity.file(), &survey.places(), &plan.openings).await?;
    history.check_openings(&plan.openings, args.opening)?;
    let mut summary = Summary { lines: survey.lines, ..Summary::default() };
    let pace = replay::open(session, &plan, &history, &mut summary, bar).await?;
    drop(plan);

    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let (source, batch_lines) = (survey.clone(), args.batch_lines as usize);
    let reader = tokio::task::spawn_blocking(move || read_ahead(&source, batch_lines, &sender));
    replay::replay(session, receiver, &history, pace, &mut summary, bar).await?;
    reader.await.map_err(|cause| Error::Answer(cause.to_string()))??;
    Ok(summary)
}

/// Reads on while the server works; stops when nobody listens any more.
fn read_ahead(
    survey: &Survey,
    batch_lines: usize,
    windows: &mpsc::Sender<Vec<Movement>>,
) -> Result<()> {
    let mut window = Window::new(batch_lines);
    for movement in Movements::of(survey)? {
        if let Some(full) = window.push(movement?)
            && windows.blocking_send(full).is_err()
        {
            return Ok(());
        }
    }
    let _ = windows.blocking_send(window.take());
    Ok(())
}

fn with_advice(error: Error, screen: &Screen) -> Error {
    if error.exit_code() == 3 && !screen.is_json() {
        eprintln!(
            "the replay was interrupted; run the same command again and it goes on where it stopped"
        );
    }
    error
}

fn show(screen: &Screen, report: &Report<'_>) -> Result<()> {
    if screen.is_json() {
        return screen.json(report);
    }
    let s = report.summary;
    screen.say(&in_words(s))?;
    if !s.refusals.is_empty() {
        screen.say("\nThe first refusals:")?;
        screen.table(&s.refusals, REFUSAL_COLUMNS)?;
    }
    screen.say(&format!("\n{}", verdict(report)))?;
    if !report.violations.is_empty() {
        super::check::show(screen, report.violations)?;
    }
    if s.changes == 0 {
        screen.say("This file was replayed before: nothing was changed.")?;
    }
    Ok(())
}

pub const REFUSAL_COLUMNS: &[super::screen::Column<RefusedItem>] = &[
    text("what", |r| r.kind.to_owned()),
    text("name", |r| r.name.clone()),
    text("code", |r| r.code.clone()),
    text("detail", |r| r.detail.clone()),
];

fn verdict(report: &Report<'_>) -> String {
    match report.violations.len() {
        0 => format!("verify(): sound, in {:.1} s", report.verify_seconds),
        n => format!("verify(): {n} violations"),
    }
}

/// The numbers, one kind a line.
pub fn in_words(s: &Summary) -> String {
    let line = |what: &str, accepted: u64, refused: u64, units: i64| {
        let (accepted, refused) = (grouped(accepted as i64), grouped(refused as i64));
        format!(
            "{what:<12}{accepted:>10} accepted {refused:>8} refused {:>12} units",
            grouped(units)
        )
    };
    let mut lines = vec![
        line("orders", s.orders_accepted, s.orders_refused, s.units_sold),
        line("returns", s.returns_accepted, s.returns_refused, s.units_returned),
        line("write-offs", s.write_offs_accepted, s.write_offs_refused, s.units_written_off),
    ];
    if s.replayed > 0 || s.refused_before > 0 {
        lines.push(format!(
            "of these an earlier run had done {} (opening stock included), and refused {}",
            grouped(s.replayed as i64),
            grouped(s.refused_before as i64)
        ));
    }
    if let (Some(first), Some(last)) = (&s.first_order_no, &s.last_order_no) {
        lines.push(format!("order numbers {first} to {last}"));
    }
    lines.push(format!(
        "{} lines in {:.1} s: {} lines a second",
        grouped(s.lines as i64),
        s.seconds,
        grouped(s.lines_per_second as i64)
    ));
    lines.join("\n")
}
