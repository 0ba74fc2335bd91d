"""Lists of runs, stages, batches, samples, deployments, artifacts and records as views.

One function a kind. All of them take refs that `lookup` found, answer in the order in which things ran (by
order index, then by start as an instant, parents before children), and filter by every ref that is given: a
stage of another run answers empty.
"""

from __future__ import annotations

from typing import Any, Final

import duckdb

from contexta.catalog.schema import KINDS, STATUSES
from contexta.contract.frozen import FrozenMap
from contexta.query.plain import extension, json_map, member, origins, time_text
from contexta.query.results import NodeKind
from contexta.query.views import (
    ArtifactRecord,
    BatchRecord,
    DeploymentRecord,
    JsonMap,
    RunRecord,
    SampleRecord,
    StageRecord,
)

_FROM: Final = """
from nodes n
join nodes project on project.id = n.project_id
left join nodes run on run.id = n.run_id
left join nodes stage on stage.id = n.stage_id
left join nodes batch on batch.id = n.batch_id"""


def _placed(node: str) -> str:
    return (
        f"{node}.order_index nulls last, coalesce({node}.started_at, {node}.observed_at, {node}.first_at)"
        f" nulls last, {node}.position"
    )


_IN_ORDER: Final = f"{_placed('stage')}, batch.id is not null, {_placed('batch')}, {_placed('n')}, n.ref"
_BY_START: Final = "coalesce(n.started_at, n.first_at) nulls last, n.ref"


