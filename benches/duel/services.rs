//! Whom the sides of an `http_` duel call, each a process of its own.

use std::process::Command;

use inventory_benches::service::{api_key, beside_us, gateway, redis};
use inventory_benches::{Database, Result, Service};

/// Whom a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    Gateway,
    /// With a Redis at its door.
    Guarded,
    Bare,
}

pub struct Services {
    pub api_key: String,
    running: Vec<Running>,
}

struct Running {
    answerer: Answerer,
    address: String,
    _service: Service,
}

impl Services {
    /// Those that are asked for.
    pub fn start(database: &Database, wanted: &[Answerer]) -> Result<Services> {
        let mut services = Services { api_key: String::new(), running: Vec::new() };
        if wanted.is_empty() {
            return Ok(services);
        }
        services.api_key = api_key(database)?;
        for answerer in wanted.iter().copied() {
            let command = match answerer {
                Answerer::Bare => Command::new(beside_us("bare")),
                Answerer::Gateway => gateway(database, ""),
                Answerer::Guarded => gateway(database, &redis()),
            };
            let (service, address) = Service::listening(command)?;
            services.running.push(Running { answerer, address, _service: service });
        }
        Ok(services)
    }

    /// `127.0.0.1:port`
    pub fn address(&self, answerer: Answerer) -> &str {
        let found = self.running.iter().find(|running| running.answerer == answerer);
        found.map_or("", |running| running.address.as_str())
    }
}
