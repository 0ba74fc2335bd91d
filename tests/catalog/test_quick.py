"""A few plain records, taken the quick way, leave the catalog that the general way leaves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from contexta.catalog import ahead
from contexta.catalog import indexer as indexing
from contexta.catalog.catalog import Catalog
from contexta.catalog.quick import Quick
from contexta.query import tree
from contexta.query.port import Block
from contexta.query.results import NodeKind, NodeRow, Status
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.catalog.growing import Growing
from tests.catalog.odd_slices import FIXTURES, OTHER_SAMPLE, SLICES
from tests.lines import BATCH, RUN, SAMPLE, STAGE, Lines

pytestmark = pytest.mark.timeout(120)


def _taken(slices: Sequence[Sequence[bytes]], folder: Path) -> catalog_tables.Tables:
    """The catalog after following a file that grew slice by slice."""
    with Growing(folder) as growing:
        for lines in slices:
            growing.take(*lines)
        return catalog_tables.exactly(growing.catalog)


def _holds(slices: Sequence[Sequence[bytes]], folder: Path) -> None:
    quick = _taken(slices, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Quick, "read", lambda *_: None)
        general = _taken(slices, folder)
    for table, rows in general.items():
        assert quick[table] == rows, table


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=FIXTURES)
@given(SLICES)
def test_quick_is_general(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _holds(slices, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=20, deadline=None, suppress_health_check=FIXTURES)
@given(SLICES)
def test_quick_is_general_for_long(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _holds(slices, tmp_path)


#: What is asked again after each slice, and answered from what the slice changed where that is enough.
_ROWS: Final = (
    ((1, 2, 3), (Block(1, NodeKind.RUN, 0, 1), Block(3, NodeKind.BATCH, 0, 1))),
    ((), tuple(Block(node, kind, 0, 200) for node in (1, 2, 3, 4) for kind in NodeKind)),
)


def _told(catalog: Catalog) -> tuple[object, ...]:
    """What is diagnosed, deployed and made, and why: all that a commit of no consequence leaves as it was."""
    reader = CatalogReader(catalog)
    totals: dict[str, Any] = {"records": 0, "first_at": None, "last_at": None, "children": (), "path": ()}

    def node(row: NodeRow | None) -> NodeRow | None:
        return row and replace(row, **totals)

    everything = reader.lineage(None)
    return (
        reader.issues(),
        [
            replace(
                link,
                deployment=node(link.deployment),
                run=node(link.run),
                artifact_run=node(link.artifact_run),
            )
            for link in everything.deployments
        ],
        everything.artifacts,
        [reason for project in reader.projects() for reason in reader.reasons(project.id)],
        reader.runs_with(Status.OPEN),
    )


def _has_its_consequences(slices: Sequence[Sequence[bytes]], folder: Path) -> int:
    """Follows a file that grows slice by slice; the number of slices of no consequence."""
    without = 0
    with Growing(folder) as growing:
        catalog = growing.catalog
        kept = CatalogReader(catalog)
        for lines in slices:
            before, told = catalog.consequences, _told(catalog)
            growing.take(*lines)
            for asked in _ROWS:
                assert kept.rows(*asked) == CatalogReader(catalog).rows(*asked)
            if catalog.consequences == before:
                without += 1
                assert _told(catalog) == told
    return without


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=FIXTURES)
@given(SLICES)
def test_what_is_of_no_consequence_changes_no_diagnosis(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _has_its_consequences(slices, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURES)
@given(SLICES)
def test_what_is_of_no_consequence_changes_no_diagnosis_for_long(
    tmp_path: Path, slices: list[list[bytes]]
) -> None:
    _has_its_consequences(slices, tmp_path)


def test_a_job_that_goes_well_is_of_no_consequence(tmp_path: Path) -> None:
    lines = Lines()
    slices = [[lines.scope("Run", RUN), lines.scope("StageExecution", STAGE)]]
    slices += [[lines.scope("BatchExecution", BATCH), lines.metric(SAMPLE, "correct", 1.0)]]
    slices += [[lines.metric(STAGE, "loss", 0.5), lines.scope("BatchExecution", BATCH, "completed")]]
    assert _has_its_consequences(slices, tmp_path) == 2


def test_failures_are_of_consequence_and_go_the_quick_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    slices = [[lines.metric(SAMPLE, "loss", 0.5), lines.scope("BatchExecution", BATCH)]]
    slices += [[lines.metric(SAMPLE, "correct", 0.0), lines.event(SAMPLE, "boom", "m", level="error")]]
    slices += [[lines.event(STAGE, "boom", "m", level="error")]]
    slices += [[lines.scope("BatchExecution", BATCH, "failed")]]
    slices += [[lines.scope("BatchExecution", BATCH, "completed")]]
    expected = _taken(slices, tmp_path)
    _holds(slices, tmp_path)
    monkeypatch.setattr(indexing, "take", lambda *_: pytest.fail("the general way was taken"))
    assert _taken(slices, tmp_path) == expected
    assert _has_its_consequences(slices, tmp_path) == 1


def test_plain_records_go_the_quick_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    slices = [[lines.metric(RUN, "loss", 0.5), lines.span(STAGE)]]
    slices += [[lines.metric(SAMPLE, "score", number)] for number in range(3)]
    slices += [[lines.metric(OTHER_SAMPLE, "score", 1.0), lines.event(BATCH, "note", "m")]]
    slices += [
        [lines.scope("BatchExecution", BATCH), lines.scope("Run", RUN, started_at="2026-01-01T00:00:00Z")]
    ]
    slices += [[lines.scope("BatchExecution", BATCH, "completed", {"contexta.scope": {"display_name": "B"}})]]
    expected = _taken(slices, tmp_path)

    def general(*_: object) -> None:
        raise AssertionError("the general way was taken")

    monkeypatch.setattr(indexing, "take", general)
    assert _taken(slices, tmp_path) == expected
    assert len(expected["records"]) == 7


def test_the_first_microsecond_of_the_epoch_is_a_time_like_others(tmp_path: Path) -> None:
    lines = Lines()
    zero = re.sub(
        rb'"observed_at":"[^"]*"', b'"observed_at":"1970-01-01T00:00:00Z"', lines.metric(RUN, "a", 1)
    )
    _holds([[zero, lines.metric(RUN, "a", 2)]], tmp_path)


def test_what_was_not_committed_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()

    def fail(*_: object) -> None:
        raise OSError("no space")

    with Growing(tmp_path) as growing:
        growing.take(lines.metric(RUN, "loss", 1.0))
        growing.append(lines.metric(SAMPLE, "score", 1.0))
        with monkeypatch.context() as patch:
            patch.setattr(ahead, "save", fail)
            with pytest.raises(OSError, match="no space"):
                growing.indexer.step(hinted=True)
        growing.take()
        found = catalog_tables.exactly(growing.catalog)
    assert found == catalog_tables.exactly(catalog_tables.fresh(tmp_path / ".contexta"))


def test_rows_that_live_lines_change_are_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    asked = _ROWS[0]
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        reader = CatalogReader(growing.catalog)
        reader.rows(*asked)
        for line in (lines.metric(BATCH, "loss", 0.5), lines.metric(f"{SAMPLE}-2", "correct", 0.0)):
            growing.take(line)
            expected = CatalogReader(growing.catalog).rows(*asked)
            with monkeypatch.context() as patch:
                patch.setattr(tree, "rows", lambda *_: pytest.fail("the catalog was asked"))
                assert reader.rows(*asked) == expected
    assert [row.records for row in expected.nodes.values()] == [3, 3, 3]
    assert expected.nodes[1].failed_below == 1
