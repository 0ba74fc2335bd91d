"""Decides when to ask, so that the screen need only say what it lacks.

One job for a person, one for rows and one for panes may be in flight at a time; what is wished for
meanwhile is merged into the next one. A key press is answered at once, the rows first. Of a stream of changes
the rows of the tree, which cost little, are shown at most 50 times a second and the panes twice, and less
often where answers are slow; rows do not wait for panes, whoever wants these. It knows neither widgets nor
queries, and runs on the app's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from contexta.query.results import NodeRow
from contexta_tui.viewmodels.refresh import Lane, Target

#: Seconds between two refreshes of the rows that nobody but the data asked for.
INTERVAL_S = 0.02

#: Seconds between two refreshes of the panes that nobody but the data asked for.
PANES_S = 0.5

#: Seconds between them at most, however long they take: what fails is to be seen within a second.
_LONGEST_S = 0.4


class Wishes(msgspec.Struct):
    """What the screen lacks.

    Attributes:
        tree: Rows of the tree.
        node: Detail and lineage of the selection.
        issues: Diagnostics.
        target: A node to go to.
        level: A node under which one more level is to be expanded.
        lane: Who waits for it; a person, whatever else is wished for meanwhile.
    """

    tree: bool = False
    node: bool = False
    issues: bool = False
    target: Target | None = None
    level: NodeRow | None = None
    lane: Lane = Lane.PANES

    def __bool__(self) -> bool:
        return bool(self.tree or self.panes)

    @property
    def panes(self) -> bool:
        """Whether more than rows of the tree is wanted."""
        return bool(self.node or self.issues or self.target or self.level)


class _Pace(msgspec.Struct):
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


class Refresher(msgspec.Struct):
    """When to start the next job.

    Attributes:
        start: Starts a job for some wishes; answers whether there was anything to do.
        later: Calls `poke` after some seconds.
        clock: Seconds that only ever grow.
    """

    start: Callable[[Wishes], bool]
    later: Callable[[float], object]
    clock: Callable[[], float] = time.monotonic
    _wishes: Wishes = msgspec.field(default_factory=Wishes)
    _busy: set[Lane] = msgspec.field(default_factory=set)
    _paces: dict[Lane, _Pace] = msgspec.field(
        default_factory=lambda: {Lane.ROWS: _Pace(INTERVAL_S), Lane.PANES: _Pace(PANES_S)}
    )
    _poke_at: float = float("inf")
    _answers_rows: bool = False

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
        if urgent:
            self._wishes.lane = Lane.PERSON
        self._advance()

    def expand_level(self, node: NodeRow) -> None:
        """Want one more level under a node."""
        self._wishes.level = node
        self._wishes.lane = Lane.PERSON
        self._advance()

    def done(self, lane: Lane) -> None:
        """A job in flight was applied or has failed."""
        self._busy.discard(lane)
        if (pace := self._paces.get(lane)) is not None:
            pace.took = self.clock() - pace.began
        self._advance()

    def poke(self) -> None:
        """The time that was waited for has come."""
        self._poke_at = float("inf")
        self._advance()

    def _advance(self) -> None:
        if Lane.PERSON in self._busy:
            if not self._answers_rows:
                self._begin_rows()
            return
        while self._wishes.lane is Lane.PERSON:
            wishes = self._first()
            self._answers_rows = bool(wishes.tree or wishes.target or wishes.level)
            if self._begin(wishes):
                return
        self._begin_rows()
        # What is seen first is asked for first.
        if self._wishes.panes and Lane.ROWS not in self._busy and self._may_begin(Lane.PANES):
            wishes = self._wishes
            self._wishes = Wishes(tree=wishes.tree)
            wishes.tree = False
            self._begin(wishes)

    def _first(self) -> Wishes:
        """What is to be asked first of all that a person waits for: rows, when nothing leads elsewhere."""
        wishes, self._wishes = self._wishes, Wishes()
        if wishes.tree and wishes.panes and not (wishes.target or wishes.level):
            wishes.tree, self._wishes = False, wishes
            return Wishes(tree=True, lane=Lane.PERSON)
        return wishes

    def _begin_rows(self) -> None:
        if self._wishes.tree and self._may_begin(Lane.ROWS):
            self._wishes.tree = False
            self._begin(Wishes(tree=True, lane=Lane.ROWS))

    def _begin(self, wishes: Wishes) -> bool:
        began = self.clock()
        if not self.start(wishes):
            return False
        self._busy.add(wishes.lane)
        if (pace := self._paces.get(wishes.lane)) is not None:
            pace.began = began
        return True

    def _may_begin(self, lane: Lane) -> bool:
        """Whether a job of the data may begin now; calls again when it may later."""
        if lane in self._busy:
            return False
        now, due = self.clock(), self._paces[lane].due
        if due > now and due < self._poke_at:
            self._poke_at = due
            self.later(due - now)
        return due <= now
