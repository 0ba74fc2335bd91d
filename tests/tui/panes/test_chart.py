"""Values become dots: nothing is lost, nothing trembles, nothing crashes."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.query.results import SeriesPoint
from contexta_tui.glyphs import ASCII, UNICODE
from contexta_tui.viewmodels.chart import Ink, Piece, Plot, plot, sparkline
from contexta_tui.viewmodels.scale import Scale, scale_for
from tests.tui.panes.stage import points

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def text_of(row: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in row)


def drawing(drawn: Plot) -> list[str]:
    return [text_of(row).rstrip() for row in drawn.rows]


def dots(drawn: Plot) -> set[tuple[int, int]]:
    """All dots of a plot as column and row from the top."""
    bits = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
    return {
        (2 * x + dx, 4 * y + dy)
        for y, row in enumerate(drawn.rows)
        for x, cell in enumerate(text_of(row))
        for dx in (0, 1)
        for dy in range(4)
        if cell != " " and (ord(cell) - 0x2800) & bits[dx][dy]
    }


@given(
    st.lists(st.one_of(st.none(), FINITE), max_size=60), st.integers(1, 40), st.integers(1, 12), st.booleans()
)
def test_any_values_fill_exactly_their_place(
    values: list[float | None], width: int, height: int, ascii_only: bool
) -> None:
    drawn = plot(points(tuple(values)), width, height, ascii_only=ascii_only)
    assert len(drawn.rows) == len(drawn.labels) == height
    assert {len(text_of(row)) for row in drawn.rows} == {width}
    assert len(text_of(drawn.axis)) == width
    if ascii_only:
        assert all(text_of(row).isascii() for row in (*drawn.rows, drawn.axis))


@given(st.lists(FINITE, min_size=1, max_size=80), st.integers(2, 30), st.integers(1, 8))
def test_a_line_has_no_holes(values: list[float], width: int, height: int) -> None:
    columns = {x for x, _ in dots(plot(points(tuple(values)), width, height))}
    assert columns == set(range(min(columns), max(columns) + 1))


def test_a_falling_line_falls() -> None:
    drawn = plot(points((4.0, 3.0, 2.0, 1.0, 0.0)), 10, 3)
    assert drawing(drawn) == ["⠑⠢⢄⡀", "   ⠈⠑⠢⣀", "       ⠑⠢⢄"]
    assert drawn.labels == ("4", "", "0")


def test_one_record_among_a_million_is_still_a_spike() -> None:
    calm = SeriesPoint(0, 1000, 1.0, 1.0, 1.0, None)
    buckets = [SeriesPoint(index * 1000, 1000, 1.0, 1.0, 1.0, None) for index in range(40)]
    buckets[20] = SeriesPoint(20_000, 1000, 1.009, 1.0, 10.0, None)
    drawn = plot(tuple(buckets), 20, 4)
    top = min(y for _, y in dots(drawn))
    assert top == 0
    assert any(piece.ink is Ink.BAND for piece in drawn.rows[0])
    assert not any(piece.ink is Ink.BAND for row in plot((calm,), 20, 4).rows for piece in row)


def test_right_and_wrong_answers_are_a_line_of_means_and_no_block() -> None:
    buckets = tuple(SeriesPoint(index * 10, 10, 0.8, 0.0, 1.0, None) for index in range(48))
    drawn = plot(buckets, 24, 5)
    assert not any(piece.ink is Ink.BAND for row in drawn.rows for piece in row)
    assert len({y for _, y in dots(drawn)}) == 1
    every_other = points(tuple(float(index % 2) for index in range(48)))
    assert len({y for _, y in dots(plot(every_other, 24, 5))}) == 1


def test_a_few_wrong_answers_are_seen_each() -> None:
    values = tuple(0.0 if index in (9, 21) else 1.0 for index in range(48))
    assert len({x for x, y in dots(plot(points(values), 24, 5)) if y == 19}) == 2


def test_values_that_are_not_finite_leave_a_gap_and_a_mark() -> None:
    drawn = plot(points((1.0, 2.0, 1.0, None, None, None, 2.0, 1.0, 2.0)), 18, 3)
    columns = {x for x, _ in dots(drawn)}
    assert not columns & set(range(12, 24))
    gaps = [piece for piece in drawn.axis if piece.ink is Ink.GAP]
    assert gaps
    assert {character for piece in gaps for character in piece.text} == {"×"}
    assert text_of(drawn.axis).endswith(" 9")


def test_gaps_under_the_number_of_records_colour_it() -> None:
    drawn = plot(points((1.0, 1.0, None)), 8, 2)
    assert drawn.axis[-1] == Piece("3", Ink.GAP)


def test_a_single_value_is_large_enough_to_be_seen() -> None:
    assert len(dots(plot(points((0.3,)), 10, 3))) == 4
    assert len(dots(plot(points((None, 0.3, None)), 10, 3))) == 4


def test_a_constant_is_a_flat_line_in_the_middle() -> None:
    drawn = plot(points((5.0,) * 9), 10, 4)
    assert {y for _, y in dots(drawn)} == {7}
    assert [label for label in drawn.labels if label] == ["5"]
    assert drawn.labels.index("5") == 1


def test_nothing_to_draw_is_an_empty_frame() -> None:
    drawn = plot((), 10, 2)
    assert drawing(drawn) == ["", ""]
    assert drawn.scale is None
    assert drawing(plot(points((None, None)), 10, 2)) == ["", ""]


@pytest.mark.parametrize(
    "values", [(1.7e308, -1.7e308), (5e-324, 0.0), (1e6 + 0.1, 1e6 + 0.2), (-1e-300, 1e300)]
)
def test_huge_and_tiny_values(values: tuple[float, float]) -> None:
    drawn = plot(points(values), 12, 4)
    ys = {y for _, y in dots(drawn)}
    assert max(ys) - min(ys) > 6
    labels = [label for label in drawn.labels if label]
    assert len(set(labels)) == len(labels) >= 2
    assert all(len(label) <= 10 for label in labels)


@given(FINITE, FINITE)
def test_a_scale_holds_its_data(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    scale = scale_for(low, high)
    slack = 1e-8 * max(abs(low), abs(high))
    assert scale.low < scale.high
    assert scale.low <= low + slack
    assert scale.high >= high - slack
    assert 0 <= scale.place(low) <= scale.place(high) <= 1
    assert list(scale.ticks) == sorted(set(scale.ticks))
    assert all(math.isfinite(tick) for tick in scale.ticks)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.618, 1.472, ["0.5", "1.0", "1.5"]),
        (-0.1, 0.9, ["-0.5", "0", "0.5", "1.0"]),
        (0, 80, ["0", "20", "40", "60", "80"]),
        (0.1, 0.3, ["0.10", "0.15", "0.20", "0.25", "0.30"]),
        (99, 101, ["99.0", "99.5", "100.0", "100.5", "101.0"]),
        (2e9, 9e9, ["2e+09", "4e+09", "6e+09", "8e+09", "1e+10"]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, labels: list[str]) -> None:
    scale = scale_for(low, high)
    assert [scale.label(tick) for tick in scale.ticks] == labels


def test_a_scale_is_kept_while_the_data_fits_and_fills_it() -> None:
    scale = scale_for(0.0, 1.0)
    assert scale_for(0.1, 0.7, scale) is scale
    assert scale_for(0.0, 1.1, scale) is not scale
    assert scale_for(0.45, 0.55, scale) != scale
    assert scale_for(3.0, 3.0, scale).ticks == (3.0,)


def test_a_streaming_series_rarely_changes_its_scale() -> None:
    values = [1.4 * math.exp(-step / 30) + 0.6 + 0.03 * math.sin(step) for step in range(300)]
    scale: Scale | None = None
    scales: list[Scale] = []
    for stop in range(2, len(values)):
        scale = scale_for(min(values[:stop]), max(values[:stop]), scale)
        scales.append(scale)
    assert sum(one != other for one, other in itertools.pairwise(scales)) <= 10


def test_sparklines() -> None:
    assert sparkline((1, 2, None, 8), 10, UNICODE.trend) == "▁▂ █"
    assert sparkline((3, 3, 3), 10, UNICODE.trend) == "▄▄▄"
    assert sparkline((None, None), 10, UNICODE.trend) == "  "
    assert sparkline((), 10, UNICODE.trend) == ""
    assert sparkline((0, 0, 4, 4), 2, UNICODE.trend) == "▁█"
    assert sparkline((0, 7), 4, ASCII.trend) == "_#"
    assert sparkline((-1.7e308, 1.7e308), 4, UNICODE.trend) == "▁█"
