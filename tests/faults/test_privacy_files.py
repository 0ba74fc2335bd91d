"""Fault: a lax umask, and secrets in what is recorded. Nobody else reads our files; none has the secrets."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from rich.traceback import Traceback

from contexta.live import Follower
from contexta_tui import app
from contexta_tui.app import ExplorerApp
from contexta_tui.feed import Feed
from contexta_tui.settings import Settings
from tests.architecture.source import ROOT
from tests.faults import fault, private_job, sizes
from tests.faults.private_job import MARK
from tests.waiting import pilot_until

#: What the job itself makes, as an author's program would.
OF_THE_JOB: Final = ("model.bin", "body")


def run_job(folder: Path, umask: int, canaries: int) -> subprocess.CompletedProcess[bytes]:
    """Run the job in a folder, which becomes its home too."""
    (folder / "home").mkdir(mode=0o700, parents=True)
    folder.chmod(0o700)
    home = {
        "HOME": str(folder / "home"),
        **{f"XDG_{kind}_HOME": "" for kind in ("CACHE", "STATE", "CONFIG", "DATA")},
    }
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.faults.private_job",
            str(folder / ".contexta"),
            f"{umask:o}",
            str(canaries),
        ],
        cwd=ROOT,
        env={**os.environ, **home},
        capture_output=True,
        timeout=600,
        check=True,
    )


def everything(folder: Path) -> list[Path]:
    """All that was made in a folder but for what the job made by itself."""
    return [path for path in folder.rglob("*") if path.name not in OF_THE_JOB]


@sizes(short=1, full=102)
def test_umasks_and_canaries(size: int, tmp_path: Path) -> None:
    umasks = (0o000, 0o022, 0o077) if size > 1 else (0o000,)
    with (
        fault("a umask that lets others read", "files and folders", never=("open to others",)) as files,
        fault("secrets in redacted samples", "secrets", never=("leaked",), to_reach=size) as secrets,
    ):
        for umask in umasks:
            folder = tmp_path / f"{umask:o}"
            done = run_job(folder, umask, canaries=size // len(umasks))
            made = everything(folder)
            kinds = (
                "cache/capture",
                "outbox",
                "ledger.db",
                "segment-",
                "objects",
                ".duckdb",
                "records.parquet",
            )
            assert [kind for kind in kinds if not any(kind in str(path) for path in made)] == []
            for path in made:
                mode = stat.S_IMODE(path.lstat().st_mode)
                files.wrong("open to others", bool(mode & 0o077), f"{mode:o} {path.relative_to(folder)}")
            files.inject(len(made))

            printed = {"standard output": done.stdout, "standard error": done.stderr}
            kept = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            assert sum("***" in data.decode("utf-8", "replace") for data in kept.values()) > 5
            for name, data in {**kept, **printed}.items():
                for encoded in (MARK.encode(), MARK.encode("utf-16-le"), MARK.encode().hex().encode()):
                    secrets.wrong("leaked", data.count(encoded), name)
            secrets.inject(size // len(umasks))


async def test_canaries_are_in_no_screenshot(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    private_job.record(workspace, 1)
    settings = Settings(workspaces=(workspace,), use_cache=False)
    explorer = ExplorerApp(settings, Feed(lambda: Follower((workspace,), use_cache=False)))
    pictures = []
    async with explorer.run_test(size=(120, 30)) as pilot:
        for keys in ("", "nn", "rj"):
            await pilot.press(*keys)
            await pilot_until(pilot, lambda: explorer.explorer.at_rest, 20, what="an app at rest")
            await pilot.pause(0.2)
            pictures.append(explorer.export_screenshot())
    assert [MARK in picture for picture in pictures] == [False] * 3
    assert any("***" in picture for picture in pictures)
    for picture in pictures:
        ET.fromstring(picture)  # noqa: S314 - our own


def test_a_crash_keeps_no_value_and_lets_nobody_else_read(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = os.umask(0)
    try:
        said = app._keep(_details())
    finally:
        os.umask(old)
    (log,) = home.rglob("crash.log")
    text = log.read_text(encoding="utf-8")
    assert MARK not in text
    assert "_details" in text
    assert "ValueError: invalid literal" in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert str(log) in said


def _details() -> str:
    """A stack trace as Textual draws it, of a function with a secret in a variable."""
    secret = {"name": [MARK + "variable"]}
    file = io.StringIO()
    try:
        int("broken" if secret else "")
    except ValueError:
        Console(file=file, width=120).print(Traceback(show_locals=True, width=None))
    assert MARK + "variable" in file.getvalue()
    return file.getvalue()
