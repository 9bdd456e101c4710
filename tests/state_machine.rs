//! Every command, in an order that chance makes, against a shop on paper: each answer, every level,
//! lot, hold and order and each low-stock event agree after each step, while time is moved on in
//! between. And the proof that this can fail: with a fault put into the server by hand, it does.
#![allow(clippy::unwrap_used)] // a test may end in a panic

#[path = "state_machine/commands.rs"]
mod commands;
#[path = "state_machine/crowd.rs"]
mod crowd;
#[path = "state_machine/model.rs"]
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;

use commands::{Command, Goods, Names, SKUS, Transition};
use inventory_tests::{Database, Pg, Refused, Session, clock, promises, soak};
use model::Model;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use tokio::runtime::Runtime;
use uuid::Uuid;

promises!(
    every_command_does_what_it_does_on_paper,
    a_delta_that_is_dropped_is_found,
    a_movement_that_is_not_written_is_found,
    a_hold_that_never_ends_is_found,
    sessions_at_once_agree_with_their_own_logs,
    an_update_that_is_lost_is_found,
);

/// `INVENTORY_SEED` picks another walk; the one that failed is printed.
fn seed() -> u64 {
    std::env::var("INVENTORY_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_240_520)
}

// The paper side ---------------------------------------------------------------------------------

struct Paper;

impl ReferenceStateMachine for Paper {
    type State = Model;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::opened()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Transition> {
        commands::transition()
    }

    fn preconditions(shop: &Model, transition: &Transition) -> bool {
        match transition {
            Transition::Do(command) => shop.makes_sense(command),
            Transition::Again(back) | Transition::Misuse(back) => *back < shop.past.len(),
            _ => true,
        }
    }

    fn apply(mut shop: Model, transition: &Transition) -> Model {
        match transition {
            Transition::Do(command) => shop.ask(command),
            Transition::Again(back) => {
                let (command, ids) = shop.past[shop.before_last(*back)].clone();
                shop.run(&command, &ids);
            }
            Transition::Misuse(back) => {
                let id = shop.past[shop.before_last(*back)].1[0];
                shop.run(&MISUSE, &[id]);
            }
            Transition::Maintain => shop.expected = "0".into(),
            Transition::Pass(seconds) => shop.pass(*seconds),
        }
        shop
    }
}

/// A command that is never asked for otherwise.
const MISUSE: Command =
    Command::Receive { goods: Goods { sku: 0, warehouse: 0, qty: 77, lot: None }, expires: None };

// The server side --------------------------------------------------------------------------------

/// Kinds of transitions and their outcomes.
type Met = BTreeMap<(String, String), usize>;

/// The connection of a run, kept from one shop to the next.
struct Line {
    runtime: Runtime,
    session: Session,
    /// The day on which the run began, as the database sees it.
    first_day: String,
    shops: u64,
    /// How often each kind of transition had each outcome.
    met: Met,
}

thread_local! {
    static LINE: RefCell<Option<Line>> = const { RefCell::new(None) };
}

fn on_the_line<T>(act: impl FnOnce(&mut Line) -> T) -> T {
    LINE.with_borrow_mut(|line| act(line.as_mut().expect("the run opened it")))
}

impl Line {
    fn ask(&mut self, sql: &str) -> Result<String, Refused> {
        let answer = self.runtime.block_on(self.session.query(sql));
        answer.map(|answer| answer.to_string())
    }

    fn text(&mut self, sql: &str) -> String {
        self.ask(sql).unwrap_or_else(|refused| panic!("{sql}\n  failed with {refused}"))
    }
}

/// A shop on the server.
struct Shop {
    number: u64,
    holds: Vec<Uuid>,
    /// Every order number that was seen.
    numbers: Vec<String>,
    /// Those of orders.
    orders: Vec<String>,
    /// What was said, so that it can be said again word by word.
    said: Vec<String>,
    steps: usize,
}

/// How often all invariants are checked, besides at the end.
const STEPS_TO_VERIFY: usize = 40;

struct Machine;

impl StateMachineTest for Machine {
    type SystemUnderTest = Shop;
    type Reference = Paper;

    fn init_test(_: &Model) -> Shop {
        on_the_line(|line| {
            line.shops += 1;
            line.text(EMPTIED);
            for (sku, name) in SKUS.iter().enumerate().take(SKUS.len() - 1) {
                let by_lot = commands::lot_controlled(sku);
                line.text(&format!(
                    "SELECT inventory.put_product('{name}', 'Product', lot_controlled => {by_lot})"
                ));
            }
            Shop {
                number: line.shops,
                holds: Vec::new(),
                numbers: Vec::new(),
                orders: Vec::new(),
                said: Vec::new(),
                steps: 0,
            }
        })
    }

    fn apply(mut shop: Shop, paper: &Model, transition: Transition) -> Shop {
        let answer = shop.carry_out(paper, &transition);
        assert_eq!(answer, paper.expected, "the answer to {transition:?}, on the left");
        on_the_line(|line| *line.met.entry(outcome(&transition, &answer)).or_default() += 1);
        shop.compare(paper);
        shop.steps += 1;
        if shop.steps.is_multiple_of(STEPS_TO_VERIFY) {
            shop.verify();
        }
        shop
    }

    fn teardown(shop: Shop, _: Model) {
        shop.verify();
    }
}

/// The kind of a transition, and what became of it: a code, `replayed`, an order's
/// state, or `ok`.
fn outcome(transition: &Transition, answer: &str) -> (String, String) {
    let kind = format!("{transition:?}");
    let kind = kind.trim_start_matches("Do(").split([' ', '(']).next().unwrap_or_default();
    let first = answer.split([' ', '|']).next().unwrap_or_default();
    let outcome = match first {
        refused if refused.starts_with("IV") => refused,
        _ if answer.ends_with("|t") => "replayed",
        _ if kind == "MoveOrder" => answer.split('|').nth(2).unwrap_or_default(),
        _ => "ok",
    };
    (kind.to_owned(), outcome.to_owned())
}

impl Shop {
    fn carry_out(&mut self, paper: &Model, transition: &Transition) -> String {
        let sql = match transition {
            Transition::Do(_) => {
                let (command, ids) = paper.past.last().expect("the paper has it");
                let sql = self.sql(paper, command, ids);
                self.said.push(sql.clone());
                sql
            }
            Transition::Again(back) => self.said[paper.before_last(*back)].clone(),
            Transition::Misuse(back) => {
                self.sql(paper, &MISUSE, &paper.past[paper.before_last(*back)].1[..1])
            }
            Transition::Maintain => MAINTAINED.into(),
            Transition::Pass(seconds) => {
                format!("SELECT public.time_passes('{seconds} seconds')")
            }
        };
        // A refused order that is asked for again may be made after all.
        let created = sql.contains("inventory.create_order");
        match on_the_line(|line| line.ask(&sql)) {
            Ok(answer) => self.masked(&answer, created),
            Err(refused) if refused.sqlstate == "IV001" => {
                format!("{} {}", refused.sqlstate, refused.detail)
            }
            Err(refused) if refused.sqlstate.starts_with("IV") => refused.sqlstate,
            Err(error) => panic!("{sql}\n  failed with {error}"),
        }
    }

    fn sql(&self, paper: &Model, command: &Command, ids: &[usize]) -> String {
        let ids: Vec<_> =
            ids.iter().map(|id| Uuid::from_u64_pair(self.number, *id as u64)).collect();
        let today = paper.today();
        let first_day = on_the_line(|line| line.first_day.clone());
        let date = |day| date_after(&first_day, day - today);
        let names = Names { holds: &self.holds, orders: &self.orders, date: &date };
        commands::sql(command, &ids, &names)
    }

    /// The answer with `hold#0` and `order#0` in place of what the server calls them.
    fn masked(&mut self, answer: &str, created: bool) -> String {
        let mut cell = |cell: &str| {
            if let Ok(hold) = cell.parse::<Uuid>() {
                return format!("hold#{}", place_in(&mut self.holds, hold));
            }
            if cell.len() == 23 && cell.bytes().all(|b| b.is_ascii_digit()) {
                if created && !self.orders.iter().any(|known| known == cell) {
                    self.orders.push(cell.to_owned());
                }
                return format!("order#{}", place_in(&mut self.numbers, cell.to_owned()));
            }
            cell.to_owned()
        };
        let row = |row: &str| row.split('|').map(&mut cell).collect::<Vec<_>>().join("|");
        answer.lines().map(row).collect::<Vec<_>>().join("\n")
    }

    fn compare(&self, paper: &Model) {
        let today = paper.today();
        let (first_day, seen) = on_the_line(|line| {
            let first_day = date_after(&line.first_day, -today);
            (first_day.clone(), line.text(&PICTURE.replace(":first_day", &first_day)))
        });
        let mut seen: Vec<_> = seen.lines().map(|line| self.named(line)).collect();
        seen.sort();
        let told = paper.picture();
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|l| !those.contains(l)).cloned().collect::<Vec<_>>()
        };
        assert!(
            seen == told,
            "counting days from {first_day}, the server shows {:?} where the paper says {:?}",
            only(&seen, &told),
            only(&told, &seen)
        );
    }

    /// A line of the picture that begins with an id, with the name instead.
    fn named(&self, line: &str) -> String {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let hold = first.parse().ok().and_then(|id: Uuid| self.holds.iter().position(|h| *h == id));
        let order = self.numbers.iter().position(|number| number == first);
        match (hold, order) {
            (Some(hold), _) => format!("hold#{hold} {rest}"),
            (_, Some(order)) => format!("order#{order} {rest}"),
            _ => line.to_owned(),
        }
    }

    fn verify(&self) {
        let faults = on_the_line(|line| line.text("SELECT * FROM inventory.verify()"));
        assert_eq!(faults, "", "verify() finds faults");
    }
}

