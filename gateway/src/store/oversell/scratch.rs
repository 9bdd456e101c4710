//! Shops that keep their stock by themselves, in a scratch schema that the demo makes and drops.

use super::{Answer, SKU, Way};
use crate::error::Result;
use crate::store::{Session, statements as sql};
use futures::future::BoxFuture;
use sqlx::Row;
use sqlx::postgres::PgPool;

pub struct Scratch {
    pool: PgPool,
    name: &'static str,
    decides: Decides,
}

/// Who looks, decides and writes.
#[derive(Clone, Copy)]
enum Decides {
    /// The application, by what this statement showed it.
    Client { look: &'static str },
    /// A function in the database.
    Function,
}

impl Scratch {
    pub fn naive(pool: &PgPool) -> Scratch {
        Scratch::new(pool, "read, then write", Decides::Client { look: sql::SCRATCH_LOOK })
    }

    pub fn row_lock(pool: &PgPool) -> Scratch {
        Scratch::new(pool, "row lock in the client", Decides::Client { look: sql::SCRATCH_LOCK })
    }

    pub fn function(pool: &PgPool) -> Scratch {
        Scratch::new(pool, "one function", Decides::Function)
    }

    fn new(pool: &PgPool, name: &'static str, decides: Decides) -> Scratch {
        Scratch { pool: pool.clone(), name, decides }
    }
}

impl Way for Scratch {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fill(&self, units: i64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            sqlx::query(sql::SCRATCH_FILL).bind(SKU).bind(units).execute(&self.pool).await?;
            Ok(())
        })
    }

    fn order(&self) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move {
            let sold = match self.decides {
                Decides::Client { look } => sell_in_the_client(&self.pool, look).await?,
                Decides::Function => sell_in_the_function(&self.pool).await?,
            };
            Ok(Answer::of(sold))
        })
    }

    fn left(&self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move {
            let row = sqlx::query(sql::SCRATCH_LOOK).bind(SKU).fetch_one(&self.pool).await?;
            Ok(row.try_get("on_hand")?)
        })
    }
}

/// Look, decide here, write back. True if the shop believes it sold.
async fn sell_in_the_client(pool: &PgPool, look: &'static str) -> Result<bool> {
    let mut transaction = pool.begin().await?;
    let row = sqlx::query(look).bind(SKU).fetch_one(&mut *transaction).await?;
    let on_hand: i64 = row.try_get("on_hand")?;
    if on_hand < 1 {
        transaction.rollback().await?;
        return Ok(false);
    }
    sqlx::query(sql::SCRATCH_WRITE).bind(SKU).bind(on_hand - 1).execute(&mut *transaction).await?;
    sqlx::query(sql::SCRATCH_SALE).bind(SKU).bind(1_i64).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn sell_in_the_function(pool: &PgPool) -> Result<bool> {
    let row = sqlx::query(sql::SCRATCH_SELL).bind(SKU).bind(1_i64).fetch_one(pool).await?;
    Ok(row.try_get("sold")?)
}

impl Session {
    /// Makes the scratch schema anew, whatever an earlier demo left.
    pub async fn scratch_begin(&mut self) -> Result<()> {
        self.scratch_end().await?;
        self.plain(sql::SCRATCH_SETUP).await
    }

    pub async fn scratch_end(&mut self) -> Result<()> {
        self.plain(sql::SCRATCH_DROP).await
    }
}
