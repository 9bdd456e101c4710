//! A shop that did a bit of everything, and that goes on: for tests of what a database must outlive.

use crate::database::Database;
use crate::session::Session;

/// What a shop was doing, and what it was told.
pub struct Trade {
    /// Calls with a request id, and their first answers.
    told: Vec<(String, String)>,
    /// A hold that is open.
    hold: String,
    /// Orders by where they stand: not yet started, started, completed.
    pending: String,
    processing: String,
    completed: String,
    /// The last order number of warehouse 1.
    pub number: String,
}

impl Trade {
    /// Master data, receipts, sales, corrections; holds and orders in every state.
    pub async fn of(db: &Database) -> Trade {
        db.stock(&[("A", 100), ("b", 50), ("Ä ''quoted'' \"sku\"", 0)]).await;
        let mut admin = db.admin().await;
        for call in [
            "put_warehouse(2, 'NORTH', 'North')",
            "put_product('L', 'By lot', 5, true, 'kg', '{\"a\": [1, 2]}')",
            "receive('L', 30, lot => 'x', expires_on => '2999-01-01')",
            "receive('L', 6, lot => 'y', expires_on => '2998-01-01')",
            "receive('L', 1, lot => 'spoiled', expires_on => '2020-02-29')",
            "adjust('A', -7, E'fell \"off\"\\\\ the shelf', operator => 'ann', trace_id => 't')",
            "recount('A', 95, 'counted')",
        ] {
            admin.run(&format!("SELECT inventory.{call}")).await;
        }
        let mut trade = Trade {
            told: Vec::new(),
            hold: String::new(),
            pending: String::new(),
            processing: String::new(),
            completed: String::new(),
            number: String::new(),
        };
        trade.sell(&mut admin).await;
        trade.hold(&mut admin).await;
        trade.order(&mut admin).await;
        // As after a day on which the clock ran ahead: whatever comes must not fall behind.
        let ahead = "SELECT setval('inventory.order_number_001', \
             (extract(epoch FROM clock_timestamp())::bigint + 86400) * 1000000)";
        db.owner().await.run(ahead).await;
        trade.number = admin.text("SELECT inventory.next_order_no()").await;
        db.verify_is_clean().await;
        trade
    }

    /// Calls with the next request id; gives the first column of the answer.
    async fn tell(&mut self, session: &mut Session, call: &str) -> String {
        let request = format!("00000000-0000-4000-8000-{:012}", self.told.len() + 1);
        let call = format!("SELECT * FROM inventory.{}", call.replace("$id", &request));
        let answer = session.text(&call).await;
        let first = answer.split('|').next().unwrap_or_default().to_owned();
        self.told.push((call, answer));
        first
    }

    async fn sell(&mut self, admin: &mut Session) {
        for call in [
            "put_product('b', 'Another name', 45, request_id => '$id')",
            "receive('b', 5, request_id => '$id')",
            "deduct('b', 10, request_id => '$id')",
            "try_deduct('L', 8, request_id => '$id')",
            "transfer('L', 4, 1, 2, request_id => '$id')",
            "deduct_many(array_fill('$id'::uuid, ARRAY[2]), ARRAY['A', 'b'], ARRAY[1, 2])",
        ] {
            self.tell(admin, call).await;
        }
    }

    async fn hold(&mut self, admin: &mut Session) {
        let open = "reserve('A', 5, ttl => '1 year', request_id => '$id')";
        self.hold = self.tell(admin, open).await;
        let many = "reserve_many('$id', ARRAY['A', 'L'], ARRAY[2, 1])";
        let confirmed = self.tell(admin, many).await;
        self.tell(admin, &format!("confirm('{confirmed}', request_id => '$id')")).await;
        let released = self.tell(admin, "reserve('b', 3, request_id => '$id')").await;
        self.tell(admin, &format!("release('{released}', request_id => '$id')")).await;
        // Past its time at once, and swept by nobody.
        self.tell(admin, "reserve('b', 1, ttl => '1 microsecond', request_id => '$id')").await;
    }

    async fn order(&mut self, admin: &mut Session) {
        let mut orders = Vec::new();
        for direction in ["outbound", "outbound", "outbound", "outbound", "outbound", "inbound"] {
            let lot = if direction == "inbound" { ", \"lot\": \"x\"" } else { "" };
            let lines =
                format!("[{{\"sku\": \"A\", \"qty\": 2}}, {{\"sku\": \"L\", \"qty\": 1{lot}}}]");
            let create = format!("create_order('{direction}', '{lines}', request_id => '$id')");
            orders.push(self.tell(admin, &create).await);
        }
        let [pending, processing, completed, failed, reverted, inbound] = orders.as_slice() else {
            unreachable!("six orders");
        };
        for call in [
            format!("start_order('{processing}', request_id => '$id')"),
            format!("start_order('{completed}', request_id => '$id')"),
            format!("complete_order('{completed}', request_id => '$id')"),
            format!("start_order('{failed}', request_id => '$id')"),
            format!("fail_order('{failed}', 'no van', request_id => '$id')"),
            format!("start_order('{reverted}', request_id => '$id')"),
            format!("complete_order('{reverted}', request_id => '$id')"),
            format!("revert_order('{reverted}', 'returned', request_id => '$id')"),
            format!("start_order('{inbound}', request_id => '$id')"),
        ] {
            self.tell(admin, &call).await;
        }
        self.pending = pending.clone();
        self.processing = processing.clone();
        self.completed = completed.clone();
    }

