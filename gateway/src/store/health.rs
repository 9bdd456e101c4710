//! What `check` and `doctor` ask.

use super::{Session, statements as sql};
use crate::error::Result;
use serde::Serialize;
use sqlx::Row;

/// A broken invariant.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    pub check_name: String,
    pub subject: String,
    pub expected: String,
    pub actual: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct ServerFacts {
    pub server_version: String,
    pub server_version_num: i32,
    pub database: String,
    pub db_user: String,
    pub standby: bool,
    pub fsync: String,
    pub synchronous_commit: String,
    pub full_page_writes: String,
    pub max_connections: i32,
    /// Absent where the database user may not see it.
    pub shared_preload_libraries: Option<String>,
    /// Seconds since 1970, by the server's clock.
    pub clock: f64,
    pub connections: i64,
}

impl ServerFacts {
    /// Whether the extension's library is preloaded; None where the database user may not see it.
    pub fn preloaded(&self) -> Option<bool> {
        let list = self.shared_preload_libraries.as_ref()?;
        Some(list.split(',').any(|name| name.trim().trim_matches('"') == "pg_inventory"))
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Role {
    pub role: String,
    /// Whether the current user is a member.
    pub held: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct OldTransaction {
    pub pid: i32,
    pub db_user: Option<String>,
    pub application_name: Option<String>,
    pub state: Option<String>,
    pub seconds: f64,
    pub writes: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct PreparedTransaction {
    pub gid: String,
    pub seconds: f64,
}

impl Session {
    /// Every invariant recomputed; no row where all is sound.
    pub async fn verify(&mut self) -> Result<Vec<Violation>> {
        let rows = sqlx::query(sql::VERIFY).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                let text = |column: &str| -> Result<String> {
                    Ok(row.try_get::<Option<String>, _>(column)?.unwrap_or_default())
                };
                Ok(Violation {
                    check_name: text("check_name")?,
                    subject: text("subject")?,
                    expected: text("expected")?,
                    actual: text("actual")?,
                })
            })
            .collect()
    }

    pub async fn server_facts(&mut self) -> Result<ServerFacts> {
        let row = sqlx::query(sql::SERVER_FACTS).fetch_one(&mut self.connection).await?;
        Ok(ServerFacts {
            server_version: row.try_get("server_version")?,
            server_version_num: row.try_get("server_version_num")?,
            database: row.try_get("database")?,
            db_user: row.try_get("db_user")?,
            standby: row.try_get("standby")?,
            fsync: row.try_get("fsync")?,
            synchronous_commit: row.try_get("synchronous_commit")?,
            full_page_writes: row.try_get("full_page_writes")?,
            max_connections: row.try_get("max_connections")?,
            shared_preload_libraries: row.try_get("shared_preload_libraries")?,
            clock: row.try_get("clock")?,
            connections: row.try_get("connections")?,
        })
    }

    pub async fn roles(&mut self) -> Result<Vec<Role>> {
        let rows = sqlx::query(sql::ROLES).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| Ok(Role { role: row.try_get("role")?, held: row.try_get("held")? }))
            .collect()
    }

    /// Open for more than a minute, oldest first, ten at most.
    pub async fn old_transactions(&mut self) -> Result<Vec<OldTransaction>> {
        let rows = sqlx::query(sql::OLD_TRANSACTIONS).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(OldTransaction {
                    pid: row.try_get("pid")?,
                    db_user: row.try_get("db_user")?,
                    application_name: row.try_get("application_name")?,
                    state: row.try_get("state")?,
                    seconds: row.try_get("seconds")?,
                    writes: row.try_get("writes")?,
                })
            })
            .collect()
    }

    /// Prepared and never finished: they hold their rows across restarts.
    pub async fn prepared_transactions(&mut self) -> Result<Vec<PreparedTransaction>> {
        let rows = sqlx::query(sql::PREPARED_TRANSACTIONS).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(PreparedTransaction {
                    gid: row.try_get("gid")?,
                    seconds: row.try_get("seconds")?,
                })
            })
            .collect()
    }
}
