"""The configuration patch that `Contexta` takes, checked against the documented sections.

An unknown key is an error, because a mistyped setting that is silently ignored is worse. Keys that public
Contexta documents but that have no effect on capture are accepted and kept for the parts they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from contexta.errors import ConfigurationError

DEFAULT_PROJECT: Final = "default"
DEFAULT_PRODUCER: Final = "sdk.python.local"

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
        patch: Everything that was configured, for the parts that are not capture.
    """

    project_name: str = DEFAULT_PROJECT
    producer_ref: str = DEFAULT_PRODUCER
    per_process_files: bool = False
    patch: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_patch(cls, patch: Mapping[str, object] | None) -> Config:
        """Check a nested patch.

        Raises:
            ConfigurationError: ``unknown_config_field`` for a key that is not documented,
                ``invalid_config_value`` for a value that cannot be used.
        """
        settings: Mapping[str, object] = {} if patch is None else patch
        if not isinstance(settings, Mapping):
            raise _invalid("config", "a map", settings)
        _check_known(settings, _SECTIONS, "")
        capture = settings.get("capture") or {}
        if not isinstance(capture, Mapping):
            raise _invalid("capture", "a map", capture)
        project = settings.get("project_name", DEFAULT_PROJECT)
        if not isinstance(project, str) or not project.strip():
            raise _invalid("project_name", "a text that is not blank", project)
        producer = capture.get("producer_ref", DEFAULT_PRODUCER)
        if not isinstance(producer, str) or _PRODUCER.fullmatch(producer) is None:
            raise _invalid("capture.producer_ref", "dotted lower-case words", producer)
        per_process = capture.get("per_process_files", False)
        if not isinstance(per_process, bool):
            raise _invalid("capture.per_process_files", "true or false", per_process)
        return cls(project, producer, per_process, MappingProxyType(dict(settings)))


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
