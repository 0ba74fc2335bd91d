"""What a few plain lines say of failures: what `records` and `tree` do in SQL for any slice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import duckdb

from contexta.catalog.plain import PlainRecord
from contexta.catalog.quick_scopes import Scope
from contexta.catalog.schema import KINDS, RECORD_TYPES, SIGNALS, STATUSES
from contexta.vocabulary import NodeKind, RecordType, Status

_SAMPLE: Final = KINDS.index(NodeKind.SAMPLE)
_FAILED: Final = STATUSES.index(Status.FAILED)
_METRIC, _EVENT = (RECORD_TYPES.index(kind) for kind in (RecordType.METRIC, RecordType.EVENT))
_ERROR_EVENT, _ZERO_SCORE = (SIGNALS.index(kind) for kind in ("error_event", "zero_score"))
_SCORES: Final = ("correct", "pass", "success")
_ERRORS: Final = ("error", "critical")

_INSERT: Final = """
insert into signals
select unnest($record_id), unnest($node_id), unnest($kind), unnest($seen_at)
"""


def settle(
    connection: duckdb.DuckDBPyConnection,
    records: Iterable[tuple[int, PlainRecord, Scope]],
    stated: Sequence[Scope],
    touch: Callable[..., None],
) -> bool:
    """Writes the signals of new records, and brings failures in line with them and with what is stated.

    Args:
        connection: Connection to the catalog, inside a transaction.
        records: The records with their ids and scopes.
        stated: Scopes whose status may be another than before.
        touch: Is told which scopes were changed.

    Returns:
        Whether there was a signal, or a failure began or ended.
    """
    signals = [
        (number, scope, kind, record)
        for number, record, scope in records
        if (kind := _signal(record, scope)) is not None
    ]
    if signals:
        connection.execute(
            _INSERT,
            {
                "record_id": [number for number, *_ in signals],
                "node_id": [scope.id for _, scope, *_ in signals],
                "kind": [kind for _, _, kind, _ in signals],
                "seen_at": [record.observed_at for *_, record in signals],
            },
        )
    for _, scope, kind, record in signals:
        if scope.kind == _SAMPLE:
            scope.faults += 1
            if scope.note is None:
                scope.note = f"{record.name} 0" if kind == _ZERO_SCORE else record.name
            touch(scope, failures=True)
    flipped = [scope for scope in {*stated, *(scope for _, scope, *_ in signals)} if _flips(scope)]
    for scope in flipped:
        scope.failed = not scope.failed
        touch(scope, failures=True)
        for above in scope.line[:-1]:
            above.failed_below += 1 if scope.failed else -1
            touch(above, failures=True)
    return bool(signals or flipped)


def _signal(record: PlainRecord, scope: Scope) -> int | None:
    if record.type == _EVENT and record.level in _ERRORS:
        return _ERROR_EVENT
    if record.type == _METRIC and record.value == 0 and record.name in _SCORES and scope.kind == _SAMPLE:
        return _ZERO_SCORE
    return None


def _flips(scope: Scope) -> bool:
    return scope.failed != (scope.status == _FAILED or (scope.kind == _SAMPLE and scope.faults > 0))
