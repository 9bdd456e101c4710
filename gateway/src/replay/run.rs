//! Sends a record through the store: products and opening stock first, then window by window, one
//! transaction each.

use super::movement::{Effect, Line, Movement, Opening, Product, Warehouse};
use super::schedule::{Stage, by_kind, stages};
use super::{History, Summary};
use crate::error::{Error, Result};
use crate::store::{self, Caller, Deduction, OrderLines, ProductRow, Session, SingleRow};
use inventory_core::refusal::Code;
use std::collections::{HashMap, HashSet};
use tokio::sync::mpsc;

/// The engine's limit for one call of `deduct_many`.
pub const LINES_PER_CALL: usize = 10_000;
/// Products or receipts in one round trip.
const ROWS_PER_CALL: usize = 1_000;

/// Times a window is run again after a deadlock or a serialization failure.
const RETRIES: usize = 10;

/// What has to be there before the first movement.
#[derive(Debug, Default)]
pub struct Plan {
    pub warehouses: Vec<Warehouse>,
    pub products: Vec<Product>,
    pub openings: Vec<Opening>,
}

/// Whoever shows how far it is.
pub trait Progress: Sync {
    fn stage(&self, what: &str);
    fn lines(&self, more: u64);
}

/// Warehouses, products and opening stock. A product that exists is left as it is. Returns the pace to
/// begin with.
pub async fn open(
    session: &mut Session,
    plan: &Plan,
    history: &History,
    summary: &mut Summary,
    progress: &dyn Progress,
) -> Result<Pace> {
    progress.stage("products");
    put_warehouses(session, &plan.warehouses).await?;
    let pace = put_products(session, &plan.products, summary).await?;
    progress.stage("opening stock");
    let (known, todo): (Vec<_>, Vec<_>) =
        plan.openings.iter().partition(|o| history.knows(o.request_id));
    summary.openings_received += known.len() as u64;
    summary.replayed += known.len() as u64;
    if history.has_movements() {
        return Ok(pace); // what is missing was refused before the first movement
    }
    let mut receipts: Vec<SingleRow> = todo.into_iter().map(opening_receipt).collect();
    // The engine's own lock order, so that a call of many cannot deadlock with anybody.
    receipts.sort_by(|a, b| (&a.sku, a.warehouse_id).cmp(&(&b.sku, b.warehouse_id)));
    for chunk in receipts.chunks(ROWS_PER_CALL) {
        receive_openings(session, chunk, summary).await?;
    }
    Ok(pace)
}

/// Applies windows as they come; each is one transaction.
pub async fn replay(
    session: &mut Session,
    mut windows: mpsc::Receiver<Vec<Movement>>,
    history: &History,
    mut pace: Pace,
    summary: &mut Summary,
    progress: &dyn Progress,
) -> Result<()> {
    progress.stage("orders");
    while let Some(window) = windows.recv().await {
        let lines = window.iter().map(|m| m.lines().len() as u64).sum();
        let todo = sift(window, history, summary);
        if !todo.is_empty() {
            pace = apply(session, todo, pace, summary).await?;
        }
        progress.lines(lines);
    }
    Ok(())
}

/// Counts what an earlier run decided, and returns the rest.
fn sift(window: Vec<Movement>, history: &History, summary: &mut Summary) -> Vec<Movement> {
    let mut todo = Vec::with_capacity(window.len());
    for movement in window {
        if history.knows(movement.request_id) {
            summary.replayed += 1;
            count_accepted(summary, &movement);
        } else if history.decided(movement.place) {
            summary.refused_before += 1;
            *refused_counter(summary, &movement.effect) += 1;
        } else {
            todo.push(movement);
        }
    }
    todo
}

/// What the engine said to a movement.
enum Verdict {
    Accepted { order_no: Option<String>, replayed: bool },
    Refused { code: String, detail: String },
}

impl Verdict {
    fn is_refused(&self) -> bool {
        matches!(self, Verdict::Refused { .. })
    }
}

type Outcomes = Vec<(Movement, Verdict)>;

/// How the next window is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// By kind, as long as nothing is refused.
    Hurried,
    /// In stages, until a window passes without a refusal.
    Exact,
    /// In stages throughout: somebody watches a product's level, and the hurried way could pass its
    /// threshold where the record does not.
    Watched,
}

