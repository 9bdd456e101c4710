//! The core rules alone: what a decision costs before PostgreSQL comes into it.

mod goods;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use inventory_core::book::{Book, Shelf};
use inventory_core::command::{Action, Quantity, WarehouseId};
use inventory_core::decision::decide;
use inventory_core::hold::Ttl;
use inventory_core::order::{Direction, Order, OrderDraft, OrderLine, OrderState, Step};
use inventory_core::order_number::OrderNumber;
use inventory_core::text::Label;
use inventory_core::{Refusal, fefo, fingerprint};

use goods::{NOW, book, held, hold_id, lapsed, line, lots, place};

/// The same second on a warehouse's counter: seconds since 1970, then six digits of sequence.
const COUNTER: i64 = 1_717_594_560_000_001;
const MINUTES: i64 = 15 * 60 * 1_000_000;

/// How long it takes to decide these actions, one after the other, on a fresh book each time. All of
/// them must be accepted: a refusal costs less, and is none of what is measured.
fn decided(
    criterion: &mut Criterion,
    name: &str,
    book: impl Fn() -> Result<Book, Refusal>,
    actions: &[Action],
) -> Result<(), Refusal> {
    let mut once = book()?;
    for action in actions {
        decide(&mut once, action, NOW)?;
    }
    criterion.bench_function(name, |bench| {
        let run = |mut book: Book| {
            for action in actions {
                let _ = black_box(decide(&mut book, action, NOW));
            }
            book
        };
        // The book was made without a refusal above, so it is again.
        bench.iter_batched(|| book().unwrap_or_default(), run, BatchSize::LargeInput);
    });
    Ok(())
}

fn deduct(sku: usize) -> Result<Action, Refusal> {
    Ok(Action::Deduct { lines: vec![line(sku, 1)?] })
}

fn sales(criterion: &mut Criterion) -> Result<(), Refusal> {
    for (name, skus) in [("one SKU", 1), ("a thousand SKUs", 1_000)] {
        let orders: Vec<Action> =
            (0..1_000).map(|n| deduct(n % skus)).collect::<Result<_, Refusal>>()?;
        decided(criterion, &format!("deduct: 1,000 orders of {name}"), || book(skus), &orders)?;
    }
    Ok(())
}

fn holds(criterion: &mut Criterion) -> Result<(), Refusal> {
    let ttl = Ttl::new(Some(MINUTES))?;
    let reserve =
        |n: usize| Ok(Action::Reserve { hold: hold_id(n), lines: vec![line(0, 1)?], ttl });
    let reserves: Vec<Action> = (0..1_000).map(reserve).collect::<Result<_, Refusal>>()?;
    decided(criterion, "reserve: 1,000 holds of one SKU", || book(1), &reserves)?;

    let hold = hold_id(0);
    let ten = |ends: i64| {
        move || {
            let mut book = book(10)?;
            held(&mut book, hold, 10, Some(NOW.plus(ends)))?;
            Ok(book)
        }
    };
    let confirm = Action::Confirm { hold, quantity: None };
    decided(criterion, "confirm: a hold of 10 lines", ten(MINUTES), &[confirm])?;
    let release = Action::Release { hold, reason: Label::fixed("released") };
    decided(criterion, "release: a hold of 10 lines", ten(MINUTES), &[release])?;

    // Each sale books one lapsed hold as expired, to make room.
    let sales: Vec<Action> = (0..1_000).map(|_| deduct(0)).collect::<Result<_, Refusal>>()?;
    decided(criterion, "deduct: 1,000 orders of goods in lapsed holds", || lapsed(1_000), &sales)
}

fn order_lines(number: usize) -> Result<Vec<OrderLine>, Refusal> {
    let line = |n: usize| {
        let (sku, quantity) = (place(n)?.sku, Quantity::new(Some(1))?);
        Ok(OrderLine { sku, lot: None, quantity, expires_on: None })
    };
    (0..number).map(line).collect()
}

