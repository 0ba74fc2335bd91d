"""`--demo`: a live job in a temporary workspace, and the explorer on it.

It starts the job, shows the explorer, and leaves nothing behind: neither a process nor a folder. What the job
does is told elsewhere.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from msgspec.structs import replace

from contexta.live import Follower
from contexta_tui.app import run_app
from contexta_tui.demo_job import record_finished
from contexta_tui.feed import Feed
from contexta_tui.once import run_once
from contexta_tui.settings import Settings
from contexta_tui.starting import answering

_PATIENCE_S: Final = 3.0
_LEAVING: Final = (signal.SIGTERM, signal.SIGHUP)


def run_demo(settings: Settings) -> int:
    """Show the demo.

    With `once` the story is recorded as if the job had ended, and printed.

    Args:
        settings: What the command line asked for; workspaces and cache are the demo's own.

    Returns:
        The exit code.
    """
    with answering(_LEAVING, _leave), _workspace() as workspace:
        ours = replace(settings, workspaces=(workspace,), use_cache=False)
        if settings.once:
            record_finished(workspace)
            return run_once(ours)
        with _job(workspace):
            follower = Follower(ours.workspaces, use_cache=False, live=ours.live)
            try:
                return run_app(ours, Feed(lambda: follower))
            finally:
                _do_not_hurry()


@contextlib.contextmanager
def _workspace() -> Iterator[Path]:
    """A temporary workspace, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="contexta-demo-"))
    try:
        workspace = folder / ".contexta"
        workspace.mkdir()
        yield workspace
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _job(workspace: Path) -> Iterator[None]:
    """The live job, ended afterwards. It sees by itself when this process is killed."""
    with subprocess.Popen(  # noqa: S603 - our own module, with the Python that runs us
        [sys.executable, "-m", "contexta_tui.demo_job", str(workspace)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as job:
        try:
            yield
        finally:
            job.terminate()
            try:
                job.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                job.kill()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """Unwind what is open here, where the app does not handle the signal itself."""
    _do_not_hurry()
    raise SystemExit(128 + number)


def _do_not_hurry() -> None:
    """Tidying up takes a moment and must not be cut short: a closed terminal sends several signals."""
    for number in _LEAVING:
        signal.signal(number, signal.SIG_IGN)
