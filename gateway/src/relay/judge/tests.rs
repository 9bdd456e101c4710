use super::*;
use chrono::Utc;
use proptest::prelude::*;
use std::collections::BTreeMap;

const RETRY: Retry =
    Retry { attempts: 3, first: Duration::from_secs(1), longest: Duration::from_secs(60) };

fn event(id: i64, sku: &str) -> Event {
    Event {
        id: id.to_string(),
        kind: "STOCK_DEDUCTED".into(),
        sku: Some(sku.into()),
        time: Utc::now(),
        trace_id: None,
        data: inventory_sinks::JsonObject::new(),
    }
}

fn fresh(id: i64, sku: &str) -> Fresh {
    Fresh { id, cursor: format!("behind {id}"), event: event(id, sku) }
}

fn parked(id: i64, sku: &str, attempts: u32, due: bool) -> Parked {
    Parked { id, sku: Some(sku.into()), attempts, event: due.then(|| event(id, sku)) }
}

fn rules(trouble: Trouble, parked: usize) -> Rules<'static> {
    Rules { retry: &RETRY, parked, trouble, dice: 0.0 }
}

fn ids(batch: &[Event]) -> Vec<&str> {
    batch.iter().map(|event| event.id.as_str()).collect()
}

#[test]
fn a_refused_event_is_parked_and_later_ones_of_its_sku_wait_behind_it() {
    let page = [fresh(1, "A"), fresh(2, "B"), fresh(3, "A"), fresh(4, "B")];
    let round = Round::plan(&[], &page, Trouble::default(), 100);
    let outcomes =
        [Outcome::Refused("no".into()), Outcome::Delivered, Outcome::Behind, Outcome::Delivered];
    let progress = round.judge(&[], &page, &outcomes, None, &rules(Trouble::default(), 0));
    assert_eq!(progress.cursor.as_deref(), Some("behind 4"));
    assert_eq!(progress.delivered, 2);
    let (head, behind) = (&progress.park[0], &progress.park[1]);
    assert_eq!((head.id, head.attempts, head.wait), (1, 1, Some(Duration::from_secs(1))));
    assert_eq!((behind.id, behind.attempts, behind.wait), (3, 0, None));
}

#[test]
fn what_is_parked_goes_first_and_its_sku_follows_in_the_same_round() {
    let waiting = [parked(1, "A", 1, true), parked(2, "B", 1, false), parked(3, "A", 0, true)];
    let page = [fresh(4, "A"), fresh(5, "B"), fresh(6, "C")];
    let round = Round::plan(&waiting, &page, Trouble::default(), 100);
    assert_eq!(ids(&round.batch), ["1", "3", "4", "6"]);
    let outcomes = vec![Outcome::Delivered; 4];
    let progress = round.judge(&waiting, &page, &outcomes, None, &rules(Trouble::default(), 3));
    assert_eq!(progress.settled, [1, 3]);
    assert_eq!(progress.park, [Park::behind(5, Some("B".into()))]);
    assert_eq!(progress.cursor.as_deref(), Some("behind 6"));
}

#[test]
fn after_the_last_try_it_is_dead() {
    let waiting = [parked(1, "A", 2, true)];
    let round = Round::plan(&waiting, &[], Trouble::default(), 100);
    let outcomes = [Outcome::Refused("no".into())];
    let progress = round.judge(&waiting, &[], &outcomes, None, &rules(Trouble::default(), 1));
    assert_eq!((progress.park[0].attempts, progress.park[0].wait), (3, None));
}

#[test]
fn a_sink_that_goes_away_keeps_what_it_decided() {
    let page = [fresh(1, "A"), fresh(2, "B"), fresh(3, "C")];
    let round = Round::plan(&[], &page, Trouble::default(), 100);
    let progress =
        round.judge(&[], &page, &[Outcome::Delivered], Some("gone"), &rules(Trouble::default(), 0));
    assert_eq!(progress.cursor.as_deref(), Some("behind 1"));
    assert_eq!(progress.failure.as_deref(), Some("gone"));
    assert!(progress.park.is_empty());
}

#[test]
fn an_event_over_which_the_sink_goes_away_is_found_and_parked() {
    let page = [fresh(1, "A"), fresh(2, "A"), fresh(3, "B")];
    let mut trouble = Trouble::default();
    for _ in 0..3 {
        let round = Round::plan(&[], &page, trouble, 100);
        assert_eq!(round.batch.len(), 3);
        trouble = round.trouble(&[], &page, 0, trouble);
    }
    let round = Round::plan(&[], &page, trouble, 100);
    assert_eq!(ids(&round.batch), ["3"]);
    // Still away: it is the sink.
    let progress = round.judge(&[], &page, &[], Some("gone"), &rules(trouble, 0));
    assert_eq!((progress.cursor, progress.park.len()), (None, 0));
    let trouble = round.trouble(&[], &page, 0, trouble);
    assert_eq!(Round::plan(&[], &page, trouble, 100).batch.len(), 3);
    let trouble = Trouble { times: 5, ..trouble };
    let round = Round::plan(&[], &page, trouble, 100);
    let progress = round.judge(&[], &page, &[Outcome::Delivered], None, &rules(trouble, 0));
    assert_eq!(progress.cursor.as_deref(), Some("behind 3"));
    let park: Vec<(i64, u32)> = progress.park.iter().map(|park| (park.id, park.attempts)).collect();
    assert_eq!(park, [(1, 1), (2, 0)]);
}

