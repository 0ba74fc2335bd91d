"""The whole catalog as one document, stable for scripts: schema `contexta-tui/snapshot/1`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import duckdb
from msgspec.structs import asdict
from pydantic import BaseModel, ConfigDict, Field

from contexta.catalog.schema import KINDS
from contexta.query import health, lineage, tree
from contexta.query.results import SNAPSHOT_DEPTHS, ChildGroup, Issue, NodeKind, NodeRow
from contexta.query.tally import Tally

SCHEMA: Final = "contexta-tui/snapshot/1"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class SourceItem(_Model):
    """A file or store that was read."""

    path: str
    kind: str
    bytes: int
    lines: int
    damaged_lines: int
    pending_bytes: int
    state: str
    detail: str


class CountsItem(_Model):
    """Totals; `records` are distinct record refs, then by type."""

    projects: int
    runs: int
    stages: int
    batches: int
    samples: int
    deployments: int
    artifacts: int
    records: int
    metrics: int
    events: int
    spans: int
    degraded: int


class _Node(_Model):
    ref: str
    name: str


class SampleItem(_Node):
    """A sample."""

    records: int
    failed: bool


class BatchItem(_Node):
    """A batch; `samples` only at depth `sample`."""

    status: str
    records: int
    sample_count: int
    samples: list[SampleItem] = Field(default_factory=list)


class StageItem(_Node):
    """A stage; `sample_count` counts the samples of its batches too, `samples` are its own."""

    status: str
    records: int
    sample_count: int
    batches: list[BatchItem] = Field(default_factory=list)
    samples: list[SampleItem] = Field(default_factory=list)


class ArtifactItem(_Model):
    """An artifact of a run."""

    ref: str
    kind: str
    location: str
    size_bytes: int | None


class RunItem(_Node):
    """A run; times are ISO 8601 in UTC."""

    status: str
    origin: list[str]
    started_at: str | None
    ended_at: str | None
    records: int
    stages: list[StageItem] = Field(default_factory=list)
    artifacts: list[ArtifactItem] = Field(default_factory=list)


class DeploymentItem(_Node):
    """A deployment and its links as recorded."""

    status: str
    run_ref: str | None
    artifact_ref: str | None


class ProjectItem(_Node):
    """A project with its runs in order of appearance, and its deployments."""

    runs: list[RunItem]
    deployments: list[DeploymentItem]


class IssueItem(_Model):
    """A diagnosed issue."""

    severity: str
    code: str
    ref: str
    summary: str


class Snapshot(_Model):
    """What `contexta-tui --once --json` prints."""

    schema_: str = Field(default=SCHEMA, serialization_alias="schema")
    generated_at: str
    workspaces: list[str] = Field(default_factory=list)
    sources: list[SourceItem]
    counts: CountsItem
    projects: list[ProjectItem]
    issues: list[IssueItem]


def take(cursor: duckdb.DuckDBPyConnection, depth: NodeKind, issues: Sequence[Issue]) -> Snapshot:
    """Everything down to a depth.

    Args:
        cursor: The reader's own connection.
        depth: One of `SNAPSHOT_DEPTHS`: nodes below it are counted, not listed.
        issues: The issues to put in.
    """
    deepest = SNAPSHOT_DEPTHS.index(depth)
    wanted = [NodeKind.PROJECT, NodeKind.DEPLOYMENT, *SNAPSHOT_DEPTHS[: deepest + 1]]
    kinds = ", ".join(str(KINDS.index(kind)) for kind in wanted)
    below: dict[tuple[int | None, NodeKind], list[NodeRow]] = defaultdict(list)
    for row in tree.select(cursor, f"n.kind in ({kinds})", order="n.parent_id, n.kind, n.position"):
        below[row.parent_id, row.kind].append(row)
    build = _Builder(below, _sample_counts(cursor), _artifacts(cursor), _links(cursor))
    return Snapshot(
        generated_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        sources=[SourceItem.model_validate(asdict(source)) for source in health.sources(cursor)],
        counts=CountsItem.model_validate(asdict(Tally().counts(cursor))),
        projects=[build.project(row) for row in below[None, NodeKind.PROJECT]],
        issues=[
            IssueItem(severity=issue.severity, code=issue.code, ref=issue.ref, summary=issue.summary)
            for issue in issues
        ],
    )


def _sample_counts(cursor: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Samples under each stage, by node key."""
    rows = cursor.execute(
        f"select stage_id, count(*) from nodes where kind = {KINDS.index(NodeKind.SAMPLE)} group by stage_id"
    ).fetchall()
    return dict(rows)


