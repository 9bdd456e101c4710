#!/usr/bin/env python3
"""The packages on a clean Debian: installed, used, brought to the next version, removed, purged: `make packages-test`.

The extension of the version before is built from the last commit that had it: another library, other scripts. Its
gateway is today's under that number; packages of it there were none yet.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import clean
import extension
import packages
import redis
from common import CHECKOUT, LOCAL, TARGET, Missing, is_root, output, run, say

# What Debian itself has.
MAJOR = 15
UNIT = "inventory-gateway.service"
STATE = "/var/lib/inventory"
# What apt, dpkg and servers keep of everything that was ever there, and the shop's rows, which nobody may remove.
KEPT = {"/proc", "/dev", "/sys", "/run", "/tmp", "/var/log", "/var/cache", "/var/lib/apt", "/var/lib/dpkg",
        "/var/lib/postgresql", "/etc/postgresql"}
SET_UP = """
CREATE EXTENSION pg_inventory;
SELECT inventory.install();
CREATE ROLE shop_gateway LOGIN PASSWORD 'gateway' IN ROLE inventory_operator;
CREATE ROLE shop_admin LOGIN PASSWORD 'admin' IN ROLE inventory_admin;
"""


class Shop:
    """A server and a gateway in the clean root."""

    def __init__(self, root):
        self.root = root
        self.port, self.gateway_port = redis.free_port(), redis.free_port()
        self.gateway = None
        self.key = None
        self.log = LOCAL / "debian" / "gateway.log"

    def postgres(self, action):
        self.root.run("pg_ctlcluster", MAJOR, "main", action)

    def sql(self, text):
        return self.root.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-p", self.port, "-d", "shop", "-c", text,
                             user="postgres")

    def library(self):
        path = f"/usr/lib/postgresql/{MAJOR}/lib/pg_inventory.so"
        return self.root.run("sha256sum", path)

    def settings(self):
        """As the unit's EnvironmentFile has them."""
        text = (self.root.folder / "etc/inventory/gateway.env").read_text(encoding="utf-8")
        return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))

    def serve(self):
        """What the unit starts, under an ordinary user, with its settings and its folder."""
        unit = (self.root.folder / "usr/lib/systemd/system" / UNIT).read_text(encoding="utf-8")
        command = shlex.split(re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)[1])
        self.root.run("install", "-d", "-o", "nobody", "-g", "nogroup", "-m", "0700", STATE)
        self.gateway = self.root.start(
            "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs", *command,
            log=self.log, **self.settings())
        clean.wait_until("the gateway", self.is_ready)

    def is_ready(self):
        if self.gateway.poll() is not None:
            raise Missing(f"the gateway ended, see {self.log}")
        try:
            return self.call("/readyz")["status"] == "ok"
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        # nsenter, between us and it, does not pass signals on; after an upgrade its file is another.
        self.root.run("sh", "-c", "for p in /proc/[0-9]*; do case $(readlink $p/exe) in "
                      "/usr/bin/inventory*) kill ${p#/proc/};; esac; done")
        self.gateway.wait(timeout=clean.PATIENCE_SECONDS)

    def inventory(self, *command):
        """The command, as the administrator who has the superuser's way in."""
        url = f"postgresql://postgres@localhost:{self.port}/shop?host=/var/run/postgresql"
        return self.root.run("inventory", *command, user="postgres", INVENTORY_DATABASE_URL=url)

    def call(self, path, body=None, **headers):
        headers = {"Content-Type": "application/json", **headers}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.gateway_port}{path}", headers=headers,
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def expect(what, found, wanted):
    if found != wanted:
        raise Missing(f"{what}: {found!r} instead of {wanted!r}")
    say(f"{what}: {found!r}")


def previous(now):
    """The version of the last upgrade script's beginning."""
    steps = (path.stem.split("--")[1:] for path in extension.SQL.glob("pg_inventory--*--*.sql"))
    return next(before for before, after in steps if after == now)


def how(profile, version):
    return packages.How(profile, version, LOCAL / "debian" / "packages")


