//! Sagas: begun, taken up, gone on with, looked at, tried again.

use super::{Caller, Session, Time, interval, statements as sql};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use inventory_core::refusal::Code;
use inventory_core::saga::{Definition, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::time::Duration;
use uuid::Uuid;

/// A saga that was begun, or tried again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SagaMoved {
    pub saga_id: Uuid,
    pub state: String,
    pub replayed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Saga {
    pub saga_id: Uuid,
    /// Of its definition
    pub saga: String,
    /// `RUNNING`, `REVERTING`, `NEEDS_ATTENTION`, `COMPLETED` or `REVERTED`
    pub state: String,
    /// Of one that needs attention: why
    pub reason: Option<String>,
    #[schema(value_type = Object)]
    pub input: Value,
    /// When it is gone on with, unless whoever has it does so before
    pub due_at: Option<DateTime<Utc>>,
    pub operator: Option<String>,
    pub trace_id: Option<String>,
    pub created_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
}

/// One call: a step's action or its compensation
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SagaStep {
    /// From 1
    pub step: i32,
    pub name: String,
    /// `engine`, or the name of a service
    pub participant: String,
    /// `action` or `compensation`
    pub direction: String,
    /// What it was asked for; null where nothing undoes a step
    pub call: Option<String>,
    /// `CALLING`, `DONE`, `REFUSED` or `VOID`
    pub state: String,
    /// How often it was asked
    pub asked: i32,
    #[schema(value_type = Option<Object>)]
    pub answer: Option<Value>,
    /// What was last said of why it was not done
    pub detail: Option<String>,
    pub began_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
}

/// A saga with its calls, in the order in which they began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SagaDetail {
    #[serde(flatten)]
    pub saga: Saga,
    pub steps: Vec<SagaStep>,
}

/// Which sagas to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct SagaFilter {
    pub state: Option<String>,
    /// Those with smaller ids.
    pub before: Option<Uuid>,
}

/// A saga to be begun.
#[derive(Clone, Debug)]
pub struct NewSaga {
    pub name: String,
    pub definition: Definition,
    pub input: Value,
}

/// A saga that was taken up, and the fence under which it may be gone on with.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedSaga {
    pub saga_id: Uuid,
    pub fence: i64,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct SagaReport {
    pub step: i32,
    pub direction: String,
    pub outcome: Outcome,
    pub answer: Option<Value>,
    pub detail: Option<String>,
}

/// What to do next about a saga.
#[derive(Clone, Debug)]
pub enum SagaNext {
    /// Make this call, and report.
    Call(SagaCall),
    /// Come again at once.
    Again,
    /// It is over, waits, needs somebody, or is somebody else's by now.
    Rest(String),
}

#[derive(Clone, Debug)]
pub struct SagaCall {
    pub step: i32,
    pub direction: String,
    pub what: Asked,
}

/// What is asked of a participant.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked {
    pub participant: String,
    pub call: String,
    pub timeout_ms: u64,
    /// Of whoever began the saga.
    pub trace_id: Option<String>,
    /// As it is sent.
    pub body: Value,
}

impl Session {
    pub async fn begin_saga(&mut self, new: &NewSaga, caller: &Caller) -> Result<SagaMoved> {
        let definition = serde_json::to_value(&new.definition)
            .map_err(|cause| Error::Answer(cause.to_string()))?;
        let row = sqlx::query(sql::BEGIN_SAGA)
            .bind(&new.name)
            .bind(definition)
            .bind(&new.input)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(SagaMoved {
            saga_id: row.try_get("saga_id")?,
            state: row.try_get("state")?,
            replayed: row.try_get("replayed")?,
        })
    }

    /// For one that needs attention: again, or with `revert` back.
    pub async fn retry_saga(
        &mut self,
        saga_id: Uuid,
        revert: bool,
        caller: &Caller,
    ) -> Result<SagaMoved> {
        let row = sqlx::query(sql::RETRY_SAGA)
            .bind(saga_id)
            .bind(revert)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(SagaMoved { saga_id, state: row.try_get("state")?, replayed: row.try_get("replayed")? })
    }

