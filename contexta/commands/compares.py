"""`compare`: two runs with all that differs, or the metrics of several."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence

from contexta.commands.answer import (
    BAD,
    QUIET,
    STRONG,
    Answer,
    Cell,
    Line,
    Part,
    Table,
    cell,
    line,
    members,
    number_cell,
    severity_cell,
    status_cell,
)
from contexta.commands.desk import Desk
from contexta.commands.investigation import LoadedInvestigation
from contexta.query.findings import (
    CompletenessNote,
    MetricDelta,
    MultiRunComparison,
    RunComparison,
)


def compare(desk: Desk, options: argparse.Namespace) -> Answer:
    """Two runs side by side, or more."""
    left, right, *more = (desk.run_ref(text) for text in (options.left, options.right, *options.more))
    if not more:
        pair = LoadedInvestigation(desk.loaded).compare_runs(left, right)
        return Answer(
            "contexta/comparison/1", lambda: {"source": desk.source, **members(pair)}, lambda: _pair(pair)
        )
    several = LoadedInvestigation(desk.loaded).compare_multiple_runs(
        (left, right, *more), higher_is_better=dict.fromkeys(options.lower_is_better, False)
    )
    return Answer(
        "contexta/comparison-of-many/1",
        lambda: {"source": desk.source, **members(several)},
        lambda: _several(several),
    )


def _pair(found: RunComparison) -> Iterator[Part]:
    yield line(found.summary, STRONG)
    if found.stage_comparisons:
        yield line()
        rows = [
            (
                cell(stage.stage_name, "", 60),
                status_cell(stage.left_status or "missing"),
                status_cell(stage.right_status or "missing"),
            )
            for stage in found.stage_comparisons
        ]
        yield Table(("stage", "left", "right"), rows)
    deltas = [*found.run_metric_deltas]
    for stage in found.stage_comparisons:
        deltas += stage.metric_deltas
    yield from _deltas([(delta.stage_name or "(run)", delta) for delta in deltas])
    yield from _inside(found)
    if found.artifact_changes:
        yield line()
        changes = [
            (
                cell(change.artifact_kind, "", 60),
                cell(change.change),
                cell(change.change_detail, QUIET),
                cell(change.left_ref, QUIET),
                cell(change.right_ref, QUIET),
            )
            for change in found.artifact_changes
        ]
        yield Table(("artifact", "change", "how", "left", "right"), changes)
    yield from _notes(found.completeness_notes)


def _deltas(deltas: Sequence[tuple[str, MetricDelta]]) -> Iterator[Part]:
    if not deltas:
        return
    yield line()
    rows = [
        (
            cell(where, "", 120),
            cell(delta.metric_key, "", 80),
            number_cell(delta.left_value),
            number_cell(delta.right_value),
            number_cell(delta.delta),
            number_cell(delta.change_ratio),
        )
        for where, delta in deltas
    ]
    yield Table(("where", "metric", "left", "right", "delta", "ratio"), rows, right=(2, 3, 4, 5))


def _inside(found: RunComparison) -> Iterator[Part]:
    """Batches and samples that ended otherwise, and the metrics of batches."""
    changed: list[Line] = []
    deltas: list[tuple[str, MetricDelta]] = []
    for stage in found.stage_comparisons:
        for batch in stage.batch_comparisons:
            where = f"{batch.stage_name}.{batch.batch_name}"
            deltas += [(where, delta) for delta in batch.metric_deltas]
            if batch.left_status != batch.right_status:
                changed.append((cell(where), status_cell(batch.left_status), status_cell(batch.right_status)))
        for sample in stage.sample_comparisons:
            if sample.left_failed != sample.right_failed:
                places = (sample.stage_name, sample.batch_name, sample.sample_name)
                changed.append(
                    (
                        cell(".".join(place for place in places if place)),
                        _failed(failed=sample.left_failed),
                        _failed(failed=sample.right_failed),
                    )
                )
    yield from _deltas(deltas)
    if changed:
        yield line()
        yield Table(("ended otherwise", "left", "right"), changed)


def _failed(*, failed: bool) -> Cell:
    return cell("failed", BAD) if failed else cell("fine", "green")


def _several(found: MultiRunComparison) -> Iterator[Part]:
    yield line(found.summary, STRONG)
    if found.metric_rows:
        yield line()
        names = [run.rpartition(".")[2] for run in found.run_ids]
        rows = [
            (
                cell(row.stage_name or "(run)", "", 60),
                cell(row.metric_key, "", 80),
                *(
                    number_cell(row.values.get(run), "bold green" if run == row.best_run_id else "")
                    for run in found.run_ids
                ),
                cell(row.best_run_id.rpartition(".")[2] if row.best_run_id else "-"),
            )
            for row in found.metric_rows
        ]
        heads = ("stage", "metric", *(cell(name, "", 40).text for name in names), "best")
        yield Table(heads, rows, right=range(2, 2 + len(names)))
    yield from _notes(found.completeness_notes)


def _notes(notes: Iterable[CompletenessNote]) -> Iterator[Part]:
    known = tuple(dict.fromkeys(notes))
    if known:
        yield line()
        rows = [(severity_cell(note.severity, note.severity), cell(note.summary, QUIET)) for note in known]
        yield Table(("note", "what is not covered"), rows)