def packages_of_before(version, now, profile):
    tree = sources_of_before(version, now)
    if tree is None:
        say("no history here: the version before has today's library, with the scripts up to it")
        return packages.build([MAJOR], how(profile, version))
    # What cargo built of our dependencies serves it too. A profile of ours it may not know yet.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "CARGO_PROFILE_TESTED_INHERITS": "release",
                   "MAJORS": str(MAJOR)}
    run([sys.executable, tree / "docker" / "local" / "packages.py", "extension", "--profile", profile], env=environment)
    kept = how(profile, version)
    kept.folder.mkdir(parents=True, exist_ok=True)
    built = next((TARGET / "packages").glob(f"postgresql-{MAJOR}-inventory_{version}-*.deb"))
    return [shutil.move(built, kept.folder / built.name), packages.pack_gateway(kept)]


def sources_of_before(version, now):
    """The tree of the last commit of that version, with what builds packages today; None where history has none."""
    asked = ["git", "log", "--format=%H", f'-Sversion = "{now}"', "--", "Cargo.toml"]
    try:
        opened = output(asked, cwd=CHECKOUT, stderr=subprocess.DEVNULL).split()[-1]
        archive = subprocess.run(["git", "archive", f"{opened}^"], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL).stdout
    except (OSError, IndexError, subprocess.CalledProcessError):
        return None
    tree = LOCAL / "debian" / f"sources-{version}"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / ".local").mkdir(parents=True)
    run(["tar", "-x", "-C", tree], input=archive)
    shutil.rmtree(tree / "docker", ignore_errors=True)
    shutil.copytree(CHECKOUT / "docker", tree / "docker")
    (LOCAL / "wheels").mkdir(exist_ok=True)
    (tree / ".local" / "wheels").symlink_to(LOCAL / "wheels")
    return tree


def test(profile):
    """What was done, for the summary."""
    if not is_root():
        return "skipped: only root can make a clean Debian"
    now = packages.version()
    old, new = packages_of_before(previous(now), now, profile), packages.build([MAJOR], how(profile, now))
    with clean.Root("packages-test") as root:
        root.run("apt-get", "-qq", "update")
        # With what the packages depend on, which stays when they go.
        root.install(f"postgresql-{MAJOR}", "ca-certificates", "systemd", "man-db")
        before = root.files(KEPT)
        root.install(*old)
        shop = Shop(root)
        open_shop(shop)
        expect("extension, installed", shop.sql("SELECT extversion FROM pg_extension WHERE extname = 'pg_inventory'"),
               previous(now))
        check_unit(root)
        check_pages(root)
        request_id, first = sell(shop)
        open_ones = leave_open(shop)
        upgrade(shop, new, now)
        again = shop.call("/v1/deductions", {"sku": "LAMP-01", "quantity": 3}, **{"Idempotency-Key": request_id})
        expect("a repeat after the upgrade", (again["order_no"], again["replayed"]), (first["order_no"], True))
        settle(shop, *open_ones)
        shop.stop()
        remove(shop, [file.name.split("_")[0] for file in new], before)
    return "installed, used, upgraded, removed, purged"


def open_shop(shop):
    root = shop.root
    root.run("sed", "-i", f"s/^port = .*/port = {shop.port}/", f"/etc/postgresql/{MAJOR}/main/postgresql.conf")
    root.write(f"/etc/postgresql/{MAJOR}/main/conf.d/inventory.conf", "shared_preload_libraries = 'pg_inventory'\n")
    shop.postgres("start")
    root.run("createdb", "-p", shop.port, "-E", "UTF8", "-T", "template0", "shop", user="postgres")
    shop.sql(SET_UP)
    file = "/etc/inventory/gateway.env"
    expect("rights of the settings", root.run("stat", "-c", "%a %U", file), "640 root")
    shipped = (root.folder / file.lstrip("/")).read_text(encoding="utf-8")
    settings = {
        "INVENTORY_DATABASE_URL": f"postgresql://shop_gateway:gateway@127.0.0.1:{shop.port}/shop",
        "INVENTORY_ADMIN_DATABASE_URL": f"postgresql://shop_admin:admin@127.0.0.1:{shop.port}/shop",
        "INVENTORY_LISTEN": f"127.0.0.1:{shop.gateway_port}",
    }
    root.write(file, shipped + "".join(f"{name}={value}\n" for name, value in settings.items()), 0o640)
    shop.serve()


