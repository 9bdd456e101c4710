//! A client of the REST gateway: the same commands as a session on the database has, with the same
//! answers. A problem document becomes the refusal that it tells of.

mod events;
mod hot;
mod master;
mod orders;
mod pages;
mod problem;
mod reservations;
mod sagas;
mod stock;

use crate::error::{Error, GATEWAY, Result};
use crate::store::Caller;
use axum::body::Bytes;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use url::Url;

pub use events::Stream;

/// Bytes of an answer: a page of ten thousand lots fits.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// Connections to a web service, over TLS where its address says https.
pub type Web = Connections<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The certificates that are trusted are those of the machine (or of SSL_CERT_FILE).
pub fn web() -> Result<Web> {
    let tls = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|cause| Error::usage(format!("the machine's certificates: {cause}")))?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
    Ok(Connections::builder(TokioExecutor::new()).build(connector))
}

pub struct Client {
    base: Url,
    /// Never shown: not in errors either.
    authorization: Option<HeaderValue>,
    web: Web,
    timeout: Duration,
}

/// What is asked, as it is put together.
struct Ask {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Option<Value>,
}

/// A 2xx answer.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    pub fn new(url: &str, key: Option<&str>, timeout: Duration) -> Result<Client> {
        let wrong = "--url must be the gateway's address, as in http://127.0.0.1:8080";
        let base = Url::parse(url).map_err(|_| Error::usage(wrong))?;
        let plain = base.username().is_empty() && base.password().is_none();
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() || !plain {
            return Err(Error::usage(wrong));
        }
        let authorization = match key {
            Some(key) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                    .map_err(|_| Error::usage("--api-key holds characters that no key has"))?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Client { base, authorization, web: web()?, timeout })
    }

    /// What errors may show.
    pub fn target(&self) -> String {
        let port = self.base.port_or_known_default().unwrap_or_default();
        let host = self.base.host_str().unwrap_or_default();
        format!("{GATEWAY}{}://{host}:{port}", self.base.scheme())
    }

    async fn send(&self, ask: Ask) -> Result<Reply> {
        let request = self.request(ask)?;
        let answer = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        let reply = answer.unwrap_or_else(|_| Err(self.late()))?;
        if reply.status.is_success() {
            Ok(reply)
        } else {
            Err(problem::read(&self.target(), &reply))
        }
    }

    fn request(&self, ask: Ask) -> Result<Request<Full<Bytes>>> {
        if let Some(odd) = ask.path.iter().find(|part| matches!(part.as_str(), "" | "." | "..")) {
            return Err(Error::usage(format!("{odd:?} cannot stand in an address")));
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        let mut request = Request::builder().method(ask.method).uri(url.as_str());
        if let Some(headers) = request.headers_mut() {
            *headers = ask.headers;
            headers.extend(self.authorization.clone().map(|key| (header::AUTHORIZATION, key)));
            if ask.body.is_some() {
                let json = HeaderValue::from_static("application/json");
                headers.insert(header::CONTENT_TYPE, json);
            }
        }
        let body = ask.body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request.body(Full::new(body)).map_err(|cause| Error::usage(format!("--url: {cause}")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply> {
        let answer = self
            .web
            .request(request)
            .await
            .map_err(|cause| self.away(innermost(&cause).to_string()))?;
        self.whole(answer).await
    }

    async fn whole(&self, answer: Response<Incoming>) -> Result<Reply> {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await;
        let body = body.map_err(|cause| self.away(format!("the answer broke off: {cause}")))?;
        Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    fn away(&self, cause: String) -> Error {
        Error::Unreachable { target: self.target(), cause }
    }

    fn late(&self) -> Error {
        self.away(format!("no answer within {} s", self.timeout.as_secs()))
    }

    /// Whether work may be sent there; an error says why not.
    pub async fn ready(&self) -> Result<()> {
        self.send(Ask::get(["readyz"])).await.map(drop)
    }

    /// Whether the process answers, whatever it says of its database.
    pub async fn alive(&self) -> Result<()> {
        self.send(Ask::get(["healthz"])).await.map(drop)
    }

    /// Of the service that answers.
    pub async fn version(&self) -> Result<String> {
        let document: Value = self.send(Ask::get(["openapi.json"])).await?.json()?;
        Ok(document["info"]["version"].as_str().unwrap_or("?").to_owned())
    }
}

/// The outer ones say only that it failed; this one says how.
fn innermost<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> &'e (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

impl Ask {
    fn new<const N: usize>(method: Method, path: [&str; N]) -> Ask {
        let path = path.map(str::to_owned).to_vec();
        Ask { method, path, query: Vec::new(), headers: HeaderMap::new(), body: None }
    }

    fn get<const N: usize>(path: [&str; N]) -> Ask {
        Ask::new(Method::GET, path)
    }

    /// Absent members of the body are those that are null.
    fn post<const N: usize>(path: [&str; N], body: Value) -> Ask {
        Ask { body: Some(without_nulls(body)), ..Ask::new(Method::POST, path) }
    }

    fn put<const N: usize>(path: [&str; N], body: Value) -> Ask {
        Ask { body: Some(without_nulls(body)), ..Ask::new(Method::PUT, path) }
    }

    fn delete<const N: usize>(path: [&str; N]) -> Ask {
        Ask::new(Method::DELETE, path)
    }

    fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Ask {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    fn header(mut self, name: HeaderName, value: &str) -> Result<Ask> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::usage(format!("{value:?} cannot be sent over HTTP")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Under the caller's request id and trace. Who the operator is, the key says.
    fn of(self, caller: &Caller) -> Result<Ask> {
        if caller.operator.is_some() {
            return Err(Error::usage(
                "--operator (INVENTORY_OPERATOR) goes with --database-url: over HTTP the operator is the key's name",
            ));
        }
        let mut ask = self;
        if let Some(id) = caller.request_id {
            ask = ask.header(crate::http::idempotency::KEY, &id.to_string())?;
        }
        if let Some(trace) = &caller.trace_id {
            let parent = &uuid::Uuid::new_v4().simple().to_string()[..16];
            let header = format!("00-{trace}-{parent}-01");
            crate::http::trace::Parent::parse(&header).ok_or_else(|| {
                Error::usage(
                    "--trace-id (INVENTORY_TRACE_ID) must have 32 hexadecimal digits over HTTP",
                )
            })?;
            ask = ask.header(HeaderName::from_static("traceparent"), &header)?;
        }
        Ok(ask)
    }
}

fn without_nulls(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}

impl Reply {
    fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|cause| Error::Answer(format!("the gateway's answer cannot be read: {cause}")))
    }

    fn replayed(&self) -> bool {
        self.headers.contains_key(crate::http::idempotency::REPLAYED)
    }
}
