"""The captures that benchmarks run on are what capture writes; the figures say what was measured."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks._results import Figure, Report, quantile
from benchmarks.generate import budgets, generate
from contexta.capture.encode import encode
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.reader import CatalogReader

RECORDS = 2_000


def lines(workspace: Path, name: str = "record") -> list[bytes]:
    return (workspace / "cache" / "capture" / f"{name}.jsonl").read_bytes().splitlines()


def test_a_generated_capture_has_as_many_records_as_asked_for_and_no_ref_twice(tmp_path: Path) -> None:
    written = generate(tmp_path, RECORDS)
    refs = {msgspec.json.decode(line)["payload_ref"] for line in lines(written.workspace)}
    assert len(refs) == len(lines(written.workspace)) == written.records == RECORDS
    assert written.runs == len(budgets(RECORDS))
    assert not (written.workspace / "cache" / "capture" / "context.jsonl").exists()


@pytest.mark.parametrize("options", [{}, {"lifecycle": True}, {"one_batch": True}])
def test_a_generated_line_is_as_the_encoder_writes_it(tmp_path: Path, options: dict[str, bool]) -> None:
    written = generate(tmp_path, RECORDS, **options)
    for file in (written.workspace / "cache" / "capture").iterdir():
        for line in lines(written.workspace, file.stem):
            assert encode(msgspec.json.decode(line)) == line


def test_the_same_seed_gives_the_same_capture_and_another_seed_another_one(tmp_path: Path) -> None:
    first, again, other = (
        generate(tmp_path / name, RECORDS, seed=seed, lifecycle=True)
        for name, seed in (("first", 7), ("again", 7), ("other", 8))
    )
    for name in ("record", "artifact", "context"):
        assert lines(first.workspace, name) == lines(again.workspace, name)
    assert lines(first.workspace) != lines(other.workspace)


def test_a_generated_capture_is_read_whole_and_has_failures_to_look_for(tmp_path: Path) -> None:
    written = generate(tmp_path, 10 * RECORDS, lifecycle=True)
    workspace = written.workspace.resolve()
    catalog = Catalog.in_memory([workspace])
    indexer = Indexer(catalog, [workspace])
    indexer.catch_up()
    reader = CatalogReader(catalog, lambda: None)
    counts = reader.counts()
    assert (counts.records, counts.runs, counts.batches) == (10 * RECORDS, written.runs, written.batches)
    assert counts.samples == written.samples
    assert counts.deployments == 1
    assert sum(source.damaged for source in indexer.sources()) == 0
    codes = [issue.code for issue in reader.issues()]
    assert codes.count("failed_sample") == written.wrong > 0
    assert "failed_batch" in codes
    catalog.close()


def test_a_figure_tells_its_ratio_and_whether_its_goal_is_reached(capsys: pytest.CaptureFixture[str]) -> None:
    figure = Report("A title").figure(
        "a key", [3.0, 1.0, 2.0], "ms", goal=2.0, reference=[4.0], against="LEET"
    )
    assert (figure.measured, figure.least, figure.most, figure.runs) == (2.0, 1.0, 3.0, 3)
    assert (figure.ratio, figure.reached) == (0.5, True)
    assert "goal ≤ 2.00: reached   LEET 4.00 ms, ratio 0.50" in capsys.readouterr().out
    alone = Figure("", "a key", "ms", 3.0, 3.0, 3.0, 1, 2.0, None, "")
    assert (alone.ratio, alone.reached) == (None, False)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100)]
    assert [quantile(share)(values) for share in (0.0, 0.5, 0.99)] == [0.0, 50.0, 99.0]
    assert quantile(0.99)([5.0]) == 5.0
