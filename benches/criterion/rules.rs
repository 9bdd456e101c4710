//! The core rules alone: what a decision costs before PostgreSQL comes into it.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use inventory_core::book::{Book, Row, Shelf};
use inventory_core::command::{Action, Line, Place, Quantity, WarehouseId};
use inventory_core::decision::decide;
use inventory_core::order_number::OrderNumber;
use inventory_core::text::Label;
use inventory_core::time::{Day, Moment};
use inventory_core::{Refusal, fefo, fingerprint};

/// 2024-06-05, 13:36 UTC.
const NOW: Moment = Moment(770_909_760_000_000);

/// The same second on a warehouse's counter: seconds since 1970, then six digits of sequence.
const COUNTER: i64 = 1_717_594_560_000_001;

fn place(sku: usize) -> Result<Place, Refusal> {
    let sku = Label::new("sku", format!("SKU-{sku:06}"))?;
    Ok(Place { sku, warehouse_id: WarehouseId::new(Some(1))? })
}

fn line(sku: usize) -> Result<Line, Refusal> {
    let reason = Label::new("reason", "sale")?;
    Ok(Line { place: place(sku)?, lot: None, quantity: Quantity::new(Some(1))?, reason })
}

fn row(lot: Option<Label>, expires_on: Option<Day>) -> Row {
    Row { on_hand: 1_000_000_000, version: 1, ..Row::new(lot, expires_on, NOW) }
}

/// Shelves without lots for this many SKUs.
fn book(skus: usize) -> Result<Book, Refusal> {
    let mut book = Book::default();
    for sku in 0..skus {
        let shelf = Shelf { rows: vec![row(None, None)], ..Shelf::default() };
        book.insert(place(sku)?, Ok(shelf));
    }
    Ok(book)
}

/// A thousand orders of one line each, spread evenly over this many SKUs.
fn thousand_orders(skus: usize) -> Result<Vec<Action>, Refusal> {
    (0..1_000).map(|n| Ok(Action::Deduct { lines: vec![line(n % skus)?] })).collect()
}

fn decisions(criterion: &mut Criterion) -> Result<(), Refusal> {
    for (name, skus) in [("one SKU", 1), ("a thousand SKUs", 1_000)] {
        let orders = thousand_orders(skus)?;
        criterion.bench_function(&format!("decide 1,000 orders of {name}"), |bench| {
            let run = |mut book: Book| {
                for order in &orders {
                    let _ = black_box(decide(&mut book, order, NOW));
                }
                book
            };
            // The book was built without a refusal above, so it is again.
            bench.iter_batched(|| book(skus).unwrap_or_default(), run, BatchSize::LargeInput);
        });
    }
    Ok(())
}

fn lots(criterion: &mut Criterion) -> Result<(), Refusal> {
    let lot = |n: i32| Ok(row(Some(Label::new("lot", format!("L{n:03}"))?), Some(Day(9_000 - n))));
    let rows = (0..100).map(lot).collect::<Result<Vec<Row>, Refusal>>()?;
    criterion.bench_function("pick from 100 lots, first expired first", |bench| {
        bench.iter(|| fefo::pick(black_box(&rows), 5_000_000_000, NOW.day()));
    });
    Ok(())
}

fn identity(criterion: &mut Criterion) -> Result<(), Refusal> {
    let order = Action::Deduct { lines: vec![line(1)?] };
    criterion.bench_function("fingerprint of a one-line order", |bench| {
        bench.iter(|| fingerprint::of(black_box(&order)));
    });
    criterion.bench_function("order number as text", |bench| {
        bench.iter(|| OrderNumber::from_counter(black_box(COUNTER), 1).text());
    });
    Ok(())
}

fn rules(criterion: &mut Criterion) {
    for bench in [decisions, lots, identity] {
        if let Err(refusal) = bench(criterion) {
            panic!("a bench's own command was refused: {refusal:?}");
        }
    }
}

criterion_group!(benches, rules);
criterion_main!(benches);
