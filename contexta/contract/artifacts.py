"""Artifacts, and how things came from each other: manifests, lineage and provenance."""

from __future__ import annotations

from typing import Annotated, Final, Self

import pydantic

from contexta.contract.context import prefix_mismatch
from contexta.contract.extensions import ContractModel, Extensions
from contexta.contract.fields import (
    DEFAULT_CONTRACT_SCHEMA_VERSION,
    SNAKE_PATTERN,
    TOKEN_PATTERN,
    AnyRef,
    ArtifactRef,
    BatchRef,
    DeploymentRef,
    JsonMap,
    OperationRef,
    ProvenanceRef,
    RelationRef,
    Rule,
    RunRef,
    SampleRef,
    StageRef,
    Text,
    Timestamp,
    matching,
    one_of,
)
from contexta.contract.frozen import FrozenMap
from contexta.contract.records import ProducerRef, RefList, check_scope_refs
from contexta.contract.refs import extends
from contexta.errors import ValidationError

ARTIFACT_KINDS: Final = (
    "dataset_snapshot",
    "feature_set",
    "checkpoint",
    "config_snapshot",
    "model_bundle",
    "report_bundle",
    "export_package",
    "evidence_bundle",
    "debug_bundle",
)
"""Usual kinds; any lower-case word with underscores is one."""

RELATION_TYPES: Final = (
    "generated_from",
    "consumed_by",
    "produced_by",
    "packaged_from",
    "reported_by",
    "evaluated_on",
    "deployed_from",
    "used",
    "derived_from",
    "observed_in",
)
ASSERTION_MODES: Final = ("explicit", "imported", "inferred", "replayed")
CONFIDENCE_MARKERS: Final = ("high", "medium", "low", "unknown")


def _size(value: object, field_name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValidationError(
            f"{field_name} must be a whole number of bytes from 0, not {value!r}.",
            code="artifact_invalid_size_bytes",
        )
    return value


SizeBytes = Annotated[int, Rule(_size, {"type": "integer", "minimum": 0})]


class ArtifactManifest(ContractModel):
    """What is known of a file that a run produced or used; the file itself lies elsewhere."""

    artifact_ref: ArtifactRef
    artifact_kind: Annotated[str, matching(SNAKE_PATTERN, "artifact_invalid_kind", "model_bundle")]
    created_at: Timestamp
    producer_ref: ProducerRef
    run_ref: RunRef
    location_ref: Text
    deployment_execution_ref: DeploymentRef | None = None
    stage_execution_ref: StageRef | None = None
    batch_execution_ref: BatchRef | None = None
    sample_observation_ref: SampleRef | None = None
    operation_context_ref: OperationRef | None = None
    hash_value: Text | None = None
    size_bytes: SizeBytes | None = None
    attributes: JsonMap = FrozenMap()
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if not extends(self.artifact_ref, self.run_ref):
            raise prefix_mismatch(self.artifact_ref, self.run_ref, "artifact_ref_prefix_mismatch")
        check_scope_refs(
            self.run_ref,
            self.stage_execution_ref,
            self.batch_execution_ref,
            (self.sample_observation_ref, self.operation_context_ref),
            family="artifact",
        )
        return self


class LineageEdge(ContractModel):
    """One thing came from another."""

    relation_ref: RelationRef
    relation_type: Annotated[str, one_of(RELATION_TYPES, "lineage_invalid_relation_type")]
    source_ref: AnyRef
    target_ref: AnyRef
    recorded_at: Timestamp
    origin_marker: Annotated[str, one_of(ASSERTION_MODES, "lineage_invalid_marker")]
    confidence_marker: Annotated[str, one_of(CONFIDENCE_MARKERS, "lineage_invalid_marker")]
    operation_context_ref: OperationRef | None = None
    evidence_refs: RefList = ()
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.source_ref == self.target_ref:
            raise ValidationError(f"{self.source_ref} cannot come from itself.", code="lineage_self_relation")
        return self


class ProvenanceRecord(ContractModel):
    """How a relation is known."""

    provenance_ref: ProvenanceRef
    relation_ref: RelationRef
    assertion_mode: Annotated[str, one_of(ASSERTION_MODES, "provenance_invalid_assertion_mode")]
    asserted_at: Timestamp
    formation_context_ref: AnyRef | None = None
    policy_ref: (
        Annotated[str, matching(TOKEN_PATTERN, "provenance_invalid_policy_ref", "policy.default")] | None
    ) = None
    evidence_bundle_ref: ArtifactRef | None = None
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()
