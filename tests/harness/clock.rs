//! Time that passes at a word, for tests that cannot wait for it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use inventory_gateway::cluster::Builder;
use tempfile::TempDir;

/// A server's clock that is set by hand, while it runs.
pub struct Clock {
    folder: TempDir,
    library: PathBuf,
}

impl Clock {
    /// Nothing where this machine has no libfaketime.
    pub fn new() -> Option<Clock> {
        let library = faketime_library()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open_to_all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open_to_all).expect("a folder of our own");
        let clock = Clock { folder, library };
        clock.set("+0");
        Some(clock)
    }

    /// For [`crate::skipped`].
    pub const MISSING: &str = "no libfaketime (Debian: apt-get install faketime)";

    /// Sets it so many seconds ahead of the true time, or behind it: `+60`, `-3600`.
    pub fn set(&self, offset: &str) {
        // Replaces the file whole, so that no reader sees half of it.
        let fresh = self.folder.path().join("fresh");
        std::fs::write(&fresh, offset).expect("a file of our own");
        std::fs::rename(&fresh, self.file()).expect("a file of our own");
    }

    /// A server to be that goes by this clock.
    pub fn of(&self, server: Builder) -> Builder {
        server
            .environment("LD_PRELOAD", &self.library.to_string_lossy())
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .environment("FAKETIME_NO_CACHE", "1")
            .environment("FAKETIME_TIMESTAMP_FILE", &self.file().to_string_lossy())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

/// The library that fakes a process's clock.
fn faketime_library() -> Option<PathBuf> {
    let folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/local/lib"];
    folders
        .iter()
        .map(|dir| Path::new(dir).join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
}

/// Makes `public.time_passes(by, pattern)`, for superusers: afterwards everything stored about the
/// time of holds and the dates of lots lies `by` further back, as if that much time had gone by, for
/// all SKUs or those that are LIKE `pattern`. For lots only whole days pass.
pub const TIME_PASSES: &str = "
    CREATE FUNCTION public.time_passes(by interval, pattern text DEFAULT '%') RETURNS void
    LANGUAGE sql AS $$
        UPDATE inventory.stock AS s
           SET next_expiry = s.next_expiry - by,
               expires_on = s.expires_on - extract(epoch FROM by)::int / 86400
         WHERE s.sku LIKE pattern AND (s.next_expiry IS NOT NULL OR s.expires_on IS NOT NULL);
        UPDATE inventory.reservation AS r SET expires_at = r.expires_at - by
         WHERE r.expires_at IS NOT NULL
           AND EXISTS (SELECT FROM inventory.reservation_line AS l
                        WHERE l.reservation_id = r.reservation_id AND l.sku LIKE pattern);
        UPDATE inventory.reservation_line AS l SET expires_at = l.expires_at - by
         WHERE l.expires_at IS NOT NULL AND l.sku LIKE pattern;
        UPDATE inventory.order_line AS l
           SET expires_on = l.expires_on - extract(epoch FROM by)::int / 86400
         WHERE l.expires_on IS NOT NULL AND l.sku LIKE pattern;
    $$";
