//! What the records come to.

use super::record::{LeaseEntry, Record, Sale, Settlement};
use chrono::Utc;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;
use uuid::Uuid;

/// A lease that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub lease: LeaseEntry,
    pub sold: i64,
}

impl Standing {
    pub fn left(&self) -> i64 {
        self.lease.granted - self.sold
    }
}

/// A sale as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub sale: Sale,
    pub settlement: Option<Settlement>,
    /// Milliseconds since 1970.
    settled_at_ms: i64,
}

#[derive(Default)]
pub struct Book {
    /// In the order in which they were sold.
    sales: BTreeMap<u64, Found>,
    by_token: HashMap<Uuid, u64>,
    by_request: HashMap<Uuid, u64>,
    leases: HashMap<Uuid, Standing>,
    /// In the order in which they were settled.
    settled: VecDeque<u64>,
    next: u64,
    waiting: usize,
}

impl Book {
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Lease { lease, sold } => {
                self.leases.entry(lease.lease_id).or_insert(Standing { lease, sold });
            }
            Record::LeaseEnded(lease) => {
                self.leases.remove(&lease);
            }
            Record::Sale(sale) => self.sell(sale),
            Record::Settled { token, settlement, at_ms } => self.settle(token, settlement, at_ms),
        }
    }

    fn sell(&mut self, sale: Sale) {
        if let Some(standing) = self.leases.get_mut(&sale.lease_id) {
            standing.sold += sale.quantity;
        }
        self.by_token.insert(sale.token, self.next);
        self.by_request.insert(sale.request_id, self.next);
        self.sales.insert(self.next, Found { sale, settlement: None, settled_at_ms: 0 });
        self.next += 1;
        self.waiting += 1;
    }

    fn settle(&mut self, token: Uuid, settlement: Settlement, at_ms: i64) {
        let Some(at) = self.by_token.get(&token).copied() else { return };
        let open = self.sales.get_mut(&at).filter(|found| found.settlement.is_none());
        if let Some(found) = open {
            (found.settlement, found.settled_at_ms) = (Some(settlement), at_ms);
            self.settled.push_back(at);
            self.waiting -= 1;
        }
    }

    pub fn find(&self, token: Uuid) -> Option<Found> {
        self.by_token.get(&token).and_then(|at| self.sales.get(at)).cloned()
    }

    pub fn token_of(&self, request_id: Uuid) -> Option<Uuid> {
        let at = self.by_request.get(&request_id)?;
        self.sales.get(at).map(|found| found.sale.token)
    }

    pub fn sales(&self) -> Vec<Found> {
        self.sales.values().cloned().collect()
    }

    pub fn leases(&self) -> Vec<Standing> {
        self.leases.values().cloned().collect()
    }

    pub fn unsettled(&self, lease: Uuid, most: usize) -> Vec<Sale> {
        let open = self.sales.values().filter(|found| found.settlement.is_none());
        open.filter(|found| found.sale.lease_id == lease)
            .take(most)
            .map(|found| found.sale.clone())
            .collect()
    }

    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Forgets sales that were settled longer ago than that, and the oldest of more than `most`.
    pub fn forget(&mut self, keep: Duration, most: usize) {
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let before = Utc::now().timestamp_millis().saturating_sub(keep);
        while let Some(at) = self.settled.front() {
            let past = self.sales.get(at).is_none_or(|found| found.settled_at_ms < before);
            if !past && self.settled.len() <= most {
                return;
            }
            let gone = self.settled.pop_front().and_then(|at| self.sales.remove(&at));
            if let Some(Found { sale, .. }) = gone {
                self.by_token.remove(&sale.token);
                self.by_request.remove(&sale.request_id);
            }
        }
    }

    /// Records that come to the same book.
    pub fn records(&self) -> Vec<Record> {
        let mut kept: HashMap<Uuid, i64> = HashMap::new();
        for found in self.sales.values() {
            *kept.entry(found.sale.lease_id).or_default() += found.sale.quantity;
        }
        let lease = |standing: &Standing| {
            let lease = standing.lease.clone();
            let sold = standing.sold - kept.get(&lease.lease_id).copied().unwrap_or(0);
            Record::Lease { lease, sold }
        };
        let mut records: Vec<Record> = self.leases.values().map(lease).collect();
        for found in self.sales.values() {
            records.push(Record::Sale(found.sale.clone()));
            if let Some(settlement) = found.settlement.clone() {
                let (token, at_ms) = (found.sale.token, found.settled_at_ms);
                records.push(Record::Settled { token, settlement, at_ms });
            }
        }
        records
    }
}
