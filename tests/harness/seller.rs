//! A client that sells on whatever happens to its connection, and keeps a log of what it was told.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use uuid::Uuid;

use crate::database::{Database, User};
use crate::dice::Dice;
use crate::ledger::{End, Told};
use crate::session::Session;

/// Who sells what.
#[derive(Clone)]
pub struct Seller {
    pub db: Database,
    pub skus: Vec<String>,
    pub seed: u64,
    /// Of ten calls whose end is not known, how many are repeated until it is.
    pub repeats: usize,
}

impl Seller {
    /// Several, each with dice of its own.
    pub fn several(self, count: usize) -> Vec<Seller> {
        let seller = |n| Seller { seed: self.seed * 1_000 + n as u64, ..self.clone() };
        (0..count).map(seller).collect()
    }

    /// Sells until told to stop, a unit or a few at a time; gives its log.
    pub async fn sell_until(&self, stop: &AtomicBool) -> Vec<Told> {
        let mut dice = Dice::new(self.seed);
        let mut session = None;
        let mut log = Vec::new();
        while !stop.load(Relaxed) {
            let call = Told {
                id: uuid(&mut dice),
                sku: dice.pick(&self.skus).clone(),
                delta: -1 - dice.below(3) as i64,
                end: End::Unknown(Default::default()),
            };
            log.push(self.call(&mut session, &mut dice, call).await);
        }
        log
    }

    /// One call, repeated or not until its end is known.
    async fn call(&self, session: &mut Option<Session>, dice: &mut Dice, mut call: Told) -> Told {
        let function = if dice.below(8) == 0 { "deduct" } else { "deduct_now" };
        let sql = format!(
            "SELECT order_no, on_hand FROM inventory.{function}('{}', {}, request_id => '{}')",
            call.sku, -call.delta, call.id
        );
        let repeat = dice.below(10) < self.repeats;
        loop {
            let open = match session {
                Some(open) => open,
                None => session.insert(self.connect().await),
            };
            call.end = End::of(open.query(&sql).await);
            let End::Unknown(why) = &call.end else { return call };
            if !["57014", "40003"].contains(&&*why.sqlstate) {
                *session = None; // the others say that it is over
            }
            if !repeat {
                return call;
            }
        }
    }

    /// A session, as soon as there is one to be had.
    async fn connect(&self) -> Session {
        loop {
            match self.db.try_session(User::Operator).await {
                Ok(session) => return session,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

fn uuid(dice: &mut Dice) -> Uuid {
    let half = |dice: &mut Dice| (dice.below(1 << 32) as u64) << 32 | dice.below(1 << 32) as u64;
    Uuid::from_u64_pair(half(dice), half(dice))
}
