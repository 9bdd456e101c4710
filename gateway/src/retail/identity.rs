//! Request ids that depend on nothing but the file's content.

use uuid::Uuid;

/// Namespace of everything derived here: a random UUID, chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1d_5a0e_93c7_4f52_8c1e_7a40_2d9f_b863);

/// A file, known by the SHA-256 of its uncompressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(Uuid);

impl Identity {
    pub fn of(content_hash: &[u8]) -> Identity {
        Identity(Uuid::new_v5(&NAMESPACE, content_hash))
    }

    pub fn file(&self) -> Uuid {
        self.0
    }

    pub fn product(&self, sku: &str) -> Uuid {
        self.derive("product", sku)
    }

    pub fn opening(&self, sku: &str) -> Uuid {
        self.derive("opening", sku)
    }

    pub fn order(&self, invoice: &str) -> Uuid {
        self.derive("order", invoice)
    }

    /// A return or write-off: a single line, by its number in the file.
    pub fn line(&self, invoice: &str, line: u64) -> Uuid {
        self.derive(&format!("line {line}"), invoice)
    }

    /// The free text comes last, so no two pairs run together.
    fn derive(&self, kind: &str, text: &str) -> Uuid {
        Uuid::new_v5(&self.0, format!("{kind}\n{text}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_content_invoice_and_line() {
        let (a, b) = (Identity::of(b"a"), Identity::of(b"b"));
        assert_eq!(a.order("489434"), Identity::of(b"a").order("489434"));
        assert_ne!(a.order("489434"), b.order("489434"));
        assert_ne!(a.order("489434"), a.order("489435"));
        assert_ne!(a.line("C1", 1), a.line("C1", 2));
        assert_ne!(a.opening("X"), a.product("X"));
        assert_ne!(a.order("x"), a.order("X"));
        assert_eq!(a.order("489434").get_version_num(), 5);
    }
}
