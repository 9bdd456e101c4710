#!/usr/bin/env python3
"""Everything that CI runs, stage by stage, with a summary: `make test`; what takes longer: `make soak`; of that
what a C compiler is needed for: `make kafka`."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import extension
import packages_test
import postgres
import shipping
import tools
import valgrind
from common import CHECKOUT, TARGET, Missing, cargo, only_one, run, say

# Every major in turn is tested where somebody names them: the forge's matrix does.
NAMED = tuple(map(int, os.environ.get("INVENTORY_TEST_MAJORS", "").split()))
TESTED = NAMED or (15, 18)
COMPILED = () if NAMED else (16, 17)
# One profile for what the tests drive: the extension, the command and the tests share what they are built from.
PROFILE = "tested"
# Test files wait for servers more than they work, so two of them share two cores well.
ABREAST = 2
CRATES = [
    f"--package={name}" for name in ("inventory-gateway", "inventory-sinks", "inventory-tests", "inventory-benches")]
# Test files that say what SQL does: they run once more on a database that was brought forward from the first release.
SQL_BEHAVIOUR = (
    "sql_behaviour", "refusals", "master_data", "bad_input", "rights", "verify", "isolation", "state_machine",
)
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
FAILED, PASSED = (re.compile(rf"^test (\S+)\s+\.\.\. {end}$", re.MULTILINE) for end in ("FAILED", "ok"))
# Where more tests fail than that, it is not the machine.
ONCE_MORE = 6
# Without crowds, and without those that wait for each other: under valgrind a statement takes twenty times as long.
WATCHED = ("sql_behaviour", "refusals", "bad_input")


class Run:
    """What the stages find out: their times and results, the servers, the tests counted."""

    def __init__(self):
        self.rows = []
        self.postgres = {}
        self.runtimes = {}
        self.environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "CARGO_TERM_COLOR": "never"}
        self.counts = [0, 0, 0]
        self.printing = threading.Lock()

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

    def cargo_test(self, *arguments, **variables):
        """Builds tests and runs them to the end, some files at a time; adds up what the runners report."""
        environment = {**self.environment, **variables}
        before = list(self.counts)
        with concurrent.futures.ThreadPoolExecutor(ABREAST) as together:
            runs = [together.submit(self._test_file, file, environment) for file in self._test_files(arguments)]
        failed = [failure for run in runs for failure in run.result()]
        again = failed if len(failed) <= ONCE_MORE else []
        unsteady = [test for file, test in again if self._once_more(file, test, environment)]
        if len(unsteady) < len(failed):
            raise subprocess.CalledProcessError(1, sorted({file[0] for file, _ in failed}))
        counts = counted([after - was for after, was in zip(self.counts, before)])
        return ", ".join([counts, *(f"UNSTEADY: {test}" for test in unsteady)])

    def _once_more(self, file, test, environment):
        """Runs a test that failed beside others again, alone; whether it passes now. A fault fails twice; what a
        busy machine spoilt is told, to be mended, but stops nobody's work."""
        name, executable, home = file
        done = execute([executable, "--exact", test], home, environment)
        passed = done.returncode == 0 and test in PASSED.findall(done.stdout)
        ended = "passed" if passed else "FAILED"
        print(f"\n-- {name}: {test}, once more and alone: {ended}\n{done.stdout}", end="", flush=True)
        if passed:
            self.counts[0] += 1
            self.counts[1] -= 1
        return passed

    def _test_files(self, arguments):
        """Name, executable and home of each."""
        command = [cargo(), "test", "--no-run", "--message-format=json-render-diagnostics", *arguments]
        built = subprocess.run(
            command, cwd=CHECKOUT, env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        for message in map(json.loads, built.stdout.splitlines()):
            if message.get("executable") and message["profile"]["test"]:
                yield message["target"]["name"], message["executable"], Path(message["manifest_path"]).parent

    def _test_file(self, file, environment):
        """What it prints comes in one piece; gives the tests that failed, each with its file."""
        name = file[0]
        start = time.monotonic()
        done = execute(file[1:2], file[2], environment)
        failed = FAILED.findall(done.stdout)
        with self.printing:
            print(f"\n-- {name}: {time.monotonic() - start:.0f} s\n{done.stdout}", end="", flush=True)
            for found in filter(None, map(RESULT.match, done.stdout.splitlines())):
                self.counts = [sum(pair) for pair in zip(self.counts, map(int, found.groups()))]
        if done.returncode and not failed:
            failed = ["(the file as a whole)"]
        return [(file, test) for test in failed]


def execute(command, home, environment):
    return subprocess.run(
        command, cwd=home, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)


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
    extension.run_cargo(newest, ["clippy", "--profile", PROFILE, *every, "--", "-D", "warnings"])


def build_extensions(this):
    for major in TESTED:
        if major in this.postgres:
            this.runtimes[major] = extension.build(this.postgres[major], PROFILE)
    named = ",".join(f"{major}={bindir}" for major, bindir in this.runtimes.items())
    this.environment["INVENTORY_TEST_PG"] = named
    return "PostgreSQL " + ", ".join(map(str, this.runtimes))


def compile_others(this):
    for major in COMPILED:
        arguments = ["check", "--profile", PROFILE, "--package", "pg_inventory", "--features", f"pg{major}"]
        extension.run_cargo(this.postgres[major], arguments)


def build_all(this):
    this.cargo("build", "--profile", PROFILE, "--all-targets", *CRATES)
    this.environment["INVENTORY_BIN"] = str(TARGET / PROFILE / "inventory")


def test_upgraded(this):
    major, bindir = max(this.runtimes.items())
    files = [f"--test={name}" for name in SQL_BEHAVIOUR]
    where = {"INVENTORY_TEST_PG": f"{major}={bindir}", "INVENTORY_TEST_UPGRADED": "1"}
    return this.cargo_test("--profile", PROFILE, *CRATES, *files, **where)


# The planner and the executor take ways that they would not take by themselves.
ODD = {
    15: "force_parallel_mode=regress,jit_above_cost=0,jit_inline_above_cost=0,jit_optimize_above_cost=0",
    18: "debug_parallel_query=regress,jit_above_cost=0,jit_inline_above_cost=0,jit_optimize_above_cost=0",
}


def test_on_odd_ways(this, major):
    files = [f"--test={name}" for name in SQL_BEHAVIOUR if name != "state_machine"]
    where = {"INVENTORY_TEST_PG": f"{major}={this.runtimes[major]}", "INVENTORY_TEST_SETTINGS": ODD[major]}
    return this.cargo_test("--profile", PROFILE, *CRATES, *files, **where)


def test_under_valgrind(this):
    """Fails where valgrind saw anything with a function of ours in it."""
    major, bindir = max(this.runtimes.items())
    where = {"INVENTORY_TEST_PG": f"{major}={valgrind.watched(bindir)}"}
    counts = this.cargo_test("--profile", PROFILE, *CRATES, *[f"--test={name}" for name in WATCHED], **where)
    found = valgrind.findings()
    if found:
        print("\n".join(found), flush=True)
        raise Missing(f"valgrind found {len(found)} in {valgrind.ROOT / 'logs'}")
    return counts


def test_kafka(this):
    """With brokers of the library's own; it is built from C, which is why CI leaves it out."""
    what = ["--profile", PROFILE, "--package=inventory-gateway", "--package=inventory-tests",
            "--features=inventory-tests/kafka"]
    this.cargo("build", "--bin=inventory", *what)
    this.environment["INVENTORY_BIN"] = str(TARGET / PROFILE / "inventory")
    return this.cargo_test(*what, "--test=kafka")


def stages(this):
    yield this.stage("servers and tools", lambda: prepare(this))
    yield this.stage("format", lambda: this.cargo("fmt", "--all", "--check"))
    yield this.stage("lint", lambda: lint(this))
    yield this.stage("what is shipped", shipping.check)
    yield this.stage("core rules", lambda: this.cargo_test("--package=inventory-core"))
    built = this.stage("extension, built", lambda: build_extensions(this))
    yield built
    if COMPILED:
        yield this.stage("extension, compiled for 16 and 17", lambda: compile_others(this))
    if built and this.stage("commands and tests, built", lambda: build_all(this)):
        yield this.stage("from outside", lambda: this.cargo_test("--profile", PROFILE, *CRATES))
        yield this.stage("from outside, brought forward", lambda: test_upgraded(this))
    else:
        yield False


def under_strain(this):
    """In full, on the newest PostgreSQL; a promise that is not kept fails it."""
    this.environment["INVENTORY_BENCH_PG"] = str(this.runtimes[max(this.runtimes)])
    this.cargo("run", "--release", "--package=inventory-benches", "--bin=strain", "--", "--full", "--strict")


def soak_stages(this):
    """What takes longer than CI: the long forms of the tests, and the measurements under strain."""
    yield this.stage("servers and tools", lambda: prepare(this))
    built = this.stage("extension, built", lambda: build_extensions(this))
    yield built
    if built and this.stage("commands and tests, built", lambda: build_all(this)):
        for major in this.runtimes:
            yield this.stage(f"on odd ways, {major}", lambda: test_on_odd_ways(this, major))
        yield this.stage("under valgrind", lambda: test_under_valgrind(this))
        yield this.stage("packages on a clean Debian", lambda: packages_test.test(PROFILE))
        this.environment["INVENTORY_SOAK"] = "1"
        outside = ["--profile", PROFILE, "--package=inventory-tests"]
        yield this.stage("from outside, the long forms", lambda: this.cargo_test(*outside))
        yield this.stage("Kafka", lambda: test_kafka(this))
        yield this.stage("under strain", lambda: under_strain(this))
    else:
        yield False


def kafka_stages(this):
    """What `make soak` asks of Kafka, in the short form unless INVENTORY_SOAK says otherwise."""
    yield this.stage("servers and tools", lambda: prepare(this))
    built = this.stage("extension, built", lambda: build_extensions(this))
    yield built and this.stage("Kafka", lambda: test_kafka(this))


RUNS = {"": stages, "soak": soak_stages, "kafka": kafka_stages}


def main():
    this = Run()
    asked = " ".join(sys.argv[1:])
    if asked not in RUNS:
        sys.exit(f"unknown: {asked}")
    passed = all(list(RUNS[asked](this)))
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
