"""The contract: references, context models, records, artifacts.

Names are loaded on first use. The capture path needs only `contexta.contract.refs`; the models bring pydantic
with them, which a job that merely records must not pay for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contexta.contract.refs import StableRef

_HOMES = {
    "StableRef": "refs",
}

__all__ = ["StableRef"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
