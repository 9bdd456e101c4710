#!/usr/bin/env python3
"""Everything that CI runs, stage by stage, with a summary: `make test`. And what takes longer: `make soak`."""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import extension
import postgres
import tools
from common import CHECKOUT, TARGET, Missing, cargo, only_one, run, say

TESTED = (15, 18)
COMPILED = (16, 17)
# One release profile for what the tests drive: the extension, the command and the tests share what they
# are built from, and the promises about speed are measured on what people run.
CRATES = [f"--package={name}" for name in ("inventory-gateway", "inventory-tests", "inventory-benches")]
# The tests whose long forms last for minutes each.
LONG = ("torture", "history", "group_commit")
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")


class Run:
    """What the stages find out: their times and results, the servers, the tests counted."""

    def __init__(self):
        self.rows = []
        self.postgres = {}
        self.runtimes = {}
        self.environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "CARGO_TERM_COLOR": "never"}
        self.counts = [0, 0, 0]

    def stage(self, name, work):
        print(f"\n== {name}  ({time.strftime('%H:%M:%S')})", flush=True)
        start = time.monotonic()
        try:
            note, passed = work() or "", True
        except (Missing, subprocess.CalledProcessError, OSError) as error:
            note, passed = failure(error), False
            print(f"FAILED: {note}", flush=True)
        self.rows.append((name, time.monotonic() - start, passed, note))
        return passed

    def cargo(self, *arguments):
        run([cargo(), *arguments], cwd=CHECKOUT, env=self.environment, stdout=sys.stdout)

    def cargo_test(self, *arguments):
        """Runs tests to the end, and adds up what the runners report."""
        command = [cargo(), "test", *arguments]
        process = subprocess.Popen(command, cwd=CHECKOUT, env=self.environment, stdout=subprocess.PIPE, text=True)
        before = list(self.counts)
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := RESULT.match(line):
                self.counts = [sum(pair) for pair in zip(self.counts, map(int, found.groups()))]
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
        return counted([after - was for after, was in zip(self.counts, before)])


def failure(error):
    if isinstance(error, subprocess.CalledProcessError):
        return " ".join(Path(part).name for part in map(str, error.cmd))[:80]
    return str(error)


def counted(counts):
    return "{} passed, {} failed, {} ignored".format(*counts)


def prepare(this):
    """Servers and tools. A PostgreSQL that an ordinary user cannot bring in is left out, the wheels' never."""
    with only_one("prepare"):
        for major in (*TESTED, *COMPILED):
            try:
                this.postgres[major] = postgres.chosen(major)
            except Missing as error:
                if major in postgres.WHEELS:
                    raise
                say(f"skipped: PostgreSQL {major} ({error})")
        this.environment.update(tools.environment())
    return "PostgreSQL " + ", ".join(map(str, sorted(this.postgres)))


def lint(this):
    newest = this.postgres[max(TESTED)]
    every = ["--workspace", "--all-targets", "--features", f"pg_inventory/pg{newest.major}"]
    extension.run_cargo(newest, ["clippy", "--release", *every, "--", "-D", "warnings"])


def build_extensions(this):
    for major in TESTED:
        if major in this.postgres:
            this.runtimes[major] = extension.build(this.postgres[major])
    named = ",".join(f"{major}={bindir}" for major, bindir in this.runtimes.items())
    this.environment["INVENTORY_TEST_PG"] = named
    return "PostgreSQL " + ", ".join(map(str, this.runtimes))


def compile_others(this):
    for major in COMPILED:
        arguments = ["check", "--release", "--package", "pg_inventory", "--features", f"pg{major}"]
        extension.run_cargo(this.postgres[major], arguments)


def build_all(this):
    this.cargo("build", "--release", "--all-targets", *CRATES)
    this.environment["INVENTORY_BIN"] = str(TARGET / "release" / "inventory")


def stages(this):
    yield this.stage("servers and tools", lambda: prepare(this))
    yield this.stage("format", lambda: this.cargo("fmt", "--all", "--check"))
    yield this.stage("lint", lambda: lint(this))
    yield this.stage("core rules", lambda: this.cargo_test("--package=inventory-core", "--no-fail-fast"))
    built = this.stage("extension, built", lambda: build_extensions(this))
    yield built
    yield this.stage("extension, compiled for 16 and 17", lambda: compile_others(this))
    if built and this.stage("commands and tests, built", lambda: build_all(this)):
        yield this.stage("from outside", lambda: this.cargo_test("--release", *CRATES, "--no-fail-fast"))
    else:
        yield False


def long_stages(this):
    this.environment["INVENTORY_SOAK"] = "1"
    yield this.stage("servers and tools", lambda: prepare(this))
    built = this.stage("extension, built", lambda: build_extensions(this))
    yield built
    if built and this.stage("commands and tests, built", lambda: build_all(this)):
        tests = [word for name in LONG for word in ("--test", name)]
        arguments = ("--release", "--package=inventory-tests", *tests, "--no-fail-fast")
        yield this.stage("long forms", lambda: this.cargo_test(*arguments))
    else:
        yield False


def main():
    this = Run()
    chosen = {"": stages, "soak": long_stages}["".join(sys.argv[1:])]
    passed = all(list(chosen(this)))
    print(f"\n{'stage':<36}{'seconds':>8}  result")
    for name, seconds, good, note in this.rows:
        print(f"{name:<36}{seconds:>8.1f}  {'ok' if good else 'FAILED'}  {note}")
    total = sum(seconds for _, seconds, _, _ in this.rows)
    print(f"{'PASSED' if passed else 'FAILED'}: {counted(this.counts)}, {total / 60:.1f} minutes")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
