"""Debian's packages: installed as root, or one package unpacked inside the checkout for an ordinary user."""
import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from common import LOCAL, Missing, is_root, run, say

# What Debian's packages ask before they start a service.
POLICY = Path("/usr/sbin/policy-rc.d")

_refreshed = False


def can_install():
    return is_root() and shutil.which("apt-get") is not None


def is_installed(package):
    if not shutil.which("dpkg-query"):
        return False
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Status}", package],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
    )
    return answer.stdout == "installed"


def install(*packages):
    """Installs what is missing of these packages (root only), for their programs: no service is started."""
    global _refreshed
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return
    if not can_install():
        raise Missing(f"please install the packages {' '.join(missing)} (or their like), or run make as root on Debian")
    say(f"installing from Debian: {' '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if not _refreshed:
        run(["apt-get", "-qq", "update"], env=quiet)
        _refreshed = True
    with no_services():
        run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing], env=quiet)


@contextlib.contextmanager
def no_services():
    """Forbids them, unless the machine has a policy of its own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def unpack(package):
    """One package, downloaded by apt and unpacked below .local, for those who may not install; its folder."""
    folder = LOCAL / "debian" / package
    if folder.is_dir():
        return folder
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Missing(f"{package} is missing and this machine has no apt-get to fetch it with")
    state = LOCAL / "debian" / "apt"
    for part in ("lists/partial", "cache/archives/partial", "download"):
        (state / part).mkdir(parents=True, exist_ok=True)
    private = [f"-oDir::State::lists={state}/lists", f"-oDir::Cache={state}/cache", "-qq"]
    say(f"fetching {package} from Debian into the checkout")
    run(["apt-get", *private, "update"])
    run(["apt-get", *private, "download", package], cwd=state / "download")
    archive = next((state / "download").glob(f"{package}_*.deb"))
    fresh = folder.with_name(f".{package}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    run(["dpkg-deb", "-x", archive, fresh])
    fresh.rename(folder)
    return folder
