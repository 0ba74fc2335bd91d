"""What a snapshot says beside the tree: why, what was measured and shipped, what is wrong, what was read.

It asks the queries and answers lines; it opens nothing and writes nothing. Whatever was recorded, the answer
is bounded: a workspace with a million samples gives a page, and says how much more there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.text import Text

from contexta.query.port import Queries
from contexta.query.results import (
    DeploymentLink,
    Issue,
    MetricSummary,
    NodeRow,
    Reason,
    Severity,
    SourceRow,
    Status,
)
from contexta_tui.printing import (
    FAILED,
    QUIET,
    SEVERITY_STYLES,
    STATUS_STYLES,
    STRONG,
    columns,
)
from contexta_tui.snapshot_tree import NAME, View, headed, more_line
from contexta_tui.text import safe, safe_lines
from contexta_tui.viewmodels.chart import sparkline
from contexta_tui.viewmodels.diagnostics import place
from contexta_tui.viewmodels.format import aligned, clock, count, plural, size
from contexta_tui.viewmodels.lineage import missing_artifact, missing_run

MOST_ISSUES: Final = 100
MOST_DEPLOYMENTS: Final = 50
MOST_SOURCES: Final = 20
_MOST_EXPLAINED: Final = 20
_MOST_REASONS: Final = 10
_MOST_TRACE_LINES: Final = 30
_TREND_CELLS: Final = 16


def header(queries: Queries, issues: Iterable[Issue], view: View) -> list[Text]:
    """What was read, how much is in it, and how bad it is."""
    counts = queries.counts()
    totals = f" {view.glyphs.dot} ".join(
        plural(number, word)
        for number, word in (
            (counts.runs, "run"),
            (counts.stages, "stage"),
            (counts.batches, "batch"),
            (counts.samples, "sample"),
            (counts.deployments, "deployment"),
            (counts.artifacts, "artifact"),
            (counts.records, "record"),
        )
    )
    names = ", ".join(safe(str(workspace), NAME) for workspace in view.workspaces)
    severities = [issue.severity for issue in issues]
    verdict = Text()
    for severity in (Severity.ERROR, Severity.WARNING):
        found = severities.count(severity)
        style = SEVERITY_STYLES[severity] if found else QUIET
        verdict.append(f"{view.glyphs.severity(severity)} {plural(found, severity.value)}   ", style)
    return [Text.assemble(("contexta  ", STRONG), names), Text(totals, QUIET), verdict]


def why(queries: Queries, node: NodeRow, view: View) -> list[Text]:
    """Why a node failed, with the newest stack trace; nothing where nothing failed."""
    if not (node.failed or node.failed_below):
        return []
    reasons = queries.reasons(node.id, _MOST_REASONS)
    lines = [line for reason in reasons for line in _reason(reason, "", view, placed=True)]
    trace = next((reason.stacktrace for reason in reasons if reason.stacktrace), "")
    if trace:
        lines += [Text(), *(Text(f"  {line}", QUIET) for line in _trace(trace))]
    return headed("Why it failed", lines)


def metrics(queries: Queries, node: NodeRow, view: View) -> list[Text]:
    """The table of what was measured at or under a node."""
    found = queries.metrics(node.id)
    head = tuple(
        Text(word, QUIET) for word in ("key", "last", "min", "max", "mean", "n", "", "unit", "trend")
    )
    lines = columns(
        [head, *(_metric(metric, view) for metric in found)],
        right=range(1, 7),
        optional=(8, 7, 4, 3, 2),
        width=view.width,
    )
    return headed("Metrics", lines if found else [Text("No metrics recorded here.", QUIET)])


def deployments(queries: Queries, node: NodeRow | None, view: View) -> list[Text]:
    """What was shipped, from what, and why that failed."""
    links = queries.lineage(None if node is None else node.id).deployments
    lines: list[Text] = []
    for link in links[:MOST_DEPLOYMENTS]:
        lines.append(_deployment(link, view))
        for reason in link.reasons[:3]:
            lines += _reason(reason, "  ", view, placed=False)
    if len(links) > MOST_DEPLOYMENTS:
        lines.append(more_line(len(links) - MOST_DEPLOYMENTS, "deployment", view))
    return headed("Deployments", lines) if lines else []


def diagnostics(queries: Queries, issues: Sequence[Issue], view: View) -> list[Text]:
    """What is wrong, worst first, errors with their first reason."""
    rows = [_issue(issue, view) for issue in issues[:MOST_ISSUES]]
    lines: list[Text] = []
    for index, line in enumerate(columns(rows, flexible=3, optional=(4, 2), width=view.width)):
        lines.append(line)
        issue = issues[index]
        if issue.severity is Severity.ERROR and issue.node_id is not None and index < _MOST_EXPLAINED:
            for reason in queries.reasons(issue.node_id, 1):
                lines += _reason(reason, "  ", view, placed=False)
    if len(issues) > MOST_ISSUES:
        lines.append(more_line(len(issues) - MOST_ISSUES, "issue", view))
    return headed("Diagnostics", lines or [Text("Nothing is wrong.", QUIET)])


def sources(queries: Queries, view: View) -> list[Text]:
    """What was read, the damaged first."""
    found = sorted(queries.sources(), key=lambda source: (source.state == "ok", -source.damaged_lines))
    lines = columns(
        [_source(source) for source in found[:MOST_SOURCES]], right=(2, 3), optional=(1, 2), width=view.width
    )
    if len(found) > MOST_SOURCES:
        lines.append(more_line(len(found) - MOST_SOURCES, "source", view))
    return headed("Sources", lines) if lines else []


def _reason(reason: Reason, indent: str, view: View, *, placed: bool) -> list[Text]:
    line = Text(indent)
    line.append(f"{view.glyphs.bar}{safe(reason.title, 300)}", FAILED)
    if reason.detail:
        line.append(f"  {safe(reason.detail, 300)}")
    if placed and reason.node_path:
        path = f" {view.glyphs.separator} ".join(safe(name, 60) for name in reason.node_path)
        line.append(f"  {path}", QUIET)
    if placed and reason.at is not None:
        line.append(f"  {clock(reason.at, today=view.today, milliseconds=True)}", QUIET)
    return [line]


def _trace(text: str) -> tuple[str, ...]:
    return safe_lines(text, 300, _MOST_TRACE_LINES, keep="last")


def _metric(metric: MetricSummary, view: View) -> tuple[Text, ...]:
    last, least, most, mean = aligned((metric.last, metric.minimum, metric.maximum, metric.mean))
    bad = f"{count(metric.non_finite)} not finite" if metric.non_finite else ""
    return (
        Text(safe(metric.key, 80)),
        Text(last, STRONG),
        Text(least),
        Text(most),
        Text(mean),
        Text(count(metric.count), QUIET),
        Text(bad, "yellow"),
        Text(safe(metric.unit or "", 20), QUIET),
        Text(sparkline(metric.trend, _TREND_CELLS, view.glyphs.trend), "cyan"),
    )


def _deployment(link: DeploymentLink, view: View) -> Text:
    node = link.deployment
    status = Status.FAILED if node.failed else node.status
    line = Text(
        f"{view.glyphs.status(status)} {safe(node.name, NAME)}  {status.value}", STATUS_STYLES[status]
    )
    arrow = f"  {view.glyphs.arrow} "
    line.append(arrow, QUIET)
    if link.artifact is not None:
        line.append(safe(link.artifact.name, NAME))
        if link.artifact.size_bytes is not None:
            line.append(f" {size(link.artifact.size_bytes)}", QUIET)
    else:
        line.append(missing_artifact(link), QUIET)
    line.append(arrow, QUIET)
    run = link.artifact_run or link.run
    line.append(missing_run(link) if run is None else safe(run.name, NAME), QUIET if run is None else "")
    if link.artifact_run is not None and link.run is not None:
        line.append(f"  (deployed by {safe(link.run.name, NAME)})", QUIET)
    return line


def _issue(issue: Issue, view: View) -> tuple[Text, ...]:
    style = SEVERITY_STYLES[issue.severity]
    where = f" {view.glyphs.separator} ".join(safe(name, 40) for name in _place(issue))
    return (
        Text(f"{view.glyphs.severity(issue.severity)} {issue.severity.value}", style),
        Text(safe(issue.code, 60), style),
        Text(clock(issue.at, today=view.today) if issue.at is not None else "", QUIET),
        Text(where),
        Text(safe(issue.summary, 300), style if issue.severity is Severity.ERROR else QUIET),
    )


def _place(issue: Issue) -> tuple[str, ...]:
    return issue.node_path or place(issue)


def _source(source: SourceRow) -> tuple[Text, ...]:
    state = "" if source.state == "ok" else f"{source.state} {safe(source.detail, 200)}".strip()
    return (
        Text(safe(source.path, 300)),
        Text(source.kind, QUIET),
        Text(size(source.bytes), QUIET),
        Text(plural(source.lines, "line"), QUIET),
        Text(f"{source.damaged_lines:,} damaged" if source.damaged_lines else "", FAILED),
        Text(f"{source.pending_bytes:,} B pending" if source.pending_bytes else "", "yellow"),
        Text(state, "yellow"),
    )
