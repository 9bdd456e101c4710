//! The way in and out: arguments to Rust values, answers to rows, refusals to errors of class IV.

use crate::pg::server;
use inventory_core::time::{Day, Moment};
use inventory_core::{Code, Refusal};
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};

/// Makes a Rust function callable as the C-language function `inventory_<name>`: the server loads
/// libraries into one space of names. Without further words it refuses where texts are not in UTF8.
#[macro_export]
macro_rules! sql_function {
    ($name:ident) => {
        $crate::sql_function!(@ $name, $crate::pg::call::in_utf8);
    };
    ($name:ident, in any encoding) => {
        $crate::sql_function!(@ $name, $crate::pg::call::in_any_encoding);
    };
    (@ $name:ident, $run:expr) => {
        pub mod $name {
            #[unsafe(export_name = concat!("pg_finfo_inventory_", stringify!($name)))]
            pub extern "C" fn info() -> &'static ::pgrx::pg_sys::Pg_finfo_record {
                static V1: ::pgrx::pg_sys::Pg_finfo_record =
                    ::pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
                &V1
            }

            /// # Safety
            /// Called by PostgreSQL's function manager only.
            #[unsafe(export_name = concat!("inventory_", stringify!($name)))]
            pub unsafe extern "C-unwind" fn entry(
                fcinfo: ::pgrx::pg_sys::FunctionCallInfo,
            ) -> ::pgrx::pg_sys::Datum {
                // SAFETY: fcinfo is the one PostgreSQL passed for this very call.
                unsafe { $run(fcinfo, super::$name) }
            }
        }
    };
}

/// One value of an answer.
pub enum Value {
    Null,
    Bool(bool),
    Int4(i32),
    Int8(i64),
    Text(String),
    Uuid([u8; 16]),
    Moment(Moment),
    Bytes(Vec<u8>),
    Json(serde_json::Value),
}

impl Value {
    pub fn text(value: impl Into<String>) -> Value {
        Value::Text(value.into())
    }

    pub fn maybe_int8(value: Option<i64>) -> Value {
        value.map_or(Value::Null, Value::Int8)
    }

    pub fn maybe_moment(value: Option<Moment>) -> Value {
        value.map_or(Value::Null, Value::Moment)
    }

    pub fn maybe_text(value: Option<String>) -> Value {
        value.map_or(Value::Null, Value::Text)
    }

    fn datum(self) -> (Datum, bool) {
        let datum = match self {
            Value::Null => None,
            Value::Bool(v) => v.into_datum(),
            Value::Int4(v) => v.into_datum(),
            Value::Int8(v) => v.into_datum(),
            Value::Text(v) => v.into_datum(),
            Value::Uuid(v) => pgrx::Uuid::from_bytes(v).into_datum(),
            Value::Moment(v) => v.0.into_datum(),
            Value::Bytes(v) => v.into_datum(),
            Value::Json(v) => pgrx::JsonB(v).into_datum(),
        };
        (datum.unwrap_or(Datum::from(0)), datum.is_none())
    }
}

/// What a function answers.
pub enum Answer {
    Scalar(Value),
    /// One row of a function with OUT parameters; `Shape` names the columns.
    Row(&'static Shape, Vec<Value>),
    /// Any number of rows of a function that returns a table.
    Rows(Vec<Vec<Value>>),
}

/// The columns of a one-row answer. The descriptor is made once a session.
pub struct Shape {
    pub name: &'static str,
    pub columns: &'static [(&'static CStr, Oid)],
}

/// The arguments of one call.
pub struct Call {
    fcinfo: FunctionCallInfo,
}

impl Call {
    fn get<T: FromDatum>(&self, at: usize) -> Option<T> {
        // SAFETY: `at` is one of the arguments the SQL declaration gives this function, and T is
        // the Rust side of its declared type.
        unsafe {
            let arg = (*self.fcinfo).args.as_slice((*self.fcinfo).nargs as usize)[at];
            T::from_datum(arg.value, arg.isnull)
        }
    }

    pub fn text(&self, at: usize) -> Option<String> {
        self.get(at)
    }

    pub fn bool(&self, at: usize) -> Option<bool> {
        self.get(at)
    }

