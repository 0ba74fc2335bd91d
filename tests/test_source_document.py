"""The code blocks of the source document, run as they stand there, print what it says they print.

Its long example is `examples/iris_svm.py`, with a test of its own (`test_example.py`). Indentation, which the
document lost, is restored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta
from contexta.contract import Project, Run, StageExecution

RECORD_BATCHES = """
with ctx.run("tiny-cnn") as run:
    with run.stage("train") as stage:
        for epoch, loss in enumerate((1.472, 0.618), start=1):
            with stage.batch(f"epoch-{epoch}") as batch:
                batch.metric("loss", loss)
"""

RECORD_SAMPLE = """
with ctx.run("mock-chat-evaluation") as run:
    with run.stage("evaluate") as stage:
        with stage.sample("workspace-question") as sample:
            sample.metric("correct", 1.0, unit="ratio")
            sample.metric("latency.ms", 0.42, unit="ms")
            sample.event("response.received", message="Contexta stores local evidence...")
"""

RECORD_DEPLOYMENT = """
with ctx.deployment("tiny-cnn-candidate", run_ref=run.ref) as deployment:
    deployment.event(
        "checkpoint.selected",
        message="Selected trained checkpoint for review",
    )
"""

PUT_BATCH = """
from contexta.contract import BatchExecution

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
"""

SECOND_BATCH = """
ctx.metadata_store.batches.put_batch_execution(
    BatchExecution(
        batch_execution_ref="batch:my-proj.run-01.train.epoch-1",
        run_ref="run:my-proj.run-01",
        stage_execution_ref="stage:my-proj.run-01.train",
        batch_name="epoch-1",
        status="failed",
        started_at="2025-01-01T00:02:00Z",
        ended_at="2025-01-01T00:03:00Z",
        order_index=1,
    )
)
"""

LIST_BATCHES = """
batches = ctx.list_batches(
    "run:my-proj.run-01",
    stage_id="stage:my-proj.run-01.train",
)

for batch in batches:
    print(batch.name, batch.status, batch.started_at)
"""

PUT_SAMPLE = """
from contexta.contract import SampleObservation

sample = SampleObservation(
    sample_observation_ref="sample:my-proj.run-01.evaluate.s-0001",
    run_ref="run:my-proj.run-01",
    stage_execution_ref="stage:my-proj.run-01.evaluate",
    sample_name="s-0001",
    observed_at="2025-01-01T00:03:30Z",
    retention_class="review",
    redaction_profile="pii-masked",
)

ctx.metadata_store.samples.put_sample_observation(sample)
"""

SAMPLE_OF_A_BATCH = """
sample = SampleObservation(
    sample_observation_ref="sample:my-proj.run-01.evaluate.holdout-split.s-0001",
    run_ref="run:my-proj.run-01",
    stage_execution_ref="stage:my-proj.run-01.evaluate",
    batch_execution_ref="batch:my-proj.run-01.evaluate.holdout-split",
    sample_name="s-0001",
    observed_at="2025-01-01T00:03:30Z",
)
"""

LIST_SAMPLES = """
samples = ctx.list_samples(
    "run:my-proj.run-01",
    batch_id="batch:my-proj.run-01.evaluate.holdout-split",
)

for sample in samples:
    print(sample.name, sample.observed_at, sample.redaction_profile)
"""

PUT_DEPLOYMENT = """
from contexta.contract import DeploymentExecution

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
"""

LIST_DEPLOYMENTS = """
deployments = ctx.list_deployments("my-proj")

for deployment in deployments:
    print(deployment.name, deployment.status, deployment.run_id)
"""

SNAPSHOT_AND_REPORT = """
snapshot = ctx.get_run_snapshot("run:my-proj.run-01")

print(f"Batches: {len(snapshot.batches)}")
print(f"Samples: {len(snapshot.samples)}")
print(f"Deployments: {len(snapshot.deployments)}")

report = ctx.build_snapshot_report("run:my-proj.run-01")
for section in report.sections:
    print(section.title)
