#!/usr/bin/env python3
"""Brings in what is missing, builds, and prints where the result is.

  prepare.py runtime [MAJOR]          build the extension; print the bin folder of a private PostgreSQL with it
  prepare.py pg-config [MAJOR]        print the pg_config of the PostgreSQL that would be used
  prepare.py cargo MAJOR -- ARGS...   run cargo in the environment the extension is built in
  prepare.py install                  install the extension into PG_CONFIG's own folders (DESTDIR is honoured)
"""
import argparse
import os
import subprocess
import sys

import extension
import postgres
from common import Missing, only_one


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["runtime", "pg-config", "cargo", "install"])
    parser.add_argument("major", nargs="?", type=int)
    own, _, rest = (arguments, None, []) if "--" not in arguments else (
        arguments[: arguments.index("--")], "--", arguments[arguments.index("--") + 1:])
    options = parser.parse_args(own)
    options.rest = rest
    return options


def main():
    options = parse(sys.argv[1:])
    with only_one("prepare"):
        chosen = postgres.chosen(options.major)
    if options.step == "runtime":
        print(extension.build(chosen))
    elif options.step == "pg-config":
        print(chosen.pg_config)
    elif options.step == "cargo":
        extension.run_cargo(chosen, options.rest)
    else:
        extension.install(chosen, os.environ.get("DESTDIR", ""))


if __name__ == "__main__":
    try:
        main()
    except Missing as error:
        sys.exit(f"[prepare] {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"[prepare] failed: {' '.join(map(str, error.cmd))}")
