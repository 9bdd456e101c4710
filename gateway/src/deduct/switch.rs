//! The breaker as everybody who talks to the database shares it.

use super::breaker::{Breaker, Outcome, Pass, Refused, Settings, State};
use crate::error::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub struct Switch(Mutex<Breaker>);

impl Switch {
    pub fn new(settings: Settings) -> Switch {
        Switch(Mutex::new(Breaker::new(settings, Instant::now())))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> State {
        self.breaker().state()
    }

    /// Whether the database may be asked now.
    pub fn ask(&self) -> Result<Pass, Refused> {
        self.breaker().ask(Instant::now())
    }

    pub fn tell<T>(&self, pass: Pass, end: &Result<T>) {
        let outcome = end.as_ref().map_or_else(Outcome::of, |_| Outcome::Answered);
        let mut breaker = self.breaker();
        let before = breaker.state();
        breaker.tell(pass, outcome, Instant::now());
        let after = breaker.state();
        drop(breaker);
        if before != after {
            tracing::warn!(?before, ?after, "the breaker of the database changed");
        }
    }
}
