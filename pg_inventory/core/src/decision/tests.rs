//! The decisions against a plain model: a map from (SKU, warehouse, lot) to units.

use super::*;
use crate::QUANTITY_MAX;
use crate::book::{DueLine, Shelf, Stored};
use crate::command::{Counted, Delta, Line, Quantity};
use crate::hold::{Hold, HoldState, Ttl};
use crate::lease::{self, Lease, Returner};
use proptest::prelude::*;
use std::collections::BTreeMap;

const TODAY: i32 = 100;
const NOW: Moment = Moment(TODAY as i64 * 86_400_000_000 + 1);
const PLAIN: &str = "plain";
const LOTS: &str = "lots";

fn label(text: &str) -> Label {
    Label::new("text", text).unwrap()
}

fn place(sku: &str, warehouse: i32) -> Place {
    Place { sku: label(sku), warehouse_id: WarehouseId::new(Some(warehouse)).unwrap() }
}

fn line(sku: &str, warehouse: i32, lot: Option<u8>, quantity: i64) -> Line {
    Line {
        place: place(sku, warehouse),
        lot: lot.map(|l| label(&format!("L{l}"))),
        quantity: Quantity::new(Some(quantity)).unwrap(),
        reason: label("test"),
    }
}

/// A product without lots and one with, both in two warehouses; the first row exists as the engine
/// makes it.
fn book() -> Book {
    let mut book = Book::default();
    for warehouse in [1, 2] {
        let stored = Some(Stored { version: 0, lapsed: 0 });
        let row = Row { stored, ..Row::new(None, None, NOW) };
        let plain = Shelf { rows: vec![row], ..Shelf::default() };
        book.insert(place(PLAIN, warehouse), Ok(plain));
        book.insert(place(LOTS, warehouse), Ok(Shelf { lot_controlled: true, ..Shelf::default() }));
    }
    book
}

/// Lot 0 is past its date, the others expire in their order.
fn date(lot: u8) -> Day {
    Day(TODAY - 1 + i32::from(lot))
}

fn actions() -> impl Strategy<Value = Action> {
    let sku = || prop_oneof![Just(PLAIN), Just(LOTS)];
    let lot = || prop::option::of(0u8..3);
    let counted = prop_oneof![Just(0i64), 1i64..40];
    prop_oneof![
        (sku(), 1i32..3, lot(), 1i64..30).prop_map(|(s, w, l, q)| Action::Receive {
            line: line(s, w, l, q),
            expires_on: l.map(date),
        }),
        prop::collection::vec((sku(), 1i32..3, lot(), 1i64..20), 1..4).prop_map(|lines| {
            Action::Deduct {
                lines: lines.into_iter().map(|(s, w, l, q)| line(s, w, l, q)).collect(),
            }
        }),
        (sku(), 1i32..3, lot(), -20i64..20).prop_filter_map("not 0", |(s, w, l, d)| {
            Some(Action::Adjust {
                place: place(s, w),
                lot: l.map(|l| label(&format!("L{l}"))),
                delta: Delta::new(Some(d)).ok()?,
                reason: label("test"),
            })
        }),
        (sku(), 1i32..3, lot(), counted, prop::option::of(0i64..6)).prop_map(|(s, w, l, c, v)| {
            Action::Recount {
                place: place(s, w),
                lot: l.map(|l| label(&format!("L{l}"))),
                counted: Counted::new(Some(c)).unwrap(),
                expected_version: v,
                reason: label("test"),
            }
        }),
        (sku(), lot(), 1i64..20, any::<bool>()).prop_filter_map(
            "two places",
            |(s, l, q, there)| {
                let (from, to) = if there { (1, 2) } else { (2, 1) };
                Action::transfer(line(s, from, l, q), WarehouseId::new(Some(to)).ok()?).ok()
            }
        ),
    ]
}

/// The plain model: units by (SKU, warehouse, lot), and what each kind of action does to them.
type Units = BTreeMap<(String, i32, String), i64>;

fn units(book: &Book) -> Units {
    let mut all = Units::new();
    for (sku, warehouse) in [(PLAIN, 1), (PLAIN, 2), (LOTS, 1), (LOTS, 2)] {
        for row in &book.shelf(&place(sku, warehouse)).unwrap().rows {
            let lot = row.lot.as_deref().unwrap_or("").to_owned();
            all.insert((sku.to_owned(), warehouse, lot), row.on_hand);
        }
    }
    all
}

