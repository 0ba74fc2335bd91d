"""Draws the pictures of the documentation from the real app, on the demo's job in the middle of its last run.

    python screenshots/take.py [FOLDER]

The job's clock and numbers are fixed and so is the time on the screen, so that a picture only changes when
the screen does. FOLDER is where the pictures go; this folder by default.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contexta import Contexta
from contexta.live import Change, Phase
from contexta.loading import Loaded, load
from contexta.query.results import Severity, Status
from contexta_tui.app import ExplorerApp
from contexta_tui.clock import Clock
from contexta_tui.demo_job import EPOCHS_FINISHED, FINISHED_AT, SEED, StoryTime
from contexta_tui.demo_story import PROJECT, Story
from contexta_tui.feed import Feed
from contexta_tui.settings import Settings

#: Seconds after the job's start at which the picture is taken: in the middle of the last run.
TAKEN_AT = 26.0
STARTED = round(FINISHED_AT.timestamp()) * 1_000_000_000
#: The time on the screen, in microseconds.
NOW = (STARTED + round(TAKEN_AT * 1e9)) // 1000
SETTLED_S = 30.0


@dataclass(frozen=True)
class Picture:
    """What to draw: size in cells, what is selected, keys to press, and how it looks."""

    name: str
    columns: int
    rows: int
    select: str
    keys: tuple[str, ...] = ()
    theme: str = "contexta-dark"
    ascii: bool = False


PICTURES = (
    Picture("main", 120, 36, "batch:digits-cnn.tiny-cnn.evaluate.holdout"),
    Picture("training", 120, 36, "stage:digits-cnn.tiny-cnn.train"),
    Picture("failed-batch", 120, 36, "batch:digits-cnn.tiny-cnn.evaluate.holdout", keys=("l",)),
    Picture("failed-deployment", 120, 36, "deployment:digits-cnn.canary"),
    Picture("small", 80, 24, "batch:digits-cnn.tiny-cnn.evaluate.holdout"),
    Picture("light", 120, 36, "batch:digits-cnn.tiny-cnn.evaluate.holdout", theme="contexta-light"),
    Picture("ascii", 120, 36, "batch:digits-cnn.tiny-cnn.evaluate.holdout", ascii=True),
)


class Midway(StoryTime):
    """The story's time; calls once when it has come to a moment.

    Args:
        moment: Seconds after the start.
        then: What to do at that moment.
    """

    def __init__(self, moment: float, then: Callable[[], object]) -> None:
        super().__init__(STARTED)
        self._moment = STARTED + round(moment * 1e9)
        self._then: Callable[[], object] | None = then

    def wait(self, seconds: float) -> None:
        """Pass at once."""
        super().wait(seconds)
        if self._then is not None and self() >= self._moment:
            self._then()
            self._then = None


class Still:
    """A follower that publishes one change: everything, as it was at one moment."""

    def __init__(self, loaded: Loaded) -> None:
        self.ready = threading.Event()
        severities = [issue.severity for issue in loaded.issues]
        self._change = Change(
            revision=1,
            queries=loaded.reader,
            phase=Phase.LIVE,
            notice="",
            progress=None,
            rate=26.7,
            quiet_s=0.1,
            lag_s=None,
            counts=loaded.reader.counts(),
            open_runs=loaded.reader.runs_with(Status.OPEN),
            errors=severities.count(Severity.ERROR),
            warnings=severities.count(Severity.WARNING),
        )

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        """Publish it when the screen is ready, and wait for the end."""
        self.ready.wait(SETTLED_S)
        publish(self._change)
        stop.wait()


def record(folder: Path) -> Path:
    """Record the demo's story, and return a copy of the workspace as it was in the middle of it."""
    workspace, copy = folder / "whole", folder / ".contexta"
    clock = Midway(TAKEN_AT, lambda: shutil.copytree(workspace, copy))
    ctx = Contexta(workspace=workspace, config={"project_name": PROJECT}, clock=clock)
    Story(ctx, clock, workspace / "models", seed=SEED, last_epochs=EPOCHS_FINISHED).tell()
    return copy


async def take(picture: Picture, loaded: Loaded) -> str:
    """Run the app, go where the picture is taken, and return it."""
    settings = Settings(once=False, select=picture.select, theme=picture.theme, ascii=picture.ascii)
    still = Still(loaded)
    clock = Clock(now=lambda: NOW, passed=lambda: 0.0)
    app = ExplorerApp(settings, Feed(lambda: still), clock)
    async with app.run_test(size=(picture.columns, picture.rows)) as pilot:
        still.ready.set()
        await settled(app)
        for key in picture.keys:
            await pilot.press(key)
            await settled(app)
        return app.export_screenshot(title="contexta-tui")


async def settled(app: ExplorerApp) -> None:
    """Wait until the screen has stopped changing."""
    drawn, same = "", 0
    deadline = asyncio.get_running_loop().time() + SETTLED_S
    while same < 3:
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"the screen still changes after {SETTLED_S:g} s")
        await asyncio.sleep(0.1)
        now = app.export_screenshot()
        same = same + 1 if now == drawn and app.explorer.at_rest else 0
        drawn = now


def main(folder: Path) -> None:
    """Draw all pictures."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        load((record(Path(temporary)),), use_cache=False) as loaded,
    ):
        for picture in PICTURES:
            # Rich names its styles after what it happens to have in memory.
            svg = re.sub(r"\bterminal-\d+", f"terminal-{picture.name}", asyncio.run(take(picture, loaded)))
            if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", svg):
                raise ValueError(f"{picture.name} has a control character")
            if temporary in svg:
                raise ValueError(f"{picture.name} names a folder of this machine")
            (folder / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
            print(f"{picture.name}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