fn place_in<T: PartialEq>(list: &mut Vec<T>, what: T) -> usize {
    list.iter().position(|known| *known == what).unwrap_or_else(|| {
        list.push(what);
        list.len() - 1
    })
}

fn date_after(first: &str, days: i64) -> String {
    let first: chrono::NaiveDate = first.parse().expect("PostgreSQL writes dates as ISO does");
    (first + chrono::TimeDelta::days(days)).to_string()
}

/// Every table of goods, empty. The orders' guard keeps hands off, so it is told to look away.
const EMPTIED: &str = "
    BEGIN; SET LOCAL session_replication_role = replica;
    DELETE FROM inventory.stock; DELETE FROM inventory.journal; DELETE FROM inventory.journal_base;
    DELETE FROM inventory.request; DELETE FROM inventory.reservation; DELETE FROM inventory.reservation_line;
    DELETE FROM inventory.orders; DELETE FROM inventory.order_line; DELETE FROM inventory.product; COMMIT";

/// Sweeps, and tells how many holds are due and were not swept.
const MAINTAINED: &str = "
    DO $$ BEGIN PERFORM inventory.maintain(); END $$;
    SELECT count(*) FROM inventory.reservation WHERE state = 'HELD' AND expires_at <= clock_timestamp()";

const PICTURE: &str = "
    SELECT concat_ws(' ', 'level', sku, warehouse_id, on_hand, reserved, available, low) FROM inventory.stock_level
    UNION ALL
    SELECT concat_ws(' ', 'lot', sku, warehouse_id, lot, on_hand, reserved, available,
                     coalesce((expires_on - ':first_day'::date)::text, 'never'))
      FROM inventory.stock_lot
    UNION ALL
    SELECT concat_ws(' ', reservation_id, line, sku, warehouse_id, coalesce(lot, '-'), quantity, state)
      FROM inventory.reservations AS r
     WHERE NOT EXISTS (SELECT FROM inventory.order_status AS o WHERE o.reservation_id = r.reservation_id)
    UNION ALL
    SELECT concat_ws(' ', order_no, direction, state) FROM inventory.order_status
    UNION ALL
    SELECT concat_ws(' ', order_no, line, coalesce(lot, '-'), lot_quantity) FROM inventory.order_lines
     WHERE lot_quantity IS NOT NULL
    UNION ALL
    SELECT concat_ws(' ', event_type, payload ->> 'sku', payload ->> 'warehouse_id', count(*)) FROM inventory.outbox
     WHERE event_type IN ('LOW_STOCK', 'STOCK_RECOVERED')
     GROUP BY event_type, payload ->> 'sku', payload ->> 'warehouse_id'";