/// One window; the pace for the next one. Others may work on the same stock: a window holds many rows,
/// so a deadlock is possible, and harmless to run again.
async fn apply(
    session: &mut Session,
    window: Vec<Movement>,
    pace: Pace,
    summary: &mut Summary,
) -> Result<Pace> {
    let mut retries = 0;
    let outcomes = loop {
        match send(session, window.clone(), pace).await {
            Err(error) if error.is_transient() && retries < RETRIES => {
                retries += 1;
                session.rollback().await?;
            }
            done => break done?,
        }
    };
    let refused = outcomes.iter().any(|(_, verdict)| verdict.is_refused());
    for (movement, verdict) in outcomes {
        count(summary, &movement, verdict);
    }
    Ok(match pace {
        Pace::Watched => Pace::Watched,
        _ if refused => Pace::Exact,
        _ => Pace::Hurried,
    })
}

/// One transaction.
async fn send(session: &mut Session, window: Vec<Movement>, pace: Pace) -> Result<Outcomes> {
    let hurried = match pace {
        Pace::Hurried => send_hurried(session, window.clone()).await?,
        Pace::Exact | Pace::Watched => None,
    };
    let outcomes = match hurried {
        Some(outcomes) => outcomes,
        None => send_exactly(session, window).await?,
    };
    session.commit().await?;
    Ok(outcomes)
}

/// None, and nothing done, where anything was refused. The transaction stays open otherwise.
async fn send_hurried(session: &mut Session, window: Vec<Movement>) -> Result<Option<Outcomes>> {
    session.begin().await?;
    match send_by_kind(session, window).await {
        Ok(outcomes) if !outcomes.iter().any(|(_, verdict)| verdict.is_refused()) => {
            Ok(Some(outcomes))
        }
        Err(error) if error.refusal().is_none() => Err(error),
        _ => {
            session.rollback().await?;
            Ok(None)
        }
    }
}

async fn send_by_kind(session: &mut Session, window: Vec<Movement>) -> Result<Outcomes> {
    let mut outcomes = Vec::with_capacity(window.len());
    let Stage { orders, receipts, write_offs } = by_kind(window);
    if !write_offs.is_empty() {
        let replayed = session.adjust_each(&rows(&write_offs)).await?;
        outcomes.extend(write_offs.into_iter().zip(replayed.into_iter().map(accepted_single)));
    }
    for call in calls(orders) {
        send_orders(session, call, &mut outcomes).await?;
    }
    send_receipts(session, receipts, &mut outcomes).await?;
    Ok(outcomes)
}

/// A refusal that raises spoils the whole transaction, so the window is run again with a savepoint
/// around each movement: rare, and the only way to name the guilty one.
async fn send_exactly(session: &mut Session, window: Vec<Movement>) -> Result<Outcomes> {
    session.begin().await?;
    match send_in_stages(session, window.clone()).await {
        Err(error) if error.refusal().is_some() => {
            session.rollback().await?;
            session.begin().await?;
            send_one_by_one(session, window).await
        }
        other => other,
    }
}

async fn send_in_stages(session: &mut Session, window: Vec<Movement>) -> Result<Outcomes> {
    let mut outcomes = Vec::with_capacity(window.len());
    for Stage { orders, receipts, write_offs } in stages(window) {
        for call in calls(orders) {
            send_orders(session, call, &mut outcomes).await?;
        }
        send_receipts(session, receipts, &mut outcomes).await?;
        for movement in write_offs {
            let verdict = with_savepoint(session, &movement).await?;
            outcomes.push((movement, verdict));
        }
    }
    Ok(outcomes)
}

async fn send_receipts(
    session: &mut Session,
    receipts: Vec<Movement>,
    outcomes: &mut Outcomes,
) -> Result<()> {
    if !receipts.is_empty() {
        let replayed = session.receive_each(&rows(&receipts)).await?;
        outcomes.extend(receipts.into_iter().zip(replayed.into_iter().map(accepted_single)));
    }
    Ok(())
}

async fn send_one_by_one(session: &mut Session, window: Vec<Movement>) -> Result<Outcomes> {
    let mut outcomes = Vec::with_capacity(window.len());
    for movement in window {
        let verdict = with_savepoint(session, &movement).await?;
        outcomes.push((movement, verdict));
    }
    Ok(outcomes)
}

