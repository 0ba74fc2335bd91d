"""The last line of the screen: the keys that are worth knowing now. A click presses one.

It draws the bindings that Textual says are active, but none whose key would be typed as text. Textual's own
footer makes a widget for each key, and makes them all again whenever another pane gets the focus; this is one
widget, and draws one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.keys import key_to_character
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget


class KeyHint(msgspec.Struct, frozen=True):
    """A key and what it does.

    Attributes:
        key: Textual's name of the key.
        shown: The key as people write it.
        label: What it does, in a word.
        help: What it does, in a sentence.
        enabled: Whether it does that now.
    """

    key: str
    shown: str
    label: str
    help: str
    enabled: bool

    @property
    def text(self) -> tuple[str, str]:
        """The key and its label as they are drawn, with the blanks around them."""
        return f" {self.shown} ", f"{self.label} "

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return sum(cell_len(part) for part in self.text)


def hint_at(hints: Sequence[KeyHint], x: int) -> KeyHint | None:
    """The hint that is drawn at cell `x` of the line."""
    for hint in hints:
        if x < hint.width:
            return hint
        x -= hint.width
    return None


class KeyLine(Widget):
    """The keys that are worth knowing now."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--label", "key-line--hover"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        & > .key-line--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        & > .key-line--label {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
        & > .key-line--hover { background: $block-hover-background; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hints: tuple[KeyHint, ...] = ()
        self._hovered: KeyHint | None = None

    def on_mount(self) -> None:
        """Hear of it when other keys are active."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_unmount(self) -> None:
        """Hear of it no more."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def render_line(self, y: int) -> Strip:
        """Draw the keys; those for which there is no room are left out at the end."""
        base = self.rich_style
        if y:
            return Strip.blank(self.size.width, base)
        key = self.get_component_rich_style("key-line--key")
        label = self.get_component_rich_style("key-line--label")
        hover = Style(bgcolor=self.get_component_rich_style("key-line--hover").bgcolor)
        segments = []
        for hint in self._fitting:
            over = Style(dim=not hint.enabled) + (hover if hint == self._hovered else Style())
            segments += [
                Segment(text, style + over) for text, style in zip(hint.text, (key, label), strict=True)
            ]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    @property
    def _fitting(self) -> Sequence[KeyHint]:
        """The hints that there is room for: half a word would only be a riddle."""
        ends = accumulate(hint.width for hint in self._hints)
        # The last blank may be missing.
        return self._hints[: sum(end <= self.size.width + 1 for end in ends)]

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say more of the key under the mouse."""
        self._hover(hint_at(self._fitting, event.x))

    def on_leave(self) -> None:
        """Say no more."""
        self._hover(None)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key under the mouse."""
        hint = hint_at(self._fitting, event.x)
        if hint is not None and hint.enabled:
            self.app.simulate_key(hint.key)
        elif hint is not None:
            self.app.bell()

    def _hover(self, hint: KeyHint | None) -> None:
        if hint != self._hovered:
            self._hovered = hint
            self.tooltip = None if hint is None else hint.help
            self.refresh()

    def _bindings_changed(self, screen: Screen[object]) -> None:
        hints: dict[str, KeyHint] = {}
        for _, binding, enabled, tooltip in screen.active_bindings.values():
            if binding.show and not _is_typed(binding, screen.focused):
                shown = self.app.get_key_display(binding)
                help_ = tooltip or binding.tooltip or binding.description
                hint = KeyHint(binding.key, shown, binding.description, help_, enabled)
                # One action may have several keys; the first is the one to learn.
                hints.setdefault(binding.action, hint)
        found = tuple(hints.values())
        if self.app.app_focus and found != self._hints:
            self._hints = found
            self.refresh()


def _is_typed(binding: Binding, focused: Widget | None) -> bool:
    """Whether the focused widget takes the key for text before it can do anything."""
    if binding.priority or focused is None:
        return False
    return focused.check_consume_key(binding.key, key_to_character(binding.key))
