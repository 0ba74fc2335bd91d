"""Decides when to ask, so that the screen need only say what it lacks.

One job for the data and one for a person may be in flight at a time; what is wished for meanwhile is merged
into the next one. A key press is answered at once. Of a stream of changes the rows of the tree, which cost
little, are shown at most twenty times a second and the panes twice, and less often where answers are
slow. It knows neither widgets nor queries, and runs on the app's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from contexta.query.results import NodeRow
from contexta_tui.viewmodels.refresh import Target

#: Seconds between two refreshes of the rows that nobody but the data asked for.
INTERVAL_S = 0.05

#: Seconds between two refreshes of the panes that nobody but the data asked for.
PANES_S = 0.5

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
        return bool(self.tree or self.panes)

    @property
    def panes(self) -> bool:
        """Whether more than rows of the tree is wanted."""
        return bool(self.node or self.issues or self.target or self.level)


@dataclass(slots=True)
class _Pace:
    """How often something is asked for.

    Attributes:
        interval: Seconds between two beginnings at least.
        began: When it was last asked for.
        took: Seconds that the answer took.
    """

    interval: float
    began: float = float("-inf")
    took: float = 0.0

    @property
    def due(self) -> float:
        """When it may be asked for again."""
        return self.began + max(self.interval, min(2 * self.took, _LONGEST_S))


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
    _rows: _Pace = field(default_factory=lambda: _Pace(INTERVAL_S))
    _panes: _Pace = field(default_factory=lambda: _Pace(PANES_S))
    _asked: _Pace | None = None
    _poke_at: float = float("inf")

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
        if not urgent and self._asked is not None:
            self._asked.took = self.clock() - self._asked.began
        self._advance()

    def poke(self) -> None:
        """The time that was waited for has come."""
        self._poke_at = float("inf")
        self._advance()

    def _advance(self) -> None:
        urgent = self._wishes.urgent
        if not self._wishes or urgent in self._busy or (self._busy and not urgent):
            return
        wishes = self._all() if urgent else self._due()
        if wishes and self.start(wishes):
            self._busy.add(urgent)

    def _all(self) -> Wishes:
        wishes, self._wishes = self._wishes, Wishes()
        return wishes

    def _due(self) -> Wishes:
        """What may be asked for now without being urgent; calls again when more is."""
        now = self.clock()
        if self._wishes.panes and self._panes.due <= now:
            self._asked, self._panes.began = self._panes, now
            if self._wishes.tree:
                self._rows.began = now
            return self._all()
        wishes = Wishes()
        if self._wishes.tree and self._rows.due <= now:
            self._asked, self._rows.began = self._rows, now
            self._wishes.tree, wishes.tree = False, True
        lacking = ((self._wishes.tree, self._rows.due), (self._wishes.panes, self._panes.due))
        due = min((due for wished, due in lacking if wished), default=self._poke_at)
        if due < self._poke_at:
            self._poke_at = due
            self.later(due - now)
        return wishes
