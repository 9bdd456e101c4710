//! The leases that this gateway holds, in memory: what may be sold from them, and what is to be taken,
//! renewed and given back ahead of need. Nothing here waits, reads a clock or talks to anybody.
//!
//! A lease sells until its time is over by the monotonic clock, less a margin. What was sold is gone
//! from it for good, also where the sale could not be written down: then nobody knows whether it was,
//! and selling it twice would be worse than selling it never.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long before its end a lease sells no more: what clocks and networks may be off.
    pub margin: Duration,
    /// For how much of the demand goods are set aside ahead.
    pub ahead: Duration,
    /// Units that are set aside at least and at most for a place with any demand.
    pub units_min: i64,
    pub units_max: i64,
    /// A place nobody asked for gives its goods back after that long.
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            margin: Duration::from_secs(2),
            ahead: Duration::from_secs(60),
            units_min: 10,
            units_max: 10_000,
            idle: Duration::from_secs(120),
        }
    }
}

/// Where goods lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub sku: Arc<str>,
    pub warehouse_id: i32,
}

/// A lease as it was given, or read back after a restart.
#[derive(Clone, Debug)]
pub struct Held {
    pub lease_id: Uuid,
    /// Units that were not sold yet.
    pub left: i64,
    /// When it was given or renewed last, as early as it can have been, and when it ends.
    pub since: Instant,
    pub until: Instant,
}

/// What is to be done about leases. Whoever does it tells the pool what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    Take {
        place: Place,
        units: i64,
    },
    Renew {
        leases: Vec<Uuid>,
    },
    /// It sells no more: to be settled, and its rest given back.
    Return {
        lease: Uuid,
    },
}

#[derive(Default)]
struct Shelf {
    leases: Vec<Held>,
    /// Units asked for since the demand was measured last, and the demand then, a second.
    asked: i64,
    rate: f64,
    measured: Option<Instant>,
    wanted: Option<Instant>,
    /// Somebody is taking more.
    taking: bool,
    /// There was not enough: not to be asked for again before that.
    none_before: Option<Instant>,
}

/// How much of the demand measured last counts beside what was before.
const NEWS: f64 = 0.3;
/// How often the demand is measured at most.
const MEASURE: Duration = Duration::from_secs(1);
/// After a lease could not be had.
const PAUSE: Duration = Duration::from_secs(5);

pub struct Pool {
    settings: Settings,
    shelves: HashMap<Place, Shelf>,
    /// Those on their way back, so that nobody is sent twice.
    leaving: HashMap<Uuid, Place>,
}

impl Pool {
    pub fn new(settings: Settings) -> Pool {
        Pool { settings, shelves: HashMap::new(), leaving: HashMap::new() }
    }

    /// Takes `units` out of one lease, if one has as many; tells which. A sale is never split: one
    /// settlement is to tell of all of it.
    pub fn sell(&mut self, place: &Place, units: i64, now: Instant) -> Option<Uuid> {
        let margin = self.settings.margin;
        let shelf = self.shelves.get_mut(place)?;
        let fits = |held: &&mut Held| units > 0 && held.left >= units && now + margin < held.until;
        // What ends first is sold first.
        let held = shelf.leases.iter_mut().filter(fits).min_by_key(|held| held.until)?;
        held.left -= units;
        Some(held.lease_id)
    }

    /// Notes that somebody wanted goods, sold or not: by it is measured what to set aside.
    pub fn want(&mut self, place: &Place, units: i64, now: Instant) {
        // A place that was never asked for costs its name only once.
        if !self.shelves.contains_key(place) {
            self.shelves.insert(place.clone(), Shelf::default());
        }
        if let Some(shelf) = self.shelves.get_mut(place) {
            shelf.asked = shelf.asked.saturating_add(units.max(0));
            shelf.wanted = Some(now);
        }
    }

    /// Units that may be sold now.
    pub fn left(&self, place: &Place, now: Instant) -> i64 {
        self.shelves.get(place).map_or(0, |shelf| shelf.left(now, self.settings.margin))
    }

    /// How many leases there are, and the units that may be sold from them now.
    pub fn held(&self, now: Instant) -> (usize, i64) {
        let margin = self.settings.margin;
        self.shelves.values().fold((0, 0), |(leases, units), shelf| {
            (leases + shelf.leases.len(), units + shelf.left(now, margin))
        })
    }

