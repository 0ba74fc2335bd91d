"""The command palette: the actions of the keymap, by their names and by what they do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol

from textual.command import DiscoveryHit, Hit, Hits, Provider

from contexta_tui.keymap import ACTIONS, Action, key_name


class Runs(Protocol):
    """What can do an action: a widget, a screen or the app."""

    async def run_action(self, action: str) -> object:
        """Do it."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether it can be done now."""


class Actions(Provider):
    """Offers every action of the keymap that makes sense without a row under the cursor."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action, node in self._available():
            yield DiscoveryHit(action.help, partial(node.run_action, action.name), help=_keys(action))

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for action, node in self._available():
            score = max(matcher.match(action.help), matcher.match(action.label))
            if score > 0:
                title = matcher.highlight(action.help)
                yield Hit(score, title, partial(node.run_action, action.name), help=_keys(action))

    def _available(self) -> Iterator[tuple[Action, Runs]]:
        """The actions that something on the screen below can do, each with what does it."""
        focused = [] if self.focused is None else [self.focused]
        nodes: list[Runs] = [*focused, self.screen, *self.screen.query("*"), self.app]
        for action in ACTIONS:
            method = f"action_{action.name.split('(')[0]}"
            node = next((node for node in nodes if hasattr(node, method)), None)
            if action.palette and node is not None and node.check_action(action.name.partition("(")[0], ()):
                yield action, node


def _keys(action: Action) -> str:
    return "key " + " or ".join(key_name(key) for key in action.keys)
