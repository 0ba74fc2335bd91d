"""Extensions; they live in `contexta.contract.extensions` and `.registry`."""

from __future__ import annotations

from contexta.contract.extensions import (
    ExtensionFieldSet,
)
from contexta.contract.registry import (
    ExtensionRegistry,
    ExtensionRegistryEntry,
)

__all__ = [
    "ExtensionFieldSet",
    "ExtensionRegistry",
    "ExtensionRegistryEntry",
]
