"""Builds the extension with plain cargo, and puts it where a PostgreSQL looks for it."""
import os
from pathlib import Path

import runtime
import wheels
from common import CHECKOUT, TARGET, Missing, cargo, digest, only_one, output, replace_file, run, say

SQL = CHECKOUT / "sql"


def cargo_environment(postgres):
    """What cargo needs to build against this PostgreSQL without cargo-pgrx and without a system clang."""
    headers = output([os.environ.get("CC") or "cc", "-print-file-name=include"])
    return {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET),
        "PGRX_PG_CONFIG_PATH": str(postgres.pg_config),
        "LIBCLANG_PATH": str(wheels.libclang()),
        # libclang's wheel has no headers of its own: stddef.h and friends are the C compiler's.
        "BINDGEN_EXTRA_CLANG_ARGS": os.environ.get("BINDGEN_EXTRA_CLANG_ARGS") or f"-isystem {headers}",
    }


def run_cargo(postgres, arguments):
    run([cargo(), *arguments], cwd=CHECKOUT, env=cargo_environment(postgres))


def build(postgres, profile="release"):
    """The bin folder of a private PostgreSQL with the extension as the sources are now."""
    with only_one("build"):
        bindir = runtime.tree(postgres)
        libraries, scripts = runtime.folders(bindir)
        _build_library(postgres, libraries, profile)
        for script in _scripts():
            replace_file(script, scripts / script.name)
        return bindir


def _build_library(postgres, libraries, profile):
    # All majors share one file name in target/, so cargo would link anew at each change of major.
    stamp = libraries / "pg_inventory.sources"
    sources = _sources(postgres)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == sources:
        return
    say(f"building the extension for PostgreSQL {postgres.major}")
    feature = f"pg{postgres.major}"
    run_cargo(postgres, ["build", "--profile", profile, "--package", "pg_inventory", "--features", feature])
    replace_file(TARGET / profile / "libpg_inventory.so", libraries / "pg_inventory.so", mode=0o755)
    stamp.write_text(sources, encoding="utf-8")


def _sources(postgres):
    """A fingerprint of everything the library is made of."""
    files = [CHECKOUT / "Cargo.toml", CHECKOUT / "Cargo.lock"]
    files += sorted(path for path in (CHECKOUT / "pg_inventory").rglob("*") if path.suffix in (".rs", ".toml", ".sql"))
    files += sorted(SQL.rglob("*.sql"))
    parts = [str(postgres.pg_config), postgres.version]
    for path in files:
        parts += [str(path.relative_to(CHECKOUT)), path.read_bytes()]
    return digest(parts)


def _scripts():
    return [*SQL.glob("pg_inventory.control"), *sorted(SQL.glob("pg_inventory--*.sql"))]


def install(postgres, destination=""):
    """For a DBA: into that PostgreSQL's own folders, below DESTDIR where a packager names one."""
    libraries, _ = runtime.folders(build(postgres))
    below = destination.rstrip("/")
    library_folder = Path(f"{below}{postgres.where('pkglibdir')}")
    script_folder = Path(f"{below}{postgres.where('sharedir')}/extension")
    try:
        for folder in (library_folder, script_folder):
            folder.mkdir(parents=True, exist_ok=True)
        replace_file(libraries / "pg_inventory.so", library_folder / "pg_inventory.so", mode=0o755)
        for script in _scripts():
            replace_file(script, script_folder / script.name)
    except PermissionError as error:
        raise Missing(f"no right to write {error.filename}: run make install as the owner of that folder") from error
    say(f"installed into {library_folder} and {script_folder}; now, in a database of yours:")
    say("CREATE EXTENSION pg_inventory; SELECT inventory.install();")
