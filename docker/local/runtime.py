"""A private copy of a PostgreSQL installation that our extension can be put into.

Nothing is ever written into the system's own folders. PostgreSQL finds its files relative to the real
path of its executable, as long as the way from one folder to the other is the same as at compile time;
so the executables are copied, the layout is kept, and everything else is a link to the original.
"""
import os
import shutil
import subprocess
from pathlib import Path

from common import LOCAL, Missing, digest, output, say

OURS = "pg_inventory"


def tree(postgres):
    """The bin folder of the private copy; made the first time, kept until the original changes."""
    # A new name for another installation or version: a server that still runs keeps its own files.
    name = f"{postgres.major}-{digest([str(postgres.pg_config), postgres.version])[:8]}"
    root = LOCAL / "pg" / name
    bindir = postgres.where("bindir")
    anchor = _anchor(postgres, bindir)
    if not root.is_dir():
        say(f"laying out {postgres.version} in {root.relative_to(LOCAL.parent)}")
        fresh = root.with_name(f".{name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        _lay_out(postgres, anchor, fresh)
        _check(fresh, fresh / bindir.relative_to(anchor))
        fresh.rename(root)
    return root / bindir.relative_to(anchor)


def _anchor(postgres, bindir):
    """The folder above all others: what lies below it keeps its place."""
    folders = [bindir, postgres.where("sharedir"), postgres.where("pkglibdir")]
    folders += [library.parent for library in _libraries_beside(bindir)]
    return Path(os.path.commonpath(folders))


def _libraries_beside(bindir):
    """Libraries that an executable finds relative to itself, as in wheels; the loader's path has a `..` then."""
    listing = subprocess.run(
        ["ldd", bindir / "psql", bindir / "postgres"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout
    paths = (line.split("=>")[1].split("(")[0].strip() for line in listing.splitlines() if "=>" in line)
    return {Path(os.path.normpath(path)) for path in paths if "/../" in path}


def _lay_out(postgres, anchor, root):
    bindir, sharedir, pkglibdir = (postgres.where(what) for what in ("bindir", "sharedir", "pkglibdir"))
    private = {folder: root / folder.relative_to(anchor) for folder in (bindir, sharedir, pkglibdir)}
    for folder in private.values():
        folder.mkdir(parents=True, exist_ok=True)
    for program in bindir.iterdir():
        if program.is_file():
            shutil.copyfile(program, private[bindir] / program.name)
            (private[bindir] / program.name).chmod(0o755)
    extensions = private[sharedir] / "extension"
    extensions.mkdir()
    _link_all(sharedir / "extension", extensions)
    _link_all(sharedir, private[sharedir])
    _link_all(pkglibdir, private[pkglibdir])
    for library in _libraries_beside(bindir):
        link = root / library.relative_to(anchor)
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(library)


def _link_all(original, private):
    for entry in original.iterdir():
        link = private / entry.name
        # An extension of ours that somebody installed there must not shadow the one built here.
        if not entry.name.startswith(OURS) and not link.exists():
            link.symlink_to(entry)


def _check(root, bindir):
    """The copy must stand on its own feet: start at all, and look for its files in its own folders."""
    for program in ("postgres", "psql", "initdb"):
        output([bindir / program, "--version"])
    for what in ("sharedir", "pkglibdir"):
        found = Path(output([bindir / "pg_config", f"--{what}"]))
        if os.path.realpath(found) != str(found) or root not in found.parents:
            raise Missing(f"this PostgreSQL cannot be relocated: its copy looks for its {what} in {found}")


def folders(bindir):
    """Where the copy keeps libraries and extension scripts."""
    pg_config = bindir / "pg_config"
    return Path(output([pg_config, "--pkglibdir"])), Path(output([pg_config, "--sharedir"])) / "extension"
