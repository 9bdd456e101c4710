//! Isolation specs: a few sessions, their steps, and what each step answers in every order in which
//! the steps can meet.
//!
//! A spec is a text file:
//!
//! ```text
//! # What this is about.
//! setup
//!     SELECT inventory.receive(':lamp', 1)
//!     hold = SELECT reservation_id FROM inventory.reserve(':lamp', 1)
//! session buyer READ COMMITTED
//!     confirm   SELECT code FROM inventory.confirm(':hold')
//!     done      COMMIT
//! session clerk
//!     release   SELECT code FROM inventory.release(':hold')
//! permutation confirm release done
//! ```
//!
//! Setup runs as the owner before each permutation, a statement a line; `name = statement` keeps its
//! answer. A session with an isolation level begins a transaction; one without commits each step by
//! itself; `OWNER` makes it the superuser's. Without a `permutation` line all interleavings run that can come to
//! pass: none in which a session that waits has its next turn.
//! `:n` is the permutation's number, any other `:name` what setup kept, or else a SKU of this
//! permutation alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tokio::task::JoinHandle;

use crate::database::{Database, User};
use crate::mask::Mask;
use crate::servers::{Pg, repository};
use crate::session::{Answer, Refused, Session};

/// More orders than this in one spec are written by mistake.
const PERMUTATIONS_MAX: usize = 100;

/// A spec as it was read.
#[derive(Default)]
struct Spec {
    setup: Vec<String>,
    actors: Vec<Actor>,
    /// Whether the spec names its permutations.
    named: bool,
    /// Each an order of steps, by session and step.
    permutations: Vec<Vec<(usize, usize)>>,
}

struct Actor {
    user: User,
    /// What begins its transaction, if it has one.
    begin: Option<String>,
    /// Name and statement.
    steps: Vec<(String, String)>,
}

/// Runs a spec of `tests/isolation` and compares what happens with what is expected.
/// `INVENTORY_BLESS=1` writes that down instead.
pub async fn check(pg: &Pg, name: &str) {
    let spec = std::fs::read_to_string(file(name, "spec")).expect("the spec is there");
    let spec = Spec::read(&spec).unwrap_or_else(|wrong| panic!("{name}.spec: {wrong}"));
    let told = Stage::open(pg, &spec).await.play_all(&spec).await;
    if std::env::var("INVENTORY_BLESS").is_ok_and(|v| v == "1") {
        std::fs::write(file(name, "expected"), &told).expect("the repository is writable");
    }
    let expected = std::fs::read_to_string(file(name, "expected")).unwrap_or_default();
    let differs = told.lines().zip(expected.lines()).position(|(told, expected)| told != expected);
    let common = told.lines().count().min(expected.lines().count());
    assert!(
        told == expected,
        "{name} differs from what is expected from line {} on:\n{told}",
        differs.unwrap_or(common) + 1
    );
}

/// The specs that are there.
pub fn names() -> Vec<String> {
    let folder = std::fs::read_dir(folder()).expect("the specs are there");
    let paths = folder.map(|entry| entry.expect("a folder can be listed").path());
    let specs = paths.filter(|path| path.extension().is_some_and(|e| e == "spec"));
    let mut names: Vec<_> =
        specs.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    repository().join("tests/isolation")
}

fn file(name: &str, extension: &str) -> PathBuf {
    folder().join(Path::new(name).with_extension(extension))
}

