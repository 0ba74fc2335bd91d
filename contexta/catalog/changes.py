"""What a commit changed of the tree, for whoever knows the rows from before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class RowTotals(NamedTuple):
    """What is recorded at and under a node, as the table `nodes` has it; children as in `CHILD_COLUMNS`."""

    records: int
    first_at: int | None
    last_at: int | None
    failed: bool
    failed_below: int
    note: str | None
    children: tuple[int, ...]


class Counted(msgspec.Struct, frozen=True):
    """Rows of a table up to an id, by what they are.

    Attributes:
        last: Id of the last row that was counted, 0 for none.
        numbers: How many rows there are of each type of record or kind of node.
    """

    last: int = 0
    numbers: Counter[int] = msgspec.field(default_factory=Counter)

    def and_then(self, later: Counted) -> Counted:
        """With rows that came after; those that are counted already are not counted again."""
        return Counted(later.last, self.numbers + later.numbers) if later.last > self.last else self


class TreeChanges(msgspec.Struct, frozen=True):
    """All that a revision of a catalog changed of the tree.

    Attributes:
        totals: By id, the totals of nodes that were there before.
        added: Parent, kind and position of the nodes that are new.
        stated: Ids of nodes of which more than the totals may have changed.
        nodes: The nodes that are new, by kind.
        records: The records that are new, by type.
        revision: The revision.
    """

    totals: Mapping[int, RowTotals] = msgspec.field(default_factory=dict)
    added: frozenset[tuple[int | None, int, int]] = frozenset()
    stated: frozenset[int] = frozenset()
    nodes: Counted = msgspec.field(default_factory=Counted)
    records: Counted = msgspec.field(default_factory=Counted)
    revision: int = -1
