"""Takes the records and artifacts of a slice into the catalog, each distinct ref once.

A record that comes again (read twice, or both captured and stored) only adds where it is known from:
refs settle every overlap. Works on the temporary tables `slice` and `scopes`, leaves `new_signals` (those
among the new records that explain a failure).
"""

from __future__ import annotations

from typing import Final

import duckdb

from contexta.catalog.lines import key_of, micros
from contexta.catalog.schema import KINDS, RECORD_TYPES, SIGNALS
from contexta.vocabulary import ERROR_LEVELS, SCORES, NodeKind, Origin, RecordType

_METRIC, _EVENT = (RECORD_TYPES.index(record_type) for record_type in (RecordType.METRIC, RecordType.EVENT))
_SAMPLE: Final = KINDS.index(NodeKind.SAMPLE)
_SIGNAL: Final = {name: index for index, name in enumerate(SIGNALS)}

_REPEATED: Final = """
create or replace temp table repeated as
select key, origin from records where key in (select key from slice where shape = 'record')
"""

_NUMBERED: Final = """
create or replace temp table numbered as
select n, $next_id + row_number() over (order by n) - 1 as id
from (select min(n) as n from slice
      where shape = 'record' and key not in (select key from repeated) group by key)
"""

_INSERT: Final = """
insert into records
select numbered.id, s.key, s.ref, s.type, leaf.id, leaf.project_id, coalesce(leaf.run_id, run.id),
       leaf.stage_id, leaf.batch_id, $origin, s.observed_at, s.recorded_at, s.name,
       if(isfinite(number), number, null),
       case when isnan(number) then 'nan' when isinf(number) then if(number > 0, 'inf', '-inf')
            else value_type end,
       s.unit, s.scope, s.level, s.message, s.ended_at, s.attributes, s.tags, s.span, s.degradation, s.more
from slice s
join numbered on numbered.n = s.n
join scopes leaf on leaf.ref = s.subject
left join scopes run on run.ref = s.owner and leaf.run_id is null
order by numbered.id
"""

# The tuples of names are lists in SQL as they stand.
_SIGNALS: Final = f"""
create or replace temp table new_signals as
select record_id, node_id, kind as node_kind, observed_at, unnest(list_filter([
    if(type = {_EVENT} and level in {ERROR_LEVELS}, {_SIGNAL["error_event"]}, null),
    if(type = {_METRIC} and name in {SCORES} and value = 0
       and kind = {_SAMPLE}, {_SIGNAL["zero_score"]}, null),
    if(type = {_METRIC} and value_type in ('nan', 'inf', '-inf'), {_SIGNAL["non_finite_metric"]}, null),
    if(degradation is not null, {_SIGNAL["degraded_record"]}, null)
    ], lambda signal: signal is not null))::utinyint as signal, name, value
from (
    select r.id as record_id, node_id, scopes.kind, observed_at, type, level, r.name, value, value_type,
           degradation
    from records r join scopes on scopes.id = r.node_id
    where r.id >= $next_id
      and ((type = {_EVENT} and level in {ERROR_LEVELS}) or degradation is not null
           or (type = {_METRIC} and (value is null or value = 0)))
)
"""

_FAULTS: Final = f"""
update nodes set faults = nodes.faults + d.faults, note = coalesce(nodes.note, d.note)
from (
    select node_id, count(*)::integer as faults,
           arg_min(if(signal = {_SIGNAL["zero_score"]}, name || ' 0', name), record_id) as note
    from new_signals
    where node_kind = {_SAMPLE} and signal in ({_SIGNAL["error_event"]}, {_SIGNAL["zero_score"]})
    group by node_id
) d where nodes.id = d.node_id
"""

_LINK_DEPLOYMENTS: Final = f"""
update nodes set link_run = d.owner
from (select s.id, arg_min(l.owner, l.n) as owner from slice l join scopes s on s.ref = l.subject
      where s.kind = {KINDS.index(NodeKind.DEPLOYMENT)} and l.shape = 'record' and l.owner is not null
      group by s.id) d
where nodes.id = d.id and nodes.link_run is null
"""


