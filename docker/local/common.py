"""What every step shares: where things live, how to talk, how to run a command."""
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LOCAL = CHECKOUT / ".local"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CHECKOUT / "target")

# The server runs as another user where make runs as root: it must be able to read what we write.
os.umask(0o022)


class Missing(Exception):
    """Something the machine lacks and we cannot bring in; the text says what to install."""


def say(text):
    """Progress goes to standard error: standard output is the answer (a path) that callers capture."""
    print(f"[prepare] {text}", file=sys.stderr, flush=True)


def is_root():
    return os.geteuid() == 0


def run(command, **options):
    """Runs a command; its chatter goes to standard error, a failure is raised."""
    options.setdefault("stdout", sys.stderr)
    return subprocess.run([str(part) for part in command], check=True, **options)


def output(command, **options):
    return subprocess.run(
        [str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **options
    ).stdout.strip()


def succeeds(command, **options):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    try:
        return subprocess.run([str(part) for part in command], **quiet).returncode == 0
    except OSError:
        return False


def cargo():
    """cargo from PATH, or where rustup puts it for shells that never read its profile."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    found = shutil.which("cargo") or shutil.which("cargo", path=str(home / "bin"))
    if not found:
        raise Missing("cargo is missing: install Rust 1.95 or newer (rustup, or your distribution's packages)")
    return found


def digest(texts):
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text if isinstance(text, bytes) else text.encode())
        whole.update(b"\0")
    return whole.hexdigest()


@contextlib.contextmanager
def only_one(name):
    """Two runs of make in one checkout wait for each other instead of treading on each other's files."""
    LOCAL.mkdir(exist_ok=True)
    with open(LOCAL / f"{name}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace_file(source, target, mode=0o644):
    """Copies in one step, and only where the content differs: a running server keeps the file it has open."""
    if target.is_file() and not target.is_symlink() and target.read_bytes() == source.read_bytes():
        return False
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    fresh.chmod(mode)
    os.replace(fresh, target)
    return True
