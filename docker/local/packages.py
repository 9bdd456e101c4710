#!/usr/bin/env python3
"""Debian packages in target/packages: the extension, one a PostgreSQL major, and the gateway: `make packages`.

They are put together by dpkg-deb alone: no build-dependency but Debian's dpkg-dev and binutils, and every
file of a package stands in the two functions below. MAJORS="15 18" names PostgreSQL majors (without it all);
PG_CONFIG the PostgreSQL to build against, of which there is only one then.
"""
import argparse
import email.utils
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

import debian
import extension
import postgres
import runtime
from common import CHECKOUT, TARGET, Missing, cargo, only_one, output, run, say

OUT = TARGET / "packages"
PARTS = CHECKOUT / "docker" / "debian"
NEEDED = ("dpkg-deb", "dpkg-shlibdeps", "strip")
# Debian's second number: the same sources, packaged again.
REVISION = 1
# As Debian's own tools take them.
MAINTAINER = "{} <{}>".format(
    os.environ.get("DEBFULLNAME") or "pg_inventory maintainers",
    os.environ.get("DEBEMAIL") or "maintainers@pg-inventory.invalid")


@dataclass(frozen=True)
class Package:
    """What stands in the control file, and the folder that becomes the package."""

    name: str
    version: str
    depends: str
    summary: str
    text: str
    root: Path

    def put(self, source, target, mode=0o644):
        place = self.folder(Path(target).parent) / Path(target).name
        shutil.copyfile(source, place)
        place.chmod(mode)
        return place

    def write(self, text, target, mode=0o644):
        place = self.folder(Path(target).parent) / Path(target).name
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)
        return place

    def folder(self, path):
        place = self.root / str(path).lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        return place

    def program(self, source, target, mode):
        run(["strip", "--strip-unneeded", self.put(source, target, mode)])


