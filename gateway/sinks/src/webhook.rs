//! A webhook: a signed POST an event, in the CloudEvents form, one at a time for each SKU.
//!
//! Signed as <https://www.standardwebhooks.com> has it: `webhook-id` is the event's id, `webhook-timestamp` the
//! second it was sent (a repeat has another), and `webhook-signature` is `v1,` and the base64 of HMAC-SHA256
//! over `<webhook-id>.<webhook-timestamp>.<body>`. The key is what the secret's base64 says after `whsec_`.
//! A receiver computes the same, compares in constant time, and refuses what is older than some minutes.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx | delivered |
//! | 408, 429, 502, 503, 504, a redirection, none in time | the receiver is away; `Retry-After` is heeded |
//! | 401, 403, 404, 405, other 5xx | this event is refused where another of the call is taken, else the receiver is away |
//! | other 4xx | this event is refused |
//!
//! Redirections are not followed. Names that lead to loopback, link-local or private addresses are refused
//! after they were resolved, for the very address that is then connected to.

mod answer;
mod lanes;
mod reach;
mod sign;

use std::time::Duration;

use chrono::Utc;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, Response, body::Incoming, header};
use tokio::time::timeout;
use url::Url;

use crate::target::{Malformed, Parts};
use crate::{Down, Event, Outcome, Settings};
use answer::Answer;
use lanes::Lanes;
use reach::Client;
use sign::Secret;

/// Requests at once.
const CONNECTIONS: usize = 16;
/// What of an answer's body is read, and for how long, so that the connection can be used again.
const BODY_MAX: usize = 64 * 1024;
const BODY_WAIT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct Place {
    url: Url,
    secret: Secret,
}

impl Place {
    pub fn read(text: &str, parts: &Parts) -> Result<Place, Malformed> {
        parts.one_host()?;
        let secret = Secret::read(parts.password.as_deref().unwrap_or_default())?;
        // As a URL that is known to be of the web, so hosts like 0x7f.1 become the addresses they mean.
        let text = text.strip_prefix("webhook+").unwrap_or(text);
        let url = Url::parse(text)
            .map_err(|error| Malformed::because(format!("no valid address: {error}")))?;
        Ok(Place { url: without_login(url), secret })
    }
}

fn without_login(mut url: Url) -> Url {
    // Neither fails where there is a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

pub struct Line {
    client: Client,
    url: Url,
    secret: Secret,
    patience: Duration,
}

impl Line {
    /// Nobody is asked yet: there is no question that a receiver must answer but an event.
    pub fn connect(place: &Place, settings: &Settings) -> Result<Line, Down> {
        reach::may_be_named(&place.url, settings.private_addresses)?;
        let client = reach::client(settings.private_addresses, settings.patience)?;
        let Place { url, secret } = place.clone();
        Ok(Line { client, url, secret, patience: settings.patience })
    }

    pub async fn deliver(&self, source: &str, events: &[Event]) -> Result<Vec<Outcome>, Down> {
        let mut lanes = Lanes::of(events);
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < CONNECTIONS
                && let Some(at) = lanes.send_next()
            {
                let event = &events[at];
                under_way.push(async move { (at, self.post(source, event).await) });
            }
            match under_way.next().await {
                Some((at, answer)) => lanes.answered(at, answer),
                None => return lanes.finish(),
            }
        }
    }

    async fn post(&self, source: &str, event: &Event) -> Answer {
        let request = match self.request(source, event) {
            Ok(request) => request,
            Err(error) => return Answer::Refused(format!("no request can be made of it: {error}")),
        };
        match timeout(self.patience, self.client.request(request)).await {
            Ok(Ok(response)) => read(response).await,
            Ok(Err(error)) => Answer::Away { reason: reach::why(&error), retry_after: None },
            Err(_late) => {
                Answer::Away { reason: "no answer in time".to_owned(), retry_after: None }
            }
        }
    }

    fn request(
        &self,
        source: &str,
        event: &Event,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let body = event.cloud_event(source);
        let seconds = Utc::now().timestamp();
        let signature = self.secret.sign(&event.id, seconds, &body);
        Request::builder()
            .method(Method::POST)
            .uri(self.url.as_str())
            .header(header::CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header(header::USER_AGENT, concat!("inventory/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::from(body)))
    }
}

/// The status says it all; the body is read only to have the connection free again, and one that does not come
/// changes nothing.
async fn read(response: Response<Incoming>) -> Answer {
    let answer = Answer::of(response.status(), response.headers());
    let _ = timeout(BODY_WAIT, Limited::new(response.into_body(), BODY_MAX).collect()).await;
    answer
}
