"""The sections of a snapshot report that public Contexta has too: titles, order, lines and texts for none.

The lines are a contract with scripts that read them (format specification, section 7.2), so what we know
beyond them stands in lines of its own after theirs, or in the blocks. One deviation: each completeness
note is told once, where public Contexta tells the snapshot's twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from contexta.contract.frozen import FrozenJson, thaw
from contexta.contract.times import instant
from contexta.query.findings import CompletenessNote, DiagnosticsResult
from contexta.query.views import (
    ArtifactRecord,
    BatchRecord,
    DeploymentRecord,
    EvidenceLink,
    ProvenanceView,
    RunSnapshot,
    SampleRecord,
    StageRecord,
)
from contexta.report.blocks import Facts, ReportSection, Table
from contexta.report.wording import clean, fields, last_component, link, links, listed

MAX_SAMPLES: Final = 20
MAX_LINES: Final = 500
"""Most lines of any other section: more than that nobody reads."""

_PROVENANCE: Final = (
    "provenance_ref",
    "relation_ref",
    "assertion_mode",
    "asserted_at",
    "formation_context_ref",
    "policy_ref",
    "evidence_bundle_ref",
)


def upstream_sections(snapshot: RunSnapshot, diagnosis: DiagnosticsResult) -> tuple[ReportSection, ...]:
    """The eight sections in their order, and a ninth when it is known how a relation is known."""
    return (
        run_summary(snapshot),
        stages(snapshot.stages),
        artifacts(snapshot.artifacts),
        batches(snapshot.batches),
        deployments(snapshot.deployments),
        samples(snapshot.samples),
        diagnostics((("", diagnosis),)),
        completeness(
            (
                *(CompletenessNote("warning", note) for note in snapshot.completeness_notes),
                *diagnosis.completeness_notes,
            )
        ),
        *provenance((("", snapshot.provenance),)),
    )


def run_summary(snapshot: RunSnapshot) -> ReportSection:
    """What the run is, and what is known of what it ran on."""
    run = snapshot.run
    known: list[tuple[str, str | None]] = [
        ("run_id", run.run_id),
        ("name", run.name),
        ("status", run.status),
        ("project", run.project_name),
        ("started_at", run.started_at),
        ("ended_at", run.ended_at),
        ("duration", duration(run.started_at, run.ended_at)),
        *((name, _fact(run.metadata, name)) for name in ("dataset_ref", "code_revision", "config_snapshot")),
        ("tags", ", ".join(f"{name}={value}" for name, value in run.tags.items()) or None),
        *((label, getattr(each, label)) for each in snapshot.environments[-1:] for label in _ENVIRONMENT),
    ]
    facts = tuple((name, clean(value)) for name, value in known if value)
    return ReportSection(
        "Run Summary",
        "\n".join(f"{name}: {value}" for name, value in facts),
        (link(run.run_id, run.name),),
        (Facts(facts),),
    )


_ENVIRONMENT: Final = ("python_version", "platform")


def _fact(metadata: Mapping[str, FrozenJson], name: str) -> str | None:
    value = metadata.get(name)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_plain(item)}" for key, item in value.items())
    return None if value is None else _plain(value)


def _plain(value: FrozenJson) -> str:
    return value if isinstance(value, str) else json.dumps(thaw(value), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a section, the same as cells of a table, and where it is known from."""

    line: str
    cells: tuple[str | int | None, ...]
    evidence: tuple[EvidenceLink, ...]


def section(
    title: str, none: str, columns: tuple[str, ...], items: Iterable[Item], *, most: int = MAX_LINES
) -> ReportSection:
    """A section whose lines are told as a table too; columns without any value are left out."""
    found = list(items)
    shown = found[:most]
    used = [index for index in range(len(columns)) if any(item.cells[index] is not None for item in shown)]
    table = Table(
        tuple(columns[index] for index in used),
        tuple(tuple(_cell(item.cells[index]) for index in used) for item in shown),
        in_words=True,
        left_out=len(found) - len(shown),
    )
    return ReportSection(
        title,
        listed([item.line for item in found], most, none),
        links(each for item in shown for each in item.evidence),
        (table,) if found else (),
    )


def _cell(value: str | int | None) -> str | int | None:
    return clean(value) if isinstance(value, str) else value


def stages(found: tuple[StageRecord, ...]) -> ReportSection:
    """`<name>: status=…, stage_id=…`."""
    return section(
        "Stages",
        "No stages.",
        ("name", "status", "duration", "stage_id"),
        (
            Item(
                f"{clean(each.name)}: {fields(status=each.status, stage_id=each.stage_id)}",
                (each.name, each.status, duration(each.started_at, each.ended_at), each.stage_id),
                (link(each.stage_id, each.name),),
            )
            for each in found
        ),
    )


