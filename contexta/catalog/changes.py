"""What a commit changed of the tree, for whoever knows the rows from before."""

from __future__ import annotations

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


class TreeChanges(msgspec.Struct, frozen=True):
    """All that a commit changed in the table `nodes`.

    Attributes:
        totals: By id, the totals of nodes that were there before.
        added: Parent, kind and position of the nodes that are new.
        stated: Ids of nodes of which more than the totals may have changed.
        revision: The revision of the catalog with that commit.
    """

    totals: Mapping[int, RowTotals]
    added: frozenset[tuple[int | None, int, int]]
    stated: frozenset[int]
    revision: int = -1
