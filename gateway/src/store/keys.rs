//! API keys as the database knows them.

use super::{Session, Time, statements as sql};
use crate::error::Result;
use serde::Serialize;
use sqlx::Row;

#[derive(Clone, Debug, Serialize)]
pub struct KnownKey {
    pub key_id: String,
    pub name: String,
    /// `reader`, `operator` or `admin`
    pub role: String,
    #[serde(skip)]
    pub key_hash: Vec<u8>,
    pub created_at: Time,
    pub expires_at: Option<Time>,
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// One to be.
#[derive(Debug, Serialize)]
pub struct NewKey<'k> {
    pub key_id: &'k str,
    pub name: &'k str,
    pub role: &'k str,
    #[serde(skip)]
    pub key_hash: &'k [u8; 32],
    pub expires_at: Option<Time>,
}

impl Session {
    pub async fn create_api_key(&mut self, key: &NewKey<'_>) -> Result<()> {
        sqlx::query(sql::CREATE_API_KEY)
            .bind(key.key_id)
            .bind(key.name)
            .bind(key.role)
            .bind(&key.key_hash[..])
            .bind(key.expires_at)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Gives whether it was good until now.
    pub async fn revoke_api_key(&mut self, key_id: &str) -> Result<bool> {
        let row =
            sqlx::query(sql::REVOKE_API_KEY).bind(key_id).fetch_one(&mut self.connection).await?;
        Ok(row.try_get("changed")?)
    }

    /// All of them, revoked ones too.
    pub async fn api_keys(&mut self) -> Result<Vec<KnownKey>> {
        let rows = sqlx::query(sql::API_KEYS).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(KnownKey {
                    key_id: row.try_get("key_id")?,
                    name: row.try_get("name")?,
                    role: row.try_get("role")?,
                    key_hash: row.try_get("key_hash")?,
                    created_at: row.try_get("created_at")?,
                    expires_at: row.try_get("expires_at")?,
                    last_used_at: row.try_get("last_used_at")?,
                    revoked_at: row.try_get("revoked_at")?,
                })
            })
            .collect()
    }

    /// When each was used last.
    pub async fn touch_api_keys(&mut self, used: &[(String, Time)]) -> Result<()> {
        let (ids, times): (Vec<&str>, Vec<Time>) =
            used.iter().map(|(id, at)| (id.as_str(), *at)).unzip();
        sqlx::query(sql::TOUCH_API_KEYS)
            .bind(ids)
            .bind(times)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }
}
