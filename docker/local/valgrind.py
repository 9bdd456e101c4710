"""A PostgreSQL whose server runs under valgrind, and what valgrind saw of the extension.

It sees jumps on and writes of bytes that nobody has set, and reads and writes beside what malloc gave; not what lies
beside a piece of PostgreSQL's memory contexts, which malloc knows as blocks.
"""
import re
import shutil

import debian
from common import LOCAL

ROOT = LOCAL / "valgrind"
OURS = "pg_inventory.so"
END = re.compile(r"^==\d+== $", re.MULTILINE)
# What valgrind says where nothing is wrong. The server writes the padding of its own records: its developers' own list
# has that too. The core has no unsafe code: there a compiler compares first and looks then whether there was anything.
SUPPRESSIONS = """
{
   padding in the server's log
   Memcheck:Param
   pwrite64(buf)
   ...
   fun:XLogFlush
   ...
}
{
   padding in the server's log, written ahead
   Memcheck:Param
   pwrite64(buf)
   ...
   fun:XLogBackgroundFlush
   ...
}
{
   padding in the file of what each session needs to know
   Memcheck:Param
   write(buf)
   ...
   fun:RelationCacheInitializePhase3
   ...
}
{
   the loader compares eight bytes at a time
   Memcheck:Addr8
   fun:strncmp
   fun:is_dst
   ...
}
{
   a choice made before it is known whether it counts
   Memcheck:Cond
   fun:*inventory_core*
   ...
}
"""
# Who asks for its version or its settings is answered by the program itself.
PROGRAM = """#!/bin/sh
case "$1" in -V|--version|-C|--describe-config) exec {postgres} "$@";; esac
exec {valgrind} --quiet --leak-check=no --num-callers=40 --suppressions={root}/suppressions \\
    --log-file={root}/logs/%p.log {postgres} "$@"
"""


def watched(bindir):
    """A bin folder with the programs of that one, whose server is watched. The others find it by their own paths,
    and so the one that is not."""
    if not shutil.which("valgrind"):
        debian.install("valgrind")
    shutil.rmtree(ROOT, ignore_errors=True)
    logs, programs = ROOT / "logs", ROOT / "bin"
    for folder in (logs, programs):
        folder.mkdir(parents=True)
    logs.chmod(0o777)  # the server runs as another user
    (ROOT / "suppressions").write_text(SUPPRESSIONS, encoding="utf-8")
    for program in bindir.iterdir():
        (programs / program.name).symlink_to(program)
    script = programs / "postgres"
    script.unlink()
    script.write_text(PROGRAM.format(postgres=bindir / "postgres", valgrind=shutil.which("valgrind"), root=ROOT))
    script.chmod(0o755)
    return programs


def findings():
    """What valgrind said with a function of ours in it."""
    logs = (log.read_text(encoding="utf-8", errors="replace") for log in (ROOT / "logs").glob("*.log"))
    return [found for log in logs for found in END.split(log) if OURS in found]
