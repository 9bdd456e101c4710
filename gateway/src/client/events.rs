//! Events as a gateway says them.

use super::{Ask, Client, innermost, problem};
use crate::error::{Error, Result};
use crate::events::{Batch, Entry, Event, Filter, From};
use axum::http::HeaderName;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::VecDeque;

/// Bytes of one message; an event is far smaller.
const MESSAGE_MAX: usize = 1024 * 1024;

/// A stream that is open.
pub struct Stream {
    target: String,
    body: Incoming,
    reader: Reader,
}

impl Client {
    /// Listens to what comes behind a place, for as long as nobody ends it.
    pub async fn listen(&self, filter: &Filter, from: &From) -> Result<Stream> {
        let mut ask = Ask::get(["v1", "events"])
            .query("sku", filter.sku.as_ref())
            .query("warehouse_id", filter.warehouse_id);
        for topic in &filter.topics {
            ask = ask.query("topic", Some(topic.as_str()));
        }
        let ask = match from {
            From::Now => ask,
            From::Beginning => ask.query("from", Some("beginning")),
            From::After(cursor) => ask.header(HeaderName::from_static("last-event-id"), cursor)?,
        };
        let answer = tokio::time::timeout(self.timeout, self.web.request(self.request(ask)?)).await;
        let answer = answer.map_err(|_| self.late())?;
        let answer = answer.map_err(|cause| self.away(innermost(&cause).to_string()))?;
        if answer.status().is_success() {
            let body = answer.into_body();
            return Ok(Stream { target: self.target(), body, reader: Reader::default() });
        }
        Err(problem::read(&self.target(), &self.whole(answer).await?))
    }
}

impl Stream {
    /// What is said next. An error when the stream ends, as streams do when a gateway goes down.
    pub async fn next(&mut self) -> Result<Batch> {
        loop {
            if let Some(message) = self.reader.next() {
                return heard(&self.target, message);
            }
            let broken = |cause: String| Error::Unreachable { target: self.target.clone(), cause };
            let frame =
                self.body.frame().await.ok_or_else(|| broken("the stream has ended".into()))?;
            let frame = frame.map_err(|cause| broken(innermost(&cause).to_string()))?;
            if let Ok(bytes) = frame.into_data() {
                self.reader.feed(&bytes)?;
            }
        }
    }
}

fn heard(target: &str, message: Message) -> Result<Batch> {
    let Message { id: cursor, event, data } = message;
    match event.as_str() {
        "position" => Ok(Batch::at(cursor)),
        "problem" => Err(problem::of_text(target, data.as_bytes())),
        _ => {
            let event: Event = serde_json::from_str(&data)
                .map_err(|cause| Error::Answer(format!("an event cannot be read: {cause}")))?;
            let entries = vec![Entry { cursor: cursor.clone(), event, json: data }];
            Ok(Batch { entries, after: cursor })
        }
    }
}

/// One that has data: what else there is says only that the stream is alive.
#[derive(Debug, Default, PartialEq)]
struct Message {
    id: String,
    event: String,
    data: String,
}

/// Makes messages of bytes, in the form of the HTML standard as far as a gateway uses it.
#[derive(Default)]
struct Reader {
    rest: Vec<u8>,
    begun: Message,
    done: VecDeque<Message>,
}

impl Reader {
    fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[..end]).into_owned();
            self.rest.drain(..=end);
            self.line(line.trim_end_matches('\r'));
        }
        match self.rest.len() + self.begun.data.len() <= MESSAGE_MAX {
            true => Ok(()),
            false => Err(Error::Answer("the gateway's event is too long".into())),
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let message = std::mem::take(&mut self.begun);
            if !message.data.is_empty() {
                self.done.push_back(message);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.begun.id),
            "event" => value.clone_into(&mut self.begun.event),
            "data" => self.begun.data.push_str(value),
            _ => {}
        }
    }

    fn next(&mut self) -> Option<Message> {
        self.done.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_any_pieces() {
        let text = "retry: 5\n\n:\n\nid: 1\nevent: position\ndata: {}\n\r\n: x\nid:2\nevent: A\ndata: \u{e4}\n\nid: 3\n";
        let message = |id: &str, event: &str, data: &str| Message {
            id: id.to_owned(),
            event: event.to_owned(),
            data: data.to_owned(),
        };
        for size in [1, 2, 7, text.len()] {
            let mut reader = Reader::default();
            text.as_bytes().chunks(size).for_each(|piece| reader.feed(piece).unwrap());
            assert_eq!(reader.next(), Some(message("1", "position", "{}")));
            assert_eq!(reader.next(), Some(message("2", "A", "\u{e4}")));
            assert_eq!(reader.next(), None, "the third is not complete");
        }
    }

    #[test]
    fn nobody_is_read_without_limit() {
        let mut reader = Reader::default();
        let piece = [b'x'; 65_536];
        assert!((0..20).any(|_| reader.feed(&piece).is_err()));
    }
}
