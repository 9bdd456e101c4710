//! What the processes of the library share: one board behind one lock.

use crate::worker::Board;
use pgrx::prelude::*;
use pgrx::{AssertPGRXSharedMemory, PgLwLock, pg_shmem_init};
use std::sync::atomic::{AtomicBool, Ordering};

// SAFETY: the name is used once.
static BOARD: PgLwLock<AssertPGRXSharedMemory<Board>> =
    unsafe { PgLwLock::new(c"pg_inventory board") };
/// Set while the server starts, and inherited by every process of it.
static THERE: AtomicBool = AtomicBool::new(false);

/// Asks for the memory, while the server starts.
#[allow(unexpected_cfgs)] // the macro asks for versions that we are not built for
pub fn request() {
    pg_shmem_init!(
        // SAFETY: a board is plain data of fixed size, without pointers.
        BOARD = unsafe { AssertPGRXSharedMemory::new(Board::default()) }
    );
    THERE.store(true, Ordering::Relaxed);
}

/// Reads the board; nothing where the library was not preloaded.
pub fn read<R>(look: impl FnOnce(&Board) -> R) -> Option<R> {
    THERE.load(Ordering::Relaxed).then(|| look(&BOARD.share()))
}

/// Changes the board, where it is there.
pub fn write(change: impl FnOnce(&mut Board)) {
    if THERE.load(Ordering::Relaxed) {
        change(&mut BOARD.exclusive());
    }
}
