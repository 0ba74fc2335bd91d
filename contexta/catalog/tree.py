"""Keeps the tree of nodes and its totals: the statements that a slice of facts goes through.

All of it is SQL on the temporary tables `refs` (which scopes are mentioned) and `facts` (what is stated
about a scope) and on the records that are new, so that no Python object per node exists. Totals are
added to the ancestors once a slice; drawing a row never has to count.
"""

from __future__ import annotations

from typing import Final

import duckdb

from contexta.catalog.schema import CHILD_COLUMNS, KINDS, STATUSES
from contexta.vocabulary import NodeKind, Origin, Status

_PROJECT, _SAMPLE = KINDS.index(NodeKind.PROJECT), KINDS.index(NodeKind.SAMPLE)
_FAILED = STATUSES.index(Status.FAILED)

_CHILD_COUNTS: Final = ", ".join(CHILD_COLUMNS.values())
_PARENTS_COUNT: Final = (
    "case r.kind "
    + " ".join(f"when {KINDS.index(kind)} then p.{column}" for kind, column in CHILD_COLUMNS.items())
    + " else $roots end"
)

_SCOPES: Final = f"""
create or replace temp table scopes as
with known as (
    select id, key, {_CHILD_COUNTS} from nodes where key in (select key from refs)
), seen as (
    select r.*, k.id is null as is_new,
           coalesce(k.id, $next_id - 1
               + row_number() over (partition by k.id is null order by r.n, r.kind, r.ref))::integer as id,
           {", ".join(f"coalesce(k.{column}, 0) as {column}" for column in CHILD_COLUMNS.values())}
    from refs r left join known k on k.key = r.key
)
select r.id, r.key, r.ref, r.kind, r.name, r.n, r.is_new, p.id as parent_id,
       project.id as project_id, run.id as run_id, stage.id as stage_id, batch.id as batch_id,
       {_PARENTS_COUNT} as siblings
from seen r
left join seen p on r.kind <> {_PROJECT} and p.ref = case
    when r.batch_ref is not null and r.batch_ref <> r.ref then r.batch_ref
    when r.stage_ref is not null and r.stage_ref <> r.ref then r.stage_ref
    when r.run_ref is not null and r.run_ref <> r.ref then r.run_ref
    else r.project_ref end
left join seen project on project.ref = r.project_ref
left join seen run on run.ref = r.run_ref
left join seen stage on stage.ref = r.stage_ref
left join seen batch on batch.ref = r.batch_ref
"""

_INSERT: Final = """
insert into nodes
select id, key, $workspace, kind, ref, name, parent_id, project_id, run_id, stage_id, batch_id,
       (siblings + row_number() over (partition by parent_id, kind order by n, ref) - 1)::integer,
       0, $origin, null, null, null, null, null, null, null, 0, 0, 0, false, 0,
       0, 0, 0, 0, 0, 0, null, null, null, null, null, null, 0, null, null
from scopes where is_new order by id
"""

_COUNT_CHILDREN: Final = f"""
update nodes set {", ".join(f"{column} = nodes.{column} + d.{column}" for column in CHILD_COLUMNS.values())}
from (select parent_id, {
    ", ".join(
        f"count(*) filter (kind = {KINDS.index(kind)}) as {column}" for kind, column in CHILD_COLUMNS.items()
    )
} from nodes where id >= $next_id and parent_id is not null group by parent_id) d
where nodes.id = d.parent_id
"""


def add_nodes(connection: duckdb.DuckDBPyConnection, workspace: int, origin: Origin) -> None:
    """Adds the nodes of `refs` that the tree does not have; leaves `scopes`, which has the ids of every ref.

    A new node takes the next position among its siblings of the same kind, in order of appearance.
    """
    next_id, roots = connection.execute(
        f"select coalesce(max(id) + 1, 1), count(*) filter (kind = {_PROJECT}) from nodes"
    ).fetchone() or (1, 0)
    connection.execute(_SCOPES, {"next_id": next_id, "roots": roots})
    connection.execute(
        "update nodes set origin = origin | $origin"
        " where id in (select id from scopes) and origin & $origin = 0",
        {"origin": int(origin)},
    )
    (new,) = connection.execute("select count(*) from scopes where is_new").fetchone() or (0,)
    if new:
        connection.execute(_INSERT, {"workspace": workspace, "origin": int(origin)})
        connection.execute(_COUNT_CHILDREN, {"next_id": next_id})


_ADD_RECORDS: Final = """
update nodes set
    records = nodes.records + d.records,
    metrics = nodes.metrics + d.metrics,
    first_at = least(nodes.first_at, d.first_at),
    last_at = greatest(nodes.last_at, d.last_at)
from (
    with t as (
        select node_id, any_value(project_id) as project_id, run_id, any_value(stage_id) as stage_id,
               any_value(batch_id) as batch_id,
               count(*) as records, count(*) filter (type = 0) as metrics,
               min(observed_at) as first_at, max(observed_at) as last_at
        from records where id >= $first group by node_id, run_id
    ), u as (
        select unnest(list_distinct([node_id, project_id, run_id, stage_id, batch_id])) as id,
               records, metrics, first_at, last_at
        from t
    )
    select id, sum(records) as records, sum(metrics) as metrics,
           min(first_at) as first_at, max(last_at) as last_at
    from u where id is not null group by id
) d
where nodes.id = d.id
"""

