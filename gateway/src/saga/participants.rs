//! Asking the services that take part in a saga, and what their answers mean.

use super::definitions::{Participant, Sagas};
use crate::client::{Web, web};
use crate::error::Result;
use crate::store::{SagaCall, SagaReport};
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use inventory_core::saga::Outcome;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Bytes of an answer, as many as are kept.
const ANSWER_MAX: usize = 16_384;

pub struct Participants {
    sagas: Arc<Sagas>,
    web: Web,
}

/// What a service answered, if it did.
struct Heard {
    outcome: Outcome,
    answer: Option<Value>,
    detail: Option<String>,
}

impl Heard {
    fn unknown(detail: impl Into<String>) -> Heard {
        Heard { outcome: Outcome::Unknown, answer: None, detail: Some(detail.into()) }
    }
}

impl Participants {
    pub fn new(sagas: Arc<Sagas>) -> Result<Participants> {
        Ok(Participants { sagas, web: web()? })
    }

    /// Makes a call; whatever goes wrong is an outcome that is not known.
    pub async fn ask(&self, call: &SagaCall) -> SagaReport {
        let name = &call.what.participant;
        let heard = match self.sagas.participant(name) {
            None => Heard::unknown(format!("no participant {name} is named in --saga-file here")),
            Some(participant) => {
                let timeout = Duration::from_millis(call.what.timeout_ms);
                tokio::time::timeout(timeout, self.exchange(participant, call))
                    .await
                    .unwrap_or_else(|_| {
                        Heard::unknown(format!("no answer within {} ms", call.what.timeout_ms))
                    })
            }
        };
        let Heard { outcome, answer, detail } = heard;
        let (step, direction) = (call.step, call.direction.clone());
        SagaReport { step, direction, outcome, answer, detail }
    }

    async fn exchange(&self, participant: &Participant, call: &SagaCall) -> Heard {
        let request = match request(participant, call) {
            Ok(request) => request,
            Err(cause) => return Heard::unknown(format!("it cannot be asked: {cause}")),
        };
        let answer = match self.web.request(request).await {
            Ok(answer) => answer,
            Err(cause) => return Heard::unknown(format!("it cannot be reached: {cause}")),
        };
        let (head, body) = answer.into_parts();
        let body = match Limited::new(body, ANSWER_MAX).collect().await {
            Ok(body) => Some(body.to_bytes()),
            // A later step may need it, and it is answered once more.
            Err(cause) if head.status == StatusCode::OK && !cause.is::<LengthLimitError>() => {
                return Heard::unknown(format!("its answer broke off: {cause}"));
            }
            Err(_) => None,
        };
        heard(head.status, body.as_deref())
    }
}

fn request(
    participant: &Participant,
    call: &SagaCall,
) -> std::result::Result<Request<Full<Bytes>>, axum::http::Error> {
    let what = &call.what;
    let id = what.body["step_id"].as_str().unwrap_or_default();
    let mut request = Request::post(participant.address(&what.call).as_str())
        .header(CONTENT_TYPE, "application/json")
        .header("idempotency-key", format!("{id}.{}", call.direction));
    let hexadecimal = |id: &&String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(trace) = what.trace_id.as_ref().filter(hexadecimal) {
        let parent = &Uuid::new_v4().simple().to_string()[..16];
        request = request.header("traceparent", format!("00-{trace}-{parent}-01"));
    }
    if let Some(authorization) = &participant.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    request.body(Full::new(Bytes::from(what.body.to_string())))
}

/// 200 is done, 409 refused for good, 425 still at work; nothing else says what became of it.
fn heard(status: StatusCode, body: Option<&[u8]>) -> Heard {
    let answer = body.and_then(kept);
    match status {
        StatusCode::OK => Heard { outcome: Outcome::Done, answer, detail: None },
        StatusCode::CONFLICT => {
            Heard { outcome: Outcome::Refused, detail: Some(why(status, body)), answer: None }
        }
        StatusCode::TOO_EARLY => {
            Heard { outcome: Outcome::Working, detail: Some(why(status, body)), answer: None }
        }
        other => Heard::unknown(why(other, body)),
    }
}

/// An answer that the database can keep: an object without the character that it has no room for.
fn kept(body: &[u8]) -> Option<Value> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    (answer.is_object() && !answer.to_string().contains("\\u0000")).then_some(answer)
}

/// What a problem document says, else the status alone: pages for people do not belong here.
fn why(status: StatusCode, body: Option<&[u8]>) -> String {
    let document = body.and_then(kept);
    let detail = document.as_ref().and_then(|d| d["detail"].as_str()).unwrap_or_default();
    format!("{} {detail}", status.as_u16()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_answers_say_what_became_of_it_and_no_other_does() {
        let outcome = |status: u16| {
            heard(StatusCode::from_u16(status).unwrap_or_default(), Some(b"{}")).outcome
        };
        assert_eq!(outcome(200), Outcome::Done);
        assert_eq!(outcome(409), Outcome::Refused);
        assert_eq!(outcome(425), Outcome::Working);
        for status in [201, 204, 301, 400, 401, 404, 429, 500, 503] {
            assert_eq!(outcome(status), Outcome::Unknown, "{status}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_kept_is_done_all_the_same() {
        for body in [&b"no json"[..], b"[1]", b"{\"a\": \"\\u0000\"}", b""] {
            let heard = heard(StatusCode::OK, Some(body));
            assert!(heard.outcome == Outcome::Done && heard.answer.is_none());
        }
        let heard = heard(StatusCode::CONFLICT, Some(b"{\"detail\": \"no money\"}"));
        assert_eq!(heard.detail.as_deref(), Some("409 no money"));
    }
}