def project_names(cursor: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The names of the projects, one each, in order; two may be alike."""
    rows = cursor.execute(
        f"select name from nodes where kind = {KINDS.index(NodeKind.PROJECT)} order by name, ref"
    ).fetchall()
    return tuple(row[0] for row in rows)


def _select(
    cursor: duckdb.DuckDBPyConnection,
    kind: NodeKind,
    columns: str,
    order: str,
    where: dict[str, object],
) -> list[tuple[Any, ...]]:
    """Rows of nodes of a kind; `where` has values by column, and what is `None` does not filter."""
    given = [(column, value) for column, value in where.items() if value is not None]
    conditions = [
        f"list_contains(${index}, {column})" if isinstance(value, tuple) else f"{column} = ${index}"
        for index, (column, value) in enumerate(given, start=1)
    ]
    conditions.append(f"n.kind = {KINDS.index(kind)}")
    values = [list(value) if isinstance(value, tuple) else value for _, value in given]
    return cursor.execute(
        f"select {columns} {_FROM} where {' and '.join(conditions)} order by {order}", values
    ).fetchall()


def runs(
    cursor: duckdb.DuckDBPyConnection,
    *,
    project_refs: tuple[str, ...] | None = None,
    run_ref: str | None = None,
) -> tuple[RunRecord, ...]:
    """Runs by start; those that no start is known of come where their first record does."""
    rows = _select(
        cursor,
        NodeKind.RUN,
        "n.ref, project.name, n.name, n.status, n.started_at, n.ended_at, n.extensions, n.origin",
        _BY_START,
        {"project.ref": project_refs, "n.ref": run_ref},
    )
    result = []
    for ref, project, name, status, started_at, ended_at, extensions, origin in rows:
        facts = extension(extensions, "contexta.run")
        others = {key: value for key, value in facts.items() if key not in ("tags", "metadata")}
        result.append(
            RunRecord(
                run_id=ref,
                project_name=project,
                name=name,
                status=str(STATUSES[status]),
                started_at=time_text(started_at),
                ended_at=time_text(ended_at),
                tags=member(facts, "tags"),
                metadata=FrozenMap({**member(facts, "metadata"), **others}),
                origin=origins(origin),
            )
        )
    return tuple(result)


def stages(cursor: duckdb.DuckDBPyConnection, *, run_ref: str | None = None) -> tuple[StageRecord, ...]:
    """Stages of a run."""
    rows = _select(
        cursor,
        NodeKind.STAGE,
        "n.ref, run.ref, n.status, n.order_index, n.started_at, n.ended_at, n.extensions, n.origin",
        f"run.ref, {_placed('n')}, n.ref",
        {"run.ref": run_ref},
    )
    return tuple(
        StageRecord(
            stage_id=ref,
            run_id=run,
            name=_name(ref),
            status=str(STATUSES[status]),
            order=order or 0,
            started_at=time_text(started_at),
            ended_at=time_text(ended_at),
            metadata=_metadata(extensions),
            origin=origins(origin),
        )
        for ref, run, status, order, started_at, ended_at, extensions, origin in rows
    )


def batches(
    cursor: duckdb.DuckDBPyConnection, *, run_ref: str | None = None, stage_ref: str | None = None
) -> tuple[BatchRecord, ...]:
    """Batches of a run or stage."""
    rows = _select(
        cursor,
        NodeKind.BATCH,
        "n.ref, run.ref, stage.ref, n.status, n.order_index, n.started_at, n.ended_at, n.extensions,"
        " n.origin",
        f"run.ref, {_placed('stage')}, {_placed('n')}, n.ref",
        {"run.ref": run_ref, "stage.ref": stage_ref},
    )
    return tuple(
        BatchRecord(
            batch_id=ref,
            run_id=run,
            stage_id=stage,
            name=_name(ref),
            status=str(STATUSES[status]),
            order=order or 0,
            started_at=time_text(started_at),
            ended_at=time_text(ended_at),
            metadata=_metadata(extensions),
            origin=origins(origin),
        )
        for ref, run, stage, status, order, started_at, ended_at, extensions, origin in rows
    )


def samples(
    cursor: duckdb.DuckDBPyConnection,
    *,
    run_ref: str | None = None,
    stage_ref: str | None = None,
    batch_ref: str | None = None,
) -> tuple[SampleRecord, ...]:
    """Samples of a run, stage or batch; those of a stage itself come before those of its batches."""
    rows = _select(
        cursor,
        NodeKind.SAMPLE,
        "n.ref, run.ref, stage.ref, batch.ref, coalesce(n.observed_at, n.started_at, n.first_at),"
        " n.retention_class, n.redaction_profile, n.extensions, n.origin, n.status, n.failed, n.note",
        f"run.ref, {_IN_ORDER}",
        {"run.ref": run_ref, "stage.ref": stage_ref, "batch.ref": batch_ref},
    )
    return tuple(
        SampleRecord(
            sample_id=row[0],
            run_id=row[1],
            stage_id=row[2],
            batch_id=row[3],
            name=_name(row[0]),
            observed_at=time_text(row[4]),
            retention_class=row[5],
            redaction_profile=row[6],
            metadata=_metadata(row[7]),
            origin=origins(row[8]),
            status=str(STATUSES[row[9]]),
            failed=row[10],
            note=row[11] or "",
        )
        for row in rows
    )


def deployments(
    cursor: duckdb.DuckDBPyConnection,
    *,
    project_refs: tuple[str, ...] | None = None,
    run_ref: str | None = None,
) -> tuple[DeploymentRecord, ...]:
    """Deployments of projects, or that link a run, by order index and start."""
    rows = _select(
        cursor,
        NodeKind.DEPLOYMENT,
        "n.ref, project.name, n.status, n.link_run, n.link_artifact, n.started_at, n.ended_at, n.order_index,"
        " n.extensions, n.origin",
        f"project.ref, {_placed('n')}, n.ref",
        {"project.ref": project_refs, "n.link_run": run_ref},
    )
    return tuple(
        DeploymentRecord(
            deployment_id=row[0],
            project_name=row[1],
            name=_name(row[0]),
            status=str(STATUSES[row[2]]),
            run_id=row[3],
            artifact_ref=row[4],
            started_at=time_text(row[5]),
            ended_at=time_text(row[6]),
            order=row[7] or 0,
            metadata=_metadata(row[8]),
            origin=origins(row[9]),
        )
        for row in rows
    )


def artifacts(
    cursor: duckdb.DuckDBPyConnection,
    *,
    run_ref: str | None = None,
    stage_ref: str | None = None,
    artifact_ref: str | None = None,
) -> tuple[ArtifactRecord, ...]:
    """Artifacts of a run or stage, or the one of a ref, in order of registration."""
    rows = cursor.execute(
        """
        select a.ref, run.ref, stage.ref, a.kind, a.created_at, a.location, a.hash_value, a.size_bytes,
               a.attributes, a.origin, n.ref, batch.ref
        from artifacts a join nodes n on n.id = a.node_id
        left join nodes run on run.id = a.run_id
        left join nodes stage on stage.id = a.stage_id
        left join nodes batch on batch.id = n.batch_id
        where ($run is null or run.ref = $run) and ($stage is null or stage.ref = $stage)
          and ($artifact is null or a.ref = $artifact)
        order by a.created_at nulls last, a.id""",
        {"run": run_ref, "stage": stage_ref, "artifact": artifact_ref},
    ).fetchall()
    return tuple(
        ArtifactRecord(
            artifact_ref=row[0],
            run_id=row[1],
            stage_id=row[2],
            kind=row[3] or "",
            created_at=time_text(row[4]),
            location=row[5] or "",
            hash_value=row[6],
            size_bytes=row[7],
            attributes=json_map(row[8]),
            origin=origins(row[9]),
            batch_id=row[11],
            sample_id=row[10] if row[10].startswith("sample:") else None,
            deployment_id=row[10] if row[10].startswith("deployment:") else None,
        )
        for row in rows
    )


def _name(ref: str) -> str:
    """The name among siblings: what a ref and public Contexta call it, not what a screen may show."""
    return ref.rpartition(".")[2]


def _metadata(extensions: str | None) -> JsonMap:
    return member(extension(extensions, "contexta.scope"), "metadata")