_HEAR: Final = """
update nodes set max_gap = greatest(nodes.max_gap, d.gap), heard_at = greatest(nodes.heard_at, d.heard_at)
from (
    with lines as (
        select leaf.run_id as id, s.n, s.written_at as written,
               s.shape = 'context' and s.payload_type = 'Run' and s.stated.status = 'open' as starts
        from slice s join scopes leaf on leaf.ref = s.subject
        where leaf.run_id is not null
    ), gaps as (
        select l.id, written, if(starts, 0, written - greatest(nodes.heard_at, max(written) over (
            partition by l.id order by n rows between unbounded preceding and 1 preceding))) as gap
        from lines l join nodes on nodes.id = l.id where written is not null
    )
    select id, max(gap) as gap, max(written) as heard_at from gaps group by id
) d
where nodes.id = d.id
"""


def add_records(connection: duckdb.DuckDBPyConnection, first: int) -> None:
    """Adds the records from an id on to the totals of their nodes and of all ancestors."""
    connection.execute(_ADD_RECORDS, {"first": first})


def hear(connection: duckdb.DuckDBPyConnection) -> None:
    """Notes for each run in `slice` when its latest line was written and its longest silence so far.

    Both by the clock of the lines' writers, whatever times the records themselves carry. The silence before
    a run is opened again does not count: that is another process.
    """
    connection.execute(_HEAR)


_APPLY_FACTS: Final = """
update nodes set
    name = coalesce(f.name, nodes.name),
    status = coalesce(f.status, nodes.status),
    started_at = f.started_at,
    ended_at = f.ended_at,
    order_index = f.order_index,
    observed_at = f.observed_at,
    retention_class = f.retention_class,
    redaction_profile = f.redaction_profile,
    link_run = coalesce(f.link_run, nodes.link_run),
    link_artifact = coalesce(f.link_artifact, nodes.link_artifact),
    extensions = coalesce(f.extensions, nodes.extensions),
    fact_at = f.stated_at
from facts f where nodes.id = f.id and f.stands
"""

_FLIPS: Final = f"""
create or replace temp table flips as
select id, list_distinct([project_id, run_id, stage_id, batch_id]) as above, if(failed, -1, 1) as change
from nodes
where id in (select id from touched)
  and failed <> (status = {_FAILED} or (kind = {_SAMPLE} and faults > 0))
"""


def takes_back(connection: duckdb.DuckDBPyConnection, workspace: int) -> bool:
    """Whether a ledger, whose statements are `facts`, states something earlier than before, or no more."""
    return bool(
        connection.execute(
            """select 1 from nodes left join facts f on f.id = nodes.id
               where nodes.stored_at is not null and nodes.workspace = $workspace
                 and (f.id is null or f.stated_at < nodes.stored_at) limit 1""",
            {"workspace": workspace},
        ).fetchone()
    )


def apply_facts(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets the statements of `facts` that stand change their nodes."""
    connection.execute(_APPLY_FACTS)


def settle_failures(connection: duckdb.DuckDBPyConnection, *, stated: bool, signalled: bool) -> None:
    """Brings `failed` and the ancestors' counts of failures in line with statuses and signals.

    Args:
        connection: Connection to the catalog.
        stated: Whether `facts` holds statements of this slice.
        signalled: Whether `new_signals` holds signals of this slice.
    """
    touched = [
        *(["select id from facts"] if stated else []),
        *(["select node_id as id from new_signals"] if signalled else []),
    ]
    if not touched:
        return
    connection.execute(f"create or replace temp table touched as {' union '.join(touched)}")
    connection.execute(_FLIPS)
    (flips,) = connection.execute("select count(*) from flips").fetchone() or (0,)
    if not flips:
        return
    connection.execute("update nodes set failed = not failed where id in (select id from flips)")
    connection.execute("""
        update nodes set failed_below = nodes.failed_below + d.change
        from (select ancestor, sum(change)::integer as change
              from (select id, unnest(above) as ancestor, change from flips)
              where ancestor <> id group by ancestor) d
        where nodes.id = d.ancestor""")


def note_stored(connection: duckdb.DuckDBPyConnection) -> None:
    """Notes on the nodes of `facts` that a ledger states them, and puts their siblings in order.

    Those that the ledger states come first: by order index, then by start, since a ledger is read whole, in
    no order that means anything. The others follow in order of appearance.
    """
    connection.execute("update nodes set stored_at = f.stated_at from facts f where nodes.id = f.id")
    connection.execute("""
        update nodes set position = d.position from (
            select nodes.id, (row_number() over (
                partition by parent_id, kind order by stored_at is null,
                    own_index nulls last, own_start nulls last, if(stored_at is null, '', ref), position
                ) - 1)::integer as position
            from nodes left join facts f on f.id = nodes.id
            where parent_id in (select parent_id from nodes where id in (select id from facts))
        ) d where nodes.id = d.id and nodes.position <> d.position""")
