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
from contexta_tui.keymap import ACTIONS, Scope, key_name

READS = (
    "Reads cache/capture, records/segments, metadata/ledger.db and artifacts/bindings of a workspace, "
    "and never writes to it."
)


class HelpScreen(ModalScreen[None]):
    """The help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "app.pop_screen", "Close"),
        Binding("j,down", "scroll_down", show=False),
        Binding("k,up", "scroll_up", show=False),
    ]

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """One scrolled page."""
        with VerticalScroll(id="help"):
            yield Static(help_text(self._glyphs), markup=False)

    def on_mount(self) -> None:
        """Say how to leave."""
        page = self.query_one("#help")
        page.border_title = "Keys"
        page.border_subtitle = "esc close"

    def action_scroll_down(self) -> None:
        """A line down."""
        self.query_one("#help").scroll_down(animate=False)

    def action_scroll_up(self) -> None:
        """A line up."""
        self.query_one("#help").scroll_up(animate=False)


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
