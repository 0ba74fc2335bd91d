"""What queries answer: small frozen values that are safe to hand to another thread.

Times are integers, microseconds since the Unix epoch, UTC. `None` always means
"not known", never zero. Texts are as recorded: whoever shows them must make
them safe for a terminal first.
"""

from __future__ import annotations

from typing import Final

import msgspec

from contexta.vocabulary import NodeKind, Origin, RecordType, Severity, Status

__all__ = [
    "SNAPSHOT_DEPTHS",
    "ArtifactRow",
    "ChildGroup",
    "Counts",
    "DeploymentLink",
    "Issue",
    "Lineage",
    "MetricSeries",
    "MetricSummary",
    "NodeKind",
    "NodeRow",
    "Origin",
    "Reason",
    "RecordRow",
    "RecordType",
    "SeriesPoint",
    "Severity",
    "SourceRow",
    "Status",
]

SNAPSHOT_DEPTHS: Final = (NodeKind.RUN, NodeKind.STAGE, NodeKind.BATCH, NodeKind.SAMPLE)
"""How deep a snapshot may go; counts and issues are complete at every depth."""


class ChildGroup(msgspec.Struct, frozen=True):
    """The direct children of one kind under a node; they are shown group by group."""

    kind: NodeKind
    count: int


class NodeRow(msgspec.Struct, frozen=True):
    """One node of the tree, with all that its row shows.

    Attributes:
        id: Key of the node in this catalog; stable while the catalog lives, also across restarts.
        kind: Kind of node.
        ref: Canonical ref text, e.g. `batch:digits.run-1.train.epoch-1`.
        name: Name to show: the recorded display name where there is one, else the ref's last component.
        status: Lifecycle state.
        origin: Where the node is known from.
        parent_id: Key of the parent; `None` for a project.
        position: Place among the siblings of the same kind, from 0, in order of first appearance.
            Runs and deployments are *shown* newest first, all else in this order; see `tree.children`.
        path: Keys of all ancestors, the project first, without the node itself.
        started_at: Start, or `None`.
        ended_at: End, or `None` while open and when not known.
        first_at: Time of the first record under the node, or `None`.
        last_at: Time of the last record under the node, or `None`.
        records: Distinct records at or under the node.
        failed: Whether the node itself failed (status, or a sample with an error or a zero score).
        failed_below: Number of failed nodes under it, itself not counted.
        children: Direct children by kind, in the order of display; empty groups are left out.
        note: A word on why it failed, for the row, e.g. `correct 0`; empty when there is none.
    """

    id: int
    kind: NodeKind
    ref: str
    name: str
    status: Status
    origin: Origin
    parent_id: int | None
    position: int
    path: tuple[int, ...]
    started_at: int | None
    ended_at: int | None
    first_at: int | None
    last_at: int | None
    records: int
    failed: bool
    failed_below: int
    children: tuple[ChildGroup, ...]
    note: str = ""


class MetricSummary(msgspec.Struct, frozen=True):
    """One metric key under a node, over all its records there.

    Attributes:
        key: Metric key, e.g. `loss`.
        unit: Unit of the latest record, or `None`.
        last: Latest finite value in order of recording, or `None`.
        minimum: Smallest finite value, or `None`.
        maximum: Largest finite value, or `None`.
        mean: Mean of the finite values, or `None`.
        count: Number of records, non-finite ones included.
        non_finite: How many of them are NaN or infinite.
        trend: Down-sampled values, oldest first, at most 32; `None` is a gap.
    """

    key: str
    unit: str | None
    last: float | None
    minimum: float | None
    maximum: float | None
    mean: float | None
    count: int
    non_finite: int
    trend: tuple[float | None, ...] = ()


class SeriesPoint(msgspec.Struct, frozen=True):
    """One bucket of a series: the records from `first` on, `count` of them.

    Attributes:
        first: Ordinal of the bucket's first record within the series, from 0.
        count: Records in the bucket.
        mean: Mean of its finite values, or `None` when there is none (a gap).
        minimum: Smallest finite value, or `None`.
        maximum: Largest finite value, or `None`.
        at: Time of the bucket's first record.
    """

    first: int
    count: int
    mean: float | None
    minimum: float | None
    maximum: float | None
    at: int | None


class MetricSeries(msgspec.Struct, frozen=True):
    """The values of one metric key under a node, in order of recording, down-sampled to buckets."""

    key: str
    unit: str | None
    count: int
    points: tuple[SeriesPoint, ...]


