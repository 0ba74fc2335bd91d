"""Numbers and times, at the edges where they change their unit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta_tui.viewmodels import format as fmt

S = 1_000_000
NOON = 1_795_435_200 * S  # 2026-11-23 12:00:00 UTC


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (None, "-"),
        (0, "0.0ms"),
        (400, "0.4ms"),
        (9_949, "9.9ms"),
        (9_950, "10ms"),
        (99_499, "99ms"),
        (99_500, "0.1s"),
        (12_400_000, "12.4s"),
        (59_949_999, "59.9s"),
        (59_950_000, "1m 00s"),
        (723 * S, "12m 03s"),
        (3599 * S + 600_000, "1h 00m"),
        (7_500 * S, "2h 05m"),
        (76 * 3600 * S, "3d 04h"),
        (-2 * S, "-2.0s"),
    ],
)
def test_durations(microseconds: int | None, text: str) -> None:
    assert fmt.duration(microseconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-3, "0.0 s ago"),
        (0.2, "0.2 s ago"),
        (9.96, "9 s ago"),
        (59.9, "59 s ago"),
        (180, "3 min ago"),
        (7300, "2 h ago"),
        (500_000, "5 d ago"),
    ],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert fmt.age(seconds) == text


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2_900, "2.9 kB"),
        (31_000_000, "31 MB"),
        (999_600, "1.0 MB"),
        (1_200_000_000, "1.2 GB"),
        (5_000_000_000_000_000, "5,000 TB"),
    ],
)
def test_sizes(bytes_: int | None, text: str) -> None:
    assert fmt.size(bytes_) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.618, "0.618"),
        (1.47234, "1.472"),
        (12.5, "12.5"),
        (80.0, "80"),
        (123.456, "123.5"),
        (1234.5, "1234.5"),
        (12_345.0, "12,345"),
        (1_234_567.8, "1,234,568"),
        (0.00012, "0.00012"),
        (0.000012, "1.2e-05"),
        (1e-300, "1e-300"),
        (-3.4e12, "-3.4e+12"),
        (1e10, "1e+10"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert fmt.number(value) == text


@given(st.floats(-1.7e308, 1.7e308))
def test_a_number_is_short_and_close(value: float) -> None:
    text = fmt.number(value)
    assert len(text) <= 10
    assert math.isclose(float(text.replace(",", "")), value, rel_tol=6e-3)


def test_times_are_utc_and_carry_a_date_when_it_is_another_day() -> None:
    assert fmt.clock(None) == "-"
    assert fmt.clock(NOON, today=NOON + 60 * S) == "12:00:00"
    assert fmt.clock(NOON + 164_999, milliseconds=True) == "12:00:00.164"
    assert fmt.clock(NOON, today=NOON + 86_400 * S) == "11-23 12:00:00"
    assert fmt.clock(NOON, today=NOON + 86_400 * 365 * S) == "2026-11-23 12:00:00"
    assert fmt.clock(10**18) == "?"


def test_counts_and_rates() -> None:
    assert fmt.count(1204) == "1,204"
    assert fmt.count(None) == "-"
    assert fmt.plural(1, "batch") == "1 batch"
    assert fmt.plural(40, "batch") == "40 batches"
    assert fmt.plural(1204, "sample") == "1,204 samples"
    assert fmt.rate(None) == "-"
    assert fmt.rate(0) == "0 rec/s"
    assert fmt.rate(0.5) == "0.5 rec/s"
    assert fmt.rate(1204.4) == "1,204 rec/s"
