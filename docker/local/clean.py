"""A clean Debian root in a folder, to install packages into: made by debootstrap, entered in namespaces of its own.

Whatever was started inside ends with it. Root only.
"""
import os
import shutil
import subprocess
import time
from pathlib import Path

import debian
from common import LOCAL, Missing, is_root, output, run, say

RELEASE = "bookworm"
PATIENCE_SECONDS = 60
# What whoever works inside has around them, and nothing else.
ALWAYS = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NOWARNINGS": "yes",
}


def mirror():
    """Where this machine has its packages of that release from, whichever of apt's two ways says it."""
    listing = output(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT) $(CREATED_BY)"])
    for line in listing.splitlines():
        site, release, component, kind = line.split(" ", 3)
        if (release, component, kind) == (RELEASE, "main", "Packages"):
            return site
    raise Missing(f"apt of this machine knows no mirror of Debian {RELEASE}")


def base():
    """An archive of the bare root; made the first time."""
    archive = LOCAL / "debian" / f"{RELEASE}.tar"
    if archive.is_file():
        return archive
    if not is_root():
        raise Missing("a clean Debian root is made by root only")
    debian.install("debootstrap")
    folder = LOCAL / "debian" / f".{RELEASE}.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    say(f"making a clean Debian {RELEASE}")
    run(["debootstrap", "--variant=minbase", RELEASE, folder, mirror()])
    fresh = archive.with_suffix(".new")
    run(["tar", "-C", folder, "-cf", fresh, "."])
    fresh.rename(archive)
    shutil.rmtree(folder)
    return archive


class Root:
    """The root as a context: inside `with`, `run` and `start` work in it."""

    def __init__(self, name):
        self.folder = LOCAL / "debian" / name
        self.holder = None
        self.inside = None

    def __enter__(self):
        archive = base()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        run(["tar", "-C", self.folder, "-xf", archive])
        # Nothing starts by itself, and names are found as outside.
        self.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        shutil.copyfile("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        self._hold()
        return self

    def _hold(self):
        """A process that keeps the namespaces; when it ends, all in them do."""
        mounts = f"mount -t proc proc {self.folder}/proc && mount --rbind /dev {self.folder}/dev && echo held"
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", f"{mounts} && exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "held\n":
            raise Missing("this machine lets nobody make namespaces")
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        self.inside = children.read_text(encoding="ascii").split()[0]

    def __exit__(self, *_):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
            self.holder.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, command, user=None, **variables):
        """As it is run from outside; `user` is a name of the root's."""
        variables = {**ALWAYS, **variables}
        whole = ["nsenter", f"--target={self.inside}", "--mount", "--pid", "chroot", self.folder, "env", "-i",
                 *(f"{name}={value}" for name, value in variables.items())]
        if user:
            whole += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return [*map(str, whole), *map(str, command)]

    def run(self, *command, user=None, **variables):
        """What it prints."""
        return output(self.command(command, user, **variables), stdin=subprocess.DEVNULL, cwd="/")

    def start(self, *command, user=None, log, **variables):
        with open(log, "ab") as out:
            return subprocess.Popen(
                self.command(command, user, **variables), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/")

    def write(self, path, text, mode=0o644):
        place = self.folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)

    def install(self, *packages):
        """Packages of Debian by name, ours by file."""
        shutil.rmtree(self.folder / "packages", ignore_errors=True)
        (self.folder / "packages").mkdir()
        names = []
        for package in packages:
            if isinstance(package, Path):
                shutil.copy(package, self.folder / "packages")
                package = f"/packages/{package.name}"
            names.append(package)
        self.run("apt-get", "-qq", "install", "-y", "--no-install-recommends", *names)
        shutil.rmtree(self.folder / "packages")

    def files(self, apart):
        """Every file, but what lies below those folders."""
        found = set()
        for folder, folders, names in os.walk(self.folder):
            here = "/" + os.path.relpath(folder, self.folder).replace(".", "", 1).lstrip("/")
            folders[:] = [name for name in folders if os.path.join(here, name) not in apart]
            found.update(os.path.join(here, name) for name in (*names, *folders))
        return found


def wait_until(what, done):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise Missing(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(0.1)
