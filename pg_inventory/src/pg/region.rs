//! Regions of shared memory for what lives on atomics: asked for while the server starts, all zero at
//! first, and again after a crash.

use super::{exchange, heat};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CStr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

/// A region. Its address is set in the postmaster and inherited by every process of it.
pub struct Region {
    name: &'static CStr,
    bytes: fn() -> usize,
    at: AtomicPtr<u8>,
}

/// The largest alignment that anything in a region asks for: a cache line.
const ALIGN: usize = 64;

static REGIONS: [&Region; 2] = [&exchange::REGION, &heat::REGION];

static mut PREVIOUS_REQUEST: pg_sys::shmem_request_hook_type = None;
static mut PREVIOUS_STARTUP: pg_sys::shmem_startup_hook_type = None;

impl Region {
    pub const fn new(name: &'static CStr, bytes: fn() -> usize) -> Region {
        Region { name, bytes, at: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// Where it is; null where the library was not preloaded.
    pub fn at(&self) -> *mut u8 {
        self.at.load(Relaxed)
    }

    fn size(&self) -> usize {
        (self.bytes)() + ALIGN
    }
}

/// Asks for the memory, while the server starts.
pub fn request() {
    // SAFETY: in the postmaster, which has one thread, while it loads libraries.
    unsafe {
        PREVIOUS_REQUEST = pg_sys::shmem_request_hook;
        pg_sys::shmem_request_hook = Some(on_request);
        PREVIOUS_STARTUP = pg_sys::shmem_startup_hook;
        pg_sys::shmem_startup_hook = Some(on_startup);
    }
}

#[pg_guard]
extern "C-unwind" fn on_request() {
    // SAFETY: as PostgreSQL asks of a hook: the one before it is called, too.
    unsafe {
        if let Some(previous) = PREVIOUS_REQUEST {
            previous();
        }
        for region in REGIONS {
            pg_sys::RequestAddinShmemSpace(region.size());
        }
    }
}

#[pg_guard]
extern "C-unwind" fn on_startup() {
    // SAFETY: as above. Only the postmaster comes here, at its start and after a crash. What is found
    // is as large as what was asked for.
    unsafe {
        if let Some(previous) = PREVIOUS_STARTUP {
            previous();
        }
        for region in REGIONS {
            let mut found = false;
            let size = region.size();
            let memory = pg_sys::ShmemInitStruct(region.name.as_ptr(), size, &mut found);
            let memory = memory.cast::<u8>();
            if !found {
                memory.write_bytes(0, size);
            }
            region.at.store(memory.add(memory.align_offset(ALIGN)), Relaxed);
        }
    }
}
