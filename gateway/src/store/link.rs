//! Where a session's connection comes from; every statement is sent the same way.

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use std::ops::{Deref, DerefMut};

pub(super) enum Link {
    Own(PgConnection),
    /// Goes back into its pool when it is dropped.
    Pooled(PoolConnection<Postgres>),
}

impl Deref for Link {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match self {
            Link::Own(connection) => connection,
            Link::Pooled(connection) => connection,
        }
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Link::Own(connection) => connection,
            Link::Pooled(connection) => connection,
        }
    }
}
