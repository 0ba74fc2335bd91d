"""Artifacts and lineage; they live in `contexta.contract.artifacts`."""

from __future__ import annotations

from contexta.contract.artifacts import (
    ARTIFACT_KINDS,
    ArtifactManifest,
    LineageEdge,
    ProvenanceRecord,
)

__all__ = [
    "ARTIFACT_KINDS",
    "ArtifactManifest",
    "LineageEdge",
    "ProvenanceRecord",
]
