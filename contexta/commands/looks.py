"""`show`, `diagnose`, `lineage`: a look at one thing, and at what is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from msgspec.structs import asdict

from contexta.commands.answer import (
    BAD,
    FINE,
    FOUND,
    QUIET,
    STRONG,
    Answer,
    Line,
    Part,
    Table,
    cell,
    line,
    members,
    number_cell,
    origin_cell,
    plain,
    severity_cell,
    short_time,
    status_cell,
    time_text,
)
from contexta.commands.desk import Desk
from contexta.commands.lists import node_fields, took
from contexta.errors import NotFoundError
from contexta.query import listing
from contexta.query.results import Issue, MetricSummary, Reason, Severity
from contexta.query.traversal import traverse
from contexta.sanitize import safe, safe_lines

_MOST_ISSUES: Final = 1_000
_MOST_REASONS: Final = 20
_MOST_TRACE_LINES: Final = 30
_MOST_CANDIDATES: Final = 5


def show(desk: Desk, options: argparse.Namespace) -> Answer:
    """One node: how it went, why it failed, what it measured."""
    reader = desk.loaded.reader
    node = desk.loaded.find(options.ref)
    reasons = reader.reasons(node.id, _MOST_REASONS) if node.failed or node.failed_below else ()
    metrics = reader.metrics(node.id)

    def parts() -> Iterator[Part]:
        yield line(node.ref, STRONG)
        rest = f"  {took(node)}  {node.records:,} records  {time_text(node.started_at) or ''}  "
        yield (status_cell(node.status, failed=node.failed), cell(rest), origin_cell(node.origin.labels()))
        if reasons:
            yield line()
            yield line("Why it failed", STRONG)
            yield from _why(reasons)
        if metrics:
            yield line()
            heads = ("key", "last", "min", "max", "mean", "n", "unit")
            yield Table(heads, [_metric_row(metric) for metric in metrics], right=(1, 2, 3, 4, 5))

    return Answer(
        "contexta/node/1",
        lambda: {
            **node_fields(node),
            "source": desk.source,
            "children": {group.kind.value: group.count for group in node.children},
            "reasons": [_reason_fields(reason) for reason in reasons],
            "metrics": [_metric_fields(metric) for metric in metrics],
        },
        parts,
    )


def _why(reasons: tuple[Reason, ...]) -> Iterator[Line]:
    for reason in reasons:
        yield (cell(reason.title, BAD), cell(f"  {safe(reason.detail, 300)}", "", 310))
        where = " > ".join(safe(name, 60) for name in reason.node_path)
        yield line(f"  {where}  {time_text(reason.at) or ''}", QUIET)
    trace = next((reason.stacktrace for reason in reasons if reason.stacktrace), "")
    for text in safe_lines(trace, 300, _MOST_TRACE_LINES, keep="last"):
        yield line(f"    {text}", QUIET)


def _reason_fields(reason: Reason) -> dict[str, object]:
    return {
        "kind": reason.kind,
        "title": reason.title,
        "detail": reason.detail,
        "stacktrace": reason.stacktrace,
        "path": reason.node_path,
        "at": time_text(reason.at),
    }


def _metric_row(metric: MetricSummary) -> Line:
    return (
        cell(metric.key, "", 80),
        *(number_cell(value) for value in (metric.last, metric.minimum, metric.maximum, metric.mean)),
        cell(f"{metric.count:,}"),
        cell(metric.unit, QUIET, 20),
    )


def _metric_fields(metric: MetricSummary) -> dict[str, object]:
    return {name: plain(value) for name, value in asdict(metric).items() if name != "trend"}


def diagnose(desk: Desk, options: argparse.Namespace) -> Answer:
    """What is wrong, worst first; the code says whether it is as bad as asked for."""
    loaded = desk.loaded
    issues = loaded.issues if options.ref is None else loaded.issues_under(loaded.find(options.ref))

    def parts() -> Iterator[Part]:
        if not issues:
            yield line("Nothing is wrong.")
            return
        shown = issues[:_MOST_ISSUES]
        yield Table(("severity", "code", "where", "summary"), [_issue_row(issue) for issue in shown])
        if len(issues) > len(shown):
            yield line(f"... and {len(issues) - len(shown):,} more issues; --json has them all", QUIET)

    fields = ("severity", "code", "ref", "summary", "count")
    return Answer(
        "contexta/issues/1",
        lambda: {
            "source": desk.source,
            "issues": [{name: getattr(issue, name) for name in fields} for issue in issues],
        },
        parts,
        code=FOUND if any(_counts(issue, options.fail_on) for issue in issues) else FINE,
    )


def _issue_row(issue: Issue) -> Line:
    return (
        severity_cell(issue.severity.value, issue.severity),
        severity_cell(issue.code, issue.severity),
        cell(issue.ref),
        cell(issue.summary, QUIET),
    )


def _counts(issue: Issue, fail_on: str) -> bool:
    return fail_on != "never" and issue.severity.rank <= Severity(fail_on).rank


def lineage(desk: Desk, options: argparse.Namespace) -> Answer:
    """What something came from and what came from it."""
    subject = _subject(desk, options.ref)
    with desk.loaded.asking() as cursor:
        found = traverse(cursor, subject, options.direction, options.depth)

    def parts() -> Iterator[Part]:
        yield line(found.root_ref, STRONG)
        if not found.edges:
            yield line("Nothing is known of where it came from or what came from it.")
            return
        heads = ("depth", "direction", "source", "relation", "target", "recorded", "known by")
        rows = [
            (
                cell(edge.depth),
                cell(edge.direction, QUIET),
                cell(edge.source_ref),
                cell(edge.relation_type, "", 60),
                cell(edge.target_ref),
                cell(short_time(edge.recorded_at), QUIET),
                cell("deployment" if edge.is_link else "relation", QUIET),
            )
            for edge in sorted(found.edges, key=lambda edge: edge.depth)
        ]
        yield Table(heads, rows, right=(0,))

    return Answer("contexta/lineage/1", lambda: {"source": desk.source, **members(found)}, parts)


def _subject(desk: Desk, text: str) -> str:
    """The ref that is meant: as it is, or the one node or artifact whose ref ends so."""
    if ":" in text:
        return text
    with desk.loaded.asking() as cursor:
        artifacts = [
            artifact.artifact_ref
            for artifact in listing.artifacts(cursor)
            if artifact.artifact_ref.endswith((f".{text}", f":{text}"))
        ]
    try:
        nodes = [desk.loaded.find(text).ref]
    except NotFoundError as error:
        candidates = error.details.get("candidates")
        nodes = list(candidates) if isinstance(candidates, list) else []
        if not nodes and not artifacts:
            raise
    found = [*nodes, *artifacts]
    if len(found) > 1:
        shown = ", ".join(found[:_MOST_CANDIDATES])
        raise NotFoundError(f"{text} may be {shown}; give more of the ref.", code="node_not_found")
    return found[0]
