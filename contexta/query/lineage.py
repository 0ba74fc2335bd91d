"""Deployments and what they were made from: run and artifact, as the deployment links them."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any, Final

import duckdb

from contexta.catalog.schema import KINDS
from contexta.query import records, tree
from contexta.query.results import ArtifactRow, DeploymentLink, Lineage, NodeKind, NodeRow, Origin

_ARTIFACT: Final = "a.ref, a.kind, a.location, a.size_bytes, a.hash_value, a.created_at, a.run_id, a.origin"
_LIMIT: Final = 500
_REASONS: Final = 5


def lineage(cursor: duckdb.DuckDBPyConnection, node: NodeRow | None) -> Lineage:
    """Deployments and artifacts of a node's run; of everything for a project or `None`. Newest first."""
    run_id = None if node is None else _run_of(node)
    if node is not None and node.kind is NodeKind.DEPLOYMENT:
        deployments = tree.select(cursor, "n.id = $id", {"id": node.id})
        artifacts = _artifacts(
            cursor, "a.ref = (select link_artifact from nodes where id = $id)", {"id": node.id}
        )
    elif run_id is None:
        deployments = _deployments(cursor, "true", {})
        artifacts = _artifacts(cursor, "true", {})
    else:
        deployments = _deployments(
            cursor,
            "n.link_run = (select ref from nodes where id = $run)"
            " or n.link_artifact in (select ref from artifacts where run_id = $run)",
            {"run": run_id},
        )
        artifacts = _artifacts(cursor, "a.run_id = $run", {"run": run_id})
    return Lineage(tuple(_link(cursor, deployments)), artifacts)


def _run_of(node: NodeRow) -> int | None:
    if node.kind is NodeKind.RUN:
        return node.id
    return node.path[1] if len(node.path) > 1 else None


def _deployments(
    cursor: duckdb.DuckDBPyConnection, where: str, parameters: dict[str, Any]
) -> tuple[NodeRow, ...]:
    kind = KINDS.index(NodeKind.DEPLOYMENT)
    return tree.select(
        cursor, f"n.kind = {kind} and ({where})", parameters, f"n.project_id, n.position desc limit {_LIMIT}"
    )


def _artifacts(
    cursor: duckdb.DuckDBPyConnection, where: str, parameters: dict[str, Any]
) -> tuple[ArtifactRow, ...]:
    rows = cursor.execute(
        f"select {_ARTIFACT} from artifacts a where {where} order by a.id desc limit {_LIMIT}", parameters
    ).fetchall()
    return tuple(artifact_of(row) for row in rows)


def artifact_of(row: Sequence[Any]) -> ArtifactRow:
    """A result row of the artifact columns as a value."""
    location = row[2] or ""
    return ArtifactRow(
        ref=row[0],
        kind=row[1] or "",
        name=posixpath.basename(location.removeprefix("path:").rstrip("/")) or row[0].rpartition(".")[2],
        location=location,
        size_bytes=row[3],
        hash_value=row[4],
        created_at=row[5],
        run_id=row[6],
        origin=Origin(row[7]),
    )


def _link(cursor: duckdb.DuckDBPyConnection, deployments: Sequence[NodeRow]) -> list[DeploymentLink]:
    if not deployments:
        return []
    ids = [deployment.id for deployment in deployments]
    links = {
        row[0]: row[1:]
        for row in cursor.execute(
            f"""
            select d.id, d.link_run, run.id, d.link_artifact
            from (select n.* from nodes n where {tree.AMONG}) d
            left join nodes run on run.ref = d.link_run and run.workspace = d.workspace
                and run.kind = {KINDS.index(NodeKind.RUN)}""",
            {"ids": ids},
        ).fetchall()
    }
    wanted = sorted({link[2] for link in links.values() if link[2]})
    artifacts = {
        found.ref: found for found in _artifacts(cursor, "list_contains($refs, a.ref)", {"refs": wanted})
    }
    run_ids = {link[1] for link in links.values()} | {found.run_id for found in artifacts.values()}
    runs = tree.nodes(cursor, sorted(key for key in run_ids if key is not None))
    result = []
    for deployment in deployments:
        run_ref, run_id, artifact_ref = links[deployment.id]
        artifact = artifacts.get(artifact_ref) if artifact_ref else None
        maker = runs.get(artifact.run_id) if artifact and artifact.run_id not in (None, run_id) else None
        result.append(
            DeploymentLink(
                deployment=deployment,
                run_ref=run_ref,
                run=runs.get(run_id) if run_id is not None else None,
                artifact_ref=artifact_ref,
                artifact=artifact,
                artifact_run=maker,
                reasons=records.reasons(cursor, deployment, _REASONS) if deployment.failed else (),
            )
        )
    return result
