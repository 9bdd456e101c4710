"""The gateway of this checkout, in the background on 127.0.0.1: `inventory serve` before the private PostgreSQL.

Its database users and their passwords reach it by its environment, so that no process list shows them.
"""
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from common import LOCAL, TARGET, Missing, digest
from redis import free_port, is_free

INVENTORY = TARGET / "release" / "inventory"
HOME = LOCAL / "gateway"
# What it was started as: process, its age, what it is made of, where it listens.
STATE = HOME / "state.json"
# NAME=value lines that it is started with.
SETTINGS = HOME / "settings"
LOG = HOME / "gateway.log"
PATIENCE_SECONDS = 60


def up():
    """The address of a running one that is made of the binary and the settings as they are now."""
    settings = dict(line.split("=", 1) for line in SETTINGS.read_text(encoding="utf-8").splitlines())
    made_of = fingerprint(settings)
    state = running()
    if state and state["made_of"] == made_of and port_is_right(state):
        print(f"gateway runs on {state['url']}", flush=True)
        return state["url"]
    if state:
        stop(state)
    state = start(settings, made_of, port())
    print(f"gateway started on {state['url']}", flush=True)
    return state["url"]


def down():
    """Stops it; whether there was anything to stop."""
    state = running()
    if not state:
        return False
    stop(state)
    print("gateway stopped")
    return True


def status():
    state = running()
    if not state:
        print("gateway is not running")
    else:
        print(f"gateway runs on {state['url']}, process {state['pid']}{'' if ready(state['url']) else ', not ready'}")


def start(settings, made_of, listen):
    address = HOME / "address"
    address.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")}
    environment.update(settings, INVENTORY_LISTEN=f"127.0.0.1:{listen}", INVENTORY_ADDRESS_FILE=str(address))
    with open(LOG, "ab") as log:
        process = subprocess.Popen(
            [INVENTORY, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd="/", start_new_session=True)
    url = f"http://127.0.0.1:{listen}"
    state = {"pid": process.pid, "age": age(process.pid), "made_of": made_of, "url": url}
    keep(state)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (address.exists() and ready(url)):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = LOG.read_text(encoding="utf-8", errors="replace")[-1000:]
            raise Missing(f"the gateway does not start, see {LOG}:\n{tail}")
        time.sleep(0.05)
    return state


def stop(state):
    os.kill(state["pid"], signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while running():
        if time.monotonic() > deadline:
            raise Missing(f"the gateway, process {state['pid']}, does not stop")
        try:
            os.waitpid(state["pid"], os.WNOHANG)
        except ChildProcessError:
            pass  # an earlier run's
        time.sleep(0.05)


def keep(state):
    fresh = STATE.with_suffix(".new")
    fresh.write_text(json.dumps(state), encoding="utf-8")
    os.replace(fresh, STATE)


def kept():
    return json.loads(STATE.read_text(encoding="utf-8")) if STATE.exists() else None


def running():
    """What is known of the one that runs; None where none does."""
    state = kept()
    return state if state and state["age"] and age(state["pid"]) == state["age"] else None


def age(pid):
    """When a process began, by the kernel's clock, which tells it from a later one of the same number."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def fingerprint(settings):
    binary = INVENTORY.stat()
    return digest([str(binary.st_mtime_ns), str(binary.st_size), json.dumps(settings, sort_keys=True)])


def port():
    named = os.environ.get("INVENTORY_PORT")
    if named:
        return int(named)
    before = kept()
    used = urllib.parse.urlsplit(before["url"]).port if before else None
    return used if used and is_free(used) else free_port()


def port_is_right(state):
    named = os.environ.get("INVENTORY_PORT")
    return not named or urllib.parse.urlsplit(state["url"]).port == int(named)


def ready(url):
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
