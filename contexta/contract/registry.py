"""Which extension namespaces may be read: those of this library, and those a caller declares.

A model may carry any extension. Reading one back strictly asks a registry first, so that a fact nobody knows
how to treat is noticed. The namespaces that this library writes itself are always known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from contexta.contract.extensions import check_namespace
from contexta.errors import ConflictError

OWN_NAMESPACES: Final = (
    "contexta.run",
    "contexta.process",
    "contexta.scope",
    "contexta.lifecycle",
    "contexta.exception",
)
"""What capture adds to the models of a scope; see `docs/contract.md`."""


@dataclass(frozen=True, slots=True)
class ExtensionRegistryEntry:
    """One namespace that may be read.

    Args:
        namespace: Two or more dotted words, e.g. ``acme.labels``.
        owner: Who writes it.
        description: What its fields mean.

    Raises:
        ValidationError: ``extension_invalid_namespace``.
    """

    namespace: str
    owner: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "namespace", check_namespace(self.namespace))


class ExtensionRegistry:
    """The namespaces that may be read.

    ::

        registry = ExtensionRegistry(["acme.labels"])
        run = deserialize_run(text, registry=registry)

    Args:
        entries: Namespaces, or entries that say more about them. Those of this library need not be named.

    Raises:
        ValidationError: ``extension_invalid_namespace``.
        ConflictError: ``extension_duplicate_namespace`` when two entries differ about one namespace.
    """

    def __init__(self, entries: Iterable[ExtensionRegistryEntry | str] = ()) -> None:
        self._entries = {name: ExtensionRegistryEntry(name, "contexta") for name in OWN_NAMESPACES}
        for entry in entries:
            self.register(entry)

    def register(self, entry: ExtensionRegistryEntry | str) -> ExtensionRegistryEntry:
        """Add a namespace. Adding the same entry again changes nothing.

        Raises:
            ValidationError: ``extension_invalid_namespace``.
            ConflictError: ``extension_duplicate_namespace`` when it is known with other facts.
        """
        added = ExtensionRegistryEntry(entry) if isinstance(entry, str) else entry
        known = self._entries.setdefault(added.namespace, added)
        if known != added and not isinstance(entry, str):
            raise ConflictError(
                f"The extension namespace {added.namespace} is registered already, by {known.owner}.",
                code="extension_duplicate_namespace",
                details={"namespace": added.namespace},
            )
        return known

    def get(self, namespace: str) -> ExtensionRegistryEntry | None:
        """Return what is declared about a namespace, or None."""
        return self._entries.get(namespace)

    def is_registered(self, namespace: str) -> bool:
        """Tell whether a namespace may be read."""
        return namespace in self._entries

    def __contains__(self, namespace: object) -> bool:
        return namespace in self._entries

    def __iter__(self) -> Iterator[ExtensionRegistryEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)


DEFAULT_REGISTRY: Final = ExtensionRegistry()
"""Knows the namespaces of this library only; do not add to it, make your own."""
