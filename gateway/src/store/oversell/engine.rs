//! The engine: each order on its own, or all that wait committed together.

use super::{Answer, SKU, Way};
use crate::error::{Error, Result};
use crate::store::{Caller, Database, Goods, NewProduct, statements as sql};
use futures::future::BoxFuture;
use inventory_core::refusal::Code;
use sqlx::Row;
use sqlx::postgres::PgPool;
use uuid::Uuid;

const WAREHOUSE: i32 = 1;

pub struct Engine {
    database: Database,
    pool: PgPool,
    name: &'static str,
    deduct: &'static str,
}

impl Engine {
    pub fn deduct(database: &Database, pool: &PgPool) -> Engine {
        Engine::new(database, pool, "the engine", sql::DEDUCT)
    }

    /// Only where the library is preloaded.
    pub fn deduct_now(database: &Database, pool: &PgPool) -> Engine {
        Engine::new(database, pool, "group commit", sql::DEDUCT_NOW)
    }

    fn new(database: &Database, pool: &PgPool, name: &'static str, deduct: &'static str) -> Engine {
        Engine { database: database.clone(), pool: pool.clone(), name, deduct }
    }
}

impl Way for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fill(&self, units: i64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let caller = Caller { operator: Some("demo".to_owned()), ..Caller::default() };
            let goods = Goods { sku: SKU.to_owned(), warehouse_id: WAREHOUSE, lot: None };
            let mut session = self.database.connect().await?;
            session.put_product(&ticket(), &caller).await?;
            session.recount(&goods, units, None, "before the race", &caller).await?;
            session.close().await
        })
    }

    fn order(&self) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move {
            let row = sqlx::query(self.deduct)
                .bind(SKU)
                .bind(1_i64)
                .bind(WAREHOUSE)
                .bind(None::<String>)
                .bind("demo")
                .bind(None::<Uuid>)
                .bind(None::<String>)
                .bind(None::<String>)
                .fetch_one(&self.pool)
                .await
                .map_err(Error::from);
            match row {
                Ok(row) => Ok(Answer::Sold(row.try_get("order_no")?)),
                Err(error) if is_sold_out(&error) => Ok(Answer::TurnedAway),
                Err(error) => Err(error),
            }
        })
    }

    fn left(&self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move {
            let mut session = self.database.connect().await?;
            let levels = session.levels(Some(SKU), Some(WAREHOUSE), false, 1).await?;
            session.close().await?;
            Ok(levels.first().map_or(0, |level| level.on_hand))
        })
    }
}

fn is_sold_out(error: &Error) -> bool {
    error.refusal().is_some_and(|refused| refused.code == Code::InsufficientStock)
}

fn ticket() -> NewProduct {
    NewProduct {
        sku: SKU.to_owned(),
        name: "Concert ticket (of the demo's race)".to_owned(),
        low_stock_threshold: None,
        lot_controlled: false,
        unit: "each".to_owned(),
        attributes: serde_json::json!({}),
    }
}
