//! Redis: one script looks, decides and writes, in one step that nothing comes between.

use super::{Answer, SKU, Way};
use crate::error::{Error, Result};
use futures::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, RedisError, Script,
};
use std::time::Duration;

pub const LUA: &str = "Redis and Lua";
/// What is forgotten by itself needs no clearing up after a race that was cut short.
const KEPT_SECONDS: u64 = 600;

/// Where a Redis is, as its URL says.
pub struct Redis(ConnectionInfo);

impl Redis {
    /// `url` may hold a password: no error shows it.
    pub fn at(url: &str) -> Result<Redis> {
        url.into_connection_info().map(Redis).map_err(|_| {
            Error::usage(
                "--redis-url is no valid Redis URL (its text is not shown: it may hold a password)",
            )
        })
    }
}

pub struct Lua {
    /// One connection that all orders share; it sends them on without waiting for earlier answers.
    connection: MultiplexedConnection,
    script: Script,
    key: String,
}

impl Lua {
    pub async fn connect(Redis(info): Redis, timeout: Duration) -> Result<Lua> {
        let target = info.addr().to_string();
        // Small calls and answers: each is to leave at once.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let patience = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        let client = Client::open(info).map_err(away)?;
        let connection = client
            .get_multiplexed_async_connection_with_config(&patience)
            .await
            .map_err(|cause| Error::Unreachable { target, cause: cause.to_string() })?;
        Ok(Lua {
            connection,
            script: Script::new(include_str!("deduct.lua")),
            key: format!("inventory_demo_scratch:{SKU}"),
        })
    }
}

impl Way for Lua {
    fn name(&self) -> &'static str {
        LUA
    }

    fn fill(&self, units: i64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let mut set = redis::cmd("SET");
            set.arg(&self.key).arg(units).arg("EX").arg(KEPT_SECONDS);
            set.exec_async(&mut self.connection.clone()).await.map_err(away)
        })
    }

    fn order(&self) -> BoxFuture<'_, Result<Answer>> {
        Box::pin(async move {
            let mut call = self.script.key(&self.key);
            let answer = call.arg(1).invoke_async(&mut self.connection.clone()).await;
            let (done, _left): (i64, i64) = answer.map_err(away)?;
            Ok(Answer::of(done == 1))
        })
    }

    fn left(&self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(async move {
            let mut get = redis::cmd("GET");
            get.arg(&self.key);
            get.query_async(&mut self.connection.clone()).await.map_err(away)
        })
    }
}

fn away(cause: RedisError) -> Error {
    Error::Unreachable { target: "Redis".to_owned(), cause: cause.to_string() }
}