def check_unit(root):
    said = subprocess.run(root.command(["systemd-analyze", "verify", UNIT]), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=True, cwd="/").stdout
    expect("what systemd-analyze finds", [line for line in said.splitlines() if UNIT in line], [])


def check_pages(root):
    root.run("man", "-w", "inventory-serve")
    for page in packages.COMPLETIONS.values():
        root.run("test", "-s", page)
    expect("the command", root.run("inventory", "--version").split()[0], "inventory")


def sell(shop):
    made = json.loads(shop.inventory("--json", "key", "create", "till", "--role", "admin"))
    shop.key = made["secret"]
    shop.inventory("product", "put", "LAMP-01", "Desk lamp")
    clean.wait_until("the new key", lambda: knows(shop))
    shop.call("/v1/receipts", {"sku": "LAMP-01", "quantity": 10})
    request_id = str(uuid.uuid4())
    sold = shop.call("/v1/deductions", {"sku": "LAMP-01", "quantity": 3}, **{"Idempotency-Key": request_id})
    expect("on hand after a sale", sold["lines"][0]["on_hand"], 7)
    return request_id, sold


def leave_open(shop):
    """Two holds and an order that is being processed, of a unit each: the upgrade finds them open."""
    lines = [{"sku": "LAMP-01", "quantity": 1}]
    holds = [shop.call("/v1/reservations", {"lines": lines})["reservation_id"] for _ in range(2)]
    order = shop.call("/v1/orders", {"direction": "outbound", "lines": lines})["order_no"]
    shop.call(f"/v1/orders/{order}/start", {})
    expect("available beside what is held", shop.call("/v1/stock/LAMP-01")["available"], 4)
    return holds, order


def settle(shop, holds, order):
    """What was open before the upgrade ends as if there had been none."""
    expect("available after the upgrade", shop.call("/v1/stock/LAMP-01")["available"], 4)
    shop.call(f"/v1/reservations/{holds[0]}/confirm", {})
    shop.call(f"/v1/reservations/{holds[1]}/release", {})
    expect("an order from before", shop.call(f"/v1/orders/{order}/complete", {})["state"], "COMPLETED")
    level = shop.call("/v1/stock/LAMP-01")
    expect("on hand and held, all settled", (level["on_hand"], level["reserved"]), (5, 0))
    expect("violations", shop.sql("SELECT count(*) FROM inventory.verify()"), "0")


def knows(shop):
    try:
        return shop.call("/v1/stock") is not None
    except urllib.error.HTTPError as error:
        return error.code != 401


def upgrade(shop, new, now):
    settings = shop.settings()
    before = shop.library()
    shop.root.install(*new)
    expect("the library is another", shop.library() != before, True)
    expect("settings are kept", shop.settings() == settings, True)
    shop.stop()
    shop.postgres("restart")
    shop.inventory("init")
    expect("extension, brought forward",
           shop.sql("SELECT extversion FROM pg_extension WHERE extname = 'pg_inventory'"), now)
    shop.serve()
    expect("violations", shop.sql("SELECT count(*) FROM inventory.verify()"), "0")


def remove(shop, names, before):
    root = shop.root
    # The library must not be asked for when it has gone.
    root.run("rm", f"/etc/postgresql/{MAJOR}/main/conf.d/inventory.conf")
    root.run("apt-get", "-qq", "remove", "-y", *names)
    root.run("test", "-s", "/etc/inventory/gateway.env")
    shop.postgres("restart")
    expect("rows that stay", shop.sql("SELECT on_hand FROM inventory.stock_level WHERE sku = 'LAMP-01'"), "5")
    # By dpkg: apt knows no package by name that has no settings to purge.
    root.run("dpkg", "--purge", *names)
    shop.postgres("stop")
    left = root.files(KEPT)
    expect("files more than before", sorted(left - before)[:20], [])
    expect("files less than before", sorted(before - left)[:20], [])


def main():
    print(test("release" if len(sys.argv) < 2 else sys.argv[1]))


if __name__ == "__main__":
    try:
        main()
    except Missing as error:
        sys.exit(f"[packages-test] {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"[packages-test] failed: {' '.join(map(str, error.cmd))}\n{error.stdout or ''}")
