"""The configuration that `Contexta` takes, checked against the documented sections.

Where the program says nothing, environment variables count, then the built-in values.

An unknown key is an error, because a mistyped setting that is silently ignored is worse. Keys that public
Contexta documents but that have no effect on capture are accepted and kept for the parts they belong to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from contexta.capture.environment import merged, patch_from_environment
from contexta.errors import ConfigurationError

DEFAULT_PROJECT: Final = "default"
DEFAULT_PRODUCER: Final = "sdk.python.local"
FAILURE_MODES: Final = ("raise", "outbox")
MAX_RETRIES: Final = 100
MAX_BACKOFF_SECONDS: Final = 60.0

_PRODUCER = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*")

# None means that the section is documented but its keys are not listed completely, so any key is accepted.
_Known = Mapping[str, "_Known | None"]
_LEAF: Final[_Known] = MappingProxyType({})


def _keys(*names: str) -> dict[str, _Known | None]:
    return dict.fromkeys(names, _LEAF)


_SECTIONS: Final[_Known] = {
    **_keys("config_version", "profile_name", "project_name"),
    "workspace": _keys(
        "root_path",
        "metadata_path",
        "records_path",
        "artifacts_path",
        "reports_path",
        "exports_path",
        "cache_path",
        "create_missing_dirs",
    ),
    "capture": _keys(
        "producer_ref",
        "capture_environment_snapshot",
        "capture_installed_packages",
        "capture_code_revision",
        "capture_config_snapshot",
        "retry_attempts",
        "retry_backoff_seconds",
        "dispatch_failure_mode",
        "write_degraded_marker_on_partial_failure",
        "per_process_files",
    ),
    "interpretation": {
        "comparison": _keys("metric_selection", "include_unchanged_metrics", "missing_stage_severity"),
        "diagnostics": _keys(
            "require_metrics_for_completed_stages", "detect_degraded_records", "expected_terminal_stage_names"
        ),
        "trend": _keys("default_window_runs", "metric_aggregation"),
        **dict.fromkeys(("reports", "search", "anomaly", "alert"), None),
    },
    **dict.fromkeys(
        ("contract", "metadata", "records", "artifacts", "recovery", "surfaces", "retention", "security"),
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class Config:
    """A checked configuration.

    Attributes:
        project_name: The project that runs belong to.
        producer_ref: Who records; stands in every line.
        per_process_files: One journal file per process; see `LocalJsonlSink`.
        retry_attempts: How often a failed write is tried again at once.
        retry_backoff_seconds: How long to wait before each of these tries.
        dispatch_failure_mode: ``outbox`` keeps what a sink refused in a file of the workspace; ``raise``, the
            name that public Contexta gives its default, only says so in the result.
        outbox_root: The folder of that file; ``cache/outbox`` in the workspace when None.
        patch: Everything that was configured, for the parts that are not capture.
    """

    project_name: str = DEFAULT_PROJECT
    producer_ref: str = DEFAULT_PRODUCER
    per_process_files: bool = False
    retry_attempts: int = 0
    retry_backoff_seconds: float = 0.0
    dispatch_failure_mode: str = "raise"
    outbox_root: str | None = None
    patch: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_patch(
        cls, patch: Mapping[str, object] | None, environment: Mapping[str, str] | None = None
    ) -> Config:
        """Check a nested patch.

        Args:
            patch: The settings of the program.
            environment: Variables that count where the patch says nothing; none when None.

        Raises:
            ConfigurationError: ``unknown_config_field`` for a key that is not documented,
                ``invalid_config_value`` for a value that cannot be used.
        """
        settings: Mapping[str, object] = {} if patch is None else patch
        if not isinstance(settings, Mapping):
            raise _invalid("config", "a map", settings)
        _check_known(settings, _SECTIONS, "")
        settings = merged(patch_from_environment(environment or {}), settings)
        capture, recovery = _section(settings, "capture"), _section(settings, "recovery")
        return cls(
            project_name=_project_name(settings.get("project_name", DEFAULT_PROJECT)),
            producer_ref=_producer_ref(capture.get("producer_ref", DEFAULT_PRODUCER)),
            per_process_files=_switch(capture.get("per_process_files", False)),
            retry_attempts=_retry_attempts(capture.get("retry_attempts", 0)),
            retry_backoff_seconds=_backoff(capture.get("retry_backoff_seconds", 0.0)),
            dispatch_failure_mode=_failure_mode(capture.get("dispatch_failure_mode", "raise")),
            outbox_root=_folder(recovery.get("outbox_root")),
            patch=MappingProxyType(settings),
        )


def _section(settings: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = settings.get(name) or {}
    if not isinstance(section, Mapping):
        raise _invalid(name, "a map", section)
    return section


def _project_name(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise _invalid("project_name", "a text that is not blank", value)


def _producer_ref(value: object) -> str:
    if isinstance(value, str) and _PRODUCER.fullmatch(value) is not None:
        return value
    raise _invalid("capture.producer_ref", "dotted lower-case words", value)


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _invalid("capture.per_process_files", "true or false", value)


def _retry_attempts(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_RETRIES:
        return value
    raise _invalid("capture.retry_attempts", f"a whole number from 0 to {MAX_RETRIES}", value)


def _backoff(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_BACKOFF_SECONDS:
        return float(value)
    raise _invalid("capture.retry_backoff_seconds", f"seconds from 0 to {MAX_BACKOFF_SECONDS:g}", value)


def _failure_mode(value: object) -> str:
    if isinstance(value, str) and value in FAILURE_MODES:
        return value
    raise _invalid("capture.dispatch_failure_mode", " or ".join(FAILURE_MODES), value)


def _folder(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, (str, os.PathLike)) and os.fspath(value):
        return str(value)
    raise _invalid("recovery.outbox_root", "a folder", value)


def _check_known(patch: Mapping[str, object], known: _Known, path: str) -> None:
    for key, value in patch.items():
        name = f"{path}{key}"
        if key not in known:
            raise ConfigurationError(
                f"No setting is called {name!r}; there are {', '.join(sorted(known))}.",
                code="unknown_config_field",
                details={"field": name},
            )
        section = known[key]
        if section and isinstance(value, Mapping):
            _check_known(value, section, f"{name}.")


def _invalid(name: str, expected: str, value: object) -> ConfigurationError:
    return ConfigurationError(
        f"The setting {name} must be {expected}, not {value!r}.",
        code="invalid_config_value",
        details={"field": name},
    )
