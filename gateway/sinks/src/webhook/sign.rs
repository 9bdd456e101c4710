//! Who sent it, and that nobody changed it: HMAC-SHA256 over id, time and body.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::target::Malformed;

/// Bytes of a key: fewer could be guessed, more would be hashed down.
const KEY_MIN: usize = 24;
const KEY_MAX: usize = 64;

/// What the receiver knows too; never shown.
#[derive(Clone)]
pub struct Secret(Arc<hmac::Key>);

impl Secret {
    /// `whsec_` and base64.
    pub fn read(text: &str) -> Result<Secret, Malformed> {
        let key = text.strip_prefix("whsec_").and_then(|text| BASE64_STANDARD.decode(text).ok());
        let key = key.filter(|key| (KEY_MIN..=KEY_MAX).contains(&key.len())).ok_or_else(|| {
            Malformed::because(
                "a webhook signs what it sends: write webhook+https://:<secret>@host/path, where the secret is \
                 whsec_ and the base64 of 24 to 64 bytes (whsec_$(openssl rand -hex 32) is one)",
            )
        })?;
        Ok(Secret(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key))))
    }

    /// `v1,` and the signature in base64.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut signing = hmac::Context::with_key(&self.0);
        signing.update(format!("{id}.{seconds}.").as_bytes());
        signing.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(signing.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn the_standard_is_met() {
        let secret = Secret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
