"""Contexta: record what an ML job does, and find out later why it failed.

Names are loaded on first use, so that importing the package costs next to nothing and a job that only records
never loads what only an explorer needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from contexta._version import __version__

if TYPE_CHECKING:
    from contexta.client import Contexta
    from contexta.errors import (
        CaptureError,
        ClosedScopeError,
        ConfigurationError,
        ConflictError,
        ContextaError,
        InterpretationError,
        LifecycleError,
        NotFoundError,
        SerializationError,
        StoreAccessError,
        ValidationError,
    )

_HOMES = {
    "Contexta": "client",
    **dict.fromkeys(
        (
            "CaptureError",
            "ClosedScopeError",
            "ConfigurationError",
            "ConflictError",
            "ContextaError",
            "InterpretationError",
            "LifecycleError",
            "NotFoundError",
            "SerializationError",
            "StoreAccessError",
            "ValidationError",
        ),
        "errors",
    ),
}

__all__ = [
    "CaptureError",
    "ClosedScopeError",
    "ConfigurationError",
    "ConflictError",
    "Contexta",
    "ContextaError",
    "InterpretationError",
    "LifecycleError",
    "NotFoundError",
    "SerializationError",
    "StoreAccessError",
    "ValidationError",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
