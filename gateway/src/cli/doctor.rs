//! `inventory doctor`: findings in plain words, each with what to do next. Passwords never show:
//! nothing here prints a URL.

use super::screen::Screen;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::store::{Extension, Role, ServerFacts, Session};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock this far off is worth a word: reservations end by the server's clock.
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
    subject: &'static str,
    state: State,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn ok(subject: &'static str, says: impl Into<String>) -> Finding {
    Finding { subject, state: State::Ok, says: says.into(), next: None }
}

fn note(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { subject, state: State::Note, says: says.into(), next: Some(next.into()) }
}

fn problem(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { subject, state: State::Problem, says: says.into(), next: Some(next.into()) }
}

pub async fn run(settings: &Settings) -> Result<()> {
    let database = settings.database()?;
    let mut session = match database.connect().await {
        Ok(session) => session,
        Err(error) => {
            if settings.json {
                let next = error.hint().unwrap_or_default();
                show(&settings.screen(), &[problem("connection", error.to_string(), next)])?;
            }
            return Err(error);
        }
    };
    let mut findings = vec![ok("connection", format!("reached {}", database.target()))];
    examine(&mut session, &mut findings).await?;
    show(&settings.screen(), &findings)?;
    let problems = findings.iter().filter(|f| f.state == State::Problem).count();
    if problems == 0 { Ok(()) } else { Err(Error::Unwell(problems)) }
}

async fn examine(session: &mut Session, findings: &mut Vec<Finding>) -> Result<()> {
    let asked = now();
    let facts = session.server_facts().await?;
    let answered = now();
    findings.push(version(&facts));
    findings.extend(durability(&facts));
    findings.push(clock(facts.clock, asked, answered));
    findings.push(connections(&facts));
    findings.push(preload(&facts));
    let extension = session.extension().await?;
    findings.push(extension_state(extension.as_ref()));
    findings.push(tables(session, extension.as_ref()).await?);
    findings.extend(rights(&facts, &session.roles().await?));
    findings.extend(open_transactions(session).await?);
    Ok(())
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

fn durability(facts: &ServerFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.fsync == "off" || facts.full_page_writes == "off" {
        findings.push(problem(
            "durability",
            format!(
                "fsync is {}, full_page_writes is {}: a power cut can destroy the database",
                facts.fsync, facts.full_page_writes
            ),
            "Set both to on in postgresql.conf and restart; off is for throw-away servers only.",
        ));
    }
    if facts.synchronous_commit == "off" {
        findings.push(note(
            "durability",
            "synchronous_commit is off: a crash can lose the last answers that were given",
            "Set synchronous_commit = on, unless the last half second may be lost.",
        ));
    }
    if findings.is_empty() {
        let mode = &facts.synchronous_commit;
        findings.push(ok(
            "durability",
            format!("fsync on, synchronous_commit {mode}: what is answered is on disk"),
        ));
    }
    findings
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

fn connections(facts: &ServerFacts) -> Finding {
    let says = format!("{} of {} connections in use", facts.connections, facts.max_connections);
    if facts.connections * 10 > i64::from(facts.max_connections) * 8 {
        note(
            "connections",
            says,
            "Put a pooler such as pgbouncer in front, or raise max_connections.",
        )
    } else {
        ok("connections", says)
    }
}

fn preload(facts: &ServerFacts) -> Finding {
    let subject = "preload";
    match facts.preloaded() {
        None => ok(
            subject,
            "shared_preload_libraries is not visible to this user; nothing needs it yet",
        ),
        Some(true) => ok(subject, "pg_inventory is preloaded"),
        Some(false) => ok(subject, "pg_inventory is not preloaded; nothing needs it yet"),
    }
}

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
        Some(installed) if installed != available => note(
            subject,
            format!("pg_inventory {installed} is in this database, {available} on the server"),
            "Run `inventory init`: it brings the database up to date.",
        ),
        Some(installed) if installed != binary => note(
            subject,
            format!("pg_inventory is {installed}, this command is {binary}"),
            "Use the two from one release.",
        ),
        Some(installed) => ok(subject, format!("pg_inventory {installed}, as this command")),
    }
}

async fn tables(session: &mut Session, extension: Option<&Extension>) -> Result<Finding> {
    let subject = "tables";
    if !extension.is_some_and(|e| e.has_tables) {
        return Ok(problem(subject, "the tables are missing", "Run `inventory init`."));
    }
    Ok(match session.layout().await? {
        Some(l) => ok(
            subject,
            format!("layout {}, {} stock leaves, generation {}", l.layout, l.shards, l.generation),
        ),
        None => ok(subject, "they are there; their layout is not visible to this user"),
    })
}

fn rights(facts: &ServerFacts, roles: &[Role]) -> Vec<Finding> {
    let subject = "rights";
    if roles.len() < 3 {
        let next = "Run `inventory init` as a superuser: the extension makes the roles.";
        return vec![problem(subject, "not all of the three inventory roles exist", next)];
    }
    let held: Vec<&str> = roles.iter().filter(|r| r.held).map(|r| r.role.as_str()).collect();
    if held.is_empty() {
        return vec![problem(
            subject,
            format!("user {:?} is a member of no inventory role", facts.db_user),
            format!("GRANT inventory_operator TO {:?};", facts.db_user),
        )];
    }
    vec![ok(subject, format!("user {:?} may act as {}", facts.db_user, held.join(", ")))]
}

async fn open_transactions(session: &mut Session) -> Result<Vec<Finding>> {
    let subject = "transactions";
    let mut findings: Vec<Finding> = Vec::new();
    for t in session.old_transactions().await? {
        let who = t.db_user.unwrap_or_default();
        let app = t.application_name.unwrap_or_default();
        let state = t.state.unwrap_or_else(|| "in a state this user may not see".to_owned());
        findings.push(note(
            subject,
            format!("process {} ({who}, {app:?}) has a transaction open for {:.0} s, {state}", t.pid, t.seconds),
            format!("What it deducted waits with it. If nobody needs it: SELECT pg_terminate_backend({});", t.pid),
        ));
    }
    for p in session.prepared_transactions().await? {
        findings.push(note(
            subject,
            format!("prepared transaction {:?} is {:.0} s old", p.gid, p.seconds),
            "It keeps its rows locked, even across restarts: COMMIT PREPARED or ROLLBACK PREPARED it.",
        ));
    }
    if findings.is_empty() {
        findings.push(ok(subject, "none is open for more than a minute"));
    }
    Ok(findings)
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
