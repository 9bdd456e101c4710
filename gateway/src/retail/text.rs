//! Free texts of the file, made fit for the engine's columns.

use std::borrow::Cow;

/// The most characters of a reason, operator or trace id.
const LABEL_MAX: usize = 64;
/// The most characters of a product's name.
const NAME_MAX: usize = 200;

/// Cut to 64 characters (not bytes), control characters as blanks; None where nothing is left to
/// read.
pub fn label(text: &str) -> Option<String> {
    fit(text, LABEL_MAX)
}

/// The same for a product's name, without the blanks around it.
pub fn name(text: &str) -> Option<String> {
    fit(text.trim(), NAME_MAX)
}

/// A value that identifies somebody is kept whole or not at all.
pub fn identifier(text: &str) -> Option<String> {
    let fits = !text.is_empty()
        && text.chars().count() <= LABEL_MAX
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// `invoice 489434 of 2009-12-01, customer 13085`
pub fn order_reason(invoice: &str, date: &str, customer: &str) -> String {
    let mut reason = format!("invoice {invoice}");
    if let Some(day) = date.split(' ').next().filter(|day| !day.is_empty()) {
        reason.push_str(" of ");
        reason.push_str(day);
    }
    if !customer.is_empty() {
        reason.push_str(", customer ");
        reason.push_str(customer);
    }
    label(&reason).unwrap_or(reason)
}

fn fit(text: &str, most: usize) -> Option<String> {
    let readable: Cow<str> = if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    } else {
        Cow::Borrowed(text)
    };
    let cut: String = readable.chars().take(most).collect();
    (!cut.trim().is_empty()).then_some(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_by_characters_not_bytes() {
        let long = "ß".repeat(70);
        assert_eq!(label(&long).map(|l| l.chars().count()), Some(64));
        assert_eq!(label("damaged"), Some("damaged".into()));
        assert_eq!(label("a\tb"), Some("a b".into()));
        assert_eq!(label("   "), None);
        assert_eq!(label(""), None);
        assert_eq!(name(" WHITE CHERRY LIGHTS "), Some("WHITE CHERRY LIGHTS".into()));
    }

    #[test]
    fn identifiers_are_whole_or_absent() {
        assert_eq!(identifier("13085"), Some("13085".into()));
        assert_eq!(identifier(""), None);
        assert_eq!(identifier(&"x".repeat(65)), None);
        assert_eq!(identifier("a\nb"), None);
    }

    #[test]
    fn an_order_says_where_it_comes_from() {
        assert_eq!(
            order_reason("489434", "2009-12-01 07:45:00", "13085"),
            "invoice 489434 of 2009-12-01, customer 13085"
        );
        assert_eq!(order_reason("489434", "", ""), "invoice 489434");
        assert_eq!(order_reason(&"9".repeat(90), "", "").chars().count(), 64);
    }
}
