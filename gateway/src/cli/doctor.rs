//! `inventory doctor`: what the database's own doctor() says, after what only a client can know:
//! connection, server, clock, whether the extension is there, who the user is. Passwords never show:
//! nothing here prints a URL.

use super::screen::Screen;
use super::settings::Settings;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::store::{Diagnosis, Extension, ServerFacts, Session};
use clap::Command;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock this far off is worth a word: holds end by the server's clock.
const CLOCK_TOLERANCE_S: f64 = 2.0;
/// The oldest PostgreSQL that is supported, and the newest that is tested.
const OLDEST: i32 = 15;
const NEWEST: i32 = 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Note,
    Problem,
}

#[derive(Clone, Debug, Serialize)]
struct Finding {
    subject: String,
    state: State,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn ok(subject: &'static str, says: impl Into<String>) -> Finding {
    Finding { subject: subject.into(), state: State::Ok, says: says.into(), next: None }
}

fn note(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        subject: subject.into(),
        state: State::Note,
        says: says.into(),
        next: Some(next.into()),
    }
}

fn problem(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        subject: subject.into(),
        state: State::Problem,
        says: says.into(),
        next: Some(next.into()),
    }
}

/// `serve` is the command of that name, for the settings it would run with.
pub async fn run(settings: &Settings, serve: &Command) -> Result<()> {
    let mut findings = Vec::new();
    let gateway = settings.gateway()?;
    if gateway.is_none() || settings.names_a_database() {
        match settings.database()?.connect().await {
            Ok(mut session) => {
                let target = settings.database()?.target();
                findings.push(ok("connection", format!("reached {target}")));
                examine(&mut session, &mut findings).await?;
            }
            Err(error) => {
                if settings.json {
                    let next = error.hint().unwrap_or_default();
                    show(&settings.screen(), &[problem("connection", error.to_string(), next)])?;
                }
                return Err(error);
            }
        }
    }
    if let Some(gateway) = gateway {
        findings.push(examine_gateway(&gateway).await);
    }
    show(&settings.screen(), &findings)?;
    super::configuration::show(&settings.screen(), serve)?;
    let problems = findings.iter().filter(|f| f.state == State::Problem).count();
    if problems == 0 { Ok(()) } else { Err(Error::Unwell(problems)) }
}

async fn examine_gateway(gateway: &Client) -> Finding {
    let target = gateway.target();
    let version = match gateway.version().await {
        Ok(version) => version,
        Err(error) => {
            return problem("gateway", error.to_string(), error.hint().unwrap_or_default());
        }
    };
    let says = format!("reached {target}, version {version}");
    if let Err(error) = gateway.ready().await {
        let next = "Look at its log: it says why it takes no work.";
        return problem("gateway", format!("{says}; it is not ready: {error}"), next);
    }
    match version == env!("CARGO_PKG_VERSION") {
        true => ok("gateway", says),
        false => note(
            "gateway",
            format!("{says}, this command is {}", env!("CARGO_PKG_VERSION")),
            "Use the two from one release.",
        ),
    }
}

async fn examine(session: &mut Session, findings: &mut Vec<Finding>) -> Result<()> {
    let asked = now();
    let facts = session.server_facts().await?;
    let answered = now();
    findings.push(version(&facts));
    findings.push(clock(facts.clock, asked, answered));
    findings.push(user(&facts, &session.roles().await?));
    let extension = session.extension().await?;
    findings.push(extension_state(extension.as_ref()));
    let Some(installed) = extension.and_then(|e| e.installed) else { return Ok(()) };
    match session.doctor().await {
        Ok(diagnoses) => findings.extend(diagnoses.into_iter().map(Finding::from)),
        // Who may not ask was told so; a function that is not there yet, by the code for "not installed".
        Err(Error::Database { sqlstate, .. }) if sqlstate == "42501" => {}
        Err(Error::Refused(_)) => findings.push(problem(
            "doctor",
            format!("pg_inventory {installed}, as this database has it, cannot examine itself yet"),
            "Run `inventory init`: it brings the database up to date.",
        )),
        Err(error) => return Err(error),
    }
    Ok(())
}