    /// Takes all leases of a place out of sale, because somebody needs the goods now. Each is to be
    /// returned; no other is asked for at once.
    pub fn give_back(&mut self, place: &Place, now: Instant) -> Vec<Uuid> {
        let Some(shelf) = self.shelves.get_mut(place) else { return Vec::new() };
        if shelf.leases.iter().all(|held| held.left == 0) {
            return Vec::new();
        }
        shelf.none_before = Some(now + PAUSE);
        let leases: Vec<Uuid> = shelf.leases.drain(..).map(|held| held.lease_id).collect();
        self.leaving.extend(leases.iter().map(|lease| (*lease, place.clone())));
        leases
    }

    /// What is to be done now. An errand is told once, until its end is told.
    pub fn errands(&mut self, now: Instant) -> Vec<Errand> {
        let (settings, leaving) = (self.settings, &mut self.leaving);
        let mut errands = Vec::new();
        let mut renew = Vec::new();
        for (place, shelf) in &mut self.shelves {
            shelf.measure(now);
            let idle =
                shelf.wanted.is_none_or(|at| now.saturating_duration_since(at) > settings.idle);
            for held in take_out_unwanted(&mut shelf.leases, idle, now, settings.margin) {
                leaving.insert(held.lease_id, place.clone());
                errands.push(Errand::Return { lease: held.lease_id });
            }
            renew
                .extend(shelf.leases.iter().filter(|held| held.half_over(now)).map(|h| h.lease_id));
            if let Some(units) = shelf.to_take(idle, now, &settings) {
                shelf.taking = true;
                errands.push(Errand::Take { place: place.clone(), units });
            }
        }
        self.shelves.retain(|_, shelf| !shelf.forgotten(now, settings.idle));
        if !renew.is_empty() {
            errands.push(Errand::Renew { leases: renew });
        }
        errands
    }

    /// A lease was taken; or it was found in the ledger after a restart.
    pub fn taken(&mut self, place: &Place, held: Held) {
        let shelf = self.shelves.entry(place.clone()).or_default();
        shelf.taking = false;
        shelf.none_before = None;
        if shelf.leases.iter().all(|known| known.lease_id != held.lease_id) {
            shelf.leases.push(held);
        }
    }

    /// It could not be had.
    pub fn not_taken(&mut self, place: &Place, now: Instant) {
        if let Some(shelf) = self.shelves.get_mut(place) {
            shelf.taking = false;
            shelf.none_before = Some(now + PAUSE);
        }
    }

    /// A lease was renewed; `since` is when the renewal was asked for.
    pub fn renewed(&mut self, lease: Uuid, since: Instant, until: Instant) {
        for held in self.shelves.values_mut().flat_map(|shelf| &mut shelf.leases) {
            if held.lease_id == lease {
                (held.since, held.until) = (since, held.until.max(until));
            }
        }
    }

    /// A lease is no more, by whatever way.
    pub fn gone(&mut self, lease: Uuid) {
        self.leaving.remove(&lease);
        for shelf in self.shelves.values_mut() {
            shelf.leases.retain(|held| held.lease_id != lease);
        }
    }

    /// A lease could not be given back: to be tried again. It sells no more.
    pub fn not_returned(&mut self, lease: Uuid, now: Instant) {
        if let Some(place) = self.leaving.remove(&lease) {
            let shelf = self.shelves.entry(place).or_default();
            shelf.leases.push(Held { lease_id: lease, left: 0, since: now, until: now });
        }
    }
}

impl Shelf {
    fn left(&self, now: Instant, margin: Duration) -> i64 {
        let sellable = self.leases.iter().filter(|held| now + margin < held.until);
        sellable.map(|held| held.left).sum()
    }

    fn measure(&mut self, now: Instant) {
        let since = self.measured.get_or_insert(now);
        let passed = now.saturating_duration_since(*since);
        if passed >= MEASURE {
            let rate = self.asked as f64 / passed.as_secs_f64();
            self.rate += NEWS * (rate - self.rate);
            self.asked = 0;
            self.measured = Some(now);
        }
    }

    /// Units to take, when less than half of what is to be set aside is left.
    fn to_take(&self, idle: bool, now: Instant, settings: &Settings) -> Option<i64> {
        if idle || self.taking || self.none_before.is_some_and(|at| now < at) {
            return None;
        }
        let ahead = (self.rate * settings.ahead.as_secs_f64()).ceil() as i64;
        let target = ahead.clamp(settings.units_min, settings.units_max.max(settings.units_min));
        let left = self.left(now, settings.margin);
        (left * 2 < target).then_some(target - left)
    }

    fn forgotten(&self, now: Instant, idle: Duration) -> bool {
        self.leases.is_empty()
            && !self.taking
            && self.wanted.is_none_or(|at| now.saturating_duration_since(at) > idle)
    }
}