    /// The calls with a request id, and what is answered to repeats of them.
    pub fn repeats(&self) -> impl Iterator<Item = (&str, String)> {
        self.told.iter().map(|(call, answer)| (call.as_str(), repeated(answer)))
    }

    /// Every request gets its first answer again, and changes nothing.
    pub async fn replays(&self, session: &mut Session) {
        for (call, answer) in self.repeats() {
            session.check(call, &answer).await;
        }
    }

    /// What was under way goes on where it stood, numbers too, and everything else works.
    pub async fn goes_on(&self, db: &Database) {
        let mut admin = db.admin().await;
        self.replays(&mut admin).await;
        let next = admin.text("SELECT inventory.next_order_no()").await;
        assert!(next > self.number, "{next} after {}", self.number);
        let order = admin.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
        assert!(order > next, "{order} after {next}");
        for (call, state) in [
            (format!("confirm('{}')", self.hold), "CONFIRMED"),
            (format!("complete_order('{}')", self.processing), "COMPLETED"),
            (format!("start_order('{}')", self.pending), "PROCESSING"),
            (format!("revert_order('{}', 'returned')", self.completed), "REVERTED"),
        ] {
            admin.check(&format!("SELECT state FROM inventory.{call}"), state).await;
        }
        everything_works(db).await;
    }
}

/// An answer as it is given again: `replayed` is its last column.
pub fn repeated(answer: &str) -> String {
    let again = |line: &str| format!("{}|t", line.strip_suffix("|f").unwrap_or(line));
    answer.lines().map(again).collect::<Vec<_>>().join("\n")
}

/// New goods come, are held, ordered, moved and sold, and go; tables are kept and reshaped.
pub async fn everything_works(db: &Database) {
    let mut admin = db.admin().await;
    for call in [
        "put_product('NEW', 'New', 3)",
        "put_warehouse(7, 'SEVEN', 'Seven')",
        "receive('NEW', 50, 7)",
        "deduct('NEW', 1, 7)",
        "transfer('NEW', 5, 7, 1)",
        "adjust('NEW', 1, 'found')",
        "deduct_many(ARRAY[NULL]::uuid[], ARRAY['NEW'], ARRAY[1])",
        "confirm((SELECT r.reservation_id FROM inventory.reserve('NEW', 1, 7) AS r))",
        "release((SELECT r.reservation_id FROM inventory.reserve('NEW', 1) AS r))",
    ] {
        admin.run(&format!("SELECT inventory.{call}")).await;
    }
    let create = "SELECT order_no FROM inventory.create_order('outbound', '[{\"sku\": \"NEW\", \"qty\": 2}]')";
    let order = admin.text(create).await;
    for step in ["start_order('$')", "complete_order('$')", "revert_order('$', 'returned')"] {
        admin.run(&format!("SELECT inventory.{}", step.replace('$', &order))).await;
    }
    for call in [
        "recount('NEW', 0, 'gone')",
        "recount('NEW', 0, 'gone', 7)",
        "delete_product('NEW')",
        "delete_warehouse(7)",
        "maintain()",
        "install()",
    ] {
        admin.run(&format!("SELECT inventory.{call}")).await;
    }
    let mut owner = db.owner().await;
    let leaves = owner.number(LEAVES).await;
    for shards in [if leaves == 16 { 8 } else { 16 }, leaves] {
        admin.run(&format!("CALL inventory.reshard({shards})")).await;
    }
    assert_eq!(owner.number(LEAVES).await, leaves);
    every_view_answers(&mut db.reader().await).await;
    db.verify_is_clean().await;
}

const LEAVES: &str =
    "SELECT count(*) FROM pg_inherits WHERE inhparent = 'inventory.stock'::regclass";

/// Reads each view whole.
pub async fn every_view_answers(reader: &mut Session) {
    let views = "SELECT c.relname FROM pg_class AS c \
        WHERE c.relnamespace = 'inventory'::regnamespace AND c.relkind = 'v' ORDER BY 1";
    let views = reader.text(views).await;
    assert!(views.lines().count() > 10, "the schema has views");
    for view in views.lines() {
        reader.run(&format!("SELECT * FROM inventory.{view}")).await;
    }
}
