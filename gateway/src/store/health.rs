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

/// What the database says of its own setup.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    pub topic: String,
    /// `ok`, `note` or `problem`
    pub state: String,
    pub finding: String,
    /// Empty where nothing is to be done.
    pub advice: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct ServerFacts {
    pub server_version: String,
    pub server_version_num: i32,
    pub database: String,
    pub db_user: String,
    pub standby: bool,
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

    /// In the order of the answer.
    pub async fn doctor(&mut self) -> Result<Vec<Diagnosis>> {
        let rows = sqlx::query(sql::DOCTOR).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Diagnosis {
                    topic: row.try_get("topic")?,
                    state: row.try_get("state")?,
                    finding: row.try_get("finding")?,
                    advice: row.try_get("advice")?,
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
            max_connections: row.try_get("max_connections")?,
            shared_preload_libraries: row.try_get("shared_preload_libraries")?,
            clock: row.try_get("clock")?,
            connections: row.try_get("connections")?,
        })
    }

    /// The inventory roles that the current user is a member of.
    pub async fn roles(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query(sql::ROLES).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok(row.try_get("role")?)).collect()
    }
}
