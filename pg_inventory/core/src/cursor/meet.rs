//! How one reader comes to stand exactly where another one does, so that from then on one may read for
//! both.

use super::{Ahead, Cursor, Snapshot};

impl Cursor {
    /// This place, on its way to `other`, which was read to its end later: what is read from here, for as
    /// long as it [leads there](Cursor::leads_to), is what the other has seen and this one has not. None
    /// where one of them is on its way elsewhere.
    pub fn towards(&self, other: &Cursor) -> Option<Cursor> {
        if self.ahead.is_some() || other.ahead.is_some() || self.valid_in != other.valid_in {
            return None;
        }
        let (generation, mark, next) = (other.seen.generation, other.seen.mark, other.seen.next);
        let snapshot = other.seen_snapshot();
        let position = self.seen.first_of_the_new(generation, &snapshot).min(mark);
        // The snapshot sees nothing of what was drawn after it, so no last id is needed.
        let ahead = Ahead { generation, mark, next, top: i64::MAX, snapshot, position };
        Some(Cursor { ahead: Some(ahead), ..self.clone() })
    }

    /// Whether it is on its way to what `other` has seen.
    pub fn leads_to(&self, other: &Cursor) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| {
            ahead.generation == other.seen.generation
                && ahead.next == other.seen.next
                && ahead.mark == other.seen.mark
                && ahead.snapshot == other.seen_snapshot()
        })
    }

    fn seen_snapshot(&self) -> Snapshot {
        let open = self.seen.open.iter().map(|(xid, _)| *xid).collect();
        Snapshot { xmax: self.seen.xmax, open }
    }
}
