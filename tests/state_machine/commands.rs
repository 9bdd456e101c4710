//! What the machine can do, drawn by chance, and the SQL of it.

use proptest::prelude::*;
use uuid::Uuid;

/// The last one is never put at the start: it may stay unknown.
pub const SKUS: [&str; 5] = ["A", "B", "L", "M", "Z"];

/// Whether stock of this SKU counts by lots.
pub fn lot_controlled(sku: usize) -> bool {
    matches!(SKUS[sku], "L" | "M")
}

/// The third is not there.
pub const WAREHOUSES: [i32; 3] = [1, 2, 9];

/// Lots have the same few names everywhere.
pub const LOTS: usize = 5;

pub fn lot_name(lot: usize) -> String {
    format!("x{lot}")
}

/// How long a hold may last, in seconds. No sum of time that passes comes near any of these, so the
/// seconds that a test itself takes never decide.
const TTLS: [i64; 4] = [100, 1_000, 10_000, 10_000];
const PASSING: [i64; 3] = [150, 1_500, TEN_DAYS];
pub const TEN_DAYS: i64 = 864_000;

/// Goods of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goods {
    pub sku: usize,
    pub warehouse: usize,
    pub qty: i64,
    pub lot: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Start,
    Complete,
    Fail,
    Revert,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    PutProduct {
        sku: usize,
        threshold: Option<i64>,
    },
    /// `expires`: a day counted from the first one.
    Receive {
        goods: Goods,
        expires: Option<i64>,
    },
    Deduct(Goods),
    TryDeduct(Goods),
    /// Lines by order.
    DeductMany(Vec<(usize, Goods)>),
    /// The quantity is the delta, or what was counted.
    Adjust(Goods),
    Recount(Goods),
    Transfer {
        goods: Goods,
        to: usize,
    },
    Reserve {
        goods: Goods,
        ttl: i64,
    },
    ReserveMany {
        lines: Vec<Goods>,
        ttl: i64,
    },
    /// Holds and orders are drawn by how many were made after them, so that a walk told without some of
    /// its steps still means the same ones; the model then counts from the first one made. One that is
    /// not there is unknown.
    Confirm {
        hold: usize,
        part: Option<i64>,
    },
    Release {
        hold: usize,
    },
    CreateOrder {
        outbound: bool,
        lines: Vec<Goods>,
    },
    MoveOrder {
        step: Step,
        order: usize,
    },
}

#[derive(Clone, Debug)]
pub enum Transition {
    Do(Command),
    /// The command so many before the last once more, with its request ids.
    Again(usize),
    /// Another command under an earlier request id.
    Misuse(usize),
    Maintain,
    /// Seconds.
    Pass(i64),
}

pub fn transition() -> BoxedStrategy<Transition> {
    prop_oneof![
        30 => command().prop_map(Transition::Do),
        3 => recent().prop_map(Transition::Again),
        1 => recent().prop_map(Transition::Misuse),
        1 => Just(Transition::Maintain),
        2 => prop::sample::select(&PASSING[..2]).prop_map(Transition::Pass),
        1 => prop::sample::select(&PASSING[..]).prop_map(Transition::Pass),
    ]
    .boxed()
}