async fn with_savepoint(session: &mut Session, movement: &Movement) -> Result<Verdict> {
    session.savepoint().await?;
    match send_alone(session, movement).await {
        Ok(verdict) => {
            session.release_savepoint().await?;
            Ok(verdict)
        }
        Err(Error::Refused(refused)) => {
            session.rollback_to_savepoint().await?;
            let (code, detail) = (refused.code.as_str().to_owned(), refused.in_short().to_owned());
            Ok(Verdict::Refused { code, detail })
        }
        Err(error) => Err(error),
    }
}

async fn send_alone(session: &mut Session, movement: &Movement) -> Result<Verdict> {
    match &movement.effect {
        Effect::Order(_) => {
            let mut outcomes = Vec::with_capacity(1);
            send_orders(session, vec![movement.clone()], &mut outcomes).await?;
            let verdict = outcomes.pop().map(|(_, verdict)| verdict);
            verdict.ok_or_else(|| Error::Answer("deduct_many answered no line".to_owned()))
        }
        Effect::Receipt(_) => {
            let replayed = session.receive_each(&rows(std::slice::from_ref(movement))).await?;
            Ok(accepted_single(replayed.first().copied().unwrap_or(false)))
        }
        Effect::WriteOff(_) => {
            let replayed = session.adjust_each(&rows(std::slice::from_ref(movement))).await?;
            Ok(accepted_single(replayed.first().copied().unwrap_or(false)))
        }
    }
}

fn accepted_single(replayed: bool) -> Verdict {
    accepted(None, replayed)
}

fn accepted(order_no: Option<String>, replayed: bool) -> Verdict {
    Verdict::Accepted { order_no, replayed }
}

/// Cuts orders into calls of at most `LINES_PER_CALL` lines; a longer order goes alone and is
/// refused by the engine.
fn calls(orders: Vec<Movement>) -> Vec<Vec<Movement>> {
    let mut calls: Vec<Vec<Movement>> = Vec::new();
    let mut lines = 0;
    for order in orders {
        let more = order.lines().len();
        match calls.last_mut() {
            Some(call) if lines + more <= LINES_PER_CALL => {
                lines += more;
                call.push(order);
            }
            _ => {
                lines = more;
                calls.push(vec![order]);
            }
        }
    }
    calls
}

async fn send_orders(
    session: &mut Session,
    orders: Vec<Movement>,
    outcomes: &mut Outcomes,
) -> Result<()> {
    let mut lines = OrderLines::default();
    let mut firsts = Vec::with_capacity(orders.len());
    for order in &orders {
        firsts.push(lines.len());
        for (at, Line { sku, warehouse_id, qty }) in order.lines().iter().enumerate() {
            lines.push(order.request_id, sku, *warehouse_id, *qty, &order.reason, at == 0);
        }
    }
    let mut answers = session.deduct_many(&lines).await?.into_iter().peekable();
    for (at, order) in orders.into_iter().enumerate() {
        let end = firsts.get(at + 1).copied().unwrap_or(lines.len());
        let mut rows = Vec::new();
        while let Some(row) = answers.next_if(|row| row.line < end) {
            rows.push(row);
        }
        let verdict = verdict(&order, firsts[at], rows)?;
        outcomes.push((order, verdict));
    }
    Ok(())
}

/// `rows` are this order's rows of the answer; `first` is its first line in the call.
fn verdict(order: &Movement, first: usize, rows: Vec<Deduction>) -> Result<Verdict> {
    let Some(head) = rows.first() else {
        return Err(Error::Answer(format!("deduct_many left out order {}", order.name)));
    };
    if head.code == "ok" {
        return Ok(accepted(head.order_no.clone(), head.replayed));
    }
    let detail = why(order, first, &rows);
    Ok(Verdict::Refused { code: head.code.clone(), detail })
}

/// The line that was short, by the levels beside the refusal; else the catalogue's sentence.
fn why(order: &Movement, first: usize, rows: &[Deduction]) -> String {
    let mut wanted: HashMap<(&str, i32), i64> = HashMap::new();
    for line in order.lines() {
        let sum = wanted.entry((&line.sku, line.warehouse_id)).or_default();
        *sum = sum.saturating_add(line.qty);
    }
    let short = rows.iter().find_map(|row| {
        let line = order.lines().get(row.line.checked_sub(first)?)?;
        let wanted = wanted.get(&(&*line.sku, line.warehouse_id))?;
        let available = row.available.filter(|available| available < wanted)?;
        Some(format!("{}: requested {wanted} units, available: {available}", line.sku))
    });
    let code = rows.first().and_then(|row| Code::from_name(&row.code));
    match (short, code) {
        (Some(short), Some(Code::InsufficientStock)) => short,
        (_, Some(code)) => code.title().to_owned(),
        (_, None) => String::new(),
    }
}

