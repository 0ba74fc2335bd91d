"""Captured facts count only when they are asked for, and then say what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta import ConfigurationError, Contexta
from tests.query import ledgers

RUN = "run:my-proj.run-01"


@pytest.fixture
def both(ctx: Contexta, tmp_path: Path) -> Contexta:
    """The same run stored and captured: one batch only in each, one stage in both."""
    ledgers.fill_like_the_source_document(ctx)
    ledgers.append_metric(ctx, "stored", "stage:my-proj.run-01.train", "loss", 0.5)
    with (
        ctx.run("run-01", tags={"team": "vision"}, dataset_ref="iris") as run,
        run.stage("train") as stage,
        stage.batch("Epoch 9") as batch,
    ):
        batch.metric("loss", 0.25)
        with batch.sample("wrong") as sample:
            sample.metric("correct", 0.0)
    model = tmp_path / "model.bin"
    model.write_bytes(b"weights")
    with ctx.run("captured-only") as run:
        run.register_artifact("model", model, artifact_ref="artifact:my-proj.captured-only.model")
    with ctx.deployment("canary", run_ref=run.ref) as deployment:
        deployment.event("checkpoint.selected", message="m")
    return ctx


def test_by_default_nothing_captured_is_told(both: Contexta) -> None:
    assert [run.run_id for run in both.list_runs()] == [RUN]
    assert [batch.name for batch in both.list_batches(RUN)] == ["epoch-0", "epoch-1"]
    assert both.list_artifacts() == ()
    assert [deployment.name for deployment in both.list_deployments()] == ["model-v1"]
    snapshot = both.get_run_snapshot(RUN)
    everything = (
        snapshot.run,
        *snapshot.stages,
        *snapshot.batches,
        *snapshot.samples,
        *snapshot.deployments,
        *snapshot.records,
    )
    assert {item.origin for item in everything} == {("stored",)}
    assert [record.value for record in both.list_records(RUN)] == [0.5]


def test_asked_for_it_is_told_and_labelled(both: Contexta) -> None:
    batches = both.list_batches(RUN, include_captured=True)
    assert {batch.name: batch.origin for batch in batches} == {
        "epoch-0": ("stored",),
        "epoch-1": ("stored",),
        "epoch-9": ("captured",),
    }
    train = next(stage for stage in both.list_stages(RUN, include_captured=True) if stage.name == "train")
    assert train.origin == ("captured", "stored")
    records = both.list_records(RUN, key="loss", include_captured=True)
    assert {record.value: record.origin for record in records} == {0.5: ("stored",), 0.25: ("captured",)}
    (wrong,) = [sample for sample in both.list_samples(RUN, include_captured=True) if sample.name == "wrong"]
    assert (wrong.failed, wrong.note, wrong.status, wrong.origin) == (
        True,
        "correct 0",
        "completed",
        ("captured",),
    )
    (artifact,) = both.list_artifacts(include_captured=True)
    assert (artifact.origin, artifact.size_bytes) == (("captured",), 7)


def test_one_call_does_not_change_the_next(both: Contexta) -> None:
    assert len(both.list_runs(include_captured=True)) == 2
    assert len(both.list_runs()) == 1
    assert len(both.list_runs(include_captured=True)) == 2


def test_a_facade_may_be_told_for_all_calls(both: Contexta) -> None:
    with Contexta(workspace=both.workspace, source="all") as ctx:
        assert len(ctx.list_runs()) == 2
        assert len(ctx.list_runs(include_captured=False)) == 1
        run = ctx.repository.get_run(RUN)
        assert (dict(run.tags), run.metadata["dataset_ref"]) == ({"team": "vision"}, "iris")
        assert ctx.list_runs(tags={"team": "vision"}) == (run,)
        assert ctx.list_runs(tags={"team": "sound"}) == ()
        origin = ctx.get_artifact_origin("artifact:my-proj.captured-only.model")
        assert origin is not None
        assert origin.run.run_id == "run:my-proj.captured-only"
        (deployment,) = ctx.list_deployments(run_id="captured-only")
        assert (deployment.name, deployment.origin) == ("canary", ("captured",))


def test_what_was_just_captured_is_seen(ctx: Contexta) -> None:
    with ctx.run("live") as run:
        for number in range(1, 4):
            run.metric("loss", number)
            assert len(ctx.list_records(run.ref, include_captured=True)) == number
        assert ctx.repository.get_run(run.ref, include_captured=True).status == "open"
    assert ctx.repository.get_run("live", include_captured=True).status == "completed"


def test_a_run_known_from_records_only_has_no_invented_status(ctx: Contexta) -> None:
    ledgers.append_metric(ctx, "m", "sample:my-proj.run-07.evaluate.holdout.one", "correct", 0.0)
    snapshot = ctx.get_run_snapshot("run-07")
    assert {item.status for item in (snapshot.run, *snapshot.stages, *snapshot.batches)} == {"unknown"}
    assert snapshot.run.started_at is None
    assert snapshot.samples[0].observed_at == "2025-01-01T00:03:00Z"
    codes = [issue.code for issue in ctx.diagnose_run("run-07").issues]
    assert codes == ["missing_expected_stage", "failed_sample"]


def test_another_source_is_refused(tmp_path: Path) -> None:
    ctx = Contexta(workspace=tmp_path, source="some")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="canonical or all"):
        ctx.list_runs()
