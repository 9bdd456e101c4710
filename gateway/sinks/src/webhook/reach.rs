//! How a receiver is reached: only at addresses that may be, which are looked at when a name was resolved.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;
use url::{Host, Url};

use crate::Down;

pub type Client =
    hyper_util::client::legacy::Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(30);

pub fn client(private_too: bool, patience: Duration) -> Result<Client, Down> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver { private_too });
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(patience));
    let tls = HttpsConnectorBuilder::new().with_native_roots();
    let tls = tls.map_err(|error| Down::because(format!("no certificates to trust: {error}")))?;
    let https = tls.https_or_http().enable_http1().wrap_connector(tcp);
    Ok(hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        // A repeat is for whoever counts them to send.
        .retry_canceled_requests(false)
        .build(https))
}

/// A host that is an address is not resolved, so it is looked at before.
pub fn may_be_named(url: &Url, private_too: bool) -> Result<(), Down> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        _ => return Ok(()),
    };
    if private_too || is_public(address) { Ok(()) } else { Err(Down::because(Private)) }
}

/// The system's resolver, without the addresses that may not be reached.
#[derive(Clone)]
pub struct Resolver {
    private_too: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let private_too = self.private_too;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> =
                found.filter(|address| private_too || is_public(address.ip())).collect();
            if allowed.is_empty() {
                Err(io::Error::other(Private))
            } else {
                Ok(allowed.into_iter())
            }
        })
    }
}

#[derive(Debug)]
struct Private;

impl fmt::Display for Private {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "the receiver is at a private, loopback or link-local address, which webhooks may not reach \
             unless private addresses are allowed",
        )
    }
}

impl Error for Private {}

/// Whether an address is one of the internet's own: no other's network can be meant by it.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_public_v4(address),
            // What the internet gives out begins with 001; within it, documentation and benchmarks do not count.
            None => {
                let [first, second, ..] = address.segments();
                let special = first == 0x2001 && (second < 0x0200 || second == 0x0db8)
                    || first == 0x3fff && second < 0x1000;
                first & 0xe000 == 0x2000 && !special
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = match (first, second, third) {
        (0 | 10 | 127 | 224.., ..) => true,
        // Between a provider and its customers.
        (100, 64..=127, _) => true,
        (169, 254, _) | (192, 168, _) | (172, 16..=31, _) => true,
        // Protocols, documentation, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => {
            true
        }
        _ => false,
    };
    !special
}

/// The IPv4 address that this one leads to: mapped, compatible, 6to4, NAT64.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let (high, low) = match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => (g, h),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// The innermost reason, for people.
pub fn why(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    format!("the receiver is not reached: {inner}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internets_own_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "64:ff9b:1::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_known() {
        for url in [
            "http://0x7f.1/",
            "http://2130706433/",
            "http://127.1/",
            "http://[::ffff:7f00:1]/",
            "http://017700000001",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(
                may_be_named(&url, false).is_err() && may_be_named(&url, true).is_ok(),
                "{url}"
            );
        }
    }
}
