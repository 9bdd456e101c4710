//! The only place that talks SQL (and, for the demo's race, Redis). A `Database` is an address, a `Session` one connection to it;
//! every statement lies in a file under `sql/`.

mod bulk;
mod gauges;
mod health;
mod holds;
mod hot;
mod install;
mod journal;
mod keys;
mod leases;
mod link;
mod logins;
mod many;
mod orders;
pub mod oversell;
mod pool;
mod product;
mod relay;
mod sagas;
mod shadow;
pub mod statements;
mod stock;
mod tickets;
mod warehouse;

pub use bulk::{Deduction, OrderLines, ProductRow, SingleRow};
pub use gauges::{Backlog, ShownLevel};
pub use health::{Diagnosis, ServerFacts, Violation};
pub use holds::{Closed, Hold, HoldLine, Reserved, ReservedLine, Wanted};
pub use hot::{HotPlace, HotSku};
pub use install::{Extension, Layout};
pub use journal::{JournalEvent, Look};
pub use keys::{KnownKey, NewKey};
pub use leases::{
    LeaseSales, LeaseWish, RenewedLease, RepairedLease, SettledSale, TakenLease, interval,
};
pub use many::{Commands, LineAnswer};
pub use orders::{Moved, NewOrder, Order, OrderDetail, OrderEvent, OrderFilter, OrderLine, Step};
pub use pool::{Pool, PoolSettings, PoolUse};
pub use product::{NewProduct, Product, Put};
pub use relay::{EventStatus, OutboxEvent, OutboxPlace, Page, Secret, SinkStatus, Turn};
pub use sagas::{
    Asked, ClaimedSaga, NewSaga, Saga, SagaCall, SagaDetail, SagaFilter, SagaMoved, SagaNext,
    SagaReport, SagaStep,
};
pub use shadow::{Drift, Fed, FedMovements, Leap, Shadow, Whereabouts};
pub use stock::{Answer, AuditFilter, Date, Goods, Level, Lot, LowStock, Movement, Time};
pub use tickets::{
    FindingLines, LeasedUnits, OverdueLease, RepairTicket, ReportedFinding, TicketRan, TicketStatus,
};
pub use warehouse::Warehouse;

use crate::error::{Error, Result};
use link::Link;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

/// Where the database is, and how long to try.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    timeout: Duration,
    /// How long a statement may go without a word; None for ever.
    patience: Option<Duration>,
}

impl Database {
    /// `url` may hold a password: it goes into the options and nowhere else.
    pub fn new(url: &str, timeout: Duration) -> Result<Database> {
        let scheme = url.split(':').next().unwrap_or_default();
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err(Error::usage(
                "--database-url must begin with postgres:// or postgresql://",
            ));
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| Error::usage("--database-url is no valid PostgreSQL URL (its text is not shown: it may hold a password)"))?
            .application_name("inventory")
            .disable_statement_logging();
        Ok(Database { options, timeout, patience: None })
    }

    /// Host, port and database name: what errors may show.
    pub fn target(&self) -> String {
        let place = match self.options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => self.options.get_host().to_owned(),
        };
        let database = self.options.get_database().unwrap_or(self.options.get_username());
        format!("database \"{database}\" at {place}:{}", self.options.get_port())
    }

    /// A URL without the password, to type after `psql`.
    pub fn url_without_password(&self) -> String {
        let (user, port) = (self.options.get_username(), self.options.get_port());
        let database = self.options.get_database().unwrap_or(user);
        match self.options.get_socket() {
            Some(folder) => {
                format!(
                    "postgresql:///{database}?host={}&port={port}&user={user}",
                    folder.display()
                )
            }
            None => format!("postgresql://{user}@{}:{port}/{database}", self.options.get_host()),
        }
    }

    /// How long to try to connect.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    pub async fn connect(&self) -> Result<Session> {
        let attempt = PgConnection::connect_with(&self.options);
        match tokio::time::timeout(self.timeout, attempt).await {
            Ok(Ok(connection)) => Ok(Session { connection: Link::own(connection, self.patience) }),
            Ok(Err(cause)) => Err(self.away(cause.into())),
            Err(_) => Err(Error::Unreachable {
                target: self.target(),
                cause: format!("no answer within {} s", self.timeout.as_secs()),
            }),
        }
    }

    /// `connections` at most, all opened before this returns, so that a measurement or a race
    /// does not begin with a queue of logins.
    pub async fn pool(&self, connections: u32) -> Result<PgPool> {
        PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .acquire_timeout(self.timeout.max(Duration::from_secs(30)))
            .connect_with(self.options.clone())
            .await
            .map_err(|cause| self.away(cause.into()))
    }

    /// Whatever fails while connecting is "not reachable", with the address in it.
    fn away(&self, error: Error) -> Error {
        let cause = match error {
            Error::Unreachable { cause, .. } => cause,
            Error::Database { message, .. } | Error::Answer(message) => message,
            other => return other,
        };
        Error::Unreachable { target: self.target(), cause }
    }
}

/// One connection. Statements are prepared once on it and kept.
pub struct Session {
    connection: Link,
}

impl Session {
    pub async fn close(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    /// BEGIN, COMMIT, ROLLBACK and savepoints as plain statements: a replay's transaction spans
    /// calls of this type, which sqlx's borrowed transaction would lock out.
    pub async fn begin(&mut self) -> Result<()> {
        self.plain("BEGIN").await
    }

    pub async fn commit(&mut self) -> Result<()> {
        self.plain("COMMIT").await
    }

    pub async fn rollback(&mut self) -> Result<()> {
        self.plain("ROLLBACK").await
    }

    pub async fn savepoint(&mut self) -> Result<()> {
        self.plain("SAVEPOINT one_command").await
    }

    pub async fn release_savepoint(&mut self) -> Result<()> {
        self.plain("RELEASE SAVEPOINT one_command").await
    }

    pub async fn rollback_to_savepoint(&mut self) -> Result<()> {
        self.plain("ROLLBACK TO SAVEPOINT one_command; RELEASE SAVEPOINT one_command").await
    }

    async fn plain(&mut self, sql: &'static str) -> Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// What every writing command may carry beside its own arguments.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Makes the command safe to repeat.
    pub request_id: Option<Uuid>,
    /// Who the caller says they are; the database user is recorded beside it.
    pub operator: Option<String>,
    pub trace_id: Option<String>,
}
