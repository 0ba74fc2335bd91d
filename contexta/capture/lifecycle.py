"""Context lines: that a scope began, and how it ended.

Public Contexta's capture says nothing of either; its reserved ``CONTEXT`` family holds what an explorer needs
without disturbing its readers. A line's payload is a contract model's plain data. The dictionaries are made
here by hand, because the models would bring pydantic into every job; a test reads them back through the
models.

Facts a model has no field for travel in its extensions: ``contexta.run`` (dataset_ref, tags, code_revision,
metadata, config_snapshot), ``contexta.process`` (who records), ``contexta.scope`` (metadata and the name as
the author wrote it), ``contexta.lifecycle`` (status and end of a sample) and ``contexta.exception`` (why a
deployment without a run failed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contexta.capture.encode import Entry, encode
from contexta.capture.values import Sanitiser
from contexta.journal.paths import CONTEXT

SCHEMA_VERSION: Final = "1.0.0"

Extensions = Mapping[str, Mapping[str, object]]
"""Fields by namespace; empty namespaces are left out."""


def context_entry(
    payload_type: str, own_ref: str, fields: Mapping[str, object], extensions: Extensions
) -> Entry:
    """Encode one context line's payload.

    Args:
        payload_type: The model's name.
        own_ref: The reference of the scope itself.
        fields: The model's fields but for the two that all models end with.
        extensions: What the model has no field for.
    """
    kept = Sanitiser().copy(extension_sets(extensions))
    payload = {**fields, "schema_version": SCHEMA_VERSION, "extensions": kept}
    try:
        body = encode(payload)
    except (TypeError, ValueError):
        # The fields are the library's own but for a few texts, and hardly any text needs changing.
        body = encode(Sanitiser().copy(payload))
    return Entry(CONTEXT, payload_type, own_ref, body)


def extension_sets(extensions: Extensions) -> list[dict[str, object]]:
    """Return extensions as models spell them."""
    return [
        {"namespace": namespace, "fields": extensions[namespace], "readonly_fields": []}
        for namespace in sorted(extensions)
        if extensions[namespace]
    ]


def present(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that say something: neither None nor empty."""
    return {
        key: value
        for key, value in fields.items()
        # Arrays and the like answer a comparison with something that is neither true nor false.
        if value is not None and not (isinstance(value, (str, dict)) and not value)
    }
