//! What every request shares.

use super::metrics::Metrics;
use super::settings::ServeSettings;
use crate::deduct::batch::{Desk, Room};
use crate::deduct::door::Door;
use crate::deduct::fallback::Fallback;
use crate::deduct::front::Front;
use crate::deduct::hot::Hot;
use crate::deduct::known::Known;
use crate::deduct::repeats::Repeats;
use crate::deduct::switch::Switch;
use crate::deduct::zeros::Zeros;
use crate::error::Result;
use crate::events::{Bus, Reader, Seats};
use crate::http::access::jwt::Tokens;
use crate::http::access::keyring::Keyring;
use crate::http::access::limits::Limits;
use crate::http::access::{Principal, unauthorized};
use crate::http::problem::{self, Fault, Problem};
use crate::saga::Sagas;
use crate::shadow::Beside;
use crate::store::{Database, Pool, Session};
use chrono::Utc;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::Instrument;

pub struct App {
    pub settings: ServeSettings,
    /// As a role that can do what an operator can.
    pub operating: Pool,
    /// As one that keeps products, warehouses and keys.
    pub administering: Pool,
    pub keyring: Keyring,
    pub tokens: Option<Tokens>,
    pub limits: Option<Limits>,
    pub metrics: Arc<Metrics>,
    pub breaker: Arc<Switch>,
    pub front: Front,
    pub shadow: Option<Beside>,
    pub sagas: Arc<Sagas>,
    /// Rung when a saga is due at once.
    pub saga_bell: Arc<Notify>,
    pub events: Arc<Bus>,
    /// Of those who listen to events.
    pub seats: Arc<Seats>,
    /// True once streams must end.
    closing: watch::Sender<bool>,
    stopping: AtomicBool,
    /// Why the database cannot be used now; None while it can.
    away: Mutex<Option<String>>,
}

/// Half of the pool may wait for rows; the other half goes on.
fn aside(pool: u32) -> usize {
    usize::try_from(pool / 2).unwrap_or(1).max(1)
}

impl App {
    /// The batchers end once the app is gone, and the reader of events.
    pub fn new(
        settings: ServeSettings,
        operating: &Database,
        administering: &Database,
    ) -> Result<(Arc<App>, Vec<JoinHandle<()>>, Reader)> {
        let metrics = Arc::new(Metrics::new()?);
        let pool = settings.pool();
        let (operating, administering) =
            (operating.lazy_pool(&pool), administering.lazy_pool(&pool));
        let breaker = Arc::new(Switch::new(settings.breaker()));
        let room = Room {
            pool: operating.clone(),
            metrics: metrics.clone(),
            breaker: breaker.clone(),
            aside: aside(settings.pool),
            elsewhere: settings.journal_dir.is_some(),
        };
        let depth = usize::try_from(settings.queue).unwrap_or(usize::MAX);
        let (desk, mut workers) =
            Desk::open(&room, settings.workers.into(), depth, settings.request_timeout());
        let (repeats, answering) = Repeats::open(operating.clone(), breaker.clone(), depth);
        workers.push(answering);
        settings.origins()?;
        let fallback = settings.journal_dir.as_deref().map(|folder| {
            Fallback::open(folder, operating.clone(), settings.lease_ttl(), settings.leases())
        });
        let zeros = Zeros::new(settings.zero_window());
        let fallback: Option<Fallback> = fallback.transpose()?;
        let prefix = fallback.as_ref().map_or("", Fallback::holder);
        let door =
            settings.redis_url().map(|url| Door::new(url, prefix).map(Arc::new)).transpose()?;
        let tokens = settings.token_sku.iter().filter(|sku| !sku.is_empty()).cloned().collect();
        let hot = Hot::new(settings.hot_qps);
        let known = Known::default();
        let front = Front { desk, fallback, zeros, hot, known, repeats, door, tokens };
        let shadow = settings.shadow_url().map(|url| Beside::new(url, &settings)).transpose()?;
        let sagas = Arc::new(Sagas::read(settings.saga_file.as_deref())?);
        let (events, reader) = Bus::new(operating.clone(), metrics.clone());
        let app = App {
            shadow,
            sagas,
            saga_bell: Arc::default(),
            keyring: Keyring::new(administering.clone()),
            tokens: settings.tokens()?,
            limits: NonZeroU32::new(settings.rate_limit).map(Limits::new),
            events,
            seats: Seats::new(settings.event_clients, settings.event_clients_each),
            closing: watch::Sender::new(false),
            stopping: AtomicBool::new(false),
            away: Mutex::new(Some("the database has not answered yet".to_owned())),
            settings,
            operating,
            administering,
            metrics,
            breaker,
            front,
        };
        Ok((Arc::new(app), workers, reader))
    }

    pub async fn principal(&self, credential: &str) -> Result<Principal, Problem> {
        if !Tokens::looks_like_one(credential) {
            return self.keyring.principal(credential).await;
        }
        match &self.tokens {
            Some(tokens) => tokens.principal(credential),
            None => Err(unauthorized("this service takes keys, not tokens")),
        }
    }

    /// Whether somebody who was let in would be let in again.
    pub fn still_holds(&self, principal: &Principal) -> bool {
        let key_holds = principal.key_id().is_none_or(|key_id| self.keyring.holds(key_id));
        key_holds && principal.until.is_none_or(|until| until > Utc::now())
    }

    /// A session for reads and single commands.
    pub async fn session(&self) -> Result<Session, Problem> {
        self.timed(&self.operating).await
    }

    /// One for products, warehouses and what else only an administrator may.
    pub async fn admin_session(&self) -> Result<Session, Problem> {
        self.timed(&self.administering).await
    }

    /// Carries a command out to its end, also when the client that asked for it has gone.
    pub async fn command<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        carried_out(work(self.session().await?)).await
    }

    /// The same for what only an administrator may.
    pub async fn admin_command<T, F>(&self, work: impl FnOnce(Session) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        carried_out(work(self.admin_session().await?)).await
    }

    async fn timed(&self, pool: &Pool) -> Result<Session, Problem> {
        let pass = self.breaker.ask().map_err(|refused| problem::away(refused.retry_after))?;
        let asked = Instant::now();
        let session = pool.session().await;
        self.metrics.pool_wait(asked.elapsed());
        self.breaker.tell(pass, &session);
        Ok(session?)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Ends what would go on for ever.
    pub fn close_streams(&self) {
        self.closing.send_replace(true);
    }

    /// Turns true when streams must end.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Why no more work should be sent here; None while it should.
    pub fn unready(&self) -> Option<String> {
        if self.stopping.load(Ordering::Acquire) {
            return Some("the service is going down".to_owned());
        }
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a look at the database found.
    pub fn found(&self, away: Option<String>) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = away;
    }
}

async fn carried_out<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => Ok(done?),
        Err(cause) => {
            tracing::error!(%cause, "a command did not end");
            Err(Problem::new(Fault::Internal, "the failure is in the log under this trace id"))
        }
    }
}
