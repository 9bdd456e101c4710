//! What a receiver's answer means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};

/// A receiver that asks for more is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Taken,
    /// The receiver does not want this event.
    Refused(String),
    /// Of this event or of all: how others fare tells.
    Unclear(String),
    Away {
        reason: String,
        retry_after: Option<Duration>,
    },
}

impl Answer {
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Answer {
        let said = format!("the receiver answered {status}");
        match status.as_u16() {
            200..=299 => Answer::Taken,
            300..=399 => {
                let reason =
                    format!("{said}; redirections are not followed: name the address it is at");
                Answer::Away { reason, retry_after: None }
            }
            408 | 429 | 502..=504 => {
                Answer::Away { reason: said, retry_after: retry_after(headers) }
            }
            401 | 403..=405 | 500..=599 => Answer::Unclear(said),
            _ => Answer::Refused(said),
        }
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(text).ok()?;
            date.signed_duration_since(Utc::now()).to_std().unwrap_or_default()
        }
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|text| (RETRY_AFTER, text.parse().unwrap())));
        Answer::of(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn each_status_speaks_of_the_event_or_of_the_receiver() {
        for status in [200, 202, 204] {
            assert_eq!(answer(status, None), Answer::Taken);
        }
        for status in [400, 409, 410, 413, 422] {
            assert!(matches!(answer(status, None), Answer::Refused(_)), "{status}");
        }
        for status in [301, 302, 307, 408, 429, 502, 503, 504] {
            assert!(matches!(answer(status, None), Answer::Away { .. }), "{status}");
        }
        for status in [401, 403, 404, 405, 500, 501, 505] {
            assert!(matches!(answer(status, None), Answer::Unclear(_)), "{status}");
        }
    }

    #[test]
    fn who_asks_for_a_pause_gets_it_within_reason() {
        let asked = |text| match answer(503, Some(text)) {
            Answer::Away { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(asked("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("Thu, 31 Dec 2099 23:59:59 GMT"), Some(RETRY_AFTER_MAX));
        assert_eq!(asked("soon"), None);
    }
}
