//! JSON Web Tokens: HS256 with a shared secret, RS256 and EdDSA with the keys of a JWKS file.

use super::{Principal, Role, unauthorized};
use crate::error::{Error, Result};
use crate::http::problem::Problem;
use crate::store::Time;
use inventory_core::text::LABEL_MAX;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use std::path::Path;

/// Seconds that two clocks may differ.
const LEEWAY: u64 = 30;
/// Bytes; below that a secret can be guessed.
const SECRET_MIN: usize = 32;

/// Which tokens are good: whose signature, and for whom.
pub struct Tokens {
    keys: Vec<Key>,
    issuer: Option<String>,
    audience: Option<String>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970.
    exp: i64,
    #[serde(default)]
    iss: String,
    role: String,
}

impl Tokens {
    /// None where neither a secret nor a file is given.
    pub fn new(
        secret: Option<&str>,
        jwks: Option<&Path>,
        issuer: Option<String>,
        audience: Option<String>,
    ) -> Result<Option<Tokens>> {
        let mut keys = Vec::new();
        if let Some(secret) = secret {
            if secret.len() < SECRET_MIN {
                return Err(Error::usage(format!(
                    "--jwt-secret must have at least {SECRET_MIN} bytes"
                )));
            }
            let key = DecodingKey::from_secret(secret.as_bytes());
            keys.push(Key { id: None, algorithm: Algorithm::HS256, key });
        }
        if let Some(path) = jwks {
            keys.extend(read(path)?);
        }
        Ok((!keys.is_empty()).then_some(Tokens { keys, issuer, audience }))
    }

    /// Only three dots-and-letters parts look like a token.
    pub fn looks_like_one(text: &str) -> bool {
        text.split('.').count() == 3
    }

    pub fn principal(&self, token: &str) -> Result<Principal, Problem> {
        let header = decode_header(token).map_err(|_| unauthorized("the token cannot be read"))?;
        // Whoever does not understand what is critical must not take the token (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(unauthorized(
                "the token's header says crit, of which nothing is known here",
            ));
        }
        let keys = self.keys.iter().filter(|key| key.may_have_signed(&header));
        let read =
            keys.map(|key| decode::<Claims>(token, &key.key, &self.validation(key.algorithm)));
        let claims = first_signed(read)
            .ok_or_else(|| unauthorized("no key for this token's algorithm and key id is known"))?
            .map_err(|cause| unauthorized(&format!("the token does not hold: {cause}")))?
            .claims;
        principal(claims)
    }

    /// What must hold of a token beside its signature.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        // A claim that is only compared holds where it is missing.
        let mut required = vec!["exp", "sub"];
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

impl Key {
    /// A key or a token without an id leaves it to the algorithm.
    fn may_have_signed(&self, header: &Header) -> bool {
        let same = header.kid.is_none() || self.id.is_none() || self.id == header.kid;
        self.algorithm == header.alg && same
    }
}

/// What the key that signed it makes of a token; of a token that none of them signed, what the last one
/// does. None without a key.
fn first_signed<T>(
    mut read: impl Iterator<Item = jsonwebtoken::errors::Result<T>>,
) -> Option<jsonwebtoken::errors::Result<T>> {
    let mut unsigned = None;
    let signed = read.find_map(|one| match one {
        Err(cause) if *cause.kind() == ErrorKind::InvalidSignature => {
            unsigned = Some(Err(cause));
            None
        }
        one => Some(one),
    });
    signed.or(unsigned)
}

fn principal(claims: Claims) -> Result<Principal, Problem> {
    let role = Role::parse(&claims.role)
        .ok_or_else(|| unauthorized("the token's role must be reader, operator or admin"))?;
    if claims.sub.is_empty()
        || claims.sub.chars().count() > LABEL_MAX
        || claims.sub.chars().any(char::is_control)
    {
        return Err(unauthorized("the token's sub must have 1 to 64 printable characters"));
    }
    // An issuer may have any letter in it, so its length goes first: no two pairs are one id.
    let id = format!("jwt:{}:{}:{}", claims.iss.len(), claims.iss, claims.sub);
    let until = Time::from_timestamp(claims.exp, 0);
    Ok(Principal { id: id.into(), name: claims.sub.into(), role, until })
}

fn read(path: &Path) -> Result<Vec<Key>> {
    let wrong = |what: String| Error::usage(format!("--jwks-file {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|cause| wrong(cause.to_string()))?;
    let set: JwkSet = serde_json::from_str(&text).map_err(|cause| wrong(cause.to_string()))?;
    let keys = set.keys.iter().filter_map(|jwk| Some((jwk, algorithm(jwk)?)));
    let keys: Vec<Key> = keys
        .map(|(jwk, algorithm)| {
            let key = DecodingKey::from_jwk(jwk).map_err(|cause| wrong(cause.to_string()))?;
            Ok(Key { id: jwk.common.key_id.clone(), algorithm, key })
        })
        .collect::<Result<_>>()?;
    if keys.is_empty() {
        return Err(wrong("it holds no RSA or Ed25519 key for signatures".to_owned()));
    }
    Ok(keys)
}

/// A public key must never be taken for a shared secret, so its kind alone says the algorithm.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    // A key to hide things with vouches for nothing.
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return None;
    }
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        _ => None,
    }
}
