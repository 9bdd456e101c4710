//! How often a principal may ask.

use super::Principal;
use crate::http::problem::{Fault, Problem};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

pub struct Limits {
    buckets: DefaultKeyedRateLimiter<Arc<str>>,
    clock: DefaultClock,
}

impl Limits {
    /// Requests a second, as many at once.
    pub fn new(rate: NonZeroU32) -> Limits {
        Limits {
            buckets: RateLimiter::keyed(Quota::per_second(rate)),
            clock: DefaultClock::default(),
        }
    }

    pub fn admit(&self, principal: &Principal) -> Result<(), Problem> {
        self.buckets.check_key(&principal.id).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Problem::new(Fault::RateLimited, "you ask more often than you may; wait, then go on")
                .retry_after(seconds)
        })
    }

    /// Forgets those who have not asked for a while.
    pub fn tidy(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}
