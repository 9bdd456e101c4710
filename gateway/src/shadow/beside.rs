//! A shadow as the gateway before its source knows it: compared now and then, and read where somebody wants that.

use super::{By, SOURCES_MAX, Share};
use crate::check::shadow::{self, Compared};
use crate::error::Result;
use crate::serve::ServeSettings;
use crate::store::{Database, Pool, Session, Shadow, Time};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Where a reader wants the answer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Main,
    Shadow,
}

pub struct Beside {
    pool: Pool,
    name: String,
    reads: bool,
    repair: bool,
    /// Which part it follows; None while it follows nothing, or does not answer.
    share: RwLock<Option<Share>>,
}

impl Beside {
    pub fn new(url: &str, settings: &ServeSettings) -> Result<Beside> {
        let database = Database::new(url, settings.shadow_pool().acquire)?;
        Ok(Beside {
            pool: database.lazy_pool(&settings.shadow_pool()),
            name: settings.shadow_name.clone(),
            reads: settings.shadow_reads,
            repair: settings.shadow_repair,
            share: RwLock::default(),
        })
    }

    /// Notes which part it follows; gives when it had heard of everything.
    pub async fn look(&self) -> Option<Time> {
        let found = self.found().await;
        let found = found.inspect_err(|error| tracing::debug!(%error, "the shadow is away"));
        let ours = found.ok().flatten();
        let share = ours.as_ref().filter(|shadow| shadow.state == "RUNNING").and_then(share_of);
        *self.share.write().unwrap_or_else(PoisonError::into_inner) = share;
        ours?.caught_up_at
    }

    async fn found(&self) -> Result<Option<Shadow>> {
        let shadows = self.pool.session().await?.shadows(SOURCES_MAX).await?;
        Ok(shadows.into_iter().find(|shadow| shadow.source == self.name))
    }

    /// Whether a SKU is to be read there. Without a wish the share decides, where the service is to read that
    /// there at all.
    pub fn is_asked(&self, wish: Option<Wish>, sku: &str, user: &str) -> bool {
        match wish {
            Some(wish) => wish == Wish::Shadow,
            None => self.reads && self.share().is_some_and(|share| share.reads(sku, user)),
        }
    }

    /// To read there; None where it follows nothing now, or does not answer.
    pub async fn session(&self) -> Option<Session> {
        self.share()?;
        self.pool.session().await.ok()
    }

    fn share(&self) -> Option<Share> {
        *self.share.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compared with its source; `limit` is what a statement may take.
    pub async fn compare(&self, source: &mut Session, limit: Duration) -> Result<Compared> {
        let mut session = self.pool.patient(limit).await?;
        let compared = shadow::round(source, &mut session, 1.0, self.repair).await?;
        session.close().await?;
        Ok(compared)
    }
}

fn share_of(shadow: &Shadow) -> Option<Share> {
    let by = if shadow.share_by == By::User.as_str() { By::User } else { By::Sku };
    Share::of_parts(shadow.share, by)
}
