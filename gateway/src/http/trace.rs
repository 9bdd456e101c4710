//! W3C Trace Context: the trace id of a request, its caller's or a new one.

use axum::http::HeaderMap;
use uuid::Uuid;

/// 16 bytes, written as 32 hexadecimal digits, kept with every movement and named in every problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceId(String);

/// What a caller says of its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub trace_id: TraceId,
    /// The step of the caller's that this request is a part of.
    pub span_id: [u8; 8],
    /// Whether the caller keeps this trace (bit 0).
    pub flags: u8,
}

impl TraceId {
    pub fn fresh() -> TraceId {
        TraceId::from_bytes(Uuid::new_v4().into_bytes())
    }

    pub fn from_bytes(bytes: [u8; 16]) -> TraceId {
        TraceId(Uuid::from_bytes(bytes).simple().to_string())
    }

    pub fn to_bytes(&self) -> [u8; 16] {
        Uuid::try_parse(&self.0).unwrap_or_default().into_bytes()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Parent {
    pub fn of(headers: &HeaderMap) -> Option<Parent> {
        Parent::parse(headers.get("traceparent")?.to_str().ok()?)
    }

    /// `version-traceid-parentid-flags`. A version to come may add fields, but keeps these.
    pub fn parse(header: &str) -> Option<Parent> {
        let mut parts = header.trim().split('-');
        let [version, trace_id, span_id, flags] =
            [hex(parts.next()?, 2)?, parts.next()?, parts.next()?, hex(parts.next()?, 2)?];
        let well_formed = version != "ff" && (version != "00" || parts.next().is_none());
        let trace_id = u128::from_str_radix(hex(trace_id, 32)?, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(hex(span_id, 16)?, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let trace_id = TraceId::from_bytes(trace_id.to_be_bytes());
        well_formed.then_some(Parent { trace_id, span_id: span_id.to_be_bytes(), flags })
    }
}

/// The text, if it is of so many digits.
fn hex(text: &str, digits: usize) -> Option<&str> {
    let all = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (all && text.len() == digits).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_parent_is_followed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Parent::parse(good).unwrap();
        assert_eq!(parent.trace_id.as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert_eq!(parent.flags, 1);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(Parent::parse(bad), None, "{bad}");
        }
    }
}
