"""What the detail pane shows, without a screen."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contexta.query.results import NodeKind, Status
from contexta_tui.viewmodels import detail
from contexta_tui.viewmodels.detail_layout import chart_places, lay_out
from tests.tui.fake_queries import FakeQueries, metric, reason


def workspace() -> tuple[FakeQueries, dict[str, int]]:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "digits")
    run = fake.add(NodeKind.RUN, "tiny-cnn", project)
    stage = fake.add(NodeKind.STAGE, "evaluate", run)
    batch = fake.add(NodeKind.BATCH, "holdout", stage, status=Status.FAILED)
    sample = fake.add(NodeKind.SAMPLE, "q-4", batch, status=Status.FAILED)
    return fake, {"run": run, "stage": stage, "batch": batch, "sample": sample}


def load(fake: FakeQueries, node_id: int, **changes: object) -> detail.DetailView:
    arguments: dict[str, object] = {"width": 60, "buckets": 100, **changes}
    return detail.load(fake, fake.node(node_id), **arguments)  # type: ignore[arg-type]


def test_nothing_selected_is_said_in_a_sentence() -> None:
    assert detail.load(FakeQueries(), None, width=60, buckets=10).sentence == "Nothing is selected."


def test_reasons_are_asked_for_only_where_something_failed() -> None:
    fake, ids = workspace()
    fake.add(NodeKind.BATCH, "fine", ids["stage"])
    load(fake, fake.tree[ids["stage"]].children[NodeKind.BATCH][1])
    assert fake.calls["reasons"] == 0
    load(fake, ids["run"])
    assert fake.calls["reasons"] == 1


def test_places_are_relative_to_the_node() -> None:
    fake, ids = workspace()
    evidence = (
        reason(ids["sample"], "answer.wrong", node_path=("evaluate", "holdout", "q-4")),
        reason(ids["batch"], "RuntimeError: boom", node_path=("evaluate", "holdout"), stacktrace="Traceback"),
    )
    for name in ("run", "stage", "batch", "sample"):
        fake.reasons_by_node[ids[name]] = evidence
    assert [line.place for line in load(fake, ids["run"]).reasons] == [
        ("evaluate", "holdout", "q-4"),
        ("evaluate", "holdout"),
    ]
    assert [line.place for line in load(fake, ids["stage"]).reasons] == [("holdout", "q-4"), ("holdout",)]
    assert [line.place for line in load(fake, ids["batch"]).reasons] == [("q-4",), ()]
    view = load(fake, ids["batch"])
    assert view.path == ("evaluate", "holdout")
    assert view.trace == "Traceback"
    assert load(fake, ids["run"]).path == ("tiny-cnn",)


def test_only_the_series_that_are_charted_are_asked_for() -> None:
    fake, ids = workspace()
    rows = [metric(f"key-{index:02}", (1.0, 2.0)) for index in range(40)]
    fake.metrics_by_node[ids["run"]] = tuple(summary for summary, _ in rows)
    for summary, series in rows:
        fake.series_by_node[ids["run"], summary.key] = series
    view = load(fake, ids["run"], selected="key-05", charts=4)
    assert [series.key for series in view.series] == ["key-04", "key-05", "key-06", "key-07"]
    assert view.selected == "key-05"
    assert load(fake, ids["run"], selected="gone", charts=4).selected == "key-00"
    assert len(view.metrics) == 40


def test_a_node_without_metrics_says_so() -> None:
    fake, ids = workspace()
    view = load(fake, ids["sample"])
    assert view.sentence == "No metrics recorded here."
    assert view.selected is None


@pytest.mark.parametrize("width", [10, 38, 60, 120, 200])
@pytest.mark.parametrize("height", [1, 4, 10, 20, 40, 80])
@pytest.mark.parametrize("reasons", [0, 1, 7, 50])
@pytest.mark.parametrize("keys", [0, 1, 3, 30])
def test_every_layout_shows_the_reason_first_and_at_least_one_chart(
    width: int, height: int, reasons: int, keys: int
) -> None:
    layout = lay_out(
        width, height, reasons=reasons, first=min(1, reasons), trace=9 * reasons, keys=keys, charted=keys
    )
    assert (layout.reasons >= 1) == (reasons >= 1)
    assert (layout.places >= 1) == (keys >= 1)
    columns, rows = chart_places(width, height)
    assert layout.columns <= columns
    assert layout.chart_rows <= rows
    assert layout.columns <= max(1, keys)
    if height >= 20 and keys:
        top = layout.reasons + max(0, layout.first_reason - 1) + layout.trace
        assert top + layout.chart_rows * layout.chart_height <= height


def test_a_key_with_one_value_gets_no_chart() -> None:
    fake, ids = workspace()
    rows = [metric("a", (1.0,)), metric("b", (1.0, 2.0)), metric("c", (3.0, 3.0)), metric("d", (1.0, 1.0))]
    rows[2] = (replace(rows[2][0], non_finite=1), rows[2][1])
    fake.metrics_by_node[ids["run"]] = tuple(summary for summary, _ in rows)
    for summary, series in rows:
        fake.series_by_node[ids["run"], summary.key] = series
    view = load(fake, ids["run"])
    assert [series.key for series in view.series] == ["b", "d"]
    assert view.selected == "b"
    assert load(fake, ids["run"], selected="a").selected == "a"
    layout = lay_out(60, 30, reasons=0, first=0, trace=0, keys=3, charted=0)
    assert (layout.places, layout.chart_height) == (0, 0)


def test_pages_of_keys_do_not_overlap() -> None:
    assert detail.page_of(("a", "b", "c", "d", "e"), "d", 2) == ("c", "d")
    assert detail.page_of(("a", "b"), None, 6) == ("a", "b")
    assert detail.page_of((), "x", 6) == ()


def test_a_pane_without_a_size_yet_gets_the_buckets_that_it_asked_for() -> None:
    fake, ids = workspace()
    summary, series = metric("loss", tuple(float(step) for step in range(50)))
    fake.metrics_by_node[ids["run"]] = (summary,)
    fake.series_by_node[ids["run"], "loss"] = series
    assert load(fake, ids["run"], width=0, buckets=16).buckets == 16
    assert load(fake, ids["run"], width=5, buckets=100).buckets == 10
