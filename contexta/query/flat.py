"""Statements that give a whole catalog as flat rows, for other programs.

Where a pane asks for a page, an export takes everything; so these are statements to copy from, not answers.
References stand where the catalog has numbers, words where it has codes, and times are timestamps in UTC.
Records come in the order in which they were read, because sorting a million of them would not fit in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contexta.catalog.schema import KINDS, RECORD_TYPES, STATUSES
from contexta.vocabulary import Origin, RecordType


class Column(StrEnum):
    """What a column holds; how a format spells it follows from that."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    TIME = "time"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Flat:
    """A kind of row.

    Attributes:
        columns: What its columns hold, by name, in their order.
        select: SQL of the columns, from `source`.
        source: What follows ``from``; the number of a run's node, or null for all, is ``$run_id``.
    """

    columns: dict[str, Column]
    select: dict[str, str]
    source: str

    def statement(self, spell: Callable[[str, Column], str], run_id: int | None) -> str:
        """Return the SQL of all rows, without parameters, as `copy` takes none.

        Args:
            spell: Returns the SQL of a column as a format spells it.
            run_id: The only run whose rows are wanted.
        """
        columns = ", ".join(
            f"{spell(self.select[name], kind)} as {name}" for name, kind in self.columns.items()
        )
        wanted = "null::integer" if run_id is None else str(int(run_id))
        return f"select {columns} from {self.source.replace('$run_id', wanted)}"


def _word(words: tuple[str, ...], code: str) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"([{listed}])[{code} + 1]"


def _origin(flags: str) -> str:
    captured, stored = int(Origin.CAPTURED), int(Origin.STORED)
    return (
        f"case {flags} & {captured | stored} when {captured} then 'captured' when {stored} then 'stored'"
        " else 'captured,stored' end"
    )


def _time(micros: str) -> str:
    return f"make_timestamp({micros})"


def _flat(columns: dict[str, tuple[Column, str]], source: str) -> Flat:
    return Flat(
        {name: kind for name, (kind, _) in columns.items()},
        {name: sql for name, (_, sql) in columns.items()},
        source,
    )


_NODES: Final = _flat(
    {
        "ref": (Column.TEXT, "n.ref"),
        "kind": (Column.TEXT, _word(tuple(KINDS), "n.kind")),
        "name": (Column.TEXT, "n.name"),
        "parent_ref": (Column.TEXT, "parent.ref"),
        "status": (Column.TEXT, _word(tuple(STATUSES), "n.status")),
        "origin": (Column.TEXT, _origin("n.origin")),
        "failed": (Column.FLAG, "n.failed"),
        "failed_below": (Column.NUMBER, "n.failed_below"),
        "order_index": (Column.NUMBER, "n.order_index"),
        "started_at": (Column.TIME, _time("n.started_at")),
        "ended_at": (Column.TIME, _time("n.ended_at")),
        "first_record_at": (Column.TIME, _time("n.first_at")),
        "last_record_at": (Column.TIME, _time("n.last_at")),
        "records": (Column.NUMBER, "n.records"),
        "metrics": (Column.NUMBER, "n.metrics"),
        "run_ref": (Column.TEXT, "coalesce(run.ref, n.link_run)"),
        "artifact_ref": (Column.TEXT, "n.link_artifact"),
        "retention_class": (Column.TEXT, "n.retention_class"),
        "redaction_profile": (Column.TEXT, "n.redaction_profile"),
        "extensions": (Column.JSON, "n.extensions"),
    },
    "nodes n left join nodes parent on parent.id = n.parent_id left join nodes run on run.id = n.run_id"
    " where $run_id is null or n.run_id = $run_id"
    " or n.link_run = (select ref from nodes where id = $run_id)",
)

_RECORD_PLACE: Final = {
    "ref": (Column.TEXT, "r.ref"),
    "node_ref": (Column.TEXT, "n.ref"),
    "run_ref": (Column.TEXT, "run.ref"),
    "stage_ref": (Column.TEXT, "stage.ref"),
    "batch_ref": (Column.TEXT, "batch.ref"),
    "origin": (Column.TEXT, _origin("r.origin")),
    "observed_at": (Column.TIME, _time("r.observed_at")),
    "recorded_at": (Column.TIME, _time("r.recorded_at")),
}
_RECORD_SOURCE: Final = (
    "records r join nodes n on n.id = r.node_id left join nodes run on run.id = r.run_id"
    " left join nodes stage on stage.id = r.stage_id left join nodes batch on batch.id = r.batch_id"
    " where ($run_id is null or r.run_id = $run_id)"
)

_RECORDS: Final = _flat(
    {
        **_RECORD_PLACE,
        "type": (Column.TEXT, _word(tuple(RECORD_TYPES), "r.type")),
        "name": (Column.TEXT, "r.name"),
        "value": (Column.NUMBER, "r.value"),
        "value_type": (Column.TEXT, "r.value_type"),
        "unit": (Column.TEXT, "r.unit"),
        "aggregation_scope": (Column.TEXT, "r.scope"),
        "level": (Column.TEXT, "r.level"),
        "message": (Column.TEXT, "r.message"),
        "ended_at": (Column.TIME, _time("r.ended_at")),
        "degradation": (Column.TEXT, "r.degradation"),
        "tags": (Column.JSON, "r.tags"),
        "attributes": (Column.JSON, "r.attributes"),
        "span": (Column.JSON, "r.span"),
        "more": (Column.JSON, "r.more"),
    },
    _RECORD_SOURCE,
)

_METRICS: Final = _flat(
    {
        **_RECORD_PLACE,
        "key": (Column.TEXT, "r.name"),
        "value": (Column.NUMBER, "r.value"),
        "value_type": (Column.TEXT, "r.value_type"),
        "unit": (Column.TEXT, "r.unit"),
        "aggregation_scope": (Column.TEXT, "r.scope"),
        "tags": (Column.JSON, "r.tags"),
    },
    f"{_RECORD_SOURCE} and r.type = {RECORD_TYPES.index(RecordType.METRIC)}",
)

ROWS: Final = {"nodes": _NODES, "records": _RECORDS, "metrics": _METRICS}
"""The kinds of row by name."""
