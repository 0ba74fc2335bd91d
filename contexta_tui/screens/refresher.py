"""Decides when to ask, so that the screen need only say what it lacks.

One job for the data and one for a person may be in flight at a time; what is wished for meanwhile is merged
into the next one. A key press is answered at once, a stream of changes at most ten times a second, and less
often where answers are slow. It knows neither widgets nor queries, and runs on the
app's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from contexta.query.results import NodeRow
from contexta_tui.viewmodels.refresh import Target

#: Seconds between two refreshes that nobody but the data asked for.
INTERVAL_S = 0.1

#: Seconds between them at most, however long they take: what fails is to be seen within a second.
_LONGEST_S = 0.4


@dataclass(slots=True)
class Wishes:
    """What the screen lacks.

    Attributes:
        tree: Rows of the tree.
        node: Detail and lineage of the selection.
        issues: Diagnostics.
        target: A node to go to.
        level: A node under which one more level is to be expanded.
        urgent: Whether a person waits for it.
    """

    tree: bool = False
    node: bool = False
    issues: bool = False
    target: Target | None = None
    level: NodeRow | None = None
    urgent: bool = False

    def __bool__(self) -> bool:
        return bool(self.tree or self.node or self.issues or self.target or self.level)


@dataclass(slots=True)
class Refresher:
    """When to start the next job.

    Attributes:
        start: Starts a job for some wishes; answers whether there was anything to do.
        later: Calls `poke` after some seconds.
        clock: Seconds that only ever grow.
    """

    start: Callable[[Wishes], bool]
    later: Callable[[float], object]
    clock: Callable[[], float] = time.monotonic
    _wishes: Wishes = field(default_factory=Wishes)
    _busy: set[bool] = field(default_factory=set)
    _waiting: bool = False
    _last: float = float("-inf")
    _took: float = 0.0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is wished for and nothing is in flight."""
        return not self._busy and not self._wishes

    def wish(self, *, urgent: bool = False, target: Target | None = None, **wanted: bool) -> None:
        """Want `tree`, `node` or `issues` anew, and to go to a node.

        The last target wins, but following never displaces what a person does.
        """
        for name in wanted:
            setattr(self._wishes, name, True)
        if target is not None and not (target.newest and self._wishes.target is not None):
            self._wishes.target = target
        self._wishes.urgent |= urgent
        self._advance()

    def expand_level(self, node: NodeRow) -> None:
        """Want one more level under a node."""
        self._wishes.level = node
        self._wishes.urgent = True
        self._advance()

    def done(self, *, urgent: bool = False) -> None:
        """A job in flight, of those that a person waited for or of the others, was applied or has failed."""
        self._busy.discard(urgent)
        if not urgent:
            self._took = self.clock() - self._last
        self._advance()

    def poke(self) -> None:
        """The time that was waited for has come."""
        self._waiting = False
        self._advance()

    def _advance(self) -> None:
        urgent = self._wishes.urgent
        if not self._wishes or urgent in self._busy or (self._busy and not urgent):
            return
        wait = self._last + max(INTERVAL_S, min(2 * self._took, _LONGEST_S)) - self.clock()
        if wait > 0 and not urgent:
            if not self._waiting:
                self._waiting = True
                self.later(wait)
            return
        wishes, self._wishes = self._wishes, Wishes()
        if not urgent:
            self._last = self.clock()
        if self.start(wishes):
            self._busy.add(urgent)
