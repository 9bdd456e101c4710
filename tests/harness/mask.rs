//! Names in place of what differs from run to run, and the other way round.

use std::collections::BTreeMap;

/// What one permutation of a spec calls its SKUs, holds, orders and requests.
pub struct Mask {
    pub number: usize,
    /// What setup kept, by name.
    kept: BTreeMap<String, String>,
    /// Ids and order numbers in the order in which they appeared.
    seen: BTreeMap<&'static str, Vec<String>>,
}

impl Mask {
    pub fn new(number: usize) -> Mask {
        Mask { number, kept: BTreeMap::new(), seen: BTreeMap::new() }
    }

    pub fn keep(&mut self, name: &str, value: &str) {
        self.kept.insert(name.into(), value.into());
    }

    /// Replaces each `:name`.
    pub fn fill(&self, sql: &str) -> String {
        let mut filled = String::new();
        let mut rest = sql;
        while let Some(at) = rest.find(':') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            filled += before;
            let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '_');
            let name = &after[..end.unwrap_or(after.len())];
            if name.is_empty() || before.ends_with(':') {
                filled.push(':');
                rest = after;
                continue;
            }
            filled += &match (name, self.kept.get(name)) {
                ("n", _) => self.number.to_string(),
                (_, Some(value)) => value.clone(),
                (sku, None) => format!("{sku}-{}", self.number),
            };
            rest = &after[name.len()..];
        }
        filled + rest
    }

    /// Puts names where values are.
    pub fn hide(&mut self, text: &str) -> String {
        let mut hidden = String::new();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            hidden += &self.name_of(&rest[..end]);
            let gap = rest[end..].find(word).map_or(rest.len(), |gap| end + gap);
            hidden += &rest[end..gap];
            rest = &rest[gap..];
        }
        hidden
    }

    fn name_of(&mut self, word: &str) -> String {
        if let Some((name, _)) = self.kept.iter().find(|(_, value)| *value == word) {
            return format!("<{name}>");
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let kind = match word.len() {
            36 if word.bytes().filter(|b| *b == b'-').count() == 4 => "hold",
            23 if digits == 23 => "order",
            _ => {
                let own = word.strip_suffix(&format!("-{}", self.number));
                let sku = own.filter(|sku| sku.starts_with(|c: char| c.is_ascii_lowercase()));
                return sku.unwrap_or(word).to_owned();
            }
        };
        let seen = self.seen.entry(kind).or_default();
        let at = seen.iter().position(|known| known == word).unwrap_or_else(|| {
            seen.push(word.to_owned());
            seen.len() - 1
        });
        format!("<{kind} {}>", at + 1)
    }
}
