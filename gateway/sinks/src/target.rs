//! Where a sink is, as a URL. What may be secret in it is never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

#[cfg(feature = "kafka")]
use crate::kafka;
use crate::{amqp, nats, redis, webhook};

/// The address of a sink.
///
/// | URL | sink |
/// |---|---|
/// | `stdout:` | standard output, a line an event |
/// | `webhook+https://:<secret>@host/path` | a signed POST an event; also `webhook+http` |
/// | `redis://user:password@host/<stream>` | a Redis stream; also `rediss`; `?db=1`, `?maxlen=1000000` |
/// | `nats://user:password@host,host/<stream>/<subject>` | JetStream; also `tls` |
/// | `amqp://user:password@host/<exchange>` | RabbitMQ; also `/<vhost>/<exchange>`, and `amqps` |
/// | `kafka://host,host/<topic>` | Kafka, where it was built in |
///
/// What is special in a URL is written with percent signs: a password `a/b` as `a%2Fb`.
#[derive(Clone)]
pub struct Target {
    shown: String,
    pub(crate) place: Place,
}

/// What each kind of sink makes of its URL.
#[derive(Clone)]
pub(crate) enum Place {
    Stdout,
    Webhook(webhook::Place),
    Redis(redis::Place),
    Nats(nats::Place),
    Amqp(amqp::Place),
    #[cfg(feature = "kafka")]
    Kafka(kafka::Place),
}

/// What is wrong with an address, and what to write instead. Shows nothing of it that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) String);

impl Malformed {
    pub(crate) fn because(what: impl fmt::Display) -> Malformed {
        Malformed(what.to_string())
    }
}

impl Target {
    pub fn parse(text: &str) -> Result<Target, Malformed> {
        if text == "stdout:" {
            return Ok(Target { shown: text.to_owned(), place: Place::Stdout });
        }
        let parts = Parts::read(text)?;
        let place = match parts.scheme.as_str() {
            "webhook+https" | "webhook+http" => Place::Webhook(webhook::Place::read(text, &parts)?),
            "redis" | "rediss" => Place::Redis(redis::Place::read(&parts)?),
            "nats" | "tls" => Place::Nats(nats::Place::read(&parts)?),
            "amqp" | "amqps" => Place::Amqp(amqp::Place::read(&parts)?),
            "kafka" => kafka_place(&parts)?,
            other => {
                return Err(Malformed::because(format!(
                    "no sink is reached by {other}: write stdout:, webhook+https://, redis://, \
                     nats://, amqp:// or kafka://"
                )));
            }
        };
        Ok(Target { shown: parts.shown(), place })
    }
}

#[cfg(feature = "kafka")]
fn kafka_place(parts: &Parts) -> Result<Place, Malformed> {
    kafka::Place::read(parts).map(Place::Kafka)
}

#[cfg(not(feature = "kafka"))]
fn kafka_place(_parts: &Parts) -> Result<Place, Malformed> {
    Err(Malformed::because("this program was built without Kafka: build it with --features kafka"))
}

impl FromStr for Target {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Target, Malformed> {
        Target::parse(text)
    }
}

/// Scheme, hosts and, but for a webhook, the path.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

/// A URL in pieces, decoded.
pub(crate) struct Parts {
    pub scheme: String,
    pub user: Option<String>,
    pub password: Option<String>,
    /// At least one; an IPv6 address without brackets.
    pub hosts: Vec<(String, Option<u16>)>,
    pub path: Vec<String>,
    pub options: BTreeMap<String, String>,
}

/// What a secret holds that was made with `openssl rand -base64`.
const SPECIAL: &str = "write / in a password as %2F, ? as %3F, # as %23, @ as %40";