"""

SECTIONS = """\
Run Summary
Stages
Artifacts
Batches
Deployments
Samples
Diagnostics
Completeness Notes
"""


class Page:
    """The document, read from top to bottom: what one block names is there for the next."""

    def __init__(self, project: str, workspace: Path) -> None:
        self.workspace = workspace
        self.ctx = Contexta(workspace=str(workspace), config={"project_name": project})
        self.names: dict[str, Any] = {"ctx": self.ctx}

    def run(self, *blocks: str) -> str:
        """Runs blocks and returns what they print."""
        printed = StringIO()
        with redirect_stdout(printed):
            for block in blocks:
                exec(compile(block, "source document", "exec"), self.names)  # noqa: S102 - it is the document
        return printed.getvalue()

    def envelopes(self) -> list[dict[str, Any]]:
        """The envelopes of what was captured."""
        lines = (self.workspace / "cache" / "capture" / "record.jsonl").read_text().splitlines()
        return [json.loads(line)["payload"]["envelope"] for line in lines]


@pytest.fixture
def digits(tmp_path: Path) -> Page:
    return Page("digits-cnn", tmp_path / ".contexta")


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Page]:
    """The standard structure that the document's examples are put into."""
    page = Page("my-proj", tmp_path / ".contexta")
    store = page.ctx.metadata_store
    store.projects.put_project(Project("project:my-proj", "my-proj", "2025-01-01T00:00:00Z"))
    run = Run(
        run_ref="run:my-proj.run-01",
        project_ref="project:my-proj",
        name="run-01",
        status="completed",
        started_at="2025-01-01T00:00:00Z",
        ended_at="2025-01-01T00:10:00Z",
    )
    store.runs.put_run(run)
    for index, name in enumerate(("train", "evaluate")):
        store.stages.put_stage_execution(
            StageExecution(
                stage_execution_ref=f"stage:my-proj.run-01.{name}",
                run_ref="run:my-proj.run-01",
                stage_name=name,
                status="completed",
                started_at=f"2025-01-01T00:0{index + 1}:00Z",
                ended_at=f"2025-01-01T00:0{index + 3}:00Z",
                order_index=index,
            )
        )
    yield page
    page.ctx.close()


def test_a_batch_metric_carries_run_stage_and_batch(digits: Page) -> None:
    digits.run(RECORD_BATCHES)
    assert [
        (found["run_ref"], found["stage_execution_ref"], found["batch_execution_ref"])
        for found in digits.envelopes()
    ] == [
        (
            "run:digits-cnn.tiny-cnn",
            "stage:digits-cnn.tiny-cnn.train",
            f"batch:digits-cnn.tiny-cnn.train.epoch-{epoch}",
        )
        for epoch in (1, 2)
    ]


def test_a_sample_of_a_stage_is_named_after_it(digits: Page) -> None:
    digits.run(RECORD_SAMPLE)
    assert {found["sample_observation_ref"] for found in digits.envelopes()} == {
        "sample:digits-cnn.mock-chat-evaluation.evaluate.workspace-question"
    }


def test_a_deployment_event_carries_deployment_and_run(digits: Page) -> None:
    digits.run(RECORD_BATCHES, RECORD_DEPLOYMENT)
    event = digits.envelopes()[-1]
    assert event["deployment_execution_ref"] == "deployment:digits-cnn.tiny-cnn-candidate"
    assert event["run_ref"] == "run:digits-cnn.tiny-cnn"


def test_captured_facts_are_not_read_by_the_questions_to_the_store(digits: Page) -> None:
    digits.run(RECORD_BATCHES)
    assert digits.ctx.list_batches("run:digits-cnn.tiny-cnn") == ()


def test_stored_batches_are_listed(stored: Page) -> None:
    assert stored.run(PUT_BATCH, SECOND_BATCH, LIST_BATCHES) == (
        "epoch-0 completed 2025-01-01T00:01:00Z\nepoch-1 failed 2025-01-01T00:02:00Z\n"
    )


def test_stored_samples_are_listed_by_batch(stored: Page) -> None:
    holdout = (
        PUT_BATCH.replace("train.epoch-0", "evaluate.holdout-split")
        .replace("run-01.train", "run-01.evaluate")
        .replace('"epoch-0"', '"holdout-split"')
    )
    put = "\nctx.metadata_store.samples.put_sample_observation(sample)\n"
    assert stored.run(holdout, PUT_SAMPLE, SAMPLE_OF_A_BATCH, put, LIST_SAMPLES) == (
        "s-0001 2025-01-01T00:03:30Z None\n"
    )


def test_stored_deployments_are_listed(stored: Page) -> None:
    assert stored.run(PUT_DEPLOYMENT, LIST_DEPLOYMENTS) == "model-v1 completed run:my-proj.run-01\n"


def test_snapshot_and_report_hold_batches_samples_and_deployments(stored: Page) -> None:
    stored.run(PUT_BATCH, SECOND_BATCH, PUT_SAMPLE, PUT_DEPLOYMENT)
    assert stored.run(SNAPSHOT_AND_REPORT) == (
        f"Batches: 2\nSamples: 1\nDeployments: 1\n{SECTIONS}Metrics\nWhy\n"
    ), "the sections of the document in its order, then ours"


def test_the_three_conditions_are_diagnosed(stored: Page) -> None:
    cancelled = SECOND_BATCH.replace("epoch-1", "epoch-2").replace('"failed"', '"cancelled"')
    failed = PUT_DEPLOYMENT.replace('"completed"', '"failed"')
    stored.run(PUT_BATCH, SECOND_BATCH, cancelled, failed)
    found = {(issue.severity, issue.code) for issue in stored.ctx.diagnose_run("run:my-proj.run-01").issues}
    assert {
        ("error", "failed_batch"),
        ("warning", "incomplete_batch"),
        ("error", "failed_deployment"),
    } <= found
