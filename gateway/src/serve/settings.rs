//! Every setting of the service: a flag and a variable, with the reason for its default.

use super::logs::LogFormat;
use crate::deduct::breaker;
use crate::deduct::fallback::LeaseSettings;
use crate::error::{Error, Result};
use crate::http::access::jwt::Tokens;
use crate::http::v1::stock;
use crate::relay::RelayArgs;
use crate::store::PoolSettings;
use crate::traces::Telling;
use axum::http::{HeaderName, HeaderValue, Method, header};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// A saga needs one for moments only, between its calls.
const SAGA_CONNECTIONS: u32 = 4;

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

    /// Streams of events at once; more are told to come later
    #[arg(long, env = "INVENTORY_EVENT_CLIENTS", default_value_t = 1_000, value_name = "STREAMS", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub event_clients: u32,

    /// Of these for each key or token: one program that forgets to close must not take all
    #[arg(long, env = "INVENTORY_EVENT_CLIENTS_EACH", default_value_t = 100, value_name = "STREAMS", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub event_clients_each: u32,

    /// Milliseconds after which a stream of events says that it is still there: proxies cut off what is
    /// silent for a minute
    #[arg(long, env = "INVENTORY_EVENT_HEARTBEAT_MS", default_value_t = 15_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub event_heartbeat_ms: u64,

    /// Milliseconds in which a client must take something of its answer, else it is cut off
    #[arg(long, env = "INVENTORY_WRITE_TIMEOUT_MS", default_value_t = 30_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub write_timeout_ms: u64,

    /// Secret of tickets that are given for tokens, the same at every gateway (without it, --jwt-secret;
    /// tickets for keys need none)
    #[arg(long, env = "INVENTORY_TICKET_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub ticket_secret: Option<String>,

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

    /// Folder of this gateway's own journal. With it goods are set aside ahead of need, and sold while the
    /// database is away; each gateway needs a folder of its own
    #[arg(long, env = "INVENTORY_JOURNAL_DIR", value_name = "DIR")]
    pub journal_dir: Option<PathBuf>,

    /// Seconds for which goods are set aside: how long the database may be away
    #[arg(long, env = "INVENTORY_LEASE_TTL", default_value_t = 4 * 3600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(10..=2_592_000))]
    pub lease_ttl: u64,

    /// Seconds of demand that are set aside
    #[arg(long, env = "INVENTORY_LEASE_AHEAD", default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub lease_ahead: u64,

    /// Units that are set aside at least for a SKU that anybody asks for
    #[arg(long, env = "INVENTORY_LEASE_MIN", default_value_t = 10, value_name = "UNITS", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    pub lease_min: i64,

    /// And at most
    #[arg(long, env = "INVENTORY_LEASE_MAX", default_value_t = 10_000, value_name = "UNITS", value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    pub lease_max: i64,

    /// Seconds after which goods that nobody asks for are given back
    #[arg(long, env = "INVENTORY_LEASE_IDLE", default_value_t = 120, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub lease_idle: u64,

    /// Of a hundred calls to the database, so many that fail open the breaker
    #[arg(long, env = "INVENTORY_BREAKER_FAILURES", default_value_t = 50, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub breaker_failures: u32,

    /// Calls below which it does not open
    #[arg(long, env = "INVENTORY_BREAKER_CALLS", default_value_t = 10, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub breaker_calls: u32,

    /// Milliseconds that calls count
    #[arg(long, env = "INVENTORY_BREAKER_WINDOW_MS", default_value_t = 10_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub breaker_window_ms: u64,

    /// Milliseconds that it stays open
    #[arg(long, env = "INVENTORY_BREAKER_OPEN_MS", default_value_t = 60_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    pub breaker_open_ms: u64,

    /// Calls that then try whether the database is well again
    #[arg(long, env = "INVENTORY_BREAKER_PROBES", default_value_t = 10, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub breaker_probes: u32,

    /// Redis at the door: redis://:password@host:port; without one everything works, and hot SKUs that are
    /// sold out cost more
    #[arg(long, env = "INVENTORY_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<String>,

    /// Deductions a second from which a SKU is hot at this gateway, and Redis asked about it
    #[arg(long, env = "INVENTORY_HOT_QPS", default_value_t = 5_000, value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub hot_qps: u32,

    /// SKUs in token mode: promised with 202 from goods set aside, in the database within a second. Needs
    /// Redis and --journal-dir
    #[arg(
        long,
        env = "INVENTORY_TOKEN_SKU",
        value_name = "SKU",
        value_delimiter = ',',
        requires = "journal_dir"
    )]
    pub token_sku: Vec<String>,

    /// Milliseconds for which a SKU that the database said is sold out is refused without asking again; 0
    /// asks always
    #[arg(long, env = "INVENTORY_ZERO_WINDOW_MS", default_value_t = 200, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=5_000))]
    pub zero_window_ms: u64,

    /// Definitions of sagas and their participants, TOML or JSON; without it there is outbound_order, which
    /// needs a participant `account`
    #[arg(long, env = "INVENTORY_SAGA_FILE", value_name = "FILE")]
    pub saga_file: Option<PathBuf>,

    /// Sagas that are gone on with at once here; 0 leaves them to other gateways
    #[arg(long, env = "INVENTORY_SAGAS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub sagas: u16,

    /// Milliseconds beyond a call's own time after which a gateway that has a saga is taken for gone
    #[arg(long, env = "INVENTORY_SAGA_LEASE_MS", default_value_t = 10_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub saga_lease_ms: u64,

    /// Seconds between two looks at everything (what `inventory check` does, with this gateway's Redis, journal
    /// and shadow), for tickets, metrics and the log; 0 leaves them to others
    #[arg(long, env = "INVENTORY_CHECK_EVERY", default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub check_every: u64,

    /// Seconds that one statement of such a look may take: verify() reads all there is
    #[arg(long, env = "INVENTORY_CHECK_LIMIT", default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub check_limit: u64,

    /// A shadow that `inventory shadow start` feeds, to be compared and read: postgresql://user@host:port/db
    #[arg(long, env = "INVENTORY_SHADOW_URL", hide_env_values = true, value_name = "URL")]
    pub shadow_url: Option<String>,

    /// By which the shadow knows whom it follows
    #[arg(long, env = "INVENTORY_SHADOW_NAME", default_value = "main", value_name = "NAME")]
    pub shadow_name: String,

    /// Read the stock of the share that the shadow takes there; `Stock-Source` in a request says otherwise
    #[arg(long, env = "INVENTORY_SHADOW_READS", requires = "shadow_url")]
    pub shadow_reads: bool,

    /// Set what the shadow has wrong right with each look
    #[arg(long, env = "INVENTORY_SHADOW_REPAIR", requires = "shadow_url")]
    pub shadow_repair: bool,

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

    /// Tell sinks what happened, too, as `inventory relay` does
    #[arg(long, env = "INVENTORY_RELAY")]
    pub relay: bool,

    #[command(flatten)]
    pub relaying: RelayArgs,

    /// SKUs whose levels the metrics always show; hot and low ones come by themselves
    #[arg(long, env = "INVENTORY_WATCH", value_name = "SKU", value_delimiter = ',')]
    pub watch: Vec<String>,

    /// Collector of OpenTelemetry traces over HTTP, as http://127.0.0.1:4318 (none: nothing is traced)
    #[arg(long, env = "INVENTORY_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Of a hundred requests whose caller did not decide by its traceparent, so many are traced
    #[arg(long, env = "INVENTORY_TRACE_PERCENT", default_value_t = 100, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub trace_percent: u8,

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

    pub fn event_heartbeat(&self) -> Duration {
        Duration::from_millis(self.event_heartbeat_ms)
    }

    pub fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    pub fn ticket_secret(&self) -> Option<&str> {
        let given = |secret: &'_ Option<String>| secret.as_deref().is_some_and(|s| !s.is_empty());
        let secret =
            if given(&self.ticket_secret) { &self.ticket_secret } else { &self.jwt_secret };
        secret.as_deref().filter(|secret| !secret.is_empty())
    }

    /// The database ends what takes too long by itself. If it does not even do that, a quarter of the
    /// request's time is left to sell from what was set aside.
    pub fn pool(&self) -> PoolSettings {
        PoolSettings {
            connections: self.pool,
            acquire: self.request_timeout() / 2,
            statement: self.request_timeout() * 2 / 3,
            lock: Duration::from_millis(self.lock_wait_ms),
            silence: self.request_timeout() * 3 / 4,
        }
    }

    pub fn breaker(&self) -> breaker::Settings {
        breaker::Settings {
            window: Duration::from_millis(self.breaker_window_ms),
            calls_min: self.breaker_calls,
            failures_percent: self.breaker_failures,
            open_for: Duration::from_millis(self.breaker_open_ms),
            probes: self.breaker_probes,
        }
    }

    pub fn leases(&self) -> LeaseSettings {
        LeaseSettings {
            ahead: Duration::from_secs(self.lease_ahead),
            units_min: self.lease_min,
            units_max: self.lease_max,
            idle: Duration::from_secs(self.lease_idle),
            ..LeaseSettings::default()
        }
    }

    pub fn lease_ttl(&self) -> Duration {
        Duration::from_secs(self.lease_ttl)
    }

    pub fn saga_lease(&self) -> Duration {
        Duration::from_millis(self.saga_lease_ms)
    }

    /// Sagas have connections of their own, so that they hold up no request, nor requests them.
    pub fn saga_pool(&self) -> PoolSettings {
        PoolSettings { connections: SAGA_CONNECTIONS, ..self.pool() }
    }

    pub fn redis_url(&self) -> Option<&str> {
        self.redis_url.as_deref().filter(|url| !url.is_empty())
    }

    /// Traces for a collector; None where none is named. Needs a runtime.
    pub fn telling(&self) -> Result<Option<Telling>> {
        let endpoint = self.otlp_endpoint.as_deref().filter(|url| !url.is_empty());
        endpoint.map(|url| Telling::to(url, self.trace_percent)).transpose()
    }

    pub fn check_every(&self) -> Option<Duration> {
        (self.check_every > 0).then(|| Duration::from_secs(self.check_every))
    }

    pub fn check_limit(&self) -> Duration {
        Duration::from_secs(self.check_limit)
    }

    pub fn shadow_url(&self) -> Option<&str> {
        self.shadow_url.as_deref().filter(|url| !url.is_empty())
    }

    /// Whoever asks a shadow that does not answer is to be answered by its source in time.
    pub fn shadow_pool(&self) -> PoolSettings {
        let patience = self.request_timeout() / 4;
        PoolSettings { acquire: patience, statement: patience, silence: patience, ..self.pool() }
    }

    pub fn zero_window(&self) -> Duration {
        Duration::from_millis(self.zero_window_ms)
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
                    ours("last-event-id"),
                    ours("idempotency-key"),
                    ours("traceparent"),
                    stock::SOURCE,
                    stock::USER,
                ])
                .expose_headers([
                    header::ETAG,
                    header::LOCATION,
                    header::RETRY_AFTER,
                    ours("idempotency-key"),
                    ours("idempotent-replayed"),
                    stock::SOURCE,
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