def artifacts(found: tuple[ArtifactRecord, ...]) -> ReportSection:
    """`<kind>: ref=…, location=…`."""
    return section(
        "Artifacts",
        "No artifacts.",
        ("kind", "size", "location", "ref"),
        (
            Item(
                f"{clean(each.kind)}: {fields(ref=each.artifact_ref, location=each.location)}",
                (each.kind, _size(each.size_bytes), each.location, each.artifact_ref),
                (link(each.artifact_ref, each.kind),),
            )
            for each in found
        ),
    )


def batches(found: tuple[BatchRecord, ...]) -> ReportSection:
    """`<name>: stage=<last component of the stage>, status=…, order=…`."""
    return section(
        "Batches",
        "No batches.",
        ("name", "stage", "status", "order", "duration"),
        (_batch(each, last_component(each.stage_id)) for each in found),
    )


def _batch(batch: BatchRecord, stage: str) -> Item:
    return Item(
        f"{clean(batch.name)}: {fields(stage=stage, status=batch.status, order=str(batch.order))}",
        (batch.name, stage, batch.status, batch.order, duration(batch.started_at, batch.ended_at)),
        (link(batch.batch_id, batch.name),),
    )


def deployments(found: tuple[DeploymentRecord, ...]) -> ReportSection:
    """`<name>: status=…[, run_id=…][, artifact_ref=…]`."""
    return section(
        "Deployments",
        "No deployments.",
        ("name", "status", "started_at", "run_id", "artifact_ref"),
        (
            Item(
                f"{clean(each.name)}: "
                + fields(status=each.status, run_id=each.run_id, artifact_ref=each.artifact_ref),
                (each.name, each.status, each.started_at, each.run_id, each.artifact_ref),
                (link(each.deployment_id, each.name),),
            )
            for each in found
        ),
    )


def samples(found: tuple[SampleRecord, ...]) -> ReportSection:
    """The first 20: `<name>: observed_at=…[, retention=…][, redaction=…]`."""
    columns = ("name", "under", "result", "observed_at", "retention", "redaction")
    return section("Samples", "No samples.", columns, map(_sample, found), most=MAX_SAMPLES)


def _sample(sample: SampleRecord) -> Item:
    known = {"retention": sample.retention_class, "redaction": sample.redaction_profile}
    under = " › ".join(last_component(ref) for ref in (sample.stage_id, sample.batch_id) if ref)
    failed = f"failed: {sample.note}" if sample.note else "failed"
    return Item(
        f"{clean(sample.name)}: {fields(observed_at=str(sample.observed_at), **known)}",
        (sample.name, under, failed if sample.failed else None, sample.observed_at, *known.values()),
        (link(sample.sample_id, sample.name),),
    )


def diagnostics(sides: Iterable[tuple[str, DiagnosticsResult]]) -> ReportSection:
    """`<severity>:<code>: <summary>`; of two runs each line starts with its side."""
    found = [(side, issue) for side, diagnosis in sides for issue in diagnosis.issues]
    return section(
        "Diagnostics",
        "No diagnostics issues.",
        ("run", "severity", "code", "summary", "subject"),
        (
            Item(
                (f"{side}: " if side else "")
                + f"{issue.severity}:{clean(issue.code)}: {clean(issue.summary)}",
                (side or None, issue.severity, issue.code, issue.summary, issue.subject_ref),
                issue.evidence_links,
            )
            for side, issue in found
        ),
    )


def completeness(notes: Iterable[CompletenessNote]) -> ReportSection:
    """`<severity>: <text>`, each once."""
    lines = dict.fromkeys(f"{clean(note.severity)}: {clean(note.summary)}" for note in notes)
    return ReportSection("Completeness Notes", listed(list(lines), MAX_LINES, "No completeness notes."))


def provenance(sides: Iterable[tuple[str, ProvenanceView | None]]) -> tuple[ReportSection, ...]:
    """How relations of the runs are known; no section when it is not recorded of any."""
    facts: list[tuple[str, str]] = []
    refs: list[EvidenceLink] = []
    for side, view in sides:
        if view is None:
            continue
        label = f"{side}: " if side else ""
        facts += [
            (f"{label}{name}", clean(value))
            for name in _PROVENANCE
            if (value := getattr(view, name)) is not None
        ]
        refs.append(link(view.provenance_ref, "provenance"))
    if not facts:
        return ()
    body = "\n".join(f"{name}: {value}" for name, value in facts)
    return (ReportSection("Provenance", body, links(refs), (Facts(tuple(facts)),)),)


def duration(started_at: str | None, ended_at: str | None) -> str | None:
    """The time between two timestamps for people, or `None` when one of them is not known."""
    if not started_at or not ended_at:
        return None
    try:
        seconds = (instant(ended_at) - instant(started_at)).total_seconds()
    except (ValueError, TypeError):
        return None
    if abs(seconds) < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m {rest:02}s" if hours else f"{minutes}m {rest:02}s"


def _size(size: int | None) -> str | None:
    if size is None:
        return None
    amount, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
