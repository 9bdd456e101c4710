//! `inventory check`

use super::progress::Bar;
use super::screen::{Screen, number, text};
use super::settings::Settings;
use crate::check::{self, Copies, Finding, PARTS};
use crate::deduct::door::Door;
use crate::error::{Error, Result};
use crate::store::Violation;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Every invariant is recomputed from the tables; with --redis-url and --journal-dir what Redis counts and
what gateways sold by themselves is compared too. Of what is found there is a ticket, where the database
user may write one. What needs nobody's word is set right at once; the rest waits: see
`inventory repair list`.")]
pub struct CheckArgs {
    /// Redis of the gateways, to compare what it counts: redis://:password@host:port
    #[arg(long, env = "INVENTORY_REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<String>,

    /// Data directory of a gateway, to compare what it sold by itself; may be given several times
    #[arg(long, env = "INVENTORY_JOURNAL_DIR", value_name = "DIR")]
    journal_dir: Vec<PathBuf>,
}

pub async fn run(settings: &Settings, args: CheckArgs) -> Result<()> {
    let screen = settings.screen();
    let url = args.redis_url.as_deref().filter(|url| !url.is_empty());
    let door = url.map(|url| Door::new(url, "")).transpose()?;
    let copies = Copies { door: door.as_ref(), journals: &args.journal_dir };
    let bar = Bar::of("parts", PARTS, settings.json);
    let report = check::round(&settings.database()?, &copies, &bar).await;
    bar.finish();
    let report = report?;
    let compared = report.compared.join(", ");
    if report.findings.is_empty() {
        let sound = format!("sound: every invariant holds (compared: {compared})");
        return screen.answer(&report.findings, &sound);
    }
    findings(&screen, &report.findings)?;
    let open = report.unsettled();
    let settled = report.findings.len() - open;
    screen.say(&format!(
        "compared: {compared}; set right: {settled}; left: {open} (inventory repair list)"
    ))?;
    if open == 0 { Ok(()) } else { Err(Error::Unsound(open)) }
}

fn findings(screen: &Screen, findings: &[Finding]) -> Result<()> {
    screen.list(
        findings,
        &[
            number("ticket", |f: &Finding| {
                f.ticket_id.map(|id| id.to_string()).unwrap_or_default()
            }),
            text("state", |f| f.state.clone().unwrap_or_default()),
            text("check", |f| f.check_name.clone()),
            text("subject", |f| f.subject.clone()),
            text("expected", |f| f.expected.clone()),
            text("actual", |f| f.actual.clone()),
        ],
    )
}

pub fn show(screen: &Screen, violations: &[Violation]) -> Result<()> {
    screen.list(
        violations,
        &[
            text("check", |v: &Violation| v.check_name.clone()),
            text("subject", |v| v.subject.clone()),
            text("expected", |v| v.expected.clone()),
            text("actual", |v| v.actual.clone()),
        ],
    )
}
