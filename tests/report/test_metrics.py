"""The section `Metrics`: levels kept apart, values that are not finite, charts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.query.views import RunSnapshot
from contexta.report import Chart, Table, metrics
from contexta.report.metrics import buckets, stats
from tests.report.example import Recorder, batch, demo, quiet, stage


def recorded(recorder: Recorder, **rest: object) -> RunSnapshot:
    return replace(quiet(), records=tuple(recorder.records), **rest)  # type: ignore[arg-type]


def tables(snapshot: RunSnapshot) -> dict[str, Table]:
    return {block.title: block for block in metrics.section(snapshot).blocks if isinstance(block, Table)}


def charts(snapshot: RunSnapshot) -> list[Chart]:
    return [block for block in metrics.section(snapshot).blocks if isinstance(block, Chart)]


def test_values_of_a_stage_its_batches_and_its_samples_are_kept_apart() -> None:
    recorder = Recorder()
    for scope, value in (("", 1), ("train", 2), ("train.e1", 3), ("train.e2", 5), ("train.e1.s1", 7)):
        recorder.metric(scope, "loss", value)
    recorder.metric("deployment:p.canary", "loss", 9)
    found = tables(recorded(recorder, stages=(stage("train"),)))
    assert [(title, table.rows) for title, table in found.items()] == [
        ("Of the run itself", (("loss", 1, 1, 1, 1, 1),)),
        ("Of stages themselves", (("train", "loss", 2, 2, 2, 2, 1),)),
        ("Over the batches of a stage", (("train", "loss", 5, 3, 5, 4, 2),)),
        ("Over the samples of a stage", (("train", "loss", 7, 7, 7, 7, 1),)),
        ("Of deployments", (("canary", "loss", 9, 9, 9, 9, 1),)),
    ]


def test_the_body_says_the_same_in_words() -> None:
    recorder = Recorder()
    recorder.metric("train.e1", "loss", 0.5)
    recorder.metric("train.e1", "loss", math.nan)
    recorder.metric("", "cost", 3, "USD")
    assert metrics.section(recorded(recorder)).body.split("\n") == [
        "run: cost: last=3, min=3, max=3, mean=3, n=1, unit=USD",
        "batches of train: loss: last=0.5, min=0.5, max=0.5, mean=0.5, n=2, not_finite=1",
    ]


def test_a_key_without_any_finite_value_has_no_numbers() -> None:
    assert stats([None, None]) == metrics.Stats(None, None, None, None, 2, 2)


def test_the_last_values_batch_by_batch_show_where_it_turned() -> None:
    found = tables(demo())["Batches of train, last values"]
    assert found.columns == ("batch", "status", "loss", "throughput")
    assert [row[0] for row in found.rows] == ["epoch-1", "epoch-2", "epoch-3"]
    assert found.rows[0][2] == pytest.approx(2 / 7)


def test_only_the_last_batches_are_listed() -> None:
    recorder = Recorder()
    batches = []
    for index in range(60):
        recorder.metric(f"train.e{index}", "loss", index)
        batches.append(batch("train", f"e{index}", order=index))
    found = tables(recorded(recorder, stages=(stage("train"),), batches=tuple(batches)))
    table = found["Batches of train, last values"]
    assert (table.rows[0][0], table.rows[-1][0], table.left_out) == ("e10", "e59", 10)


def test_a_chart_needs_two_values_and_samples_have_none() -> None:
    recorder = Recorder()
    recorder.metric("", "once", 1)
    for value in range(3):
        recorder.metric("train.e1", "loss", value)
        recorder.metric("train.e1.s1", "correct", 1)
    (chart,) = charts(recorded(recorder))
    assert (chart.title, chart.subtitle) == ("loss", "batches of train")
    assert chart.lines[0].count == 3


def test_not_finite_values_are_gaps_that_are_marked() -> None:
    (loss, _) = charts(demo())
    (line,) = loss.lines
    assert line.non_finite == (5,)
    assert line.points[5].mean is None
    assert line.last == pytest.approx(2 / 15)


def test_two_runs_share_a_chart() -> None:
    left, right = metrics.collect(demo()), metrics.collect(demo())
    chart = metrics.charts((("a", left), ("b", right)))[0]
    assert [line.label for line in chart.lines] == ["a", "b"]


def test_a_side_without_the_metric_keeps_its_place() -> None:
    chart, _ = metrics.charts((("a", ()), ("b", metrics.collect(demo()))))
    assert [(line.label, line.count) for line in chart.lines] == [("a", 0), ("b", 12)]


def test_a_million_values_become_few_points() -> None:
    values = [float(index % 100) for index in range(1_000_000)]
    points = buckets(values, 240)
    assert len(points) <= 240
    assert sum(point.count for point in points) == 1_000_000
    assert (points[0].minimum, points[0].maximum) == (0, 99)


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=60), st.integers(1, 9))
def test_points_cover_all_values_and_keep_their_extremes(values: list[float | None], most: int) -> None:
    points = buckets(values, most)
    assert len(points) <= most
    assert sum(point.count for point in points) == len(values)
    finite = [value for value in values if value is not None]
    assert max((point.maximum for point in points if point.maximum is not None), default=None) == max(
        finite, default=None
    )
    assert all(point.mean is None or math.isfinite(point.mean) for point in points)
