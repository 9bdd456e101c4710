//! Findings, their tickets, and what is compared with other stores.

use super::{Caller, Session, Time, interval, statements as sql};
use crate::error::Result;
use chrono::{DateTime, Utc};
use inventory_core::ticket::TicketState;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// Findings of one part of the whole, a column a Vec.
#[derive(Debug, Default)]
pub struct FindingLines<'f> {
    pub kinds: Vec<&'f str>,
    pub subjects: Vec<&'f str>,
    pub expected: Vec<&'f str>,
    pub found: Vec<&'f str>,
}

/// The ticket of a line.
#[derive(Clone, Debug)]
pub struct ReportedFinding {
    /// From 1.
    pub line: i32,
    pub ticket_id: i64,
    pub state: String,
}

/// How a ticket stands
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TicketStatus {
    /// Nobody has decided yet
    Pending,
    /// To be carried out
    Confirmed,
    /// Carried out
    Done,
    /// Not to be carried out, or found no more before anybody decided
    Rejected,
}

impl TicketStatus {
    /// As the view `repair_tickets` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            TicketStatus::Pending => TicketState::Pending,
            TicketStatus::Confirmed => TicketState::Confirmed,
            TicketStatus::Done => TicketState::Done,
            TicketStatus::Rejected => TicketState::Rejected,
        }
        .as_str()
    }
}

/// What a check found, from then to its end
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepairTicket {
    pub ticket_id: i64,
    /// What was compared: `database`, `redis`, `ledger` or `shadow`
    pub scope: String,
    /// Which check found it
    pub kind: String,
    pub subject: String,
    pub expected: String,
    pub found: String,
    /// `PENDING`, `CONFIRMED`, `DONE` or `REJECTED`
    pub state: String,
    /// What lies on the shelf, where somebody counted
    pub counted: Option<i64>,
    pub opened_at: DateTime<Utc>,
    pub decided_by: Option<String>,
    /// Why it was rejected, or not carried out
    pub note: Option<String>,
}

/// What carrying out a ticket came to.
#[derive(Clone, Copy, Debug)]
pub struct TicketRan {
    /// Else what it is about has changed, and it waits to be confirmed anew.
    pub is_done: bool,
    /// It was done before.
    pub replayed: bool,
}

/// A lease whose time has been over for a while.
#[derive(Clone, Debug)]
pub struct OverdueLease {
    pub lease_id: Uuid,
    pub sku: String,
    pub warehouse_id: i32,
    pub holder: String,
    pub rest: i64,
    pub expires_at: Time,
}

/// What a holder may have left of a SKU.
#[derive(Clone, Debug)]
pub struct LeasedUnits {
    pub holder: String,
    pub sku: String,
    pub warehouse_id: i32,
    pub rest: i64,
}

impl Session {
    pub async fn clock(&mut self) -> Result<Time> {
        let row = sqlx::query(sql::CLOCK).fetch_one(&mut self.connection).await?;
        Ok(row.try_get("now")?)
    }

    /// A row a finding that still stands. With `complete`, tickets of that scope that were not reported since
    /// `looked_at` are closed.
    pub async fn report_findings(
        &mut self,
        scope: &str,
        looked_at: Time,
        lines: &FindingLines<'_>,
        complete: bool,
    ) -> Result<Vec<ReportedFinding>> {
        let rows = sqlx::query(sql::REPORT_FINDINGS)
            .bind(scope)
            .bind(looked_at)
            .bind(&lines.kinds)
            .bind(&lines.subjects)
            .bind(&lines.expected)
            .bind(&lines.found)
            .bind(complete)
            .fetch_all(&mut self.connection)
            .await?;
        let reported = |row: &PgRow| {
            Ok(ReportedFinding {
                line: row.try_get("line")?,
                ticket_id: row.try_get("ticket_id")?,
                state: row.try_get("state")?,
            })
        };
        rows.iter().map(reported).collect()
    }

    /// `counted` is what lies on the shelf; without it the journal is right. Gives whether it is a repeat.
    pub async fn confirm_ticket(
        &mut self,
        ticket: i64,
        counted: Option<i64>,
        caller: &Caller,
    ) -> Result<bool> {
        let query = sqlx::query(sql::CONFIRM_TICKET).bind(ticket).bind(counted);
        self.decide(query, caller).await
    }

