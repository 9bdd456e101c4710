//! Sessions for many requests at once.

use super::{Database, Link, Session, statements as sql};
use crate::error::Result;
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::time::Duration;

/// How a gateway's connections behave.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    pub connections: u32,
    /// To wait for a free one.
    pub acquire: Duration,
    /// After which PostgreSQL ends a statement.
    pub statement: Duration,
    /// After which a statement that waits for a row gives up.
    pub lock: Duration,
    /// After which a database that says nothing counts as away.
    pub silence: Duration,
}

/// Opened as they are needed, kept while they are used. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    pool: PgPool,
    database: Database,
    silence: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct PoolUse {
    pub open: u32,
    pub idle: usize,
}

impl Database {
    /// A pool that nothing has been asked of yet, so that a gateway starts while its database is away.
    pub fn lazy_pool(&self, settings: &PoolSettings) -> Pool {
        let millis = |time: Duration| time.as_millis().to_string();
        let options = self.options.clone().application_name("inventory gateway").options([
            ("statement_timeout", millis(settings.statement)),
            ("lock_timeout", millis(settings.lock)),
            ("idle_in_transaction_session_timeout", millis(settings.statement)),
        ]);
        let database = Database {
            options: options.clone(),
            timeout: settings.acquire,
            patience: Some(settings.silence),
        };
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections)
            .acquire_timeout(settings.acquire)
            .connect_lazy_with(options);
        Pool { pool, database, silence: settings.silence }
    }
}

impl Pool {
    pub async fn session(&self) -> Result<Session> {
        let acquired = self.pool.acquire().await;
        let connection = acquired.map_err(|cause| self.database.away(cause.into()))?;
        Ok(Session { connection: Link::pooled(connection, self.silence) })
    }

    /// A connection of one's own beside the pool, with the same settings.
    pub async fn own(&self) -> Result<Session> {
        self.database.connect().await
    }

    /// One of one's own whose statements may take so long.
    pub async fn patient(&self, limit: Duration) -> Result<Session> {
        let mut database = self.database.clone();
        let millis = limit.as_millis().to_string();
        database.options = database.options.options([("statement_timeout", millis)]);
        database.patience = Some(limit + self.silence);
        database.connect().await
    }

    pub fn in_use(&self) -> PoolUse {
        PoolUse { open: self.pool.size(), idle: self.pool.num_idle() }
    }

    /// Waits for those that are out.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Session {
    /// Whether the database answers.
    pub async fn ping(&mut self) -> Result<()> {
        sqlx::query(sql::PING).execute(&mut self.connection).await?;
        Ok(())
    }
}