/// An order of ten lines on its way out, in this state.
fn ordered(number: OrderNumber, state: OrderState) -> Result<Book, Refusal> {
    let mut book = book(10)?;
    let hold = hold_id(0);
    if state == OrderState::Processing {
        held(&mut book, hold, 10, None)?;
    }
    let order = Order {
        direction: Direction::Outbound,
        state,
        warehouse_id: WarehouseId::new(Some(1))?,
        lines: order_lines(10)?,
        hold: (state == OrderState::Processing).then_some(hold),
        reason: None,
        stored: state,
    };
    book.papers.orders.insert(number, Ok(order));
    Ok(book)
}

fn draft() -> Result<OrderDraft, Refusal> {
    let (direction, warehouse_id) = (Direction::Outbound, WarehouseId::new(Some(1))?);
    Ok(OrderDraft { direction, warehouse_id, lines: order_lines(10)?, external_ref: None })
}

fn orders(criterion: &mut Criterion) -> Result<(), Refusal> {
    let catalogue = || {
        let mut book = book(0)?;
        book.catalogue.warehouses.insert(WarehouseId::new(Some(1))?);
        for line in order_lines(10)? {
            book.catalogue.products.insert(line.sku, false);
        }
        Ok(book)
    };
    let create = Action::CreateOrder(draft()?);
    decided(criterion, "create_order: 10 lines", catalogue, &[create])?;

    let order = OrderNumber::from_counter(COUNTER, 1);
    for (name, step, from) in [
        ("start_order: 10 lines", Step::Start, OrderState::Pending),
        ("complete_order: 10 lines", Step::Complete, OrderState::Processing),
    ] {
        let action = Action::MoveOrder { order, step, reason: None, hold: hold_id(0) };
        decided(criterion, name, || ordered(order, from), &[action])?;
    }
    Ok(())
}

fn fefo(criterion: &mut Criterion) -> Result<(), Refusal> {
    let rows = lots(100)?;
    criterion.bench_function("fefo: pick from 100 lots", |bench| {
        bench.iter(|| fefo::pick(black_box(&rows), 5 * goods::PLENTY, NOW.day()));
    });
    let shelf = || {
        let mut book = Book::default();
        let shelf = Shelf { lot_controlled: true, rows: lots(100)?, ..Shelf::default() };
        book.insert(place(0)?, Ok(shelf));
        Ok(book)
    };
    let order = Action::Deduct { lines: vec![line(0, 5 * goods::PLENTY)?] };
    decided(criterion, "deduct: an order split over 5 of 100 lots", shelf, &[order])
}

fn numbers(criterion: &mut Criterion) -> Result<(), Refusal> {
    let number = OrderNumber::from_counter(COUNTER, 1);
    criterion.bench_function("order number: as text", |bench| {
        bench.iter(|| black_box(number).text());
    });
    let text = number.text();
    criterion.bench_function("order number: from text", |bench| {
        bench.iter(|| OrderNumber::parse(black_box(&text)));
    });
    Ok(())
}

fn identity(criterion: &mut Criterion) -> Result<(), Refusal> {
    let hold = Action::Confirm { hold: hold_id(0), quantity: None };
    for (name, action) in [
        ("an order of one line", deduct(1)?),
        ("a confirmation", hold),
        ("a new order of 10 lines", Action::CreateOrder(draft()?)),
    ] {
        criterion.bench_function(&format!("fingerprint: {name}"), |bench| {
            bench.iter(|| fingerprint::of(black_box(&action)));
        });
    }
    Ok(())
}

fn rules(criterion: &mut Criterion) {
    for bench in [sales, holds, orders, fefo, numbers, identity] {
        if let Err(refusal) = bench(criterion) {
            panic!("a bench's own command was refused: {refusal:?}");
        }
    }
}

criterion_group!(benches, rules);
criterion_main!(benches);
