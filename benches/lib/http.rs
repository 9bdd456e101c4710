//! Clients that send a request again and again over a connection of their own, and what they saw. One
//! thread drives them all: the machine's processors are the servers'.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{Error, Result};
use crate::figures::now_us;
use crate::load::Call;

/// The longest answer that a client reads.
const ANSWER_MAX: usize = 64 * 1024;

/// What is sent. `{key}` stands for a new idempotency key, `{number}` for a number below 10,000.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: &'static str,
    /// None for a request without.
    pub body: Option<&'static str>,
    pub status: u16,
}

pub struct HttpLoad<'a> {
    pub name: &'a str,
    /// `127.0.0.1:port`
    pub address: &'a str,
    pub api_key: &'a str,
    pub clients: u32,
    /// Each call sends one of them, in turn.
    pub requests: &'a [Request],
    /// Of all clients together; without it, as many as they can. A call then counts from when it was due.
    pub calls_per_second: Option<f64>,
}

impl HttpLoad<'_> {
    /// Runs for a time, to the end. An answer of another status ends it.
    pub fn play(&self, seconds: u32) -> Result<Vec<Call>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let end = Instant::now() + Duration::from_secs(seconds.into());
        runtime.block_on(async {
            let mut clients = tokio::task::JoinSet::new();
            for number in 0..self.clients {
                let client = Client::connect(self, number).await?;
                clients.spawn(client.run(end, self.pace(number)));
            }
            let mut calls = Vec::new();
            while let Some(ended) = clients.join_next().await {
                calls.extend(ended.map_err(io::Error::other)??);
            }
            Ok(calls)
        })
    }

    /// When a client sends; they begin one after the other, not all at once.
    fn pace(&self, number: u32) -> Option<Pace> {
        let apart = Duration::from_secs_f64(f64::from(self.clients) / self.calls_per_second?);
        Some(Pace { due: Instant::now() + apart * number / self.clients.max(1), apart })
    }
}

/// Calls of one client at even distances.
struct Pace {
    due: Instant,
    apart: Duration,
}

impl Pace {
    /// Waits for the next call's time, and gives it; one that is late goes at once.
    async fn next(&mut self) -> Instant {
        let due = self.due;
        self.due += self.apart;
        tokio::time::sleep_until(due.into()).await;
        due
    }
}

/// One connection.
struct Client {
    name: String,
    stream: TcpStream,
    /// With the head of each, but for what is new in every call.
    requests: Vec<(Request, String)>,
    seed: u64,
    sent: u64,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(load: &HttpLoad<'_>, number: u32) -> Result<Client> {
        let stream = TcpStream::connect(load.address).await?;
        stream.set_nodelay(true)?;
        let head = |request: &Request| {
            let Request { method, path, .. } = request;
            let key = load.api_key;
            format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n")
        };
        let requests =
            load.requests.iter().map(|request| (request.clone(), head(request))).collect();
        // Keys of one run are not those of another.
        let seed = now_us().wrapping_mul(1_000).wrapping_add(u64::from(number));
        let name = load.name.to_owned();
        // Not all begin with the same.
        let sent = u64::from(number);
        Ok(Client { name, stream, requests, seed, sent, buffer: Vec::with_capacity(4096) })
    }

    async fn run(mut self, end: Instant, mut pace: Option<Pace>) -> Result<Vec<Call>> {
        let mut calls = Vec::new();
        while Instant::now() < end {
            let began = match &mut pace {
                Some(pace) => pace.next().await,
                None => Instant::now(),
            };
            self.sent += 1;
            let script = (self.sent % self.requests.len() as u64) as usize;
            let message = self.message(script);
            self.stream.write_all(message.as_bytes()).await?;
            let status = self.answer().await?;
            if status != self.requests[script].0.status {
                let answer = String::from_utf8_lossy(&self.buffer).into_owned();
                return Err(Error::Answer { statement: self.name, answer });
            }
            let latency_us = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
            calls.push(Call { script, ended_us: now_us(), latency_us });
        }
        Ok(calls)
    }

    fn message(&self, script: usize) -> String {
        let (request, head) = &self.requests[script];
        let mut message = head.clone();
        let Some(body) = request.body else {
            message.push_str("\r\n");
            return message;
        };
        // A good mixer (splitmix64): which SKU comes next must not follow the order of the clients.
        let mut drawn = self.seed.wrapping_add(self.sent.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let number = format!("{:06}", (drawn ^ (drawn >> 31)) % 10_000 + 1);
        let body = body.replace("{number}", &number);
        message.push_str(&format!(
            "Content-Type: application/json\r\nIdempotency-Key: {:x}-{:x}\r\nContent-Length: {}\r\n\r\n{body}",
            self.seed, self.sent, body.len()
        ));
        message
    }

    /// Reads one answer to its end; its status.
    async fn answer(&mut self) -> Result<u16> {
        self.buffer.clear();
        loop {
            if let Some((status, length)) = parse(&self.buffer)
                && self.buffer.len() >= length
            {
                return Ok(status);
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 || self.buffer.len() > ANSWER_MAX {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

/// Status and length of the whole answer, once its head is there.
fn parse(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, end + length.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_read_to_its_end() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(parse(text), Some((201, text.len())));
        assert_eq!(parse(&text[..20]), None);
    }
}
