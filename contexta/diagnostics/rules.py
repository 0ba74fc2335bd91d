"""What makes an issue. Pure: facts in, issues out; no catalog, no clock, no screen.

Codes and severities of public Contexta (format specification, section 7.1) word for word, then ours. A
scope whose end is unknown is never judged by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from contexta.query.health import Damaged, OpenRun, Signals, Subject
from contexta.query.results import Issue, NodeKind, Origin, Severity, Status

EXPECTED_STAGES: Final = ("evaluate", "package")
"""Stages that an ended run is expected to have."""

PATIENCE_S: Final = 30.0
"""No run is called stalled before it was silent for so long, whatever its pace."""

PATIENCE_FACTOR: Final = 3.0
"""Nor before it was silent for so many times its longest silence so far."""


def of_subject(subject: Subject) -> Iterator[Issue]:
    """Issues that follow from the status of a scope and what is under it."""
    node = subject.node
    name = node.ref.rpartition(".")[2]
    match node.kind, node.status:
        case NodeKind.RUN, Status.FAILED:
            yield _issue(Severity.ERROR, "failed_run", subject, f"run {name} failed")
        case NodeKind.STAGE, Status.FAILED:
            yield _issue(Severity.ERROR, "failed_stage", subject, f"stage {name} failed")
        case NodeKind.BATCH, Status.FAILED:
            yield _issue(Severity.ERROR, "failed_batch", subject, f"batch {name} failed")
        case NodeKind.BATCH, Status.CANCELLED:
            yield _issue(
                Severity.WARNING, "incomplete_batch", subject, f"batch {name} ended with status {node.status}"
            )
        case NodeKind.DEPLOYMENT, Status.FAILED:
            yield _issue(Severity.ERROR, "failed_deployment", subject, f"deployment {name} failed")
        case NodeKind.SAMPLE, _ if node.failed:
            why = f": {node.note}" if node.note else ""
            yield _issue(Severity.WARNING, "failed_sample", subject, f"sample {name} failed{why}")
        case _:
            pass
    if node.kind is NodeKind.STAGE:
        yield from _of_stage(subject, name)


def _of_stage(subject: Subject, name: str) -> Iterator[Issue]:
    status = subject.node.status
    # An open stage of a captured run that is open itself is work in progress, not an issue.
    in_progress = (
        status is Status.OPEN
        and subject.run_status is Status.OPEN
        and bool(subject.node.origin & Origin.CAPTURED)
    )
    if status in (Status.OPEN, Status.FAILED, Status.CANCELLED) and not in_progress:
        yield _issue(Severity.WARNING, "incomplete_stage", subject, f"stage {name} is not completed")
    if status is Status.COMPLETED and subject.metrics == 0:
        yield _issue(
            Severity.INFO, "missing_stage_metrics", subject, f"completed stage {name} has no metric records"
        )


def missing_stage(subject: Subject, name: str) -> Issue:
    """A run ended without a stage that is expected of every run."""
    return _issue(
        Severity.INFO, "missing_expected_stage", subject, f"expected terminal stage {name} is missing"
    )


def of_signals(found: Signals) -> Issue | None:
    """The issue of like signals on one scope; `None` where `failed_sample` says it already."""
    match found.kind:
        case "error_event":
            return _of_records(found, "error_event", f"error event {found.name}")
        case "non_finite_metric":
            return _of_records(found, "non_finite_metric", f"metric {found.name} is {found.value_type}")
        case "degraded_record":
            return _of_records(found, "degraded_record", f"degraded record detected for {found.name}")
        case _:
            return None


def _of_records(found: Signals, code: str, summary: str) -> Issue:
    node = found.subject.node
    return Issue(
        severity=Severity.WARNING,
        code=code,
        ref=found.record_ref if code == "degraded_record" else node.ref,
        summary=summary if found.count == 1 else f"{summary} ×{found.count}",
        node_id=node.id,
        node_path=found.subject.path,
        at=found.at,
        count=found.count,
        record_ids=found.record_ids,
    )


def of_damage(found: Damaged) -> Issue:
    """Lines of a file that could not be read."""
    what = {"ledger": "row", "artifacts": "binding"}.get(found.kind, "line")
    some = f"1 {what}" if found.lines == 1 else f"{found.lines:,} {what}s"
    where = f"at byte {found.position:,}" if what == "line" else "of them"
    return Issue(
        severity=Severity.WARNING,
        code="damaged_line",
        ref=found.path,
        summary=f"{some} cannot be read, the first {where}: {found.error}",
        count=found.lines,
    )


def of_silence(found: OpenRun, now_us: int, quiet_s: float, *, process_gone: bool) -> Issue | None:
    """An open run that has been silent for longer than its own pace explains.

    Args:
        found: The run.
        now_us: The time, in microseconds since the Unix epoch.
        quiet_s: Seconds since the newest line of all, on the reader's clock.
        process_gone: Whether its process is known to have ended; then a short silence is enough.
    """
    silent_s = found.behind_us(now_us) / 1e6 + quiet_s
    patience = max(PATIENCE_S, PATIENCE_FACTOR * found.longest_us / 1e6)
    if silent_s < (min(PATIENCE_S, 2.0) if process_gone else patience):
        return None
    why = "its process has ended, " if process_gone else ""
    name = found.subject.node.ref.rpartition(".")[2]
    summary = f"run {name} is open but {why}silent for {_duration(silent_s)}"
    return _issue(Severity.ERROR, "stalled_run", found.subject, summary)


def _duration(seconds: float) -> str:
    """A duration that a sentence can hold; coarse, so that the sentence does not change all the time."""
    if seconds < 60:
        return f"{int(seconds)} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    return f"{int(seconds // 3600)} h"


def _issue(severity: Severity, code: str, subject: Subject, summary: str) -> Issue:
    node = subject.node
    at = node.ended_at or node.last_at or node.started_at
    return Issue(severity, code, node.ref, summary, node.id, subject.path, at)


def in_order(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Errors first, the newest first among equals."""
    return tuple(
        sorted(issues, key=lambda issue: (issue.severity.rank, -(issue.at or 0), issue.code, issue.ref))
    )
