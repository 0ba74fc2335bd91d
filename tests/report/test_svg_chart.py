"""Charts: ticks are round, gaps stay gaps, and no float is too large or too small."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.report.blocks import Chart, Line
from contexta.report.metrics import Values
from contexta.report.svg_chart import HEIGHT, WIDTH, draw, ticks

SVG = "{http://www.w3.org/2000/svg}"


def chart(*values: float | None, label: str = "") -> Chart:
    return Chart("loss", "batches of train", "nats", (line(*values, label=label),))


def line(*values: float | None, label: str = "") -> Line:
    return Values("batch", "train", "loss", values=list(values)).line(label)


def drawn(found: Chart) -> ET.Element:
    return ET.fromstring(draw(found, "c"))  # noqa: S314 - we drew it


def places(svg: ET.Element) -> list[tuple[float, float]]:
    found = [
        tuple(map(float, place.split(",")))
        for shape in (*svg.iter(f"{SVG}polyline"), *svg.iter(f"{SVG}polygon"))
        for place in shape.attrib["points"].split()
    ]
    found += [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in svg.iter(f"{SVG}circle")]
    return [(x, y) for x, y in found]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 0.25, 0.5, 0.75, 1)),
        (0.07, 2.3, (1, 2)),
        (0, 20, (0, 5, 10, 15, 20)),
        (-1, 1, (-1, -0.5, 0, 0.5, 1)),
        (1801, 1803, (1801, 1801.5, 1802, 1802.5, 1803)),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_a_gap_ends_the_line_and_is_marked() -> None:
    svg = drawn(chart(1, 2, None, 3, 4))
    assert len(list(svg.iter(f"{SVG}polyline"))) == 2
    (cross,) = svg.iter(f"{SVG}path")
    assert cross.attrib["class"] == "bad"


def test_a_lonely_value_is_a_dot() -> None:
    svg = drawn(chart(*(None if index % 2 else 1.0 for index in range(40))))
    assert not list(svg.iter(f"{SVG}polyline"))
    assert len(list(svg.iter(f"{SVG}circle"))) == 20


def test_nothing_finite_is_said_in_words() -> None:
    svg = drawn(chart(None, None))
    assert "nothing finite" in "".join(svg.itertext())


def test_it_is_described_for_those_who_cannot_see_it() -> None:
    svg = drawn(chart(1, None, 0.5))
    assert svg.attrib["role"] == "img"
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert svg.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert title.text == "loss – batches of train"
    assert description.text == "3 values from 0.5 to 1, last 0.5 nats, 1 not finite."


def test_many_values_are_a_band_around_a_line() -> None:
    svg = drawn(chart(*(math.sin(index) for index in range(5_000))))
    (band,) = svg.iter(f"{SVG}polygon")
    assert band.attrib["class"] == "band-1"
    assert len(draw(chart(*range(100_000)), "c")) < 20_000


def test_two_runs_have_lines_of_their_own() -> None:
    both = Chart("loss", "", None, (line(1, 2, label="a"), line(2, 1, 0, label="b")))
    looks = [each.attrib["class"] for each in drawn(both).iter(f"{SVG}polyline")]
    assert looks == ["line-1", "line-2"]


def test_lines_beyond_the_fourth_are_left_out() -> None:
    many = Chart("loss", "", None, tuple(line(1, 2) for _ in range(9)))
    assert len(list(drawn(many).iter(f"{SVG}polyline"))) == 4


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_any_floats_are_drawn_inside_the_frame(values: list[float | None]) -> None:
    svg = drawn(chart(*values))
    for x, y in places(svg):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    for text in svg.iter(f"{SVG}text"):
        assert "inf" not in (text.text or "").replace("finite", "")
        assert "nan" not in (text.text or "")


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_ticks_are_few_and_inside(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    if low < high:
        found = ticks(low, high)
        assert 1 <= len(found) <= 6
        slack = (high - low) * 1e-9
        assert all(low - slack <= tick <= high + slack for tick in found)


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 5e-324, 0.0, -0.0, 1e16, 12345])
def test_a_flat_line_is_in_the_middle_of_something(value: float) -> None:
    assert all(0 < y < HEIGHT for _, y in places(drawn(chart(value, value))))
