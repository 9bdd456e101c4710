//! Background processes: registered, started, connected, told to end.

use super::failure::{self, Failure};
use pgrx::bgworkers::{BackgroundWorker, SignalWakeFlags};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::prelude::*;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Seconds after which a launcher that has ended is started again.
const RESTART: c_int = 5;
/// A database whose removal was broken off (DATCONNLIMIT_INVALID_DB in catalog/pg_database.h).
const BROKEN: i32 = -2;

unsafe extern "C-unwind" {
    /// What ends a process at its next interrupt check (tcop/tcopprot.h).
    fn die(signal: c_int);
    /// What notes that the configuration has changed (postmaster/interrupt.h).
    fn SignalHandlerForConfigReload(signal: c_int);
}

/// Whether the server is starting and loads its libraries.
pub fn preloading() -> bool {
    // SAFETY: reads a flag of the process.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Whether pg_upgrade is at work, which wants nobody else to write.
pub fn upgrading() -> bool {
    // SAFETY: reads a flag of the server.
    unsafe { pg_sys::IsBinaryUpgrade }
}

#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn inventory_launcher_main(_argument: Datum) {
    crate::worker::launch();
    // Whoever ends without an error is not started again; the server knows whether it stops.
    // SAFETY: nothing with a destructor is left in this process.
    unsafe { pg_sys::proc_exit(1) };
}

#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn inventory_visit_main(database: Datum) {
    crate::worker::visit(database.value() as u32);
}

#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn inventory_committer_main(database: Datum) {
    crate::group_commit::commit(database.value() as u32);
}

/// A worker that is to be registered.
fn worker(name: &CStr, kind: &CStr, main: &CStr) -> pg_sys::BackgroundWorker {
    let mut worker = pg_sys::BackgroundWorker {
        bgw_flags: (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION)
            as c_int,
        ..Default::default()
    };
    copy(name, &mut worker.bgw_name);
    copy(kind, &mut worker.bgw_type);
    copy(c"pg_inventory", &mut worker.bgw_library_name);
    copy(main, &mut worker.bgw_function_name);
    worker
}

/// Copies as much of a text as fits, with a closing zero.
fn copy(text: &CStr, into: &mut [c_char]) {
    let room = into.len().saturating_sub(1);
    for (place, byte) in into.iter_mut().zip(text.to_bytes().iter().take(room)) {
        *place = *byte as c_char;
    }
}

/// Has the launcher started with the server, on a standby too, and again when it fails.
pub fn register_launcher() {
    let name = c"pg_inventory launcher";
    let mut launcher = worker(name, name, c"inventory_launcher_main");
    launcher.bgw_start_time = pg_sys::BgWorkerStartTime::BgWorkerStart_ConsistentState;
    launcher.bgw_restart_time = RESTART;
    // SAFETY: while libraries are preloaded; the server copies what it is given.
    unsafe { pg_sys::RegisterBackgroundWorker(&mut launcher) };
}

/// A process that was sent.
pub struct Running(*mut pg_sys::BackgroundWorkerHandle);

impl Running {
    pub fn ended(&self) -> bool {
        let mut pid = 0;
        // SAFETY: the handle is ours until it is dropped.
        let status = unsafe { pg_sys::GetBackgroundWorkerPid(self.0, &mut pid) };
        status == pg_sys::BgwHandleStatus::BGWH_STOPPED
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: allocated by the server for us, and forgotten by it.
        unsafe { pg_sys::pfree(self.0.cast()) };
    }
}

/// Starts a visit to a database; nothing when the server has no process left.
pub fn send_visit(database: u32, name: &str) -> Option<Running> {
    let name = CString::new(format!("pg_inventory upkeep of {name}")).ok()?;
    send(worker(&name, c"pg_inventory upkeep", c"inventory_visit_main"), database)
}

/// Starts the committer of a database; nothing when the server has no process left.
pub fn send_committer(database: u32) -> Option<Running> {
    let kind = c"pg_inventory committer";
    send(worker(kind, kind, c"inventory_committer_main"), database)
}