// Runs -------------------------------------------------------------------------------------------

/// How many shops, and how many steps at most in each.
struct Walk {
    shops: u32,
    steps: usize,
}

/// Walks through the shops, and gives what it met; the failure, made as small as it can be, where one is found.
async fn walk(db: &Database, walk: Walk) -> Result<Met, String> {
    let options = db.clone();
    let walked = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut session = runtime.block_on(options.owner());
        let first_day = "SELECT (now() AT TIME ZONE 'UTC')::date";
        let first_day = runtime.block_on(session.text(first_day));
        LINE.set(Some(Line { runtime, session, first_day, shops: 0, met: BTreeMap::new() }));
        let outcome = runner(&walk).run(
            &Paper::sequential_strategy(walk.steps / 2..=walk.steps),
            |(paper, transitions, seen)| {
                Machine::test_sequential(config(&walk), paper, transitions, seen);
                Ok(())
            },
        );
        let met = LINE.take().expect("it is open").met;
        outcome.map(|()| met).map_err(|failure| format!("seed {}: {failure}", seed()))
    });
    walked.await.expect("proptest catches panics")
}

fn config(walk: &Walk) -> Config {
    Config {
        cases: walk.shops,
        failure_persistence: None,
        // A failing walk is made shorter for at most two minutes.
        max_shrink_iters: 5_000,
        max_shrink_time: 120_000,
        ..Config::default()
    }
}

