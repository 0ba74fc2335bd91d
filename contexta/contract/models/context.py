"""Context models; they live in `contexta.contract.context`."""

from __future__ import annotations

from contexta.contract.context import (
    DEFAULT_CONTRACT_SCHEMA_VERSION,
    RUN_STAGE_STATUSES,
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    OperationContext,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)

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
