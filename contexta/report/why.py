"""Why a run failed: what failed, and the records that explain it, newest first.

A scope that failed only because something inside it did is not told again; the inner scope says why. A
scope that was closed as failed without a word is told as such. The rules of evidence are those of the
explorer: exceptions, events of level error or critical, a sample's score of 0, values that are not finite,
and, where something failed, degraded records.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from contexta.contract.frozen import FrozenJson
from contexta.query.views import EvidenceLink, ObservationRecord, RunSnapshot
from contexta.report.blocks import Failure, ReportSection
from contexta.report.wording import clean, last_component, link, links, listed, moment
from contexta.sanitize import safe_lines
from contexta.vocabulary import ERROR_LEVELS, SCORES, Severity, Status

MAX_FAILURES: Final = 50
MAX_EVIDENCE: Final = 8
"""Lines of evidence of a failure."""
TRACE_LINES: Final = 16
"""Lines of a stack trace, the inner end."""

_NON_FINITE: Final = frozenset({"nan", "inf", "-inf"})


@dataclass(frozen=True, slots=True)
class _Scope:
    ref: str
    kind: str
    path: tuple[str, ...]
    failed: bool
    ended_at: str | None
    above: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class _Evidence:
    """One record that explains something; `rank` orders what makes the better title, best first."""

    rank: int
    title: str
    stacktrace: str
    at: str | None
    ref: str


def section(snapshot: RunSnapshot) -> ReportSection:
    """The section `Why`."""
    return told("Why", failures(snapshot))


def told(title: str, found: tuple[tuple[Failure, tuple[EvidenceLink, ...]], ...]) -> ReportSection:
    """Failures as a section."""
    blocks = tuple(failure for failure, _ in found)
    lines = [line for failure in blocks[:MAX_FAILURES] for line in _words(failure)]
    if len(blocks) > MAX_FAILURES:
        lines.append(f"... and {len(blocks) - MAX_FAILURES} more.")
    return ReportSection(
        title,
        listed(lines, len(lines), "No failures."),
        links(each for _, evidence in found[:MAX_FAILURES] for each in evidence),
        blocks[:MAX_FAILURES],
    )


def _words(failure: Failure) -> Iterator[str]:
    where = " › ".join(failure.path) or last_component(failure.ref)
    yield f"{failure.severity}: {failure.kind} {where}: {failure.title}"
    yield from (f"  {line}" for line in failure.evidence)
    if failure.left_out:
        yield f"  ... and {failure.left_out} more."
    yield from (f"    {line}" for line in failure.stacktrace)


def failures(snapshot: RunSnapshot) -> tuple[tuple[Failure, tuple[EvidenceLink, ...]], ...]:
    """What failed in a run, newest first, each with links to it and to its evidence."""
    scopes = {scope.ref: scope for scope in _scopes(snapshot)}
    evidence: dict[str, list[_Evidence]] = defaultdict(list)
    for record in snapshot.records:
        ref = _owner(record) or snapshot.run.run_id
        scope = scopes.setdefault(
            ref, _Scope(ref, ref.partition(":")[0], (last_component(ref),), False, None)
        )
        if found := _evidence(record, scope):
            evidence[ref].append(found)
    answer = [
        _failure(scope, evidence[scope.ref])
        for scope in scopes.values()
        if evidence.get(scope.ref) or (scope.failed and not _explained_inside(scope, scopes, evidence))
    ]
    answer.sort(key=lambda found: moment(found[0].at), reverse=True)
    return tuple(answer)


def _scopes(snapshot: RunSnapshot) -> Iterator[_Scope]:
    run = snapshot.run
    names = {stage.stage_id: stage.name for stage in snapshot.stages}
    names |= {batch.batch_id: batch.name for batch in snapshot.batches}

    def path(name: str, *above: str | None) -> tuple[str, ...]:
        return (*(clean(names.get(ref, last_component(ref))) for ref in above if ref), clean(name))

    yield _Scope(run.run_id, "run", (), run.status == Status.FAILED, run.ended_at)
    for stage in snapshot.stages:
        failed = stage.status == Status.FAILED
        yield _Scope(stage.stage_id, "stage", path(stage.name), failed, stage.ended_at)
    for batch in snapshot.batches:
        failed = batch.status == Status.FAILED
        place = path(batch.name, batch.stage_id)
        yield _Scope(batch.batch_id, "batch", place, failed, batch.ended_at, (batch.stage_id,))
    for sample in snapshot.samples:
        place = path(sample.name, sample.stage_id, sample.batch_id)
        above = (sample.stage_id, sample.batch_id)
        yield _Scope(sample.sample_id, "sample", place, sample.failed, sample.observed_at, above)
    for deployment in snapshot.deployments:
        failed = deployment.status == Status.FAILED
        place = path(deployment.name)
        yield _Scope(deployment.deployment_id, "deployment", place, failed, deployment.ended_at)


def _owner(record: ObservationRecord) -> str | None:
    return record.deployment_id or record.sample_id or record.batch_id or record.stage_id or record.run_id


def _explained_inside(
    scope: _Scope, scopes: Mapping[str, _Scope], evidence: Mapping[str, list[_Evidence]]
) -> bool:
    """Whether a scope under this one has evidence or failed itself."""
    if scope.kind in {"sample", "deployment"}:
        return False
    inside = (
        each
        for each in scopes.values()
        if scope.ref in each.above or (scope.kind == "run" and each.kind not in {"run", "deployment"})
    )
    return any(
        each.failed or any(one.rank < _WARNING for one in evidence.get(each.ref, ())) for each in inside
    )


_EXCEPTION, _EVENT, _SCORE, _DEGRADED, _WARNING = range(5)


def _evidence(record: ObservationRecord, scope: _Scope) -> _Evidence | None:
    """What a record says of its scope, or `None` when it explains nothing."""
    trace = ""
    match record.record_type:
        case "event":
            rank, title, trace = _of_event(record)
        case "metric":
            rank, title = _of_metric(record, scope)
        case "degraded":
            rank, title = _DEGRADED, f"{record.key}: {record.message or ''}"
        case _:
            title = ""
    if not title and record.degradation_marker != "none":
        rank, title = _DEGRADED, f"{record.key}: {record.degradation_marker}"
    if not title or (rank == _DEGRADED and not scope.failed):
        return None
    return _Evidence(rank, clean(title.strip(": ")), trace, record.observed_at, record.record_id)


def _of_event(record: ObservationRecord) -> tuple[int, str, str]:
    known = _exception(record)
    if known.get("type") or known.get("stacktrace"):
        title = f"{known.get('type', '')}: {known.get('message', '')}".strip(": ")
        return _EXCEPTION, title or record.message or record.key, known.get("stacktrace", "")
    if record.level in ERROR_LEVELS:
        return _EVENT, f"{record.key}: {record.message or ''}", ""
    return _EVENT, "", ""


def _of_metric(record: ObservationRecord, scope: _Scope) -> tuple[int, str]:
    if scope.kind == "sample" and record.key in SCORES and record.value == 0:
        return _SCORE, f"{record.key} = 0"
    if record.value_type in _NON_FINITE:
        return _WARNING, f"{record.key} = {record.value_type}"
    if record.value is not None and not math.isfinite(record.value):
        return _WARNING, f"{record.key} = {record.value}"
    return _WARNING, ""


def _exception(record: ObservationRecord) -> dict[str, str]:
    attributes: FrozenJson = record.payload.get("attributes")
    if not isinstance(attributes, Mapping):
        return {}
    return {
        name: value
        for name in ("type", "message", "stacktrace")
        if isinstance(value := attributes.get(f"exception.{name}"), str)
    }


def _failure(scope: _Scope, found: list[_Evidence]) -> tuple[Failure, tuple[EvidenceLink, ...]]:
    newest_first = sorted(found, key=lambda each: moment(each.at))
    newest_first.reverse()
    best = min(newest_first, key=lambda each: each.rank, default=None)
    others = [each for each in newest_first if each is not best]
    trace = next((each.stacktrace for each in newest_first if each.stacktrace), "")
    serious = scope.failed or any(each.rank < _DEGRADED for each in newest_first)
    failure = Failure(
        severity=Severity.ERROR if serious else Severity.WARNING,
        kind=scope.kind,
        path=scope.path,
        ref=scope.ref,
        at=newest_first[0].at if newest_first else scope.ended_at,
        title=best.title if best else "was closed as failed; nothing recorded says why",
        evidence=tuple(_counted(others))[:MAX_EVIDENCE],
        stacktrace=safe_lines(trace, 160, TRACE_LINES, keep="last"),
        left_out=max(0, len(_counted(others)) - MAX_EVIDENCE),
    )
    shown = [best, *others[:MAX_EVIDENCE]] if best else []
    name = " › ".join(scope.path) or last_component(scope.ref)
    return failure, (link(scope.ref, name), *(link(each.ref, each.title) for each in shown if each.ref))


def _counted(found: list[_Evidence]) -> list[str]:
    """Titles, each once, with how often it was found."""
    counts: dict[str, int] = defaultdict(int)
    for each in found:
        counts[each.title] += 1
    return [title if count == 1 else f"{title} ×{count}" for title, count in counts.items()]
