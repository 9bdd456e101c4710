//! Rows written as COPY writes them: many at a time to a page, with one record of the log, past parser
//! and executor, and with all that COPY takes care of (partitions, indexes, constraints, triggers).

use inventory_core::time::Moment;
use pgrx::pg_sys::{self, Oid};
use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_void};

/// Rows in COPY's binary format (documentation of COPY, "Binary Format"): a signature of 11 bytes, two
/// words without meaning here, then each row with the number of its fields, then an end.
pub struct Rows {
    bytes: Vec<u8>,
    columns: &'static [&'static CStr],
}

const HEAD: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;
const NULL: i32 = -1;

impl Rows {
    /// For about that many rows of these columns.
    pub fn new(columns: &'static [&'static CStr], rows: usize) -> Rows {
        let mut bytes = Vec::with_capacity(HEAD.len() + rows * columns.len() * 12);
        bytes.extend_from_slice(HEAD);
        Rows { bytes, columns }
    }

    /// Begins a row; its fields follow in the order of the columns.
    pub fn row(&mut self) -> &mut Rows {
        self.bytes.extend_from_slice(&(self.columns.len() as i16).to_be_bytes());
        self
    }

    fn field(&mut self, value: Option<&[u8]>) -> &mut Rows {
        let length = value.map_or(NULL, |value| value.len() as i32);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self
    }

    pub fn int4(&mut self, value: i32) -> &mut Rows {
        self.field(Some(&value.to_be_bytes()))
    }

    pub fn int8(&mut self, value: i64) -> &mut Rows {
        self.field(Some(&value.to_be_bytes()))
    }

    pub fn xid8(&mut self, value: u64) -> &mut Rows {
        self.field(Some(&value.to_be_bytes()))
    }

    /// A timestamptz is its microseconds since 2000.
    pub fn moment(&mut self, value: Moment) -> &mut Rows {
        self.int8(value.0)
    }

    pub fn text(&mut self, value: &str) -> &mut Rows {
        self.field(Some(value.as_bytes()))
    }

    pub fn maybe_text(&mut self, value: Option<&str>) -> &mut Rows {
        self.field(value.map(str::as_bytes))
    }

    pub fn uuid(&mut self, value: &[u8; 16]) -> &mut Rows {
        self.field(Some(value))
    }

    pub fn maybe_uuid(&mut self, value: Option<&[u8; 16]>) -> &mut Rows {
        self.field(value.map(|uuid| uuid.as_slice()))
    }

    pub fn maybe_int8(&mut self, value: Option<i64>) -> &mut Rows {
        self.field(value.map(i64::to_be_bytes).as_ref().map(|bytes| bytes.as_slice()))
    }

    pub fn maybe_moment(&mut self, value: Option<Moment>) -> &mut Rows {
        self.maybe_int8(value.map(|moment| moment.0))
    }

    /// An array of one dimension without NULLs, as array_recv reads it.
    pub fn int8s(&mut self, values: &[i64]) -> &mut Rows {
        let mut bytes = Vec::with_capacity(20 + values.len() * 12);
        let head = [1, 0, pg_sys::INT8OID.to_u32(), values.len() as u32, 1];
        head.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
        for value in values {
            bytes.extend_from_slice(&8i32.to_be_bytes());
            bytes.extend_from_slice(&value.to_be_bytes());
        }
        self.field(Some(&bytes))
    }

    /// Writes the rows into a table, in the transaction that is open.
    pub fn write(mut self, table: Oid) {
        self.bytes.extend_from_slice(&END.to_be_bytes());
        SOURCE.set(Source { bytes: self.bytes, read: 0 });
        // SAFETY: as PostgreSQL's own table synchronisation copies (replication/logical/tablesync.c);
        // all that is allocated lies in the current context. An error is raised past us, and leaves
        // nothing but the source, which the next copy replaces.
        unsafe {
            let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as c_int);
            let state = pg_sys::make_parsestate(std::ptr::null_mut());
            pg_sys::addRangeTableEntryForRelation(
                state,
                relation,
                pg_sys::RowExclusiveLock as c_int,
                std::ptr::null_mut(),
                false,
                false,
            );
            let mut names = std::ptr::null_mut();
            for name in self.columns {
                let name = pg_sys::makeString(pg_sys::pstrdup(name.as_ptr()));
                names = pg_sys::lappend(names, name.cast());
            }
            let binary = pg_sys::makeString(pg_sys::pstrdup(c"binary".as_ptr()));
            let format = pg_sys::pstrdup(c"format".as_ptr());
            let options = pg_sys::lappend(
                std::ptr::null_mut(),
                pg_sys::makeDefElem(format, binary.cast(), -1).cast(),
            );
            let copy = pg_sys::BeginCopyFrom(
                state,
                relation,
                std::ptr::null_mut(),
                std::ptr::null(),
                false,
                Some(read),
                names,
                options,
            );
            pg_sys::CopyFrom(copy);
            pg_sys::EndCopyFrom(copy);
            pg_sys::table_close(relation, pg_sys::NoLock as c_int);
            pg_sys::CommandCounterIncrement();
        }
        SOURCE.take();
    }
}

/// What COPY reads.
#[derive(Default)]
struct Source {
    bytes: Vec<u8>,
    read: usize,
}

thread_local! {
    static SOURCE: RefCell<Source> = RefCell::default();
}

/// Called by COPY for more bytes; less than `_least` at the end only. It raises nothing.
unsafe extern "C-unwind" fn read(into: *mut c_void, _least: c_int, most: c_int) -> c_int {
    SOURCE.with_borrow_mut(|source| {
        let rest = &source.bytes[source.read..];
        let length = rest.len().min(usize::try_from(most).unwrap_or(0));
        // SAFETY: COPY has room for `most` bytes there.
        unsafe { into.cast::<u8>().copy_from_nonoverlapping(rest.as_ptr(), length) };
        source.read += length;
        length as c_int
    })
}
