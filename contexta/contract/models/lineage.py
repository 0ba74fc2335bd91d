"""Lineage; it lives in `contexta.contract.artifacts`."""

from __future__ import annotations

from contexta.contract.artifacts import (
    LineageEdge,
    ProvenanceRecord,
)

__all__ = [
    "LineageEdge",
    "ProvenanceRecord",
]
