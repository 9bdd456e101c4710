//! Released versions: what each left in a database, as `pg_dump` wrote it down when it was the newest.
//!
//! `tests/upgrade/<version>/` holds `installed.sql`, a database just made, and `traded.sql`, one that
//! was worked with. The library under test cannot write tables of an older layout; these can be loaded.

use std::path::PathBuf;
use std::sync::Arc;

use crate::commands::run;
use crate::database::Database;
use crate::servers::{Server, repository};

/// Set to anything but 0, databases are not made afresh but brought forward from the oldest release.
const UPGRADED: &str = "INVENTORY_TEST_UPGRADED";

/// The line by which a dump makes the extension, without its end.
const EXTENSION: &str = "CREATE EXTENSION IF NOT EXISTS pg_inventory WITH SCHEMA inventory";

/// A released version.
pub struct Release {
    pub version: String,
    folder: PathBuf,
}

/// Which extension a dump is loaded under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// The version that it was dumped from: the server has a new library, nothing else happened yet.
    ItsOwn,
    /// The newest, as when the dump is restored on a new server.
    TheNewest,
}

impl Release {
    /// The oldest first.
    pub fn all() -> Vec<Release> {
        let folder = repository().join("tests/upgrade");
        let entries = std::fs::read_dir(&folder).expect("the folder of releases");
        let mut all: Vec<_> = entries
            .map(|entry| entry.expect("the folder can be read"))
            .filter(|entry| entry.path().is_dir())
            .map(|e| Release { version: e.file_name().to_string_lossy().into(), folder: e.path() })
            .collect();
        all.sort_by_key(|release| order_of(&release.version));
        assert!(!all.is_empty(), "{} holds no release", folder.display());
        all
    }

    /// One of the files that were kept of it.
    pub fn read(&self, file: &str) -> String {
        let path = self.folder.join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The layout of its tables.
    pub fn layout(&self) -> u32 {
        let dump = self.read("installed.sql");
        let mut row =
            dump.lines().skip_while(|line| !line.starts_with("COPY inventory.installation"));
        let layout = row.nth(1).and_then(|row| row.split('\t').nth(1));
        layout.and_then(|n| n.parse().ok()).expect("the dump says which layout it has")
    }

    /// Makes a database of one of its dumps.
    pub async fn load(&self, server: &Arc<Server>, dump: &str, under: Under) -> Database {
        let database = Database::create(server.clone(), "template0").await;
        self.load_into(&database, dump, under).await;
        database
    }

    /// Loads one of its dumps into an empty database.
    pub async fn load_into(&self, database: &Database, dump: &str, under: Under) {
        let mut text = self.read(dump);
        assert!(text.contains(EXTENSION), "{dump} makes no extension");
        if under == Under::ItsOwn {
            let version = format!("{EXTENSION} VERSION '{}'", self.version);
            text = text.replace(EXTENSION, &version);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = folder.path().join("dump.sql");
        std::fs::write(&script, text).expect("a folder of our own");
        let mut psql = database.server.command("psql", &database.name);
        run(psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&script)).await.ok();
    }
}

/// Versions sort by their numbers, not by their letters.
pub fn order_of(version: &str) -> Vec<u32> {
    let number = |part: &str| part.parse().unwrap_or_else(|_| panic!("{version} is no version"));
    version.split('.').map(number).collect()
}

/// Whether this run works on databases that were brought forward.
pub fn wanted() -> bool {
    std::env::var(UPGRADED).is_ok_and(|v| !v.is_empty() && v != "0")
}

/// Fills an empty database: with a fresh installation, or with an old one that is brought forward.
pub async fn set_up(database: &Database) {
    let mut owner = database.owner().await;
    if wanted() {
        let oldest = Release::all().remove(0);
        oldest.load_into(database, "installed.sql", Under::ItsOwn).await;
        owner.run("ALTER EXTENSION pg_inventory UPDATE").await;
    } else {
        owner.run("CREATE EXTENSION pg_inventory").await;
    }
    owner.run("SELECT inventory.install()").await;
}
