//! Every setting of the service: a flag and a variable, with the reason for its default.

use super::logs::LogFormat;
use crate::error::{Error, Result};
use crate::http::access::jwt::Tokens;
use crate::store::PoolSettings;
use axum::http::{HeaderName, HeaderValue, Method, header};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

#[derive(Args, Clone)]
pub struct ServeSettings {
    /// Address to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "INVENTORY_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,

    /// File to write the address to once the service listens
    #[arg(long, env = "INVENTORY_ADDRESS_FILE", value_name = "FILE")]
    pub address_file: Option<PathBuf>,

    /// PostgreSQL for products, warehouses and API keys: a login in inventory_admin (without it,
    /// --database-url, which needs no more than inventory_operator otherwise)
    #[arg(long, env = "INVENTORY_ADMIN_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub admin_database_url: Option<String>,

    /// Connections to the database for single commands and reads; micro-batches have their own
    #[arg(long, env = "INVENTORY_POOL", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pool: u32,

    /// Micro-batchers, each with one batch in flight: two keep a small server busy while each waits
    #[arg(long, env = "INVENTORY_WORKERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// Commands that may wait for each of them; when full, 503 at once
    #[arg(long, env = "INVENTORY_QUEUE", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub queue: u32,

    /// Milliseconds a request may take, from its head to its answer's
    #[arg(long, env = "INVENTORY_REQUEST_TIMEOUT_MS", default_value_t = 10_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub request_timeout_ms: u64,

    /// Milliseconds a command waits for a row that another transaction holds before it is `busy`
    #[arg(long, env = "INVENTORY_LOCK_WAIT_MS", default_value_t = 1_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub lock_wait_ms: u64,

    /// Milliseconds for a request's head to arrive, and for the next one on a kept connection
    #[arg(long, env = "INVENTORY_HEADER_TIMEOUT_MS", default_value_t = 30_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub header_timeout_ms: u64,

    /// Bytes of a body: ten thousand lines fit
    #[arg(long, env = "INVENTORY_MAX_BODY", default_value_t = 2 * 1024 * 1024, value_name = "BYTES")]
    pub max_body: usize,

    /// Connections at once; more wait to be accepted
    #[arg(long, env = "INVENTORY_MAX_CONNECTIONS", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// Requests a second for each key or token; 0 for no limit
    #[arg(long, env = "INVENTORY_RATE_LIMIT", default_value_t = 100_000, value_name = "REQUESTS")]
    pub rate_limit: u32,

    /// Secret of HS256 tokens, at least 32 bytes
    #[arg(long, env = "INVENTORY_JWT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub jwt_secret: Option<String>,

    /// Public keys of RS256 and EdDSA tokens, a JWKS file
    #[arg(long, env = "INVENTORY_JWKS_FILE", value_name = "FILE")]
    pub jwks_file: Option<PathBuf>,

    /// The `iss` that tokens must have
    #[arg(long, env = "INVENTORY_JWT_ISSUER", value_name = "ISSUER")]
    pub jwt_issuer: Option<String>,

    /// The `aud` that tokens must have
    #[arg(long, env = "INVENTORY_JWT_AUDIENCE", value_name = "AUDIENCE")]
    pub jwt_audience: Option<String>,

    /// Origins that browsers may call from (none: CORS is off)
    #[arg(long, env = "INVENTORY_CORS_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origin: Vec<String>,

    /// Certificate chain for TLS, PEM
    #[arg(long, env = "INVENTORY_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key, PEM
    #[arg(long, env = "INVENTORY_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Milliseconds between falling out of readiness and taking no more connections
    #[arg(long, env = "INVENTORY_SHUTDOWN_DELAY_MS", default_value_t = 1_000, value_name = "MS")]
    pub shutdown_delay_ms: u64,

    /// Milliseconds that open requests may take after that; a second signal ends them at once
    #[arg(
        long,
        env = "INVENTORY_SHUTDOWN_TIMEOUT_MS",
        default_value_t = 30_000,
        value_name = "MS"
    )]
    pub shutdown_timeout_ms: u64,

    /// What to log: `warn`, or by module as `info,inventory_gateway::deduct=debug`
    #[arg(long, env = "INVENTORY_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// How
    #[arg(long, env = "INVENTORY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl ServeSettings {
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// The database gives up before the client is told that it took too long.
    pub fn pool(&self) -> PoolSettings {
        PoolSettings {
            connections: self.pool,
            acquire: self.request_timeout() / 2,
            statement: self.request_timeout(),
            lock: Duration::from_millis(self.lock_wait_ms),
        }
    }

    pub fn tokens(&self) -> Result<Option<Tokens>> {
        let secret = self.jwt_secret.as_deref().filter(|secret| !secret.is_empty());
        Tokens::new(
            secret,
            self.jwks_file.as_deref(),
            self.jwt_issuer.clone(),
            self.jwt_audience.clone(),
        )
    }

    pub fn cors(&self) -> Option<CorsLayer> {
        let origins = self.origins().ok().filter(|origins| !origins.is_empty())?;
        let ours = |name: &'static str| HeaderName::from_static(name);
        Some(
            CorsLayer::new()
                .allow_origin(AllowOrigin::list(origins))
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
                .allow_headers([
                    header::AUTHORIZATION,
                    header::CONTENT_TYPE,
                    header::IF_MATCH,
                    header::IF_NONE_MATCH,
                    ours("idempotency-key"),
                    ours("traceparent"),
                ])
                .expose_headers([
                    header::ETAG,
                    header::LOCATION,
                    header::RETRY_AFTER,
                    ours("idempotency-key"),
                    ours("idempotent-replayed"),
                ]),
        )
    }

    /// Checked before anything is started.
    pub fn origins(&self) -> Result<Vec<HeaderValue>> {
        let parse = |origin: &String| {
            origin
                .parse()
                .map_err(|_| Error::usage(format!("--cors-origin {origin:?} is no origin")))
        };
        self.cors_origin.iter().filter(|origin| !origin.is_empty()).map(parse).collect()
    }
}
