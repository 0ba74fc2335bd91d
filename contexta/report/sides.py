"""The sections of a report on two runs: what is different on the right side.

They word what `compare_runs` found and compute nothing. Stages are matched by name, batches and samples by
their names within a stage; what only one side has is in the completeness notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from contexta.query.findings import (
    BatchComparison,
    CompletenessNote,
    MetricDelta,
    RunComparison,
    SampleComparison,
)
from contexta.query.views import RunRecord, RunSnapshot
from contexta.report import metrics
from contexta.report.blocks import Cell, ReportSection, Table
from contexta.report.wording import clean, fields, link, links, listed, number

MAX_ROWS: Final = 300
_DELTA: Final = ("key", "left", "right", "delta", "ratio")


def summary(comparison: RunComparison, left: RunRecord, right: RunRecord) -> ReportSection:
    """The comparison in a sentence, then the two runs."""
    runs = (("left", left), ("right", right))
    lines = (f"{side}: {fields(run_id=run.run_id, name=run.name, status=run.status)}" for side, run in runs)
    sentence = clean(comparison.summary)
    table = Table(
        ("side", "name", "status", "run_id"),
        tuple((side, clean(run.name), clean(run.status), clean(run.run_id)) for side, run in runs),
        sentence,
        in_words=True,
    )
    evidence = links(link(run.run_id, run.name) for _, run in runs)
    return ReportSection("Summary", "\n".join((sentence, *lines)), evidence, (table,))


def metric_deltas(comparison: RunComparison, left: RunSnapshot, right: RunSnapshot) -> ReportSection:
    """`<stage or run>: <key>: left=…, right=…, delta=…, ratio=…`, and the courses of both runs."""
    deltas = [
        *comparison.run_metric_deltas,
        *(delta for stage in comparison.stage_comparisons for delta in stage.metric_deltas),
    ]
    rows: list[tuple[Cell, ...]] = [(clean(each.stage_name or "run"), *_delta_cells(each)) for each in deltas]
    names = [clean(left.run.name), clean(right.run.name)]
    labels = names if names[0] != names[1] else ["left", "right"]
    courses = metrics.charts(
        tuple(
            (label, metrics.collect(snapshot)) for label, snapshot in zip(labels, (left, right), strict=True)
        )
    )
    table = Table(
        ("stage", *_DELTA), tuple(rows[:MAX_ROWS]), in_words=True, left_out=max(0, len(rows) - MAX_ROWS)
    )
    return ReportSection(
        "Metric Deltas",
        listed(
            [f"{clean(each.stage_name or 'run')}: {_delta_words(each)}" for each in deltas],
            MAX_ROWS,
            "No metric deltas.",
        ),
        links(found for each in deltas for found in each.evidence_links),
        (*((table,) if rows else ()), *courses),
    )


def _delta_cells(delta: MetricDelta) -> tuple[Cell, ...]:
    return (clean(delta.metric_key), delta.left_value, delta.right_value, delta.delta, delta.change_ratio)


def _delta_words(delta: MetricDelta) -> str:
    return f"{clean(delta.metric_key)}: " + fields(
        left=number(delta.left_value),
        right=number(delta.right_value),
        delta=None if delta.delta is None else number(delta.delta),
        ratio=None if delta.change_ratio is None else number(delta.change_ratio),
    )


def artifact_changes(comparison: RunComparison) -> ReportSection:
    """`<kind>: <change>[, detail=…][, left=…][, right=…]`."""
    found = comparison.artifact_changes
    lines = []
    for each in found:
        rest = fields(detail=each.change_detail, left=each.left_ref, right=each.right_ref)
        lines.append(f"{clean(each.artifact_kind)}: {', '.join(filter(None, (clean(each.change), rest)))}")
    rows = tuple(
        (
            clean(each.artifact_kind),
            each.change,
            clean(each.change_detail or ""),
            clean(each.left_ref or ""),
            clean(each.right_ref or ""),
        )
        for each in found
    )
    table = Table(("kind", "change", "detail", "left ref", "right ref"), rows, in_words=True)
    return ReportSection(
        "Artifact Changes",
        listed(lines, MAX_ROWS, "No artifact changes."),
        links(found_link for each in found for found_link in each.evidence_links),
        (table,) if rows else (),
    )


def notes(comparison: RunComparison) -> Iterator[CompletenessNote]:
    """All notes of a comparison, its stages' and metrics' too."""
    yield from comparison.completeness_notes
    for delta in comparison.run_metric_deltas:
        yield from delta.completeness_notes
    for stage in comparison.stage_comparisons:
        yield from stage.completeness_notes
        for delta in stage.metric_deltas:
            yield from delta.completeness_notes


def batches(comparison: RunComparison) -> tuple[ReportSection, ...]:
    """The batches that both runs have; no section when there are none."""
    found = [each for stage in comparison.stage_comparisons for each in stage.batch_comparisons]
    return _paired(
        "Batches",
        ("stage", "batch", "left status", "right status"),
        [(_batch_cells(each), each.metric_deltas) for each in found],
    )


def _batch_cells(each: BatchComparison) -> tuple[str, ...]:
    return (clean(each.stage_name), clean(each.batch_name), each.left_status, each.right_status)


def samples(comparison: RunComparison) -> tuple[ReportSection, ...]:
    """The samples that both runs have, those first that fail on one side only; no section without any."""
    found = [each for stage in comparison.stage_comparisons for each in stage.sample_comparisons]
    found.sort(key=lambda each: each.left_failed == each.right_failed)
    return _paired(
        "Samples",
        ("stage", "batch", "sample", "left status", "right status"),
        [(_sample_cells(each), each.metric_deltas) for each in found],
    )


def _sample_cells(each: SampleComparison) -> tuple[str, ...]:
    verdicts = ("failed" if failed else "ok" for failed in (each.left_failed, each.right_failed))
    return (clean(each.stage_name), clean(each.batch_name or "–"), clean(each.sample_name), *verdicts)


def _paired(
    title: str, columns: tuple[str, ...], found: Iterable[tuple[tuple[str, ...], tuple[MetricDelta, ...]]]
) -> tuple[ReportSection, ...]:
    """A line and a row for each metric of each pair; one without metrics when nothing differs."""
    lines: list[str] = []
    rows: list[tuple[Cell, ...]] = []
    for cells, deltas in found:
        *place, left, right = cells
        head = f"{' › '.join(place)}: left_status={left}, right_status={right}"
        lines += [f"{head}, {_delta_words(delta)}" for delta in deltas] or [head]
        rows += [(*cells, *_delta_cells(delta)) for delta in deltas] or [(*cells, *(None,) * len(_DELTA))]
    if not rows:
        return ()
    left_out = max(0, len(rows) - MAX_ROWS)
    heading = f"{title} that both runs have, metric by metric"
    table = Table((*columns, *_DELTA), tuple(rows[:MAX_ROWS]), heading, in_words=True, left_out=left_out)
    return (ReportSection(title, listed(lines, MAX_ROWS, ""), blocks=(table,)),)