impl Spec {
    fn read(text: &str) -> Result<Spec, String> {
        let mut spec = Spec::default();
        let lines = text.lines().map(str::trim_end);
        for line in lines.filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            match (line.starts_with(' '), spec.actors.last_mut()) {
                (true, None) => spec.setup.push(line.trim().into()),
                (true, Some(actor)) => actor.steps.push((word.into(), rest.trim().into())),
                (false, _) => spec.heading(word, rest.trim())?,
            }
        }
        spec.named = !spec.permutations.is_empty();
        if !spec.named {
            let steps: Vec<_> = spec.actors.iter().map(|a| a.steps.len()).collect();
            interleave(&steps, &mut Vec::new(), &mut spec.permutations);
        }
        match spec.permutations.len() {
            0..=PERMUTATIONS_MAX => Ok(spec),
            many => Err(format!("{many} permutations; name those that matter")),
        }
    }

    fn heading(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "setup" => {}
            "session" => {
                let (_name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
                let (user, level) = match kind.strip_prefix("OWNER") {
                    Some(level) => (User::Owner, level.trim()),
                    None => (User::Admin, kind),
                };
                let begin = (!level.is_empty()).then(|| format!("BEGIN ISOLATION LEVEL {level}"));
                self.actors.push(Actor { user, begin, steps: Vec::new() });
            }
            "permutation" => {
                let order: Result<_, _> = rest.split_whitespace().map(|s| self.find(s)).collect();
                self.permutations.push(order?);
            }
            _ => return Err(format!("what is {word}?")),
        }
        Ok(())
    }

    fn find(&self, step: &str) -> Result<(usize, usize), String> {
        let named = self.actors.iter().enumerate().find_map(|(actor, a)| {
            Some((actor, a.steps.iter().position(|(name, _)| name == step)?))
        });
        named.ok_or_else(|| format!("no step is called {step}"))
    }
}

/// Every order in which sessions of so many steps can meet.
fn interleave(
    steps: &[usize],
    begun: &mut Vec<(usize, usize)>,
    all: &mut Vec<Vec<(usize, usize)>>,
) {
    let done = |actor| begun.iter().filter(|(a, _)| *a == actor).count();
    let next: Vec<_> = (0..steps.len()).map(|a| (a, done(a))).collect();
    if next.iter().all(|(actor, step)| *step == steps[*actor]) {
        all.push(begun.clone());
    }
    for (actor, step) in next.into_iter().filter(|(actor, step)| *step < steps[*actor]) {
        begun.push((actor, step));
        interleave(steps, begun, all);
        begun.pop();
    }
}

type Outcome = Result<Answer, Refused>;

/// A session of the spec, and the step it is in.
struct Seat {
    /// None while a step is under way.
    session: Option<Session>,
    running: Option<(String, JoinHandle<(Session, Outcome)>)>,
    told_waiting: bool,
    pid: u32,
}

/// The database, the sessions, and one who watches.
struct Stage {
    watcher: Session,
    seats: Vec<Seat>,
}

impl Stage {
    async fn open(pg: &Pg, spec: &Spec) -> Stage {
        let db = pg.database().await;
        let mut owner = db.owner().await;
        owner.run(crate::clock::TIME_PASSES).await;
        // A deadlock would be found at once, and would be a finding.
        owner.run(&format!("ALTER DATABASE {} SET deadlock_timeout = '50ms'", db.name)).await;
        let mut seats = Vec::new();
        for actor in &spec.actors {
            seats.push(Seat::open(&db, actor.user).await);
        }
        Stage { watcher: db.owner().await, seats }
    }

    async fn play_all(mut self, spec: &Spec) -> String {
        let mut scenes = Vec::new();
        for (at, order) in spec.permutations.iter().enumerate() {
            let mut scene =
                Scene { stage: &mut self, mask: Mask::new(at + 1), told: String::new() };
            match scene.play(spec, order).await {
                Ok(()) => scenes.push(scene.told),
                Err(step) if spec.named => panic!("{step} cannot begin here:\n{}", scene.told),
                // Another order is the one that this came to.
                Err(_) => {}
            }
        }
        scenes.join("\n")
    }