    pub fn int4(&self, at: usize) -> Option<i32> {
        self.get(at)
    }

    pub fn int8(&self, at: usize) -> Option<i64> {
        self.get(at)
    }

    pub fn uuid(&self, at: usize) -> Option<[u8; 16]> {
        self.get::<pgrx::Uuid>(at).map(|u| *u.as_bytes())
    }

    pub fn bytes(&self, at: usize) -> Option<Vec<u8>> {
        self.get(at)
    }

    pub fn moment(&self, at: usize) -> Option<Moment> {
        // A timestamptz is its microseconds since 2000 (datatype/timestamp.h).
        self.get::<i64>(at).map(Moment)
    }

    pub fn day(&self, at: usize) -> Option<Day> {
        self.get::<pgrx::datum::Date>(at).map(|d| Day(d.to_pg_epoch_days()))
    }

    /// An interval in microseconds, a month counted as 30 days; the inner `None` for one that is not
    /// to be counted so.
    pub fn interval(&self, at: usize) -> Option<Option<i64>> {
        self.get(at).map(|interval| micros(&interval))
    }

    /// The text form of a jsonb argument.
    pub fn json(&self, at: usize) -> Option<String> {
        // SAFETY: the argument is declared jsonb, which is what jsonb_out takes; its text is copied.
        unsafe {
            let arg = (*self.fcinfo).args.as_slice((*self.fcinfo).nargs as usize)[at];
            let value = (!arg.isnull).then_some(arg.value)?;
            pgrx::direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(value)])
                .map(|text| text.to_string_lossy().into_owned())
        }
    }

    /// The texts lie where PostgreSQL put them, for as long as the call lasts.
    pub fn texts(&self, what: &str, at: usize) -> Result<Option<Vec<Option<&str>>>, Refusal> {
        self.array(what, at, pg_sys::TEXTOID, (-1, false, b'i'))
    }

    pub fn int4s(&self, what: &str, at: usize) -> Result<Option<Vec<Option<i32>>>, Refusal> {
        self.array(what, at, pg_sys::INT4OID, (4, true, b'i'))
    }

    pub fn int8s(&self, what: &str, at: usize) -> Result<Option<Vec<Option<i64>>>, Refusal> {
        self.array(what, at, pg_sys::INT8OID, (8, true, b'd'))
    }

    pub fn uuids(&self, what: &str, at: usize) -> Result<Option<Vec<Option<[u8; 16]>>>, Refusal> {
        let uuids = self.array::<pgrx::Uuid>(what, at, pg_sys::UUIDOID, (16, false, b'c'))?;
        Ok(uuids.map(|us| us.into_iter().map(|u| u.map(|u| *u.as_bytes())).collect()))
    }

    pub fn days(&self, what: &str, at: usize) -> Result<Option<Vec<Option<Day>>>, Refusal> {
        let days = self.array::<pgrx::datum::Date>(what, at, pg_sys::DATEOID, (4, true, b'i'))?;
        Ok(days.map(|ds| ds.into_iter().map(|d| d.map(|d| Day(d.to_pg_epoch_days()))).collect()))
    }

    pub fn moments(&self, what: &str, at: usize) -> Result<Option<Vec<Option<Moment>>>, Refusal> {
        let moments = self.array::<i64>(what, at, pg_sys::TIMESTAMPTZOID, (8, true, b'd'))?;
        Ok(moments.map(|ms| ms.into_iter().map(|m| m.map(Moment)).collect()))
    }

    /// Each as [`Call::interval`] gives one.
    pub fn intervals(&self, what: &str, at: usize) -> Result<Option<Intervals>, Refusal> {
        let list = self.array(what, at, pg_sys::INTERVALOID, (16, false, b'd'))?;
        Ok(list.map(|is| is.iter().map(|i| i.as_ref().map(micros)).collect()))
    }

    /// A one-dimensional array; `layout` is the element type's length, by-value flag, alignment.
    fn array<T: FromDatum>(
        &self,
        what: &str,
        at: usize,
        element: Oid,
        layout: (c_int, bool, u8),
    ) -> Result<Option<Vec<Option<T>>>, Refusal> {
        // SAFETY: the SQL declaration makes the argument an array of `element`; the array is
        // detoasted before its header is read, and deconstruct_array fills both lists with n items.
        unsafe {
            let arg = (*self.fcinfo).args.as_slice((*self.fcinfo).nargs as usize)[at];
            if arg.isnull {
                return Ok(None);
            }
            let array =
                pg_sys::pg_detoast_datum(arg.value.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
            if (*array).ndim > 1 {
                return Err(Refusal::invalid(format!("{what} must have one dimension")));
            }
            let (mut values, mut nulls, mut n) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            let (length, by_value, align) = layout;
            pg_sys::deconstruct_array(
                array,
                element,
                length,
                by_value,
                align as c_char,
                &mut values,
                &mut nulls,
                &mut n,
            );
            let list =
                (0..n as usize).map(|i| T::from_datum(*values.add(i), *nulls.add(i))).collect();
            Ok(Some(list))
        }
    }
}

