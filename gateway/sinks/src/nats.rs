//! NATS JetStream: a message an event on `<subject>.<event type>`, acknowledged by the stream that is named.
//!
//! The stream is not made here: how long and how safely it keeps events is the operator's to say. Messages
//! carry `Nats-Msg-Id`, so within the stream's duplicate window a repeat is not stored again.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{Auth, AuthError, Client, ConnectOptions, ServerAddr};

use crate::pipeline::{Pipe, Sent, WINDOW};
use crate::target::{Malformed, Parts};
use crate::{Down, Event, Outcome, Settings};

/// What headers and subject may add to the payload, with room to spare.
const HEADERS: usize = 1_024;

#[derive(Clone)]
pub struct Place {
    servers: Vec<ServerAddr>,
    login: Auth,
    stream: String,
    subject: String,
}

impl Place {
    /// `nats://token@host` and `nats://user:password@host`.
    pub fn read(parts: &Parts) -> Result<Place, Malformed> {
        let [stream, subject] = parts.names("<stream>/<subject>")?;
        parts.only_options(&[])?;
        let named = |text: &str| {
            !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*>".contains(c))
        };
        let subject_holds = subject.split('.').all(|token| !token.is_empty());
        if !named(stream) || stream.contains('.') || !named(subject) || !subject_holds {
            return Err(Malformed::because(
                "stream and subject are words, a subject's parted by dots",
            ));
        }
        let server = |(host, port): &(String, Option<u16>)| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let address = format!("{}://{host}:{}", parts.scheme, port.unwrap_or(4222));
            address.parse().map_err(|_| Malformed::because("no address of a NATS server"))
        };
        let mut login = Auth::new();
        match (&parts.user, &parts.password) {
            (user, Some(password)) => {
                login.username = Some(user.clone().unwrap_or_default());
                login.password = Some(password.clone());
            }
            (token, None) => login.token = token.clone(),
        }
        Ok(Place {
            servers: parts.hosts.iter().map(server).collect::<Result<_, _>>()?,
            login,
            stream: stream.to_owned(),
            subject: subject.to_owned(),
        })
    }
}

pub struct Line {
    stream: String,
    subject: String,
    context: Context,
    /// The longest event that server and stream take.
    longest: usize,
}

impl Line {
    pub async fn connect(place: &Place, settings: &Settings) -> Result<Line, Down> {
        let client = connect_once(place, settings.patience).await?;
        let context = ContextBuilder::new()
            .timeout(settings.patience)
            .ack_timeout(settings.patience)
            .max_ack_inflight(WINDOW)
            .build(client.clone());
        let stream = context.get_stream(&place.stream).await.map_err(|error| {
            Down::because(format!("NATS: no stream {} to write to: {error}", place.stream))
        })?;
        let limit = usize::try_from(stream.cached_info().config.max_message_size).ok();
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let longest = limit.min(client.server_info().max_payload).saturating_sub(HEADERS);
        let (stream, subject) = (place.stream.clone(), place.subject.clone());
        Ok(Line { stream, subject, context, longest })
    }
}

impl Pipe for Line {
    type Receipt = PublishAckFuture;

    async fn send(&mut self, event: &Event, body: Vec<u8>) -> Result<Sent<PublishAckFuture>, Down> {
        if body.len() > self.longest {
            let reason = format!("{} bytes are more than stream or server take", body.len());
            return Ok(Sent::Refused(reason));
        }
        let message = PublishMessage::build()
            .message_id(&event.id)
            .expected_stream(&self.stream)
            .header("Content-Type", "application/cloudevents+json")
            .payload(body.into());
        let subject = format!("{}.{}", self.subject, event.kind);
        let sent = self.context.send_publish(subject, message).await;
        sent.map(Sent::UnderWay).map_err(|error| down(&error))
    }

    async fn answers(
        &mut self,
        sent: Vec<(&Event, PublishAckFuture)>,
    ) -> Result<Vec<Outcome>, Down> {
        let mut decided = Vec::new();
        for (_, ack) in sent {
            match ack.await {
                Ok(_) => decided.push(Outcome::Delivered),
                Err(error) => return Err(Down { decided, ..down(&error) }),
            }
        }
        Ok(decided)
    }
}

/// A client that ends with its connection. One that came back by itself would send what it still has in hand
/// after messages that were lost: later events of a SKU before earlier ones.
async fn connect_once(place: &Place, patience: Duration) -> Result<Client, Down> {
    let (login, connected) = (place.login.clone(), Arc::new(AtomicBool::new(false)));
    let before = Arc::clone(&connected);
    let options = ConnectOptions::with_auth_callback(move |_nonce| {
        let again = before.load(Ordering::Acquire);
        let answer = if again {
            Err(AuthError::new("the next connection is another's"))
        } else {
            Ok(login.clone())
        };
        future::ready(answer)
    });
    let options = options
        .name("inventory relay")
        .max_reconnects(place.servers.len())
        .connection_timeout(patience)
        .request_timeout(Some(patience));
    let client = options.connect(place.servers.clone()).await;
    let client = client.map_err(|error| Down::because(format!("NATS: {error}")))?;
    connected.store(true, Ordering::Release);
    Ok(client)
}

fn down(error: &PublishError) -> Down {
    match error.kind() {
        PublishErrorKind::StreamNotFound => Down::because(
            "NATS: no stream takes this subject: add `<subject>.>` to the stream's subjects",
        ),
        _ => Down::because(format!("NATS: {error}")),
    }
}
