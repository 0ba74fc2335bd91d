"""One run with everything around it, and what is missing.

Put together from the lists; the notes and their order are those of the format specification, section 6.5,
followed by ours on sources that could not be read. A file that is missing or a row that cannot be read never
hides a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

import duckdb

from contexta.query import health, listing
from contexta.query.observations import observations
from contexta.query.relations import environments, provenance, relations
from contexta.query.views import (
    ArtifactRecord,
    BatchRecord,
    DeploymentRecord,
    EvidenceLink,
    ObservationRecord,
    RelationRecord,
    RunRecord,
    RunSnapshot,
    SampleRecord,
    StageRecord,
)

MOST_LINKS: Final = 10
"""How many samples and how many records are named as evidence of a run."""


_Linkable = (
    RunRecord
    | DeploymentRecord
    | StageRecord
    | BatchRecord
    | SampleRecord
    | ArtifactRecord
    | RelationRecord
    | ObservationRecord
)


def take(cursor: duckdb.DuckDBPyConnection, run_ref: str) -> RunSnapshot:
    """The snapshot of a run that `lookup.run_of_answer` found."""
    (run,) = listing.runs(cursor, run_ref=run_ref)
    stages = listing.stages(cursor, run_ref=run_ref)
    batches = listing.batches(cursor, run_ref=run_ref)
    samples = listing.samples(cursor, run_ref=run_ref)
    deployments = listing.deployments(cursor, run_ref=run_ref)
    artifacts = listing.artifacts(cursor, run_ref=run_ref)
    things: tuple[_Linkable, ...] = (run, *deployments, *stages, *batches, *samples, *artifacts)
    related = relations(cursor, {link_of(thing).ref for thing in things})
    known = provenance(cursor, [relation.relation_ref for relation in related], run_ref)
    snapshot = RunSnapshot(
        run=run,
        deployments=deployments,
        stages=stages,
        batches=batches,
        samples=samples,
        artifacts=artifacts,
        relations=related,
        records=observations(cursor, run_ref=run_ref),
        evidence_links=(),
        completeness_notes=(),
        provenance=known[-1] if known else None,
        environments=environments(cursor, run_ref),
    )
    notes = (*_empty_lists(snapshot), *_silent_stages(snapshot), *_unread(cursor))
    return replace(snapshot, evidence_links=tuple(_evidence(snapshot)), completeness_notes=notes)


def link_of(item: _Linkable) -> EvidenceLink:
    """A link to a thing, labelled with its name, or with its kind or key where it has no name."""
    match item:
        case RunRecord():
            ref, label = item.run_id, item.name
        case DeploymentRecord():
            ref, label = item.deployment_id, item.name
        case StageRecord():
            ref, label = item.stage_id, item.name
        case BatchRecord():
            ref, label = item.batch_id, item.name
        case SampleRecord():
            ref, label = item.sample_id, item.name
        case ArtifactRecord():
            ref, label = item.artifact_ref, item.kind
        case RelationRecord():
            ref, label = item.relation_ref, item.relation_type
        case ObservationRecord():
            ref, label = item.record_id, item.key
    return EvidenceLink(ref.partition(":")[0], ref, label)


def links_of(items: Iterable[_Linkable]) -> tuple[EvidenceLink, ...]:
    """Links to the first things of many."""
    return tuple(link_of(item) for item in islice(items, MOST_LINKS))


def _evidence(snapshot: RunSnapshot) -> Iterator[EvidenceLink]:
    yield link_of(snapshot.run)
    yield from map(link_of, snapshot.deployments)
    yield from map(link_of, snapshot.stages)
    yield from map(link_of, snapshot.batches)
    yield from links_of(snapshot.samples)
    yield from map(link_of, snapshot.artifacts)
    yield from links_of(snapshot.records)


def _empty_lists(snapshot: RunSnapshot) -> Iterator[str]:
    for note, missing in (
        ("stage_list_empty", not snapshot.stages),
        ("deployment_list_empty", not snapshot.deployments),
        ("batch_list_empty", snapshot.stages and not snapshot.batches),
        ("sample_list_empty", snapshot.batches and not snapshot.samples),
        ("artifact_list_empty", not snapshot.artifacts),
        ("relation_scope_empty", not snapshot.relations),
        ("record_scope_empty", not snapshot.records),
        ("provenance_missing", snapshot.provenance is None),
    ):
        if missing:
            yield note


def _silent_stages(snapshot: RunSnapshot) -> Iterator[str]:
    heard = {record.stage_id for record in snapshot.records}
    for stage in snapshot.stages:
        if stage.stage_id not in heard:
            yield f"missing_stage_records:{stage.name}"


def _unread(cursor: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What could not be read may have belonged to the run."""
    for source in health.sources(cursor):
        if source.state in ("unreadable", "missing"):
            yield f"source_{source.state}:{source.kind}"
        if source.damaged_lines:
            yield f"damaged_lines:{os.path.basename(source.path)}:{source.damaged_lines}"  # noqa: PTH119
