from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.style import Style

from contexta.query.results import ChildGroup, NodeKind, NodeRow, Status
from contexta_tui.glyphs import ASCII, UNICODE
from contexta_tui.viewmodels.tree import TreeRow
from contexta_tui.widgets.tree_rows import Columns, child_count, draw_row, elapsed, short_number
from tests.tui.fake_queries import NOW, SECOND, FakeQueries

INKS: defaultdict[str, Style] = defaultdict(Style)


def node(name: str = "tiny-cnn", kind: NodeKind = NodeKind.RUN, **changes: object) -> NodeRow:
    fake = FakeQueries()
    row = fake.nodes((fake.add(kind, name),))[1]
    return replace(row, **changes)  # type: ignore[arg-type]


def drawn(row: TreeRow, width: int = 48, now: int = NOW, columns: Columns | None = None) -> str:
    columns = Columns.needed([row], now) if columns is None else columns
    return draw_row(row, width, columns, INKS, UNICODE, now=now).text


def test_a_row_says_who_how_many_how_long_and_how_bad() -> None:
    row = node(
        status=Status.OPEN,
        started_at=NOW - 723 * SECOND,
        ended_at=None,
        children=(ChildGroup(NodeKind.STAGE, 2),),
        failed_below=2,
    )
    assert drawn(TreeRow(row, 0, True)) == "▾ ● tiny-cnn               2 stages  12m 03s  ✖2"


def test_columns_stand_at_the_same_cells_in_every_row() -> None:
    full = node(children=(ChildGroup(NodeKind.BATCH, 40),), failed_below=3)
    rows = [
        TreeRow(full, 0, True),
        TreeRow(replace(full, name="a very long name of a stage, longer than there is room"), 3, False),
        TreeRow(replace(full, name="한국어로 된 긴 이름입니다 정말로 아주 긴 이름"), 1, False),
        TreeRow(replace(full, name="\x1b[31m[/red]"), 2, None),
    ]
    columns = Columns.needed(rows, NOW)
    ends = {_tail(drawn(row, columns=columns)) for row in rows}
    assert len(ends) == 1
    assert all(cell_len(drawn(row, columns=columns)) == 48 for row in rows)


def _tail(text: str) -> str:
    return text[text.index("40 batches") :]


def test_a_failed_sample_says_why() -> None:
    row = node("q-4", NodeKind.SAMPLE, status=Status.UNKNOWN, failed=True, note="correct 0")
    assert "✖ q-4" in drawn(TreeRow(row, 0, None))
    assert "correct 0" in drawn(TreeRow(row, 0, None))


def test_without_children_the_name_gets_their_cells() -> None:
    name = "feature-engineering-and-more"
    assert name in drawn(TreeRow(node(name), 0, None), columns=Columns(info=12, time=9))


def test_columns_take_what_their_values_need_and_the_name_has_the_rest() -> None:
    plain, failing = node(), node(failed_below=2, children=(ChildGroup(NodeKind.BATCH, 40),))
    assert Columns.needed([], NOW) == Columns()
    few, more = (Columns.needed([TreeRow(row, 0, None)], NOW) for row in (plain, failing))
    assert (few.info, few.failures) == (0, 0)
    assert (more.info, more.failures) == (len("40 batches") + 2, len("✖2") + 2)
    assert few.grown(more) == more == more.grown(few)


@pytest.mark.parametrize("width", range(1, 80))
def test_the_name_has_its_share_of_any_width(width: int) -> None:
    assert width - Columns(14, 9, 6).within(width).total >= width * 2 / 5


def test_a_row_that_is_not_there_yet_is_a_gap() -> None:
    assert drawn(TreeRow(None, 1, None)).strip() == "· · ·"


def test_a_project_has_no_status_to_show() -> None:
    assert drawn(TreeRow(node("p", NodeKind.PROJECT, status=Status.UNKNOWN), 0, None)).startswith("  p")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"status": Status.OPEN, "started_at": NOW - 3 * SECOND, "ended_at": None}, "3s"),
        ({"status": Status.OPEN, "started_at": NOW + SECOND, "ended_at": None}, "0s"),
        ({"status": Status.OPEN, "started_at": NOW - 3600 * SECOND, "ended_at": None}, "1h 00m"),
        ({"started_at": NOW - 12_400_000}, "12.4s"),
        ({"started_at": None, "ended_at": None, "first_at": NOW - 400, "last_at": NOW}, "0.4ms"),
        ({"started_at": None, "ended_at": None, "first_at": NOW, "last_at": NOW}, ""),
        ({"started_at": None, "ended_at": None, "first_at": None, "last_at": None}, ""),
    ],
)
def test_how_long(changes: dict[str, object], text: str) -> None:
    assert elapsed(node(**changes), NOW) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "count", "text"),
    [
        (NodeKind.BATCH, 1, "1 batch"),
        (NodeKind.BATCH, 40, "40 batches"),
        (NodeKind.SAMPLE, 48_210, "48k samples"),
        (NodeKind.BATCH, 1_000_000, "1M batches"),
        (NodeKind.OPERATION, 2, "2 ops"),
    ],
)
def test_children_are_counted_in_words(kind: NodeKind, count: int, text: str) -> None:
    assert child_count(node(children=(ChildGroup(kind, count),))) == text


@given(st.integers(0, 10**12))
def test_a_short_number_is_short(number: int) -> None:
    assert len(short_number(number)) <= 5


@given(
    st.text(max_size=60),
    st.integers(1, 140),
    st.integers(0, 12),
    st.sampled_from([None, True, False]),
    st.booleans(),
)
def test_any_name_fits_any_width(
    name: str, width: int, depth: int, expanded: bool | None, failed: bool
) -> None:
    row = node(failed=failed, failed_below=5, children=(ChildGroup(NodeKind.BATCH, 3),))
    strip = draw_row(
        TreeRow(replace(row, name=name), depth, expanded), width, Columns(12, 9, 4), INKS, ASCII, now=NOW
    )
    assert strip.adjust_cell_length(width).cell_length == width
    assert "\x1b" not in strip.text
    assert "\n" not in strip.text
