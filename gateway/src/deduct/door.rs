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

/// Keys that a scan goes through at once.
const SCANNED: usize = 500;
/// Counts that are read at most.
const COUNTS_MAX: usize = 100_000;

pub struct Door {
    client: Client,
    script: Script,
    /// Keeps our keys apart from those of other gateways and other databases.
    prefix: String,
    /// For an answer.
    patience: Duration,
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

/// What Redis counts of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub key: String,
    pub kind: Kind,
    pub sku: String,
    pub warehouse_id: i32,
    /// None where it is no number.
    pub units: Option<i64>,
    /// None for ever.
    pub lasts: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A zero that PostgreSQL confirmed.
    Level,
    /// What is left of what a holder set aside.
    Slice(String),
}

impl Kind {
    /// The other way round: what a key of ours counts, of which SKU and warehouse.
    fn of_key(key: &str) -> Option<(Kind, String, i32)> {
        let rest = key.strip_prefix("inventory:")?;
        let (kind, rest) = match rest.strip_prefix("level:") {
            Some(rest) => (Kind::Level, rest),
            None => {
                let (holder, rest) = rest.strip_prefix("slice:")?.split_once(':')?;
                (Kind::Slice(holder.to_owned()), rest)
            }
        };
        let (warehouse, sku) = rest.split_once(':')?;
        Some((kind, sku.to_owned(), warehouse.parse().ok()?))
    }
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
    /// For whoever compares all that Redis counts, and stands in nobody's way.
    pub fn to_compare(url: &str) -> Result<Door> {
        Ok(Door { patience: PATIENCE * 100, ..Door::new(url, "")? })
    }

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
            patience: PATIENCE,
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

    /// All counts of all gateways; None where Redis does not say.
    pub async fn counts(&self) -> Option<Vec<Count>> {
        let mut counts = Vec::new();
        for pattern in ["inventory:level:*", "inventory:slice:*"] {
            let mut cursor = 0;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCANNED);
                let page = async |mut connection| scan.query_async(&mut connection).await;
                let (next, keys): (u64, Vec<Vec<u8>>) = self.with(page).await?;
                counts.extend(self.read(keys).await?);
                cursor = next;
                if cursor == 0 || counts.len() > COUNTS_MAX {
                    break;
                }
            }
        }
        // A scan may name a key twice.
        counts.sort_by(|a, b| a.key.cmp(&b.key));
        counts.dedup_by(|a, b| a.key == b.key);
        Some(counts)
    }

    async fn read(&self, keys: Vec<Vec<u8>>) -> Option<Vec<Count>> {
        let keys = keys.into_iter().filter_map(|key| String::from_utf8(key).ok());
        let named: Vec<(String, (Kind, String, i32))> =
            keys.filter_map(|key| Kind::of_key(&key).map(|kind| (key, kind))).collect();
        if named.is_empty() {
            return Some(Vec::new());
        }
        let mut asking = redis::pipe();
        // MGET, because it passes over what is no text.
        asking.cmd("MGET");
        for (key, _) in &named {
            asking.arg(key);
        }
        for (key, _) in &named {
            asking.cmd("PTTL").arg(key);
        }
        let ask = async |mut connection| asking.query_async(&mut connection).await;
        let answers: Vec<redis::Value> = self.with(ask).await?;
        let mut answers = answers.into_iter();
        let units: Vec<Option<String>> = redis::from_redis_value(answers.next()?).ok()?;
        let lasts: Vec<i64> = answers.filter_map(|a| redis::from_redis_value(a).ok()).collect();
        let count = |(((key, (kind, sku, warehouse_id)), units), lasts)| {
            let units: Option<String> = units;
            let left = u64::try_from(lasts).ok().map(Duration::from_millis);
            let units = units.and_then(|text| text.parse().ok());
            // -2: it ended since the scan.
            (lasts != -2).then_some(Count { key, kind, sku, warehouse_id, units, lasts: left })
        };
        Some(named.into_iter().zip(units).zip(lasts).filter_map(count).collect())
    }

    /// Whether Redis has forgotten a count.
    pub async fn forget_count(&self, key: &str) -> bool {
        let mut del = redis::cmd("DEL");
        del.arg(key);
        self.with(async |mut connection| del.exec_async(&mut connection).await).await.is_some()
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
            .set_response_timeout(Some(self.patience));
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
