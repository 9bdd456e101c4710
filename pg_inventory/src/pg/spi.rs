//! Kept plans: a statement is parsed and planned once a session, and the plan is an index path
//! whatever the statistics say.

use super::guc;
use inventory_core::time::{Day, Moment};
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::prelude::*;
use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;

/// A plan that outlives its transaction. Freed only by [`Plan::free`].
#[derive(Clone, Copy)]
pub struct Plan(pg_sys::SPIPlanPtr);

/// How plans are made: row by row, by index or by place.
const PINNED: [(&CStr, &CStr); 8] = [
    (c"enable_seqscan", c"off"),
    (c"enable_bitmapscan", c"off"),
    (c"enable_hashjoin", c"off"),
    (c"enable_mergejoin", c"off"),
    (c"enable_indexscan", c"on"),
    (c"enable_indexonlyscan", c"on"),
    (c"enable_nestloop", c"on"),
    (c"enable_tidscan", c"on"),
];

/// An open connection to SPI: everything allocated meanwhile is freed when it closes.
pub struct Spi(PhantomData<*const ()>);

/// Runs `work` with an SPI connection.
pub fn connect<T>(work: impl FnOnce(&Spi) -> T) -> T {
    // SAFETY: paired with SPI_finish below; when `work` unwinds, the abort closes the connection.
    unsafe { expect(pg_sys::SPI_connect(), "SPI_connect") };
    let result = work(&Spi(PhantomData));
    // SAFETY: as above.
    unsafe { expect(pg_sys::SPI_finish(), "SPI_finish") };
    result
}

fn expect(code: c_int, what: &str) {
    if code < 0 {
        error!("{what} failed with code {code}");
    }
}

impl Spi {
    /// Parses a statement and keeps it for the session.
    pub fn prepare(&self, sql: &str, types: &[Oid]) -> Plan {
        let Ok(source) = CString::new(sql) else { error!("a statement holds a zero byte") };
        let mut types = types.to_vec();
        // SAFETY: source and types live through the call; SPI_keepplan moves the plan out of the
        // connection's memory.
        unsafe {
            let plan = pg_sys::SPI_prepare_cursor(
                source.as_ptr(),
                types.len() as c_int,
                types.as_mut_ptr(),
                pg_sys::CURSOR_OPT_GENERIC_PLAN as c_int,
            );
            if plan.is_null() {
                let code = pg_sys::SPI_result;
                error!("SPI_prepare failed with code {code}");
            }
            expect(pg_sys::SPI_keepplan(plan), "SPI_keepplan");
            let plan = Plan(plan);
            plan.pin();
            plan
        }
    }

    /// Executes a kept plan with a fresh snapshot (in READ COMMITTED) and gives its rows.
    pub fn execute(&self, plan: Plan, args: &Args) -> Rows {
        plan.repin_if_stale();
        // SAFETY: the plan is kept, and the lists hold a value and a flag for each parameter.
        let code = unsafe {
            pg_sys::SPI_execute_plan(
                plan.0,
                args.values.as_ptr().cast_mut(),
                args.nulls.as_ptr(),
                false,
                0,
            )
        };
        expect(code, "SPI_execute_plan");
        Rows::taken()
    }

    /// Executes a plan that counts and sums with the transaction's snapshot and with one of this
    /// moment, and raises a serialization failure where they differ.
    pub fn crosscheck(&self, plan: Plan, args: &Args) {
        let then = self.execute(plan, args);
        // SAFETY: the snapshot is popped after use, or by the abort if the statement raises.
        let code = unsafe {
            pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
            let code = pg_sys::SPI_execute_plan(
                plan.0,
                args.values.as_ptr().cast_mut(),
                args.nulls.as_ptr(),
                true,
                0,
            );
            pg_sys::PopActiveSnapshot();
            code
        };
        expect(code, "SPI_execute_plan");
        let now = Rows::taken();
        let state = |rows: &Rows| rows.first().map(|r| (r.maybe_int8(1), r.maybe_int8(2)));
        if state(&then) != state(&now) {
            ereport!(
                ERROR,
                PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
                "could not serialize access due to concurrent update"
            );
        }
    }

