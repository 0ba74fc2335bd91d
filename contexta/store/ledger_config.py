"""How a ledger is used, and how that is read from the settings of a workspace. Opens nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from contexta.errors import ConfigurationError
from contexta.journal.paths import DEFAULT_WORKSPACE, ledger_path

DUCKDB: Final = "duckdb"
IN_MEMORY: Final = ":memory:"
DEFAULT_PATH: Final = ledger_path(Path(DEFAULT_WORKSPACE))
LOCK_TIMEOUT_SECONDS: Final = 10.0
LONGEST_WAIT_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class MetadataStoreConfig:
    """How a ledger is used.

    Attributes:
        storage_adapter: ``duckdb``, the only one there is.
        database_path: The file, or ``:memory:``.
        auto_create: Whether the first write makes the file and its folders.
        read_only: Whether writing is refused.
        auto_migrate: Accepted for compatibility; there is one schema version, and nothing to migrate.
        lock_timeout_seconds: How long to wait for someone else who writes.

    Raises:
        ConfigurationError: ``invalid_config_value``.
    """

    storage_adapter: str = DUCKDB
    database_path: str | os.PathLike[str] = DEFAULT_PATH
    auto_create: bool = True
    read_only: bool = False
    auto_migrate: bool = True
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        if self.storage_adapter != DUCKDB:
            raise _invalid("storage_adapter", DUCKDB, self.storage_adapter)
        if not isinstance(self.database_path, (str, os.PathLike)):
            raise _invalid("database_path", "a path", self.database_path)
        for name in ("auto_create", "read_only", "auto_migrate"):
            if not isinstance(getattr(self, name), bool):
                raise _invalid(name, "true or false", getattr(self, name))
        wait = self.lock_timeout_seconds
        if (
            not isinstance(wait, (int, float))
            or isinstance(wait, bool)
            or not 0 <= wait <= LONGEST_WAIT_SECONDS
        ):
            raise _invalid("lock_timeout_seconds", f"a time from 0 to {LONGEST_WAIT_SECONDS:g}", wait)

    @classmethod
    def from_settings(cls, workspace: Path, settings: object = None) -> Self:
        """Read the section ``metadata`` of a configuration patch.

        Args:
            workspace: The workspace folder; a relative ``database_path`` counts from it.
            settings: The section. Keys that are not fields of this class have no effect here.

        Raises:
            ConfigurationError: ``invalid_config_value``.
        """
        given: dict[str, object] = {}
        if isinstance(settings, Mapping):
            given = {name: settings[name] for name in cls.__slots__ if settings.get(name) is not None}
        path = given.get("database_path")
        if path is None:
            given["database_path"] = ledger_path(workspace)
        elif isinstance(path, (str, os.PathLike)) and path != IN_MEMORY:
            given["database_path"] = workspace / Path(path).expanduser()
        return cls(**given)  # type: ignore[arg-type]  # checked above, field by field


def _invalid(name: str, expected: str, value: object) -> ConfigurationError:
    return ConfigurationError(
        f"The setting metadata.{name} must be {expected}, not {value!r}.",
        code="invalid_config_value",
        details={"field": f"metadata.{name}"},
    )
