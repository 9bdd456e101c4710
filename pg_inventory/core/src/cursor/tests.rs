//! Readers against a plain model of transactions that draw ids and commit in any order.

mod meet;

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What happens in a database, or to one who reads its journal.
#[derive(Clone, Debug)]
enum Step {
    /// A transaction is given its id.
    Begin,
    /// One of those that are open draws an id and writes a row.
    Write(usize),
    /// One of those that are open ends.
    End(usize, bool),
    /// The reader's three steps of taking a new snapshot, with others' steps in between.
    Mark,
    Snapshot,
    Top,
    /// The reader reads a page of so many rows, and keeps the cursor as a text.
    Read(usize),
    /// The database is restored: what was open is gone, transactions count from 1 again, and the reader
    /// is resumed by hand.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Begin),
        12 => (0..8_usize).prop_map(Step::Write),
        6 => (0..8_usize, prop::bool::weighted(0.8)).prop_map(|(at, commit)| Step::End(at, commit)),
        3 => Just(Step::Mark),
        3 => Just(Step::Snapshot),
        3 => Just(Step::Top),
        6 => (1..4_usize).prop_map(Step::Read),
        1 => Just(Step::Restore),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    id: i64,
    xid: u64,
    generation: i32,
}

/// A transaction that is open, with what it wrote.
#[derive(Clone, Debug)]
struct Open {
    xid: u64,
    rows: Vec<Row>,
}

struct World {
    generation: i32,
    last_id: i64,
    next_xid: u64,
    last_over: u64,
    open: Vec<Open>,
    /// What is committed.
    rows: Vec<Row>,
}

impl World {
    fn new() -> World {
        World {
            generation: 1,
            last_id: 0,
            next_xid: 1,
            last_over: 0,
            open: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn end(&mut self, at: usize, commit: bool) {
        let Some(at) = at.checked_rem(self.open.len()) else { return };
        let ended = self.open.remove(at);
        self.last_over = self.last_over.max(ended.xid);
        if commit {
            self.rows.extend(ended.rows);
        }
    }

    fn write(&mut self, at: usize) {
        let Some(at) = at.checked_rem(self.open.len()) else { return };
        self.last_id += 1;
        let open = &mut self.open[at];
        open.rows.push(Row { id: self.last_id, xid: open.xid, generation: self.generation });
    }

    /// As PostgreSQL takes and prints it.
    fn snapshot(&self) -> Snapshot {
        let xmax = self.last_over + 1;
        let open: Vec<String> = self.open.iter().map(|o| o.xid.to_string()).collect();
        let before = |xid: &&String| xid.parse::<u64>().unwrap() < xmax;
        let open: Vec<&str> = open.iter().filter(before).map(String::as_str).collect();
        Snapshot::parse(&format!("1:{xmax}:{}", open.join(",")), None).unwrap()
    }

    fn restore(&mut self) {
        self.open.clear();
        (self.generation, self.next_xid, self.last_over) = (self.generation + 1, 1, 0);
    }

    /// What a window says, said of every row.
    fn page(&self, window: &Window, size: usize) -> Vec<i64> {
        let new = |row: &&Row| match row.generation.cmp(&window.seen_generation) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => {
                row.xid >= window.seen_xmax || window.seen_open.contains(&row.xid)
            }
            std::cmp::Ordering::Greater => true,
        };
        let visible = |row: &&Row| {
            row.generation < window.generation
                || row.generation == window.generation
                    && row.xid < window.xmax
                    && !window.open.contains(&row.xid)
        };
        let range = window.after + 1..=window.upto;
        let rows = self.rows.iter().filter(|row| range.contains(&row.id));
        let mut ids: Vec<i64> = rows.filter(new).filter(visible).map(|row| row.id).collect();
        ids.sort_unstable();
        ids.truncate(size);
        ids
    }
}

/// Who reads, with what was noted of the next snapshot so far.
struct Reader {
    text: String,
    mark: Option<i64>,
    snapshot: Option<(u64, Snapshot)>,
    noted: Option<Noted>,
    read: Vec<i64>,
}

impl Reader {
    fn new(cursor: &Cursor) -> Reader {
        let text = cursor.to_string();
        Reader { text, mark: None, snapshot: None, noted: None, read: Vec::new() }
    }

    fn forget(&mut self) {
        (self.mark, self.snapshot, self.noted) = (None, None, None);
    }

