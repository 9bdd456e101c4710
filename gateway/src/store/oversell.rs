//! The demo's comparison: stock as many applications keep it, read first and written after, in a
//! scratch schema that the demo makes and drops; beside it the same order through the engine.

use super::{Session, statements as sql};
use crate::error::{Error, Result};
use inventory_core::refusal::Code;
use sqlx::Row;
use sqlx::postgres::PgPool;
use uuid::Uuid;

impl Session {
    pub async fn naive_begin(&mut self, sku: &str, on_hand: i64) -> Result<()> {
        self.naive_end().await?;
        self.plain(sql::NAIVE_SETUP).await?;
        sqlx::query(sql::NAIVE_FILL).bind(sku).bind(on_hand).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Units sold, and what the stock row says in the end.
    pub async fn naive_result(&mut self, sku: &str) -> Result<(i64, i64)> {
        let row = sqlx::query(sql::NAIVE_RESULT).bind(sku).fetch_one(&mut self.connection).await?;
        Ok((row.try_get("sold")?, row.try_get("on_hand")?))
    }

    pub async fn naive_end(&mut self) -> Result<()> {
        self.plain(sql::NAIVE_DROP).await
    }
}

/// One order of one unit: look, decide here, write back. True if the shop believes it sold.
pub async fn naive_order(pool: &PgPool, sku: &str) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let row = sqlx::query(sql::NAIVE_READ).bind(sku).fetch_one(&mut *transaction).await?;
    let on_hand: i64 = row.try_get("on_hand")?;
    if on_hand < 1 {
        transaction.rollback().await?;
        return Ok(false);
    }
    sqlx::query(sql::NAIVE_WRITE).bind(sku).bind(on_hand - 1).execute(&mut *transaction).await?;
    sqlx::query(sql::NAIVE_SALE).bind(sku).bind(1_i64).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

/// The same order through the engine: its number if it was accepted, None if there was nothing left.
pub async fn engine_order(pool: &PgPool, sku: &str) -> Result<Option<String>> {
    let outcome = sqlx::query(sql::DEDUCT)
        .bind(sku)
        .bind(1_i64)
        .bind(1_i32)
        .bind(None::<String>)
        .bind("demo")
        .bind(None::<Uuid>)
        .bind(None::<String>)
        .bind(None::<String>)
        .fetch_one(pool)
        .await
        .map_err(Error::from);
    match outcome {
        Ok(row) => Ok(row.try_get("order_no")?),
        Err(error) if error.refusal().is_some_and(|r| r.code == Code::InsufficientStock) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
