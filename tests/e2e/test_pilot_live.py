"""The app under Textual's pilot, with the real follower and catalog, on a job in another process."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot

from contexta.live import Follower
from contexta_tui.app import ExplorerApp
from contexta_tui.feed import Feed
from contexta_tui.settings import Settings
from tests.e2e.job import Job

ATTEMPTS = 8
"""A busy machine may delay a change; the best of so many is what the explorer can do."""


class Driver:
    """What the test sees and does."""

    def __init__(self, app: ExplorerApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    def text(self) -> str:
        """The screen as text."""
        return "\n".join(
            "".join(segment.text for segment in strip)
            for strip in self.app.screen._compositor.render_strips()
        )

    async def shows(self, pattern: str) -> None:
        deadline = time.monotonic() + 30
        while not re.search(pattern, self.text()):
            assert time.monotonic() < deadline, f"no {pattern} on the screen:\n{self.text()}"
            await self.pilot.pause(0.05)

    def colour_of(self, pattern: str) -> str:
        """The colour of what matches, as the strips have it."""
        for strip in self.app.screen._compositor.render_strips():
            for segment in strip:
                if re.search(pattern, segment.text) and segment.style and segment.style.color:
                    return segment.style.color.name
        return ""


@pytest.mark.timeout(120)
async def test_a_new_batch_appears_and_fails_while_the_app_looks(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    with Job(workspace) as job:
        job.tell("run tiny-cnn", "stage train", "batch epoch-1", "metric loss 1.472", "close")
        feed = Feed(lambda: Follower([workspace], use_cache=False))
        app = ExplorerApp(Settings(workspaces=(workspace,)), feed)
        async with app.run_test(size=(120, 36)) as pilot:
            screen = Driver(app, pilot)
            await screen.shows("tiny-cnn")
            await pilot.press("f")
            waited = []
            for epoch in range(2, 2 + ATTEMPTS):
                job.tell(f"batch epoch-{epoch}", "metric loss 0.618")
                await screen.shows(f"● epoch-{epoch}")
                job.tell("fail CUDA out of memory")
                began = time.monotonic()
                await screen.shows(f"failed_batch.*epoch-{epoch}")
                await screen.shows(f"✖ epoch-{epoch}")
                waited.append(time.monotonic() - began)
                if waited[-1] < 1.0:
                    break
            assert min(waited) < 1.0
            await screen.shows("✖ [1-9]")  # The status line tells of it once the diagnosis is published.
            assert int(screen.colour_of("✖")[1:3], 16) > 0xC0, "red"

            await pilot.press("f", "g", "C")
            await pilot.press("n")
            await screen.shows("✖ epoch-2")
            await screen.shows("RuntimeError: CUDA out of memory")
