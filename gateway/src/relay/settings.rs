//! Every setting of a relay: a flag and a variable, with the reason for its default.

use super::judge::Retry;
use super::{PATIENCE, fresh_name};
use crate::store::PoolSettings;
use clap::Args;
use std::time::Duration;

#[derive(Args, Clone, Debug)]
pub struct RelayArgs {
    /// What events say they come from: which shop this is, a URI reference
    #[arg(long, env = "INVENTORY_RELAY_SOURCE", default_value = "/inventory", value_name = "URI", value_parser = source)]
    pub relay_source: String,

    /// Tries of an event that a sink refuses, before it is dead and those behind it go on
    #[arg(long, env = "INVENTORY_RELAY_ATTEMPTS", default_value_t = 8, value_name = "TRIES", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub relay_attempts: u32,

    /// Milliseconds before its second try; before each later one twice as long, five minutes at most
    #[arg(long, env = "INVENTORY_RELAY_RETRY_MS", default_value_t = 1_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=300_000))]
    pub relay_retry_ms: u64,

    /// Milliseconds that a sink may take for one answer before it counts as away
    #[arg(long, env = "INVENTORY_RELAY_PATIENCE_MS", default_value_t = 10_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=300_000))]
    pub relay_patience_ms: u64,

    /// Milliseconds from one look at an idle journal to the next, at most
    #[arg(long, env = "INVENTORY_RELAY_POLL_MS", default_value_t = 250, value_name = "MS", value_parser = clap::value_parser!(u64).range(5..=60_000))]
    pub relay_poll_ms: u64,

    /// Milliseconds after which other relays take over from one that gives no sign
    #[arg(long, env = "INVENTORY_RELAY_LEASE_MS", default_value_t = 15_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1_000..=600_000))]
    pub relay_lease_ms: u64,

    /// Let webhooks lead to loopback, link-local and private addresses
    #[arg(long, env = "INVENTORY_RELAY_PRIVATE_ADDRESSES")]
    pub relay_private_addresses: bool,
}

/// CloudEvents has one in every event: not empty, and of the characters that RFC 3986 knows.
fn source(text: &str) -> Result<String, String> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&c);
    if !text.is_empty() && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err("a URI reference, as in https://shop.example.com or /shop".to_owned())
}

/// How a relay works.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    pub name: String,
    pub lease: Duration,
    pub poll: Duration,
    pub retry: Retry,
    pub sinks: inventory_sinks::Settings,
}

/// The longest pause before another try.
const LONGEST: Duration = Duration::from_secs(300);

impl RelayArgs {
    pub fn settings(&self) -> RelaySettings {
        RelaySettings {
            name: fresh_name(),
            lease: Duration::from_millis(self.relay_lease_ms),
            poll: Duration::from_millis(self.relay_poll_ms),
            retry: Retry {
                attempts: self.relay_attempts,
                first: Duration::from_millis(self.relay_retry_ms),
                longest: LONGEST,
            },
            sinks: inventory_sinks::Settings {
                source: self.relay_source.clone(),
                patience: Duration::from_millis(self.relay_patience_ms),
                private_addresses: self.relay_private_addresses,
            },
        }
    }

    /// Connections for a relay that runs by itself: each sink has one at most at a time.
    pub fn pool(&self) -> PoolSettings {
        PoolSettings {
            connections: 4,
            acquire: PATIENCE,
            statement: PATIENCE,
            lock: PATIENCE / 2,
            silence: PATIENCE + PATIENCE / 2,
        }
    }
}

impl RelaySettings {
    /// From one sign of life to the next.
    pub fn beat(&self) -> Duration {
        (self.lease / 3).min(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_uri_reference() {
        for text in ["/inventory", "https://shop.example.com/a?b#c", "urn:shop:7", "shop%20one"] {
            assert_eq!(source(text).as_deref(), Ok(text));
        }
        for text in ["", " ", "a b", "shöp", "a\nb", "<shop>", "a\"b"] {
            assert!(source(text).is_err(), "{text:?}");
        }
    }
}