fn runner(walk: &Walk) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    TestRunner::new_with_rng(config(walk), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

const SHOPS: u32 = 40;
const STEPS: usize = 150;

async fn shop_floor(pg: &Pg) -> Database {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    owner.run(clock::TIME_PASSES).await;
    owner.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    db
}

async fn every_command_does_what_it_does_on_paper(pg: Pg) {
    let db = shop_floor(&pg).await;
    let shops = if soak() { 2_000 } else { SHOPS };
    let met = walk(&db, Walk { shops, steps: STEPS }).await.unwrap_or_else(|why| panic!("{why}"));
    for (kind, outcomes) in MUST_MEET {
        for outcome in outcomes {
            let key = (kind.to_string(), outcome.to_string());
            assert!(met.contains_key(&key), "no {kind} with {outcome}: {met:#?}");
        }
    }
}

/// A walk that never came by these would prove little.
const MUST_MEET: [(&str, &[&str]); 18] = [
    ("Adjust", &["ok", "IV001", "IV004", "IV011"]),
    ("Again", &["ok", "replayed"]),
    ("Confirm", &["ok", "IV001", "IV004", "IV005", "IV006", "IV007"]),
    ("CreateOrder", &["ok", "IV002"]),
    ("Deduct", &["ok", "IV001", "IV002", "IV003", "IV011"]),
    ("DeductMany", &["ok"]),
    ("Maintain", &["ok"]),
    ("Misuse", &["IV009"]),
    ("MoveOrder", &["PROCESSING", "COMPLETED", "FAILED", "REVERTED", "IV001", "IV008", "IV010"]),
    ("Pass", &["ok"]),
    ("PutProduct", &["ok"]),
    ("Receive", &["ok", "IV004"]),
    ("Recount", &["ok", "IV011"]),
    ("Release", &["ok", "IV006", "IV007"]),
    ("Reserve", &["ok", "IV001", "IV011"]),
    ("ReserveMany", &["ok", "IV001"]),
    ("Transfer", &["ok", "IV001"]),
    ("TryDeduct", &["ok"]),
];

/// The same machine with a fault in the server: it must be found, and told in few steps.
async fn finds(pg: &Pg, fault: &str, steps_at_most: usize) {
    let db = shop_floor(pg).await;
    db.owner().await.run(fault).await;
    // Short walks, so that telling it takes seconds.
    let failure = walk(&db, Walk { shops: 10 * SHOPS, steps: 30 }).await;
    let failure = failure.expect_err("the fault is found");
    let steps = ["Do(", "Again(", "Misuse(", "Maintain", "Pass("];
    let told = failure.split_once("minimal failing input").expect("a smallest case is told").1;
    let steps: usize = steps.iter().map(|step| told.matches(step).count()).sum();
    assert!(steps <= steps_at_most, "told in {steps} steps: {failure}");
}

/// Puts a trigger on every leaf of a table.
fn on_each_leaf(table: &str, trigger: &str, body: &str) -> String {
    format!(
        "CREATE FUNCTION public.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;
         DO $$ DECLARE leaf regclass; BEGIN
             FOR leaf IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'inventory.{table}'::regclass
             LOOP EXECUTE 'CREATE TRIGGER fault {trigger} ON ' || leaf || ' FOR EACH ROW EXECUTE FUNCTION public.fault()';
             END LOOP;
         END $$"
    )
}

async fn a_delta_that_is_dropped_is_found(pg: Pg) {
    let body = "IF NEW.sku = 'B' AND NEW.on_hand > OLD.on_hand + 9 THEN NEW.on_hand := NEW.on_hand - 1; END IF;";
    finds(&pg, &on_each_leaf("stock", "BEFORE UPDATE", body), 3).await;
}

async fn a_movement_that_is_not_written_is_found(pg: Pg) {
    let body =
        "IF NEW.event_type = 'STOCK_DEDUCTED' AND NEW.warehouse_id = 2 THEN RETURN NULL; END IF;";
    finds(&pg, &on_each_leaf("journal", "BEFORE INSERT", body), 6).await;
}

async fn a_hold_that_never_ends_is_found(pg: Pg) {
    let body = "NEW.next_expiry := NULL;";
    finds(&pg, &on_each_leaf("stock", "BEFORE UPDATE", body), 6).await;
}

async fn sessions_at_once_agree_with_their_own_logs(pg: Pg) {
    for round in 0..if soak() { 100 } else { 3 } {
        let db = pg.database().await;
        let outcome = crowd::run(&db, seed() + 100 * round, None).await;
        assert_eq!(outcome, Ok(()), "seed {}, round {round}", seed());
    }
}

/// What two sessions do without the row's lock: now and then one writes over the other's last change,
/// because it had read the row before.
async fn an_update_that_is_lost_is_found(pg: Pg) {
    let body = "
        IF OLD.version % 20 = 19 AND NEW.on_hand <> OLD.on_hand THEN
            NEW.on_hand := NEW.on_hand - OLD.on_hand + (
                SELECT j.on_hand FROM inventory.journal AS j
                 WHERE j.sku = OLD.sku AND j.warehouse_id = OLD.warehouse_id AND j.lot = OLD.lot
                   AND j.version = OLD.version - 1);
        END IF;";
    let fault = on_each_leaf("stock", "BEFORE UPDATE", body);
    let db = pg.database().await;
    let outcome = crowd::run(&db, seed(), Some(&fault)).await;
    assert!(outcome.is_err(), "nobody noticed");
}
