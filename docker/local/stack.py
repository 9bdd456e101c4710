#!/usr/bin/env python3
"""The private stack of this checkout, its demo and its measurements: up, down, status, demo, bench, strain, build."""
import argparse
import os
import shlex
import subprocess
import sys
import urllib.parse

import extension
import gateway
import postgres
import redis
import runtime
from common import CHECKOUT, LOCAL, TARGET, Missing, cargo, only_one, run

ENV_FILE = LOCAL / "env"
PSQL = LOCAL / "psql"
INVENTORY = gateway.INVENTORY


def build():
    """Everything that runs: the `inventory` command, and a PostgreSQL with the extension (its bin folder)."""
    with only_one("prepare"):
        chosen = postgres.chosen()
    bindir = extension.build(chosen)
    build_inventory()
    return chosen, bindir


def build_inventory():
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    run([cargo(), "build", "--release", "--package", "inventory-gateway"], cwd=CHECKOUT, env=environment)


def home(major):
    """A folder for each major: their data folders are not each other's."""
    return LOCAL / "cluster" / str(major)


def up():
    chosen, bindir = build()
    folder = home(chosen.major)
    stop_all(other_than=folder if is_current(folder, bindir) else None)
    folder.parent.mkdir(exist_ok=True)
    gateway.HOME.mkdir(mode=0o700, exist_ok=True)
    with only_one("prepare"):
        environment = {**os.environ, "INVENTORY_REDIS_URL": redis.up()}
    run([INVENTORY, "cluster", "up", "--pg-bin", bindir, "--data-dir", folder, "--env-file", ENV_FILE,
         "--serve-file", gateway.SETTINGS], stdout=sys.stdout, env=environment)
    write_psql(bindir)
    with only_one("prepare"):
        write_addresses(GATEWAY_URL=gateway.up())


def is_current(folder, bindir):
    """Whether a server that runs there was started with the library as it is now, which it keeps till it stops."""
    library = runtime.folders(bindir)[0] / "pg_inventory.so"
    started = folder / "data" / "postmaster.pid"
    return started.exists() and started.stat().st_mtime > library.stat().st_mtime


def stop_all(other_than=None):
    """Stops the PostgreSQLs of this checkout: one may have been started with another PG_CONFIG."""
    stopped = False
    for folder in sorted((LOCAL / "cluster").glob("*")):
        if folder != other_than and (folder / "data" / "postmaster.pid").exists():
            if not INVENTORY.exists():
                build_inventory()
            run([INVENTORY, "cluster", "down", "--data-dir", folder], stdout=sys.stdout)
            stopped = True
    return stopped


def write_psql(bindir):
    """A psql that knows the way and the password: nobody has to type either, and neither is shown."""
    url = urllib.parse.urlsplit(addresses()["DATABASE_URL"])
    known = {
        "PGHOST": url.hostname,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.path.lstrip("/"),
    }
    lines = ["#!/bin/sh", *(f"export {name}={shlex.quote(str(value))}" for name, value in known.items())]
    lines.append(f'exec {shlex.quote(str(bindir / "psql"))} "$@"')
    PSQL.unlink(missing_ok=True)
    with open(os.open(PSQL, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w", encoding="utf-8") as script:
        script.write("\n".join(lines) + "\n")


def addresses():
    lines = ENV_FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def write_addresses(**more):
    lines = [f"{name}={value}\n" for name, value in {**addresses(), **more}.items()]
    fresh = ENV_FILE.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(lines)
    os.replace(fresh, ENV_FILE)


def demo():
    up()
    environment = {**os.environ, **addresses(), "INVENTORY_PSQL": str(PSQL.relative_to(CHECKOUT))}
    environment["INVENTORY_ENV_FILE"] = str(ENV_FILE.relative_to(CHECKOUT))
    for name in ("INVENTORY_DATABASE_URL", "INVENTORY_REDIS_URL", "INVENTORY_URL"):
        environment.pop(name, None)  # the demo's place is its own servers, whatever else is set
    # In our place, so that Ctrl-C is between the demo and whoever presses it.
    os.execve(INVENTORY, [str(INVENTORY), "demo"], environment)


def down():
    stopped = [gateway.down(), redis.down(), stop_all()]
    if not any(stopped):
        print("nothing is running")


def status():
    for folder in sorted((LOCAL / "cluster").glob("*")):
        print(f"{folder.name}: ", end="", flush=True)
        run([INVENTORY, "cluster", "status", "--data-dir", folder], stdout=sys.stdout)
    redis.status()
    gateway.status()


def measure(runner, arguments):
    """`duel` or `strain`, on a private cluster of its own."""
    with only_one("prepare"):
        chosen = postgres.chosen()
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET),
        "INVENTORY_BENCH_PG": str(extension.build(chosen)),
    }
    # The runner starts the gateway and the bare answer that lie beside it.
    crates = ["--package", "inventory-gateway", "--package", "inventory-benches"]
    run([cargo(), "build", "--release", "--bins", *crates], cwd=CHECKOUT, env=environment)
    run([TARGET / "release" / runner, *arguments], cwd=CHECKOUT, env=environment, stdout=sys.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down", "status", "demo", "bench", "strain", "build"])
    options, rest = parser.parse_known_args()
    runner = {"bench": "duel", "strain": "strain"}.get(options.action)
    if runner:
        measure(runner, rest)
    elif rest:
        parser.error(f"unknown: {' '.join(rest)}")
    else:
        {"up": up, "down": down, "status": status, "demo": demo, "build": build}[options.action]()


if __name__ == "__main__":
    try:
        main()
    except Missing as error:
        sys.exit(f"[stack] {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"[stack] failed: {' '.join(map(str, error.cmd))}")
    except KeyboardInterrupt:
        sys.exit(130)