    /// Executes statements once, for setting up.
    pub fn script(&self, sql: &str) -> Rows {
        let Ok(source) = CString::new(sql) else { error!("a script holds a zero byte") };
        // SAFETY: source lives through the call.
        expect(unsafe { pg_sys::SPI_execute(source.as_ptr(), false, 0) }, "SPI_execute");
        Rows::taken()
    }

    /// Undoes what `work` did where it says that it came to nothing.
    pub fn whole_or_not(&self, work: impl FnOnce() -> bool) -> bool {
        // SAFETY: as PL/pgSQL does it for a block, but for errors, which abort the transaction. The
        // memory and the owner of resources are those of before, whichever way it ends.
        unsafe {
            let (memory, owner) = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
            pg_sys::BeginInternalSubTransaction(std::ptr::null());
            pg_sys::MemoryContextSwitchTo(memory);
            let whole = work();
            if whole {
                pg_sys::ReleaseCurrentSubTransaction();
            } else {
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
            pg_sys::MemoryContextSwitchTo(memory);
            pg_sys::CurrentResourceOwner = owner;
            whole
        }
    }

    /// Executes a statement once, with arguments.
    pub fn once(&self, sql: &str, types: &[Oid], args: &Args) -> Rows {
        let Ok(source) = CString::new(sql) else { error!("a statement holds a zero byte") };
        let mut types = types.to_vec();
        // SAFETY: all lists live through the call and have the same length.
        let code = unsafe {
            pg_sys::SPI_execute_with_args(
                source.as_ptr(),
                types.len() as c_int,
                types.as_mut_ptr(),
                args.values.as_ptr().cast_mut(),
                args.nulls.as_ptr(),
                false,
                0,
            )
        };
        expect(code, "SPI_execute_with_args");
        Rows::taken()
    }
}

impl Plan {
    /// Plans now, with scans and joins of whole tables switched off and look-ups on, whatever the
    /// caller has set: every statement of ours is looked up by a key, and a plan made while the table
    /// was small or never analyzed must not scan it when it has grown.
    fn pin(self) {
        // SAFETY: the cached plan is released at once, it stays with its source.
        guc::with(&PINNED, || unsafe {
            let planned = pg_sys::SPI_plan_get_cached_plan(self.0);
            if !planned.is_null() {
                pg_sys::ReleaseCachedPlan(planned, pg_sys::CurrentResourceOwner);
            }
        });
    }

    fn repin_if_stale(self) {
        // SAFETY: the plan is kept.
        if !unsafe { pg_sys::SPI_plan_is_valid(self.0) } {
            self.pin();
        }
    }

    pub fn free(self) {
        // SAFETY: the caller forgets the plan.
        unsafe { pg_sys::SPI_freeplan(self.0) };
    }
}

/// The rows of one statement.
pub struct Rows {
    table: *mut pg_sys::SPITupleTable,
    processed: usize,
}

impl Rows {
    fn taken() -> Rows {
        // SAFETY: SPI's globals describe the statement just executed.
        unsafe {
            let rows =
                Rows { table: pg_sys::SPI_tuptable, processed: pg_sys::SPI_processed as usize };
            pg_sys::SPI_tuptable = std::ptr::null_mut();
            rows
        }
    }

    /// Rows returned or changed.
    pub fn processed(&self) -> usize {
        self.processed
    }

    pub fn len(&self) -> usize {
        if self.table.is_null() { 0 } else { self.processed }
    }

    pub fn get(&self, at: usize) -> Option<Row<'_>> {
        (at < self.len()).then_some(Row { rows: self, at })
    }

    pub fn first(&self) -> Option<Row<'_>> {
        self.get(0)
    }

    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|at| Row { rows: self, at })
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // An abort frees SPI's memory by itself.
        if !self.table.is_null() && !std::thread::panicking() {
            // SAFETY: the table is ours since `taken`.
            unsafe { pg_sys::SPI_freetuptable(self.table) };
        }
    }
}

/// One row; columns count from 1.
pub struct Row<'r> {
    rows: &'r Rows,
    at: usize,
}

