"""An app on a fake workspace, and a follower that publishes what a test tells it to."""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from contexta.live import Change
from contexta_tui.app import ExplorerApp
from contexta_tui.feed import Feed
from contexta_tui.settings import Settings
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.run_tree import RunTree
from tests.tui.fake_queries import FakeQueries, demo
from tests.waiting import pilot_until


class FakeFollower:
    """Publishes the changes that are put into it, in order."""

    def __init__(self) -> None:
        self.changes: queue.Queue[Change | Exception | None] = queue.Queue()
        self.stopped = threading.Event()

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                change = self.changes.get(timeout=0.02)
            except queue.Empty:
                continue
            if isinstance(change, Exception):
                raise change
            if change is not None:
                publish(change)
        self.stopped.set()


class Driven:
    """A running app with its data."""

    def __init__(
        self, app: ExplorerApp, pilot: Pilot[None], fake: FakeQueries, follower: FakeFollower
    ) -> None:
        self.app = app
        self.pilot = pilot
        self.fake = fake
        self.follower = follower

    @property
    def tree(self) -> RunTree:
        return self.app.explorer.query_one(RunTree)

    @property
    def detail(self) -> DetailPane:
        return self.app.explorer.query_one(DetailPane)

    @property
    def selected(self) -> str:
        node = self.tree.model.selected
        return "" if node is None else node.name

    def publish(self, **changes: Any) -> None:
        self.follower.changes.put(self.fake.change(**changes))

    def text(self) -> str:
        """What is on the screen, line by line."""
        width, height = self.app.size
        del width
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line) for line in lines[:height])

    async def until(self, predicate: Callable[[], bool], what: str) -> None:
        try:
            await pilot_until(self.pilot, predicate, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen was:\n{self.text()}") from None

    async def shows(self, text: str) -> None:
        await self.until(lambda: text in self.text(), f"{text!r} on the screen")

    async def selects(self, name: str) -> None:
        await self.until(lambda: self.selected == name, f"{name!r} being selected")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)


@asynccontextmanager
async def explorer(
    fake: FakeQueries | None = None, *, size: tuple[int, int] = (120, 36), ready: bool = True, **options: Any
) -> AsyncIterator[Driven]:
    """An app on `fake` (the demo by default); with `ready`, once it shows the first change."""
    fake = demo() if fake is None else fake
    follower = FakeFollower()
    app = ExplorerApp(Settings(**options), Feed(lambda: follower))
    async with app.run_test(size=size, notifications=True) as pilot:
        driven = Driven(app, pilot, fake, follower)
        if ready:
            driven.publish()
            await driven.until(lambda: bool(driven.selected), "the first change")
        yield driven