/// Intervals in microseconds; the inner `None` for one that is not to be counted so.
pub type Intervals = Vec<Option<Option<i64>>>;

fn micros(interval: &pgrx::datum::Interval) -> Option<i64> {
    let days = i64::from(interval.months()) * 30 + i64::from(interval.days());
    days.checked_mul(86_400_000_000)?.checked_add(interval.micros())
}

/// What a call comes to once Rust is done with it: nothing here has a destructor, so PostgreSQL may
/// jump over it.
#[derive(Clone, Copy)]
enum Outcome {
    Return(Datum, bool),
    Raise(Raise),
}

#[derive(Clone, Copy)]
struct Raise {
    sqlstate: c_int,
    message: *const c_char,
    detail: *const c_char,
    hint: *const c_char,
}

/// Runs one SQL function: a refusal becomes an error with its SQLSTATE, message, DETAIL and HINT.
///
/// # Safety
/// `fcinfo` must be the one PostgreSQL passed for this call.
pub unsafe fn in_utf8(
    fcinfo: FunctionCallInfo,
    function: fn(&Call) -> Result<Answer, Refusal>,
) -> Datum {
    let checked = move || {
        if server::encoding_is_utf8() {
            function(&Call { fcinfo })
        } else {
            Err(Refusal::new(Code::NotInstalled, "the database must have the encoding UTF8"))
        }
    };
    // SAFETY: the caller's promise.
    unsafe { run(fcinfo, checked) }
}

/// The same for a function that reads no text it could not.
///
/// # Safety
/// As above.
pub unsafe fn in_any_encoding(
    fcinfo: FunctionCallInfo,
    function: fn(&Call) -> Result<Answer, Refusal>,
) -> Datum {
    // SAFETY: the caller's promise.
    unsafe { run(fcinfo, move || function(&Call { fcinfo })) }
}

unsafe fn run(
    fcinfo: FunctionCallInfo,
    function: impl FnOnce() -> Result<Answer, Refusal> + std::panic::UnwindSafe,
) -> Datum {
    // SAFETY: the guard turns panics into errors at this outermost frame; the closure's values with
    // destructors are gone when it returns.
    let outcome = unsafe {
        pg_sys::submodules::panic::pgrx_extern_c_guard(move || match function() {
            Ok(answer) => encode(fcinfo, answer),
            Err(refusal) => Outcome::Raise(prepare(&refusal)),
        })
    };
    match outcome {
        // SAFETY: as above.
        Outcome::Return(datum, is_null) => unsafe {
            (*fcinfo).isnull = is_null;
            datum
        },
        Outcome::Raise(raise) => raise.go(),
    }
}

fn prepare(refusal: &Refusal) -> Raise {
    let cstring = |text: &str| -> *const c_char {
        let clean: Vec<u8> = text.bytes().filter(|b| *b != 0).collect();
        // SAFETY: the copy has room for the bytes and the closing zero palloc0 left there.
        unsafe {
            let copy = pg_sys::palloc0(clean.len() + 1).cast::<u8>();
            copy.copy_from_nonoverlapping(clean.as_ptr(), clean.len());
            copy.cast_const().cast()
        }
    };
    let code = refusal.code;
    Raise {
        sqlstate: sqlstate(code.sqlstate()),
        message: cstring(code.title()),
        detail: cstring(&refusal.detail),
        hint: cstring(code.hint()),
    }
}

