//! Sinks: where events go, and which relay brings them there.

use crate::Refusal;
use crate::text::required;

/// The most sinks of one database: each is a loop of a relay.
pub const SINKS_MAX: usize = 100;
/// From so many events on that it refused for good a sink is paused: it is not this or that event.
pub const DEAD_MAX: i64 = 10_000;
/// The most characters of a sink's name.
const NAME_MAX: usize = 32;
/// The most characters of its URL.
const TARGET_MAX: usize = 2_000;
/// What is kept of an error's text.
const ERROR_MAX: usize = 500;

/// A name of a sink: what people type, and metrics show.
pub fn name(what: &str, text: Option<String>) -> Result<String, Refusal> {
    let text = required(what, text)?;
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_');
    if !(1..=NAME_MAX).contains(&text.len()) || !text.bytes().all(plain) {
        let detail = format!("{what} must have 1 to {NAME_MAX} lower-case letters, digits, - or _");
        return Err(Refusal::invalid(detail));
    }
    Ok(text)
}

/// The URL of a sink. Which there are the relay knows; its text is never shown, it may hold secrets.
pub fn target(text: Option<String>) -> Result<String, Refusal> {
    let text = required("target", text)?;
    let known = text.split_once(':').is_some_and(|(scheme, _)| !scheme.is_empty());
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if !known || !plain || text.len() > TARGET_MAX {
        return Err(Refusal::invalid(format!(
            "target must be a URL of at most {TARGET_MAX} characters, as redis://host:6379/stream"
        )));
    }
    Ok(text)
}

/// A URL without what may be secret in it: user, password and query; of a webhook its path, too.
pub fn address(target: &str) -> String {
    let whole = target.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = whole.split_once("://") else {
        return whole.split(':').next().unwrap_or_default().to_owned() + ":";
    };
    // Whatever is before an @ may be a secret, also where it holds a slash that should not be there.
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    match place.split_once('/') {
        Some((host, _)) if scheme.starts_with("webhook") => format!("{scheme}://{host}/…"),
        _ => format!("{scheme}://{place}"),
    }
}

/// How many sinks each of so many relays has at most.
pub fn share(sinks: usize, relays: usize) -> usize {
    sinks.div_ceil(relays.max(1))
}

/// What is kept of an error: one line, not too long.
pub fn error(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ERROR_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_secret() {
        for (target, shown) in [
            ("stdout:", "stdout:"),
            ("redis://u:p@host:6379/events?db=1", "redis://host:6379/events"),
            ("webhook+https://:s3cr3t@example.com/hook/token?x=y", "webhook+https://example.com/…"),
            ("webhook+https://:a/b@c@example.com", "webhook+https://example.com"),
            ("amqp://host/vhost/exchange", "amqp://host/vhost/exchange"),
            ("odd:secret", "odd:"),
        ] {
            assert_eq!(address(target), shown);
        }
    }

    #[test]
    fn shares_cover_all_sinks() {
        for (sinks, relays, each) in [(0, 1, 0), (1, 2, 1), (5, 2, 3), (4, 2, 2), (3, 0, 3)] {
            assert_eq!(share(sinks, relays), each);
        }
    }
}