fn command() -> impl Strategy<Value = Command> {
    let ttl = || prop::sample::select(&TTLS[..]);
    let (hold, order) = (recent(), recent());
    let step = prop_oneof![
        3 => Just(Step::Start),
        3 => Just(Step::Complete),
        1 => Just(Step::Fail),
        2 => Just(Step::Revert)
    ];
    prop_oneof![
        1 => (0..SKUS.len(), prop::option::of(0..30i64))
            .prop_map(|(sku, threshold)| Command::PutProduct { sku, threshold }),
        8 => (incoming(), prop::bool::weighted(0.9)).prop_map(receipt),
        3 => outgoing().prop_map(Command::Deduct),
        2 => outgoing().prop_map(Command::TryDeduct),
        2 => prop::collection::vec((0..4usize, outgoing()), 1..5).prop_map(many),
        2 => (counted(), any::<bool>()).prop_map(|(goods, up)| {
            Command::Adjust(Goods { qty: if up { goods.qty } else { -goods.qty }, ..goods })
        }),
        3 => (counted(), prop::bool::weighted(0.4)).prop_map(|(goods, none)| {
            Command::Recount(Goods { qty: if none { 0 } else { goods.qty }, ..goods })
        }),
        3 => (outgoing(), prop_oneof![20 => Just(1), 1 => 0..3usize]).prop_map(|(goods, step)| {
            Command::Transfer { goods, to: (goods.warehouse + step) % 2 + step / 2 }
        }),
        5 => (outgoing(), ttl()).prop_map(|(goods, ttl)| Command::Reserve { goods, ttl }),
        2 => (prop::collection::vec(outgoing(), 1..4), ttl()).prop_map(|(lines, ttl)| {
            let lines = lines.into_iter().map(|g| Goods { lot: None, ..g }).collect();
            Command::ReserveMany { lines, ttl }
        }),
        4 => (hold.clone(), prop::option::weighted(0.4, 1..9i64))
            .prop_map(|(hold, part)| Command::Confirm { hold, part }),
        2 => hold.prop_map(|hold| Command::Release { hold }),
        3 => (any::<bool>(), prop::collection::vec(outgoing(), 1..4)).prop_map(new_order),
        6 => (step, order).prop_map(|(step, order)| Command::MoveOrder { step, order }),
    ]
}

/// So far back that nothing is there.
pub const UNKNOWN: usize = 999;

/// The newest are the likeliest to be still open.
fn recent() -> BoxedStrategy<usize> {
    prop_oneof![20 => 0..3usize, 5 => 0..12usize, 1 => Just(UNKNOWN)].boxed()
}

fn goods(
    qty: std::ops::Range<i64>,
    lot: impl Strategy<Value = Option<usize>>,
) -> impl Strategy<Value = Goods> {
    let sku = prop_oneof![40 => 0..4usize, 1 => Just(4)];
    let warehouse = prop_oneof![30 => Just(0), 15 => Just(1usize), 1 => Just(2)];
    (sku, warehouse, qty, lot, prop::bool::weighted(0.03)).prop_map(
        |(sku, warehouse, qty, lot, wrong)| {
            // A lot that is named where there are none, or none where one is needed, now and then.
            let lot = if lot_controlled(sku) { lot } else { lot.filter(|_| wrong) };
            Goods { sku, warehouse, qty, lot }
        },
    )
}

fn incoming() -> impl Strategy<Value = Goods> {
    goods(1..60, prop::option::weighted(0.95, 0..LOTS))
}

fn counted() -> impl Strategy<Value = Goods> {
    goods(1..25, prop::option::weighted(0.95, 0..LOTS))
}

fn outgoing() -> impl Strategy<Value = Goods> {
    goods(1..12, prop::option::weighted(0.3, 0..LOTS))
}

/// Each lot has its date, or now and then another.
fn receipt((goods, usual): (Goods, bool)) -> Command {
    let expires = goods.lot.and_then(|lot| match (lot, usual) {
        (0, true) => None,
        (lot, true) => Some(lot as i64 * 10 - 5),
        (_, false) => Some(25),
    });
    Command::Receive { goods, expires }
}

fn many(lines: Vec<(usize, Goods)>) -> Command {
    let lines = lines.into_iter().map(|(order, g)| (order, Goods { lot: None, ..g }));
    Command::DeductMany(lines.collect())
}

/// An order is of one warehouse, that of its first line.
fn new_order((outbound, lines): (bool, Vec<Goods>)) -> Command {
    let warehouse = lines[0].warehouse;
    let named = |g: Goods| match (outbound, lot_controlled(g.sku)) {
        (false, true) => Goods { lot: g.lot.or(Some(0)), ..g },
        _ => g,
    };
    let lines = lines.into_iter().map(|g| Goods { warehouse, ..named(g) }).collect();
    Command::CreateOrder { outbound, lines }
}

