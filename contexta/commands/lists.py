"""`runs`, `batches`, `samples`, `deployments`: what there is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from contexta.commands.answer import (
    BAD,
    MOST_ROWS,
    QUIET,
    Answer,
    Line,
    Part,
    Table,
    cell,
    limited,
    line,
    listed,
    origin_cell,
    short_time,
    status_cell,
    time_text,
    took_text,
)
from contexta.commands.desk import Desk
from contexta.query import listing, lookup
from contexta.query.results import NodeKind, NodeRow, Status
from contexta.query.views import BatchRecord, DeploymentRecord, SampleRecord

_PAGE: Final = 1_000

_RowT = TypeVar("_RowT")


def runs(desk: Desk, options: argparse.Namespace) -> Answer:
    """The runs, newest first."""
    found = [
        row
        for project in desk.loaded.reader.projects()
        if options.project in (None, project.name, project.ref, project.ref.partition(":")[2])
        for row in _runs_of(desk, project)
        if options.status is None or _status(row) == options.status
    ]
    return _answer(
        desk,
        options,
        "runs",
        found,
        heads=("run", "status", "started", "took", "records", "failed", "origin", "ref"),
        row=lambda row: (
            cell(row.name, BAD if row.failed else "", 60),
            status_cell(row.status, failed=row.failed),
            cell(time_text(_first(row.started_at, row.first_at)), QUIET),
            cell(took(row), QUIET),
            cell(f"{row.records:,}"),
            cell(f"{row.failed_below:,}" if row.failed_below else "", BAD),
            origin_cell(row.origin.labels()),
            cell(row.ref, QUIET),
        ),
        items=lambda rows: (node_fields(row) for row in rows),
        right=(3, 4, 5),
    )


def batches(desk: Desk, options: argparse.Namespace) -> Answer:
    """Batches in the order in which they ran."""
    run_ref = None if options.run is None else desk.run_ref(options.run)
    stage_ref = desk.inside(options.stage, run_ref, NodeKind.STAGE)
    with desk.loaded.asking() as cursor:
        found = listing.batches(cursor, run_ref=run_ref, stage_ref=stage_ref)

    def row(batch: BatchRecord) -> Line:
        return (
            cell(batch.name, BAD if batch.status == Status.FAILED else "", 60),
            status_cell(batch.status),
            cell(_last(batch.stage_id), "", 60),
            cell(short_time(batch.started_at), QUIET),
            cell(short_time(batch.ended_at), QUIET),
            origin_cell(batch.origin),
            cell(batch.batch_id, QUIET),
        )

    heads = ("batch", "status", "stage", "started", "ended", "origin", "ref")
    return _answer(
        desk, options, "batches", found, heads=heads, row=row, items=lambda rows: listed(rows, "batch_id")
    )


def samples(desk: Desk, options: argparse.Namespace) -> Answer:
    """Samples in the order in which they ran."""
    run_ref = None if options.run is None else desk.run_ref(options.run)
    stage_ref = desk.inside(options.stage, run_ref, NodeKind.STAGE)
    batch_ref = desk.inside(options.batch, stage_ref or run_ref, NodeKind.BATCH)
    with desk.loaded.asking() as cursor:
        found = listing.samples(cursor, run_ref=run_ref, stage_ref=stage_ref, batch_ref=batch_ref)
    if options.failed:
        found = tuple(sample for sample in found if sample.failed)

    def row(sample: SampleRecord) -> Line:
        return (
            cell(sample.name, BAD if sample.failed else "", 60),
            status_cell(sample.status, failed=sample.failed),
            cell(sample.note, BAD, 60),
            cell(_last(sample.stage_id), "", 60),
            cell(_last(sample.batch_id), "", 60),
            cell(short_time(sample.observed_at), QUIET),
            origin_cell(sample.origin),
            cell(sample.sample_id, QUIET),
        )

    heads = ("sample", "status", "why", "stage", "batch", "observed", "origin", "ref")
    return _answer(
        desk, options, "samples", found, heads=heads, row=row, items=lambda rows: listed(rows, "sample_id")
    )


def deployments(desk: Desk, options: argparse.Namespace) -> Answer:
    """Deployments and what they came from."""
    run_ref = None if options.run is None else desk.run_ref(options.run)
    with desk.loaded.asking() as cursor:
        projects = None if options.project is None else lookup.projects(cursor, options.project)
        found = listing.deployments(cursor, project_refs=projects, run_ref=run_ref)

    def row(deployment: DeploymentRecord) -> Line:
        return (
            cell(deployment.name, BAD if deployment.status == Status.FAILED else "", 60),
            status_cell(deployment.status),
            cell(short_time(deployment.started_at), QUIET),
            cell(deployment.run_id),
            cell(deployment.artifact_ref),
            origin_cell(deployment.origin),
            cell(deployment.deployment_id, QUIET),
        )

    heads = ("deployment", "status", "started", "run", "artifact", "origin", "ref")
    return _answer(
        desk,
        options,
        "deployments",
        found,
        heads=heads,
        row=row,
        items=lambda rows: listed(rows, "deployment_id"),
    )


def _answer(
    desk: Desk,
    options: argparse.Namespace,
    word: str,
    found: Sequence[_RowT],
    *,
    heads: Sequence[str],
    row: Callable[[_RowT], Line],
    items: Callable[[Sequence[_RowT]], Iterable[object]],
    right: Sequence[int] = (),
) -> Answer:
    """A list: rows of a table, or all items of a document."""

    def parts() -> Iterator[Part]:
        if not found:
            yield line(f"No {word.removesuffix('es') if word == 'batches' else word.removesuffix('s')} here.")
            return
        shown = found[: MOST_ROWS if options.limit is None else options.limit]
        rows, more = limited(map(row, shown), len(found), word)
        yield Table(heads, rows, right)
        yield from more

    return Answer(
        f"contexta/{word}/1",
        lambda: {"source": desk.source, word: iter(items(found[: options.limit]))},
        parts,
    )


def _runs_of(desk: Desk, project: NodeRow) -> Iterator[NodeRow]:
    reader = desk.loaded.reader
    total = sum(group.count for group in project.children if group.kind is NodeKind.RUN)
    for start in range(0, total, _PAGE):
        yield from reader.children(project.id, NodeKind.RUN, start, start + _PAGE)


def node_fields(node: NodeRow) -> dict[str, object]:
    """What is said of a node in JSON."""
    return {
        "ref": node.ref,
        "kind": node.kind,
        "name": node.name,
        "status": node.status,
        "origin": node.origin.labels(),
        "started_at": time_text(node.started_at),
        "ended_at": time_text(node.ended_at),
        "records": node.records,
        "failed": node.failed,
        "failed_below": node.failed_below,
    }


def took(node: NodeRow) -> str:
    """How long a node took, or its records span where its end is not known."""
    return took_text(_first(node.started_at, node.first_at), _first(node.ended_at, node.last_at))


def _first(known: int | None, other: int | None) -> int | None:
    return other if known is None else known


def _status(row: NodeRow) -> Status:
    return Status.FAILED if row.failed else row.status


def _last(ref: str | None) -> str:
    return "" if ref is None else ref.rpartition(".")[2]
