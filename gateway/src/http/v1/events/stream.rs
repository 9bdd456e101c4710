//! One stream: a task that follows the journal and writes what its client wants to hear, for as long as
//! the client takes it.

use crate::events::{Batch, Filter, Follower, Seat};
use crate::http::access::Principal;
use crate::http::problem::Problem;
use crate::http::trace::TraceId;
use crate::serve::app::App;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

/// Bytes that are written at once, and pieces of that size that may wait for the client.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 2;
/// Milliseconds after which a client comes back, and by how much they differ: after a restart all come.
const RETRY: u128 = 500;
const RETRY_SPREAD: u128 = 1_000;
/// Said where there is nothing to say.
const ALIVE: &str = ":\n\n";
const INSTANCE: &str = "/v1/events";

/// Somebody listens: who, and to what.
pub struct Listening {
    pub principal: Principal,
    pub filter: Filter,
    pub trace: TraceId,
}

struct Stream {
    app: Arc<App>,
    to: Listening,
    out: mpsc::Sender<Bytes>,
    /// Where the client knows that it stands, and where it does stand.
    told: String,
    place: String,
}

/// The client is gone, does not take what is said, or may hear no more.
struct Over;

/// The answer; the stream goes on, and keeps its seat, for as long as somebody reads it.
pub fn begin(app: Arc<App>, to: Listening, seat: Seat, follower: Follower) -> Response {
    let (out, mut pieces) = mpsc::channel(PIECES);
    let stream = Stream { app, to, out, told: String::new(), place: String::new() };
    tokio::spawn(stream.run(seat, follower));
    let body = stream::poll_fn(move |cx| {
        pieces.poll_recv(cx).map(|piece| piece.map(Ok::<Bytes, Infallible>))
    });
    let header = HeaderValue::from_static;
    let headers = [
        (CONTENT_TYPE, header("text/event-stream")),
        (CACHE_CONTROL, header("no-store, no-transform")),
        // nginx would keep events back, to send them on in larger pieces.
        (HeaderName::from_static("x-accel-buffering"), header("no")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

impl Stream {
    async fn run(mut self, _seat: Seat, mut follower: Follower) {
        let mut closing = self.app.closing();
        tokio::select! {
            Err(Over) = self.speak(&mut follower) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    async fn speak(&mut self, follower: &mut Follower) -> Result<Infallible, Over> {
        let retry = RETRY + Uuid::new_v4().as_u128() % RETRY_SPREAD;
        self.say(format!("retry: {retry}\n\n")).await?;
        let mut beat = tokio::time::interval(self.app.settings.event_heartbeat());
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Not begun again at each beat: a look into the journal would then never end.
            let mut next = pin!(follower.next());
            let heard = loop {
                tokio::select! {
                    heard = &mut next => break heard,
                    _ = beat.tick() => self.beat().await?,
                    () = self.out.closed() => return Err(Over),
                }
            };
            match heard {
                Ok(batch) => self.tell(&batch).await?,
                Err(error) => {
                    let problem = Problem::from(error);
                    let document = problem.document(INSTANCE, self.to.trace.as_str());
                    let document = serde_json::to_string(&document).unwrap_or_default();
                    self.say(format!("event: problem\ndata: {document}\n\n")).await?;
                    return Err(Over);
                }
            }
        }
    }

    async fn tell(&mut self, batch: &Batch) -> Result<(), Over> {
        let mut text = String::new();
        for entry in batch.entries.iter().filter(|entry| self.to.filter.passes(&entry.event)) {
            let (cursor, topic, json) = (&entry.cursor, entry.event.topic.as_str(), &entry.json);
            let _ = write!(text, "id: {cursor}\nevent: {topic}\ndata: {json}\n\n");
            self.told.clone_from(cursor);
            if text.len() >= PIECE {
                self.say(std::mem::take(&mut text)).await?;
            }
        }
        if !text.is_empty() {
            self.say(text).await?;
        }
        self.place.clone_from(&batch.after);
        // Who has heard nothing yet must not begin anew if the first event comes while it is away.
        if self.told.is_empty() { self.position().await } else { Ok(()) }
    }

    async fn beat(&mut self) -> Result<(), Over> {
        if !self.app.still_holds(&self.to.principal) {
            return Err(Over);
        }
        if self.told == self.place {
            self.say(ALIVE.to_owned()).await
        } else {
            self.position().await
        }
    }

    /// With a word of data: there are clients that take no id without.
    async fn position(&mut self) -> Result<(), Over> {
        self.told.clone_from(&self.place);
        self.say(format!("id: {}\nevent: position\ndata: {{}}\n\n", self.place)).await
    }

    async fn say(&self, text: String) -> Result<(), Over> {
        let patience = self.app.settings.write_timeout();
        match tokio::time::timeout(patience, self.out.send(text.into())).await {
            Ok(said) => said.map_err(|_| Over),
            Err(_) => {
                self.app.metrics.event_client_cut();
                Err(Over)
            }
        }
    }
}
