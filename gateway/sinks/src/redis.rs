//! Redis Streams: an entry an event, with the CloudEvent in its only field, `event`.
//!
//! A batch goes in one transaction, so no event is in the stream without those before it, whatever happens
//! in between. The stream is kept at about `?maxlen=` entries (a million). How safe they are is a matter of
//! Redis (`appendfsync`, replicas). A cluster's redirections are not followed.

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisError,
};

use crate::tally::Tally;
use crate::target::{Malformed, Parts};
use crate::{Down, Event, Outcome, Settings};

/// Entries that a stream keeps unless told otherwise.
const MAXLEN: u32 = 1_000_000;
/// Events in one transaction: few enough that Redis serves others in between.
const BATCH: usize = 500;

#[derive(Clone)]
pub struct Place {
    server: ConnectionInfo,
    stream: String,
    maxlen: u32,
}

impl Place {
    pub fn read(parts: &Parts) -> Result<Place, Malformed> {
        let [stream] = parts.names("<stream>")?;
        parts.only_options(&["db", "maxlen"])?;
        let (host, port) = parts.one_host()?.clone();
        let port = port.unwrap_or(6379);
        let address = match parts.scheme.as_str() {
            "rediss" => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            _ => ConnectionAddr::Tcp(host, port),
        };
        let mut login = RedisConnectionInfo::default();
        login = login.set_db(i64::from(parts.number("db")?.unwrap_or(0)));
        if let Some(user) = &parts.user {
            login = login.set_username(user);
        }
        if let Some(password) = &parts.password {
            login = login.set_password(password);
        }
        let server = address.into_connection_info();
        let server = server.map_err(|_| Malformed::because("no address of a Redis"))?;
        let server = server.set_redis_settings(login);
        Ok(Place {
            server: server.set_tcp_settings(TcpSettings::default().set_nodelay(true)),
            stream: stream.to_owned(),
            maxlen: parts.number("maxlen")?.unwrap_or(MAXLEN),
        })
    }
}

pub struct Line {
    connection: MultiplexedConnection,
    stream: String,
    maxlen: u32,
}

impl Line {
    pub async fn connect(place: &Place, settings: &Settings) -> Result<Line, Down> {
        let client = Client::open(place.server.clone()).map_err(down)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.patience))
            .set_response_timeout(Some(settings.patience));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connection.await.map_err(down)?;
        let mut ask = redis::cmd("TYPE");
        let kind: String =
            ask.arg(&place.stream).query_async(&mut connection).await.map_err(down)?;
        if kind != "stream" && kind != "none" {
            let reason = format!("Redis keeps a {kind} under {}: name a stream", place.stream);
            return Err(Down::because(reason));
        }
        Ok(Line { connection, stream: place.stream.clone(), maxlen: place.maxlen })
    }

    pub async fn deliver(&mut self, source: &str, events: &[Event]) -> Result<Vec<Outcome>, Down> {
        let mut tally = Tally::of(events);
        for (number, batch) in events.chunks(BATCH).enumerate() {
            let mut all = redis::pipe();
            all.atomic();
            for event in batch {
                all.cmd("XADD").arg(&self.stream).arg("MAXLEN").arg("~").arg(self.maxlen);
                all.arg("*").arg("event").arg(event.cloud_event(source));
            }
            match all.query_async::<Vec<String>>(&mut self.connection).await {
                Ok(_ids) => {
                    let first = number * BATCH;
                    (first..first + batch.len()).for_each(|at| tally.note(at, Outcome::Delivered));
                }
                Err(error) => return Err(tally.down(down(error))),
            }
        }
        Ok(tally.finish())
    }
}

/// In Redis' own words, which name no password.
fn down(error: RedisError) -> Down {
    Down::because(format!("Redis: {error}"))
}
