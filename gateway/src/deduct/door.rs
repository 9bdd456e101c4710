//! Redis at the door: it turns away what cannot succeed before PostgreSQL is asked, and counts slices
//! that were set aside. Never the truth: without it, or with it wrong, flushed or frozen, everything is
//! decided behind it as before, only slower.

use crate::error::{Error, Result};
use inventory_core::command::Place;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError, Script};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer than that nobody waits for a guard.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long nobody asks after it failed.
const PAUSE: Duration = Duration::from_millis(500);

pub struct Door {
    client: Client,
    script: Script,
    /// Keeps our keys apart from those of other gateways and other databases.
    prefix: String,
    link: Mutex<Link>,
}

enum Link {
    Up(MultiplexedConnection),
    /// Not to be tried before that.
    Down(Instant),
}

/// What the script said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may succeed; what is left, where that is known.
    Pass(Option<i64>),
    /// It cannot.
    Refuse,
}

impl Verdict {
    fn of((may, left): (i64, i64)) -> Verdict {
        match may {
            0 => Verdict::Refuse,
            _ => Verdict::Pass((left >= 0).then_some(left)),
        }
    }
}

impl Door {
    /// `url` may hold a password: no error shows it. Redis need not be there yet.
    pub fn new(url: &str, prefix: &str) -> Result<Door> {
        let wrong = || {
            Error::usage(
                "--redis-url is no valid Redis URL (its text is not shown: it may hold a password)",
            )
        };
        let info = url.into_connection_info().map_err(|_| wrong())?;
        // Small calls and answers: each is to leave at once.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Door {
            client: Client::open(info).map_err(|_| wrong())?,
            script: Script::new(include_str!("door.lua")),
            prefix: prefix.to_owned(),
            link: Mutex::new(Link::Down(Instant::now())),
        })
    }

    /// Whether a deduction may succeed, as far as PostgreSQL confirmed a moment ago.
    pub async fn look(&self, place: &Place, units: i64) -> Verdict {
        self.decide(&self.level(place), units, "look").await
    }

    /// Takes from a slice that was set aside for us; one that is not known passes with nothing left known.
    pub async fn take(&self, place: &Place, units: i64) -> Verdict {
        self.decide(&self.slice(place), units, "take").await
    }

    async fn decide(&self, key: &str, units: i64, mode: &str) -> Verdict {
        let answer = self
            .with(async |mut connection| {
                self.script.key(key).arg(units).arg(mode).invoke_async(&mut connection).await
            })
            .await;
        answer.map_or(Verdict::Pass(None), Verdict::of)
    }

    /// PostgreSQL said that nothing is there; good for as long as its word is.
    pub async fn empty(&self, place: &Place, fresh_for: Duration) {
        let millis = u64::try_from(fresh_for.as_millis()).unwrap_or(0);
        if millis == 0 {
            return;
        }
        let mut set = redis::cmd("SET");
        set.arg(self.level(place)).arg(0).arg("PX").arg(millis);
        self.with(async |mut connection| set.exec_async(&mut connection).await).await;
    }

    /// Goods came in.
    pub async fn forget(&self, place: &Place) {
        let mut del = redis::cmd("DEL");
        del.arg(self.level(place));
        self.with(async |mut connection| del.exec_async(&mut connection).await).await;
    }

    /// Brings what Redis counts of a slice down to what is left of it, or up where it lost it; the
    /// difference that was found, where there was something to compare.
    pub async fn reconcile(&self, place: &Place, left: i64, kept: Duration) -> Option<i64> {
        let key = self.slice(place);
        let found = self
            .with(async |mut connection| {
                redis::cmd("GET").arg(&key).query_async::<Option<i64>>(&mut connection).await
            })
            .await?;
        if found != Some(left) {
            let mut set = redis::cmd("SET");
            set.arg(&key).arg(left).arg("EX").arg(kept.as_secs().max(1));
            self.with(async |mut connection| set.exec_async(&mut connection).await).await;
        }
        found.map(|found| found - left)
    }

    fn level(&self, place: &Place) -> String {
        // All gateways of a database share what it confirmed.
        format!("inventory:level:{}:{}", place.warehouse_id.number(), &*place.sku)
    }

    fn slice(&self, place: &Place) -> String {
        format!("inventory:slice:{}:{}:{}", self.prefix, place.warehouse_id.number(), &*place.sku)
    }

    pub fn is_up(&self) -> bool {
        matches!(*self.link.lock().unwrap_or_else(PoisonError::into_inner), Link::Up(_))
    }

    /// One call; None where it could not be made, after which nobody tries for a while. So a Redis that
    /// was replaced, has become a replica (READONLY) or hangs is left and found again.
    async fn with<T>(
        &self,
        call: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        let connection = self.connection().await?;
        match call(connection).await {
            Ok(answer) => Some(answer),
            Err(cause) => {
                self.lost(&cause);
                None
            }
        }
    }

    async fn connection(&self) -> Option<MultiplexedConnection> {
        {
            let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            match &*link {
                Link::Up(connection) => return Some(connection.clone()),
                Link::Down(until) if Instant::now() < *until => return None,
                // Only one tries at a time.
                Link::Down(_) => *link = Link::Down(Instant::now() + PAUSE),
            }
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE * 10))
            .set_response_timeout(Some(PATIENCE));
        match self.client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => {
                let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
                *link = Link::Up(connection.clone());
                Some(connection)
            }
            Err(cause) => {
                self.lost(&cause);
                None
            }
        }
    }

    fn lost(&self, cause: &RedisError) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*link, Link::Up(_)) {
            tracing::warn!(error = %cause.category(), "Redis does not answer; everything goes on without it");
        }
        *link = Link::Down(Instant::now() + PAUSE);
    }
}
