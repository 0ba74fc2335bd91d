"""What a few plain lines say of failures: what `records` and `tree` do in SQL for any slice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import duckdb

from contexta.catalog.plain import PlainRecord
from contexta.catalog.quick_scopes import Scope
from contexta.catalog.schema import KINDS, RECORD_TYPES, SIGNALS, STATUSES
from contexta.vocabulary import ERROR_LEVELS, SCORES, NodeKind, RecordType, Status

_SAMPLE: Final = KINDS.index(NodeKind.SAMPLE)
_FAILED: Final = STATUSES.index(Status.FAILED)
_METRIC, _EVENT = (RECORD_TYPES.index(kind) for kind in (RecordType.METRIC, RecordType.EVENT))
_ERROR_EVENT, _ZERO_SCORE = (SIGNALS.index(kind) for kind in ("error_event", "zero_score"))

_INSERT: Final = """
insert into signals
select unnest($record_id), unnest($node_id), unnest($kind), unnest($seen_at)
"""


class Found(NamedTuple):
    """A record that is new, with its id, its key and its scope."""

    id: int
    key: int
    record: PlainRecord
    scope: Scope


class Signal(NamedTuple):
    """A record that explains a failure."""

    record_id: int
    scope: Scope
    kind: int
    record: PlainRecord


def signals(records: Iterable[Found]) -> list[Signal]:
    """The signals among records."""
    return [
        Signal(each.id, each.scope, kind, each.record)
        for each in records
        if (kind := _signal(each.record, each.scope)) is not None
    ]


def settle(signals: Iterable[Signal], stated: Iterable[Scope], touch: Callable[..., None]) -> bool:
    """Brings the failures of scopes in line with signals, and with what is stated.

    Args:
        signals: Those of new records.
        stated: Scopes whose status may be another than before.
        touch: Is told which scopes were changed.

    Returns:
        Whether there was a signal, or a failure began or ended.
    """
    suspects = set(stated)
    told = False
    for _, scope, kind, record in signals:
        told = True
        suspects.add(scope)
        if scope.kind == _SAMPLE:
            scope.faults += 1
            if scope.note is None:
                scope.note = f"{record.name} 0" if kind == _ZERO_SCORE else record.name
            touch(scope, failures=True)
    for scope in filter(_flips, suspects):
        told = True
        scope.failed = not scope.failed
        touch(scope, failures=True)
        for above in scope.line[:-1]:
            above.failed_below += 1 if scope.failed else -1
            touch(above, failures=True)
    return told


def write(connection: duckdb.DuckDBPyConnection, signals: Sequence[Signal]) -> None:
    """Adds signals to the catalog, inside a transaction."""
    if signals:
        connection.execute(
            _INSERT,
            {
                "record_id": [signal.record_id for signal in signals],
                "node_id": [signal.scope.id for signal in signals],
                "kind": [signal.kind for signal in signals],
                "seen_at": [signal.record.observed_at for signal in signals],
            },
        )


def _signal(record: PlainRecord, scope: Scope) -> int | None:
    if record.type == _EVENT and record.level in ERROR_LEVELS:
        return _ERROR_EVENT
    if record.type == _METRIC and record.value == 0 and record.name in SCORES and scope.kind == _SAMPLE:
        return _ZERO_SCORE
    return None


def _flips(scope: Scope) -> bool:
    return scope.failed != (scope.status == _FAILED or (scope.kind == _SAMPLE and scope.faults > 0))
