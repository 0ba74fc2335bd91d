"""Statements about scopes: the lifecycle lines of a capture and the rows of a ledger become `facts`.

Both tell the same things in the same models; the later statement about a scope wins, wherever it
comes from (`tree.apply_facts`).
"""

from __future__ import annotations

from typing import Final

import duckdb

from contexta.catalog.lines import micros
from contexta.catalog.schema import KINDS, STATUSES
from contexta.vocabulary import NodeKind

_STATUSES: Final = ", ".join(f"'{status}'" for status in STATUSES)


def _extension(namespace: str, field: str) -> str:
    """SQL for a field of one of our extension sets in `extensions`."""
    return (
        'list_filter(from_json(extensions, \'[{"namespace":"VARCHAR","fields":"JSON"}]\'),'
        f" lambda e: e.namespace = '{namespace}')[1].fields->>'{field}'"
    )


def _status(text: str) -> str:
    return f"(list_position([{_STATUSES}], {text}) - 1)::utinyint"


_FACTS: Final = f"""
create or replace temp table facts as
with stated as (
    select s.n, coalesce(s.written_at, 0) as told_at, s.stated as c,
           s.stated.extensions as extensions, scope.id,
           scope.kind = {KINDS.index(NodeKind.DEPLOYMENT)} as deploys, nodes.fact_at as known_at
    from slice s join scopes scope on scope.ref = s.subject join nodes on nodes.id = scope.id
    where s.shape = 'context'
), ranked as (
    select *, (told_at >= greatest(known_at, max(told_at) over (
        partition by id order by n rows between unbounded preceding and 1 preceding))) is not false as stands
    from stated
), told as (
    select id, n, told_at, stands, deploys,
           {_status(f"coalesce({_extension('contexta.lifecycle', 'status')}, c.status)")} as status,
           {micros("coalesce(c.started_at, c.observed_at)")} as started_at,
           {micros(f"coalesce({_extension('contexta.lifecycle', 'ended_at')}, c.ended_at)")} as ended_at,
           coalesce({_extension("contexta.scope", "display_name")}, c.name) as name,
           try_cast(c.order_index::varchar as integer) as order_index,
           {micros("c.observed_at")} as observed_at,
           c.retention_class, c.redaction_profile, c.run_ref, c.artifact_ref,
           nullif(extensions::varchar, '[]') as extensions
    from ranked
)
select id, max(told_at) as stated_at, bool_or(stands) as stands,
       last(order_index order by n) as own_index,
       last(coalesce(started_at, observed_at) order by n) as own_start,
       last(started_at order by n) filter (stands) as started_at,
       last(ended_at order by n) filter (stands) as ended_at,
       last(order_index order by n) filter (stands) as order_index,
       last(observed_at order by n) filter (stands) as observed_at,
       last(retention_class order by n) filter (stands) as retention_class,
       last(redaction_profile order by n) filter (stands) as redaction_profile,
       arg_max(status, n) filter (stands) as status,
       arg_max(name, n) filter (stands) as name,
       arg_max(run_ref, n) filter (stands and deploys) as link_run,
       arg_max(artifact_ref, n) filter (stands and deploys) as link_artifact,
       arg_max(extensions, n) filter (stands) as extensions
from told group by id order by id
"""
# A statement stands when none before it, in this slice or earlier, was made later. So a slice of many lines
# comes to what its lines come to one by one. `arg_max` passes over what a statement leaves open.


def read(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `facts` from the statements in `slice`, one row for each scope that is spoken of."""
    connection.execute(_FACTS)
