"""Two runs, and several, side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta import ConfigurationError, Contexta
from contexta.errors import ComparisonError
from contexta.query.findings import ArtifactChange, MetricDelta
from tests.query import ledgers

LEFT, RIGHT = "my-proj.left", "my-proj.right"


@pytest.fixture(autouse=True)
def _filled(ctx: Contexta) -> None:
    ledgers.put_project(ctx)
    for run in (LEFT, RIGHT):
        ledgers.put_run(ctx, run)
        ledgers.put_stage(ctx, f"{run}.evaluate")
        ledgers.put_batch(ctx, f"{run}.evaluate.holdout")
        ledgers.put_sample(ctx, f"{run}.evaluate.holdout.q-1")


def numbers(delta: MetricDelta) -> tuple[str, float | None, float | None, float | None, float | None]:
    return (delta.metric_key, delta.left_value, delta.right_value, delta.delta, delta.change_ratio)


def test_metrics_of_a_stage(ctx: Contexta) -> None:
    for run, loss in ((LEFT, 2.0), (RIGHT, 0.5)):
        ledgers.append_metric(ctx, "loss", f"stage:{run}.evaluate", "loss", loss)
        ledgers.append_metric(ctx, "same", f"stage:{run}.evaluate", "same", 1.0)
    ledgers.append_metric(ctx, "only", f"stage:{RIGHT}.evaluate", "only", 7.0)
    ledgers.append_metric(ctx, "from-zero", f"stage:{LEFT}.evaluate", "zero", 0.0)
    ledgers.append_metric(ctx, "to-one", f"stage:{RIGHT}.evaluate", "zero", 1.0)
    comparison = ctx.compare_runs("left", "right")
    (stage,) = comparison.stage_comparisons
    assert [numbers(delta) for delta in stage.metric_deltas] == [
        ("loss", 2.0, 0.5, -1.5, 0.25),
        ("only", None, 7.0, None, None),
        ("zero", 0.0, 1.0, 1.0, None),
    ]
    assert comparison.summary == (
        f"Compared run:{LEFT} and run:{RIGHT}: 1 stage rows, 3 metric deltas, 0 artifact changes."
    )
    assert [note.summary for note in stage.completeness_notes] == ["sparse_metric_capture:evaluate:only"]
    assert "sparse_metric_capture:evaluate:only" in [note.summary for note in comparison.completeness_notes]


def test_the_latest_value_by_instant_counts(ctx: Contexta) -> None:
    for number, minute in enumerate(["03:00.500000", "03:00"]):
        ledgers.append_metric(ctx, f"m-{number}", f"stage:{LEFT}.evaluate", "loss", number, minute=minute)
    ledgers.append_metric(ctx, "m", f"stage:{RIGHT}.evaluate", "loss", 4.0)
    (delta,) = ctx.compare_runs("left", "right").stage_comparisons[0].metric_deltas
    assert delta.left_value == 0.0


def test_a_sample_never_passes_for_its_stage(ctx: Contexta) -> None:
    for run, value in ((LEFT, 0.5), (RIGHT, 0.75)):
        ledgers.append_metric(ctx, "s", f"stage:{run}.evaluate", "accuracy", value, minute="03:00")
        ledgers.append_metric(
            ctx, "b", f"batch:{run}.evaluate.holdout", "accuracy", 2 * value, minute="03:01"
        )
        sample = f"sample:{run}.evaluate.holdout.q-1"
        ledgers.append_metric(ctx, "q", sample, "accuracy", 4 * value, minute="03:02")
    (stage,) = ctx.compare_runs("left", "right").stage_comparisons
    (batch,) = stage.batch_comparisons
    (sample_,) = stage.sample_comparisons
    assert numbers(stage.metric_deltas[0])[:3] == ("accuracy", 0.5, 0.75)
    assert (batch.batch_name, numbers(batch.metric_deltas[0])[:3]) == ("holdout", ("accuracy", 1.0, 1.5))
    assert (sample_.batch_name, sample_.sample_name) == ("holdout", "q-1")
    assert numbers(sample_.metric_deltas[0])[:3] == ("accuracy", 2.0, 3.0)


def test_where_only_batches_were_measured_they_stand_for_the_stage(ctx: Contexta) -> None:
    for run, value in ((LEFT, 0.5), (RIGHT, 0.75)):
        ledgers.append_metric(ctx, "b", f"batch:{run}.evaluate.holdout", "accuracy", value)
    assert ctx.compare_runs("left", "right").stage_comparisons[0].metric_deltas[0].delta == 0.25


def test_metrics_of_the_run_stand_apart_from_those_of_its_stages(ctx: Contexta) -> None:
    for run, value in ((LEFT, 1.0), (RIGHT, 2.0)):
        ledgers.append_metric(ctx, "r", f"run:{run}", "score", value)
        ledgers.append_metric(ctx, "s", f"stage:{run}.evaluate", "score", 10 * value)
    ledgers.put_stage(ctx, f"{RIGHT}.package")
    comparison = ctx.compare_runs("left", "right")
    assert [numbers(delta)[:3] for delta in comparison.run_metric_deltas] == [("score", 1.0, 2.0)]
    evaluate, package = comparison.stage_comparisons
    assert [numbers(delta)[:3] for delta in evaluate.metric_deltas] == [("score", 10.0, 20.0)]
    assert (package.left_stage_id, package.metric_deltas) == (None, ())
    assert [note.summary for note in package.completeness_notes] == ["missing_stage:package"]
    assert "2 stage rows, 2 metric deltas" in comparison.summary


def test_batches_and_samples_are_matched_by_name(ctx: Contexta) -> None:
    ledgers.put_batch(ctx, f"{LEFT}.evaluate.only-here", status="failed")
    ledgers.put_sample(ctx, f"{LEFT}.evaluate.q-1")
    (stage,) = ctx.compare_runs("left", "right").stage_comparisons
    assert [batch.batch_name for batch in stage.batch_comparisons] == ["holdout"]
    assert [(sample.batch_name, sample.sample_name) for sample in stage.sample_comparisons] == [
        ("holdout", "q-1")
    ]


@pytest.mark.parametrize(
    ("left", "right", "change", "detail"),
    [
        ([], [("a", "1" * 64)], "added", None),
        ([("a", "1" * 64)], [], "removed", None),
        ([("a", "1" * 64)], [("a", "2" * 64)], "changed", "hash_changed"),
        ([("a", "1" * 64)], [("b", "1" * 64)], "changed", "location_changed"),
        ([("a", "1" * 64)], [("b", "2" * 64)], "changed", "both_changed"),
        ([("a", None)], [("b", None)], "changed", "location_changed"),
        ([("a", "1" * 64), ("b", "1" * 64)], [("a", "1" * 64)], "ambiguous", "left=2, right=1"),
    ],
)
def test_artifacts(
    ctx: Contexta,
    left: list[tuple[str, str | None]],
    right: list[tuple[str, str | None]],
    change: str,
    detail: str | None,
) -> None:
    (found,) = compare_artifacts(ctx, left, right)
    assert (found.artifact_kind, found.change, found.change_detail) == ("model", change, detail)


def test_artifacts_that_are_alike(ctx: Contexta) -> None:
    assert compare_artifacts(ctx, [("a", "1" * 64)], [("a", "1" * 64)]) == ()


def compare_artifacts(
    ctx: Contexta, left: list[tuple[str, str | None]], right: list[tuple[str, str | None]]
) -> tuple[ArtifactChange, ...]:
    """Compares runs with artifacts of one kind, each a location and a hash, written as bindings."""
    folder = Path(ctx.workspace) / "artifacts" / "bindings"
    folder.mkdir(parents=True)
    for run, artifacts in ((LEFT, left), (RIGHT, right)):
        for number, (location, hash_value) in enumerate(artifacts):
            text = ledgers.binding(f"{run}.model-{number}", location=location, hash_value=hash_value)
            (folder / f"{run}-{number}.binding.json").write_text(text, encoding="utf-8")
    return ctx.compare_runs("left", "right").artifact_changes


def test_notes_say_which_side_they_are_of(ctx: Contexta) -> None:
    ledgers.append_metric(ctx, "m", f"stage:{LEFT}.evaluate", "loss", 1.0)
    notes = [note.summary for note in ctx.compare_runs("left", "right").completeness_notes]
    assert "left:artifact_list_empty" in notes
    assert "right:record_scope_empty" in notes
    assert "left:record_scope_empty" not in notes


@pytest.mark.parametrize(("selection", "value"), [("latest", 2.0), ("max", 3.0), ("min", 1.0), ("mean", 2.0)])
def test_which_value_counts_can_be_chosen(ctx: Contexta, selection: str, value: float) -> None:
    for number, each in enumerate([3.0, 1.0, 2.0]):
        scope = f"stage:{LEFT}.evaluate"
        ledgers.append_metric(ctx, f"m-{number}", scope, "loss", each, minute=f"03:0{number}")
    settings = {"interpretation": {"comparison": {"metric_selection": selection}}}
    with Contexta(workspace=ctx.workspace, config=settings) as told:
        (delta,) = told.compare_runs("left", "right").stage_comparisons[0].metric_deltas
    assert delta.left_value == value


def test_unchanged_metrics_can_be_had(ctx: Contexta) -> None:
    for run in (LEFT, RIGHT):
        ledgers.append_metric(ctx, "m", f"run:{run}", "loss", 1.0)
    settings = {"interpretation": {"comparison": {"include_unchanged_metrics": True}}}
    with Contexta(workspace=ctx.workspace, config=settings) as told:
        assert told.compare_runs("left", "right").run_metric_deltas[0].delta == 0.0
    assert ctx.compare_runs("left", "right").run_metric_deltas == ()


def test_a_setting_that_cannot_be_used(ctx: Contexta) -> None:
    settings = {"interpretation": {"comparison": {"metric_selection": "best"}}}
    told = Contexta(workspace=ctx.workspace, config=settings)
    with pytest.raises(ConfigurationError, match=r"interpretation\.comparison\.metric_selection"):
        told.list_runs()


def test_several_runs_with_metrics_of_runs_and_of_stages(ctx: Contexta) -> None:
    ledgers.put_run(ctx, "my-proj.third")
    for run, loss in ((LEFT, 2.0), (RIGHT, 0.5)):
        ledgers.append_metric(ctx, "r", f"run:{run}", "loss", loss)
        ledgers.append_metric(ctx, "s", f"stage:{run}.evaluate", "loss", 10 * loss)
    comparison = ctx.compare_multiple_runs(["left", "right", "third", "left"])
    assert comparison.run_ids == (f"run:{LEFT}", f"run:{RIGHT}", "run:my-proj.third")
    of_runs, of_stage = comparison.metric_rows
    assert (of_runs.stage_name, of_stage.stage_name) == (None, "evaluate")
    assert dict(of_runs.values) == {f"run:{LEFT}": 2.0, f"run:{RIGHT}": 0.5, "run:my-proj.third": None}
    assert of_runs.best_run_id == f"run:{LEFT}"
    lower = ctx.compare_multiple_runs(["left", "right"], higher_is_better={"loss": False})
    assert {row.best_run_id for row in lower.metric_rows} == {f"run:{RIGHT}"}


def test_the_best_run(ctx: Contexta) -> None:
    for run, loss in ((LEFT, 2.0), (RIGHT, 0.5)):
        ledgers.append_metric(ctx, "s", f"stage:{run}.evaluate", "loss", loss)
    runs = ["left", "right"]
    assert ctx.select_best_run(runs, "loss") == f"run:{LEFT}"
    assert ctx.select_best_run(runs, "loss", higher_is_better=False) == f"run:{RIGHT}"
    assert ctx.select_best_run(runs, "loss", stage_name="evaluate", higher_is_better=False) == f"run:{RIGHT}"
    assert ctx.select_best_run(runs, "loss", stage_name="train") is None
    assert ctx.select_best_run(runs, "accuracy") is None


@pytest.mark.parametrize("runs", [[], ["left"], ["left", f"run:{LEFT}"]])
def test_one_run_is_no_comparison(ctx: Contexta, runs: list[str]) -> None:
    with pytest.raises(ComparisonError) as caught:
        ctx.compare_multiple_runs(runs)
    assert caught.value.code == "compare_requires_multiple_runs"
    with pytest.raises(ComparisonError):
        ctx.select_best_run(runs, "loss")
