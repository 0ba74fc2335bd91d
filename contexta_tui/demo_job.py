"""The job that `--demo` watches: `python -m contexta_tui.demo_job WORKSPACE`.

Arguments and time only; what the job does is told by `demo_story`. It is a process of its own, because what
an explorer looks at is the work of another process, and so that the demo proves that. It must outlive neither
the explorer that started it nor its workspace.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from contexta import Contexta
from contexta_tui.demo_story import PROJECT, Story

SEED: Final = 7

EPOCHS_LIVE: Final = 200
"""Epochs of the last run when somebody watches: about ten minutes."""

EPOCHS_FINISHED: Final = 12

FINISHED_AT: Final = datetime(2026, 3, 4, 2, 26, tzinfo=UTC)
"""When the finished form was started, on its own clock."""

_LOOK_NS: Final = 40_000


class Stopped(SystemExit):
    """The job was told to end, or nobody watches any more."""


class StoryTime:
    """A clock that only moves when it is told to, or looked at. Also the pace of the finished form.

    Args:
        start: What it shows first, in nanoseconds since the epoch.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._now = start

    def __call__(self) -> int:
        """Nanoseconds since the epoch, later at every look."""
        self._now += _LOOK_NS
        return self._now

    def wait(self, seconds: float) -> None:
        """Pass at once."""
        self._now += round(seconds * 1e9)

    def skip_to(self, seconds: float) -> None:
        """Go to a time relative to the start."""
        self._now = self._start + round(seconds * 1e9)

    def arrive(self) -> None:
        """It is always the present."""


class LiveTime(StoryTime):
    """Passes at once until the present is reached, then as for everybody.

    Args:
        workspace: Folder where the job records, which is there; without it the job ends.
        speed: How many times faster than intended the job works.
    """

    def __init__(self, workspace: Path, speed: float = 1.0) -> None:
        super().__init__(time.time_ns())
        self._workspace = workspace
        self._folder = _identity(workspace)
        self._speed = speed
        self._parent = os.getppid()
        self._present = False
        self._stop = threading.Event()

    def __call__(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns() if self._present else super().__call__()

    def wait(self, seconds: float) -> None:
        """Pass, in the present after so long.

        Raises:
            Stopped: The job is to end.
        """
        if not self._present:
            super().wait(seconds)
        elif self._stop.wait(seconds / self._speed) or self._is_alone():
            raise Stopped

    def arrive(self) -> None:
        """Go over to the clock of this machine."""
        self._present = True

    def stop(self) -> None:
        """End the job at its next wait."""
        self._stop.set()

    def _is_alone(self) -> bool:
        # Capture makes a workspace anew that is gone, so its path alone says nothing.
        return os.getppid() != self._parent or _identity(self._workspace) != self._folder


def record_finished(workspace: Path, *, seed: int = SEED) -> None:
    """Record the whole story at once, as it would be after the job has ended.

    Times and numbers are the same for the same seed, on every machine.

    Args:
        workspace: Folder of the workspace; made when it is not there.
        seed: Of the made-up numbers.
    """
    clock = StoryTime(round(FINISHED_AT.timestamp()) * 1_000_000_000)
    with Contexta(workspace=workspace, config={"project_name": PROJECT}, clock=clock) as ctx:
        Story(ctx, clock, workspace / "models", seed=seed, last_epochs=EPOCHS_FINISHED).tell()


def record_live(workspace: Path, *, seed: int = SEED, speed: float = 1.0) -> None:
    """Record the story as it happens, until it is told or the process is asked to end.

    Args:
        workspace: Folder of the workspace; made when it is not there.
        seed: Of the made-up numbers.
        speed: How many times faster than intended.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    pace = LiveTime(workspace, speed)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: pace.stop())
    ctx = Contexta(workspace=workspace, config={"project_name": PROJECT}, clock=pace)
    Story(ctx, pace, workspace / "models", seed=seed, last_epochs=EPOCHS_LIVE).tell()
    ctx.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job."""
    parser = argparse.ArgumentParser(prog="python -m contexta_tui.demo_job", description=__doc__)
    parser.add_argument("workspace", metavar="WORKSPACE", type=Path, help="where to record")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="of the made-up numbers (default: %(default)s)"
    )
    parser.add_argument("--speed", type=_positive, default=1.0, help="times faster (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="record the finished story at once and end")
    options = parser.parse_args(argv)
    if options.once:
        record_finished(options.workspace, seed=options.seed)
    else:
        record_live(options.workspace, seed=options.seed, speed=options.speed)
    return 0


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError(text)
    return value


if __name__ == "__main__":
    raise SystemExit(main())