    /// Who keeps whom waiting: of each session under way, the process ids that block it.
    async fn blockers(&mut self) -> BTreeMap<u32, Vec<u32>> {
        let busy = self.seats.iter().filter(|s| s.running.is_some());
        let pids: Vec<_> = busy.map(|s| s.pid.to_string()).collect();
        let sql = format!(
            "SELECT pid, array_to_string(pg_blocking_pids(pid), ',') FROM unnest('{{{}}}'::int[]) AS pid",
            pids.join(",")
        );
        let answer = self.watcher.text(&sql).await;
        let pid = |text: &str| text.parse().expect("a process id");
        let line = |line: &str| {
            let (waits, for_whom) = line.split_once('|').expect("two columns");
            let for_whom = for_whom.split(',').filter(|p| !p.is_empty());
            (pid(waits), for_whom.map(pid).collect())
        };
        answer.lines().map(line).collect()
    }
}

impl Seat {
    async fn open(db: &Database, user: User) -> Seat {
        let mut session = db.session(user).await;
        let pid = session.pid().await;
        Seat { session: Some(session), running: None, told_waiting: false, pid }
    }

    /// Begins a step; gives whether it could, because the one before was through.
    fn begin(&mut self, name: &str, sql: String) -> bool {
        let Some(mut session) = self.session.take() else { return false };
        let run = async move {
            let outcome = session.query(&sql).await;
            (session, outcome)
        };
        self.told_waiting = false;
        self.running = Some((name.to_owned(), tokio::spawn(run)));
        true
    }

    fn has_finished(&self) -> bool {
        self.running.as_ref().is_some_and(|(_, run)| run.is_finished())
    }

    /// What is to be told of the step, once it is through.
    async fn finished(&mut self) -> Option<String> {
        let (name, run) = self.running.take_if(|(_, run)| run.is_finished())?;
        let (session, outcome) = run.await.expect("a step does not panic");
        self.session = Some(session);
        let words = match &outcome {
            Ok(answer) => answer.to_string().replace('\n', " / "),
            Err(refused) => error(refused),
        };
        let after_all = if self.told_waiting { " <... completed>" } else { "" };
        Some(format!("{name}:{after_all} {words}"))
    }
}

/// One permutation being played.
struct Scene<'s> {
    stage: &'s mut Stage,
    mask: Mask,
    told: String,
}

