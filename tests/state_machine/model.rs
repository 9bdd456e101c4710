//! A shop on paper: what each command must answer and leave behind, as the contract says it. Written
//! from there and not from the rules' own code, and without a thought about speed.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::{Command, Goods, SKUS, Step, TEN_DAYS, WAREHOUSES, lot_controlled, lot_name};

/// SQLSTATE or code, and for want of stock the detail.
type Refusal = (&'static str, String);
type Answer<T> = Result<T, Refusal>;

/// SKU and warehouse, by their places in the lists.
type Place = (usize, usize);

#[derive(Clone, Debug)]
struct Lot {
    on_hand: i64,
    /// The last day on which it may be sold.
    expires: Option<i64>,
    /// The step in which it first came.
    received: usize,
}

/// The lots of a place; goods without lots are the lot `None`.
type Shelf = BTreeMap<Option<usize>, Lot>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HoldState {
    Held,
    Confirmed,
    Released,
}

#[derive(Clone, Debug)]
struct Held {
    line: usize,
    place: Place,
    lot: Option<usize>,
    qty: i64,
}

#[derive(Clone, Debug)]
struct Hold {
    state: HoldState,
    /// None: no limit.
    until: Option<i64>,
    goods: Vec<Held>,
}

#[derive(Clone, Debug)]
struct Order {
    outbound: bool,
    state: &'static str,
    lines: Vec<Goods>,
    /// Among the holds of orders.
    hold: Option<Hold>,
    /// Which of all order numbers it has.
    number: usize,
}

/// The first answer of a request id, and what was asked.
#[derive(Clone, Debug)]
struct Remembered {
    content: String,
    rows: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Model {
    /// Seconds since the start.
    now: i64,
    steps: usize,
    /// Thresholds.
    products: BTreeMap<usize, Option<i64>>,
    stock: BTreeMap<Place, Shelf>,
    holds: Vec<Hold>,
    orders: Vec<Order>,
    numbers: usize,
    requests: BTreeMap<usize, Remembered>,
    ids: usize,
    /// What was asked so far, with its request ids.
    pub past: Vec<(Command, Vec<usize>)>,
    /// Times that a place became low, and recovered.
    alerts: BTreeMap<(Place, &'static str), usize>,
    /// What the last step must answer.
    pub expected: String,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a shop with {} products", self.products.len())
    }
}

impl Model {
    /// All products but the last, without thresholds.
    pub fn opened() -> Model {
        let products = (0..SKUS.len() - 1).map(|sku| (sku, None)).collect();
        Model { products, ..Model::default() }
    }

    pub fn makes_sense(&self, command: &Command) -> bool {
        command.makes_sense(self.holds.len(), self.orders.len())
    }

    /// Where in the past the command is that was asked so many before the last.
    pub fn before_last(&self, back: usize) -> usize {
        self.past.len() - 1 - back
    }

    /// Days since the start.
    pub fn today(&self) -> i64 {
        self.now / TEN_DAYS * 10
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        self.expected = "null".into();
    }

    /// A new command with new request ids.
    pub fn ask(&mut self, command: &Command) {
        let ids: Vec<_> = (self.ids..self.ids + command.ids()).collect();
        self.ids += ids.len();
        let command = command.clone().resolved(self.holds.len(), self.orders.len());
        self.past.push((command.clone(), ids.clone()));
        self.run(&command, &ids);
    }

    pub fn run(&mut self, command: &Command, ids: &[usize]) {
        self.steps += 1;
        self.expected = match command {
            Command::DeductMany(lines) => self.deduct_many(lines, ids),
            _ => {
                let content = content(command);
                match self.once(ids[0], &content, |model| model.decide(command)) {
                    Ok((rows, replayed)) => {
                        let rows: Vec<_> = rows.iter().map(|r| flagged(r, replayed)).collect();
                        rows.join("\n")
                    }
                    Err(refusal) => self.refused(command, &refusal),
                }
            }
        };
    }

    /// A request id's effect happens once; a refusal leaves nothing.
    fn once(
        &mut self,
        id: usize,
        content: &str,
        effect: impl FnOnce(&mut Model) -> Answer<Vec<String>>,
    ) -> Answer<(Vec<String>, bool)> {
        if let Some(first) = self.requests.get(&id) {
            if first.content != content {
                return Err(("IV009", String::new()));
            }
            return Ok((first.rows.clone(), true));
        }
        let before = self.clone();
        match effect(self) {
            Ok(rows) => {
                self.count_crossings(&before);
                let remembered = Remembered { content: content.into(), rows: rows.clone() };
                self.requests.insert(id, remembered);
                Ok((rows, false))
            }
            Err(refusal) => {
                *self = before;
                Err(refusal)
            }
        }
    }

    /// A place that had goods before, and whose units or threshold moved over the line.
    fn count_crossings(&mut self, before: &Model) {
        for place in before.stock.keys() {
            let event = match (before.low(*place), self.low(*place)) {
                (false, true) => "LOW_STOCK",
                (true, false) => "STOCK_RECOVERED",
                _ => continue,
            };
            *self.alerts.entry((*place, event)).or_default() += 1;
        }
    }

    fn low(&self, place: Place) -> bool {
        let threshold = self.products.get(&place.0).copied().flatten();
        threshold.is_some_and(|threshold| self.on_hand(place) <= threshold)
    }

    fn decide(&mut self, command: &Command) -> Answer<Vec<String>> {
        match command {
            Command::PutProduct { sku, threshold } => {
                let new = self.products.insert(*sku, *threshold).is_none();
                Ok(vec![format!("ok|{}", flag(new))])
            }
            Command::Receive { goods, expires } => {
                self.put_in(goods, *expires)?;
                Ok(vec![self.answer(goods, None)])
            }
            Command::Deduct(goods) | Command::TryDeduct(goods) => {
                self.take_out(goods, false)?;
                let number = self.draw();
                Ok(vec![self.answer(goods, Some(number))])
            }
            Command::Adjust(goods) => self.correct(goods, |_| goods.qty),
            Command::Recount(goods) => self.correct(goods, |found| goods.qty - found),
            Command::Transfer { goods, to } => self.transfer(goods, *to),
            Command::Reserve { goods, ttl } => {
                let hold = self.hold(std::slice::from_ref(goods), Some(*ttl))?;
                self.holds.push(hold);
                let (on_hand, reserved, available) = self.levels(place_of(goods));
                let hold = self.holds.len() - 1;
                Ok(vec![format!("hold#{hold}|{on_hand}|{reserved}|{available}")])
            }
            Command::ReserveMany { lines, ttl } => {
                let hold = self.hold(lines, Some(*ttl))?;
                self.holds.push(hold);
                Ok(vec![format!("hold#{}", self.holds.len() - 1)])
            }
            Command::Confirm { hold, part } => self.confirm(*hold, *part),
            Command::Release { hold } => {
                self.open_hold(*hold)?;
                self.holds[*hold].state = HoldState::Released;
                Ok(vec![format!("ok|null|hold#{hold}|RELEASED")])
            }
            Command::CreateOrder { outbound, lines } => self.create_order(*outbound, lines),
            Command::MoveOrder { step, order } => self.move_order(*step, *order),
            Command::DeductMany(_) => unreachable!("has answers of its own"),
        }
    }

    // Levels ---------------------------------------------------------------------------------

    fn live(&self, hold: &Hold) -> bool {
        hold.state == HoldState::Held && hold.until.is_none_or(|until| until > self.now)
    }

    fn reserved(&self, place: Place, lot: Option<usize>) -> i64 {
        let all = self.holds.iter().chain(self.orders.iter().filter_map(|o| o.hold.as_ref()));
        let goods = all.filter(|hold| self.live(hold)).flat_map(|hold| &hold.goods);
        goods.filter(|g| g.place == place && g.lot == lot).map(|g| g.qty).sum()
    }

    fn on_hand(&self, place: Place) -> i64 {
        self.stock.get(&place).into_iter().flatten().map(|(_, lot)| lot.on_hand).sum()
    }

    fn for_sale(&self, lot: &Lot) -> bool {
        lot.expires.is_none_or(|day| day >= self.today())
    }

    /// On hand, reserved, available.
    fn levels(&self, place: Place) -> (i64, i64, i64) {
        let (mut reserved, mut available) = (0, 0);
        for (name, lot) in self.stock.get(&place).into_iter().flatten() {
            let held = self.reserved(place, *name);
            reserved += held;
            available += if self.for_sale(lot) { lot.on_hand - held } else { 0 };
        }
        (self.on_hand(place), reserved, available)
    }

    fn answer(&self, goods: &Goods, number: Option<usize>) -> String {
        let number = number.map_or("null".into(), |n| format!("order#{n}"));
        let (on_hand, reserved, available) = self.levels(place_of(goods));
        format!("ok|{number}|{on_hand}|{reserved}|{available}")
    }

    fn draw(&mut self) -> usize {
        self.numbers += 1;
        self.numbers - 1
    }

    // Movements ------------------------------------------------------------------------------

    fn known(&self, (sku, warehouse): Place) -> Answer<()> {
        if !self.products.contains_key(&sku) {
            return Err(("IV002", String::new()));
        }
        known_warehouse(warehouse)
    }

    fn put_in(&mut self, goods: &Goods, expires: Option<i64>) -> Answer<()> {
        let place = place_of(goods);
        self.known(place)?;
        if lot_controlled(goods.sku) != goods.lot.is_some()
            || (expires.is_some() && goods.lot.is_none())
        {
            return Err(invalid());
        }
        let received = self.steps;
        let shelf = self.stock.entry(place).or_default();
        let fresh = Lot { on_hand: 0, expires, received };
        let lot = shelf.entry(goods.lot).or_insert(fresh);
        if expires.is_some() && lot.expires != expires {
            return Err(invalid());
        }
        lot.on_hand += goods.qty;
        Ok(())
    }

    /// Which lots give how much. `expired`: a lot that is named may be past its day.
    fn pick(&self, goods: &Goods, expired: bool) -> Answer<Vec<(Option<usize>, i64)>> {
        let place = place_of(goods);
        self.known(place)?;
        let empty = Shelf::new();
        let shelf = self.stock.get(&place).unwrap_or(&empty);
        let free = |name: &Option<usize>, lot: &Lot| lot.on_hand - self.reserved(place, *name);
        if goods.lot.is_some() {
            if !lot_controlled(goods.sku) {
                return Err(invalid());
            }
            let lot = shelf.get(&goods.lot).ok_or(("IV011", String::new()))?;
            let there = if expired || self.for_sale(lot) { free(&goods.lot, lot) } else { 0 };
            return if goods.qty <= there {
                Ok(vec![(goods.lot, goods.qty)])
            } else {
                Err(short(goods.qty, there))
            };
        }
        let mut lots: Vec<_> = shelf.iter().filter(|(_, lot)| self.for_sale(lot)).collect();
        lots.sort_by_key(|(name, lot)| sold_first(**name, lot));
        let mut left = goods.qty;
        let mut picked = Vec::new();
        for (name, lot) in lots {
            let units = left.min(free(name, lot));
            if units > 0 {
                picked.push((*name, units));
                left -= units;
            }
        }
        if left == 0 { Ok(picked) } else { Err(short(goods.qty, goods.qty - left)) }
    }

    fn lot(&mut self, place: Place, lot: Option<usize>) -> &mut Lot {
        self.stock.get_mut(&place).and_then(|shelf| shelf.get_mut(&lot)).expect("goods lie there")
    }

    fn take_out(&mut self, goods: &Goods, expired: bool) -> Answer<Vec<(Option<usize>, i64)>> {
        let picked = self.pick(goods, expired)?;
        for (lot, units) in &picked {
            self.lot(place_of(goods), *lot).on_hand -= units;
        }
        Ok(picked)
    }

    fn correct(&mut self, goods: &Goods, delta: impl Fn(i64) -> i64) -> Answer<Vec<String>> {
        let place = place_of(goods);
        self.known(place)?;
        if lot_controlled(goods.sku) != goods.lot.is_some() {
            return Err(invalid());
        }
        let received = self.steps;
        if goods.lot.is_none() {
            let fresh = Lot { on_hand: 0, expires: None, received };
            self.stock.entry(place).or_default().entry(None).or_insert(fresh);
        }
        let reserved = self.reserved(place, goods.lot);
        let lot = self.stock.get_mut(&place).and_then(|shelf| shelf.get_mut(&goods.lot));
        let lot = lot.ok_or(("IV011", String::new()))?;
        let delta = delta(lot.on_hand);
        if lot.on_hand + delta < reserved && delta < 0 {
            return Err(short(-delta, lot.on_hand - reserved));
        }
        lot.on_hand += delta;
        Ok(vec![self.answer(goods, None)])
    }

    fn transfer(&mut self, goods: &Goods, to: usize) -> Answer<Vec<String>> {
        if goods.warehouse == to {
            return Err(invalid());
        }
        let target = (goods.sku, to);
        self.known(target)?;
        let moved = self.take_out(goods, true)?;
        let source = self.answer(goods, None);
        for (name, units) in moved {
            let Lot { expires, .. } = *self.lot(place_of(goods), name);
            let fresh = Lot { on_hand: 0, expires, received: self.steps };
            let lot = self.stock.entry(target).or_default().entry(name).or_insert(fresh);
            if lot.expires != expires {
                return Err(invalid());
            }
            lot.on_hand += units;
        }
        Ok(vec![source, self.answer(&Goods { warehouse: to, ..*goods }, None)])
    }

    fn deduct_many(&mut self, lines: &[(usize, Goods)], ids: &[usize]) -> String {
        let mut orders: Vec<usize> = Vec::new();
        for (order, _) in lines {
            if !orders.contains(order) {
                orders.push(*order);
            }
        }
        let mut rows = BTreeMap::new();
        for order in orders {
            let of_it = || lines.iter().enumerate().filter(|(_, (o, _))| *o == order);
            let goods: Vec<_> = of_it().map(|(_, (_, goods))| *goods).collect();
            let outcome = self.once(ids[order], &deducted(&goods), |m| m.deduct_lines(&goods));
            for (nth, (line, (_, goods))) in of_it().enumerate() {
                let row = match &outcome {
                    Ok((rows, replayed)) => flagged(&rows[nth], *replayed),
                    Err((sqlstate, _)) => {
                        let levels = self
                            .levels_if_known(place_of(goods))
                            .map_or("null|null".into(), |(on_hand, _, available)| {
                                format!("{on_hand}|{available}")
                            });
                        format!("{}|null|{levels}|f", name(sqlstate))
                    }
                };
                rows.insert(line, format!("{}|{row}", line + 1));
            }
        }
        rows.into_values().collect::<Vec<_>>().join("\n")
    }

    fn deduct_lines(&mut self, lines: &[Goods]) -> Answer<Vec<String>> {
        let mut levels = Vec::new();
        for goods in lines {
            self.take_out(goods, false)?;
            let (on_hand, _, available) = self.levels(place_of(goods));
            levels.push(format!("{on_hand}|{available}"));
        }
        let number = self.draw();
        Ok(levels.into_iter().map(|l| format!("ok|order#{number}|{l}")).collect())
    }

    fn levels_if_known(&self, place: Place) -> Option<(i64, i64, i64)> {
        self.known(place).is_ok().then(|| self.levels(place))
    }

    fn refused(&self, command: &Command, (sqlstate, detail): &Refusal) -> String {
        let Command::TryDeduct(goods) = command else {
            return format!("{sqlstate} {detail}").trim_end().to_owned();
        };
        let levels = self
            .levels_if_known(place_of(goods))
            .map_or("null|null|null".into(), |(on_hand, reserved, available)| {
                format!("{on_hand}|{reserved}|{available}")
            });
        format!("{}|null|{levels}|f", name(sqlstate))
    }

    // Holds and orders -----------------------------------------------------------------------

    /// A hold over all lines; nothing where one of them is short.
    fn hold(&mut self, lines: &[Goods], ttl: Option<i64>) -> Answer<Hold> {
        let until = ttl.map(|ttl| self.now + ttl);
        let mut hold = Hold { state: HoldState::Held, until, goods: Vec::new() };
        for (goods, line) in lines.iter().zip(1..) {
            // What earlier lines hold counts.
            self.holds.push(hold);
            let picked = self.pick(goods, false);
            hold = self.holds.pop().expect("just pushed");
            let place = place_of(goods);
            hold.goods.extend(picked?.into_iter().map(|(lot, qty)| Held { line, place, lot, qty }));
        }
        Ok(hold)
    }

    fn open_hold(&self, at: usize) -> Answer<&Hold> {
        let hold = self.holds.get(at).ok_or(("IV005", String::new()))?;
        match hold.state {
            HoldState::Held if self.live(hold) => Ok(hold),
            HoldState::Held => Err(("IV006", String::new())),
            HoldState::Confirmed | HoldState::Released => Err(("IV007", String::new())),
        }
    }

    fn confirm(&mut self, at: usize, part: Option<i64>) -> Answer<Vec<String>> {
        let hold = self.open_hold(at)?.clone();
        let lines: BTreeSet<_> = hold.goods.iter().map(|g| g.line).collect();
        if part.is_some() && lines.len() > 1 {
            return Err(invalid());
        }
        let held = hold.goods.iter().map(|g| g.qty).sum();
        let mut left = part.unwrap_or(held);
        if left > held {
            return Err(short(left, held));
        }
        let mut goods = hold.goods;
        goods.sort_by_key(|g| sold_first(g.lot, self.lot(g.place, g.lot)));
        for held in goods {
            let units = left.min(held.qty);
            self.lot(held.place, held.lot).on_hand -= units;
            left -= units;
        }
        self.holds[at].state = HoldState::Confirmed;
        let number = self.draw();
        Ok(vec![format!("ok|order#{number}|hold#{at}|CONFIRMED")])
    }

    fn create_order(&mut self, outbound: bool, lines: &[Goods]) -> Answer<Vec<String>> {
        known_warehouse(lines[0].warehouse)?;
        for goods in lines {
            self.known(place_of(goods))?;
            let needs_lot = !outbound && lot_controlled(goods.sku);
            if (needs_lot && goods.lot.is_none())
                || (goods.lot.is_some() && !lot_controlled(goods.sku))
            {
                return Err(invalid());
            }
        }
        let number = self.draw();
        let order = Order { outbound, state: "PENDING", lines: lines.to_vec(), hold: None, number };
        self.orders.push(order);
        Ok(vec![format!("order#{number}|PENDING")])
    }

    fn move_order(&mut self, step: Step, at: usize) -> Answer<Vec<String>> {
        let order = self.orders.get(at).ok_or(("IV010", String::new()))?.clone();
        let to = match (order.state, step) {
            ("PENDING", Step::Start) => "PROCESSING",
            ("PROCESSING", Step::Complete) => "COMPLETED",
            ("PENDING" | "PROCESSING", Step::Fail) => "FAILED",
            ("FAILED" | "COMPLETED", Step::Revert) => "REVERTED",
            _ => return Err(("IV008", String::new())),
        };
        match (step, order.outbound) {
            (Step::Start, true) => {
                let hold = self.hold(&order.lines, None)?;
                self.orders[at].hold = Some(hold);
            }
            (Step::Complete, true) => self.send(at),
            (Step::Complete, false) => {
                for goods in &order.lines {
                    self.put_in(goods, None)?;
                }
            }
            (Step::Fail, true) => {
                if let Some(hold) = &mut self.orders[at].hold {
                    hold.state = HoldState::Released;
                }
            }
            (Step::Revert, true) if order.state == "COMPLETED" => {
                for held in order.hold.into_iter().flat_map(|hold| hold.goods) {
                    self.lot(held.place, held.lot).on_hand += held.qty;
                }
            }
            (Step::Revert, false) if order.state == "COMPLETED" => {
                for goods in &order.lines {
                    self.take_out(goods, true)?;
                }
            }
            _ => {}
        }
        self.orders[at].state = to;
        Ok(vec![format!("ok|order#{}|{to}", order.number)])
    }

    fn send(&mut self, at: usize) {
        let Some(hold) = &mut self.orders[at].hold else { return };
        hold.state = HoldState::Confirmed;
        for held in hold.goods.clone() {
            self.lot(held.place, held.lot).on_hand -= held.qty;
        }
    }

    // What can be seen -----------------------------------------------------------------------

    /// Everything a reader can see, a line each, sorted.
    pub fn picture(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, shelf) in &self.stock {
            let (on_hand, reserved, available) = self.levels(*place);
            let low = flag(self.low(*place));
            lines.push(format!("level {} {on_hand} {reserved} {available} {low}", named(*place)));
            for (name, lot) in shelf.iter().filter_map(|(name, lot)| Some((name.as_ref()?, lot))) {
                let reserved = self.reserved(*place, Some(*name));
                let available = if self.for_sale(lot) { lot.on_hand - reserved } else { 0 };
                let expires = lot.expires.map_or("never".into(), |day| day.to_string());
                lines.push(format!(
                    "lot {} {} {} {reserved} {available} {expires}",
                    named(*place),
                    lot_name(*name),
                    lot.on_hand
                ));
            }
        }
        for (at, hold) in self.holds.iter().enumerate() {
            let state = match hold.state {
                HoldState::Held if !self.live(hold) => "EXPIRED",
                HoldState::Held => "HELD",
                HoldState::Confirmed => "CONFIRMED",
                HoldState::Released => "RELEASED",
            };
            lines.extend(hold.goods.iter().map(|g| {
                let lot = g.lot.map_or("-".into(), lot_name);
                format!("hold#{at} {} {} {lot} {} {state}", g.line, named(g.place), g.qty)
            }));
        }
        lines.extend(self.orders.iter().flat_map(Order::picture));
        let alerts = self.alerts.iter();
        lines.extend(alerts.map(|((place, event), n)| format!("{event} {} {n}", named(*place))));
        lines.sort();
        lines
    }
}

impl Order {
    fn picture(&self) -> Vec<String> {
        let direction = if self.outbound { "outbound" } else { "inbound" };
        let mut lines = vec![format!("order#{} {direction} {}", self.number, self.state)];
        for held in self.hold.iter().flat_map(|hold| &hold.goods) {
            let lot = held.lot.map_or("-".into(), lot_name);
            lines.push(format!("order#{} {} {lot} {}", self.number, held.line, held.qty));
        }
        lines
    }
}

fn place_of(goods: &Goods) -> Place {
    (goods.sku, goods.warehouse)
}

fn named((sku, warehouse): Place) -> String {
    format!("{} {}", SKUS[sku], WAREHOUSES[warehouse])
}

/// By last day, those without one last; then first come, first gone.
fn sold_first(name: Option<usize>, lot: &Lot) -> impl Ord + use<> {
    (lot.expires.is_none(), lot.expires, lot.received, name)
}

fn known_warehouse(warehouse: usize) -> Answer<()> {
    if warehouse < 2 { Ok(()) } else { Err(("IV003", String::new())) }
}

fn invalid() -> Refusal {
    ("IV004", String::new())
}

fn short(requested: i64, available: i64) -> Refusal {
    ("IV001", format!("requested {requested} units, available: {available}"))
}

fn name(sqlstate: &str) -> &'static str {
    match sqlstate {
        "IV001" => "insufficient_stock",
        "IV002" => "unknown_sku",
        "IV003" => "unknown_warehouse",
        "IV004" => "invalid_argument",
        "IV009" => "request_id_reused",
        "IV011" => "unknown_lot",
        _ => unreachable!("no sale is refused with {sqlstate}"),
    }
}

fn flag(value: bool) -> &'static str {
    if value { "t" } else { "f" }
}

fn flagged(row: &str, replayed: bool) -> String {
    format!("{row}|{}", flag(replayed))
}

/// What a request id stands for; a sale of one line is the same by any of its commands.
fn content(command: &Command) -> String {
    match command {
        Command::Deduct(goods) | Command::TryDeduct(goods) => deducted(&[*goods]),
        other => format!("{other:?}"),
    }
}

fn deducted(lines: &[Goods]) -> String {
    format!("deduct {lines:?}")
}