impl Row<'_> {
    fn get<T: FromDatum>(&self, column: usize) -> Option<T> {
        // SAFETY: the row is within the table; T is the Rust side of the column's type. Values by
        // reference are copied by T::from_datum before the table is freed.
        unsafe {
            let table = self.rows.table;
            let tuple = *(*table).vals.add(self.at);
            let mut is_null = false;
            let datum =
                pg_sys::SPI_getbinval(tuple, (*table).tupdesc, column as c_int, &mut is_null);
            T::from_datum(datum, is_null)
        }
    }

    pub fn bool(&self, column: usize) -> bool {
        self.get(column).unwrap_or_default()
    }

    pub fn int4(&self, column: usize) -> i32 {
        self.get(column).unwrap_or_default()
    }

    pub fn maybe_int4(&self, column: usize) -> Option<i32> {
        self.get(column)
    }

    pub fn int8(&self, column: usize) -> i64 {
        self.get(column).unwrap_or_default()
    }

    pub fn maybe_int8(&self, column: usize) -> Option<i64> {
        self.get(column)
    }

    pub fn oid(&self, column: usize) -> Option<Oid> {
        self.get(column)
    }

    pub fn maybe_text(&self, column: usize) -> Option<String> {
        self.get(column)
    }

    pub fn text(&self, column: usize) -> String {
        self.get(column).unwrap_or_default()
    }

    pub fn bytes(&self, column: usize) -> Vec<u8> {
        self.get(column).unwrap_or_default()
    }

    pub fn maybe_bytes(&self, column: usize) -> Option<Vec<u8>> {
        self.get(column)
    }

    pub fn uuid(&self, column: usize) -> [u8; 16] {
        self.get::<pgrx::Uuid>(column).map(|u| *u.as_bytes()).unwrap_or_default()
    }

    pub fn maybe_day(&self, column: usize) -> Option<Day> {
        self.get::<pgrx::datum::Date>(column).map(|d| Day(d.to_pg_epoch_days()))
    }

    pub fn moment(&self, column: usize) -> Moment {
        // A timestamptz is its microseconds since 2000 (datatype/timestamp.h).
        Moment(self.get::<i64>(column).unwrap_or_default())
    }

    pub fn maybe_moment(&self, column: usize) -> Option<Moment> {
        self.get::<i64>(column).map(Moment)
    }

    /// The place of a row in its table (`ctid`): its block above, its number in that below.
    pub fn tid(&self, column: usize) -> u64 {
        let datum = self.get::<Tid>(column);
        datum.map_or(0, |tid| tid.0)
    }

    pub fn maybe_uuid(&self, column: usize) -> Option<[u8; 16]> {
        self.get::<pgrx::Uuid>(column).map(|u| *u.as_bytes())
    }

    pub fn int8s(&self, column: usize) -> Vec<i64> {
        self.get(column).unwrap_or_default()
    }
}

/// A `ctid`.
struct Tid(u64);

impl FromDatum for Tid {
    unsafe fn from_polymorphic_datum(datum: Datum, is_null: bool, _: Oid) -> Option<Tid> {
        // SAFETY: a tid is passed as a pointer to one; its number may lie unaligned.
        let tid = (!is_null)
            .then(|| unsafe { datum.cast_mut_ptr::<pg_sys::ItemPointerData>().read_unaligned() })?;
        let block = u64::from(tid.ip_blkid.bi_hi) << 16 | u64::from(tid.ip_blkid.bi_lo);
        Some(Tid(block << 16 | u64::from(tid.ip_posid)))
    }
}

/// The arguments of one execution, in the order of the statement's parameters.
#[derive(Default)]
pub struct Args<'a> {
    values: Vec<Datum>,
    nulls: Vec<c_char>,
    lives: PhantomData<&'a ()>,
}

