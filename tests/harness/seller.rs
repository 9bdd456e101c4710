//! A client that sells on whatever happens to its connection, and keeps a log of what it was told.

use std::cell::RefCell;
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
    /// Whether some of the sessions have little patience.
    pub hasty: bool,
    /// The functions that are called: some of `deduct`, `deduct_now`, `receive`, `reserve_now`.
    pub functions: &'static [&'static str],
}

/// Mostly what is committed together, and a little of what is not.
pub const DEDUCTIONS: [&str; 8] = [
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct",
];
/// Goods that come in, and holds, too.
pub const ALL: [&str; 8] = [
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "deduct_now",
    "reserve_now",
    "receive",
    "deduct",
];

impl Seller {
    /// Several, each with dice of its own.
    pub fn several(self, count: usize) -> Vec<Seller> {
        let seller = |n| Seller { seed: self.seed * 1_000 + n as u64, ..self.clone() };
        (0..count).map(seller).collect()
    }

    /// Sells until told to stop, a unit or a few at a time, and keeps its log.
    pub async fn sell_until(&self, stop: &AtomicBool, log: &RefCell<Vec<Told>>) {
        let mut dice = Dice::new(self.seed);
        let mut session = None;
        while !stop.load(Relaxed) {
            let told = self.call(&mut session, &mut dice).await;
            log.borrow_mut().push(told);
        }
    }

    /// One call, repeated or not until its end is known.
    async fn call(&self, session: &mut Option<Session>, dice: &mut Dice) -> Told {
        let (id, sku) = (uuid(dice), dice.pick(&self.skus).clone());
        let (function, qty) = (*dice.pick(self.functions), 1 + dice.below(3) as i64);
        let (delta, order_no) = match function {
            "receive" => (qty, "NULL"),
            "reserve_now" => (0, "NULL"),
            _ => (-qty, "order_no"),
        };
        let sql = format!(
            "SELECT {order_no}, on_hand FROM inventory.{function}('{sku}', {qty}, request_id => '{id}')"
        );
        let mut call = Told { id, sku, delta, end: End::Unknown(Default::default()) };
        let repeat = dice.below(10) < self.repeats;
        loop {
            let open = match session {
                Some(open) => open,
                None => session.insert(self.connect(dice).await),
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
    async fn connect(&self, dice: &mut Dice) -> Session {
        let patience = match dice.below(3) {
            0 if self.hasty => 20 + dice.below(100),
            _ => 0,
        };
        let set_up = format!("SET statement_timeout = {patience}");
        loop {
            if let Ok(mut session) = self.db.try_session(User::Operator).await
                && session.query(&set_up).await.is_ok()
            {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn uuid(dice: &mut Dice) -> Uuid {
    let half = |dice: &mut Dice| (dice.below(1 << 32) as u64) << 32 | dice.below(1 << 32) as u64;
    Uuid::from_u64_pair(half(dice), half(dice))
}
