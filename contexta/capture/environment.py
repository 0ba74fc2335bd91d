"""Settings from ``CONTEXTA_*`` environment variables.

A variable is spelt like the setting: ``capture.retry_attempts`` is ``CONTEXTA_CAPTURE_RETRY_ATTEMPTS``. It
counts more than the built-in value and less than the configuration that a program passes. Variables that are
not in the table have no effect: a shell may hold some that mean something to another tool, and a job must not
fail to start because of it. The table of `docs/contract.md` is that of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from contexta.errors import ConfigurationError

PREFIX: Final = "CONTEXTA_"

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def _switch(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("not true or false")
    return word in _TRUE


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_SETTINGS: Final[Mapping[str, Callable[[str], object]]] = {
    "project_name": str,
    "capture.producer_ref": str,
    "capture.dispatch_failure_mode": str,
    "capture.retry_attempts": int,
    "capture.retry_backoff_seconds": float,
    "metadata.database_path": str,
    "metadata.read_only": _switch,
    "records.root_path": str,
    "records.durability_mode": str,
    "records.enable_indexes": _switch,
    "records.read_only": _switch,
    "artifacts.default_ingest_mode": str,
    "artifacts.verification_mode": str,
    "artifacts.read_only": _switch,
    "recovery.outbox_root": str,
    "interpretation.comparison.metric_selection": str,
    "interpretation.comparison.include_unchanged_metrics": _switch,
    "interpretation.comparison.missing_stage_severity": str,
    "interpretation.diagnostics.require_metrics_for_completed_stages": _switch,
    "interpretation.diagnostics.detect_degraded_records": _switch,
    "interpretation.diagnostics.expected_terminal_stage_names": _words,
    "interpretation.trend.default_window_runs": int,
    "interpretation.trend.metric_aggregation": str,
}

VARIABLES: Final[Mapping[str, str]] = {
    PREFIX + setting.replace(".", "_").upper(): setting for setting in _SETTINGS
}
"""The variables that have an effect, and the setting each stands for."""


def patch_from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the settings that an environment holds, nested like a configuration.

    Args:
        environment: E.g. ``os.environ``. A variable that is blank counts as absent.

    Raises:
        ConfigurationError: ``invalid_config_value`` when a text is no number or no true or false where the
            setting is one.
    """
    patch: dict[str, object] = {}
    for variable, setting in VARIABLES.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        try:
            value = _SETTINGS[setting](text)
        except ValueError as error:
            raise ConfigurationError(
                f"The environment variable {variable} cannot be {text!r}: {error}.",
                code="invalid_config_value",
                details={"field": setting, "variable": variable},
                cause=error,
            ) from error
        *sections, key = setting.split(".")
        inner = patch
        for section in sections:
            inner = inner.setdefault(section, {})  # type: ignore[assignment]  # made here, so it is a map
        inner[key] = value
    return patch


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Return one nested configuration laid over another; maps are merged, everything else is replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]  # both are maps
    return result
