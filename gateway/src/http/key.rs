//! The text of an API key: `inv_<id>_<secret>`. The id is no secret; of the secret, 256 random bits
//! as hexadecimal digits, only the SHA-256 is kept.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use uuid::Uuid;

const PREFIX: &str = "inv_";
const ID: usize = 8;
const SECRET: usize = 64;

/// A key as its holder has it.
pub struct ApiKey {
    id: String,
    secret: String,
}

impl ApiKey {
    /// A new one, from the operating system's randomness.
    pub fn fresh() -> ApiKey {
        // A version 4 UUID has 122 random bits; three hashed together have more than the 256 asked for.
        let seed = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        let id = Uuid::new_v4().simple().to_string();
        ApiKey { id: id[..ID].to_owned(), secret: hex(&Sha256::digest(seed)) }
    }

    pub fn parse(text: &str) -> Option<ApiKey> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let well_formed = id.len() == ID
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && secret.len() == SECRET
            && secret.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| ApiKey { id: id.to_owned(), secret: secret.to_owned() })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// What may be kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.secret).into()
    }

    /// Whether it is the one of that hash, in constant time.
    pub fn is(&self, hash: &[u8]) -> bool {
        self.hash().ct_eq(hash).into()
    }

    /// The whole of it, to be shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }
}

/// Not even by accident.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, hidden)", self.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_shown() {
        let key = ApiKey::fresh();
        let read = ApiKey::parse(&key.reveal()).unwrap();
        assert_eq!(read.id(), key.id());
        assert!(read.is(&key.hash()) && !read.is(&ApiKey::fresh().hash()) && !read.is(&[]));
        assert!(!format!("{key:?}").contains(&key.secret));
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        let good = ApiKey::fresh().reveal();
        for bad in
            ["", "inv_", "inv_abcdefgh", &good[1..], &good[..good.len() - 1], &good.to_uppercase()]
        {
            assert!(ApiKey::parse(bad).is_none(), "{bad}");
        }
    }
}
