"""The words that every layer uses for what a workspace holds: kinds, states, origins, severities.

Enumerations and names only, without behaviour that reads or computes anything. They stand below the
catalog and the queries because both speak of them; `query.results` exports them again beside the values
they appear in.
"""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Final


class NodeKind(StrEnum):
    """The kinds of node in the tree, as the prefix of their refs names them."""

    PROJECT = "project"
    RUN = "run"
    STAGE = "stage"
    BATCH = "batch"
    SAMPLE = "sample"
    OPERATION = "op"
    DEPLOYMENT = "deployment"


class Status(StrEnum):
    """The state of a scope.

    `unknown` is a scope that is known from its records only: nothing says that it ended.
    """

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Origin(IntFlag):
    """Where a fact is known from."""

    NONE = 0
    CAPTURED = 1
    STORED = 2

    def labels(self) -> tuple[str, ...]:
        """The origins by name, e.g. `("captured", "stored")`."""
        return tuple(str(flag.name).lower() for flag in (Origin.CAPTURED, Origin.STORED) if flag & self)


class Severity(StrEnum):
    """How bad an issue is, worst first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


SCORES: Final = ("correct", "pass", "success")
"""Metrics of a sample whose 0 says that it failed."""

ERROR_LEVELS: Final = ("error", "critical")
"""Levels of events that tell of a failure."""


class RecordType(StrEnum):
    """Types of record."""

    METRIC = "metric"
    EVENT = "event"
    SPAN = "span"
    DEGRADED = "degraded"
