"""The JSON Schema of every contract model, as files for readers that are not written in Python.

``python -m contexta.contract.schema docs/schema`` writes them again after a model was changed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

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
from contexta.contract.model import FrozenModel
from contexta.contract.records import (
    CorrelationRefs,
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

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

MODELS: Final[tuple[type[FrozenModel], ...]] = (
    Project,
    Run,
    DeploymentExecution,
    StageExecution,
    BatchExecution,
    SampleObservation,
    OperationContext,
    EnvironmentSnapshot,
    CorrelationRefs,
    RecordEnvelope,
    MetricPayload,
    StructuredEventPayload,
    TraceSpanPayload,
    DegradedPayload,
    MetricRecord,
    StructuredEventRecord,
    TraceSpanRecord,
    DegradedRecord,
    ArtifactManifest,
    LineageEdge,
    ProvenanceRecord,
    ExtensionFieldSet,
)


def schema_files() -> dict[str, str]:
    """Return the text of each schema file by its name, e.g. ``batch_execution.json``."""
    return {f"{_snake(model.__name__)}.json": schema_text(model) for model in MODELS}


def schema_text(model: type[FrozenModel]) -> str:
    """Return the JSON Schema of a model's stored form, indented, with a newline at its end."""
    schema = {"$schema": DIALECT, **model.model_json_schema()}
    _describe_stored_form(schema)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _describe_stored_form(schema: object) -> None:
    """Let fields that may be null be absent, as `to_json` leaves nulls out, and keep descriptions short."""
    if isinstance(schema, list):
        for item in schema:
            _describe_stored_form(item)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict) and isinstance(schema.get("required"), list):
        schema["required"] = [name for name in schema["required"] if not _may_be_null(properties[name])]
    if isinstance(schema.get("description"), str):
        schema["description"] = schema["description"].partition("\n\n")[0]
    for value in schema.values():
        _describe_stored_form(value)


def _may_be_null(schema: Mapping[str, object]) -> bool:
    choices = schema.get("anyOf")
    return isinstance(choices, list) and {"type": "null"} in choices


def write_schemas(folder: Path) -> None:
    """Write every schema into a folder, which is made when it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
