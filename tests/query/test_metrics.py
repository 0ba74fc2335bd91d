"""Metrics under a node: a row a key, and a series in a bounded number of points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta.catalog.catalog import Catalog
from contexta.catalog.ingest import Part, take
from contexta.query import metrics
from contexta.reader import CatalogReader
from tests.catalogs import finder, reader_of
from tests.lines import BATCH, RUN, STAGE, Lines


def _of(values: list[float]) -> CatalogReader:
    lines = Lines()
    return reader_of(b"".join(lines.metric(RUN, "loss", value) for value in values))


def test_a_summary_leaves_out_what_is_not_finite_but_counts_it() -> None:
    reader = _of([1.0, math.nan, 3.0, math.inf, 2.0, -math.inf])
    (summary,) = reader.metrics(finder(reader)(RUN).id)
    assert (summary.last, summary.minimum, summary.maximum, summary.mean) == (2.0, 1.0, 3.0, 2.0)
    assert (summary.count, summary.non_finite) == (6, 3)


def test_a_key_without_any_finite_value_is_there() -> None:
    reader = _of([math.nan])
    (summary,) = reader.metrics(finder(reader)(RUN).id)
    assert (summary.last, summary.mean, summary.count, summary.trend) == (None, None, 1, (None,))


def test_metrics_are_those_at_or_under_the_node_by_key() -> None:
    lines = Lines()
    reader = reader_of(
        lines.metric(BATCH, "loss", 1, unit="nats")
        + lines.metric(STAGE, "accuracy", 2)
        + lines.metric(RUN, "z", 3)
    )
    find = finder(reader)
    assert [summary.key for summary in reader.metrics(find(RUN).id)] == ["accuracy", "loss", "z"]
    assert [summary.key for summary in reader.metrics(find(STAGE).id)] == ["accuracy", "loss"]
    (summary,) = reader.metrics(find(BATCH).id)
    assert (summary.key, summary.unit) == ("loss", "nats")


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1.5, -2.0, math.nan]), min_size=1, max_size=60),
    st.integers(0, 80),
)
def test_a_series_covers_every_value_once_in_order(values: list[float], buckets: int) -> None:
    reader = _of(values)
    series = reader.series(finder(reader)(RUN).id, ("loss",), buckets)[0]
    assert series.count == len(values)
    assert len(series.points) <= max(1, buckets)
    assert [point.first for point in series.points] == [
        sum(point.count for point in series.points[:index]) for index in range(len(series.points))
    ]
    assert sum(point.count for point in series.points) == len(values)
    for point in series.points:
        finite = [value for value in values[point.first : point.first + point.count] if math.isfinite(value)]
        assert point.minimum == (min(finite) if finite else None)
        assert point.maximum == (max(finite) if finite else None)
        assert point.mean == (pytest.approx(sum(finite) / len(finite)) if finite else None)
    reader.close()


def test_a_gap_stays_a_gap() -> None:
    reader = _of([1.0, math.nan, 2.0])
    points = reader.series(finder(reader)(RUN).id, ("loss",), 10)[0].points
    assert [point.mean for point in points] == [1.0, None, 2.0]
    (summary,) = reader.metrics(finder(reader)(RUN).id)
    assert summary.trend[0] == 1.0
    assert summary.trend[-1] == 2.0
    assert None in summary.trend


def test_a_trend_has_at_most_32_points_of_the_same_mean_throughout() -> None:
    reader = _of([float(number) for number in range(1_000)])
    (summary,) = reader.metrics(finder(reader)(RUN).id)
    assert len(summary.trend) == 32
    assert list(summary.trend) == sorted(value for value in summary.trend if value is not None)


def test_values_at_the_edge_of_what_a_double_holds() -> None:
    reader = _of([1e308, 1e308, -1e308])
    (summary,) = reader.metrics(finder(reader)(RUN).id)
    assert (summary.minimum, summary.maximum, summary.count) == (-1e308, 1e308, 3)
    reader.series(finder(reader)(RUN).id, ("loss",), 1)


def test_an_unknown_key_has_no_points() -> None:
    reader = _of([1.0])
    for key in ("nothing", "", "' or 1=1"):
        assert reader.series(finder(reader)(RUN).id, (key,), 10)[0].points == ()


def test_series_of_several_keys_are_those_of_each_in_the_order_asked_for() -> None:
    lines = Lines()
    reader = reader_of(
        b"".join(
            lines.metric(RUN, key, float(number), unit=unit)
            for number in range(20)
            for key, unit in (("loss", "nats"), ("rate", None))[: 1 + number % 2]
        )
    )
    run = finder(reader)(RUN).id
    for buckets in (1, 4, 100):
        together = reader.series(run, ("rate", "nothing", "loss"), buckets)
        assert together == tuple(
            reader.series(run, (key,), buckets)[0] for key in ("rate", "nothing", "loss")
        )
        assert [(series.key, series.unit, series.count) for series in together] == [
            ("rate", None, 10),
            ("nothing", None, 0),
            ("loss", "nats", 20),
        ]


_Value = tuple[str, float, str | None]
_VALUES = st.tuples(
    st.sampled_from(["loss", "rate", "rare"]),
    st.sampled_from([0.0, 1.5, -2.25, math.nan, math.inf]),
    st.sampled_from([None, "nats", "s"]),
)


def _record(catalog: Catalog, lines: Lines, values: Sequence[_Value]) -> None:
    data = b"".join(lines.metric(RUN, key, value, unit=unit) for key, value, unit in values)
    with catalog.transaction() as connection:
        take(connection, [Part(1, 0, data)], "capture", 0)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(_VALUES, max_size=25), min_size=1, max_size=4), st.integers(1, 30))
def test_what_is_kept_of_a_growing_run_is_what_reading_it_anew_answers(
    slices: list[list[_Value]], buckets: int
) -> None:
    # Small ones, so that a few values are many.
    few = {"_TREND_CHUNKS": 4, "TREND_POINTS": 3, "_CHART_CHUNKS": 16, "_ONE_BY_ONE": 12}
    lines = Lines()
    catalog = Catalog.in_memory(())
    kept = CatalogReader(catalog)
    keys = ("loss", "rare", "nothing", "rate")
    with patch.multiple(metrics, **few):
        for number, values in enumerate(slices):
            _record(catalog, lines, [("loss", 1.0, None), *values])
            run = finder(kept)(RUN).id
            anew = CatalogReader(catalog)
            assert kept.metrics(run) == anew.metrics(run)
            # Not each time: a chart that is asked for late is read from the beginning.
            if number % 2:
                assert kept.series(run, keys, buckets) == anew.series(run, keys, buckets)
        assert kept.series(run, keys, buckets) == CatalogReader(catalog).series(run, keys, buckets)
    catalog.close()


def test_what_was_kept_of_a_catalog_is_not_of_its_next_filling() -> None:
    lines = Lines()
    catalog = Catalog.in_memory(())
    reader = CatalogReader(catalog)
    _record(catalog, lines, [("loss", 1.0, None), ("loss", 2.0, None)])
    run = finder(reader)(RUN).id
    assert reader.metrics(run)[0].maximum == 2.0
    catalog.clear()
    _record(catalog, lines, [("loss", 5.0, None), ("loss", 4.0, None), ("loss", 3.0, None)])
    assert finder(reader)(RUN).id == run
    (summary,) = reader.metrics(run)
    assert (summary.minimum, summary.maximum, summary.count) == (3.0, 5.0, 3)


def test_no_more_nodes_are_kept_than_somebody_goes_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_MOST_NODES", 2)
    lines = Lines()
    reader = reader_of(b"".join(lines.metric(f"{STAGE}{number}", "loss", number) for number in range(4)))
    stages = [finder(reader)(f"{STAGE}{number}").id for number in range(4)]
    for _ in range(2):
        assert [reader.metrics(stage)[0].last for stage in stages] == [0.0, 1.0, 2.0, 3.0]


def test_a_question_that_is_late_leaves_nothing_out_of_the_next_answer() -> None:
    lines = Lines()
    catalog = Catalog.in_memory(())
    reader = CatalogReader(catalog)
    _record(catalog, lines, [("loss", 1.0, None), ("loss", 2.0, None)])
    run = finder(reader)(RUN).id
    known = metrics.Metrics()
    late, prompt = catalog.cursor(), catalog.cursor()
    late.execute("begin transaction read only")
    assert late.execute("select count(*) from records").fetchone() == (2,)
    _record(catalog, lines, [("loss", 3.0, None)])
    assert known.summaries(prompt, run)[0].count == 3
    assert known.series(late, run, ("loss",), 10)[0].count == 2
    _record(catalog, lines, [("loss", 4.0, None)])
    (series,) = known.series(prompt, run, ("loss",), 10)
    assert [point.mean for point in series.points] == [1.0, 2.0, 3.0, 4.0]
    for cursor in (late, prompt):
        cursor.close()
    catalog.close()