fn count(summary: &mut Summary, movement: &Movement, verdict: Verdict) {
    match verdict {
        Verdict::Accepted { order_no, replayed } => {
            count_accepted(summary, movement);
            let counter = if replayed { &mut summary.replayed } else { &mut summary.changes };
            *counter += 1;
            if let Some(order_no) = order_no {
                summary.saw_order_no(order_no);
            }
        }
        Verdict::Refused { code, detail } => {
            *refused_counter(summary, &movement.effect) += 1;
            summary.keep_refusal(kind(&movement.effect), &movement.name, &code, detail);
        }
    }
}

fn count_accepted(summary: &mut Summary, movement: &Movement) {
    let (counter, units) = match movement.effect {
        Effect::Order(_) => (&mut summary.orders_accepted, &mut summary.units_sold),
        Effect::Receipt(_) => (&mut summary.returns_accepted, &mut summary.units_returned),
        Effect::WriteOff(_) => (&mut summary.write_offs_accepted, &mut summary.units_written_off),
    };
    *counter += 1;
    *units = units.saturating_add(movement.units());
}

fn refused_counter<'a>(summary: &'a mut Summary, effect: &Effect) -> &'a mut u64 {
    match effect {
        Effect::Order(_) => &mut summary.orders_refused,
        Effect::Receipt(_) => &mut summary.returns_refused,
        Effect::WriteOff(_) => &mut summary.write_offs_refused,
    }
}

fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Order(_) => "order",
        Effect::Receipt(_) => "return",
        Effect::WriteOff(_) => "write-off",
    }
}

/// Receipts and write-offs as the store wants them.
fn rows(movements: &[Movement]) -> Vec<SingleRow> {
    let mut rows = Vec::with_capacity(movements.len());
    for movement in movements {
        let (line, units) = match &movement.effect {
            Effect::Receipt(line) => (line, line.qty),
            Effect::WriteOff(line) => (line, line.qty.saturating_neg()),
            Effect::Order(_) => continue,
        };
        rows.push(SingleRow {
            request_id: movement.request_id,
            sku: line.sku.to_string(),
            warehouse_id: line.warehouse_id,
            units,
            reason: movement.reason.clone(),
            operator: movement.operator.clone(),
            trace_id: movement.trace_id.clone(),
        });
    }
    rows
}

fn opening_receipt(opening: &Opening) -> SingleRow {
    SingleRow {
        request_id: opening.request_id,
        sku: opening.line.sku.to_string(),
        warehouse_id: opening.line.warehouse_id,
        units: opening.line.qty,
        reason: "opening stock".to_owned(),
        operator: None,
        trace_id: None,
    }
}

async fn put_warehouses(session: &mut Session, warehouses: &[Warehouse]) -> Result<()> {
    let existing: HashSet<i32> =
        session.warehouses().await?.into_iter().map(|w| w.warehouse_id).collect();
    for new in warehouses.iter().filter(|w| !existing.contains(&w.warehouse_id)) {
        let warehouse = store::Warehouse {
            warehouse_id: new.warehouse_id,
            code: new.code.to_owned(),
            name: new.name.to_owned(),
        };
        let caller = Caller { request_id: Some(new.request_id), ..Caller::default() };
        session.put_warehouse(&warehouse, &caller).await?;
    }
    Ok(())
}

