"""Records as views, with the scopes they were recorded on.

Only reads: the catalog keeps what of a record is unlike most records in one member, `more`, and this module
puts the whole together again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import duckdb

from contexta.catalog.schema import RECORD_TYPES
from contexta.contract.frozen import FrozenJson, FrozenMap
from contexta.query.plain import json_map, json_value, origins, time_text
from contexta.query.results import RecordType
from contexta.query.views import JsonMap, ObservationRecord

_COLUMNS: Final = """
    r.ref, run.ref, stage.ref, batch.ref, n.ref, r.type, r.name, r.observed_at, r.recorded_at, r.value,
    r.value_type, r.unit, r.scope, r.level, r.message, r.ended_at, r.attributes, r.tags, r.span,
    r.degradation, r.origin, r.more"""

_USUAL: Final = {
    "completeness_marker": "complete",
    "producer_ref": "sdk.python.local",
    "schema_version": "1.0.0",
}
_OF_PAYLOAD: Final = ("subject_ref", "slice_ref", "summary_basis", "origin_marker", "category")


def observations(
    cursor: duckdb.DuckDBPyConnection,
    *,
    run_ref: str | None = None,
    stage_ref: str | None = None,
    batch_ref: str | None = None,
    record_type: str | None = None,
    key: str | None = None,
) -> tuple[ObservationRecord, ...]:
    """Records by time of observation, those without a time last; the refs and words given filter.

    Raises:
        ValueError: There is no such type of record.
    """
    number = None if record_type is None else RECORD_TYPES.index(RecordType(record_type))
    rows = cursor.execute(
        f"""
        select {_COLUMNS} from records r join nodes n on n.id = r.node_id
        left join nodes run on run.id = r.run_id
        left join nodes stage on stage.id = r.stage_id
        left join nodes batch on batch.id = r.batch_id
        where ($run is null or run.ref = $run) and ($stage is null or stage.ref = $stage)
          and ($batch is null or batch.ref = $batch) and ($type is null or r.type = $type)
          and ($key is null or r.name = $key)
        order by r.observed_at nulls last, r.id""",
        {"run": run_ref, "stage": stage_ref, "batch": batch_ref, "type": number, "key": key},
    ).fetchall()
    return tuple(_view(row) for row in rows)


def _view(row: Sequence[Any]) -> ObservationRecord:
    record_type, leaf = RECORD_TYPES[row[5]], row[4]
    more = _more(row[21])
    duration = None if row[15] is None or row[7] is None else (row[15] - row[7]) / 1000
    return ObservationRecord(
        record_id=row[0],
        run_id=row[1],
        stage_id=row[2] or _text(more, "stage_execution_ref"),
        record_type=str(record_type),
        key=row[6],
        observed_at=time_text(row[7]),
        value=row[9],
        message=row[14] or None,
        completeness_marker=_text(more, "completeness_marker") or "unknown",
        degradation_marker=row[19] or "none",
        payload=_payload(record_type, row, more, duration),
        tags=json_map(row[17]),
        schema_version=_text(more, "schema_version"),
        producer_ref=_text(more, "producer_ref"),
        correlation_id=_text(more, "trace_id") or _text(more, "session_id"),
        unit=row[11],
        origin=origins(row[20]),
        batch_id=row[3] or _text(more, "batch_execution_ref"),
        sample_id=_of_kind("sample", leaf) or _text(more, "sample_observation_ref"),
        operation_id=_of_kind("op", leaf),
        deployment_id=_of_kind("deployment", leaf) or _text(more, "deployment_execution_ref"),
        recorded_at=time_text(row[8]),
        value_type=row[10],
        level=row[13],
        duration_ms=duration,
    )


@lru_cache(maxsize=256)
def _more(text: str | None) -> Mapping[str, FrozenJson]:
    """What few records say, and what all others do not need to: alike for most records of a producer."""
    unusual = {name: value for name, value in json_map(text).items() if value is not None}
    return FrozenMap({**_USUAL, **unusual})


def _payload(
    record_type: RecordType, row: Sequence[Any], more: Mapping[str, FrozenJson], duration: float | None
) -> JsonMap:
    """The members of a record of its type, without those that are not set."""
    value, value_type, unit, scope, level, message, ended_at, attributes, tags, span = row[9:19]
    members: dict[str, FrozenJson]
    if record_type is RecordType.METRIC:
        members = {
            "metric_key": row[6],
            "value": value,
            "value_type": value_type,
            "unit": unit,
            "aggregation_scope": scope,
            "tags": json_map(tags),
        }
    elif record_type is RecordType.EVENT:
        members = {"event_key": row[6], "level": level, "message": message}
    elif record_type is RecordType.SPAN:
        members = {
            "span_name": row[6],
            "status": level,
            "started_at": time_text(row[7]),
            "ended_at": time_text(ended_at),
            "duration_ms": duration,
            **json_map(span),
        }
    else:
        members = {"issue_key": row[6], "severity": level, "summary": message}
    if record_type is not RecordType.METRIC:
        members["attributes"] = json_value(attributes)
    members.update({name: more[name] for name in _OF_PAYLOAD if name in more})
    return FrozenMap({name: item for name, item in members.items() if item is not None})


def _of_kind(kind: str, ref: str) -> str | None:
    return ref if ref.startswith(f"{kind}:") else None


def _text(members: Mapping[str, FrozenJson], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None
