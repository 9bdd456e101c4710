//! A plain HTTP/1.1 client: says exactly what a test wants said, and asserts what comes back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Somebody who calls a gateway, with a key or without.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub key: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Of the request, without its query.
    path: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A connection that is kept.
pub struct Connection {
    pub stream: TcpStream,
    address: SocketAddr,
    rest: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn post(path: &str, body: &Value) -> Request {
        Request::new("POST", path).json(body)
    }

    pub fn put(path: &str, body: &Value) -> Request {
        Request::new("PUT", path).json(body)
    }

    pub fn json(self, body: &Value) -> Request {
        self.header("Content-Type", "application/json").text(&body.to_string())
    }

    pub fn text(mut self, body: &str) -> Request {
        self.body = body.as_bytes().to_vec();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Safe to repeat under that key.
    pub fn once(self, key: &str) -> Request {
        self.header("Idempotency-Key", key)
    }

    /// As it goes over the line.
    pub fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {address}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

impl Client {
    pub fn with_key(&self, key: &str) -> Client {
        Client { key: Some(key.into()), ..self.clone() }
    }

    pub fn without_key(&self) -> Client {
        Client { key: None, ..self.clone() }
    }

    /// On a connection of its own.
    pub async fn send(&self, request: Request) -> Reply {
        let told = self.try_send(&request).await;
        told.unwrap_or_else(|e| panic!("{} {}: {e}", request.method, request.path))
    }

    /// For gateways that may be gone.
    pub async fn try_send(&self, request: &Request) -> std::io::Result<Reply> {
        Connection::open(self.address).await?.send(&self.signed(request)).await
    }

    /// What became of a promise, once it is anything but `accepted`; fails the test after a minute.
    pub async fn settled(&self, token: &str) -> Value {
        let begun = Instant::now();
        loop {
            let told = self.get(&format!("/v1/deductions/{token}")).await.is(200);
            if told["state"] != "accepted" {
                return told;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// With this client's key.
    pub fn signed(&self, request: &Request) -> Request {
        match &self.key {
            Some(key) => request.clone().header("Authorization", &format!("Bearer {key}")),
            None => request.clone(),
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::new("GET", path)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Request::new("DELETE", path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Request::post(path, body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Request::put(path, body)).await
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, address, rest: Vec::new() })
    }

    pub async fn send(&mut self, request: &Request) -> std::io::Result<Reply> {
        self.stream.write_all(&request.bytes(self.address)).await?;
        self.receive(request).await
    }

    /// Sends it, and waits for the answer's head.
    pub async fn ask(&mut self, request: &Request) -> std::io::Result<Reply> {
        self.stream.write_all(&request.bytes(self.address)).await?;
        self.head(request).await
    }

    /// The next answer.
    pub async fn receive(&mut self, to: &Request) -> std::io::Result<Reply> {
        let mut reply = self.head(to).await?;
        if to.method != "HEAD" {
            self.read_body(&mut reply).await?;
        }
        Ok(reply)
    }

    /// The next answer's head; its body is still to be read.
    pub async fn head(&mut self, to: &Request) -> std::io::Result<Reply> {
        let end = self.read_until(|bytes| find(bytes, b"\r\n\r\n")).await?;
        let head = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let path = to.path.split('?').next().unwrap_or_default().to_owned();
        Ok(Reply {
            path,
            status: status.ok_or_else(|| nonsense(&head))?,
            headers: headers.map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect(),
            body: Vec::new(),
        })
    }

    pub async fn read_body(&mut self, reply: &mut Reply) -> std::io::Result<()> {
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await? {
                reply.body.extend(chunk);
            }
            return Ok(());
        }
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        let length: usize = length.unwrap_or(0);
        self.read_until(|bytes| (bytes.len() >= length).then_some(length)).await?;
        reply.body.extend(self.rest.drain(..length));
        Ok(())
    }

    /// The next part of a body that comes in parts; None at its end.
    pub async fn chunk(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let end = self.read_until(|bytes| find(bytes, b"\r\n")).await?;
        let size = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        let size = usize::from_str_radix(&size, 16).map_err(|_| nonsense(&size))?;
        // Only once all of it is there is anything taken: this may be given up and begun again.
        let whole = end + 2 + size + 2;
        self.read_until(|bytes| (bytes.len() >= whole).then_some(whole)).await?;
        let chunk = self.rest[end + 2..end + 2 + size].to_vec();
        self.rest.drain(..whole);
        Ok((size > 0).then_some(chunk))
    }

    async fn read_until(
        &mut self,
        found: impl Fn(&[u8]) -> Option<usize>,
    ) -> std::io::Result<usize> {
        loop {
            if let Some(at) = found(&self.rest) {
                return Ok(at);
            }
            if self.stream.read_buf(&mut self.rest).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(there, _)| there == name);
        named.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{}: {e} in {}", self.path, self.text()))
    }

    /// The body, of an answer that must have this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.path, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts a problem document with all its members, and that it says nothing of the database's.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str, detail: &str) -> Value {
        let problem = self.is(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        let kind = format!("/errors/{}", code.replace('_', "-"));
        assert_eq!(problem["type"], kind, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["instance"], self.path, "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        let said = problem["detail"].as_str().unwrap_or_default();
        assert!(!said.is_empty() && said.contains(detail), "{problem}");
        let trace = problem["trace_id"].as_str().unwrap_or_default();
        assert!(trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit()), "{problem}");
        let retryable = matches!(status, 408 | 429 | 503);
        assert_eq!(problem["retryable"], retryable, "{problem}");
        let told_when = self.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok());
        assert_eq!(told_when, matches!(status, 429 | 503), "{problem}");
        assert_eq!(self.header("www-authenticate").is_some(), status == 401, "{problem}");
        says_no_sql(&self.text());
        problem
    }
}

/// Asserts that a text tells nothing of how things are kept.
#[track_caller]
pub fn says_no_sql(text: &str) {
    let words =
        ["SELECT", "inventory.", "SQLSTATE", "relation \"", "column \"", "pg_", "sqlx", "shop_o"];
    for word in words {
        assert!(!text.contains(word), "it says {word:?}: {text}");
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn nonsense(text: &str) -> std::io::Error {
    std::io::Error::other(format!("no HTTP: {text:?}"))
}
