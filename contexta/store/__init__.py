"""The canonical stores of a workspace, as public Contexta lays them out.

The ledger holds what ran, the record store what was recorded, the vault what came out. Names are loaded on
first use: a job that only captures needs none of them, and must not load a database for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contexta.store.ledger import MetadataStore, open_ledger
    from contexta.store.ledger_config import MetadataStoreConfig

_HOMES = {
    "MetadataStore": "ledger",
    "MetadataStoreConfig": "ledger_config",
    "open_ledger": "ledger",
}

__all__ = ["MetadataStore", "MetadataStoreConfig", "open_ledger"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
