from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from contexta.query.results import Counts
from contexta_tui.theme import with_meanings
from contexta_tui.widgets.status_line import StatusLine
from tests.tui.fake_queries import FakeQueries

CHANGE = FakeQueries().change(
    open_runs=1, counts=Counts(runs=1), rate=1204.0, progress=0.62, errors=3, warnings=1, lag_s=1.5
)


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.line = StatusLine(clock=lambda: self.now)

    def get_css_variables(self) -> dict[str, str]:
        return with_meanings(super().get_css_variables())

    def compose(self) -> ComposeResult:
        yield self.line


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (
            140,
            (
                "contexta",
                "digits-cnn",
                "● live",
                "1,204 rec/s",
                "last 0.2 s",
                "lag",
                "▰▰▰▱▱",
                "62 %",
                "✖ 3",
                "▲ 1",
            ),
            (),
        ),
        (80, ("contexta", "digits-cnn", "● live", "62 %", "✖ 3", "▲ 1"), ("lag",)),
        (40, ("● live", "✖ 3", "▲ 1"), ("last",)),
        (20, ("live", "✖ 3", "▲ 1"), ("contexta",)),
        (12, ("✖ 3", "▲ 1"), ("live",)),
    ],
)
async def test_parts_are_given_up_from_the_least_important_on(
    width: int, shown: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    app = Host()
    async with app.run_test(size=(width, 3)) as pilot:
        app.line.show_project("digits-cnn")
        app.line.show(CHANGE)
        await pilot.pause()
        text = app.line.render_line(0).text
        assert cell_len(text) == width
        for word in shown:
            assert word in text
        for word in left_out:
            assert word not in text


async def test_ages_grow_without_new_data() -> None:
    app = Host()
    async with app.run_test(size=(120, 3)):
        app.line.show(CHANGE)
        app.now = 42.0
        app.line.tick()
        assert "last 42 s ago" in app.line.render_line(0).text


@pytest.mark.parametrize("width", range(1, 60))
async def test_every_width_is_filled_exactly(width: int) -> None:
    app = Host()
    async with app.run_test(size=(width, 1)):
        app.line.show_project("한국어 프로젝트 \x1b[2J")
        app.line.show(CHANGE)
        text = app.line.render_line(0).text
        assert cell_len(text) == width
        assert "\x1b" not in text
