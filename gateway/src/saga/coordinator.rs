//! Takes up sagas that are due and goes on with each until it rests. Several gateways share them: what
//! one has, no other takes up until its time is over, and whoever lost a saga is told so.

use super::participants::Participants;
use crate::error::{Error, Result};
use crate::serve::app::App;
use crate::serve::metrics::Metrics;
use crate::store::{ClaimedSaga, Database, Pool, SagaNext, SagaReport};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Between two looks for what is due, where nothing rings.
const LOOK: Duration = Duration::from_millis(250);
/// After a look that failed.
const REST: Duration = Duration::from_secs(1);
/// Before what the database did not take in is told it again; then the saga's time ends by itself.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

pub struct Coordinator {
    desk: Arc<Desk>,
    room: Arc<Semaphore>,
    at_once: usize,
    holder: String,
    bell: Arc<Notify>,
}

/// What goes on with one saga.
struct Desk {
    pool: Pool,
    participants: Participants,
    metrics: Arc<Metrics>,
    lease: Duration,
}

impl Coordinator {
    /// None where sagas are left to other gateways.
    pub fn new(app: &App, operating: &Database) -> Result<Option<Coordinator>> {
        let at_once = usize::from(app.settings.sagas);
        if at_once == 0 {
            return Ok(None);
        }
        let desk = Desk {
            pool: operating.lazy_pool(&app.settings.saga_pool()),
            participants: Participants::new(app.sagas.clone())?,
            metrics: app.metrics.clone(),
            lease: app.settings.saga_lease(),
        };
        Ok(Some(Coordinator {
            desk: Arc::new(desk),
            room: Arc::new(Semaphore::new(at_once)),
            at_once,
            holder: format!("gateway-{}", &Uuid::new_v4().simple().to_string()[..12]),
            bell: app.saga_bell.clone(),
        }))
    }

    /// Until it is halted; calls that are under way are waited for.
    pub async fn run(self, mut halted: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        let mut failing = false;
        while !*halted.borrow() {
            let pause = match self.take_up(&mut under_way, &halted).await {
                Ok(()) => {
                    failing = false;
                    LOOK
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "sagas cannot be taken up; again soon");
                    }
                    REST
                }
            };
            while under_way.try_join_next().is_some() {}
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = halted.changed() => {}
            }
        }
        while under_way.join_next().await.is_some() {}
        self.desk.pool.close().await;
    }

    /// As many as there is room for.
    async fn take_up(
        &self,
        under_way: &mut JoinSet<()>,
        halted: &watch::Receiver<bool>,
    ) -> Result<()> {
        let mut permits = Vec::new();
        while permits.len() < self.at_once
            && let Ok(permit) = self.room.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        if permits.is_empty() {
            return Ok(());
        }
        let most = i32::try_from(permits.len()).unwrap_or(i32::MAX);
        let claimed = {
            let mut session = self.desk.pool.session().await?;
            session.claim_sagas(&self.holder, self.desk.lease, most).await?
        };
        // Where all room was taken there may be more: whoever ends first rings.
        for (claimed, permit) in claimed.into_iter().zip(permits) {
            let (desk, bell, halted) = (self.desk.clone(), self.bell.clone(), halted.clone());
            under_way.spawn(async move {
                desk.carry_on(claimed, &halted, permit).await;
                bell.notify_one();
            });
        }
        Ok(())
    }
}

impl Desk {
    /// Goes on with a saga until it rests, is somebody else's, or the gateway goes down.
    async fn carry_on(
        &self,
        claimed: ClaimedSaga,
        halted: &watch::Receiver<bool>,
        _room: OwnedSemaphorePermit,
    ) {
        let mut report = None;
        loop {
            let lease = (!*halted.borrow()).then_some(self.lease);
            match self.advance(claimed, lease, report.take().as_ref()).await {
                Ok(SagaNext::Again) => {}
                Ok(SagaNext::Call(call)) => {
                    let told = self.participants.ask(&call).await;
                    self.metrics.saga_call(told.outcome.as_str());
                    report = Some(told);
                }
                Ok(SagaNext::Rest(why)) => return self.rests(claimed, &why),
                Err(error) => {
                    let saga = claimed.saga_id;
                    tracing::warn!(%saga, %error, "a saga could not be gone on with; it is due again soon");
                    return;
                }
            }
        }
    }

    fn rests(&self, claimed: ClaimedSaga, why: &str) {
        let saga = claimed.saga_id;
        match why {
            "completed" | "reverted" => self.metrics.saga_ended(why),
            "needs_attention" => {
                tracing::warn!(%saga, "a saga needs attention: inventory saga show")
            }
            _ => tracing::debug!(%saga, why, "a saga rests"),
        }
    }

    /// Once more where the database was away, or others were in the way.
    async fn advance(
        &self,
        claimed: ClaimedSaga,
        lease: Option<Duration>,
        report: Option<&SagaReport>,
    ) -> Result<SagaNext> {
        let mut pauses = PAUSES.iter();
        loop {
            let said =
                async { self.pool.session().await?.advance_saga(claimed, lease, report).await };
            match (said.await, pauses.next()) {
                (Err(Error::Unreachable { .. } | Error::Database { .. }), Some(pause)) => {
                    tokio::time::sleep(*pause).await;
                }
                (said, _) => return said,
            }
        }
    }
}