impl Parts {
    /// As RFC 3986 has it, but with any number of hosts between commas.
    fn read(text: &str) -> Result<Parts, Malformed> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            Malformed::because("an address begins like redis://host; standard output is stdout:")
        })?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // Of a webhook the path is its receiver's affair, and never shown.
        if tail.contains('@') && !authority.contains('@') && !scheme.starts_with("webhook") {
            return Err(Malformed::because(SPECIAL));
        }
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let mut urls = Vec::new();
        for host in hosts.split(',') {
            let url = Url::parse(&format!("{scheme}://{login}@{host}{tail}"));
            urls.push(url.map_err(|error| {
                Malformed::because(format!("no valid address: {error}; {SPECIAL}"))
            })?);
        }
        let [url, ..] = urls.as_slice() else { return Err(Malformed::because("no host")) };
        if url.fragment().is_some() {
            return Err(Malformed::because("write # in an address as %23"));
        }
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(|text| text.into_owned()).map_err(|_| Malformed::because("not UTF-8"))
        };
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose()?;
        Ok(Parts {
            scheme: url.scheme().to_owned(),
            user,
            password: url.password().map(decoded).transpose()?,
            hosts: urls.iter().map(host_and_port).collect::<Result<_, _>>()?,
            path: url.path().split('/').skip(1).map(decoded).collect::<Result<_, _>>()?,
            options: url.query_pairs().into_owned().collect(),
        })
    }

    pub fn one_host(&self) -> Result<&(String, Option<u16>), Malformed> {
        match self.hosts.as_slice() {
            [host] => Ok(host),
            _ => Err(Malformed::because(format!("{}:// takes one host", self.scheme))),
        }
    }

    /// The path as that many names, none of them empty.
    pub fn names<const N: usize>(&self, meaning: &str) -> Result<[&str; N], Malformed> {
        let names: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let names = <[&str; N]>::try_from(names).ok();
        names
            .filter(|names| names.iter().all(|name| !name.is_empty()))
            .ok_or_else(|| Malformed::because(format!("write {}://host/{meaning}", self.scheme)))
    }

    /// The number that an option gives.
    pub fn number(&self, option: &str) -> Result<Option<u32>, Malformed> {
        let wrong = |_| Malformed::because(format!("?{option}= takes a whole number"));
        self.options.get(option).map(|text| text.parse().map_err(wrong)).transpose()
    }

    pub fn only_options(&self, known: &[&str]) -> Result<(), Malformed> {
        match self.options.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            // Not shown: it may be a password that has a question mark.
            Some(_) if known.is_empty() => {
                Err(Malformed::because(format!("{}:// takes no ?options", self.scheme)))
            }
            Some(_) => Err(Malformed::because(format!(
                "the only options of {}:// are {}",
                self.scheme,
                known.join(", ")
            ))),
        }
    }

    fn shown(&self) -> String {
        let host = |(host, port): &(String, Option<u16>)| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            port.map_or(host.clone(), |port| format!("{host}:{port}"))
        };
        let hosts: Vec<String> = self.hosts.iter().map(host).collect();
        // Whoever gives out an address to post to may have written its key into the path.
        let webhook = self.scheme.starts_with("webhook");
        let path = if webhook { "…".to_owned() } else { self.path.join("/") };
        format!("{}://{}/{path}", self.scheme, hosts.join(","))
    }
}

fn host_and_port(url: &Url) -> Result<(String, Option<u16>), Malformed> {
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        _ => return Err(Malformed::because("a host is missing")),
    };
    Ok((host, url.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        for (text, shown) in [
            ("redis://u:hush@h:1/s?maxlen=5", "redis://h:1/s"),
            ("nats://hush@a:1,b/S/t.u", "nats://a:1,b/S/t.u"),
            ("amqp://u:hush%2F@[::1]:5/x", "amqp://[::1]:5/x"),
            (
                "webhook+https://:whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo@h/hush?hush=hush",
                "webhook+https://h/…",
            ),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.to_string(), format!("{target:?}")), (shown.into(), shown.into()));
        }
    }

    #[test]
    fn a_wrong_address_says_what_to_write_and_shows_no_secret() {
        for (text, says) in [
            ("hush", "an address begins"),
            ("gopher://hush@h/x", "no sink is reached by gopher"),
            ("redis://:hush@h", "redis://host/<stream>"),
            ("redis://:hush@h/s?hush=1", "are db, maxlen"),
            ("redis://:hush@h/s?maxlen=hush", "takes a whole number"),
            ("redis://:hush@a,b/s", "takes one host"),
            ("nats://hush@h/S", "<stream>/<subject>"),
            ("nats://hush@h/S/a b", "subject"),
            ("amqp://:hush@h/", "<exchange>"),
            ("webhook+https://h/hush", "whsec_"),
            ("webhook+https://:hush@h/", "whsec_"),
            ("redis://:hush@h:99999/s", "invalid port"),
            ("redis://:hush@/s", "host"),
            ("redis://u:7/hush@h/s", "/ in a password as %2F"),
            ("webhook+https://:whsec_a/hush@h/", "/ in a password as %2F"),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
