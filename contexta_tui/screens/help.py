"""All keys, generated from the keymap, and what the signs mean."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from contexta.query.results import Status
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.keymap import ACTIONS, Scope, bindings, key_name

READS = (
    "Reads cache/capture, records/segments, metadata/ledger.db and artifacts/bindings of a workspace, "
    "and never writes to it."
)


class HelpScreen(ModalScreen[None]):
    """The help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "app.pop_screen", "Close"),
        *bindings(Scope.LIST),
    ]

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._page = VerticalScroll(id="help")

    def compose(self) -> ComposeResult:
        """One scrolled page."""
        with self._page:
            yield Static(help_text(self._glyphs), markup=False)

    def on_mount(self) -> None:
        """Say how to leave."""
        self._page.border_title = "Keys"
        self._page.border_subtitle = "esc close"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A page is moved like a list, but has no rows to open."""
        return action != "activate" and super().check_action(action, parameters)

    def action_cursor_down(self) -> None:
        """A line down."""
        self._move(1)

    def action_cursor_up(self) -> None:
        """A line up."""
        self._move(-1)

    def action_half_page_down(self) -> None:
        """Half a page down."""
        self._move(self._page.size.height // 2)

    def action_half_page_up(self) -> None:
        """Half a page up."""
        self._move(-(self._page.size.height // 2))

    def action_page_down(self) -> None:
        """A page down."""
        self._move(self._page.size.height)

    def action_page_up(self) -> None:
        """A page up."""
        self._move(-self._page.size.height)

    def action_cursor_first(self) -> None:
        """To the first line."""
        self._page.scroll_home(animate=False)

    def action_cursor_last(self) -> None:
        """To the last line."""
        self._page.scroll_end(animate=False)

    def _move(self, lines: int) -> None:
        self._page.scroll_relative(y=lines, animate=False)


def help_text(glyphs: Glyphs) -> Content:
    """The page."""
    parts: list[tuple[str, str] | str] = []
    for scope in Scope:
        actions = [action for action in ACTIONS if action.scope == scope]
        if not actions:
            continue
        parts += [(f"{scope.value}\n", "bold $primary")]
        for action in actions:
            keys = "  ".join(key_name(key) for key in action.keys)
            parts += [("  " + keys.ljust(16), "bold"), f"{action.help}\n"]
        parts.append("\n")
    parts.append(("Signs\n", "bold $primary"))
    for status in Status:
        parts += [(f"  {glyphs.status(status)}", f"$status-{status.value}"), f" {status.value}"]
    parts += ["\n\n", (READS, "$quiet")]
    return Content.assemble(*parts)