async fn put_products(
    session: &mut Session,
    products: &[Product],
    summary: &mut Summary,
) -> Result<Pace> {
    let skus: Vec<String> = products.iter().map(|p| p.sku.to_string()).collect();
    let existing = session.existing_products(&skus).await?;
    let rows: Vec<ProductRow> =
        products.iter().filter(|p| !existing.contains_key(&*p.sku)).map(product_row).collect();
    for chunk in rows.chunks(ROWS_PER_CALL) {
        match session.put_product_each(chunk).await {
            Ok(created) => count_products(summary, &created),
            Err(error) if error.refusal().is_some() => {
                for row in chunk {
                    put_one_product(session, row, summary).await?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    let watched = existing.values().any(|watched| *watched)
        || rows.iter().any(|row| row.low_stock_threshold.is_some());
    Ok(if watched { Pace::Watched } else { Pace::Hurried })
}

async fn put_one_product(
    session: &mut Session,
    row: &ProductRow,
    summary: &mut Summary,
) -> Result<()> {
    match session.put_product_each(std::slice::from_ref(row)).await {
        Ok(created) => count_products(summary, &created),
        Err(Error::Refused(refused)) => {
            let detail = refused.in_short().to_owned();
            summary.keep_refusal("product", &row.sku, refused.code.as_str(), detail);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn count_products(summary: &mut Summary, created: &[bool]) {
    let created = created.iter().filter(|created| **created).count() as u64;
    summary.products_created += created;
    summary.changes += created;
}

fn product_row(product: &Product) -> ProductRow {
    let attributes = match product.category {
        Some(category) => serde_json::json!({ "category": category }),
        None => serde_json::json!({}),
    };
    ProductRow {
        request_id: product.request_id,
        sku: product.sku.to_string(),
        name: product.name.clone(),
        low_stock_threshold: product.low_stock_threshold,
        unit: product.unit.to_owned(),
        attributes,
    }
}

async fn receive_openings(
    session: &mut Session,
    chunk: &[SingleRow],
    summary: &mut Summary,
) -> Result<()> {
    match session.receive_each(chunk).await {
        Ok(replayed) => count_openings(summary, &replayed),
        Err(error) if error.refusal().is_some() => {
            for row in chunk {
                receive_one_opening(session, row, summary).await?;
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn receive_one_opening(
    session: &mut Session,
    row: &SingleRow,
    summary: &mut Summary,
) -> Result<()> {
    match session.receive_each(std::slice::from_ref(row)).await {
        Ok(replayed) => count_openings(summary, &replayed),
        Err(Error::Refused(refused)) => {
            let detail = refused.in_short().to_owned();
            summary.keep_refusal("opening", &row.sku, refused.code.as_str(), detail);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn count_openings(summary: &mut Summary, replayed: &[bool]) {
    let again = replayed.iter().filter(|replayed| **replayed).count() as u64;
    summary.openings_received += replayed.len() as u64;
    summary.replayed += again;
    summary.changes += replayed.len() as u64 - again;
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn order(lines: &[(&str, i64)]) -> Movement {
        let lines = lines
            .iter()
            .map(|(sku, qty)| Line { sku: (*sku).into(), warehouse_id: 1, qty: *qty })
            .collect();
        Movement {
            place: 1,
            request_id: Uuid::nil(),
            name: "1".into(),
            reason: "sale".into(),
            operator: None,
            trace_id: None,
            effect: Effect::Order(lines),
        }
    }

    fn refused(line: usize, available: i64) -> Deduction {
        Deduction {
            line,
            code: "insufficient_stock".into(),
            order_no: None,
            available: Some(available),
            replayed: false,
        }
    }

    #[test]
    fn the_detail_sums_lines_of_one_sku() {
        let order = order(&[("B", 1), ("A", 3), ("A", 3)]);
        let rows = [refused(7, 10), refused(8, 4), refused(9, 4)];
        assert_eq!(why(&order, 7, &rows), "A: requested 6 units, available: 4");
    }

    #[test]
    fn calls_stay_below_the_limit() {
        let long = order(&vec![("A", 1); LINES_PER_CALL + 1]);
        let half = order(&vec![("A", 1); LINES_PER_CALL / 2]);
        let made = calls(vec![half.clone(), half.clone(), half.clone(), long, half]);
        let sizes: Vec<usize> = made.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1, 1]);
        assert!(calls(Vec::new()).is_empty());
    }

    #[test]
    fn a_known_movement_counts_as_accepted_and_a_decided_one_as_refused_before() {
        let (mut known, mut skipped, mut fresh) =
            (order(&[("A", 2)]), order(&[("A", 1)]), order(&[("A", 1)]));
        (known.place, known.request_id) = (5, Uuid::from_u128(1));
        (skipped.place, skipped.request_id) = (4, Uuid::from_u128(2));
        (fresh.place, fresh.request_id) = (6, Uuid::from_u128(3));
        let places = [super::super::Place { place: 5, request_id: Uuid::from_u128(1) }];
        let history = History::new(HashMap::from([(Uuid::from_u128(1), -2)]), &places);
        let mut summary = Summary::default();
        let todo = sift(vec![skipped, known, fresh.clone()], &history, &mut summary);
        assert_eq!(todo, [fresh]);
        assert_eq!((summary.orders_accepted, summary.replayed, summary.units_sold), (1, 1, 2));
        assert_eq!((summary.orders_refused, summary.refused_before), (1, 1));
    }
}