impl<'a> Args<'a> {
    pub fn new() -> Args<'a> {
        Args::default()
    }

    fn push(mut self, datum: Option<Datum>) -> Self {
        self.values.push(datum.unwrap_or(Datum::from(0)));
        self.nulls.push(if datum.is_none() { b'n' } else { b' ' } as c_char);
        self
    }

    pub fn text(self, value: &str) -> Self {
        self.push(Some(text_datum(value)))
    }

    pub fn maybe_text(self, value: Option<&str>) -> Self {
        self.push(value.map(text_datum))
    }

    pub fn bool(self, value: bool) -> Self {
        self.push(value.into_datum())
    }

    pub fn int4(self, value: i32) -> Self {
        self.push(value.into_datum())
    }

    pub fn oid(self, value: u32) -> Self {
        self.push(Oid::from(value).into_datum())
    }

    pub fn int8(self, value: i64) -> Self {
        self.push(value.into_datum())
    }

    pub fn maybe_int8(self, value: Option<i64>) -> Self {
        self.push(value.map(Datum::from))
    }

    pub fn maybe_day(self, value: Option<Day>) -> Self {
        self.push(value.map(|d| Datum::from(d.0)))
    }

    pub fn moment(self, value: Moment) -> Self {
        self.push(Some(Datum::from(value.0)))
    }

    pub fn maybe_moment(self, value: Option<Moment>) -> Self {
        self.push(value.map(|m| Datum::from(m.0)))
    }

    pub fn xid8(self, value: u64) -> Self {
        self.push(Some(Datum::from(value)))
    }

    pub fn tid(self, value: u64) -> Self {
        let tid = pg_sys::ItemPointerData {
            ip_blkid: pg_sys::BlockIdData {
                bi_hi: (value >> 32) as u16,
                bi_lo: (value >> 16) as u16,
            },
            ip_posid: value as u16,
        };
        // SAFETY: memory of that size, in the SPI connection.
        let copy = unsafe {
            let copy = pg_sys::palloc(size_of_val(&tid)).cast::<pg_sys::ItemPointerData>();
            copy.write_unaligned(tid);
            copy
        };
        self.push(Some(Datum::from(copy)))
    }

    pub fn bytes(self, value: &[u8]) -> Self {
        self.push(value.into_datum())
    }

    /// A uuid travels as a pointer to its bytes, which live as long as the arguments.
    pub fn uuid(self, value: &'a [u8; 16]) -> Self {
        self.push(Some(Datum::from(value.as_ptr())))
    }

    pub fn maybe_uuid(self, value: Option<&'a [u8; 16]>) -> Self {
        self.push(value.map(|v| Datum::from(v.as_ptr())))
    }

    pub fn texts<'t>(self, values: impl Iterator<Item = Option<&'t str>>) -> Self {
        self.array(values.map(|v| v.map(text_datum)), pg_sys::TEXTOID, (-1, false, b'i'))
    }

    pub fn int4s(self, values: impl Iterator<Item = Option<i32>>) -> Self {
        self.array(values.map(|v| v.map(Datum::from)), pg_sys::INT4OID, (4, true, b'i'))
    }

    pub fn int8s(self, values: impl Iterator<Item = Option<i64>>) -> Self {
        self.array(values.map(|v| v.map(Datum::from)), pg_sys::INT8OID, (8, true, b'd'))
    }

    pub fn xid8s(self, values: impl Iterator<Item = u64>) -> Self {
        self.array(values.map(|v| Some(Datum::from(v))), pg_sys::XID8OID, (8, true, b'd'))
    }

    pub fn moments(self, values: impl Iterator<Item = Option<Moment>>) -> Self {
        let datums = values.map(|v| v.map(|m| Datum::from(m.0)));
        self.array(datums, pg_sys::TIMESTAMPTZOID, (8, true, b'd'))
    }

    pub fn uuids(self, values: impl Iterator<Item = Option<&'a [u8; 16]>>) -> Self {
        let datums = values.map(|v| v.map(|v| Datum::from(v.as_ptr())));
        self.array(datums, pg_sys::UUIDOID, (16, false, b'c'))
    }

    fn array(
        self,
        values: impl Iterator<Item = Option<Datum>>,
        element: Oid,
        layout: (c_int, bool, u8),
    ) -> Self {
        let (mut datums, mut nulls): (Vec<_>, Vec<_>) =
            values.map(|v| (v.unwrap_or(Datum::from(0)), v.is_none())).unzip();
        let (length, by_value, align) = layout;
        let mut dims = [datums.len() as c_int];
        let mut lower = [1];
        // SAFETY: both lists have dims[0] items of the element type; the array is made in the SPI
        // connection's memory.
        let array = unsafe {
            pg_sys::construct_md_array(
                datums.as_mut_ptr(),
                nulls.as_mut_ptr(),
                1,
                dims.as_mut_ptr(),
                lower.as_mut_ptr(),
                element,
                length,
                by_value,
                align as c_char,
            )
        };
        self.push(Some(Datum::from(array)))
    }
}

fn text_datum(value: &str) -> Datum {
    // SAFETY: copies `len` bytes into a new text in the current memory context.
    unsafe {
        Datum::from(pg_sys::cstring_to_text_with_len(value.as_ptr().cast(), value.len() as c_int))
    }
}
