//! The settings, `pg_inventory.*`. All are read from the configuration and can be changed by a reload.

use inventory_core::heat::Line;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CStr;
use std::time::Duration;

const DAY: i32 = 86_400;

/// How long an accepted request is remembered, in seconds. A week outlasts every retry that a shop's
/// queue makes, and the request table is the one that grows fastest.
pub static REQUEST_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(7 * DAY);
/// How long a resolved hold can be looked up, in seconds. A month: until the next statement of account.
pub static HOLD_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(30 * DAY);
/// How long a saga that ended can be looked up, in seconds. As long as the request that began it, at least.
pub static SAGA_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(7 * DAY);
/// How long the journal is kept, in seconds; -1: for ever. It is the ledger: who wants it shorter says so.
pub static JOURNAL_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(-1);
/// Partitions of the journal that wait for their rows. Ten million rows each: hours of the heaviest load.
pub static JOURNAL_AHEAD: GucSetting<i32> = GucSetting::<i32>::new(4);
/// Whether the worker does anything.
pub static UPKEEP: GucSetting<bool> = GucSetting::<bool>::new(true);
/// How often the worker looks into a database, in milliseconds. Holds end by the clock, not by the
/// worker; it only tidies up, and says so in an event: two seconds are soon enough.
pub static UPKEEP_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(2_000);
/// Databases looked into at once. PostgreSQL has eight slots for such processes, shared by all.
pub static WORKERS: GucSetting<i32> = GucSetting::<i32>::new(2);

/// How long a call of `deduct_now` tries for goods that somebody else's transaction has, in
/// milliseconds. Longer than any healthy transaction, shorter than a customer's patience.
pub static LOCK_WAIT: GucSetting<i32> = GucSetting::<i32>::new(1_000);
/// Databases that can have a committer at the same time. Each takes one of max_worker_processes while
/// calls come; PostgreSQL has eight.
pub static COMMITTERS: GucSetting<i32> = GucSetting::<i32>::new(4);

/// From how many commands a second on a SKU is hot in the database. One row takes some thousand commits a
/// second: well below that its users already queue.
pub static HOT_RATE: GucSetting<i32> = GucSetting::<i32>::new(500);
/// The same for commands that had to wait for the row.
pub static HOT_WAITS: GucSetting<i32> = GucSetting::<i32>::new(50);
/// The most SKUs that are hot by themselves. More at once are no few that thousands want.
pub static HOT_LIMIT: GucSetting<i32> = GucSetting::<i32>::new(100);

/// Makes the settings known, when the library is loaded.
pub fn define() {
    let seconds = |name, short, long, setting, min| {
        number(name, short, long, setting, (min, i32::MAX), GucFlags::UNIT_S);
    };
    seconds(
        c"pg_inventory.request_retention",
        c"How long accepted requests are remembered.",
        c"A request id that comes again within this time answers as at first. At least 7 days.",
        &REQUEST_RETENTION,
        7 * DAY,
    );
    seconds(
        c"pg_inventory.hold_retention",
        c"How long resolved holds are kept.",
        c"Holds of orders are kept with their orders. At least a day.",
        &HOLD_RETENTION,
        DAY,
    );
    seconds(
        c"pg_inventory.saga_retention",
        c"How long sagas that ended are kept.",
        c"At least as long as requests are remembered.",
        &SAGA_RETENTION,
        DAY,
    );
    seconds(
        c"pg_inventory.journal_retention",
        c"How long the journal is kept; -1 keeps all of it.",
        c"Whole partitions are dropped once their newest row is older; their sums stay. Less than a day counts as a day.",
        &JOURNAL_RETENTION,
        -1,
    );
    number(
        c"pg_inventory.journal_ahead",
        c"How many empty journal partitions are kept open ahead.",
        c"Rows that find no partition go to the default one, which is never dropped.",
        &JOURNAL_AHEAD,
        (1, 100),
        GucFlags::default(),
    );
    number(
        c"pg_inventory.upkeep_interval",
        c"How often the background worker looks into a database.",
        c"Holds end by the clock whether it looks or not.",
        &UPKEEP_INTERVAL,
        (100, 3_600_000),
        GucFlags::UNIT_MS,
    );
    number(
        c"pg_inventory.workers",
        c"How many databases the background worker looks into at once.",
        c"Each needs one of max_worker_processes while it lasts.",
        &WORKERS,
        (1, 32),
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"pg_inventory.lock_wait",
        c"How long deduct_now tries for goods that another transaction has locked.",
        c"Then the call is refused as busy, and can be repeated.",
        &LOCK_WAIT,
        1,
        600_000,
        GucContext::Userset,
        GucFlags::UNIT_MS,
    );
    number(
        c"pg_inventory.committers",
        c"How many databases can have a process that commits calls of deduct_now together.",
        c"Each needs one of max_worker_processes while calls come. In other databases each call commits by itself.",
        &COMMITTERS,
        (0, 32),
        GucFlags::default(),
    );
    let rate = |name, short, long, setting| {
        number(name, short, long, setting, (1, 1_000_000_000), GucFlags::default());
    };
    rate(
        c"pg_inventory.hot_rate",
        c"How many commands a second make a SKU hot.",
        c"It is cold again after ten seconds below half of this and of hot_waits.",
        &HOT_RATE,
    );
    rate(
        c"pg_inventory.hot_waits",
        c"How many waits a second for a SKU's row make it hot.",
        c"A command waits that had to wait for a millisecond.",
        &HOT_WAITS,
    );
    number(
        c"pg_inventory.hot_limit",
        c"How many SKUs can be hot by themselves.",
        c"Those that are called hot by hand count, too.",
        &HOT_LIMIT,
        (0, 10_000),
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"pg_inventory.upkeep",
        c"Whether the background worker does its work.",
        c"Off: call inventory.maintain() from time to time.",
        &UPKEEP,
        GucContext::Sighup,
        GucFlags::default(),
    );
}

fn number(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<i32>,
    (min, max): (i32, i32),
    flags: GucFlags,
) {
    GucRegistry::define_int_guc(name, short, long, setting, min, max, GucContext::Sighup, flags);
}

/// The same in microseconds.
pub fn lock_wait() -> i64 {
    i64::from(LOCK_WAIT.get()) * 1_000
}

/// From when on a SKU is hot.
pub fn hot_line() -> Line {
    Line { commands: f64::from(HOT_RATE.get()), waits: f64::from(HOT_WAITS.get()) }
}

pub fn hot_limit() -> usize {
    usize::try_from(HOT_LIMIT.get()).unwrap_or(0)
}

pub fn upkeep_interval() -> Duration {
    Duration::from_millis(UPKEEP_INTERVAL.get().unsigned_abs().into())
}

/// The age in seconds beyond which the journal goes; nothing where all of it stays.
pub fn journal_retention() -> Option<i32> {
    Some(JOURNAL_RETENTION.get()).filter(|age| *age >= 0).map(|age| age.max(DAY))
}
