"""Pictures of the screen, drawn by the app on a finished job and compared with those that were approved.

    .venv/bin/pytest tests/tui/snapshots --snapshot-update    # look at every changed SVG before committing it

The job's numbers and times are the demo's, the same on every machine; the screen's clocks stand still.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from contexta.live import Change, Follower, Phase
from contexta_tui.app import ExplorerApp
from contexta_tui.clock import Clock
from contexta_tui.demo_job import FINISHED_AT, record_finished
from contexta_tui.feed import Feed
from contexta_tui.screens.explorer import ExplorerScreen
from contexta_tui.settings import Settings
from tests.waiting import pilot_until

Compare = Callable[..., bool]

#: An hour after the job began, on its own clock.
NOW = round(FINISHED_AT.timestamp() + 3600) * 1_000_000
HOLDOUT = "batch:digits-cnn.tiny-cnn.evaluate.holdout"


class Still:
    """A real follower that waits for the screen, and whose news of this machine's clock is taken back."""

    def __init__(self, workspace: Path) -> None:
        self.ready = threading.Event()
        self._follower = Follower([workspace], use_cache=False, live=False)

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        def pass_on(change: Change) -> None:
            # How much is indexed at which moment differs from machine to machine.
            if change.phase is not Phase.INDEXING:
                quiet = None if change.quiet_s is None else 42.0
                publish(replace(change, quiet_s=quiet, rate=0.0, lag_s=None))

        self.ready.wait(20)
        self._follower.run(pass_on, stop)


class StillApp(ExplorerApp):
    """The app on such a follower."""

    def __init__(self, settings: Settings, workspace: Path) -> None:
        self.still = Still(workspace)
        super().__init__(settings, Feed(lambda: self.still), Clock(now=lambda: NOW, passed=lambda: 0.0))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("demo") / ".contexta"
    record_finished(workspace)
    # What the story leaves to chance: the ends of refs, and the marks that a Python sets in a traceback.
    numbers: dict[str, int] = {}
    for journal in sorted((workspace / "cache" / "capture").glob("*.jsonl")):
        text = journal.read_text(encoding="utf-8")
        text = re.sub(
            r"-([0-9a-f]{12})\b", lambda end: f"-{numbers.setdefault(end[1], len(numbers)):012x}", text
        )
        text = re.sub(r"\\n +[~^]+(?=\\n)", "", text)
        journal.write_text(text, encoding="utf-8")
    return workspace


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever terminal the tests are started in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    return


def app_on(workspace: Path, **options: Any) -> StillApp:
    return StillApp(Settings(**options), workspace)


def shown(*words: str, press: tuple[str, ...] = ()) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Waits until some words are on the screen, presses keys, and waits until nothing changes any more."""

    async def run(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, StillApp)
        await settled(pilot)
        pilot.app.still.ready.set()
        await pilot_until(pilot, lambda: all(word in picture(pilot) for word in words), 20, what=str(words))
        for key in press:
            await pilot.press(key)
            await settled(pilot)
        await settled(pilot)

    return run


def picture(pilot: Pilot[None]) -> str:
    return pilot.app.export_screenshot().replace("&#160;", " ")


async def settled(pilot: Pilot[None]) -> None:
    """The same picture several times in a row, of the node that is selected."""
    explorer = next(screen for screen in pilot.app.screen_stack if isinstance(screen, ExplorerScreen))
    before, same = "", 0
    for _ in range(400):
        await pilot.pause(0.03)
        now = picture(pilot)
        same = same + 1 if now == before and explorer.at_rest else 0
        before = now
        if same == 4:
            return
    raise AssertionError("the screen never comes to rest")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_main_screen(snap_compare: Compare, finished: Path, size: tuple[int, int]) -> None:
    app = app_on(finished)
    assert snap_compare(app, terminal_size=size, run_before=shown("tiny-cnn", "ended"))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_failed_batch_with_its_reason(snap_compare: Compare, finished: Path, size: tuple[int, int]) -> None:
    app = app_on(finished, select=HOLDOUT)
    assert snap_compare(app, terminal_size=size, run_before=shown("CUDA out of memory", press=("l",)))


def test_a_failed_deployment_with_its_lineage(snap_compare: Compare, finished: Path) -> None:
    app = app_on(finished, select="deployment:digits-cnn.canary")
    assert snap_compare(app, terminal_size=(120, 36), run_before=shown("TimeoutError"))


def test_a_filter(snap_compare: Compare, finished: Path) -> None:
    app = app_on(finished, filter="status:failed")
    assert snap_compare(app, terminal_size=(120, 36), run_before=shown("found"))


def test_records(snap_compare: Compare, finished: Path) -> None:
    app = app_on(finished, select=HOLDOUT)
    assert snap_compare(app, terminal_size=(120, 36), run_before=shown("CUDA out of memory", press=("r",)))


def test_an_empty_workspace(snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".contexta").mkdir()
    app = app_on(Path(".contexta"))
    assert snap_compare(app, terminal_size=(120, 36), run_before=shown("waiting for"))


def test_help(snap_compare: Compare, finished: Path) -> None:
    app = app_on(finished)
    assert snap_compare(app, terminal_size=(120, 64), run_before=shown("tiny-cnn", press=("?",)))


def test_ascii(snap_compare: Compare, finished: Path) -> None:
    app = app_on(finished, select=HOLDOUT, ascii=True)
    assert snap_compare(app, terminal_size=(120, 36), run_before=shown("CUDA out of memory"))


@pytest.mark.parametrize("theme", ["contexta-light", "contexta-contrast"])
def test_themes(snap_compare: Compare, finished: Path, theme: str) -> None:
    app = app_on(finished, select=HOLDOUT, theme=theme)
    assert snap_compare(app, terminal_size=(120, 36), run_before=shown("CUDA out of memory"))