    /// Those that are due; they are the holder's until `ttl` is over.
    pub async fn claim_sagas(
        &mut self,
        holder: &str,
        ttl: Duration,
        most: i32,
    ) -> Result<Vec<ClaimedSaga>> {
        let rows = sqlx::query(sql::CLAIM_SAGAS)
            .bind(holder)
            .bind(interval(ttl))
            .bind(most)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ClaimedSaga { saga_id: row.try_get("saga_id")?, fence: row.try_get("fence")? })
            })
            .collect()
    }

    /// Tells what came of the call before, and hears of the next. Without `ttl` the saga is put down.
    pub async fn advance_saga(
        &mut self,
        claimed: ClaimedSaga,
        ttl: Option<Duration>,
        report: Option<&SagaReport>,
    ) -> Result<SagaNext> {
        let row = sqlx::query(sql::ADVANCE_SAGA)
            .bind(claimed.saga_id)
            .bind(claimed.fence)
            .bind(ttl.map(interval))
            .bind(report.map(|report| report.step))
            .bind(report.map(|report| &report.direction))
            .bind(report.map(|report| report.outcome.as_str()))
            .bind(report.and_then(|report| report.answer.as_ref()))
            .bind(report.and_then(|report| report.detail.as_ref()))
            .fetch_one(&mut self.connection)
            .await?;
        next(&row)
    }

    /// One that is there; refused as unknown where it is not.
    pub async fn saga_detail(&mut self, saga_id: Uuid) -> Result<SagaDetail> {
        let row = sqlx::query(sql::SAGA).bind(saga_id).fetch_optional(&mut self.connection).await?;
        let unknown = || Error::refused(Code::UnknownSaga, format!("saga {saga_id} is not known"));
        let saga = saga(&row.ok_or_else(unknown)?)?;
        let rows =
            sqlx::query(sql::SAGA_STEPS).bind(saga_id).fetch_all(&mut self.connection).await?;
        let steps = rows.iter().map(step).collect::<Result<_>>()?;
        Ok(SagaDetail { saga, steps })
    }

    pub async fn sagas(&mut self, filter: &SagaFilter, limit: i64) -> Result<Vec<Saga>> {
        let rows = sqlx::query(sql::SAGAS)
            .bind(&filter.state)
            .bind(filter.before)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(saga).collect()
    }

    /// Sagas that have not ended, by state; of each state at most `limit` are counted.
    pub async fn open_sagas(&mut self, limit: i64) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query(sql::OPEN_SAGAS).bind(limit).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok((row.try_get("state")?, row.try_get("sagas")?))).collect()
    }
}

fn next(row: &PgRow) -> Result<SagaNext> {
    let next: String = row.try_get("next")?;
    Ok(match next.as_str() {
        "call" => {
            let what: Value = row.try_get("call")?;
            let what = serde_json::from_value(what)
                .map_err(|cause| Error::Answer(format!("a saga's call: {cause}")))?;
            let (step, direction) = (row.try_get("step")?, row.try_get("direction")?);
            SagaNext::Call(SagaCall { step, direction, what })
        }
        "again" => SagaNext::Again,
        _ => SagaNext::Rest(next),
    })
}

fn saga(row: &PgRow) -> Result<Saga> {
    Ok(Saga {
        saga_id: row.try_get("saga_id")?,
        saga: row.try_get("name")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        input: row.try_get("input")?,
        due_at: row.try_get::<Option<Time>, _>("due_at")?,
        operator: row.try_get("operator")?,
        trace_id: row.try_get("trace_id")?,
        created_at: row.try_get("created_at")?,
        changed_at: row.try_get("changed_at")?,
    })
}

fn step(row: &PgRow) -> Result<SagaStep> {
    Ok(SagaStep {
        step: row.try_get("step")?,
        name: row.try_get("name")?,
        participant: row.try_get("participant")?,
        direction: row.try_get("direction")?,
        call: row.try_get("call")?,
        state: row.try_get("state")?,
        asked: row.try_get("asked")?,
        answer: row.try_get("answer")?,
        detail: row.try_get("detail")?,
        began_at: row.try_get("began_at")?,
        changed_at: row.try_get("changed_at")?,
    })
}
