"""Where an investigation asks: catalogs of one workspace, brought up to date before each answer.

There is no other way to ask: the explorer's catalog has the same schema and is filled from the same files. By
default only what was stored counts (ledger, record store, artifact vault), as in public Contexta; what was
captured counts when asked for, and every fact says where it is known from.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, Literal, TypeVar

import duckdb
import pydantic

from contexta.catalog.mirror import CANONICAL, Mirror
from contexta.diagnostics.runs import DiagnosticsPolicy
from contexta.errors import ConfigurationError
from contexta.query.compare import ComparisonPolicy

Source = Literal["canonical", "all"]
Captured = bool | None
"""Whether captured facts count in this call; `None` as the investigation was told."""

SOURCES: Final = ("canonical", "all")


class Workspace:
    """A workspace to ask.

    Args:
        workspace: The workspace folder; it need not exist.
        source: `canonical` for what was stored, `all` for what was captured too.
        settings: The section `interpretation` of the configuration.
        quiet: See `Mirror`.

    Attributes:
        comparison: How runs are compared.
        diagnostics: What diagnoses look for.

    Raises:
        ConfigurationError: `invalid_config_value`.
    """

    def __init__(
        self,
        workspace: Path,
        *,
        source: Source = "canonical",
        settings: Mapping[str, object] | None = None,
        quiet: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        if source not in SOURCES:
            raise ConfigurationError(
                f"source is {' or '.join(SOURCES)}, not {source!r}.", code="invalid_config_value"
            )
        self._workspace = workspace.resolve()
        self._with_captured = source == "all"
        self._quiet = quiet
        self._mirrors: dict[bool, Mirror] = {}
        self._lock = threading.Lock()
        self.comparison = _policy(ComparisonPolicy, settings, "comparison")
        self.diagnostics = _policy(DiagnosticsPolicy, settings, "diagnostics")

    @contextmanager
    def asking(self, include_captured: Captured) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees the workspace as it is now."""
        captured = self._with_captured if include_captured is None else include_captured
        with self._lock:
            mirror = self._mirrors.get(captured)
            if mirror is None or mirror.pid != os.getpid():
                mirror = Mirror(self._workspace, None if captured else CANONICAL, self._quiet)
                self._mirrors[captured] = mirror
        with mirror.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Lets go of what was read; asking again reads again."""
        with self._lock:
            while self._mirrors:
                self._mirrors.popitem()[1].close()


_PolicyT = TypeVar("_PolicyT")


def _policy(kind: type[_PolicyT], settings: Mapping[str, object] | None, name: str) -> _PolicyT:
    """A policy from the settings that are named like its fields."""
    try:
        return pydantic.TypeAdapter(kind).validate_python((settings or {}).get(name) or {})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("interpretation", name, *(str(part) for part in first["loc"])))
        raise ConfigurationError(
            f"The setting {where} cannot be used: {first['msg']}.",
            code="invalid_config_value",
            details={"field": where},
        ) from error