    /// Gives whether it is a repeat.
    pub async fn reject_ticket(
        &mut self,
        ticket: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<bool> {
        let query = sqlx::query(sql::REJECT_TICKET).bind(ticket).bind(reason);
        self.decide(query, caller).await
    }

    /// Gives whether it is a repeat.
    async fn decide(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
        caller: &Caller,
    ) -> Result<bool> {
        let query = query.bind(caller.request_id).bind(&caller.operator).bind(&caller.trace_id);
        Ok(query.fetch_one(&mut self.connection).await?.try_get("replayed")?)
    }

    pub async fn run_ticket(
        &mut self,
        ticket: i64,
        operator: Option<&str>,
        trace_id: Option<&str>,
    ) -> Result<TicketRan> {
        let query = sqlx::query(sql::RUN_TICKET).bind(ticket).bind(operator).bind(trace_id);
        let row = query.fetch_one(&mut self.connection).await?;
        let state: String = row.try_get("state")?;
        Ok(TicketRan { is_done: state == "DONE", replayed: row.try_get("replayed")? })
    }

    /// Those that are open, behind `after` in the order in which they were opened.
    pub async fn open_tickets(&mut self, after: i64, limit: i64) -> Result<Vec<RepairTicket>> {
        let query = sqlx::query(sql::OPEN_TICKETS).bind(after).bind(limit);
        let rows = query.fetch_all(&mut self.connection).await?;
        rows.iter().map(ticket).collect()
    }

    /// Of all, or of those in `state`, those opened before `before`; the newest first.
    pub async fn tickets(
        &mut self,
        state: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<RepairTicket>> {
        let query = sqlx::query(sql::TICKETS).bind(state).bind(before).bind(limit);
        let rows = query.fetch_all(&mut self.connection).await?;
        rows.iter().map(ticket).collect()
    }

    pub async fn overdue_leases(&mut self, by: Duration, limit: i64) -> Result<Vec<OverdueLease>> {
        let query = sqlx::query(sql::OVERDUE_LEASES).bind(interval(by)).bind(limit);
        let rows = query.fetch_all(&mut self.connection).await?;
        let lease = |row: &PgRow| {
            Ok(OverdueLease {
                lease_id: row.try_get("lease_id")?,
                sku: row.try_get("sku")?,
                warehouse_id: row.try_get("warehouse_id")?,
                holder: row.try_get("holder")?,
                rest: row.try_get("rest")?,
                expires_at: row.try_get("expires_at")?,
            })
        };
        rows.iter().map(lease).collect()
    }

    pub async fn leased_units(&mut self) -> Result<Vec<LeasedUnits>> {
        let rows = sqlx::query(sql::LEASED_UNITS).fetch_all(&mut self.connection).await?;
        let units = |row: &PgRow| {
            Ok(LeasedUnits {
                holder: row.try_get("holder")?,
                sku: row.try_get("sku")?,
                warehouse_id: row.try_get("warehouse_id")?,
                rest: row.try_get("rest")?,
            })
        };
        rows.iter().map(units).collect()
    }

    /// Units that the database was told were sold from each of these leases, as far as it knows them.
    pub async fn sold_of_leases(&mut self, leases: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
        let rows = sqlx::query(sql::LEASES_OF).bind(leases).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok((row.try_get("lease_id")?, row.try_get("sold")?))).collect()
    }
}

fn ticket(row: &PgRow) -> Result<RepairTicket> {
    Ok(RepairTicket {
        ticket_id: row.try_get("ticket_id")?,
        scope: row.try_get("scope")?,
        kind: row.try_get("kind")?,
        subject: row.try_get("subject")?,
        expected: row.try_get("expected")?,
        found: row.try_get("found")?,
        state: row.try_get("state")?,
        counted: row.try_get("counted")?,
        opened_at: row.try_get("opened_at")?,
        decided_by: row.try_get("decided_by")?,
        note: row.try_get("note")?,
    })
}