impl Command {
    /// Whether the hold or order that it names is there, or is meant not to be.
    pub fn makes_sense(&self, holds: usize, orders: usize) -> bool {
        match self {
            Command::Confirm { hold, .. } | Command::Release { hold } => {
                *hold < holds || *hold == UNKNOWN
            }
            Command::MoveOrder { order, .. } => *order < orders || *order == UNKNOWN,
            _ => true,
        }
    }

    /// With holds and orders counted from the first, of so many that there are.
    pub fn resolved(mut self, holds: usize, orders: usize) -> Command {
        let from_first = |back: usize, all: usize| (all.wrapping_sub(back)).wrapping_sub(1);
        match &mut self {
            Command::Confirm { hold, .. } | Command::Release { hold } => {
                *hold = from_first(*hold, holds);
            }
            Command::MoveOrder { order, .. } => *order = from_first(*order, orders),
            _ => {}
        }
        self
    }

    /// How many request ids it takes.
    pub fn ids(&self) -> usize {
        match self {
            Command::DeductMany(lines) => {
                lines.iter().map(|(order, _)| order + 1).max().unwrap_or(1)
            }
            _ => 1,
        }
    }
}

/// What the model counts and the server names.
pub struct Names<'n> {
    pub holds: &'n [Uuid],
    pub orders: &'n [String],
    /// The date that the server has for a day of the model.
    pub date: &'n dyn Fn(i64) -> String,
}

impl Names<'_> {
    fn hold(&self, at: usize) -> Uuid {
        self.holds.get(at).copied().unwrap_or_default()
    }

    fn order(&self, at: usize) -> &str {
        self.orders.get(at).map_or("20200101000000001000001", String::as_str)
    }
}

/// What selects the answer of a command, the flag for repeats last.
pub fn sql(command: &Command, ids: &[Uuid], names: &Names) -> String {
    let id = ids[0];
    match command {
        Command::DeductMany(lines) => deduct_many(lines, ids),
        Command::ReserveMany { lines, ttl } => {
            let (skus, qtys, warehouses) = arrays(lines.iter());
            format!(
                "SELECT reservation_id, replayed \
                 FROM inventory.reserve_many('{id}', {skus}, {qtys}, {warehouses}, '{ttl} seconds')"
            )
        }
        _ => {
            let (columns, call) = call(command, names);
            format!("SELECT {columns} FROM inventory.{call}, request_id => '{id}')")
        }
    }
}

/// The columns of the answer, and the call up to its last own argument.
fn call(command: &Command, names: &Names) -> (&'static str, String) {
    let levels = "code, order_no, on_hand, reserved, available, replayed";
    match command {
        Command::Receive { goods, expires } => {
            let date = expires.map_or("NULL".into(), |day| text(&(names.date)(day)));
            (levels, format!("receive({}, expires_on => {date}", place(goods)))
        }
        Command::Deduct(goods) => (levels, format!("deduct({}", place(goods))),
        Command::TryDeduct(goods) => (levels, format!("try_deduct({}", place(goods))),
        Command::Adjust(goods) => (levels, format!("adjust({}", corrected(goods))),
        Command::Recount(goods) => (levels, format!("recount({}", corrected(goods))),
        Command::Transfer { goods, to } => {
            let (sku, from, to) = (SKUS[goods.sku], WAREHOUSES[goods.warehouse], WAREHOUSES[*to]);
            let (qty, lot) = (goods.qty, lot(goods.lot));
            (levels, format!("transfer('{sku}', {qty}, {from}, {to}, {lot}"))
        }
        Command::Reserve { goods, ttl } => (
            "reservation_id, on_hand, reserved, available, replayed",
            format!("reserve({}, ttl => '{ttl} seconds'", place(goods)),
        ),
        _ => paper_call(command, names),
    }
}