impl Held {
    fn half_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) * 2
            > self.until.saturating_duration_since(self.since)
    }
}

/// Takes out those that are sold out or past their time, and all where nobody asks any more.
fn take_out_unwanted(
    leases: &mut Vec<Held>,
    idle: bool,
    now: Instant,
    margin: Duration,
) -> Vec<Held> {
    let over = |held: &mut Held| idle || held.left <= 0 || now + margin >= held.until;
    leases.extract_if(.., over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn place(sku: &str) -> Place {
        Place { sku: sku.into(), warehouse_id: 1 }
    }

    fn held(left: i64, now: Instant, seconds: u64) -> Held {
        let until = now + Duration::from_secs(seconds);
        Held { lease_id: Uuid::new_v4(), left, since: now, until }
    }

    fn pool() -> (Pool, Instant) {
        (Pool::new(Settings::default()), Instant::now())
    }

    #[test]
    fn it_sells_what_ends_first_and_never_splits() {
        let (mut pool, now) = pool();
        let (long, short) = (held(5, now, 60), held(5, now, 30));
        pool.taken(&place("A"), long.clone());
        pool.taken(&place("A"), short.clone());
        assert_eq!(pool.sell(&place("A"), 3, now), Some(short.lease_id));
        assert_eq!(pool.sell(&place("A"), 3, now), Some(long.lease_id));
        assert_eq!(pool.sell(&place("A"), 3, now), None, "two and two are left, in two leases");
        assert_eq!(pool.left(&place("A"), now), 4);
        assert_eq!(pool.sell(&place("B"), 1, now), None);
        assert_eq!(pool.sell(&place("A"), 0, now), None);
        assert_eq!(pool.sell(&place("A"), -1, now), None);
    }

    #[test]
    fn nothing_is_sold_near_the_end() {
        let (mut pool, now) = pool();
        let lease = held(5, now, 10);
        pool.taken(&place("A"), lease.clone());
        assert!(pool.sell(&place("A"), 1, now + 7 * SECOND).is_some());
        assert!(pool.sell(&place("A"), 1, now + 8 * SECOND).is_none());
        pool.renewed(lease.lease_id, now, now + 20 * SECOND);
        assert!(pool.sell(&place("A"), 1, now + 8 * SECOND).is_some());
    }

    #[test]
    fn demand_is_met_ahead_and_asked_for_once() {
        let (mut pool, now) = pool();
        assert_eq!(pool.errands(now), []);
        pool.want(&place("A"), 1, now);
        let take = |units| [Errand::Take { place: place("A"), units }];
        assert_eq!(pool.errands(now), take(10));
        assert_eq!(pool.errands(now), [], "somebody is under way");
        pool.not_taken(&place("A"), now);
        assert_eq!(pool.errands(now + SECOND), [], "not at once again");
        // One a second for a minute, as far as one unit tells.
        assert_eq!(pool.errands(now + 6 * SECOND), take(13));
        pool.taken(&place("A"), held(10, now + 6 * SECOND, 300));
        assert_eq!(pool.errands(now + 6 * SECOND), []);
        // A hundred a second are asked for: what is set aside grows.
        let mut at = now + 6 * SECOND;
        for _ in 0..20 {
            at += SECOND;
            pool.want(&place("A"), 100, at);
            for errand in pool.errands(at) {
                if let Errand::Take { units, .. } = errand {
                    pool.taken(&place("A"), held(units, at, 300));
                }
            }
        }
        let left = pool.left(&place("A"), at);
        assert!((3_000..=6_000).contains(&left), "{left}");
    }

    #[test]
    fn leases_are_renewed_at_half_and_given_back_when_nobody_asks() {
        let (mut pool, now) = pool();
        pool.want(&place("A"), 1, now);
        let lease = held(10, now, 100);
        pool.taken(&place("A"), lease.clone());
        assert_eq!(pool.errands(now + 50 * SECOND), []);
        let renew = [Errand::Renew { leases: vec![lease.lease_id] }];
        assert_eq!(pool.errands(now + 51 * SECOND), renew);
        pool.renewed(lease.lease_id, now + 51 * SECOND, now + 151 * SECOND);
        assert_eq!(pool.errands(now + 52 * SECOND), []);
        let back = [Errand::Return { lease: lease.lease_id }];
        assert_eq!(pool.errands(now + 121 * SECOND), back);
        assert_eq!(pool.sell(&place("A"), 1, now + 121 * SECOND), None, "it is on its way back");
        assert_eq!(pool.errands(now + 122 * SECOND), []);
        pool.not_returned(lease.lease_id, now + 122 * SECOND);
        assert_eq!(pool.errands(now + 123 * SECOND), back, "to be tried again");
        pool.gone(lease.lease_id);
        assert_eq!(pool.errands(now + 124 * SECOND), []);
        assert!(pool.shelves.is_empty() && pool.leaving.is_empty());
    }

    #[test]
    fn what_is_sold_out_or_over_goes_back() {
        let (mut pool, now) = pool();
        pool.want(&place("A"), 1, now);
        let (sold, over) = (held(1, now, 100), held(9, now, 30));
        pool.taken(&place("A"), sold.clone());
        assert_eq!(pool.sell(&place("A"), 1, now), Some(sold.lease_id));
        pool.taken(&place("A"), over.clone());
        let first = pool.errands(now);
        assert!(first.contains(&Errand::Return { lease: sold.lease_id }), "{first:?}");
        let second = pool.errands(now + 29 * SECOND);
        assert!(second.contains(&Errand::Return { lease: over.lease_id }), "{second:?}");
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Take { sku: usize, units: i64, seconds: u64 },
        Sell { sku: usize, units: i64 },
        Renew { nth: usize, seconds: u64 },
        Errands,
        Fail { nth: usize },
        Wait { millis: u64 },
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            (0..3usize, 1..20i64, 1..60u64).prop_map(|(sku, units, seconds)| Deed::Take {
                sku,
                units,
                seconds
            }),
            (0..3usize, 1..8i64).prop_map(|(sku, units)| Deed::Sell { sku, units }),
            (0..3usize, 1..8i64).prop_map(|(sku, units)| Deed::Sell { sku, units }),
            (any::<usize>(), 1..60u64).prop_map(|(nth, seconds)| Deed::Renew { nth, seconds }),
            Just(Deed::Errands),
            any::<usize>().prop_map(|nth| Deed::Fail { nth }),
            (0..20_000u64).prop_map(|millis| Deed::Wait { millis }),
        ]
    }

    /// What a lease may do, as plainly as it can be said.
    struct Known {
        place: Place,
        granted: i64,
        sold: i64,
        until: Instant,
        returned: bool,
    }

    proptest! {
        /// Whatever happens: no lease sells more than it was granted, nor after its end, nor once it is
        /// on its way back, nor goods of another place.
        #[test]
        fn it_never_sells_more_than_was_granted(deeds in prop::collection::vec(deed(), 0..150)) {
            let (mut pool, mut now) = pool();
            let mut known: HashMap<Uuid, Known> = HashMap::new();
            let skus = [place("A"), place("B"), place("C")];
            let nth = |known: &HashMap<Uuid, Known>, nth: usize| {
                let mut ids: Vec<Uuid> = known.keys().copied().collect();
                ids.sort_unstable();
                (!ids.is_empty()).then(|| ids[nth % ids.len()])
            };
            for deed in deeds {
                match deed {
                    Deed::Take { sku, units, seconds } => {
                        let held = held(units, now, seconds);
                        known.insert(held.lease_id, Known {
                            place: skus[sku].clone(), granted: units, sold: 0, until: held.until, returned: false,
                        });
                        pool.taken(&skus[sku], held);
                    }
                    Deed::Sell { sku, units } => {
                        pool.want(&skus[sku], units, now);
                        if let Some(id) = pool.sell(&skus[sku], units, now) {
                            let lease = known.get_mut(&id).unwrap();
                            lease.sold += units;
                            prop_assert!(lease.sold <= lease.granted);
                            prop_assert!(now + Settings::default().margin < lease.until);
                            prop_assert!(!lease.returned && lease.place == skus[sku]);
                        }
                    }
                    Deed::Renew { nth: at, seconds } => {
                        if let Some(id) = nth(&known, at) {
                            let until = now + Duration::from_secs(seconds);
                            let lease = known.get_mut(&id).unwrap();
                            lease.until = lease.until.max(until);
                            pool.renewed(id, now, until);
                        }
                    }
                    Deed::Errands => {
                        for errand in pool.errands(now) {
                            if let Errand::Return { lease } = errand {
                                prop_assert!(!std::mem::replace(&mut known.get_mut(&lease).unwrap().returned, true));
                            }
                        }
                    }
                    Deed::Fail { nth: at } => {
                        if let Some(id) = nth(&known, at).filter(|id| pool.leaving.contains_key(id)) {
                            pool.not_returned(id, now);
                            // It may be sent back again, and sells nothing.
                            let lease = known.get_mut(&id).unwrap();
                            lease.returned = false;
                            lease.granted = lease.sold;
                        }
                    }
                    Deed::Wait { millis } => now += Duration::from_millis(millis),
                }
            }
        }
    }
}