/// PostgreSQL's MAKE_SQLSTATE: six bits a character, the first lowest (utils/elog.h).
fn sqlstate(text: &str) -> c_int {
    text.bytes()
        .rev()
        .fold(0, |packed, b| (packed << 6) + ((c_int::from(b) - c_int::from(b'0')) & 0x3f))
}

// pgrx's error levels know PostgreSQL's own SQLSTATEs only, so a refusal is raised here directly.
unsafe extern "C-unwind" {
    fn errstart(level: c_int, domain: *const c_char) -> bool;
    fn errcode(sqlstate: c_int) -> c_int;
    fn errmsg(format: *const c_char, ...) -> c_int;
    fn errdetail(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
    fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
}

impl Raise {
    fn go(self) -> ! {
        // SAFETY: the strings live in the current memory context until the transaction aborts;
        // errfinish does not return at ERROR, and no frame below holds a destructor.
        unsafe {
            if errstart(PgLogLevel::ERROR as c_int, std::ptr::null()) {
                errcode(self.sqlstate);
                errmsg(c"%s".as_ptr(), self.message);
                errdetail(c"%s".as_ptr(), self.detail);
                errhint(c"%s".as_ptr(), self.hint);
                errfinish(c"call.rs".as_ptr(), line!() as c_int, c"inventory".as_ptr());
            }
        }
        std::process::abort()
    }
}

fn encode(fcinfo: FunctionCallInfo, answer: Answer) -> Outcome {
    match answer {
        Answer::Scalar(value) => {
            let (datum, is_null) = value.datum();
            Outcome::Return(datum, is_null)
        }
        Answer::Row(shape, values) => {
            let (mut datums, mut nulls): (Vec<_>, Vec<_>) =
                values.into_iter().map(Value::datum).unzip();
            // SAFETY: the descriptor has as many columns as the shape, and so have both lists.
            unsafe {
                let desc = descriptor(shape);
                let tuple = pg_sys::heap_form_tuple(desc, datums.as_mut_ptr(), nulls.as_mut_ptr());
                Outcome::Return(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data), false)
            }
        }
        Answer::Rows(rows) => {
            // SAFETY: the function is declared to return a table, so there is a ReturnSetInfo, and
            // its descriptor has the columns of each row.
            unsafe {
                pg_sys::InitMaterializedSRF(fcinfo, 0);
                let set = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
                for row in rows {
                    let (mut datums, mut nulls): (Vec<_>, Vec<_>) =
                        row.into_iter().map(Value::datum).unzip();
                    pg_sys::tuplestore_putvalues(
                        (*set).setResult,
                        (*set).setDesc,
                        datums.as_mut_ptr(),
                        nulls.as_mut_ptr(),
                    );
                }
            }
            Outcome::Return(Datum::from(0), true)
        }
    }
}

thread_local! {
    /// Row descriptors by shape, made once a session.
    static DESCRIPTORS: RefCell<Vec<(&'static str, pg_sys::TupleDesc)>> = const { RefCell::new(Vec::new()) };
}

/// A blessed descriptor that lives as long as the session.
unsafe fn descriptor(shape: &'static Shape) -> pg_sys::TupleDesc {
    let known = DESCRIPTORS
        .with_borrow(|all| all.iter().find(|(name, _)| *name == shape.name).map(|(_, desc)| *desc));
    if let Some(desc) = known {
        return desc;
    }
    // SAFETY: made in the context that lives as long as the session; every column is initialised.
    let desc = unsafe {
        let outer = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
        let desc = pg_sys::CreateTemplateTupleDesc(shape.columns.len() as c_int);
        for (at, (name, oid)) in shape.columns.iter().enumerate() {
            pg_sys::TupleDescInitEntry(desc, at as i16 + 1, name.as_ptr(), *oid, -1, 0);
        }
        let desc = pg_sys::BlessTupleDesc(desc);
        pg_sys::MemoryContextSwitchTo(outer);
        desc
    };
    DESCRIPTORS.with_borrow_mut(|all| all.push((shape.name, desc)));
    desc
}
