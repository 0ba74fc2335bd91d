"""What is told before it is written is what will be written, whatever happens in between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings

from contexta.catalog import ahead
from contexta.catalog.catalog import MOST_CHANGES, Catalog
from contexta.catalog.indexer import Indexer
from contexta.query import tree
from contexta.query.port import Block, Rows
from contexta.query.results import Counts, NodeKind, NodeRow
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.catalog.growing import Growing
from tests.catalog.odd_slices import FIXTURES, OTHER_SAMPLE, SLICES
from tests.lines import BATCH, RUN, SAMPLE, STAGE, Lines

pytestmark = pytest.mark.timeout(120)

#: Project, run and stage, with the runs and the batches: rows that hardly ever come unseen.
_ASKED: Final = ((1, 2, 3), (Block(1, NodeKind.RUN, 0, 5), Block(3, NodeKind.BATCH, 0, 5)))

_Answers = tuple[Counts, Rows, tuple[NodeRow, ...], dict[int, NodeRow], NodeRow | None, tuple[NodeRow, ...]]


def _answers(reader: CatalogReader) -> _Answers:
    return (
        reader.counts(),
        reader.rows(*_ASKED),
        reader.projects(),
        reader.nodes((1, 2, 3)),
        reader.find(RUN),
        reader.matches("demo").ancestors,
    )


def _written(growing: Growing) -> int:
    row = growing.catalog.connection.execute("select count(*) from records").fetchone()
    assert row is not None
    return int(row[0])


def _is_like_a_fresh_one(growing: Growing, folder: Path) -> bool:
    fresh = catalog_tables.fresh(folder / ".contexta")
    equal = catalog_tables.without_order(growing.catalog) == catalog_tables.without_order(fresh)
    fresh.close()
    return equal


def _holds(slices: Sequence[Sequence[bytes]], folder: Path) -> None:
    with Growing(folder / "told") as told, Growing(folder / "taken") as taken:
        kept = CatalogReader(told.catalog)
        for lines in slices:
            told.hear(*lines)
            taken.take(*lines)
            expected = _answers(CatalogReader(taken.catalog))
            assert _answers(kept) == expected
            assert _answers(CatalogReader(told.catalog)) == expected
        told.indexer.settle()
        assert _answers(kept) == _answers(CatalogReader(taken.catalog))
        there, owed = catalog_tables.exactly(told.catalog), catalog_tables.exactly(taken.catalog)
        for table, rows in owed.items():
            # Two files have two paths, the only column of bytes.
            assert [_without_bytes(row) for row in there[table]] == [_without_bytes(row) for row in rows], (
                table
            )


def _without_bytes(row: tuple[object, ...]) -> list[object]:
    return [value for value in row if not isinstance(value, bytes)]


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=FIXTURES)
@given(SLICES)
def test_what_is_told_is_what_is_written(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _holds(slices, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=40, deadline=None, suppress_health_check=FIXTURES)
@given(SLICES)
def test_what_is_told_is_what_is_written_for_long(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _holds(slices, tmp_path)


def test_slices_of_all_sorts_are_told_and_written_in_their_order(tmp_path: Path) -> None:
    lines = Lines()
    again = lines.metric(SAMPLE, "loss", 0.25)
    slices = [[lines.metric(SAMPLE, "loss", 0.5), lines.scope("BatchExecution", BATCH)]]
    slices += [[lines.metric(f"{SAMPLE}-{number}", "score", 0.5), again] for number in range(2)]
    slices += [[lines.scope("SampleObservation", f"{SAMPLE}-3")]]
    slices += [[lines.scope("SampleObservation", f"{SAMPLE}-3", "failed"), lines.metric(STAGE, "loss", 1.0)]]
    slices += [[lines.metric(SAMPLE, "loss", 0.5)], [lines.metric(SAMPLE, "correct", 0.0)]]
    slices += [
        [lines.metric(SAMPLE, "loss", 0.5)],
        [b"not json\n"],
        [lines.metric(OTHER_SAMPLE, "loss", 0.5)],
    ]
    slices += [[lines.scope("DeploymentExecution", "deployment:demo.d", run_ref=RUN)]]
    slices += [[lines.metric(SAMPLE, "loss", 0.5)], [lines.scope("BatchExecution", BATCH, "completed")]]
    _holds(slices, tmp_path)


def test_what_is_told_is_neither_written_nor_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        reader = CatalogReader(growing.catalog)
        reader.rows(*_ASKED), reader.counts()
        monkeypatch.setattr(tree, "rows", lambda *_: pytest.fail("the catalog was asked"))
        for number in range(5):
            step = growing.hear(lines.metric(f"{SAMPLE}-{number}", "loss", 0.5))
            assert step.changed
            assert step.records == 1
            assert reader.counts().records == reader.rows(*_ASKED).nodes[2].records == number + 2
        assert reader.counts().samples == 6
        assert _written(growing) == 1


@pytest.mark.parametrize(
    ("limit", "most"), [("_EVERY_S", 0.0), ("_MOST_RECORDS", 4), ("MOST_CHANGES", 8), (None, None)]
)
def test_what_is_told_waits_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, most: float | None
) -> None:
    monkeypatch.setattr(ahead, "_EVERY_S", 3600.0)
    if limit is not None:
        monkeypatch.setattr(ahead, limit, most)
    lines = Lines()
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        for _ in range(4):
            growing.hear(lines.metric(SAMPLE, "loss", 0.5))
        assert _written(growing) == (1 if limit is None else 5)
        # A look that finds nothing writes what waits, and says that it did.
        assert growing.hear().changed is (limit is None)
        assert _written(growing) == 5


def test_all_that_was_told_since_a_commit_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_EVERY_S", 3600.0)
    lines = Lines()
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        for number in range(3 * MOST_CHANGES):
            growing.hear(lines.metric(SAMPLE, "loss", 0.5))
            # Whoever asks for the first time begins with the rows of the latest commit.
            assert CatalogReader(growing.catalog).rows(*_ASKED).nodes[2].records == number + 2


@pytest.mark.parametrize(
    "line",
    [
        Lines().metric("batch:demo.r1.train.epoch-2", "loss", 0.5),
        Lines().metric(SAMPLE, "correct", 0.0),
        Lines().scope("SampleObservation", SAMPLE, "failed"),
        Lines().scope("StageExecution", STAGE),
    ],
    ids=["new batch", "wrong answer", "failure", "statement"],
)
def test_what_is_of_consequence_or_likely_in_view_is_written_at_once(tmp_path: Path, line: bytes) -> None:
    lines = Lines().at(60)
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        growing.hear(lines.metric(SAMPLE, "loss", 0.5))
        assert _written(growing) == 1
        growing.hear(line)
        assert _written(growing) >= 2
        assert _is_like_a_fresh_one(growing, tmp_path)


def test_rows_in_view_are_written_at_once_for_a_while(tmp_path: Path) -> None:
    lines = Lines()
    asked = ((1, 2, 3), (Block(4, NodeKind.SAMPLE, 0, 200),))
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        reader = CatalogReader(growing.catalog)
        before = reader.rows(*asked)
        growing.hear(lines.metric(f"{SAMPLE}-2", "loss", 0.5))
        assert reader.rows(*asked) == before, "rows of one moment"
        growing.hear(lines.metric(SAMPLE, "loss", 0.5))
        for number in range(3, 6):
            growing.hear(lines.metric(f"{SAMPLE}-{number}", "loss", 0.5))
            rows = reader.rows(*asked)
            (samples,) = rows.blocks.values()
            assert len(samples) == number
            assert rows.nodes[2].records == number + 1


def test_what_was_told_and_not_written_is_read_again(tmp_path: Path) -> None:
    lines = Lines()
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        growing.hear(lines.metric(f"{SAMPLE}-2", "loss", 0.5), lines.metric(SAMPLE, "loss", 0.5))
        growing.indexer.close()
        # As after the process was killed.
        assert Indexer(growing.catalog, [tmp_path / ".contexta"]).catch_up().records == 2
        assert _is_like_a_fresh_one(growing, tmp_path)


def test_a_file_that_is_replaced_meanwhile_leaves_nothing_of_what_was_told(tmp_path: Path) -> None:
    lines = Lines()
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        growing.hear(lines.metric(f"{SAMPLE}-2", "loss", 0.5))
        growing.replace(lines.metric(OTHER_SAMPLE, "loss", 0.5))
        assert growing.hear().rebuilt
        growing.hear(lines.metric(OTHER_SAMPLE, "loss", 0.5))
        growing.indexer.settle()
        assert _is_like_a_fresh_one(growing, tmp_path)


def test_what_cannot_be_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()

    def fail(*_: object) -> None:
        raise OSError("no space")

    with Growing(tmp_path) as growing:
        growing.take(lines.metric(RUN, "loss", 1.0))
        reader = CatalogReader(growing.catalog)
        growing.hear(lines.metric(RUN, "loss", 1.0))
        assert reader.counts().records == 2
        with monkeypatch.context() as patch:
            patch.setattr(ahead, "save", fail)
            with pytest.raises(OSError, match="no space"):
                growing.indexer.settle()
        assert _written(growing) == 1
        growing.hear(lines.metric(RUN, "loss", 1.0))
        growing.indexer.settle()
        assert _is_like_a_fresh_one(growing, tmp_path)
        assert reader.counts().records == reader.rows((1,), ()).nodes[1].records == 3


def test_two_workspaces_are_told_of_in_turn(tmp_path: Path) -> None:
    lines = Lines()
    roots = [tmp_path / name / ".contexta" for name in "ab"]
    catalog = Catalog.in_memory(roots)
    indexer = Indexer(catalog, roots)
    reader = CatalogReader(catalog)
    for number in range(1, 4):
        for root in roots:
            journal = root / "cache" / "capture" / "record.jsonl"
            journal.parent.mkdir(parents=True, exist_ok=True)
            with journal.open("ab") as file:
                file.write(lines.metric(SAMPLE, "loss", 0.5))
        indexer.step(hinted=True, ahead=True)
        assert [row.records for row in reader.projects()] == [number, number]
    indexer.settle()
    fresh = catalog_tables.fresh(*roots)
    assert catalog_tables.without_order(catalog) == catalog_tables.without_order(fresh)
