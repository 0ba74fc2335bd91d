"""The last line of the screen: which keys it names, and what a click on one does."""

from __future__ import annotations

from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from contexta_tui.widgets.key_line import KeyHint, KeyLine, hint_at
from tests.waiting import pilot_until


class Keys(App[None]):
    """Counts what its keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "go", "Go", tooltip="Go on"),
        Binding("x", "never", "Never"),
        Binding("s", "hide", "Hidden", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.went = 0

    def compose(self) -> ComposeResult:
        yield KeyLine()

    def action_go(self) -> None:
        self.went += 1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if action == "never" else super().check_action(action, parameters)


def drawn(line: KeyLine) -> str:
    return line.render_line(0).text


async def test_it_names_each_action_once_by_its_first_key_and_hides_what_is_hidden() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        line = app.query_one(KeyLine)
        await pilot_until(pilot, lambda: "Go" in drawn(line), what="the keys")
        assert drawn(line).startswith(" j Go  x Never ")
        assert "Hidden" not in drawn(line)
        assert len(drawn(line)) == 60


async def test_a_click_presses_the_key_and_one_that_does_nothing_now_is_left_alone() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        line = app.query_one(KeyLine)
        await pilot_until(pilot, lambda: "Go" in drawn(line), what="the keys")
        await pilot.click(KeyLine, offset=(4, 0))
        await pilot_until(pilot, lambda: app.went == 1, what="the action")
        await pilot.click(KeyLine, offset=(9, 0))
        await pilot.click(KeyLine, offset=(40, 0))
        await pilot.pause()
        assert app.went == 1


async def test_the_mouse_over_a_key_says_what_it_does() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        line = app.query_one(KeyLine)
        await pilot_until(pilot, lambda: "Go" in drawn(line), what="the keys")
        await pilot.hover(KeyLine, offset=(1, 0))
        assert line.tooltip == "Go on"
        await pilot.hover(KeyLine, offset=(40, 0))
        assert line.tooltip is None


@pytest.mark.parametrize(("width", "shown"), [(13, " j Go "), (14, " j Go  x Never"), (4, "")])
async def test_a_key_for_which_there_is_no_room_is_left_out_whole(width: int, shown: str) -> None:
    app = Keys()
    async with app.run_test(size=(width, 5)) as pilot:
        line = app.query_one(KeyLine)
        await pilot_until(pilot, lambda: bool(line._hints), what="the keys")
        assert drawn(line) == shown.ljust(width)
        await pilot.click(KeyLine, offset=(width - 1, 0))
        await pilot.pause()
        assert app.went == 0


async def test_a_key_that_would_be_typed_is_named_by_another_that_is_not() -> None:
    class Typing(Keys):
        BINDINGS: ClassVar[list[BindingType]] = [
            Binding("question_mark", "help", "Help", key_display="?"),
            Binding("f1", "help", "Help"),
            Binding("ctrl+t", "type", "Type"),
        ]

        def compose(self) -> ComposeResult:
            yield Input()
            yield KeyLine()

    app = Typing()
    async with app.run_test(size=(60, 5)) as pilot:
        line = app.query_one(KeyLine)
        await pilot_until(pilot, lambda: "Help" in drawn(line), what="the keys")
        assert "f1 Help  ^t Type" in drawn(line)
        app.screen.set_focus(None)
        await pilot_until(pilot, lambda: "? Help  ^t Type" in drawn(line), what="the keys without the input")


def test_a_wide_label_takes_as_many_cells_as_it_is_drawn_with() -> None:
    hints = (KeyHint("a", "a", "東京", "", True), KeyHint("b", "b", "B", "", True))
    assert [hint.key if (hint := hint_at(hints, x)) else None for x in (0, 7, 8, 12, 13)] == [
        *("a", "a", "b", "b"),
        None,
    ]
