//! The API keys that the database knows, kept in memory: asking it for every request would cost more
//! than the request, and keys must hold while it is away.

use super::{OF_A_KEY, Principal, Role, unauthorized};
use crate::error::Result;
use crate::http::key::ApiKey;
use crate::http::problem::{self, Problem};
use crate::store::{KnownKey, Pool, Time};
use chrono::Utc;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How old the keys in memory may be: a revoked key works no longer than that.
pub const REFRESH: Duration = Duration::from_secs(2);
/// How often a key that nobody knows may make us ask the database before that.
const ASK_AGAIN: Duration = Duration::from_millis(100);

pub struct Keyring {
    pool: Pool,
    keys: RwLock<HashMap<String, Entry>>,
    asked: Mutex<Option<Instant>>,
    /// Whether they were read at all since we began.
    read: AtomicBool,
}

struct Entry {
    known: KnownKey,
    principal: Principal,
    /// Microseconds since 1970 of its last use here, 0 where there was none since it was written down.
    used: AtomicI64,
}

impl Entry {
    fn is_good(&self) -> bool {
        let now = Utc::now();
        self.known.revoked_at.is_none_or(|at| at > now)
            && self.known.expires_at.is_none_or(|at| at > now)
    }
}

impl Keyring {
    pub fn new(pool: Pool) -> Keyring {
        Keyring {
            pool,
            keys: RwLock::default(),
            asked: Mutex::new(None),
            read: AtomicBool::new(false),
        }
    }

    pub async fn principal(&self, text: &str) -> Result<Principal, Problem> {
        let key =
            ApiKey::parse(text).ok_or_else(|| unauthorized("that is no key of this service"))?;
        self.holder(key.id(), |hash| key.is(hash)).await
    }

    /// Who holds the key of that id, to somebody who can prove having to do with it.
    pub async fn holder(
        &self,
        key_id: &str,
        proves: impl Fn(&[u8]) -> bool,
    ) -> Result<Principal, Problem> {
        if let Some(found) = self.look_up(key_id, &proves) {
            return found;
        }
        // It may be new, or nothing may have been read yet.
        let asked = self.ask().await;
        match self.look_up(key_id, &proves) {
            Some(found) => found,
            None if self.unread() => Err(asked.err().unwrap_or_else(|| problem::away(ASK_AGAIN))),
            None => Err(unauthorized("the key is not known")),
        }
    }

    /// Whether the database has never told its keys: then nobody can say that one is wrong.
    fn unread(&self) -> bool {
        !self.read.load(Ordering::Acquire)
    }

    fn look_up(
        &self,
        key_id: &str,
        proves: impl Fn(&[u8]) -> bool,
    ) -> Option<Result<Principal, Problem>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let entry = keys.get(key_id)?;
        if !proves(&entry.known.key_hash) || !entry.is_good() {
            return Some(Err(unauthorized("the key is wrong, expired or revoked")));
        }
        entry.used.store(Utc::now().timestamp_micros(), Ordering::Relaxed);
        Some(Ok(entry.principal.clone()))
    }

    /// Whether a key that was good still is.
    pub fn holds(&self, key_id: &str) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(key_id).is_some_and(Entry::is_good)
    }

    /// Makes something of the hash of a good key.
    pub fn with_hash<T>(&self, key_id: &str, make: impl Fn(&[u8]) -> T) -> Result<T, Problem> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let entry = keys.get(key_id).filter(|entry| entry.is_good());
        let entry = entry.ok_or_else(|| unauthorized("the key is expired or revoked"))?;
        Ok(make(&entry.known.key_hash))
    }

    /// At most once in `ASK_AGAIN`, whoever asks.
    async fn ask(&self) -> Result<(), Problem> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return Ok(());
        }
        let read = self.refresh().await;
        // From its end on: while the database is away, asking takes longer than the pause.
        *asked = Some(Instant::now());
        read.map_err(|error| {
            tracing::warn!(%error, "the API keys could not be read; those known stay good");
            Problem::from(error)
        })
    }

    pub async fn refresh(&self) -> Result<()> {
        let known = self.pool.session().await?.api_keys().await?;
        self.read.store(true, Ordering::Release);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *keys);
        *keys = known
            .into_iter()
            .filter_map(|known| {
                let used = before.get(&known.key_id).map_or(0, |e| e.used.load(Ordering::Relaxed));
                let principal = Principal {
                    id: format!("{OF_A_KEY}{}", known.key_id).into(),
                    name: Arc::from(known.name.as_str()),
                    role: Role::parse(&known.role)?,
                    until: None,
                };
                Some((known.key_id.clone(), Entry { known, principal, used: used.into() }))
            })
            .collect();
        Ok(())
    }

    /// Tells the database which keys were used, and reads what changed.
    pub async fn keep(&self) -> Result<()> {
        let used = self.take_uses();
        if !used.is_empty() {
            self.pool.session().await?.touch_api_keys(&used).await?;
        }
        self.refresh().await
    }

    fn take_uses(&self) -> Vec<(String, Time)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .filter_map(|(id, entry)| match entry.used.swap(0, Ordering::Relaxed) {
                0 => None,
                micros => Some((id.clone(), Time::from_timestamp_micros(micros)?)),
            })
            .collect()
    }
}
