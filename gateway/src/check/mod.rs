//! Every copy of the stock compared with what the database knows: the database with itself, Redis, the
//! journals of gateways. What is safe is set right at once, the rest waits in tickets for somebody's word.
//!
//! Nothing here stops anybody: what is in flight is no finding. The database is looked at under one
//! snapshot; where two stores are compared, only what a second look finds again is one.

mod database;
mod journals;
mod redis;
pub mod shadow;
mod tickets;

pub use tickets::open_tickets;

use crate::deduct::door::Door;
use crate::error::Result;
use crate::replay::Progress;
use crate::store::Session;
use serde::Serialize;
use std::path::PathBuf;

/// What is compared besides the database itself.
#[derive(Default)]
pub struct Copies<'c> {
    pub door: Option<&'c Door>,
    /// Data directories of gateways.
    pub journals: &'c [PathBuf],
}

/// The parts of the whole; each has its tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Database,
    Redis,
    Ledger,
    Shadow,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Database => "database",
            Scope::Redis => "redis",
            Scope::Ledger => "ledger",
            Scope::Shadow => "shadow",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check_name: String,
    pub subject: String,
    pub expected: String,
    pub actual: String,
    /// Absent where none could be written: on a standby, or by a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_id: Option<i64>,
    /// Of the ticket; `DONE` is what was set right just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// In the source of a shadow: confirm that one, and the source becomes what the shadow is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ticket_id: Option<i64>,
    /// What Redis has to forget.
    #[serde(skip)]
    key: Option<String>,
}

impl Finding {
    fn new(
        kind: &str,
        subject: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Finding {
        Finding {
            check_name: kind.to_owned(),
            subject: subject.into(),
            expected: expected.into(),
            actual: actual.into(),
            ticket_id: None,
            state: None,
            source_ticket_id: None,
            key: None,
        }
    }

    pub fn is_settled(&self) -> bool {
        self.state.as_deref() == Some("DONE")
    }

    /// Two looks that find the same find the same name.
    fn name(&self) -> (&str, &str) {
        (&self.check_name, &self.subject)
    }
}

/// What a look at everything came to.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub compared: Vec<String>,
    /// What was to be compared, and did not answer.
    pub away: Option<&'static str>,
}

impl Report {
    pub fn unsettled(&self) -> usize {
        self.left().count()
    }

    /// What is not set right.
    pub fn left(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_settled())
    }
}

/// How many parts a look has, for a progress bar.
pub const PARTS: u64 = 4;

/// Looks at everything once, opens and closes tickets, and sets right what is safe.
pub async fn round(
    session: &mut Session,
    copies: &Copies<'_>,
    progress: &dyn Progress,
) -> Result<Report> {
    let mut report = Report::default();
    for (scope, stage) in
        [(Scope::Database, "database"), (Scope::Redis, "Redis"), (Scope::Ledger, "journals")]
    {
        progress.stage(stage);
        look(session, &mut report, scope, copies).await?;
        progress.lines(1);
    }
    progress.stage("repairs");
    tickets::settle(session, &mut report.findings, copies.door).await?;
    progress.lines(1);
    Ok(report)
}

/// Looks at one part. One that cannot be looked at keeps its tickets as they are.
async fn look(
    session: &mut Session,
    report: &mut Report,
    scope: Scope,
    copies: &Copies<'_>,
) -> Result<()> {
    let looked_at = session.clock().await?;
    let found = match scope {
        Scope::Database => Some((database::look(session).await?, "the database".to_owned())),
        Scope::Redis => match copies.door {
            Some(door) => redis::look(session, door).await?,
            None => None,
        },
        Scope::Ledger => journals::look(session, copies.journals).await?,
        // In another database: see `shadow`.
        Scope::Shadow => None,
    };
    let Some((findings, compared)) = found else {
        if scope == Scope::Redis && copies.door.is_some() {
            report.away = Some("Redis");
        }
        return Ok(());
    };
    report.compared.push(compared);
    report.findings.extend(tickets::report(session, scope, looked_at, findings, true).await?);
    Ok(())
}
