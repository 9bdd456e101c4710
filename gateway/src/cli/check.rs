//! `inventory check`

use super::progress::Bar;
use super::screen::{Screen, number, text};
use super::settings::Settings;
use crate::check::{self, Copies, Finding, PARTS};
use crate::deduct::door::Door;
use crate::error::{Error, Result};
use crate::store::{Database, Violation};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

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

    /// Compare a shadow with what it should have by now, instead: postgresql://user@host:port/db
    #[arg(
        long,
        env = "INVENTORY_CHECK_SHADOW",
        hide_env_values = true,
        value_name = "URL",
        conflicts_with_all = ["redis_url", "journal_dir"]
    )]
    shadow: Option<String>,

    /// Of the shadow, only so much of its SKUs: above 0, up to 1
    #[arg(long, env = "INVENTORY_CHECK_SAMPLE", default_value_t = 1.0, requires = "shadow")]
    sample: f64,

    /// Set what the shadow has wrong right at once
    #[arg(long, env = "INVENTORY_CHECK_REPAIR", requires = "shadow")]
    repair: bool,

    /// Data directory of a gateway, to compare what it sold by itself; may be given several times
    #[arg(long, env = "INVENTORY_JOURNAL_DIR", value_name = "DIR")]
    journal_dir: Vec<PathBuf>,
}

pub async fn run(settings: &Settings, args: CheckArgs) -> Result<()> {
    if !(args.sample > 0.0 && args.sample <= 1.0) {
        return Err(Error::usage("--sample must be above 0 and at most 1"));
    }
    let screen = settings.screen();
    let url = args.redis_url.as_deref().filter(|url| !url.is_empty());
    let door = url.map(Door::to_compare).transpose()?;
    let copies = Copies { door: door.as_ref(), journals: &args.journal_dir };
    let report = match args.shadow.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => {
            let patience = Duration::from_secs(settings.connect_timeout);
            let shadow = Database::new(url, patience)?;
            let (mut source, mut shadow) = (settings.connect().await?, shadow.connect().await?);
            check::shadow::round(&mut source, &mut shadow, args.sample, args.repair).await?.report
        }
        None => {
            let bar = Bar::of("parts", PARTS, settings.json);
            let report = check::round(&mut settings.connect().await?, &copies, &bar).await;
            bar.finish();
            report?
        }
    };
    let compared = report.compared.join(", ");
    if let (0, Some(target)) = (report.unsettled(), report.away) {
        let cause = format!("not compared (but {compared}): no answer");
        return Err(Error::Unreachable { target: target.to_owned(), cause });
    }
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
            number("in the source", |f| {
                f.source_ticket_id.map(|id| id.to_string()).unwrap_or_default()
            }),
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
