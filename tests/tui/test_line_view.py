from __future__ import annotations

from collections.abc import Hashable

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from contexta_tui.widgets.line_view import LineView


class Numbers(LineView):
    """Rows that say their own number, and count how often they were drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.empty_text = "No numbers."
        self.drawn: list[int] = []
        self.shared = False

    def row_key(self, index: int) -> Hashable | None:
        return ("row", index) if self.shared else super().row_key(index)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        self.drawn.append(index)
        return Strip([Segment(f"{index}{'<' if selected else ''} [/not markup]")])


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.view = Numbers()
        self.seen: list[tuple[str, int]] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    def on_line_view_row_highlighted(self, message: LineView.RowHighlighted) -> None:
        self.seen.append(("highlighted", message.index))

    def on_line_view_row_activated(self, message: LineView.RowActivated) -> None:
        self.seen.append(("activated", message.index))


def line(view: LineView, y: int) -> str:
    return view.render_line(y).text.rstrip()


async def filled(pilot: Pilot[None], count: int) -> Numbers:
    app = pilot.app
    assert isinstance(app, Host)
    app.view.set_rows(count)
    await pilot.pause()
    return app.view


async def test_a_million_rows_draw_only_those_on_screen() -> None:
    async with Host().run_test(size=(40, 12)) as pilot:
        view = await filled(pilot, 1_000_000)
        assert set(view.drawn) == set(range(12))
        await pilot.press("G")
        assert view.cursor == 999_999
        await pilot.pause()
        assert line(view, 11) == "999999< [/not markup]"
        assert len(set(view.drawn)) <= 24


async def test_rows_are_drawn_once_until_they_change() -> None:
    async with Host().run_test(size=(40, 12)) as pilot:
        view = await filled(pilot, 5)
        before = len(view.drawn)
        view.refresh()
        await pilot.pause()
        assert len(view.drawn) == before
        view.set_rows(5)
        await pilot.pause()
        assert len(view.drawn) == before + 5


async def test_a_subclass_key_survives_set_rows_but_not_a_new_width_or_theme() -> None:
    async with Host().run_test(size=(40, 12)) as pilot:
        view = await filled(pilot, 5)
        view.shared = True
        view.set_rows(5)
        await pilot.pause()
        before = len(view.drawn)
        view.set_rows(5)
        await pilot.pause()
        assert len(view.drawn) == before
        await pilot.resize_terminal(30, 12)
        await pilot.pause()
        assert len(view.drawn) == before + 5
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert len(view.drawn) > before + 5


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [
        (["j"], 1),
        (["down", "down", "k"], 1),
        (["up"], 0),
        (["G"], 99),
        (["end", "g"], 0),
        (["end", "home"], 0),
        (["pagedown"], 10),
        (["pagedown", "pageup"], 0),
        (["ctrl+d"], 5),
        (["ctrl+d", "ctrl+d", "ctrl+u"], 5),
        (["G", "j"], 99),
    ],
)
async def test_keys_move_the_cursor_and_keep_it_on_screen(keys: list[str], cursor: int) -> None:
    async with Host().run_test(size=(40, 10)) as pilot:
        view = await filled(pilot, 100)
        await pilot.press(*keys)
        await pilot.pause()
        assert view.cursor == cursor
        assert cursor in view.visible_rows


async def test_the_mouse_selects_activates_and_scrolls() -> None:
    app = Host()
    async with app.run_test(size=(40, 10)) as pilot:
        view = await filled(pilot, 100)
        await pilot.click(Numbers, offset=(3, 4))
        await pilot.pause()
        assert (view.cursor, app.seen) == (4, [("highlighted", 4)])
        await pilot.click(Numbers, offset=(3, 6), times=2)
        await pilot.pause()
        assert app.seen[-1] == ("activated", 6)
        view.scroll_to(y=20, animate=False)
        await pilot.pause()
        await pilot.click(Numbers, offset=(3, 0))
        assert view.cursor == 20


async def test_enter_activates_the_row() -> None:
    app = Host()
    async with app.run_test(size=(40, 10)) as pilot:
        await filled(pilot, 3)
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.seen == [("highlighted", 1), ("activated", 1)]


async def test_fewer_rows_pull_the_cursor_back_and_none_say_so() -> None:
    async with Host().run_test(size=(40, 9)) as pilot:
        view = await filled(pilot, 10)
        await pilot.press("G")
        view.set_rows(3)
        await pilot.pause()
        assert view.cursor == 2
        view.set_rows(0)
        await pilot.pause()
        assert view.cursor == -1
        assert line(view, 4).strip() == "No numbers."
        await pilot.press("j", "G", "enter", "pagedown")


async def test_the_cursor_has_a_background_and_a_stronger_one_with_focus() -> None:
    async with Host().run_test(size=(40, 9)) as pilot:
        view = await filled(pilot, 3)

        def background(y: int) -> object:
            style = next(iter(view.render_line(y))).style
            assert style is not None
            return style.bgcolor

        focused = background(0)
        assert focused != background(1)
        pilot.app.set_focus(None)
        await pilot.pause()
        assert background(0) not in (focused, background(1))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 5), (3, 2)])
async def test_tiny_terminals_are_no_problem(size: tuple[int, int]) -> None:
    async with Host().run_test(size=size) as pilot:
        await filled(pilot, 100)
        await pilot.press("G", "pageup", "g")