fn total(units: &Units, sku: &str, warehouse: Option<i32>) -> i64 {
    let of = |k: &(String, i32, String)| k.0 == sku && warehouse.is_none_or(|w| w == k.1);
    units.iter().filter(|(k, _)| of(k)).map(|(_, n)| n).sum()
}

/// What may leave a place for a line of a sale, by the rules in words: the named lot if it is not
/// expired, else all lots that are not.
fn sellable(units: &Units, line: &Line) -> i64 {
    let expired = |lot: &str| lot == "L0";
    units
        .iter()
        .filter(|((sku, warehouse, lot), _)| {
            *sku == *line.place.sku
                && *warehouse == line.place.warehouse_id.number()
                && !expired(lot)
                && line.lot.as_deref().is_none_or(|named| named == lot)
        })
        .map(|(_, n)| n)
        .sum()
}

/// Whether a sale can be carried out: line by line in the model, which knows no movements.
fn sale_fits(units: &Units, lines: &[Line]) -> bool {
    let mut left = units.clone();
    lines.iter().all(|line| {
        let known = |l: &Label| {
            let key = (line.place.sku.to_string(), line.place.warehouse_id.number(), l.to_string());
            left.contains_key(&key)
        };
        let named = line.lot.as_ref().is_none_or(|l| *line.place.sku == *LOTS && known(l));
        let mut want = line.quantity.units();
        if !named || sellable(&left, line) < want {
            return false;
        }
        for ((sku, warehouse, lot), n) in left.iter_mut() {
            let here = *sku == *line.place.sku && *warehouse == line.place.warehouse_id.number();
            let chosen = line.lot.as_deref().map_or(lot != "L0", |named| named == lot);
            if here && chosen {
                let take = want.min(*n);
                *n -= take;
                want -= take;
            }
        }
        true
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn decisions_agree_with_the_plain_model(steps in prop::collection::vec(actions(), 1..60)) {
        let mut book = book();
        let mut journal: BTreeMap<(Place, Option<Label>), (i64, i64)> = BTreeMap::new();
        for action in &steps {
            let before = units(&book);
            let decided = decide(&mut book, action, NOW);
            let after = units(&book);
            prop_assert!(after.values().all(|n| *n >= 0), "nothing is ever below zero");
            if let Action::Deduct { lines } = action {
                prop_assert_eq!(decided.is_ok(), sale_fits(&before, lines), "{:?}", action);
            }
            let Ok(decision) = decided else {
                prop_assert_eq!(before, after, "a refusal changes nothing");
                continue;
            };
            // Every movement continues its row: deltas add up to levels, versions have no gap.
            for m in &decision.movements {
                let row = journal.entry((m.place.clone(), m.lot.clone())).or_default();
                *row = (row.0 + m.on_hand_delta, row.1 + 1);
                prop_assert_eq!((m.on_hand, m.version), *row);
            }
            let change = |sku| total(&after, sku, None) - total(&before, sku, None);
            let sum = |sku: &str| decision.movements.iter().filter(|m| *m.place.sku == *sku)
                .map(|m| m.on_hand_delta).sum::<i64>();
            prop_assert_eq!((change(PLAIN), change(LOTS)), (sum(PLAIN), sum(LOTS)));
            match action {
                Action::Receive { line, .. } => prop_assert_eq!(change(&line.place.sku), line.quantity.units()),
                Action::Deduct { lines } => {
                    let sold: i64 = lines.iter().map(|l| l.quantity.units()).sum();
                    prop_assert_eq!(change(PLAIN) + change(LOTS), -sold);
                    prop_assert!(matches!(decision.numbering, Numbering::Draw(_)));
                }
                Action::Adjust { place, delta, .. } => prop_assert_eq!(change(&place.sku), delta.units()),
                Action::Recount { place, lot, counted, .. } => {
                    let lot = lot.as_deref().unwrap_or("").to_owned();
                    let key = (place.sku.to_string(), place.warehouse_id.number(), lot);
                    prop_assert_eq!(after.get(&key), Some(&counted.units()));
                }
                Action::Transfer { line, to } => {
                    prop_assert_eq!(change(&to.sku), 0, "a transfer neither makes nor loses units");
                    let there = Some(to.warehouse_id.number());
                    let moved = total(&after, &to.sku, there) - total(&before, &to.sku, there);
                    prop_assert_eq!(moved, line.quantity.units());
                }
                _ => {}
            }
            // Answers are the levels of each line's place, the last one as they stand now.
            if let (Some(last), Action::Receive { line, .. }) = (decision.answers.last(), action) {
                let here = total(&after, &line.place.sku, Some(line.place.warehouse_id.number()));
                prop_assert_eq!(last.on_hand, here);
            }
        }
    }
}

fn receive(book: &mut Book, sku: &str, lot: Option<u8>, quantity: i64) {
    let action = Action::Receive { line: line(sku, 1, lot, quantity), expires_on: lot.map(date) };
    decide(book, &action, NOW).unwrap();
}

fn refused(book: &mut Book, action: Action) -> (Code, String) {
    let refusal = decide(book, &action, NOW).unwrap_err();
    (refusal.code, refusal.detail)
}

#[test]
fn an_order_that_names_a_sku_twice_never_gets_more_than_there_is() {
    let mut book = book();
    receive(&mut book, PLAIN, None, 5);
    let lines = vec![line(PLAIN, 1, None, 5), line(PLAIN, 1, None, 5)];
    let answer = refused(&mut book, Action::Deduct { lines });
    assert_eq!(answer, (Code::InsufficientStock, "requested 5 units, available: 0".into()));
    assert_eq!(book.shelf(&place(PLAIN, 1)).unwrap().levels(Day(TODAY)).on_hand, 5);
}

#[test]
fn a_lot_is_needed_where_there_are_lots_and_refused_where_there_are_none() {
    let mut book = book();
    for (sku, lot) in [(LOTS, None), (PLAIN, Some(1))] {
        let action = Action::Receive { line: line(sku, 1, lot, 1), expires_on: None };
        assert_eq!(refused(&mut book, action).0, Code::InvalidArgument);
    }
}

#[test]
fn a_lot_has_one_date() {
    let mut book = book();
    receive(&mut book, LOTS, Some(1), 1);
    let again = |expires_on| Action::Receive { line: line(LOTS, 1, Some(1), 1), expires_on };
    assert_eq!(refused(&mut book, again(Some(Day(1)))).0, Code::InvalidArgument);
    assert!(decide(&mut book, &again(None), NOW).is_ok());
}

#[test]
fn expired_goods_are_on_hand_but_not_for_sale() {
    let mut book = book();
    receive(&mut book, LOTS, Some(0), 7);
    let levels = book.shelf(&place(LOTS, 1)).unwrap().levels(Day(TODAY));
    assert_eq!((levels.on_hand, levels.available), (7, 0));
    for lot in [None, Some(0)] {
        let sale = Action::Deduct { lines: vec![line(LOTS, 1, lot, 1)] };
        assert_eq!(refused(&mut book, sale).1, "requested 1 units, available: 0");
    }
    let away = Action::transfer(line(LOTS, 1, Some(0), 7), WarehouseId::new(Some(2)).unwrap());
    assert!(decide(&mut book, &away.unwrap(), NOW).is_ok());
}

#[test]
fn stock_has_an_upper_limit() {
    let mut book = book();
    for _ in 0..ON_HAND_MAX / QUANTITY_MAX {
        receive(&mut book, PLAIN, None, QUANTITY_MAX);
    }
    let one_more = Action::Receive { line: line(PLAIN, 1, None, 1), expires_on: None };
    assert_eq!(refused(&mut book, one_more).0, Code::InvalidArgument);
}

#[test]
fn a_lot_that_a_refused_command_brought_is_not_known_after_it() {
    let mut book = book();
    receive(&mut book, LOTS, Some(1), 3);
    // The first line finds its lot, the second asks for too much: both are undone.
    let lines = vec![line(LOTS, 1, Some(1), 1), line(LOTS, 1, None, 9)];
    assert_eq!(refused(&mut book, Action::Deduct { lines }).0, Code::InsufficientStock);
    let shelf = book.shelf(&place(LOTS, 1)).unwrap();
    assert_eq!((shelf.rows.len(), shelf.rows[0].on_hand, shelf.rows[0].version), (1, 3, 1));
}

/// A place of ten units, of which four lapsed holds have one, two, three, one.
fn lapsed() -> Book {
    let due = |(line, quantity)| DueLine { hold: HoldId([1; 16]), line, quantity };
    let due: Vec<DueLine> = [(1, 1), (2, 2), (3, 3), (4, 1)].into_iter().map(due).collect();
    let stored = Some(Stored { version: 5, lapsed: 7 });
    let row = Row {
        on_hand: 10,
        reserved: 7,
        lapsed: 7,
        version: 5,
        stored,
        due,
        ..Row::new(None, None, NOW)
    };
    let mut book = Book::default();
    book.insert(place(PLAIN, 1), Ok(Shelf { moved: true, rows: vec![row], ..Shelf::default() }));
    book
}

fn sale(quantity: i64) -> Action {
    Action::Deduct { lines: vec![line(PLAIN, 1, None, quantity)] }
}

#[test]
fn lapsed_holds_make_room_for_what_is_needed_and_no_more() {
    for (sold, booked) in [(3, 0), (4, 1), (5, 2), (6, 2), (7, 3), (10, 4)] {
        let mut book = lapsed();
        let decision = decide(&mut book, &sale(sold), NOW).unwrap();
        let expired = |m: &&Movement| m.event == EventType::StockExpired;
        assert_eq!(decision.movements.iter().filter(expired).count(), booked, "{sold} sold");
        let row = &book.shelf(&place(PLAIN, 1)).unwrap().rows[0];
        assert_eq!((row.on_hand, row.held()), (10 - sold, 0));
        assert_eq!(row.version, 6 + booked as i64);
    }
}

#[test]
fn a_refusal_gives_lapsed_holds_back() {
    let mut book = lapsed();
    let lines = vec![line(PLAIN, 1, None, 8), line(PLAIN, 1, None, 3)];
    let refusal = refused(&mut book, Action::Deduct { lines });
    assert_eq!(refusal, (Code::InsufficientStock, "requested 3 units, available: 2".into()));
    let row = &book.shelf(&place(PLAIN, 1)).unwrap().rows[0];
    assert_eq!((row.on_hand, row.reserved, row.lapsed, row.version, row.booked), (10, 7, 7, 5, 0));
    assert!(decide(&mut book, &sale(10), NOW).is_ok());
}

/// A hold of `quantity` over lots 1 and 2, in the book as the engine would read it.
fn held(book: &mut Book, quantity: i64, expires_at: Option<Moment>) -> HoldId {
    let id = HoldId([7; 16]);
    let ttl = Ttl::new(Some(1_000)).unwrap();
    let lines = vec![line(LOTS, 1, None, quantity)];
    let decision = decide(book, &Action::Reserve { hold: id, lines, ttl }, NOW).unwrap();
    let lines = decision.movements.iter().map(|m| HeldLine {
        line: 1,
        place: m.place.clone(),
        lot: m.lot.clone(),
        quantity: m.reserved_delta,
        open: true,
    });
    let state = HoldState::Held;
    let hold = Hold { state, expires_at, lines: lines.collect(), lease: None, stored: state };
    book.papers.holds.insert(id, Ok(hold));
    id
}

#[test]
fn a_part_is_taken_from_the_lot_that_expires_first_and_the_rest_given_back() {
    let mut book = book();
    receive(&mut book, LOTS, Some(2), 5);
    receive(&mut book, LOTS, Some(1), 5);
    let hold = held(&mut book, 8, Some(NOW.plus(1_000)));
    let quantity = Some(Quantity::new(Some(6)).unwrap());
    let decision = decide(&mut book, &Action::Confirm { hold, quantity }, NOW).unwrap();
    let moves: Vec<_> = decision
        .movements
        .iter()
        .map(|m| (m.lot.as_deref().unwrap_or(""), m.on_hand_delta, m.reserved_delta))
        .collect();
    assert_eq!(moves, [("L1", -5, -5), ("L2", -1, -1), ("L2", 0, -2)]);
    let again = refused(&mut book, Action::Confirm { hold, quantity: None });
    assert_eq!(again.0, Code::ReservationClosed);
}

#[test]
fn a_hold_is_over_at_its_very_moment() {
    let mut book = book();
    receive(&mut book, LOTS, Some(1), 5);
    let hold = held(&mut book, 3, Some(NOW));
    let confirm = Action::Confirm { hold, quantity: None };
    assert_eq!(refused(&mut book, confirm).0, Code::ReservationExpired);
    let release = Action::Release { hold, reason: label("test") };
    assert_eq!(refused(&mut book, release).0, Code::ReservationExpired);
}

#[test]
fn the_hold_of_an_order_is_not_resolved_by_itself() {
    let mut book = book();
    receive(&mut book, LOTS, Some(1), 5);
    let hold = held(&mut book, 3, None);
    let confirm = Action::Confirm { hold, quantity: None };
    assert_eq!(refused(&mut book, confirm).0, Code::InvalidTransition);
}

/// A lease of so many units, given until `NOW`.
fn leased(book: &mut Book, granted: i64) -> HoldId {
    let id = held(book, granted, None);
    if let Some(Ok(hold)) = book.papers.holds.get_mut(&id) {
        let holder = label("gate");
        hold.lease =
            Some(Lease { holder, void_since: None, granted, sold: 0, expires_at: NOW, stored: 0 });
    }
    id
}

fn sell(lease: HoldId, quantity: i64) -> Action {
    Action::Sell { lease, holder: label("gate"), line: line(LOTS, 1, None, quantity) }
}

fn give_back(lease: HoldId) -> Action {
    Action::ReturnLease { lease, by: Returner::Holder(label("gate")) }
}

fn state(book: &Book, id: HoldId) -> &'static str {
    lease::state(book.papers.hold(id).unwrap().state)
}

proptest! {
    /// Whatever is sold from a lease and besides it: what it was granted is its holder's until it is
    /// given back, each sale is one of held goods, and nothing is sold twice.
    #[test]
    fn leased_goods_are_their_holders(steps in prop::collection::vec((0u8..8, 1i64..6), 0..40)) {
        let mut book = book();
        receive(&mut book, LOTS, Some(1), 12);
        receive(&mut book, LOTS, Some(2), 12);
        let id = leased(&mut book, 15);
        let (mut free, mut rest, mut open) = (9, 15, true);
        for (what, quantity) in steps {
            match what {
                0..5 => {
                    let decided = decide(&mut book, &sell(id, quantity), NOW);
                    prop_assert_eq!(decided.is_ok(), open && quantity <= rest);
                    if let Ok(decision) = decided {
                        let same = |m: &Movement| m.on_hand_delta == m.reserved_delta && m.hold.is_some();
                        prop_assert!(decision.movements.iter().all(same));
                        rest -= quantity;
                        open = rest > 0;
                    }
                }
                5..7 => {
                    let sale = Action::Deduct { lines: vec![line(LOTS, 1, None, quantity)] };
                    prop_assert_eq!(decide(&mut book, &sale, NOW).is_ok(), quantity <= free);
                    free -= if quantity <= free { quantity } else { 0 };
                }
                _ => {
                    let decision = decide(&mut book, &give_back(id), NOW).unwrap();
                    prop_assert_eq!(decision.movements.is_empty(), !open);
                    free += std::mem::take(&mut rest);
                    open = false;
                }
            }
            let levels = book.shelf(&place(LOTS, 1)).unwrap().levels(NOW.day());
            prop_assert_eq!((levels.on_hand, levels.available), (free + rest, free));
        }
        prop_assert_eq!(state(&book, id) == "OPEN", open);
    }
}

#[test]
fn a_lease_is_one_holders_and_one_databases() {
    let mut book = book();
    receive(&mut book, LOTS, Some(1), 5);
    let id = leased(&mut book, 3);
    let thief = Action::Sell { lease: id, holder: label("thief"), line: line(LOTS, 1, None, 1) };
    assert_eq!(refused(&mut book, thief).0, Code::UnknownReservation);
    let release = Action::Release { hold: id, reason: label("test") };
    assert_eq!(refused(&mut book, release).0, Code::InvalidTransition);
    if let Some(Ok(hold)) = book.papers.holds.get_mut(&id)
        && let Some(lease) = &mut hold.lease
    {
        lease.void_since = Some(1);
    }
    assert_eq!(refused(&mut book, sell(id, 1)).0, Code::ReservationExpired);
    assert_eq!(refused(&mut book, give_back(id)).0, Code::ReservationExpired);
    let repair = |overdue| Action::ReturnLease {
        lease: id,
        by: Returner::Repair { overdue, reason: Label::fixed("repair") },
    };
    assert!(
        decide(&mut book, &repair(1), NOW).unwrap().movements.is_empty(),
        "its time just ended"
    );
    assert_eq!(decide(&mut book, &repair(0), NOW).unwrap().movements.len(), 1);
    assert_eq!(state(&book, id), "RETURNED");
}