_DEPLOYMENTS: Final = f"select count(*) from scopes where kind = {KINDS.index(NodeKind.DEPLOYMENT)}"


def _made(connection: duckdb.DuckDBPyConnection, statement: str, parameters: dict[str, int]) -> int:
    """Makes a table; the number of its rows."""
    (rows,) = connection.execute(statement, parameters).fetchone() or (0,)
    return int(rows)


def add_fresh_records(connection: duckdb.DuckDBPyConnection, origin: Origin) -> tuple[int, int, int]:
    """Adds the records of `slice` that the catalog does not have, with their signals.

    Returns:
        How many records they were, the id of the first of them, and how many signals.
    """
    if _made(connection, _REPEATED, {}):
        connection.execute(
            "update records set origin = origin | $origin"
            " where key in (select key from repeated where origin & $origin = 0)",
            {"origin": int(origin)},
        )
    (next_id,) = connection.execute("select coalesce(max(id) + 1, 1) from records").fetchone() or (1,)
    added = _made(connection, _NUMBERED, {"next_id": next_id})
    connection.execute(_INSERT, {"origin": int(origin)})
    signalled = _made(connection, _SIGNALS, {"next_id": next_id})
    (deployments,) = connection.execute(_DEPLOYMENTS).fetchone() or (0,)
    if signalled:
        connection.execute(
            "insert into signals select record_id, node_id, signal, observed_at from new_signals order by all"
        )
        connection.execute(_FAULTS)
    if deployments:
        connection.execute(_LINK_DEPLOYMENTS)
    return added, int(next_id), signalled


_ARTIFACTS: Final = f"""
create or replace temp table new_artifacts as
with each as (
    select s.n, {key_of("s.manifest.artifact_ref")} as key, s.manifest as m,
           s.binding_status as binding, leaf.id as node_id, leaf.project_id,
           coalesce(leaf.run_id, run.id) as run_id, leaf.stage_id
    from slice s
    join scopes leaf on leaf.ref = s.subject
    left join scopes run on run.ref = s.owner and leaf.run_id is null
    where s.shape = 'artifact'
)
select min(n) as n, key, any_value(m.artifact_ref) as ref,
       arg_max(m.artifact_kind, n) as kind, arg_max(m.location_ref, n) as location,
       arg_max(try_cast(m.size_bytes::varchar as bigint), n) as size_bytes,
       arg_max(m.hash_value, n) as hash_value,
       arg_max(binding, n) as binding, arg_max(m.attributes::varchar, n) as attributes,
       arg_min({micros("m.created_at")}, n) as created_at, arg_min(node_id, n) as node_id,
       arg_min(project_id, n) as project_id, arg_min(run_id, n) as run_id, arg_min(stage_id, n) as stage_id
from each group by key
"""

_RESTATED: Final = ", ".join(
    f"{column} = coalesce(d.{column}, artifacts.{column})"
    for column in ("kind", "location", "size_bytes", "hash_value", "binding", "attributes")
)
_FIRST_STATED: Final = ", ".join(
    f"{column} = coalesce(artifacts.{column}, d.{column})" for column in ("created_at", "run_id", "stage_id")
)


def add_artifacts(connection: duckdb.DuckDBPyConnection, workspace: int, origin: Origin) -> None:
    """Adds the artifacts of `slice`; what a later manifest of a ref states replaces what one before did."""
    connection.execute(_ARTIFACTS, {"workspace": workspace})
    connection.execute(
        f"update artifacts set origin = artifacts.origin | $origin, {_RESTATED}, {_FIRST_STATED}"
        " from new_artifacts d where artifacts.key = d.key",
        {"origin": int(origin)},
    )
    connection.execute(
        "insert into artifacts"
        " select (select coalesce(max(id), 0) from artifacts) + row_number() over (order by n),"
        " key, ref, kind, location, size_bytes, hash_value, created_at, node_id, project_id, run_id,"
        " stage_id, $origin, binding, attributes from new_artifacts"
        " where key not in (select key from artifacts) order by n",
        {"origin": int(origin)},
    )