impl Scene<'_> {
    /// Gives the step that cannot come at its turn, because its session still waits, if there is one.
    async fn play(&mut self, spec: &Spec, order: &[(usize, usize)]) -> Result<(), String> {
        for line in &spec.setup {
            self.set_up(line).await;
        }
        let step = |at: &(usize, usize)| &spec.actors[at.0].steps[at.1];
        let names: Vec<_> = order.iter().map(|at| step(at).0.as_str()).collect();
        self.tell(&format!("permutation {}", names.join(" ")));
        for (seat, actor) in self.stage.seats.iter_mut().zip(&spec.actors) {
            let Some(begin) = &actor.begin else { continue };
            seat.session.as_mut().expect("nothing is under way").run(begin).await;
        }
        let mut impossible = None;
        for at in order {
            let (name, sql) = step(at);
            if !self.stage.seats[at.0].begin(name, self.mask.fill(sql)) {
                impossible = Some(name.clone());
                break;
            }
            self.settle(at.0).await;
        }
        self.end(impossible.is_some()).await;
        self.take_stock().await;
        impossible.map_or(Ok(()), Err)
    }

    /// Ends every transaction; those that others wait for first, where an order broke off.
    async fn end(&mut self, broken_off: bool) {
        loop {
            for seat in &mut self.stage.seats {
                let Some(session) = &mut seat.session else { continue };
                session.run("ROLLBACK").await;
            }
            self.settle(0).await;
            if self.stage.seats.iter().all(|s| s.running.is_none()) {
                break;
            }
            assert!(broken_off, "after all steps one still waits:\n{}", self.told);
        }
        for seat in &mut self.stage.seats {
            seat.session.as_mut().expect("nothing is under way").run("ROLLBACK").await;
        }
    }

    async fn set_up(&mut self, line: &str) {
        let (name, sql) = match line.split_once(" = ") {
            Some((name, sql)) if !name.contains(' ') => (Some(name), sql),
            _ => (None, line),
        };
        let answer = self.stage.watcher.text(&self.mask.fill(sql)).await;
        if let Some(name) = name {
            self.mask.keep(name, &answer);
        }
    }

    /// Lets things happen until each session has answered or waits for one that does nothing. Tells
    /// of the session whose turn it is first.
    async fn settle(&mut self, turn: usize) {
        let mut through: Vec<(usize, String)> = Vec::new();
        while !self.is_settled(&mut through).await {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        through.sort_by_key(|(seat, _)| (*seat != turn, *seat));
        for (_, line) in through {
            self.tell(&format!("  {line}"));
        }
        self.tell_waiting();
    }

    async fn is_settled(&mut self, through: &mut Vec<(usize, String)>) -> bool {
        for (at, seat) in self.stage.seats.iter_mut().enumerate() {
            through.extend(seat.finished().await.map(|line| (at, line)));
        }
        if self.stage.seats.iter().all(|s| s.running.is_none()) {
            return true;
        }
        let blockers = self.stage.blockers().await;
        let (busy, idle): (Vec<_>, Vec<_>) =
            self.stage.seats.iter().partition(|s| s.running.is_some());
        let idle: Vec<_> = idle.iter().map(|s| s.pid).collect();
        let stuck = |seat: &&Seat| waits_for(seat.pid, &idle, &blockers, blockers.len());
        busy.iter().all(stuck) && !busy.iter().any(|s| s.has_finished())
    }

    fn tell_waiting(&mut self) {
        for at in 0..self.stage.seats.len() {
            let seat = &mut self.stage.seats[at];
            let Some((name, _)) = seat.running.as_ref().filter(|_| !seat.told_waiting) else {
                continue;
            };
            let name = name.clone();
            seat.told_waiting = true;
            self.tell(&format!("  {name}: <waiting ...>"));
        }
    }

    /// What this permutation left, and that it all adds up.
    async fn take_stock(&mut self) {
        for (what, sql) in LEFT {
            let sql = sql.replace(":n", &self.mask.number.to_string());
            let rows = self.stage.watcher.text(&sql).await;
            for row in rows.lines() {
                self.tell(&format!("  {what}: {row}"));
            }
        }
        let faults = self.stage.watcher.text("SELECT * FROM inventory.verify()").await;
        assert_eq!(faults, "", "verify() finds faults after\n{}", self.told);
    }

    fn tell(&mut self, line: &str) {
        let line = self.mask.hide(line);
        writeln!(self.told, "{}", line.trim_end()).expect("text grows");
    }
}

/// What a permutation leaves behind, of its own SKUs.
const LEFT: [(&str, &str); 3] = [
    (
        "stock",
        "SELECT sku || ' in ' || warehouse_id || ': on hand ' || on_hand || ', reserved ' || reserved || ', available ' || available
           FROM inventory.stock_level WHERE sku LIKE '%-:n' ORDER BY sku, warehouse_id",
    ),
    (
        "hold",
        "SELECT quantity || ' of ' || sku || ' ' || state FROM inventory.reservations WHERE sku LIKE '%-:n' ORDER BY sku, state, quantity",
    ),
    (
        "order",
        "SELECT direction || ' ' || state FROM inventory.order_status AS o
          WHERE EXISTS (SELECT FROM inventory.order_lines AS l WHERE l.order_no = o.order_no AND l.sku LIKE '%-:n')
          ORDER BY order_no",
    ),
];

/// Whether the chain of those who keep `pid` waiting ends at one of `idle`.
fn waits_for(pid: u32, idle: &[u32], blockers: &BTreeMap<u32, Vec<u32>>, depth: usize) -> bool {
    let by = blockers.get(&pid).into_iter().flatten();
    by.copied()
        .any(|by| idle.contains(&by) || (depth > 0 && waits_for(by, idle, blockers, depth - 1)))
}

fn error(refused: &Refused) -> String {
    // Only our own details are the same on every PostgreSQL.
    let says = if refused.sqlstate.starts_with("IV") { &refused.detail } else { &refused.message };
    format!("ERROR {} {says}", refused.sqlstate)
}