class RecordRow(msgspec.Struct, frozen=True):
    """One record, whole.

    Attributes:
        id: Key of the record in this catalog; grows in order of recording.
        ref: Record ref, or an empty text when the line had none.
        type: Record type.
        node_id: The node it was recorded on (the innermost scope).
        node_ref: That node's ref.
        key: Metric key, event key, span name or issue key.
        observed_at: Time of observation.
        value: Metric value; `None` when not finite or not a metric.
        value_type: `float`, `int`, `nan`, `inf`, `-inf`, … or `None`.
        unit: Unit of a metric, or `None`.
        level: Event level, span status, degraded severity, or `None`.
        message: Event message or degraded summary, or empty.
        duration_us: Duration of a span in microseconds, or `None`.
        attributes: JSON text of the attributes, or `None`.
        tags: JSON text of a metric's tags, or `None`.
        origin: Where it is known from.
    """

    id: int
    ref: str
    type: RecordType
    node_id: int
    node_ref: str
    key: str
    observed_at: int | None
    value: float | None
    value_type: str | None
    unit: str | None
    level: str | None
    message: str
    duration_us: int | None
    attributes: str | None
    tags: str | None
    origin: Origin


class Reason(msgspec.Struct, frozen=True):
    """One piece of evidence of why a node failed.

    Attributes:
        kind: `exception`, `event`, `metric`, `degraded` or `status`.
        title: The short form, one line: `RuntimeError: CUDA out of memory`, `answer.wrong`, `correct = 0`.
        detail: The rest: an event's message, or where a metric stands; may be empty.
        stacktrace: The recorded stack trace, several lines, or empty.
        node_id: The node that it was recorded on.
        node_path: Names from the stage down to that node, e.g. `("evaluate", "holdout", "q-4")`.
        at: Time of the evidence, or `None`.
        record_id: The record, or `None` when it is not a record.
    """

    kind: str
    title: str
    detail: str
    stacktrace: str
    node_id: int
    node_path: tuple[str, ...]
    at: int | None
    record_id: int | None


class ArtifactRow(msgspec.Struct, frozen=True):
    """One registered artifact.

    Attributes:
        ref: Artifact ref.
        kind: Artifact kind, e.g. `model`.
        name: Last path element of the location, for display.
        location: Location as recorded; free text, mostly `path:/…` of the writing machine.
        size_bytes: Size, or `None`.
        hash_value: SHA-256 in hex, or `None`.
        created_at: Time of registration, or `None`.
        run_id: Key of the run that produced it, or `None`.
        origin: Where it is known from.
    """

    ref: str
    kind: str
    name: str
    location: str
    size_bytes: int | None
    hash_value: str | None
    created_at: int | None
    run_id: int | None
    origin: Origin


class DeploymentLink(msgspec.Struct, frozen=True):
    """A deployment and what it was made from.

    Attributes:
        deployment: The deployment.
        run_ref: Ref of the linked run as recorded, or `None`.
        run: The linked run where the catalog knows it.
        artifact_ref: Ref of the linked artifact as recorded, or `None`.
        artifact: The linked artifact where the catalog knows it.
        artifact_run: The run that produced the artifact, where it is another than `run`.
        reasons: Why it failed, newest first; empty unless it failed.
    """

    deployment: NodeRow
    run_ref: str | None
    run: NodeRow | None
    artifact_ref: str | None
    artifact: ArtifactRow | None
    artifact_run: NodeRow | None
    reasons: tuple[Reason, ...] = ()


class Lineage(msgspec.Struct, frozen=True):
    """The lineage pane of one node: its deployments, newest first, and the artifacts of its run."""

    deployments: tuple[DeploymentLink, ...]
    artifacts: tuple[ArtifactRow, ...]


class Issue(msgspec.Struct, frozen=True):
    """One diagnosed issue.

    Attributes:
        severity: How bad it is.
        code: Stable code, e.g. `failed_batch`.
        ref: Ref of the subject; for `damaged_line` the path of the file.
        summary: One sentence.
        node_id: The node to go to, or `None`.
        node_path: Names from the run down to the subject, for display.
        at: Time of the issue, or `None`.
        count: How many occurrences it stands for.
        record_ids: Records that explain it, newest first, at most 10.
    """

    severity: Severity
    code: str
    ref: str
    summary: str
    node_id: int | None = None
    node_path: tuple[str, ...] = ()
    at: int | None = None
    count: int = 1
    record_ids: tuple[int, ...] = ()


class SourceRow(msgspec.Struct, frozen=True):
    """One file or store that the catalog was built from.

    Attributes:
        path: Path, with undecodable bytes made visible.
        kind: `capture`, `ledger`, `segments` or `artifacts`.
        bytes: Size when last looked at.
        lines: Lines (or rows) taken in.
        damaged_lines: Lines that could not be read.
        pending_bytes: Bytes after the last newline: a line that is being written, or was never finished.
        state: `ok`, `locked`, `missing` or `unreadable`.
        detail: One sentence when the state is not `ok`, else empty.
    """

    path: str
    kind: str
    bytes: int
    lines: int
    damaged_lines: int
    pending_bytes: int
    state: str
    detail: str = ""


class Counts(msgspec.Struct, frozen=True):
    """Totals over the whole catalog; `records` are distinct record refs, then by type."""

    projects: int = 0
    runs: int = 0
    stages: int = 0
    batches: int = 0
    samples: int = 0
    deployments: int = 0
    artifacts: int = 0
    records: int = 0
    metrics: int = 0
    events: int = 0
    spans: int = 0
    degraded: int = 0
