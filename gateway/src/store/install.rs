//! Extension and layout: what is there, and putting it there.

use super::{Session, statements as sql};
use crate::error::{Error, Result};
use serde::Serialize;
use sqlx::Row;

/// What the server knows of the extension.
#[derive(Clone, Debug, Serialize)]
pub struct Extension {
    /// The version whose files lie on the server.
    pub available: Option<String>,
    /// The version created in this database.
    pub installed: Option<String>,
    pub has_tables: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Layout {
    pub layout: i32,
    /// Rises when the database was restored or cloned.
    pub generation: i32,
    /// Leaves of the stock table.
    pub shards: i64,
}

impl Session {
    /// None where the server lacks the extension's files.
    pub async fn extension(&mut self) -> Result<Option<Extension>> {
        let row = sqlx::query(sql::EXTENSION).fetch_optional(&mut self.connection).await?;
        row.map(|row| {
            Ok(Extension {
                available: row.try_get("default_version")?,
                installed: row.try_get("installed_version")?,
                has_tables: row.try_get("has_tables")?,
            })
        })
        .transpose()
    }

    pub async fn create_extension(&mut self) -> Result<()> {
        sqlx::query(sql::CREATE_EXTENSION).execute(&mut self.connection).await?;
        Ok(())
    }

    /// To the version whose files lie on the server.
    pub async fn update_extension(&mut self) -> Result<()> {
        sqlx::query(sql::UPDATE_EXTENSION).execute(&mut self.connection).await?;
        Ok(())
    }

    /// The engine's own sentence about what it did.
    pub async fn install(&mut self, shards: i32) -> Result<String> {
        let row = sqlx::query(sql::INSTALL).bind(shards).fetch_one(&mut self.connection).await?;
        Ok(row.try_get("answer")?)
    }

    /// To be asked only where `Extension::has_tables`; None where this user may not see it.
    pub async fn layout(&mut self) -> Result<Option<Layout>> {
        let row = sqlx::query(sql::LAYOUT).fetch_one(&mut self.connection).await;
        match row.map_err(Error::from) {
            Ok(row) => Ok(Some(Layout {
                layout: row.try_get("layout")?,
                generation: row.try_get("generation")?,
                shards: row.try_get("shards")?,
            })),
            Err(Error::Database { sqlstate, .. }) if sqlstate == "42501" => Ok(None),
            Err(error) => Err(error),
        }
    }
}