impl From<Diagnosis> for Finding {
    fn from(diagnosis: Diagnosis) -> Finding {
        let state = match diagnosis.state.as_str() {
            "ok" => State::Ok,
            "note" => State::Note,
            _ => State::Problem,
        };
        let next = Some(diagnosis.advice).filter(|advice| !advice.is_empty());
        Finding { subject: diagnosis.topic, state, says: diagnosis.finding, next }
    }
}

fn version(facts: &ServerFacts) -> Finding {
    let major = facts.server_version_num / 10_000;
    let says = format!("PostgreSQL {}, database {:?}", facts.server_version, facts.database);
    if facts.standby {
        let next = "Writing commands need the primary: point --database-url at it.";
        return note("server", format!("{says}, a standby"), next);
    }
    match major {
        OLDEST..=NEWEST => ok("server", says),
        _ => problem(
            "server",
            format!("{says}: not a supported version"),
            format!("Use PostgreSQL {OLDEST} to {NEWEST}."),
        ),
    }
}

/// The server's clock was read between two readings of ours.
fn clock(server: f64, asked: f64, answered: f64) -> Finding {
    let difference = if server < asked { server - asked } else { (server - answered).max(0.0) };
    if difference.abs() <= CLOCK_TOLERANCE_S {
        return ok("clock", "server and this machine agree within two seconds");
    }
    let way = if difference > 0.0 { "ahead of" } else { "behind" };
    note(
        "clock",
        format!("the server is {:.1} s {way} this machine", difference.abs()),
        "Order numbers and expiry follow the server's clock: let both machines keep time by NTP.",
    )
}

/// Whether it is there, and as old as this command; what is wrong with it the database says itself.
fn extension_state(extension: Option<&Extension>) -> Finding {
    let subject = "extension";
    let binary = env!("CARGO_PKG_VERSION");
    let Some(extension) = extension else {
        return problem(
            subject,
            "the server does not have the files of pg_inventory",
            "Install the extension into this PostgreSQL, or use the private one of `make up`.",
        );
    };
    let available = extension.available.as_deref().unwrap_or("?");
    match extension.installed.as_deref() {
        None => problem(
            subject,
            format!("pg_inventory {available} is on the server, but not in this database"),
            "Run `inventory init`.",
        ),
        Some(installed) if installed != binary => note(
            subject,
            format!("pg_inventory is {installed}, this command is {binary}"),
            "Use the two from one release.",
        ),
        Some(installed) => ok(subject, format!("pg_inventory {installed}, as this command")),
    }
}

fn user(facts: &ServerFacts, roles: &[String]) -> Finding {
    let name = &facts.db_user;
    if roles.is_empty() {
        return problem(
            "user",
            format!("{name:?} is a member of no inventory role"),
            format!("GRANT inventory_operator TO {name:?}; (or inventory_reader, to look only)"),
        );
    }
    ok("user", format!("{name:?} may act as {}", roles.join(", ")))
}

fn show(screen: &Screen, findings: &[Finding]) -> Result<()> {
    if screen.is_json() {
        return screen.json(&findings);
    }
    for finding in findings {
        let mark = match finding.state {
            State::Ok => "ok     ",
            State::Note => "note   ",
            State::Problem => "PROBLEM",
        };
        screen.say(&format!("{mark}  {:<13} {}", finding.subject, finding.says))?;
        if let Some(next) = &finding.next {
            screen.say(&format!("{:23} -> {next}", ""))?;
        }
    }
    Ok(())
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_between_two_readings_agrees() {
        assert_eq!(clock(100.5, 100.0, 101.0).state, State::Ok);
        assert_eq!(clock(101.9, 100.0, 101.0).state, State::Ok);
        let behind = clock(90.0, 100.0, 101.0);
        assert!(behind.says.contains("10.0 s behind"), "{}", behind.says);
        assert!(clock(111.0, 100.0, 101.0).says.contains("10.0 s ahead of"));
    }
}
