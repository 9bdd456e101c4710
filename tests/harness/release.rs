//! Released versions: what each left in a database, as `pg_dump` wrote it down when it was the newest.
//!
//! `tests/upgrade/<version>/` holds `installed.sql`, a database just made, `traded.sql`, one that was
//! worked with, and `requests.txt`, what that one answered to repeats. The library under test cannot make
//! tables of an older layout; these can be loaded.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::commands::run;
use crate::database::Database;
use crate::servers::{Pg, Server, repository};
use crate::trade::Trade;

/// Set to anything but 0, databases are not made afresh but brought forward from the oldest release.
const UPGRADED: &str = "INVENTORY_TEST_UPGRADED";

/// Files that databases out there have run, with the SHA-256 of each: the format of sha256sum.
pub const FROZEN: &str = "sql/released.sha256";

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

    /// Calls with request ids, and the answers that it gave to repeats of them.
    pub fn requests(&self) -> Vec<(String, String)> {
        let text = self.read("requests.txt");
        let blocks = text.split("\n\n").filter_map(|block| block.trim().split_once('\n'));
        blocks.map(|(call, answer)| (call.to_owned(), answer.to_owned())).collect()
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

/// Writes down what the version of today leaves, and freezes its files: part of a release.
pub async fn write_down(pg: &Pg) {
    let folder = repository().join("tests/upgrade").join(newest());
    let keep = |file: &str, text: String| {
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(file), text))
    };
    let server = pg.shared().await;
    let (installed, traded) = (pg.bare_database().await, pg.bare_database().await);
    for database in [&installed, &traded] {
        set_up_afresh(database).await;
    }
    let trade = Trade::of(&traded).await;
    let mut requests = String::new();
    for (call, answer) in trade.repeats() {
        requests += &format!("{call}\n{answer}\n\n");
    }
    for (file, text) in [
        ("installed.sql", dump(&server, &installed).await),
        ("traded.sql", dump(&server, &traded).await),
        ("requests.txt", requests),
    ] {
        keep(file, text).unwrap_or_else(|e| panic!("{file}: {e}"));
    }
    let files = scripts().into_iter().chain(steps());
    let sums: String = files.map(|file| format!("{}  {file}\n", sha256(&file))).collect();
    std::fs::write(repository().join(FROZEN), sums).unwrap_or_else(|e| panic!("{FROZEN}: {e}"));
}

/// A dump without the lines that differ each time and those that say nothing.
async fn dump(server: &Server, database: &Database) -> String {
    let text = run(&mut server.command("pg_dump", &database.name)).await.ok();
    let dull = ["--", "\\restrict", "\\unrestrict"];
    let kept = text.lines().filter(|l| !l.is_empty() && !dull.iter().any(|d| l.starts_with(d)));
    kept.map(|line| format!("{line}\n")).collect()
}

/// The version that `CREATE EXTENSION` makes today.
pub fn newest() -> String {
    let control = std::fs::read_to_string(repository().join("sql/pg_inventory.control"));
    let control = control.expect("the control file");
    let version = control.split("default_version = '").nth(1).and_then(|v| v.split('\'').next());
    version.expect("the control file names a version").to_owned()
}

/// The extension's scripts, below the repository's root.
pub fn scripts() -> Vec<String> {
    let all = files("sql");
    all.into_iter().filter(|file| file.starts_with("sql/pg_inventory--")).collect()
}

/// The steps of the layout.
pub fn steps() -> Vec<String> {
    files("sql/layout")
}

fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository().join(folder)).expect("a folder of the repository");
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut files: Vec<_> =
        entries.flatten().map(|entry| format!("{folder}/{}", name(entry))).collect();
    files.sort();
    files
}

pub fn sha256(file: &str) -> String {
    let text = std::fs::read(repository().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
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
    if !wanted() {
        return set_up_afresh(database).await;
    }
    let oldest = Release::all().remove(0);
    oldest.load_into(database, "installed.sql", Under::ItsOwn).await;
    let forward = "ALTER EXTENSION pg_inventory UPDATE; SELECT inventory.install()";
    database.owner().await.run(forward).await;
}

/// Makes the extension and its tables.
pub async fn set_up_afresh(database: &Database) {
    let afresh = "CREATE EXTENSION pg_inventory; SELECT inventory.install()";
    database.owner().await.run(afresh).await;
}
