"""Which runs are listed and in which order; series and trends; the issues that are ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contexta import Contexta, InterpretationError, ValidationError
from contexta.contract import EnvironmentSnapshot
from contexta.query.run_filter import MetricCondition, RunListQuery
from tests.query import ledgers

TRAIN = "stage:my-proj.b.train"


@pytest.fixture(autouse=True)
def _filled(ctx: Contexta) -> None:
    ledgers.put_project(ctx)
    for name, start, status in (
        ("c", "01:00", "failed"),
        ("a", "02:00", "completed"),
        ("b", "03:00", "open"),
    ):
        ledgers.put_run(ctx, f"my-proj.{name}", start=start, status=status)
    ledgers.put_stage(ctx, "my-proj.b.train")


def names(ctx: Contexta, **options: object) -> list[str]:
    return [run.name for run in ctx.list_runs(**options)]  # type: ignore[arg-type]


def test_runs_come_by_start_whatever_else_is_asked(ctx: Contexta) -> None:
    assert names(ctx) == ["c", "a", "b"]
    assert names(ctx, limit=2) == ["c", "a"]
    assert names(ctx, limit=2, offset=1) == ["a", "b"]
    assert names(ctx, project_name="my-proj", limit=10) == ["c", "a", "b"]


def test_another_order_can_be_had(ctx: Contexta) -> None:
    assert names(ctx, sort_desc=True) == ["b", "a", "c"]
    assert names(ctx, sort_by="name") == ["a", "b", "c"]
    assert names(ctx, sort_by="ended_at") == ["a", "c", "b"], "an open run has no end"
    assert names(ctx, sort_by="ended_at", sort_desc=True) == ["c", "a", "b"]


def test_status_and_time(ctx: Contexta) -> None:
    assert names(ctx, status="failed") == ["c"]
    assert names(ctx, time_range=("2025-01-01T00:02:00Z", None)) == ["a", "b"]
    until = datetime(2025, 1, 1, 0, 2, tzinfo=UTC)
    assert names(ctx, time_range=(None, until)) == ["c", "a"]


def test_conditions_on_metrics(ctx: Contexta) -> None:
    ledgers.append_metric(ctx, "m1", "run:my-proj.a", "score", 0.5)
    ledgers.append_metric(ctx, "m2", TRAIN, "score", 0.75)
    assert names(ctx, metric_conditions=[MetricCondition("score", ">=", 0.5)]) == ["a", "b"]
    assert names(ctx, metric_conditions=[MetricCondition("score", "gt", 0.5)]) == ["b"]
    assert names(ctx, metric_conditions=[MetricCondition("score", "gt", 0.0, stage_name="train")]) == ["b"]


def test_a_query_says_it_all(ctx: Contexta) -> None:
    query = RunListQuery(project_name="my-proj", sort_by="name", sort_desc=True, limit=1)
    assert [run.name for run in ctx.list_runs(query=query)] == ["c"]


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0},
        {"offset": -1},
        {"sort_by": "status"},
        {"status": "done"},
        {"metric_conditions": [MetricCondition("score", "about", 1.0)]},
    ],
)
def test_what_cannot_be_listed(ctx: Contexta, options: dict[str, object]) -> None:
    with pytest.raises(InterpretationError) as caught:
        names(ctx, **options)
    assert caught.value.code == "query_invalid_filter"


def test_a_bound_that_is_no_time(ctx: Contexta) -> None:
    with pytest.raises(ValidationError) as caught:
        names(ctx, time_range=("yesterday", None))
    assert caught.value.code == "context_invalid_timestamp"


def test_deployments_by_start(ctx: Contexta) -> None:
    ledgers.put_deployment(ctx, "my-proj.later", run="my-proj.a", start="09:30")
    ledgers.put_deployment(ctx, "my-proj.sooner", start="09:00")
    assert [found.name for found in ctx.list_deployments()] == ["sooner", "later"]
    assert [found.name for found in ctx.list_deployments("my-proj", "a")] == ["later"]


def test_a_series_in_a_run(ctx: Contexta) -> None:
    ledgers.put_batch(ctx, "my-proj.b.train.epoch-0")
    ledgers.append_metric(ctx, "m1", TRAIN, "loss", 2.0, minute="03:02")
    ledgers.append_metric(ctx, "m2", "batch:my-proj.b.train.epoch-0", "loss", 4.0, minute="03:01")
    ledgers.append_metric(ctx, "m3", "run:my-proj.b", "loss", None, value_type="nan", minute="03:03")
    series = ctx.get_step_series("b", "loss")
    assert [(point.step, point.value) for point in series.points] == [(0, 4.0), (1, 2.0), (2, None)]
    assert (series.unit, series.points[0].batch_id) == ("ratio", "batch:my-proj.b.train.epoch-0")
    of_stage = ctx.get_step_series("b", "loss", stage_name="train")
    assert (of_stage.stage_id, len(of_stage.points)) == (TRAIN, 2)
    assert ctx.get_step_series("b", "loss", stage_id=TRAIN) == of_stage
    assert ctx.get_step_series("b", "unheard").points == ()


def test_a_trend_from_run_to_run(ctx: Contexta) -> None:
    for run, value in (("c", 1.0), ("b", 3.0)):
        ledgers.append_metric(ctx, "m", f"run:my-proj.{run}", "score", value)
    trend = ctx.get_metric_trend("score", project_name="my-proj")
    assert [(point.run_name, point.value) for point in trend.points] == [("c", 1.0), ("b", 3.0)]


def test_environments(ctx: Contexta) -> None:
    ctx.metadata_store.environments.put_environment_snapshot(
        EnvironmentSnapshot(
            environment_snapshot_ref="environment:my-proj.b.first",
            run_ref="run:my-proj.b",
            captured_at=ledgers.at("03:00"),
            python_version="3.14.0",
            platform="linux",
            packages={"torch": "2.9"},
        )
    )
    (found,) = ctx.get_run_snapshot("b").environments
    assert (found.python_version, dict(found.packages)) == ("3.14.0", {"torch": "2.9"})
    assert ctx.repository.list_environments("b") == (found,)


def test_our_issues_follow_those_of_public_contexta(ctx: Contexta) -> None:
    ledgers.append_gap(ctx, "gap", TRAIN, "gap.lost_rows")
    ledgers.put_batch(ctx, "my-proj.b.train.epoch-0", status="failed")
    for number in range(12):
        ledgers.append_event(
            ctx,
            f"e-{number}",
            "batch:my-proj.b.train.epoch-0",
            "cuda.oom",
            level="error",
            minute=f"03:{number:02}",
        )
    ledgers.append_metric(ctx, "nan", TRAIN, "loss", None, value_type="nan")
    ledgers.put_sample(ctx, "my-proj.b.train.epoch-0.q-4")
    ledgers.append_metric(ctx, "q", "sample:my-proj.b.train.epoch-0.q-4", "correct", 0.0)
    result = ctx.diagnose_run("b")
    assert [(issue.severity, issue.code) for issue in result.issues] == [
        ("warning", "degraded_record"),
        ("error", "failed_batch"),
        ("info", "missing_expected_stage"),
        ("info", "missing_expected_stage"),
        ("warning", "failed_sample"),
        ("warning", "error_event"),
        ("warning", "non_finite_metric"),
    ]
    degraded, batch, *_, sample, event, metric = result.issues
    assert degraded.subject_ref == "record:my-proj.b.gap"
    assert degraded.summary == "degraded record detected for gap.lost_rows"
    assert degraded.details == {
        "record_type": "degraded",
        "degradation_marker": "capture_gap",
        "stage_id": TRAIN,
    }
    assert batch.evidence_links[0].ref == "batch:my-proj.b.train.epoch-0"
    assert batch.evidence_links[1].kind == "record"
    assert len(batch.evidence_links) == 11
    assert sample.summary == "sample q-4 failed: correct 0"
    assert event.summary == "error event cuda.oom ×12"
    assert metric.summary == "metric loss is nan"


def test_failed_runs_and_stages_are_told(ctx: Contexta) -> None:
    ledgers.put_stage(ctx, "my-proj.c.evaluate", status="failed")
    ledgers.put_stage(ctx, "my-proj.c.package", status="open")
    shown = [(issue.severity, issue.code, issue.summary) for issue in ctx.diagnose_run("c").issues]
    assert shown == [
        ("warning", "incomplete_stage", "stage evaluate is not completed"),
        ("warning", "incomplete_stage", "stage package is not completed"),
        ("error", "failed_run", "run c failed"),
        ("error", "failed_stage", "stage evaluate failed"),
    ]


def test_diagnoses_can_be_told_what_to_look_for(ctx: Contexta) -> None:
    ledgers.append_gap(ctx, "gap", TRAIN, "gap.lost_rows")
    settings = {
        "interpretation": {
            "diagnostics": {
                "require_metrics_for_completed_stages": False,
                "detect_degraded_records": False,
                "expected_terminal_stage_names": ["train", "ship"],
            }
        }
    }
    with Contexta(workspace=ctx.workspace, config=settings) as told:
        assert [issue.summary for issue in told.diagnose_run("b").issues] == [
            "expected terminal stage ship is missing"
        ]


def test_a_project_and_its_deployments_without_a_run(ctx: Contexta) -> None:
    ledgers.put_deployment(ctx, "my-proj.alone", status="failed")
    ledgers.put_deployment(ctx, "my-proj.lost", status="failed", run="my-proj.gone")
    ledgers.put_deployment(ctx, "my-proj.linked", status="failed", run="my-proj.a")
    found = ctx.diagnose_project("my-proj")
    assert [issue.subject_ref for issue in found.issues] == [
        "deployment:my-proj.alone",
        "deployment:my-proj.lost",
    ]
    assert {issue.code for issue in found.issues} == {"failed_deployment"}
    assert [run.run_id for run in found.runs] == ["run:my-proj.c", "run:my-proj.a", "run:my-proj.b"]
    assert "failed_deployment" in [issue.code for issue in found.runs[1].issues]
