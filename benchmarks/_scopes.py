"""The scopes of a made-up job: their refs, and what a lifecycle line states of them."""

from __future__ import annotations

from typing import Final

from benchmarks._lines import hole
from contexta.capture.encode import Subject

PROJECT: Final = "vision"
PRODUCER: Final = "sdk.python.local"


def run(name: str) -> Subject:
    """A run."""
    ref = f"run:{PROJECT}.{name}"
    return Subject(PRODUCER, ref, ref)


def stage(run: Subject, name: str) -> Subject:
    """A stage of a run."""
    ref = f"stage:{run.run_value}.{name}"
    return run._replace(subject_ref=ref, stage_execution_ref=ref)


def batch(stage: Subject, name: str) -> Subject:
    """A batch of a stage."""
    ref = f"batch:{stage.subject_ref.removeprefix('stage:')}.{name}"
    return stage._replace(subject_ref=ref, batch_execution_ref=ref)


def sample(batch: Subject, name: str = hole("sample")) -> Subject:
    """A sample of a batch; of one whose name is filled in later by default."""
    ref = f"sample:{str(batch.batch_execution_ref).removeprefix('batch:')}.{name}"
    return batch._replace(subject_ref=ref, sample_observation_ref=ref)


def deployment(run: Subject, name: str) -> Subject:
    """A deployment of a run."""
    ref = f"deployment:{PROJECT}.{name}"
    return Subject(PRODUCER, ref, run.run_ref, deployment_execution_ref=ref)


def fields(
    model: str, subject: Subject, status: str, *, began: str, ended: str | None, order: int | None
) -> dict[str, object]:
    """What a model states of a scope but for what all models end with."""
    name = subject.subject_ref.rpartition(".")[2]
    times = {"status": status, "started_at": began, "ended_at": ended}
    project = {"project_ref": f"project:{PROJECT}"}
    parents: dict[str, object] = {
        "run_ref": subject.run_ref,
        "stage_execution_ref": subject.stage_execution_ref,
    }
    match model:
        case "Run":
            return {"run_ref": subject.run_ref, **project, "name": name, **times, "description": None}
        case "StageExecution":
            return {**parents, "stage_name": name, **times, "order_index": order}
        case "BatchExecution":
            batch = {"batch_execution_ref": subject.subject_ref, "batch_name": name}
            return {**parents, **batch, **times, "order_index": order}
        case "SampleObservation":
            own = {"sample_observation_ref": subject.subject_ref, "sample_name": name, "observed_at": began}
            unset = {"retention_class": None, "redaction_profile": None}
            return {**parents, "batch_execution_ref": subject.batch_execution_ref, **own, **unset}
        case _:
            own = {"deployment_execution_ref": subject.subject_ref, "deployment_name": name}
            artifact = f"artifact:{subject.run_value}.model"
            links = {"artifact_ref": artifact, "environment_snapshot_ref": None}
            return {**own, **project, **times, "order_index": 0, "run_ref": subject.run_ref, **links}
