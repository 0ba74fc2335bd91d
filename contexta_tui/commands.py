"""The command palette: the actions of the keymap, by what they do."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hit, Hits, Provider

from contexta_tui.keymap import ACTIONS, Action, key_name


class Actions(Provider):
    """Offers every action of the keymap that makes sense without a row under the cursor."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in ACTIONS:
            if action.palette:
                yield DiscoveryHit(
                    _title(action), lambda name=action.name: self._run(name), help=_keys(action)
                )

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for action in ACTIONS:
            score = matcher.match(_title(action)) if action.palette else 0
            if score > 0:
                title = matcher.highlight(_title(action))
                yield Hit(score, title, lambda name=action.name: self._run(name), help=_keys(action))

    async def _run(self, name: str) -> None:
        await (self.focused or self.screen).run_action(name)


def _title(action: Action) -> str:
    return f"{action.label}: {action.help}" if action.label not in action.help else action.help


def _keys(action: Action) -> str:
    return "key " + " or ".join(key_name(key) for key in action.keys)
