//! Texts that users give: short, without control characters, otherwise kept letter by letter.

use crate::Refusal;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The most characters (not bytes) of a SKU, lot, operator, trace id or reason.
pub const LABEL_MAX: usize = 64;
/// The most characters of a product's or warehouse's name.
pub const NAME_MAX: usize = 200;

/// A text of 1 to 64 characters without control characters: a SKU, a lot, an operator, a trace id,
/// a reason. Blanks and case are kept: two labels are the same only letter by letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// `what` names the argument in the refusal.
    pub fn new(what: &str, text: impl Into<Arc<str>>) -> Result<Label, Refusal> {
        let text = text.into();
        check(what, &text, LABEL_MAX)?;
        Ok(Label(text))
    }

    /// One of our own, which keeps to the rules.
    pub fn fixed(text: &'static str) -> Label {
        Label(text.into())
    }

    /// The same for a value that may be absent from the call.
    pub fn required(what: &str, text: Option<impl Into<Arc<str>>>) -> Result<Label, Refusal> {
        Label::new(what, required(what, text)?)
    }

    /// The same for an argument that may be NULL.
    pub fn optional(
        what: &str,
        text: Option<impl Into<Arc<str>>>,
    ) -> Result<Option<Label>, Refusal> {
        text.map(|t| Label::new(what, t)).transpose()
    }
}

impl Deref for Label {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of 1 to 200 characters without control characters.
pub fn name(what: &str, text: Option<String>) -> Result<String, Refusal> {
    let text = required(what, text)?;
    check(what, &text, NAME_MAX)?;
    Ok(text)
}

/// An argument that may not be NULL.
pub fn required<T>(what: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::invalid(format!("{what} must not be NULL")))
}

fn check(what: &str, text: &str, max: usize) -> Result<(), Refusal> {
    // A character is at least one byte: short texts need no counting.
    let too_long = text.len() > max && text.chars().count() > max;
    if text.is_empty() || too_long {
        return Err(Refusal::invalid(format!("{what} must have 1 to {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(format!("{what} must not contain control characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_not_bytes() {
        assert!(Label::new("sku", "ü".repeat(64)).is_ok());
        assert!(Label::new("sku", "ü".repeat(65)).is_err());
        assert!(Label::new("sku", "").is_err());
    }

    #[test]
    fn control_characters_are_refused_and_blanks_kept() {
        for bad in ["a\nb", "\u{0}", "a\u{7f}", "\u{85}"] {
            assert!(Label::new("sku", bad).is_err(), "{bad:?}");
        }
        assert_eq!(&*Label::new("sku", " A a ").unwrap(), " A a ");
    }
}