#[test]
fn where_it_is_crowded_nobody_waits_for_another_try() {
    let waiting: Vec<Parked> =
        (0..CROWDED as i64).map(|id| parked(id, "A", u32::from(id == 0), false)).collect();
    let round = Round::plan(&waiting, &[], Trouble::default(), 100);
    let progress = round.judge(&waiting, &[], &[], None, &rules(Trouble::default(), CROWDED));
    let dead: Vec<(i64, u32)> = progress.park.iter().map(|park| (park.id, park.attempts)).collect();
    assert_eq!(dead, [(0, 1)]);
    assert_eq!(progress.park[0].wait, None);
}

#[test]
fn waits_double_and_end() {
    let wait = |attempts| RETRY.wait(attempts, 0.0).as_secs();
    assert_eq!([wait(1), wait(2), wait(3), wait(7), wait(40)], [1, 2, 4, 60, 60]);
    assert_eq!(RETRY.wait(1, 1.0), Duration::from_millis(500));
}

#[test]
fn rounds_grow_while_they_are_quick() {
    let quick = Duration::from_millis(10);
    assert_eq!(next_room(100, 100, quick), 200);
    assert_eq!(next_room(100, 50, quick), 100);
    assert_eq!(next_room(100, 100, Duration::from_secs(3)), 50);
    assert_eq!(next_room(ROUND_MAX, ROUND_MAX, quick), ROUND_MAX);
}

/// A sink that refuses some tries and goes away now and then, and the state that a relay keeps.
#[derive(Default)]
struct Shop {
    parked: BTreeMap<i64, (String, u32, bool)>,
    dead: Vec<i64>,
    received: Vec<(i64, String)>,
    position: usize,
}

fn play(shop: &mut Shop, journal: &[Fresh], trouble: &mut Trouble, dice: &mut dyn FnMut() -> u8) {
    let waiting: Vec<Parked> = shop
        .parked
        .iter()
        .map(|(id, (sku, attempts, dead))| {
            parked(*id, sku, *attempts, !dead && dice().is_multiple_of(2))
        })
        .collect();
    // All of a SKU are due, or none: its first says.
    let mut firsts = BTreeMap::new();
    let waiting: Vec<Parked> = waiting
        .into_iter()
        .map(|event| {
            let due = *firsts.entry(event.sku.clone()).or_insert(event.event.is_some());
            parked(event.id, event.sku.as_deref().unwrap(), event.attempts, due)
        })
        .collect();
    let end = journal.len().min(shop.position + 4);
    let page = &journal[shop.position..end];
    let round = Round::plan(&waiting, page, *trouble, 3);
    let (mut outcomes, mut refused) = (Vec::new(), HashSet::new());
    let mut down = None;
    for event in &round.batch {
        let sku = event.sku.clone().unwrap();
        let throw = dice();
        if throw.is_multiple_of(16) {
            down = Some("away");
            break;
        }
        if refused.contains(&sku) {
            outcomes.push(Outcome::Behind);
        } else if throw % 4 == 1 {
            refused.insert(sku);
            outcomes.push(Outcome::Refused("no".into()));
        } else {
            shop.received.push((event.id.parse().unwrap(), sku));
            outcomes.push(Outcome::Delivered);
        }
    }
    let progress = round.judge(&waiting, page, &outcomes, down, &rules(*trouble, waiting.len()));
    *trouble = match down {
        Some(_) => round.trouble(&waiting, page, outcomes.len(), *trouble),
        None => Trouble::default(),
    };
    for id in &progress.settled {
        shop.parked.remove(id);
    }
    for park in progress.park {
        shop.parked.remove(&park.id);
        if park.attempts > 0 && park.wait.is_none() {
            shop.dead.push(park.id);
        } else {
            shop.parked.insert(park.id, (park.sku.unwrap(), park.attempts, false));
        }
    }
    if let Some(cursor) = progress.cursor {
        shop.position = journal.iter().position(|fresh| fresh.cursor == cursor).unwrap() + 1;
    }
}

proptest! {
    #[test]
    fn each_event_arrives_once_or_is_dead_and_each_sku_in_order(
        skus in prop::collection::vec(0..4_u8, 1..40),
        throws in prop::collection::vec(any::<u8>(), 64..256),
    ) {
        let journal: Vec<Fresh> =
            skus.iter().zip(1..).map(|(sku, id)| fresh(id, &sku.to_string())).collect();
        let (mut shop, mut trouble, mut at) = (Shop::default(), Trouble::default(), 0_usize);
        // In the end all goes well.
        let mut dice = || {
            at += 1;
            if at < 4_000 { throws[at % throws.len()] } else { 2 }
        };
        for _ in 0..4_000 {
            play(&mut shop, &journal, &mut trouble, &mut dice);
        }
        let mut ended: Vec<i64> = shop.received.iter().map(|(id, _)| *id).collect();
        ended.extend(&shop.dead);
        ended.sort_unstable();
        prop_assert_eq!(ended, (1..=journal.len() as i64).collect::<Vec<_>>());
        for sku in 0..4_u8 {
            let of_sku = shop.received.iter().filter(|(_, of)| *of == sku.to_string());
            prop_assert!(of_sku.map(|(id, _)| id).is_sorted(), "SKU {}: {:?}", sku, shop.received);
        }
    }
}