/// As [`call`], for what is not about goods of one place.
fn paper_call(command: &Command, names: &Names) -> (&'static str, String) {
    let resolved = "code, order_no, reservation_id, state, replayed";
    match command {
        Command::PutProduct { sku, threshold } => {
            let (name, by_lot) = (SKUS[*sku], lot_controlled(*sku));
            let threshold = threshold.map_or("NULL".into(), |t| t.to_string());
            let call = format!("put_product('{name}', 'Product', {threshold}, {by_lot}");
            ("code, created, replayed", call)
        }
        Command::Confirm { hold, part } => {
            let part = part.map_or("NULL".into(), |p| p.to_string());
            (resolved, format!("confirm('{}', {part}", names.hold(*hold)))
        }
        Command::Release { hold } => (resolved, format!("release('{}'", names.hold(*hold))),
        Command::CreateOrder { outbound, lines } => {
            let direction = if *outbound { "outbound" } else { "inbound" };
            let warehouse = WAREHOUSES[lines[0].warehouse];
            let lines = lines.iter().map(order_line).collect::<Vec<_>>().join(", ");
            let call = format!("create_order('{direction}', '[{lines}]', {warehouse}");
            ("order_no, state, replayed", call)
        }
        Command::MoveOrder { step, order } => {
            let order = names.order(*order);
            let call = match step {
                Step::Start => format!("start_order('{order}'"),
                Step::Complete => format!("complete_order('{order}'"),
                Step::Fail => format!("fail_order('{order}', 'no'"),
                Step::Revert => format!("revert_order('{order}', 'back'"),
            };
            ("code, order_no, state, replayed", call)
        }
        goods => unreachable!("{goods:?} is about goods of places"),
    }
}

fn text(value: &str) -> String {
    format!("'{value}'")
}

fn lot(lot: Option<usize>) -> String {
    lot.map_or("NULL".into(), |lot| text(&lot_name(lot)))
}

fn place(goods: &Goods) -> String {
    let (sku, warehouse) = (SKUS[goods.sku], WAREHOUSES[goods.warehouse]);
    format!("'{sku}', {}, {warehouse}, {}", goods.qty, lot(goods.lot))
}

fn corrected(goods: &Goods) -> String {
    let (sku, warehouse) = (SKUS[goods.sku], WAREHOUSES[goods.warehouse]);
    format!("'{sku}', {}, 'count', {warehouse}, {}", goods.qty, lot(goods.lot))
}

fn order_line(goods: &Goods) -> String {
    let lot = goods.lot.map(|lot| format!(", \"lot\": \"{}\"", lot_name(lot)));
    format!(
        "{{\"sku\": \"{}\", \"qty\": {}{}}}",
        SKUS[goods.sku],
        goods.qty,
        lot.unwrap_or_default()
    )
}

fn arrays<'g>(lines: impl Iterator<Item = &'g Goods> + Clone) -> (String, String, String) {
    let list = |items: Vec<String>| format!("ARRAY[{}]", items.join(", "));
    (
        list(lines.clone().map(|g| text(SKUS[g.sku])).collect()),
        list(lines.clone().map(|g| format!("{}::bigint", g.qty)).collect()),
        list(lines.map(|g| WAREHOUSES[g.warehouse].to_string()).collect()),
    )
}

fn deduct_many(lines: &[(usize, Goods)], ids: &[Uuid]) -> String {
    let (skus, qtys, warehouses) = arrays(lines.iter().map(|(_, goods)| goods));
    let ids: Vec<_> = lines.iter().map(|(order, _)| format!("'{}'::uuid", ids[*order])).collect();
    format!(
        "SELECT line, code, order_no, on_hand, available, replayed \
         FROM inventory.deduct_many(ARRAY[{}], {skus}, {qtys}, {warehouses})",
        ids.join(", ")
    )
}
