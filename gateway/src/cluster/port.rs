use std::net::{Ipv4Addr, TcpListener};

use super::error::{Error, Result};

/// Below the range that the kernel lends to outgoing connections: a client that retries while its server
/// is down could otherwise be given the server's own port, and talk to itself.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const TRIES: usize = 200;

pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that nobody listens on now; drawn at random, so that servers started at once rarely meet.
pub fn free_port() -> Result<u16> {
    for _ in 0..TRIES {
        let draw = u16::from_ne_bytes(super::random::<2>()?);
        let port = RANGE.start + draw % (RANGE.end - RANGE.start);
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(Error::NoPort)
}
