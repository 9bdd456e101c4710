//! Leases: stock set aside for a gateway that sells it by itself for a while.

use super::{Session, Time, statements as sql};
use crate::error::Result;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::types::PgInterval;
use std::time::Duration;
use uuid::Uuid;

/// What is asked for; all or nothing.
#[derive(Clone, Debug)]
pub struct LeaseWish<'l> {
    pub sku: &'l str,
    pub quantity: i64,
    pub warehouse_id: i32,
    pub holder: &'l str,
    /// `token` or `fallback`
    pub purpose: &'l str,
    pub ttl: Duration,
    /// A repeat is told of the lease as it is now.
    pub request_id: Uuid,
}

#[derive(Clone, Debug)]
pub struct TakenLease {
    pub lease_id: Uuid,
    pub granted: i64,
    pub expires_at: Time,
    pub generation: i32,
    /// What others may still sell.
    pub available: i64,
}

/// `OPEN` where it was renewed; `SETTLED`, `RETURNED`, `VOID` or `UNKNOWN` where it cannot be.
#[derive(Clone, Debug)]
pub struct RenewedLease {
    pub lease_id: Uuid,
    pub state: String,
    pub expires_at: Option<Time>,
}

/// Sales from one lease, in order, a column a Vec.
#[derive(Debug, Default)]
pub struct LeaseSales<'l> {
    pub request_ids: Vec<Uuid>,
    pub quantities: Vec<i64>,
    pub operators: Vec<Option<&'l str>>,
    pub trace_ids: Vec<Option<&'l str>>,
}

#[derive(Clone, Debug)]
pub struct SettledSale {
    pub code: String,
    pub detail: Option<String>,
    pub order_no: Option<String>,
    pub on_hand: Option<i64>,
    pub available: Option<i64>,
    pub replayed: bool,
}

/// A lease whose rest was given back for its holder.
#[derive(Clone, Debug, Serialize)]
pub struct RepairedLease {
    pub lease_id: Uuid,
    pub sku: String,
    pub warehouse_id: i32,
    pub holder: String,
    pub purpose: String,
    pub returned: i64,
    pub expires_at: Time,
}

impl Session {
    pub async fn take_lease(&mut self, wish: &LeaseWish<'_>) -> Result<TakenLease> {
        let row = sqlx::query(sql::TAKE_LEASE)
            .bind(wish.sku)
            .bind(wish.quantity)
            .bind(wish.holder)
            .bind(wish.purpose)
            .bind(wish.warehouse_id)
            .bind(interval(wish.ttl))
            .bind(wish.request_id)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(TakenLease {
            lease_id: row.try_get("lease_id")?,
            granted: row.try_get("granted")?,
            expires_at: row.try_get("expires_at")?,
            generation: row.try_get("generation")?,
            available: row.try_get("available")?,
        })
    }

    /// A row a lease, in their order.
    pub async fn renew_leases(
        &mut self,
        holder: &str,
        leases: &[Uuid],
        ttl: Duration,
    ) -> Result<Vec<RenewedLease>> {
        let rows = sqlx::query(sql::RENEW_LEASES)
            .bind(holder)
            .bind(leases)
            .bind(interval(ttl))
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RenewedLease {
                    lease_id: row.try_get("lease_id")?,
                    state: row.try_get("state")?,
                    expires_at: row.try_get("expires_at")?,
                })
            })
            .collect()
    }

    /// A row a sale, in their order. Without `keep` the rest of the lease goes back in the same
    /// transaction. Told of again it changes nothing.
    pub async fn settle_lease(
        &mut self,
        lease: Uuid,
        holder: &str,
        sales: &LeaseSales<'_>,
        keep: bool,
    ) -> Result<Vec<SettledSale>> {
        let rows = sqlx::query(sql::SETTLE_LEASE)
            .bind(lease)
            .bind(holder)
            .bind(&sales.request_ids)
            .bind(&sales.quantities)
            .bind(&sales.operators)
            .bind(&sales.trace_ids)
            .bind(keep)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(SettledSale {
                    code: row.try_get("code")?,
                    detail: row.try_get("detail")?,
                    order_no: row.try_get("order_no")?,
                    on_hand: row.try_get("on_hand")?,
                    available: row.try_get("available")?,
                    replayed: row.try_get("replayed")?,
                })
            })
            .collect()
    }

    /// Gives back what was not sold, once; tells how much that was.
    pub async fn return_lease(&mut self, lease: Uuid, holder: &str) -> Result<i64> {
        let row = sqlx::query(sql::RETURN_LEASE)
            .bind(lease)
            .bind(holder)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(row.try_get("returned")?)
    }

    pub async fn repair_leases(&mut self, older_than: Duration) -> Result<Vec<RepairedLease>> {
        let rows = sqlx::query(sql::REPAIR_LEASES)
            .bind(interval(older_than))
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RepairedLease {
                    lease_id: row.try_get("lease_id")?,
                    sku: row.try_get("sku")?,
                    warehouse_id: row.try_get("warehouse_id")?,
                    holder: row.try_get("holder")?,
                    purpose: row.try_get("purpose")?,
                    returned: row.try_get("returned")?,
                    expires_at: row.try_get("expires_at")?,
                })
            })
            .collect()
    }
}

/// As PostgreSQL has it; what is longer than it can count is as long as it can.
pub fn interval(span: Duration) -> PgInterval {
    let microseconds = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}
