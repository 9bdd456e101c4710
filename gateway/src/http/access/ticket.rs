//! Tickets for `GET /v1/events`: a browser's EventSource cannot send a header, and what stands in an
//! address ends up in other people's logs. So a key or a token is given for a short-lived word that
//! opens this one route. It is signed and kept nowhere: any gateway takes it, also after a restart.
//!
//! One for a key is signed with the key's hash, which only the database and the gateways have; with the
//! key revoked it is void. Whoever holds the key could sign one too, but they have the key. One for a
//! token is signed with a secret of the service.

use super::{Access, Principal, Reading, Role, admit, unauthorized};
use crate::http::problem::{Fault, Problem};
use crate::serve::app::App;
use crate::store::Time;
use aws_lc_rs::hmac;
use axum::extract::{FromRequestParts, Query};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

const PREFIX: &str = "evt_";
/// No text that is signed for another purpose begins so.
const PURPOSE: &str = "ticket for events 1: ";

/// For whom it is.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Holder {
    /// Of a key, by its id: name and role are looked up.
    Key(String),
    Token {
        id: String,
        name: String,
        role: Role,
        until: Option<Time>,
    },
}

/// What it says, to anybody who reads it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Claims {
    holder: Holder,
    /// Until when a stream may be begun with it.
    until: Time,
}

/// One that somebody has brought.
pub struct Ticket {
    claims: Claims,
    signed: String,
    signature: Vec<u8>,
}

impl Ticket {
    fn read(text: &str) -> Option<Ticket> {
        let (signed, signature) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let claims = serde_json::from_slice(&BASE64.decode(signed).ok()?).ok()?;
        let signature = BASE64.decode(signature).ok()?;
        Some(Ticket { claims, signed: signed.to_owned(), signature })
    }

    /// In constant time.
    fn is_signed_with(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let text = format!("{PURPOSE}{}", self.signed);
        hmac::verify(&key, text.as_bytes(), &self.signature).is_ok()
    }
}

fn sign(claims: &Claims, secret: &[u8]) -> String {
    let signed = BASE64.encode(serde_json::to_vec(claims).unwrap_or_default());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signature = hmac::sign(&key, format!("{PURPOSE}{signed}").as_bytes());
    format!("{PREFIX}{signed}.{}", BASE64.encode(signature))
}

/// Not even by accident.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({:?}, hidden)", self.claims)
    }
}

/// A ticket with which that principal may begin streams until then.
pub fn issue(app: &App, principal: &Principal, until: Time) -> Result<String, Problem> {
    if let Some(key_id) = principal.key_id() {
        let claims = Claims { holder: Holder::Key(key_id.to_owned()), until };
        return app.keyring.with_hash(key_id, |hash| sign(&claims, hash));
    }
    let (id, name) = (principal.id.to_string(), principal.name.to_string());
    let holder = Holder::Token { id, name, role: principal.role, until: principal.until };
    Ok(sign(&Claims { holder, until }, secret_for_tokens(app)?))
}

fn secret_for_tokens(app: &App) -> Result<&[u8], Problem> {
    app.settings.ticket_secret().map(str::as_bytes).ok_or_else(|| {
        let detail =
            "tickets are for keys here: for tokens of a key file the service needs --ticket-secret";
        Problem::new(Fault::Forbidden, detail)
    })
}

async fn principal(app: &App, text: &str) -> Result<Principal, Problem> {
    let wrong = || unauthorized("the ticket does not hold; POST /v1/events/tickets gives another");
    let ticket = Ticket::read(text).ok_or_else(wrong)?;
    let principal = match &ticket.claims.holder {
        Holder::Key(key_id) => {
            app.keyring.holder(key_id, |hash| ticket.is_signed_with(hash)).await?
        }
        Holder::Token { id, name, role, until } => {
            let secret = secret_for_tokens(app).map_err(|_| wrong())?;
            if !ticket.is_signed_with(secret) || until.is_some_and(|until| until <= Utc::now()) {
                return Err(wrong());
            }
            Principal {
                id: id.as_str().into(),
                name: name.as_str().into(),
                role: *role,
                until: *until,
            }
        }
    };
    if ticket.claims.until <= Utc::now() {
        return Err(unauthorized("the ticket is too old; POST /v1/events/tickets gives another"));
    }
    Ok(principal)
}

/// A reader who is known by a key, a token, or a ticket.
pub struct Listener(pub Principal);

#[derive(Deserialize)]
struct Shown {
    ticket: Option<String>,
}

impl FromRequestParts<Arc<App>> for Listener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let shown = Query::<Shown>::from_request_parts(parts, app).await.ok();
        let ticket = shown.and_then(|Query(shown)| shown.ticket);
        match ticket.filter(|_| !parts.headers.contains_key(AUTHORIZATION)) {
            Some(ticket) => {
                let principal = principal(app, &ticket).await?;
                admit::<Reading>(app, &principal)?;
                Ok(Listener(principal))
            }
            None => Ok(Listener(Access::<Reading>::from_request_parts(parts, app).await?.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims { holder: Holder::Key("abcdefgh".to_owned()), until: Time::UNIX_EPOCH }
    }

    #[test]
    fn a_ticket_says_what_was_signed() {
        let text = sign(&claims(), b"secret");
        let ticket = Ticket::read(&text).unwrap();
        assert_eq!(ticket.claims, claims());
        assert!(ticket.is_signed_with(b"secret"));
        assert!(!ticket.is_signed_with(b"another"));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)), "{text}");
        assert!(!format!("{ticket:?}").contains(text.split('.').nth(1).unwrap()));
    }

    #[test]
    fn what_was_changed_is_not_signed() {
        let text = sign(&claims(), b"secret");
        let (said, signature) = text.split_once('.').unwrap();
        let other = Claims { until: Utc::now(), ..claims() };
        let other = sign(&other, b"another");
        let forged = format!("{}.{signature}", other.split('.').next().unwrap());
        assert!(!Ticket::read(&forged).unwrap().is_signed_with(b"secret"));
        for odd in ["", "evt_", "evt_.", said, &text[4..], "evt_e30.e30", "a.b.c"] {
            assert!(Ticket::read(odd).is_none(), "{odd}");
        }
        let cut = Ticket::read(&text[..text.len() - 4]);
        assert!(cut.is_none_or(|ticket| !ticket.is_signed_with(b"secret")));
    }
}
