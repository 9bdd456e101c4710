//! A command on its way to the engine, its arguments checked by the rules.

use crate::store::{Commands, Date, LineAnswer, interval};
use inventory_core::command::{Line, Place};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Deduct,
    /// One line; the date of a lot that comes with it.
    Receive {
        expires_on: Option<Date>,
    },
    Reserve {
        ttl: Duration,
    },
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Deduct => "deduct",
            Kind::Receive { .. } => "receive",
            Kind::Reserve { .. } => "reserve",
        }
    }
}

/// All lines or none.
#[derive(Clone, Debug)]
pub struct Work {
    pub kind: Kind,
    pub request_id: Uuid,
    pub lines: Vec<Line>,
    pub operator: Arc<str>,
    pub trace_id: String,
}

impl Work {
    /// Work on the same goods meets in the same batch, where nobody waits for a lock.
    pub fn shard(&self, shards: usize) -> usize {
        let mut hasher = DefaultHasher::new();
        self.place().map(|place| &*place.sku).hash(&mut hasher);
        // The remainder is below `shards`.
        usize::try_from(hasher.finish() % shards.max(1) as u64).unwrap_or(0)
    }

    pub fn place(&self) -> Option<&Place> {
        self.lines.first().map(|line| &line.place)
    }

    /// The places whose rows it locks, in that order.
    pub fn rows(&self) -> Vec<Place> {
        let mut rows: Vec<Place> = self.lines.iter().map(|line| line.place.clone()).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    pub fn write<'w>(&'w self, into: &mut Commands<'w>) {
        let (expires_on, ttl) = match self.kind {
            Kind::Deduct => (None, None),
            Kind::Receive { expires_on } => (expires_on, None),
            Kind::Reserve { ttl } => (None, Some(ttl)),
        };
        for line in &self.lines {
            into.kinds.push(self.kind.name());
            into.request_ids.push(self.request_id);
            into.skus.push(&line.place.sku);
            into.quantities.push(line.quantity.units());
            into.warehouse_ids.push(line.place.warehouse_id.number());
            into.lots.push(line.lot.as_deref());
            into.expires_on.push(expires_on);
            into.reasons.push(Some(&line.reason));
            into.ttls.push(ttl.map(interval));
            into.operators.push(Some(&self.operator));
            into.trace_ids.push(Some(&self.trace_id));
        }
    }
}

/// What became of it: an answer a line, in their order. All lines of a refused command say why.
#[derive(Clone, Debug)]
pub struct Done {
    pub lines: Vec<LineAnswer>,
}

impl Done {
    pub fn code(&self) -> &str {
        self.lines.first().map_or("ok", |line| &line.code)
    }

    pub fn first(&self) -> Option<&LineAnswer> {
        self.lines.first()
    }
}