fn send(mut worker: pg_sys::BackgroundWorker, database: u32) -> Option<Running> {
    worker.bgw_start_time = pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
    worker.bgw_main_arg = Datum::from(database);
    let mut handle = std::ptr::null_mut();
    // SAFETY: outside a transaction memory is the process's own, so the handle lives on; we are told
    // by our latch when the process begins and ends.
    unsafe {
        worker.bgw_notify_pid = pg_sys::MyProcPid;
        pg_sys::RegisterDynamicBackgroundWorker(&mut worker, &mut handle).then(|| Running(handle))
    }
}

/// Makes this process the launcher: it hears signals and reads what all databases share.
pub fn be_launcher() {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    BackgroundWorker::connect_worker_to_spi_by_oid(None, None);
}

/// What the settings of a database or a role may not change of a process of ours: nothing but ours and
/// PostgreSQL's own is found by an unqualified name, it has its own rights, it writes, and it reads what
/// is committed.
const SETTINGS: [(&CStr, &CStr); 8] = [
    (c"search_path", c"pg_catalog, pg_temp"),
    (c"role", c"none"),
    (c"default_transaction_isolation", c"read committed"),
    (c"default_transaction_read_only", c"off"),
    (c"session_replication_role", c"origin"),
    (c"plan_cache_mode", c"auto"),
    (c"statement_timeout", c"0"),
    (c"idle_in_transaction_session_timeout", c"0"),
];
/// A visitor waits for a lock, but not for ever, and for no standby: what it did and is lost is done again.
const VISITOR: [(&CStr, &CStr); 3] = [
    (c"application_name", c"pg_inventory upkeep"),
    (c"lock_timeout", c"5s"),
    (c"synchronous_commit", c"local"),
];
/// A committer waits for nobody. (Waiting for a row is left out anyway; what is left is a request id
/// that somebody else's transaction has, and the short locks of a growing table.)
const COMMITTER: [(&CStr, &CStr); 2] =
    [(c"application_name", c"pg_inventory committer"), (c"lock_timeout", c"10ms")];

/// Makes this process a visitor of a database.
pub fn be_visitor(database: u32) {
    enter(database, &VISITOR);
}

/// Makes this process a committer.
pub fn be_committer(database: u32) {
    // SAFETY: PostgreSQL's own handler notes that the configuration has changed.
    unsafe { on_signal(pg_sys::SIGHUP, SignalHandlerForConfigReload) };
    enter(database, &COMMITTER);
}

/// Connects to a database as the superuser the cluster was made with; from now on the process ends at
/// once when it is told to.
fn enter(database: u32, settings: &[(&CStr, &CStr)]) {
    // SAFETY: PostgreSQL's own handler ends the process at its next interrupt check.
    unsafe {
        on_signal(pg_sys::SIGTERM, die);
        pg_sys::BackgroundWorkerUnblockSignals();
        let database = Oid::from(database);
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, Oid::INVALID, 0);
    }
    SETTINGS.iter().chain(settings).for_each(|(name, value)| set(name, value));
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    set(c"transaction_timeout", c"0");
}

/// # Safety
/// The handler must be fit for the signal.
unsafe fn on_signal(signal: u32, handler: unsafe extern "C-unwind" fn(c_int)) {
    // SAFETY: before signals are let through.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(signal as c_int, Some(handler));
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(signal as c_int, Some(handler));
    }
}

fn set(name: &CStr, value: &CStr) {
    // SAFETY: outside a transaction, in a process of our own.
    unsafe {
        pg_sys::SetConfigOption(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
        );
    }
}

/// Takes in what was changed of the configuration, between two transactions.
pub fn take_in_settings() {
    // SAFETY: a flag of the process, set by its signal handler.
    unsafe {
        if pg_sys::ConfigReloadPending != 0 {
            pg_sys::ConfigReloadPending = 0;
            pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        }
    }
}

