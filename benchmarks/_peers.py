"""Gets the programs that benchmarks compare with, each into a folder of its own below the cache folder.

Nothing is installed elsewhere. When one cannot be had, `MissingError` says why, and the figure stands alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks._places import cache

_INSTALL_S: Final = 300
_NEWEST_PYTHON: Final = 14
_OLDEST_FOR_PUBLIC: Final = 12

_LEET_JOB: Final = """
import sys, math, wandb
quiet = wandb.Settings(console="off", x_disable_stats=True)
run = wandb.init(project="bench", mode="offline", settings=quiet)
for step in range(int(sys.argv[1])):
    epoch = step / 1000
    run.log({"loss": 2.3 / (1 + epoch), "accuracy": 1 - 0.9 / (1 + epoch), "grad-norm": math.sin(epoch)})
run.finish()
"""


BEFORE_PUBLIC: Final = """
import dataclasses, sys
if sys.version_info < (3, 14):
    def dataclass(cls=None, /, made=dataclasses.dataclass, **options):
        return made(cls, **{**options, "slots": False})
    dataclasses.dataclass = dataclass
"""
"""Lets public Contexta run before Python 3.14, where `super()` fails in a data class with slots."""


class MissingError(Exception):
    """A peer cannot be had; the message says why."""


def venv(name: str, *packages: str, python: str = sys.executable, any_python: bool = False) -> Path:
    """The ``bin`` folder of a virtual environment with some packages.

    Args:
        name: Its folder's name.
        packages: Requirements for pip.
        python: The interpreter.
        any_python: Whether packages may be installed that ask for another version of Python.

    Raises:
        MissingError: They cannot be installed.
    """
    folder = cache() / "peers" / name
    if not (folder / ".complete").exists():
        print(f"  installing {', '.join(packages)} into {name}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        _run(name, [python, "-m", "venv", str(folder)])
        _run(name, [*pip, *(["--ignore-requires-python"] if any_python else []), *packages])
        (folder / ".complete").touch()
    return folder / "bin"


def orjson_python() -> Path:
    """A Python that has orjson."""
    return venv("orjson", "orjson>=3.10") / "python"


def toolong() -> Path:
    """The program of Toolong."""
    return venv("toolong", "toolong>=1.5") / "tl"


def wandb() -> Path:
    """The program of W&B, which brings LEET."""
    return venv("wandb", "wandb>=0.31") / "wandb"


def public_contexta() -> tuple[Path, str]:
    """A Python that has public Contexta 1.0.0, and that Python's version.

    Raises:
        MissingError: There is no Python that it can be imported with, or it cannot be installed.
    """
    for minor in range(_NEWEST_PYTHON, _OLDEST_FOR_PUBLIC - 1, -1):
        installed = Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3")
        for found in filter(_runs, (f"python3.{minor}", *map(str, installed))):
            home = venv(f"contexta-3.{minor}", "contexta==1.0.0", python=found, any_python=True)
            return home / "python", f"3.{minor}"
    raise MissingError("public Contexta needs Python 3.12 or newer, and none was found")


def lnav() -> Path:
    """The program lnav: an installed one, or one unpacked from the distribution's package.

    Raises:
        MissingError: It is not installed, and there is no such package to be had.
    """
    if found := shutil.which("lnav"):
        return Path(found)
    folder = cache() / "peers" / "lnav"
    program = folder / "usr" / "bin" / "lnav"
    if not program.exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            raise MissingError("lnav is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        _run("lnav", ["apt-get", "--quiet", "--quiet", "download", "lnav"], cwd=folder)
        for package in folder.glob("lnav_*.deb"):
            _run("lnav", ["dpkg", "-x", str(package), str(folder)])
    if not program.exists():
        raise MissingError("the package of lnav holds no such program")
    return program


def offline_run(steps: int) -> Path:
    """A folder in which W&B has recorded a run of so many steps with three metrics, offline."""
    folder = cache() / "peers" / f"wandb-run-{steps}"
    if not (folder / ".complete").exists():
        python = wandb().parent / "python"
        print(f"  recording {steps:,} steps with wandb", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _run("wandb", [str(python), "-c", _LEET_JOB, str(steps)], cwd=folder)
        (folder / ".complete").touch()
    return folder


def settings() -> dict[str, str]:
    """Variables under which peers keep their settings and traces out of the user's home."""
    home = cache() / "peers" / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "WANDB_MODE": "offline",
        "WANDB_ERROR_REPORTING": "false",
    }


def _runs(python: str) -> bool:
    """Whether there is such an interpreter; a name alone may be a stand-in for one that is not chosen."""
    try:
        return not subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode
    except OSError:
        return False


def _run(name: str, command: list[str], cwd: Path | None = None) -> None:
    env = {**os.environ, **settings()}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, check=False, capture_output=True, text=True, timeout=_INSTALL_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{name} cannot be had: {error}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise MissingError(f"{name} cannot be had: {said[-1] if said else f'exit code {done.returncode}'}")
