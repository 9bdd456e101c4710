//! What hyper answers by itself, before there is a request that anybody could be asked about: heads that are
//! malformed or too large. It sends a status and no body; here a problem document is put in its place.

use crate::http::problem::{Fault, Problem};
use crate::http::trace::TraceId;
use axum::http::{StatusCode, header};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection's stream, as hyper writes to it.
pub struct Documented<S> {
    stream: S,
    /// What is written in place of what hyper gave, how far, and how many of hyper's bytes it stands for.
    instead: Option<Instead>,
}

struct Instead {
    bytes: Vec<u8>,
    written: usize,
    stands_for: usize,
}

impl<S> Documented<S> {
    pub fn new(stream: S) -> Documented<S> {
        Documented { stream, instead: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Documented<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Documented<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Documented { stream, instead } = self.get_mut();
        if instead.is_none() {
            *instead = in_place_of(buffer);
        }
        let Some(Instead { bytes, written, stands_for }) = instead else {
            return Pin::new(stream).poll_write(context, buffer);
        };
        while *written < bytes.len() {
            match ready!(Pin::new(&mut *stream).poll_write(context, &bytes[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                some => *written += some,
            }
        }
        let stands_for = *stands_for;
        *instead = None;
        Poll::Ready(Ok(stands_for))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The same with a document, where the last answer in it has none. Our own answers of that kind all have
/// one, so a client error without a body can only be hyper's; it is the last that it writes.
fn in_place_of(buffer: &[u8]) -> Option<Instead> {
    const START: &[u8] = b"HTTP/1.1 4";
    const NO_BODY: &[u8] = b"\r\ncontent-length: 0\r\n";
    if !buffer.ends_with(b"\r\n\r\n") {
        return None;
    }
    let at = buffer.windows(START.len()).rposition(|window| window == START)?;
    let (before, bare) = buffer.split_at(at);
    bare.windows(NO_BODY.len()).find(|window| *window == NO_BODY)?;
    let status = StatusCode::from_bytes(bare.get(9..12)?).ok()?;
    let bytes = [before, document(status).as_bytes()].concat();
    Some(Instead { bytes, written: 0, stands_for: buffer.len() })
}

fn document(status: StatusCode) -> String {
    let problem = match status {
        StatusCode::URI_TOO_LONG => Problem::new(Fault::AddressTooLong, "shorten the address"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            Problem::new(Fault::HeadTooLarge, "send fewer or shorter headers")
        }
        _ => Problem::new(Fault::Unreadable, "this is no request of HTTP/1.1 or HTTP/2"),
    };
    let trace = TraceId::fresh();
    let body = serde_json::to_string(&problem.document("", trace.as_str())).unwrap_or_default();
    let (status, length) = (problem.status, body.len());
    format!(
        "HTTP/1.1 {status}\r\n{}: application/problem+json\r\n{}: {length}\r\n{}: close\r\n\r\n{body}",
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONNECTION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_a_body_is_replaced() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let ours = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let instead = in_place_of(bare).unwrap();
        assert_eq!(instead.stands_for, bare.len());
        let text = String::from_utf8(instead.bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{text}");
        assert!(text.contains("\"code\":\"head_too_large\""), "{text}");

        let both = [&ours[..], bare].concat();
        assert!(in_place_of(&both).unwrap().bytes.starts_with(ours), "what went before it stays");
        for whole in [
            &ours[..],
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone",
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n", // to a HEAD
            b"HTTP/1.1 204 No Content\r\n\r\n",
        ] {
            assert!(in_place_of(whole).is_none());
        }
    }
}
