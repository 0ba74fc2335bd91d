"""What the detail pane shows of a node: why it failed, then what was measured.

`load` asks the queries; it runs in a worker. It must not decide how anything looks: texts stay as
recorded, times and values stay numbers.
"""

from __future__ import annotations

from typing import Final

import msgspec

from contexta.query.port import Queries
from contexta.query.results import MetricSeries, MetricSummary, NodeKind, NodeRow, Reason

#: Evidence asked for at most; a run can have thousands of failed samples.
MOST_REASONS: Final = 50

_NOTHING_SELECTED: Final = "Nothing is selected."
_NO_METRICS: Final = "No metrics recorded here."


class ReasonLine(msgspec.Struct, frozen=True):
    """One piece of evidence.

    Attributes:
        reason: The evidence as the queries answer it.
        place: Names from the shown node down to where it was recorded; empty for the node itself.
    """

    reason: Reason
    place: tuple[str, ...]


class DetailView(msgspec.Struct, frozen=True):
    """Everything the detail pane shows.

    Attributes:
        node: The selected node, or `None`.
        path: Names for the title: from the stage down to the node; the name alone for a project or run.
        reasons: Why it failed, newest first; empty unless it or something below it failed.
        trace: Stack trace of the newest exception, or empty.
        metrics: One summary per metric key, by key.
        series: Series of some of the keys: those around the selected one.
        buckets: Buckets that these series were asked for.
        selected: The metric key chosen to be charted, or `None` without metrics.
        sentence: One sentence instead of metrics when there are none, else empty.
    """

    node: NodeRow | None
    path: tuple[str, ...] = ()
    reasons: tuple[ReasonLine, ...] = ()
    trace: str = ""
    metrics: tuple[MetricSummary, ...] = ()
    series: tuple[MetricSeries, ...] = ()
    buckets: int = 0
    selected: str | None = None
    sentence: str = ""


EMPTY: Final = DetailView(node=None, sentence=_NOTHING_SELECTED)


def load(
    queries: Queries,
    node: NodeRow | None,
    *,
    width: int,
    buckets: int,
    selected: str | None = None,
    charts: int = 6,
) -> DetailView:
    """Ask for what the pane shows.

    Args:
        queries: Where to ask.
        node: The selected node.
        width: Cells of the pane. A series never has more buckets than dots that fit in it.
        buckets: Buckets of a series: `DetailPane.buckets`.
        selected: The metric key to chart: `DetailPane.selected_key`.
        charts: How many charts the pane can show: `DetailPane.charts`.
    """
    if node is None:
        return EMPTY
    names, reasons, metrics = load_facts(queries, node)
    keys = charted(metrics)
    chosen = _chosen(metrics, keys, selected)
    most = max(2, min(buckets, 2 * width) if width > 0 else buckets)
    page = page_of(keys, chosen, max(1, charts))
    series = queries.series(node.id, page, most) if page else ()
    return DetailView(
        node=node,
        path=names,
        reasons=reasons,
        trace=next((line.reason.stacktrace for line in reasons if line.reason.stacktrace), ""),
        metrics=metrics,
        series=series,
        buckets=most,
        selected=chosen,
        sentence="" if metrics else _NO_METRICS,
    )


def load_facts(
    queries: Queries, node: NodeRow
) -> tuple[tuple[str, ...], tuple[ReasonLine, ...], tuple[MetricSummary, ...]]:
    """What does not depend on the size of the pane: the names for the title, the reasons, the metrics."""
    names = _names(queries, node)
    reasons: tuple[ReasonLine, ...] = ()
    if node.failed or node.failed_below:
        found = queries.reasons(node.id, MOST_REASONS)
        reasons = tuple(ReasonLine(reason, _below(reason, node, names)) for reason in found)
    return names, reasons, queries.metrics(node.id)


def charted(metrics: tuple[MetricSummary, ...]) -> tuple[str, ...]:
    """The keys that a chart says something of: those with two values or more."""
    return tuple(metric.key for metric in metrics if metric.count - metric.non_finite > 1)


def _chosen(metrics: tuple[MetricSummary, ...], keys: tuple[str, ...], selected: str | None) -> str | None:
    """The selected key where it was recorded, else the first one with a chart, else the first."""
    everything = tuple(metric.key for metric in metrics)
    if selected in everything:
        return selected
    return next(iter((*keys, *everything)), None)


def page_of(keys: tuple[str, ...], selected: str | None, size: int) -> tuple[str, ...]:
    """The page of keys that the selected one is on; pages do not overlap, so charts keep their places.

    Args:
        keys: All keys.
        selected: One of them; the first page when it is not.
        size: Keys on a page, at least 1.
    """
    index = keys.index(selected) if selected in keys else 0
    start = index // size * size
    return keys[start : start + size]


def _names(queries: Queries, node: NodeRow) -> tuple[str, ...]:
    """Names from the stage down to the node; of a project, run or deployment its own."""
    if node.kind in (NodeKind.PROJECT, NodeKind.RUN, NodeKind.DEPLOYMENT):
        return (node.name,)
    known = queries.nodes(node.path)
    ancestors = [known[node_id] for node_id in node.path if node_id in known]
    above = [row.name for row in ancestors if row.kind not in (NodeKind.PROJECT, NodeKind.RUN)]
    return (*above, node.name)


def _below(reason: Reason, node: NodeRow, names: tuple[str, ...]) -> tuple[str, ...]:
    """Where a reason stands, seen from the node."""
    if reason.node_id == node.id:
        return ()
    path = reason.node_path
    return path[len(names) :] if path[: len(names)] == names and len(path) > len(names) else path