/// Shows a committer at work or without, and tells the server's statistics what it has done: autovacuum
/// goes by them.
pub fn show_work(at_work: bool) {
    let (state, shown) = match at_work {
        true => (pg_sys::BackendState::STATE_RUNNING, c"pg_inventory: commit calls".as_ptr()),
        false => (pg_sys::BackendState::STATE_IDLE, std::ptr::null()),
    };
    // SAFETY: outside a transaction.
    unsafe {
        pg_sys::pgstat_report_activity(state, shown);
        if !at_work {
            pg_sys::pgstat_report_stat(false); // once a second at most
        }
    }
}

/// Ends the process where it was told to end while it waited for a standby: whether that has what was
/// committed here, nobody knows.
pub fn end_where_a_standby_is_unsure() {
    // SAFETY: reads settings and a flag of the process.
    let told = unsafe {
        let names = pg_sys::SyncRepStandbyNames;
        let level = pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_LOCAL_FLUSH as c_int;
        let waits = pg_sys::synchronous_commit > level && !names.is_null() && *names != 0;
        waits && pg_sys::ProcDiePending != 0
    };
    if told {
        check_for_interrupts!();
    }
}

/// A committer without calls: waits that long, or until it is called.
pub fn wait_for_calls(duration: Duration) {
    static EVENT: WaitEvent = WaitEvent::named(c"InventoryCommitterIdle");
    // SAFETY: outside a transaction.
    unsafe { pg_sys::pgstat_report_stat(false) };
    nap(duration, &EVENT);
}

/// A caller waits that long, or until it is answered.
pub fn wait_for_commit(duration: Duration) {
    static EVENT: WaitEvent = WaitEvent::named(c"InventoryGroupCommit");
    nap(duration, &EVENT);
}

pub fn check_for_interrupts() {
    check_for_interrupts!();
}

/// A wait event as it is shown: with a name of its own where PostgreSQL knows such.
struct WaitEvent {
    #[cfg_attr(not(any(feature = "pg17", feature = "pg18")), expect(dead_code))]
    name: &'static CStr,
    /// The number that the server keeps for the name; 0 before it was asked for.
    number: AtomicU32,
}

impl WaitEvent {
    const fn named(name: &'static CStr) -> WaitEvent {
        WaitEvent { name, number: AtomicU32::new(0) }
    }

    fn number(&self) -> u32 {
        let known = self.number.load(Relaxed);
        if known != 0 {
            return known;
        }
        #[cfg(any(feature = "pg17", feature = "pg18"))]
        // SAFETY: the name is a constant.
        let number = unsafe { pg_sys::WaitEventExtensionNew(self.name.as_ptr()) };
        #[cfg(not(any(feature = "pg17", feature = "pg18")))]
        let number = pg_sys::PG_WAIT_EXTENSION;
        self.number.store(number, Relaxed);
        number
    }
}

/// Waits that long, or until something happens; takes in a changed configuration. False once the
/// process is to end.
pub fn wait(duration: Duration) -> bool {
    let go_on = BackgroundWorker::wait_latch(Some(duration));
    check_for_interrupts!();
    if BackgroundWorker::sighup_received() {
        // SAFETY: between two rounds, where settings may change.
        unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
    }
    go_on
}

/// Does nothing for that long; ends with the process when it is told to end.
pub fn rest(duration: Duration) {
    static EVENT: WaitEvent = WaitEvent::named(c"InventoryUpkeepRest");
    nap(duration, &EVENT);
}