def _artifacts(cursor: duckdb.DuckDBPyConnection) -> dict[int, list[ArtifactItem]]:
    found: dict[int, list[ArtifactItem]] = defaultdict(list)
    for row in cursor.execute(
        "select ref, kind, location, size_bytes, hash_value, created_at, run_id, origin"
        " from artifacts order by id"
    ).fetchall():
        artifact = lineage.artifact_of(row)
        if artifact.run_id is not None:
            found[artifact.run_id].append(
                ArtifactItem(
                    ref=artifact.ref,
                    kind=artifact.kind,
                    location=artifact.location,
                    size_bytes=artifact.size_bytes,
                )
            )
    return found


def _links(cursor: duckdb.DuckDBPyConnection) -> dict[int, tuple[str | None, str | None]]:
    rows = cursor.execute(
        f"select id, link_run, link_artifact from nodes where kind = {KINDS.index(NodeKind.DEPLOYMENT)}"
    ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


class _Builder:
    def __init__(
        self,
        below: dict[tuple[int | None, NodeKind], list[NodeRow]],
        samples: dict[int, int],
        artifacts: dict[int, list[ArtifactItem]],
        links: dict[int, tuple[str | None, str | None]],
    ) -> None:
        self._below = below
        self._samples = samples
        self._artifacts = artifacts
        self._links = links

    def project(self, row: NodeRow) -> ProjectItem:
        return ProjectItem(
            ref=row.ref,
            name=row.name,
            runs=[self.run(run) for run in self._below[row.id, NodeKind.RUN]],
            deployments=[self.deployment(item) for item in self._below[row.id, NodeKind.DEPLOYMENT]],
        )

    def deployment(self, row: NodeRow) -> DeploymentItem:
        run_ref, artifact_ref = self._links[row.id]
        return DeploymentItem(**_named(row), run_ref=run_ref, artifact_ref=artifact_ref)

    def run(self, row: NodeRow) -> RunItem:
        return RunItem(
            **_named(row),
            origin=list(row.origin.labels()),
            started_at=_iso(row.started_at),
            ended_at=_iso(row.ended_at),
            records=row.records,
            stages=[self.stage(stage) for stage in self._below[row.id, NodeKind.STAGE]],
            artifacts=self._artifacts.get(row.id, []),
        )

    def stage(self, row: NodeRow) -> StageItem:
        return StageItem(
            **_named(row),
            records=row.records,
            sample_count=self._samples.get(row.id, 0),
            batches=[self.batch(batch) for batch in self._below[row.id, NodeKind.BATCH]],
            samples=self.samples(row),
        )

    def batch(self, row: NodeRow) -> BatchItem:
        return BatchItem(
            **_named(row),
            records=row.records,
            sample_count=_count(row.children, NodeKind.SAMPLE),
            samples=self.samples(row),
        )

    def samples(self, row: NodeRow) -> list[SampleItem]:
        return [
            SampleItem(ref=sample.ref, name=sample.name, records=sample.records, failed=sample.failed)
            for sample in self._below[row.id, NodeKind.SAMPLE]
        ]


def _named(row: NodeRow) -> dict[str, Any]:
    return {"ref": row.ref, "name": row.name, "status": row.status}


def _count(groups: Sequence[ChildGroup], kind: NodeKind) -> int:
    return next((group.count for group in groups if group.kind is kind), 0)


def _iso(micros: int | None) -> str | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat().replace("+00:00", "Z")
