"""What is wrong with a model, or worth a warning, told at once instead of raised one by one.

The constructors refuse what can never be right. What depends on the reader (is this schema version mine, do I
know this extension?) and what is allowed but unwise (a metric without a unit) is told here, as a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from contexta.contract.artifacts import ArtifactManifest, LineageEdge, ProvenanceRecord
from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    OperationContext,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.extensions import ExtensionFieldSet
from contexta.contract.fields import DEFAULT_CONTRACT_SCHEMA_VERSION
from contexta.contract.model import FrozenModel
from contexta.contract.records import (
    DegradedPayload,
    DegradedRecord,
    MetricPayload,
    MetricRecord,
    RecordEnvelope,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.contract.registry import DEFAULT_REGISTRY, ExtensionRegistry
from contexta.errors import ValidationError

ERROR: Final = "error"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True)
class ValidationIssue:
    """One finding.

    Attributes:
        code: Its stable name, e.g. ``metric.unit_missing``.
        path: Where, e.g. ``$.payload.unit``.
        message: What it is and what to do.
        severity: ``error`` or ``warning``.
    """

    code: str
    path: str
    message: str
    severity: str = ERROR

    def to_dict(self) -> dict[str, str]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All findings about one model.

    Attributes:
        valid: Whether there are no errors; warnings do not count.
        issues: The findings, errors first.
    """

    valid: bool
    issues: tuple[ValidationIssue, ...] = ()

    @property
    def errors(self) -> tuple[ValidationIssue, ...]:
        """The findings that make the model unusable."""
        return tuple(issue for issue in self.issues if issue.severity == ERROR)

    @property
    def warnings(self) -> tuple[ValidationIssue, ...]:
        """The findings that a reader may live with."""
        return tuple(issue for issue in self.issues if issue.severity == WARNING)

    def raise_for_errors(self) -> None:
        """Raise when there are errors.

        Raises:
            ValidationError: ``validation_failed``; ``details["issues"]`` holds every error as plain data.
        """
        errors = self.errors
        if errors:
            raise ValidationError(
                "; ".join(f"{issue.path}: {issue.message}" for issue in errors),
                code="validation_failed",
                details={"issues": [issue.to_dict() for issue in errors]},
            )


class Validator(Protocol):
    """Tells what is wrong with a model of one class."""

    def __call__(self, obj: object, registry: ExtensionRegistry | None = None) -> ValidationReport:
        """Return the report; never raises for what the model holds."""


def validate_model(
    obj: object, registry: ExtensionRegistry | None = None, *, model: type[FrozenModel] = FrozenModel
) -> ValidationReport:
    """Tell what is wrong with a model.

    Args:
        obj: The model.
        registry: The extension namespaces that may be read; those of this library when None.
        model: The class it must be of.

    Returns:
        Errors ``contract.type_mismatch``, ``schema.version_mismatch``, ``extension.namespace_unregistered``,
        and warnings about what is missing though it helps.
    """
    if not isinstance(obj, model):
        found = ValidationIssue(
            "contract.type_mismatch", "$", f"expected {model.__name__}, found {type(obj).__name__}"
        )
        return ValidationReport(valid=False, issues=(found,))
    known = DEFAULT_REGISTRY if registry is None else registry
    issues = (*_errors(obj, known, "$"), *_warnings(obj, "$"))
    return ValidationReport(valid=all(issue.severity != ERROR for issue in issues), issues=issues)


def _errors(obj: FrozenModel, registry: ExtensionRegistry, path: str) -> Iterator[ValidationIssue]:
    # As a map, because asking a pydantic model for a field it has not is slow.
    fields = vars(obj)
    version = fields.get("schema_version", DEFAULT_CONTRACT_SCHEMA_VERSION)
    if version != DEFAULT_CONTRACT_SCHEMA_VERSION:
        yield ValidationIssue(
            "schema.version_mismatch",
            f"{path}.schema_version",
            f"the schema version is {version!r}; this library reads {DEFAULT_CONTRACT_SCHEMA_VERSION!r}",
        )
    extensions: tuple[ExtensionFieldSet, ...] = fields.get("extensions", ())
    for index, extension in enumerate(extensions):
        if extension.namespace not in registry:
            yield ValidationIssue(
                "extension.namespace_unregistered",
                f"{path}.extensions[{index}].namespace",
                f"the extension {extension.namespace} is unknown; pass a registry that has it",
            )
    envelope = fields.get("envelope")
    if isinstance(envelope, FrozenModel):
        yield from _errors(envelope, registry, f"{path}.envelope")


# What should be there: the class, its field, whether the value will do, the code, and why it helps.
_Advice = tuple[str, Callable[[object], bool], str, str]


def _there(value: object) -> bool:
    return value is not None and value != ()


_ADVICE: Final[dict[type[FrozenModel], tuple[_Advice, ...]]] = {
    MetricPayload: (("unit", _there, "metric.unit_missing", "a reader cannot tell what the number counts"),),
    ArtifactManifest: (
        ("hash_value", _there, "artifact.hash_value_missing", "a changed file cannot be noticed"),
        ("size_bytes", _there, "artifact.size_bytes_missing", "a truncated file cannot be noticed"),
    ),
    LineageEdge: (
        ("evidence_refs", _there, "lineage.evidence_refs_missing", "nothing supports the relation"),
        (
            "confidence_marker",
            lambda value: value != "low",
            "lineage.low_confidence_without_provenance",
            "a relation of low confidence needs a ProvenanceRecord that says how it is known",
        ),
    ),
    ProvenanceRecord: (
        ("policy_ref", _there, "provenance.policy_ref_missing", "no policy says why it is believed"),
        (
            "evidence_bundle_ref",
            _there,
            "provenance.evidence_bundle_ref_missing",
            "no artifact holds the evidence",
        ),
    ),
}


def _warnings(obj: FrozenModel, path: str) -> Iterator[ValidationIssue]:
    for field, will_do, code, message in _ADVICE.get(type(obj), ()):
        if not will_do(getattr(obj, field)):
            yield ValidationIssue(code, f"{path}.{field}", message, WARNING)
    payload = vars(obj).get("payload")
    if isinstance(payload, FrozenModel):
        yield from _warnings(payload, f"{path}.payload")


def _validator(model: type[FrozenModel]) -> Validator:
    def validate(obj: object, registry: ExtensionRegistry | None = None) -> ValidationReport:
        return validate_model(obj, registry, model=model)

    validate.__doc__ = f"Tell what is wrong with a `{model.__name__}`; see `validate_model`."
    return validate


validate_project = _validator(Project)
validate_run = _validator(Run)
validate_deployment_execution = _validator(DeploymentExecution)
validate_stage_execution = _validator(StageExecution)
validate_batch_execution = _validator(BatchExecution)
validate_sample_observation = _validator(SampleObservation)
validate_operation_context = _validator(OperationContext)
validate_environment_snapshot = _validator(EnvironmentSnapshot)
validate_record_envelope = _validator(RecordEnvelope)
validate_metric_payload = _validator(MetricPayload)
validate_structured_event_payload = _validator(StructuredEventPayload)
validate_trace_span_payload = _validator(TraceSpanPayload)
validate_degraded_payload = _validator(DegradedPayload)
validate_metric_record = _validator(MetricRecord)
validate_structured_event_record = _validator(StructuredEventRecord)
validate_trace_span_record = _validator(TraceSpanRecord)
validate_degraded_record = _validator(DegradedRecord)
validate_artifact_manifest = _validator(ArtifactManifest)
validate_lineage_edge = _validator(LineageEdge)
validate_provenance_record = _validator(ProvenanceRecord)
