"""Statements about scopes: the lifecycle lines of a capture and the rows of a ledger become `facts`.

Both tell the same things in the same models; the later statement about a scope wins, wherever it
comes from (`tree.apply_facts`).
"""

from __future__ import annotations

from typing import Final

import duckdb

from contexta.catalog.lines import micros
from contexta.catalog.schema import KINDS, STATUSES
from contexta.vocabulary import NodeKind, Origin

_STATUSES: Final = ", ".join(f"'{status}'" for status in STATUSES)

FACTS: Final = """
create or replace temp table facts (
    id integer, origin utinyint, fact_at bigint, status utinyint, started_at bigint, ended_at bigint,
    name varchar, order_index integer, observed_at bigint, retention_class varchar, redaction_profile varchar,
    link_run varchar, link_artifact varchar, extensions varchar
)
"""


def _extension(namespace: str, field: str) -> str:
    """SQL for a field of one of our extension sets in `extensions`."""
    return (
        'list_filter(from_json(extensions, \'[{"namespace":"VARCHAR","fields":"JSON"}]\'),'
        f" lambda e: e.namespace = '{namespace}')[1].fields->>'{field}'"
    )


def _status(text: str) -> str:
    return f"(list_position([{_STATUSES}], {text}) - 1)::utinyint"


_CAPTURED: Final = f"""
insert into facts
with last as (
    select s.rowid as n, s.written_at, s.payload as c, scope.id, scope.kind,
           s.payload.extensions as extensions
    from slice s join scopes scope on scope.ref = s.subject
    where s.shape = 'context'
    qualify row_number() over (partition by scope.id order by s.written_at desc, s.rowid desc) = 1
)
select id, $origin, {micros("written_at")},
       {_status(f"coalesce({_extension('contexta.lifecycle', 'status')}, c.status)")},
       {micros("coalesce(c.started_at, c.observed_at)")},
       {micros(f"coalesce({_extension('contexta.lifecycle', 'ended_at')}, c.ended_at)")},
       coalesce({_extension("contexta.scope", "display_name")}, c.name),
       try_cast(c.order_index::varchar as integer), {micros("c.observed_at")},
       c.retention_class, c.redaction_profile,
       if(kind = {KINDS.index(NodeKind.DEPLOYMENT)}, c.run_ref, null),
       if(kind = {KINDS.index(NodeKind.DEPLOYMENT)}, c.artifact_ref, null),
       nullif(extensions::varchar, '[]')
from last
"""


def read_captured(connection: duckdb.DuckDBPyConnection, origin: Origin) -> None:
    """Makes `facts` from the lifecycle lines of `slice`, the last one of each scope."""
    connection.execute(FACTS)
    connection.execute(_CAPTURED, {"origin": int(origin)})
