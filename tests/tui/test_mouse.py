"""What the mouse does, and a terminal that is dragged to other sizes without end."""

from __future__ import annotations

import asyncio
import itertools

from textual.events import MouseDown, MouseScrollDown, MouseScrollUp, MouseUp
from textual.widgets._toast import Toast

from contexta.query.results import NodeKind
from contexta_tui.widgets.run_tree import RunTree
from tests.tui.driving import explorer
from tests.tui.fake_queries import FakeQueries

SIZES = ((120, 36), (40, 12), (119, 35), (1, 1), (200, 60), (80, 24), (2, 50), (300, 3))


async def test_a_click_on_the_arrow_toggles_and_one_on_the_name_selects() -> None:
    async with explorer() as it:
        await it.selects("tiny-cnn")
        rows = it.tree.row_count
        await it.pilot.click(RunTree, offset=(0, 0))
        await it.until(lambda: it.tree.row_count < rows, "the run to be collapsed")
        await it.pilot.click(RunTree, offset=(0, 0), times=1)
        await it.until(lambda: it.tree.row_count >= rows, "the run to be expanded")
        await it.pilot.click(RunTree, offset=(10, 1))
        await it.selects("train")
        assert it.tree.row_count == rows


async def test_a_double_click_opens() -> None:
    async with explorer() as it:
        await it.selects("tiny-cnn")
        rows = it.tree.row_count
        await it.pilot.click(RunTree, offset=(10, 0), times=2)
        await it.until(lambda: it.tree.row_count < rows, "the run to be collapsed")


async def test_the_wheel_scrolls_without_moving_the_selection() -> None:
    fake = FakeQueries()
    run = fake.add(NodeKind.RUN, "long", fake.add(NodeKind.PROJECT, "p"))
    fake.bulk(run, NodeKind.STAGE, 1000)
    async with explorer(fake) as it:
        await it.until(lambda: it.tree.max_scroll_y > 0, "more rows than the screen has")
        for kind, moved in ((MouseScrollDown, True), (MouseScrollUp, False)):
            for _ in range(5):
                wheel = kind(it.tree, 5, 5, 0, 1 if moved else -1, 0, False, False, False, 10, 10)
                it.app.post_message(wheel)
            await it.until(lambda moved=moved: (it.tree.scroll_offset.y > 0) == moved, "the rows to scroll")  # type: ignore[misc]
            assert it.selected == "long"


async def test_a_storm_of_sizes_leaves_the_screen_as_it_was() -> None:
    async with explorer() as it:
        await it.press("n", "n")
        await it.selects("q-4")
        await it.shows("q-4  failed")
        for size in itertools.chain.from_iterable(itertools.repeat(SIZES, 2)):
            await it.pilot.resize_terminal(*size)
        await it.pilot.resize_terminal(120, 36)
        for words in ("q-4  failed", "Lineage", "failed_deployment", "enter Open"):
            await it.shows(words)
        assert it.selected == "q-4"
        assert it.tree.cursor in it.tree.visible_rows


async def test_clicks_on_a_notice_that_is_going_away_do_no_harm() -> None:
    async with explorer() as it:
        await it.selects("tiny-cnn")
        await it.press("y")
        await it.shows("Copied")
        toast = it.app.screen.query_one(Toast)
        x, y = toast.region.x + 3, toast.region.y + 1
        for _ in range(200):
            for kind in (MouseDown, MouseUp):
                it.app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
            await asyncio.sleep(0)
        await it.until(lambda: not it.app.screen.query(Toast), "the notice to be gone")
        await it.shows("tiny-cnn")
        assert it.app.return_code is None
