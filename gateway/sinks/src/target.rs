//! Where a sink is, as a URL. What may be secret in it is never shown.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The address of a sink.
///
/// | URL | sink |
/// |---|---|
/// | `stdout:` | standard output, a line an event |
/// | `webhook+https://:<secret>@host/path` | an HTTP POST an event; also `webhook+http://` |
/// | `redis://user:password@host:6379/<stream>` | a Redis stream; `?db=1`, `?maxlen=1000000` |
/// | `nats://user:password@host:4222/<stream>/<subject>` | JetStream; also `tls://` |
/// | `amqp://user:password@host:5672/<exchange>` | RabbitMQ; `/<vhost>/<exchange>`, also `amqps://` |
/// | `kafka://host:9092,host:9092/<topic>` | Kafka, where it was built in |
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    Stdout,
    Webhook(Url),
    Redis(Url),
    Nats(Url),
    Amqp(Url),
    Kafka(Url),
}

/// What is wrong with an address, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Target {
    pub fn parse(text: &str) -> Result<Target, Malformed> {
        let url = Url::parse(text).map_err(|error| Malformed(format!("not a URL: {error}")))?;
        match url.scheme() {
            "stdout" => Ok(Target::Stdout),
            "webhook+https" | "webhook+http" => Ok(Target::Webhook(url)),
            "redis" => Ok(Target::Redis(url)),
            "nats" | "tls" => Ok(Target::Nats(url)),
            "amqp" | "amqps" => Ok(Target::Amqp(url)),
            "kafka" => Ok(Target::Kafka(url)),
            other => Err(Malformed(format!(
                "no sink is reached by {other}: write stdout:, webhook+https://, redis://, nats://, amqp:// or kafka://"
            ))),
        }
    }
}

impl FromStr for Target {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Target, Malformed> {
        Target::parse(text)
    }
}

/// Without password, token and query.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Stdout => write!(out, "stdout:"),
            Target::Webhook(url) => show(url, "/…", out),
            Target::Redis(url) | Target::Nats(url) | Target::Amqp(url) | Target::Kafka(url) => {
                show(url, url.path(), out)
            }
        }
    }
}

fn show(url: &Url, path: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(out, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
    if let Some(port) = url.port() {
        write!(out, ":{port}")?;
    }
    write!(out, "{path}")
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