    fn step(&mut self, step: &Step, world: &World) {
        match step {
            Step::Mark => {
                self.forget();
                self.mark = Some(world.last_id);
            }
            Step::Snapshot if self.mark.is_some() => {
                self.snapshot = Some((world.next_xid, world.snapshot()));
            }
            Step::Top => {
                if let (Some(mark), Some((next, snapshot))) = (self.mark, self.snapshot.take()) {
                    let (generation, top) = (world.generation, world.last_id);
                    self.noted = Some(Noted { generation, mark, next, top, cut: 0, snapshot });
                }
            }
            Step::Read(size) => self.read(world, *size),
            Step::Restore => {
                self.forget();
                let cursor = Cursor::parse(&self.text).unwrap();
                assert!(cursor.check_generation(world.generation).is_err());
                self.text = cursor.carry_over(world.generation).to_string();
            }
            _ => {}
        }
    }

    fn read(&mut self, world: &World, size: usize) {
        let mut cursor = Cursor::parse(&self.text).unwrap();
        assert_eq!(cursor.to_string(), self.text);
        cursor.check_generation(world.generation).unwrap();
        if !cursor.is_on_its_way() && self.noted.is_none() {
            return;
        }
        let kept = cursor.keeps_after();
        let window = cursor.look(|| self.noted.take().unwrap());
        let page = world.page(&window, size);
        assert!(page.iter().all(|id| *id > kept), "{page:?} behind {kept} of {}", self.text);
        let cursor_behind = cursor.behind();
        self.text = match page.last() {
            Some(last) if page.len() == size => cursor_behind(*last),
            _ => cursor.caught_up().to_string(),
        };
        self.read.extend(page);
    }

    /// Reads until nothing is left, with nobody else about.
    fn drain(&mut self, world: &World) {
        for _ in 0..2 {
            for step in [Step::Mark, Step::Snapshot, Step::Top] {
                self.step(&step, world);
            }
            for _ in 0..=world.rows.len() {
                self.read(world, 3);
            }
        }
    }
}

fn play(steps: &[Step], world: &mut World, readers: &mut [Reader]) {
    for step in steps {
        match step {
            Step::Begin => {
                world.open.push(Open { xid: world.next_xid, rows: Vec::new() });
                world.next_xid += 1;
            }
            Step::Write(at) => world.write(*at),
            Step::End(at, commit) => world.end(*at, *commit),
            Step::Restore => world.restore(),
            _ => {}
        }
        readers.iter_mut().for_each(|reader| reader.step(step, world));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_row_is_read_once(before in prop::collection::vec(step(), 0..40),
                              after in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        play(&before, &mut world, &mut []);
        let known: BTreeSet<i64> = world.rows.iter().map(|row| row.id).collect();
        let noted = Noted {
            generation: world.generation,
            mark: world.last_id,
            next: world.next_xid,
            top: world.last_id,
            cut: 0,
            snapshot: world.snapshot(),
        };
        // As close as a floor may be, and as far.
        let firsts = world.open.iter().filter_map(|open| Some((open.xid, open.rows.first()?.id)));
        let firsts: Vec<(u64, i64)> = firsts.collect();
        let first = |xid: u64| {
            let since = firsts.iter().filter(|(open, _)| *open >= xid).map(|(_, id)| *id - 1);
            since.min().unwrap_or(i64::MAX)
        };
        let mut readers = [
            Reader::new(&Cursor::beginning(world.generation, 0)),
            Reader::new(&Cursor::now(&noted, first)),
            Reader::new(&Cursor::now(&noted, |_| 0)),
        ];
        play(&after, &mut world, &mut readers);
        while !world.open.is_empty() {
            world.end(0, true);
        }
        let mut all: Vec<i64> = world.rows.iter().map(|row| row.id).collect();
        all.sort_unstable();
        for (at, mut reader) in readers.into_iter().enumerate() {
            reader.drain(&world);
            let from_now = |id: &i64| at == 0 || !known.contains(id);
            let expected: Vec<i64> = all.iter().copied().filter(from_now).collect();
            reader.read.sort_unstable();
            prop_assert_eq!(reader.read, expected, "reader {}", at);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[0-9:./,]{0,60}|.{0,20}") {
        if let Ok(cursor) = Cursor::parse(&text) {
            let _ = (cursor.keeps_after(), cursor.position(), cursor.passed());
            prop_assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        }
    }
}

#[test]
fn what_was_pruned_is_not_read_as_nothing() {
    let refusal = Cursor::check_kept(5, 20).unwrap_err();
    assert!(refusal.detail.contains("pruned up to 20"), "{}", refusal.detail);
    assert_eq!(Cursor::check_kept(Cursor::beginning(1, 20).keeps_after(), 20), Ok(()));
}

#[test]
fn the_transaction_that_asks_is_open_to_itself() {
    let snapshot = Snapshot::parse("7:9:7", Some(8)).unwrap();
    assert_eq!(snapshot.open, [7, 8]);
    assert_eq!(Snapshot::parse("7:9:7", Some(9)).unwrap().open, [7]);
    assert_eq!(Snapshot::parse("7:9", None), None);
}
