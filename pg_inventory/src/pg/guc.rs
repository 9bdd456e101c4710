//! Settings of PostgreSQL's own that hold for a while.

use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// Runs `work` under these settings, whatever the caller has set.
pub fn with<R>(settings: &[(&CStr, &CStr)], work: impl FnOnce() -> R) -> R {
    // SAFETY: undone at the same nesting level, or by the abort when `work` raises.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for (setting, value) in settings {
            pg_sys::set_config_option(
                setting.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
        let result = work();
        pg_sys::AtEOXact_GUC(true, level);
        result
    }
}

/// Runs `work` with that many milliseconds for each lock.
pub fn with_lock_timeout<R>(milliseconds: i32, work: impl FnOnce() -> R) -> R {
    let value = CString::new(milliseconds.to_string()).unwrap_or_default();
    with(&[(c"lock_timeout", &value)], work)
}
