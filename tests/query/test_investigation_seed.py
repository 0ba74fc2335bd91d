"""Every example of the source document that asks, word for word where it prints."""

from __future__ import annotations

import pytest

from contexta import Contexta
from contexta.contract import BatchExecution, DeploymentExecution, SampleObservation
from tests.query import ledgers


@pytest.fixture(autouse=True)
def _filled(ctx: Contexta) -> None:
    ledgers.fill_like_the_source_document(ctx)


def test_batches_of_a_stage(ctx: Contexta, capsys: pytest.CaptureFixture[str]) -> None:
    batch = BatchExecution(
        batch_execution_ref="batch:my-proj.run-01.train.epoch-0",
        run_ref="run:my-proj.run-01",
        stage_execution_ref="stage:my-proj.run-01.train",
        batch_name="epoch-0",
        status="completed",
        started_at="2025-01-01T00:01:00Z",
        ended_at="2025-01-01T00:02:00Z",
        order_index=0,
    )
    ctx.metadata_store.batches.put_batch_execution(batch)

    batches = ctx.list_batches(
        "run:my-proj.run-01",
        stage_id="stage:my-proj.run-01.train",
    )
    for found in batches:
        print(found.name, found.status, found.started_at)

    assert capsys.readouterr().out.splitlines() == [
        "epoch-0 completed 2025-01-01T00:01:00Z",
        "epoch-1 failed 2025-01-01T00:02:00Z",
    ]


def test_samples_of_a_batch(ctx: Contexta, capsys: pytest.CaptureFixture[str]) -> None:
    ledgers.put_batch(ctx, "my-proj.run-01.evaluate.holdout-split")
    sample = SampleObservation(
        sample_observation_ref="sample:my-proj.run-01.evaluate.holdout-split.s-0001",
        run_ref="run:my-proj.run-01",
        stage_execution_ref="stage:my-proj.run-01.evaluate",
        batch_execution_ref="batch:my-proj.run-01.evaluate.holdout-split",
        sample_name="s-0001",
        observed_at="2025-01-01T00:03:30Z",
    )
    ctx.metadata_store.samples.put_sample_observation(sample)

    samples = ctx.list_samples(
        "run:my-proj.run-01",
        batch_id="batch:my-proj.run-01.evaluate.holdout-split",
    )
    for found in samples:
        print(found.name, found.observed_at, found.redaction_profile)

    assert capsys.readouterr().out == "s-0001 2025-01-01T00:03:30Z None\n"
    of_stage, of_batch = ctx.list_samples("run:my-proj.run-01", stage_id="evaluate")
    assert (of_stage.redaction_profile, of_stage.retention_class) == ("pii-masked", "review")
    assert (of_stage.batch_id, of_batch.batch_id) == (None, "batch:my-proj.run-01.evaluate.holdout-split")


def test_deployments_of_a_project(ctx: Contexta, capsys: pytest.CaptureFixture[str]) -> None:
    deployment = DeploymentExecution(
        deployment_execution_ref="deployment:my-proj.model-v1",
        project_ref="project:my-proj",
        deployment_name="model-v1",
        status="completed",
        started_at="2025-01-01T00:09:00Z",
        ended_at="2025-01-01T00:10:00Z",
        run_ref="run:my-proj.run-01",
        artifact_ref="artifact:my-proj.run-01.model",
    )
    ctx.metadata_store.deployments.put_deployment_execution(deployment)

    deployments = ctx.list_deployments("my-proj")
    for found in deployments:
        print(found.name, found.status, found.run_id)

    assert capsys.readouterr().out == "model-v1 completed run:my-proj.run-01\n"


def test_a_deployment_leads_to_the_snapshot_of_its_run(ctx: Contexta) -> None:
    (deployment,) = ctx.list_deployments("my-proj")
    assert deployment.run_id is not None
    assert ctx.get_run_snapshot(deployment.run_id).deployments == (deployment,)
    assert ctx.compare_runs(deployment.run_id, deployment.run_id).left_run_id == deployment.run_id


def test_counts_of_a_snapshot(ctx: Contexta, capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = ctx.get_run_snapshot("run:my-proj.run-01")

    print(f"Batches: {len(snapshot.batches)}")
    print(f"Samples: {len(snapshot.samples)}")
    print(f"Deployments: {len(snapshot.deployments)}")

    assert capsys.readouterr().out == "Batches: 2\nSamples: 1\nDeployments: 1\n"


def test_the_three_codes_of_a_diagnosis(ctx: Contexta) -> None:
    ledgers.put_batch(ctx, "my-proj.run-01.train.epoch-2", status="cancelled")
    ledgers.put_batch(ctx, "my-proj.run-01.train.epoch-3", status="open")
    ledgers.put_deployment(ctx, "my-proj.model-v2", status="failed", run="my-proj.run-01")
    issues = ctx.diagnose_run("run:my-proj.run-01").issues
    shown = [(issue.severity, issue.code, issue.subject_ref, issue.summary) for issue in issues]
    assert shown == [
        (
            "info",
            "missing_stage_metrics",
            "stage:my-proj.run-01.train",
            "completed stage train has no metric records",
        ),
        (
            "info",
            "missing_stage_metrics",
            "stage:my-proj.run-01.evaluate",
            "completed stage evaluate has no metric records",
        ),
        ("error", "failed_batch", "batch:my-proj.run-01.train.epoch-1", "batch epoch-1 failed"),
        (
            "warning",
            "incomplete_batch",
            "batch:my-proj.run-01.train.epoch-2",
            "batch epoch-2 ended with status cancelled",
        ),
        ("error", "failed_deployment", "deployment:my-proj.model-v2", "deployment model-v2 failed"),
        (
            "info",
            "missing_expected_stage",
            "run:my-proj.run-01",
            "expected terminal stage package is missing",
        ),
    ]
    failed = next(issue for issue in issues if issue.code == "failed_batch")
    assert failed.details == {
        "batch_id": "batch:my-proj.run-01.train.epoch-1",
        "stage_id": "stage:my-proj.run-01.train",
        "run_id": "run:my-proj.run-01",
    }


def test_what_was_just_put_is_seen(ctx: Contexta) -> None:
    for number in range(2, 6):
        ledgers.put_batch(ctx, f"my-proj.run-01.train.epoch-{number}", order=number)
        names = [batch.name for batch in ctx.list_batches("run-01", "train")]
        assert names == [f"epoch-{index}" for index in range(number + 1)]


def test_what_was_just_appended_is_seen(ctx: Contexta) -> None:
    for number in range(1, 4):
        ledgers.append_metric(ctx, f"m-{number}", "stage:my-proj.run-01.train", "loss", number / 2)
        assert len(ctx.list_records("run-01", record_type="metric")) == number


def test_asking_inside_a_transaction_does_not_break_it(ctx: Contexta) -> None:
    assert len(ctx.list_batches("run-01")) == 2
    with ctx.metadata_store.duckdb.transaction():
        ledgers.put_batch(ctx, "my-proj.run-01.train.epoch-2", order=2)
        assert len(ctx.list_batches("run-01")) == 2, "not written yet"
        ledgers.put_batch(ctx, "my-proj.run-01.train.epoch-3", order=3)
    assert len(ctx.list_batches("run-01")) == 4
