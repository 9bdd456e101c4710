//! Which part of the traffic a shadow sees: by hash, so that it is the same part at any time.

/// Parts of the whole.
const WHOLE: i32 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// All that happens to a part of the SKUs
    Sku,
    /// What a part of the operators takes; what comes in all the same
    User,
}

impl By {
    pub fn as_str(self) -> &'static str {
        match self {
            By::Sku => "sku",
            By::User => "user",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    parts: i32,
    by: By,
}

impl Share {
    /// None where `ratio` is not above 0 and at most 1.
    pub fn new(ratio: f64, by: By) -> Option<Share> {
        let parts = (ratio * f64::from(WHOLE)).round();
        // Within the range of an i32 by then.
        (1.0..=f64::from(WHOLE)).contains(&parts).then_some(Share { parts: parts as i32, by })
    }

    /// So many of a million; None where those are not 1 to a million.
    pub fn of_parts(parts: i32, by: By) -> Option<Share> {
        (1..=WHOLE).contains(&parts).then_some(Share { parts, by })
    }

    /// Of a million.
    pub fn parts(self) -> i32 {
        self.parts
    }

    pub fn by(self) -> By {
        self.by
    }

    /// Whether a movement belongs to it. Whoever shares the users of a SKU needs all that came in, else it
    /// would be sold out at once.
    pub fn takes(self, sku: &str, operator: Option<&str>, delta: i64) -> bool {
        match self.by {
            By::Sku => self.has(sku),
            By::User => delta > 0 || operator.is_some_and(|user| self.has(user)),
        }
    }

    /// Whether what that user wants to know of that SKU belongs to it.
    pub fn reads(self, sku: &str, user: &str) -> bool {
        self.has(if self.by == By::Sku { sku } else { user })
    }

    fn has(self, name: &str) -> bool {
        place(name) < self.parts
    }
}

/// Whether a SKU is among the share that is looked at.
pub fn is_sampled(sku: &str, ratio: f64) -> bool {
    // Another hash than that of the share, else a sample of a shadow would be all of it or nothing.
    f64::from(place(&format!("sample {sku}"))) < ratio * f64::from(WHOLE)
}

/// Where a name lies on the line from 0 to a million: FNV-1a, mixed, for ever the same.
fn place(name: &str) -> i32 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = mixed ^ (mixed >> 33);
    // Below a million.
    (mixed % WHOLE.unsigned_abs() as u64) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_as_large_as_it_says() {
        for ratio in [0.01, 0.05, 0.5, 1.0] {
            let share = Share::new(ratio, By::Sku).unwrap();
            let taken = (0..20_000).filter(|n| share.takes(&format!("SKU-{n}"), None, -1)).count();
            let wanted = ratio * 20_000.0;
            assert!((taken as f64 - wanted).abs() <= wanted * 0.25, "{ratio}: {taken}");
        }
        for wrong in [0.0, -0.1, 1.1, f64::NAN] {
            assert_eq!(Share::new(wrong, By::Sku), None);
        }
    }

    #[test]
    fn by_user_all_comes_in() {
        let share = Share::new(0.000_001, By::User).unwrap();
        assert!(share.takes("A", None, 1));
        assert!(!share.takes("A", None, -1));
        assert!(Share::new(1.0, By::User).unwrap().takes("A", Some("ann"), -1));
    }
}
