//! Where a session's connection comes from. Every statement goes through here, so that what holds for all
//! of them is said once: how long the database may be silent, and what is told to who collects traces.

use crate::traces;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Either, Execute, Executor, Postgres, SqlStr, error::BoxDynError};
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tracing::Instrument;

type Item = Either<PgQueryResult, PgRow>;

#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    /// None waits for as long as the database takes.
    patience: Option<Duration>,
}

#[derive(Debug)]
enum Connection {
    Own(PgConnection),
    /// Goes back into its pool when it is dropped.
    Pooled(PoolConnection<Postgres>),
}

impl Link {
    pub fn own(connection: PgConnection, patience: Option<Duration>) -> Link {
        Link { connection: Connection::Own(connection), patience }
    }

    pub fn pooled(connection: PoolConnection<Postgres>, patience: Duration) -> Link {
        Link { connection: Connection::Pooled(connection), patience: Some(patience) }
    }

    /// Says goodbye, where the connection is not to be used by others.
    pub async fn close(self) -> Result<(), sqlx::Error> {
        match self.connection {
            Connection::Own(connection) => sqlx::Connection::close(connection).await,
            Connection::Pooled(_) => Ok(()),
        }
    }

    /// All that comes back. PostgreSQL ends a statement that takes too long by itself; a server that is
    /// frozen, or a network that swallows what is sent, says nothing at all.
    async fn ask(&mut self, asked: Asked) -> Result<Vec<Item>, sqlx::Error> {
        let span = traces::statement(asked.sql.as_str());
        let answer = self.listen(asked).instrument(span.clone()).await;
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        answer
    }

    async fn listen(&mut self, asked: Asked) -> Result<Vec<Item>, sqlx::Error> {
        let Some(patience) = self.patience else {
            return (&mut **self).fetch_many(asked).try_collect().await;
        };
        let mut items = Vec::new();
        let mut answer = (&mut **self).fetch_many(asked);
        while let Ok(next) = tokio::time::timeout(patience, answer.next()).await {
            match next {
                Some(item) => items.push(item?),
                None => return Ok(items),
            }
        }
        drop(answer);
        // Its answer may still come: to whoever would ask next.
        if let Connection::Pooled(connection) = &mut self.connection {
            connection.close_on_drop();
        }
        let silent = format!("it has said nothing for {} ms", patience.as_millis());
        Err(io::Error::new(io::ErrorKind::TimedOut, silent).into())
    }
}

impl Deref for Link {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match &self.connection {
            Connection::Own(connection) => connection,
            Connection::Pooled(connection) => connection,
        }
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.connection {
            Connection::Own(connection) => connection,
            Connection::Pooled(connection) => connection,
        }
    }
}

impl<'c> Executor<'c> for &'c mut Link {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Item, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let items = Asked::new(query).map(|asked| async move { self.ask(asked).await });
        stream::once(async move { items?.await })
            .map_ok(|items| stream::iter(items.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let rows = self.fetch_all(query);
        async move { Ok(rows.await?.into_iter().next()) }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        (&mut **self).prepare_with(sql, parameters)
    }
}

/// A statement with its arguments, taken out of the query that was built.
struct Asked {
    sql: SqlStr,
    /// None where several statements are sent as one text.
    arguments: Option<PgArguments>,
    persistent: bool,
}

impl Asked {
    fn new<'q>(mut query: impl Execute<'q, Postgres>) -> Result<Asked, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let persistent = query.persistent();
        Ok(Asked { sql: query.sql(), arguments, persistent })
    }
}

impl<'q> Execute<'q, Postgres> for Asked {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
