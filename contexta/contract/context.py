"""What a job is made of: project, run, stage, batch, sample, operation, deployment, environment.

Each model knows the references of its ancestors and refuses a child that does not lie under its parent. The
fields, their order and the rules are those of the format specification, section 3, but for one: the order of
times is that of the instants, not of the texts.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

import pydantic

from contexta.contract.extensions import ContractModel, Extensions
from contexta.contract.fields import (
    DEFAULT_CONTRACT_SCHEMA_VERSION,
    ArtifactRef,
    BatchRef,
    Component,
    DeploymentRef,
    EnvironmentRef,
    OperationRef,
    OrderIndex,
    ProjectRef,
    RunRef,
    SampleRef,
    StageRef,
    StringMap,
    Text,
    Timestamp,
    one_of,
)
from contexta.contract.frozen import FrozenMap
from contexta.contract.refs import StableRef, extends, lies_under, same_project
from contexta.contract.times import is_before
from contexta.errors import ValidationError

RUN_STAGE_STATUSES: Final = ("open", "completed", "failed", "cancelled")
Status = Annotated[str, one_of(RUN_STAGE_STATUSES, "context_invalid_status")]

__all__ = [
    "DEFAULT_CONTRACT_SCHEMA_VERSION",
    "RUN_STAGE_STATUSES",
    "BatchExecution",
    "DeploymentExecution",
    "EnvironmentSnapshot",
    "OperationContext",
    "Project",
    "Run",
    "SampleObservation",
    "StageExecution",
]


class Project(ContractModel):
    """What runs and deployments belong to.

    Attributes:
        name: Free text; it need not match the reference.
        created_at: When it was first known.
        description: What it is about.
        tags: Texts by which to find it.
    """

    project_ref: ProjectRef
    name: Text
    created_at: Timestamp
    description: Text | None = None
    tags: StringMap = FrozenMap()
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()


class Run(ContractModel):
    """One execution of a job. Status ``open`` means that it has no end yet."""

    run_ref: RunRef
    project_ref: ProjectRef
    name: Text
    status: Status
    started_at: Timestamp
    ended_at: Timestamp | None = None
    description: Text | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        _check_child(self.run_ref, self.project_ref)
        _check_end(self.status, self.started_at, self.ended_at)
        return self


class DeploymentExecution(ContractModel):
    """A result put to use; it lies in the project and may link a run, an artifact and an environment."""

    deployment_execution_ref: DeploymentRef
    project_ref: ProjectRef
    deployment_name: Component
    status: Status
    started_at: Timestamp
    ended_at: Timestamp | None = None
    order_index: OrderIndex | None = None
    run_ref: RunRef | None = None
    artifact_ref: ArtifactRef | None = None
    environment_snapshot_ref: EnvironmentRef | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        _check_child(self.deployment_execution_ref, self.project_ref, self.deployment_name)
        for link in (self.run_ref, self.artifact_ref):
            if link is not None and not same_project(link, self.project_ref):
                raise prefix_mismatch(link, self.project_ref)
        if self.run_ref is not None and self.environment_snapshot_ref is not None:
            _check_child(self.environment_snapshot_ref, self.run_ref)
        _check_end(self.status, self.started_at, self.ended_at)
        return self


class StageExecution(ContractModel):
    """A phase of a run."""

    stage_execution_ref: StageRef
    run_ref: RunRef
    stage_name: Component
    status: Status
    started_at: Timestamp
    ended_at: Timestamp | None = None
    order_index: OrderIndex | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        _check_child(self.stage_execution_ref, self.run_ref, self.stage_name)
        _check_end(self.status, self.started_at, self.ended_at)
        return self


class BatchExecution(ContractModel):
    """One round of a stage that repeats."""

    batch_execution_ref: BatchRef
    run_ref: RunRef
    stage_execution_ref: StageRef
    batch_name: Component
    status: Status
    started_at: Timestamp
    ended_at: Timestamp | None = None
    order_index: OrderIndex | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        _check_child(self.stage_execution_ref, self.run_ref)
        _check_child(self.batch_execution_ref, self.stage_execution_ref, self.batch_name)
        _check_end(self.status, self.started_at, self.ended_at)
        return self


class SampleObservation(ContractModel):
    """One observed input or result; it has no status and no end."""

    sample_observation_ref: SampleRef
    run_ref: RunRef
    stage_execution_ref: StageRef
    sample_name: Component
    observed_at: Timestamp
    batch_execution_ref: BatchRef | None = None
    retention_class: Text | None = None
    redaction_profile: Text | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        owner = _owner(self.run_ref, self.stage_execution_ref, self.batch_execution_ref)
        _check_child(self.sample_observation_ref, owner, self.sample_name)
        return self


class OperationContext(ContractModel):
    """A named step inside a stage or batch."""

    operation_context_ref: OperationRef
    run_ref: RunRef
    stage_execution_ref: StageRef
    operation_name: Component
    observed_at: Timestamp
    batch_execution_ref: BatchRef | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        owner = _owner(self.run_ref, self.stage_execution_ref, self.batch_execution_ref)
        _check_child(self.operation_context_ref, owner, self.operation_name)
        return self


class EnvironmentSnapshot(ContractModel):
    """What a run ran on."""

    environment_snapshot_ref: EnvironmentRef
    run_ref: RunRef
    captured_at: Timestamp
    python_version: Text
    platform: Text
    packages: StringMap = FrozenMap()
    environment_variables: StringMap = FrozenMap()
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        _check_child(self.environment_snapshot_ref, self.run_ref)
        return self


def prefix_mismatch(
    child: StableRef, parent: StableRef, code: str = "context_ref_prefix_mismatch"
) -> ValidationError:
    """Return the error for a reference that does not lie where it should."""
    return ValidationError(
        f"{child} does not lie under {parent}.", code=code, details={"ref": child.text, "parent": parent.text}
    )


def _check_child(child: StableRef, parent: StableRef, name: str | None = None) -> None:
    if not extends(child, parent) or (name is not None and child.name != name):
        raise prefix_mismatch(child, parent)


def _owner(run: StableRef, stage: StableRef, batch: StableRef | None) -> StableRef:
    """Return what a sample or operation hangs on, after checking that it lies under the run."""
    _check_child(stage, run)
    if batch is None:
        return stage
    if not lies_under(batch, stage):
        raise prefix_mismatch(batch, stage)
    return batch


def _check_end(status: str, started_at: str, ended_at: str | None) -> None:
    if (status == "open") != (ended_at is None):
        raise ValidationError(
            f"Status {status!r} {'has no' if status == 'open' else 'needs an'} ended_at.",
            code="context_invalid_status_transition",
        )
    if ended_at is not None and is_before(ended_at, started_at):
        raise ValidationError(
            f"ended_at {ended_at} lies before started_at {started_at}.", code="context_invalid_time_order"
        )
