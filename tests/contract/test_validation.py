"""Reports about models: what is an error for this reader, what is a warning."""

from __future__ import annotations

from typing import Any

import pytest

from contexta import contract
from contexta.contract import (
    ExtensionFieldSet,
    ExtensionRegistry,
    ValidationIssue,
    ValidationReport,
    validate_artifact_manifest,
    validate_metric_record,
    validate_run,
)
from contexta.contract.model import FrozenModel
from contexta.errors import ValidationError
from tests.contract.examples import EXAMPLES, METRIC, RUN, snake

BY_NAME = {snake(model): model for model in EXAMPLES}
WARNINGS = {
    "metric_payload": [("metric.unit_missing", "$.unit")],
    "metric_record": [("metric.unit_missing", "$.payload.unit")],
    "artifact_manifest": [("artifact.hash_value_missing", "$.hash_value")],
    "lineage_edge": [
        ("lineage.evidence_refs_missing", "$.evidence_refs"),
        ("lineage.low_confidence_without_provenance", "$.confidence_marker"),
    ],
    "provenance_record": [
        ("provenance.policy_ref_missing", "$.policy_ref"),
        ("provenance.evidence_bundle_ref_missing", "$.evidence_bundle_ref"),
    ],
}
WITHOUT_VALIDATOR = {"correlation_refs", "extension_field_set"}


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - WITHOUT_VALIDATOR))
def test_a_good_model_has_no_errors_and_the_warnings_of_the_format(name: str) -> None:
    report: ValidationReport = getattr(contract, f"validate_{name}")(BY_NAME[name])
    assert report.valid
    assert report.errors == ()
    assert [(issue.code, issue.path) for issue in report.warnings] == WARNINGS.get(name, [])
    report.raise_for_errors()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("metric_payload", {"unit": "ratio"}),
        ("artifact_manifest", {"hash_value": "00", "size_bytes": 0}),
        ("lineage_edge", {"evidence_refs": ("run:p.r",), "confidence_marker": "medium"}),
        ("provenance_record", {"policy_ref": "policy.default", "evidence_bundle_ref": "artifact:p.r.e"}),
    ],
)
def test_nothing_is_warned_of_when_everything_is_there(name: str, changes: dict[str, Any]) -> None:
    report: ValidationReport = getattr(contract, f"validate_{name}")(BY_NAME[name].replace(**changes))
    assert report.issues == ()


def test_a_missing_size_is_warned_of() -> None:
    manifest: FrozenModel = BY_NAME["artifact_manifest"].replace(size_bytes=None, hash_value="00")
    (issue,) = validate_artifact_manifest(manifest).issues
    assert issue.to_dict() == {
        "code": "artifact.size_bytes_missing",
        "path": "$.size_bytes",
        "message": "a truncated file cannot be noticed",
        "severity": "warning",
    }


def test_a_foreign_version_and_extension_are_errors() -> None:
    foreign = RUN.replace(schema_version="2.0.0", extensions=(ExtensionFieldSet("acme.labels", {"a": 1}),))
    report = validate_run(foreign)
    assert not report.valid
    assert [(issue.code, issue.path, issue.severity) for issue in report.errors] == [
        ("schema.version_mismatch", "$.schema_version", "error"),
        ("extension.namespace_unregistered", "$.extensions[0].namespace", "error"),
    ]
    with pytest.raises(ValidationError) as caught:
        report.raise_for_errors()
    assert caught.value.code == "validation_failed"
    assert caught.value.details["issues"] == [issue.to_dict() for issue in report.errors]
    assert [issue.code for issue in validate_run(foreign, ExtensionRegistry(["acme.labels"])).errors] == [
        "schema.version_mismatch"
    ]


@pytest.mark.parametrize("other", [METRIC, None, {"run_ref": "run:p.r"}], ids=["model", "none", "map"])
def test_something_else_than_the_model_is_an_error_not_an_exception(other: object) -> None:
    (issue,) = validate_run(other).errors
    assert issue.code == "contract.type_mismatch"
    assert validate_metric_record(RUN).valid is False


def test_an_issue_is_an_error_unless_it_says_otherwise() -> None:
    assert ValidationIssue("a.b", "$", "m").severity == "error"