def version():
    """Of the workspace."""
    manifest = (CHECKOUT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"', manifest, re.MULTILINE)[1]


@dataclass(frozen=True)
class How:
    """Of which cargo profile, under which version, into which folder."""

    profile: str = "release"
    version: str = field(default_factory=version)
    folder: Path = OUT


def build(majors, how, gateway=True):
    """Builds and packs; gives the files. Another version than that of the sources is for tests of upgrades."""
    if not all(map(shutil.which, NEEDED)):
        debian.install("dpkg-dev", "binutils")
    how.folder.mkdir(parents=True, exist_ok=True)
    files = [pack_extension(major, how) for major in majors]
    return [*files, pack_gateway(how)] if gateway else files


def pack_extension(major, how):
    with only_one("prepare"):
        chosen = postgres.chosen(major)
    libraries, _ = runtime.folders(extension.build(chosen, how.profile))
    with tempfile.TemporaryDirectory(prefix="pg_inventory-") as folder:
        package = Package(
            f"postgresql-{major}-inventory", how.version, f"postgresql-{major}",
            f"stock nobody sells twice, inside PostgreSQL {major}",
            "Deductions, lots, order numbers, audit log and outbox as functions of an extension, each call in one "
            "commit. In a database: CREATE EXTENSION pg_inventory; SELECT inventory.install();",
            Path(folder))
        library = f"/usr/lib/postgresql/{major}/lib/pg_inventory.so"
        package.program(libraries / "pg_inventory.so", library, 0o644)
        for script in shipped(how.version):
            package.put(script, f"/usr/share/postgresql/{major}/extension/{script.name}")
        control = (extension.SQL / "pg_inventory.control").read_text(encoding="utf-8")
        control = re.sub(r"(default_version = )'.*'", rf"\1'{how.version}'", control)
        package.write(control, f"/usr/share/postgresql/{major}/extension/pg_inventory.control")
        package.put(extension.SQL / "README.md", f"/usr/share/doc/{package.name}/README.md")
        return pack(package, [library], how.folder)


def shipped(of):
    """Scripts that lead to this version or an earlier one."""
    for script in sorted(extension.SQL.glob("pg_inventory--*.sql")):
        if numbers(script.stem.split("--")[-1]) <= numbers(of):
            yield script


def numbers(text):
    return tuple(map(int, text.split(".")))


def pack_gateway(how):
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    run([cargo(), "build", "--profile", how.profile, "--package", "inventory-gateway"], cwd=CHECKOUT, env=environment)
    command = TARGET / how.profile / "inventory"
    with tempfile.TemporaryDirectory(prefix="pg_inventory-") as folder:
        package = Package(
            "inventory-gateway", how.version, "ca-certificates",
            "REST gateway and command line of pg_inventory",
            "Stands before a PostgreSQL with the extension pg_inventory: REST with idempotency keys, batches of what "
            "comes at once, and selling on from goods set aside while the database is away.",
            Path(folder))
        package.program(command, "/usr/bin/inventory", 0o755)
        unit = "inventory-gateway.service"
        package.put(PARTS / unit, f"/usr/lib/systemd/system/{unit}")
        package.put(PARTS / "gateway.env", "/etc/inventory/gateway.env", 0o640)
        run([command, "man", "--out", package.folder("/usr/share/man/man1")])
        for page in package.folder("/usr/share/man/man1").iterdir():
            compress(page)
        for shell, place in COMPLETIONS.items():
            package.write(output([command, "completions", shell]) + "\n", place)
        for script in ("postinst", "prerm", "postrm"):
            package.put(PARTS / f"{package.name}.{script}", f"/DEBIAN/{script}", 0o755)
        package.write("/etc/inventory/gateway.env\n", "/DEBIAN/conffiles")
        return pack(package, ["/usr/bin/inventory"], how.folder)


COMPLETIONS = {
    "bash": "/usr/share/bash-completion/completions/inventory",
    "zsh": "/usr/share/zsh/vendor-completions/_inventory",
    "fish": "/usr/share/fish/vendor_completions.d/inventory.fish",
}


def pack(package, binaries, folder):
    """The .deb; what its binaries need of the system, dpkg-shlibdeps finds out."""
    documents = f"/usr/share/doc/{package.name}"
    package.write(COPYRIGHT, f"{documents}/copyright")
    compress(package.put(CHECKOUT / "CHANGELOG.md", f"{documents}/changelog"))
    full = f"{package.version}-{REVISION}"
    when = moment()
    entry = CHANGES.format(full, MAINTAINER, email.utils.formatdate(when, usegmt=True).replace("GMT", "+0000"))
    compress(package.write(entry, f"{documents}/changelog.Debian"))
    architecture = output(["dpkg", "--print-architecture"])
    size = sum(path.stat().st_size for path in package.root.rglob("*") if path.is_file()) // 1024 + 1
    lines = "".join(f" {line}\n" for line in textwrap.wrap(package.text, 76))
    package.write(
        f"Package: {package.name}\nVersion: {full}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n"
        f"Section: database\nPriority: optional\nInstalled-Size: {size}\n"
        f"Depends: {package.depends}, {needs(package, binaries)}\n"
        f"Description: {package.summary}\n{lines}", "/DEBIAN/control")
    for path in (package.root, *package.root.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    file = folder / f"{package.name}_{full}_{architecture}.deb"
    run(["dpkg-deb", "--root-owner-group", "--build", package.root, file],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(when)})
    say(f"packed {file.relative_to(CHECKOUT) if CHECKOUT in file.parents else file}")
    return file


COPYRIGHT = """\
pg_inventory. Copyright: its authors.

Licensed under the Apache License, version 2.0; on Debian systems its text is in
/usr/share/common-licenses/Apache-2.0. Libraries that are linked in have licences
of their own: licences.txt of the release lists them.
"""
CHANGES = """\
pg-inventory ({}) unstable; urgency=medium

  * What changed is in changelog.gz.

 -- {}  {}
"""


def needs(package, binaries):
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder) / "debian" / "control"
        control.parent.mkdir()
        control.write_text("Source: pg-inventory\n\nPackage: pg-inventory\nArchitecture: any\n", encoding="utf-8")
        paths = [package.root / path.lstrip("/") for path in binaries]
        found = output(["dpkg-shlibdeps", "-O", *paths], cwd=folder, stderr=subprocess.DEVNULL)
    return found.split("shlibs:Depends=", 1)[1].strip()


def compress(path):
    # Without a time in it: the same sources give the same package.
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    packed.chmod(0o644)
    path.unlink()


def moment():
    """The time that files in a package have, in seconds since 1970: that of the last commit, unless somebody says."""
    named = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return int(named or output(["git", "log", "-1", "--format=%ct"], cwd=CHECKOUT, stderr=subprocess.DEVNULL))
    except (OSError, subprocess.CalledProcessError):
        return int(time.time())  # no checkout of git's


def majors_asked():
    named = os.environ.get("MAJORS", "").replace(",", " ").split()
    if named:
        return [int(major) for major in named]
    return [postgres.chosen().major] if os.environ.get("PG_CONFIG") else list(postgres.SUPPORTED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["all", "extension", "gateway"], default="all")
    parser.add_argument("--profile", default="release")
    options = parser.parse_args()
    majors = majors_asked() if options.what != "gateway" else []
    files = build(majors, How(options.profile), gateway=options.what != "extension")
    print("\n".join(map(str, files)))


if __name__ == "__main__":
    try:
        main()
    except Missing as error:
        sys.exit(f"[packages] {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"[packages] failed: {' '.join(map(str, error.cmd))}")