fn nap(duration: Duration, event: &WaitEvent) {
    let event = event.number();
    let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: waits for the process's own latch.
    unsafe {
        pg_sys::WaitLatch(pg_sys::MyLatch, events as c_int, milliseconds, event);
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    check_for_interrupts!();
}

/// Runs `work` in a transaction of its own with the rights of `role`, shown as `activity` among the
/// server's activities. What it raises is undone, told in the log, and nothing comes of it.
pub fn transaction<R>(activity: &str, role: Option<Oid>, work: impl FnOnce() -> R) -> Option<R> {
    let shown = CString::new(format!("pg_inventory: {activity}")).unwrap_or_default();
    let mut before = None;
    let work = || {
        before = role.map(lower_rights);
        work()
    };
    // SAFETY: tells the server's statistics; between two transactions the process has its own rights.
    unsafe {
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, shown.as_ptr());
        let done = failure::transaction(work, || ());
        if let Some((user, bounds)) = before.filter(|_| done.is_ok()) {
            pg_sys::SetUserIdAndSecContext(user, bounds);
        }
        pg_sys::pgstat_report_stat(true);
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null());
        let told = |failure: &Failure| {
            pgrx::log!(
                "pg_inventory: could not {activity}: {} {}",
                failure.message,
                failure.detail
            );
        };
        done.inspect_err(told).ok()
    }
}

/// Until the transaction has ended the process has the rights of `role` and no way back to its own:
/// what the owner of a table has made a trigger of runs as that owner. Gives what it had before,
/// which an abort restores by itself.
fn lower_rights(role: Oid) -> (Oid, c_int) {
    let bounds = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
    let mut before = (Oid::INVALID, 0);
    // SAFETY: within a transaction, as PostgreSQL wants it.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut before.0, &mut before.1);
        pg_sys::SetUserIdAndSecContext(role, bounds as c_int);
    }
    before
}

/// Whether there is such a database, whoever may connect to it. For the launcher.
pub fn database_exists(database: u32) -> bool {
    // SAFETY: reads a shared catalogue, in a transaction.
    unsafe {
        pg_sys::StartTransactionCommand();
        let exists = !pg_sys::get_database_name(Oid::from(database)).is_null();
        pg_sys::CommitTransactionCommand();
        exists
    }
}

/// The databases that can be connected to, but for templates. Read as the launcher can, which is in
/// none of them.
pub fn databases() -> Vec<(u32, String)> {
    let mut found = Vec::new();
    // SAFETY: a scan of a shared catalogue, closed before the transaction ends; the values are copied.
    unsafe {
        pg_sys::StartTransactionCommand();
        pg_sys::GetTransactionSnapshot();
        let table =
            pg_sys::table_open(pg_sys::DatabaseRelationId, pg_sys::AccessShareLock as c_int);
        let scan = pg_sys::table_beginscan_catalog(table, 0, std::ptr::null_mut());
        loop {
            let row = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if row.is_null() {
                break;
            }
            found.extend(database(row, (*table).rd_att));
        }
        if let Some(end) = (*(*table).rd_tableam).scan_end {
            end(scan);
        }
        pg_sys::table_close(table, pg_sys::AccessShareLock as c_int);
        pg_sys::CommitTransactionCommand();
    }
    found
}

/// A row of pg_database, if it is one to work in.
///
/// # Safety
/// `row` is a row of pg_database, whose columns are `columns`.
unsafe fn database(row: pg_sys::HeapTuple, columns: pg_sys::TupleDesc) -> Option<(u32, String)> {
    // SAFETY: the columns have these types in every version.
    unsafe {
        let get = |column: u32| {
            let mut is_null = false;
            let value = pg_sys::heap_getattr(row, column as c_int, columns, &mut is_null);
            (!is_null).then_some(value)
        };
        let oid = Oid::from_datum(get(pg_sys::Anum_pg_database_oid)?, false)?;
        let name = get(pg_sys::Anum_pg_database_datname)?.cast_mut_ptr::<pg_sys::NameData>();
        let allowed = bool::from_datum(get(pg_sys::Anum_pg_database_datallowconn)?, false)?;
        let template = bool::from_datum(get(pg_sys::Anum_pg_database_datistemplate)?, false)?;
        let limit = i32::from_datum(get(pg_sys::Anum_pg_database_datconnlimit)?, false)?;
        let name = CStr::from_ptr((*name).data.as_ptr()).to_string_lossy().into_owned();
        (allowed && !template && limit != BROKEN).then_some((oid.to_u32(), name))
    }
}
