//! Who is asking, and what they may. A key or a token stands for a principal with a role.

pub mod jwt;
pub mod keyring;
pub mod limits;
pub mod ticket;

use super::problem::{Fault, Problem};
use crate::serve::app::App;
use crate::store::Time;
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::sync::Arc;

/// Each may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Reader,
    Operator,
    Admin,
}

impl Role {
    pub fn parse(text: &str) -> Option<Role> {
        match text {
            "reader" => Some(Role::Reader),
            "operator" => Some(Role::Operator),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Principal {
    /// Unlike every other's, for good: request ids are derived from it.
    pub id: Arc<str>,
    /// What the audit log says, 1 to 64 characters.
    pub name: Arc<str>,
    pub role: Role,
    /// When its token ends; of a key the keyring says so.
    pub until: Option<Time>,
}

/// How the ids of those begin who came with a key.
const OF_A_KEY: &str = "key:";

impl Principal {
    /// The id of the key that it came with, where it was one.
    pub fn key_id(&self) -> Option<&str> {
        self.id.strip_prefix(OF_A_KEY)
    }
}

/// Which role a route asks for, as a type.
pub trait Needs: Send + Sync {
    const ROLE: Role;
}

pub struct Reading;
pub struct Operating;
pub struct Administering;

impl Needs for Reading {
    const ROLE: Role = Role::Reader;
}
impl Needs for Operating {
    const ROLE: Role = Role::Operator;
}
impl Needs for Administering {
    const ROLE: Role = Role::Admin;
}

/// A request whose caller is known, may do this, and has not asked too often.
pub struct Access<N: Needs>(pub Principal, PhantomData<N>);

impl<N: Needs> FromRequestParts<Arc<App>> for Access<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let principal = app.principal(bearer(parts)?).await?;
        admit::<N>(app, &principal)?;
        Ok(Access(principal, PhantomData))
    }
}

/// Whether somebody known may do this, and has not asked too often.
fn admit<N: Needs>(app: &App, principal: &Principal) -> Result<(), Problem> {
    if let Some(limits) = &app.limits {
        limits.admit(principal)?;
    }
    if principal.role < N::ROLE {
        return Err(Problem::new(
            Fault::Forbidden,
            format!(
                "this needs the role {}, yours is {}",
                N::ROLE.as_str(),
                principal.role.as_str()
            ),
        ));
    }
    Ok(())
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let mut given = parts.headers.get_all(AUTHORIZATION).iter();
    let header = given.next().ok_or_else(|| {
        Problem::new(Fault::Unauthorized, "give a key: Authorization: Bearer <key>")
    })?;
    let (scheme, secret) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if given.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") || secret.trim().is_empty()
    {
        return Err(unauthorized("the Authorization header must be: Bearer <key>"));
    }
    Ok(secret.trim())
}

/// For a credential that was given and does not hold.
pub fn unauthorized(detail: &str) -> Problem {
    let mut problem = Problem::new(Fault::Unauthorized, detail);
    problem.replace_header(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"inventory\", error=\"invalid_token\""),
    );
    problem
}
