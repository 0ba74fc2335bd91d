"""Rows of the tree brought up to date without asking the catalog.

A running job changes a few rows with each slice, and whoever takes its lines knows how, also before they are
written. To ask for a screenful of rows again costs as much as to take a slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from contexta.catalog.changes import RowTotals, TreeChanges
from contexta.catalog.schema import CHILD_COLUMNS, KINDS
from contexta.query.port import Rows
from contexta.query.results import ChildGroup, NodeRow


def since(changes: Sequence[TreeChanges], revision: int) -> tuple[TreeChanges, ...] | None:
    """The changes after a revision, or `None` when they are not all known.

    Args:
        changes: `Catalog.changes`.
        revision: A revision of the catalog that is not the latest.
    """
    later = tuple(each for each in changes if each.revision > revision)
    return later if later and later[-1].revision - revision == len(later) else None


def changed(rows: Rows, changes: Sequence[TreeChanges]) -> Rows | None:
    """Rows after some changes; `None` when the catalog has to be asked.

    Args:
        rows: The rows before.
        changes: What was changed since, in order; what is in the rows already may be among it.
    """
    totals: dict[int, RowTotals] = {}
    stated: set[int] = set()
    for each in changes:
        if any(parent is None or _is_wanted(rows, parent, kind, place) for parent, kind, place in each.added):
            return None
        totals |= each.totals
        stated |= each.stated
    shown = {row.id: row for row in (*rows.projects, *rows.nodes.values())}
    for block in rows.blocks.values():
        shown.update({row.id: row for row in block})
    if not stated.isdisjoint(shown):
        return None
    fresh = {key: _with(shown[key], totals[key]) for key in totals.keys() & shown.keys()}
    if not fresh:
        return rows
    return Rows(
        projects=tuple(fresh.get(row.id, row) for row in rows.projects),
        nodes={key: fresh.get(key, row) for key, row in rows.nodes.items()},
        blocks={
            key: block
            if fresh.keys().isdisjoint(row.id for row in block)
            else tuple(fresh.get(row.id, row) for row in block)
            for key, block in rows.blocks.items()
        },
    )


def with_totals(rows: Iterable[NodeRow], changes: Iterable[TreeChanges]) -> tuple[NodeRow, ...]:
    """Rows with the totals that some changes, in order, gave them."""
    totals: dict[int, RowTotals] = {}
    for each in changes:
        totals |= each.totals
    return tuple(_with(row, totals[row.id]) if row.id in totals else row for row in rows)


def _is_wanted(rows: Rows, parent_id: int, kind: int, position: int) -> bool:
    return any(
        (block.parent_id, block.kind) == (parent_id, KINDS[kind]) and block.start <= position < block.stop
        for block in rows.blocks
    )


def _with(row: NodeRow, totals: RowTotals) -> NodeRow:
    groups = zip(CHILD_COLUMNS, totals.children, strict=True)
    return replace(
        row,
        records=totals.records,
        first_at=totals.first_at,
        last_at=totals.last_at,
        failed=totals.failed,
        failed_below=totals.failed_below,
        note=totals.note or "",
        children=tuple(ChildGroup(kind, count) for kind, count in groups if count),
    )
