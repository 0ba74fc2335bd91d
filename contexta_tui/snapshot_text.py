"""The snapshot as people read it: the tree, what was shipped, what is wrong, and what was read.

It asks the queries and answers lines; it opens nothing and writes nothing. Whatever was recorded, the answer
is bounded: a workspace with a million samples gives a page, and says how much more there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.text import Text

from contexta.query.port import Queries
from contexta.query.results import (
    DeploymentLink,
    Issue,
    MetricSummary,
    NodeKind,
    NodeRow,
    Reason,
    Severity,
    SourceRow,
    Status,
)
from contexta_tui.printing import (
    FAILED,
    PIPE_WIDTH,
    QUIET,
    SEVERITY_STYLES,
    STATUS_STYLES,
    STRONG,
    columns,
)
from contexta_tui.text import safe, safe_lines
from contexta_tui.theme import UNICODE, Glyphs
from contexta_tui.viewmodels.chart import sparkline
from contexta_tui.viewmodels.diagnostics import place
from contexta_tui.viewmodels.format import aligned, clock, count, duration, plural, size
from contexta_tui.viewmodels.lineage import missing_artifact, missing_run

DEPTHS: Final = (NodeKind.RUN, NodeKind.STAGE, NodeKind.BATCH, NodeKind.SAMPLE)

MOST_CHILDREN: Final = 100
"""Children of one kind that are listed under one node."""

MOST_ROWS: Final = 2_000
"""Rows of the whole tree."""

MOST_ISSUES: Final = 100
MOST_DEPLOYMENTS: Final = 50
MOST_SOURCES: Final = 20
_MOST_EXPLAINED: Final = 20
_MOST_REASONS: Final = 10
_MOST_TRACE_LINES: Final = 30
_TREND_CELLS: Final = 16
_NAME: Final = 120
_NAME_IN_TREE: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """How to show it.

    Attributes:
        glyphs: The signs.
        depth: The deepest kind of node to list.
        width: Cells of a line.
        today: The current time in microseconds since the epoch.
        workspaces: The folders that were read.
    """

    glyphs: Glyphs = UNICODE
    depth: NodeKind = NodeKind.BATCH
    width: int = PIPE_WIDTH
    today: int = 0
    workspaces: Sequence[Path] = ()


@dataclass(slots=True)
class _Rows:
    """Rows of the tree so far."""

    rows: list[tuple[Text, ...]] = field(default_factory=list)

    def room(self) -> int:
        """How many more there may be."""
        return max(0, MOST_ROWS - len(self.rows))


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
    names = ", ".join(safe(str(workspace), _NAME) for workspace in view.workspaces)
    severities = [issue.severity for issue in issues]
    verdict = Text()
    for severity in (Severity.ERROR, Severity.WARNING):
        found = severities.count(severity)
        style = SEVERITY_STYLES[severity] if found else QUIET
        verdict.append(f"{view.glyphs.severity(severity)} {plural(found, severity.value)}   ", style)
    return [Text.assemble(("contexta  ", STRONG), names), Text(totals, QUIET), verdict]


def tree(queries: Queries, view: View) -> list[Text]:
    """Everything, down to the depth of the view."""
    found = _Rows()
    for project in queries.projects():
        _branch(queries, project, 0, view, found)
    return _headed("Runs", _aligned_rows(found, view)) if found.rows else [Text("Nothing is recorded.")]


def matching(queries: Queries, query: str, view: View) -> list[Text]:
    """What a filter finds, each under what it belongs to."""
    found = queries.matches(query, MOST_ROWS)
    known = {row.id: row for row in found.ancestors}
    shown = _Rows()
    done: set[int] = set()
    for hit in found.hits:
        for row in (*(known[key] for key in hit.path if key in known), hit):
            if row.id not in done:
                done.add(row.id)
                shown.rows.append(_row(row, len(row.path), view))
    if found.total > len(found.hits):
        shown.rows.append(_more(found.total - len(found.hits), "node", 0, view))
    title = f"{plural(found.total, 'node')} found for {safe(query, 80)}"
    return _headed(title, _aligned_rows(shown, view))


def branch(queries: Queries, node: NodeRow, view: View) -> list[Text]:
    """One node and what is under it, after the names of what it belongs to."""
    above = [row.name for row in _ancestors(queries, node)]
    found = _Rows()
    _branch(queries, node, 0, view, found)
    title = f" {view.glyphs.separator} ".join(safe(name, _NAME) for name in (*above, node.name))
    return _headed(title, [Text(safe(node.ref, 300), QUIET), *_aligned_rows(found, view)])


def why(queries: Queries, node: NodeRow, view: View) -> list[Text]:
    """Why a node failed, with the newest stack trace; nothing where nothing failed."""
    if not (node.failed or node.failed_below):
        return []
    reasons = queries.reasons(node.id, _MOST_REASONS)
    lines = [line for reason in reasons for line in _reason(reason, "", view, placed=True)]
    trace = next((reason.stacktrace for reason in reasons if reason.stacktrace), "")
    if trace:
        lines += [Text(), *(Text(f"  {line}", QUIET) for line in _trace(trace))]
    return _headed("Why it failed", lines)


def metrics(queries: Queries, node: NodeRow, view: View) -> list[Text]:
    """The table of what was measured at or under a node."""
    found = queries.metrics(node.id)
    head = tuple(
        Text(word, QUIET) for word in ("key", "last", "min", "max", "mean", "n", "", "unit", "trend")
    )
    lines = columns([head, *(_metric(metric, view) for metric in found)], right=range(1, 7), width=view.width)
    return _headed("Metrics", lines if found else [Text("No metrics recorded here.", QUIET)])


def deployments(queries: Queries, node: NodeRow | None, view: View) -> list[Text]:
    """What was shipped, from what, and why that failed."""
    links = queries.lineage(None if node is None else node.id).deployments
    lines: list[Text] = []
    for link in links[:MOST_DEPLOYMENTS]:
        lines.append(_deployment(link, view))
        for reason in link.reasons[:3]:
            lines += _reason(reason, "  ", view, placed=False)
    if len(links) > MOST_DEPLOYMENTS:
        lines.append(_more_line(len(links) - MOST_DEPLOYMENTS, "deployment", view))
    return _headed("Deployments", lines) if lines else []


def diagnostics(queries: Queries, issues: Sequence[Issue], view: View) -> list[Text]:
    """What is wrong, worst first, errors with their first reason."""
    rows = [_issue(issue, view) for issue in issues[:MOST_ISSUES]]
    lines: list[Text] = []
    for index, line in enumerate(columns(rows, flexible=3, width=view.width)):
        lines.append(line)
        issue = issues[index]
        if issue.severity is Severity.ERROR and issue.node_id is not None and index < _MOST_EXPLAINED:
            for reason in queries.reasons(issue.node_id, 1):
                lines += _reason(reason, "  ", view, placed=False)
    if len(issues) > MOST_ISSUES:
        lines.append(_more_line(len(issues) - MOST_ISSUES, "issue", view))
    return _headed("Diagnostics", lines or [Text("Nothing is wrong.", QUIET)])


def sources(queries: Queries, view: View) -> list[Text]:
    """What was read, the damaged first."""
    found = sorted(queries.sources(), key=lambda source: (source.state == "ok", -source.damaged_lines))
    lines = columns([_source(source) for source in found[:MOST_SOURCES]], right=(2, 3), width=view.width)
    if len(found) > MOST_SOURCES:
        lines.append(_more_line(len(found) - MOST_SOURCES, "source", view))
    return _headed("Sources", lines) if lines else []


# The tree


def _branch(queries: Queries, node: NodeRow, level: int, view: View, found: _Rows) -> None:
    found.rows.append(_row(node, level, view))
    for group in node.children:
        if group.kind not in DEPTHS or DEPTHS.index(group.kind) > DEPTHS.index(view.depth):
            continue
        shown = 0
        room = min(MOST_CHILDREN, found.room())
        for child in queries.children(node.id, group.kind, 0, room) if room else ():
            if not found.room():
                break
            _branch(queries, child, level + 1, view, found)
            shown += 1
        if shown < group.count:
            found.rows.append(_more(group.count - shown, group.kind.value, level + 1, view))


def _row(node: NodeRow, level: int, view: View) -> tuple[Text, ...]:
    status = Status.FAILED if node.failed else node.status
    style = STATUS_STYLES[status]
    name = Text("  " * level)
    if node.kind is not NodeKind.PROJECT:
        name.append(f"{view.glyphs.status(status)} ", style)
    name.append(safe(node.name, _NAME_IN_TREE), FAILED if node.failed else "")
    below = f"{view.glyphs.failed} {count(node.failed_below)}" if node.failed_below else ""
    return (
        name,
        Text("" if node.kind is NodeKind.PROJECT else status.value, style),
        Text(_elapsed(node, view.today), QUIET),
        Text(", ".join(plural(group.count, group.kind.value) for group in node.children), QUIET),
        Text(plural(node.records, "record"), QUIET),
        Text(below, FAILED),
        Text(safe(node.note, 80), FAILED if node.failed else QUIET),
    )


def _more(number: int, word: str, level: int, view: View) -> tuple[Text, ...]:
    return (Text("  " * level) + _more_line(number, word, view), *(Text() for _ in range(6)))


def _more_line(number: int, word: str, view: View) -> Text:
    return Text(
        f"{'...' if view.glyphs.ascii else '…'} and {number:,} more {plural(number, word).split()[1]}", QUIET
    )


def _aligned_rows(found: _Rows, view: View) -> list[Text]:
    return columns(found.rows, right=(2, 4), width=view.width)


def _elapsed(node: NodeRow, now: int) -> str:
    start = node.first_at if node.started_at is None else node.started_at
    end = now if node.status is Status.OPEN else node.ended_at
    if end is None:
        end = node.last_at
    if node.kind is NodeKind.PROJECT or start is None or end is None:
        return ""
    return duration(max(0, end - start))


def _ancestors(queries: Queries, node: NodeRow) -> list[NodeRow]:
    known = queries.nodes(node.path)
    return [known[key] for key in node.path if key in known and known[key].kind is not NodeKind.PROJECT]


# What stands beside it


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
        f"{view.glyphs.status(status)} {safe(node.name, _NAME)}  {status.value}", STATUS_STYLES[status]
    )
    arrow = f"  {view.glyphs.arrow} "
    line.append(arrow, QUIET)
    if link.artifact is not None:
        line.append(safe(link.artifact.name, _NAME))
        if link.artifact.size_bytes is not None:
            line.append(f" {size(link.artifact.size_bytes)}", QUIET)
    else:
        line.append(missing_artifact(link), QUIET)
    line.append(arrow, QUIET)
    run = link.artifact_run or link.run
    line.append(missing_run(link) if run is None else safe(run.name, _NAME), QUIET if run is None else "")
    if link.artifact_run is not None and link.run is not None:
        line.append(f"  (deployed by {safe(link.run.name, _NAME)})", QUIET)
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


def _headed(title: str, lines: Sequence[Text]) -> list[Text]:
    return [Text(), Text(title, STRONG), *lines]
