//! Metrics that are shown anew each time: a series is gone when what it told of is.

use std::collections::HashSet;
use std::fmt::{Display, Write};
use std::sync::{PoisonError, RwLock};

/// One of their names, with the lines it has now.
pub struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    lines: RwLock<String>,
}

impl Family {
    pub fn gauge(name: &'static str, help: &'static str) -> Family {
        Family { name, kind: "gauge", help, lines: RwLock::default() }
    }

    pub fn counter(name: &'static str, help: &'static str) -> Family {
        Family { name, kind: "counter", help, lines: RwLock::default() }
    }

    /// In place of what was shown so far: labels, if any, and a value each. Of the same labels the first counts.
    pub fn show<L, V>(&self, series: impl IntoIterator<Item = (L, V)>)
    where
        L: AsRef<[(&'static str, String)]>,
        V: Display,
    {
        let mut seen = HashSet::new();
        let mut text = String::new();
        for (labels, value) in series {
            let label = |(name, value): &(&str, String)| format!("{name}=\"{}\"", escaped(value));
            let labels: Vec<String> = labels.as_ref().iter().map(label).collect();
            let labels = match &*labels {
                [] => String::new(),
                labels => format!("{{{}}}", labels.join(",")),
            };
            if !seen.contains(&labels) {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{}{labels} {value}", self.name);
                seen.insert(labels);
            }
        }
        *self.lines.write().unwrap_or_else(PoisonError::into_inner) = text;
    }

    pub fn render(&self) -> String {
        let Family { name, kind, help, lines } = self;
        let lines = lines.read().unwrap_or_else(PoisonError::into_inner);
        format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}")
    }
}

/// As the text format wants the value of a label.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_shown_is_gone() {
        let family = Family::gauge("level", "Units");
        let labels = |sku: &str| [("sku", sku.to_owned())];
        family.show([(labels("A"), 5), (labels("A"), 6), (labels("a\"b\\c"), 7)]);
        let head = "# HELP level Units\n# TYPE level gauge\n";
        assert_eq!(
            family.render(),
            format!("{head}level{{sku=\"A\"}} 5\nlevel{{sku=\"a\\\"b\\\\c\"}} 7\n")
        );
        family.show([(vec![], 1.5), (vec![("sku", "A".to_owned())], 1.0)]);
        assert_eq!(family.render(), format!("{head}level 1.5\nlevel{{sku=\"A\"}} 1\n"));
        family.show([] as [([(&str, String); 1], i64); 0]);
        assert_eq!(family.render(), head);
    }
}
