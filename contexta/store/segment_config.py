"""Settings and filters of the record store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from contexta.contract.fields import one_of
from contexta.contract.records import RECORD_TYPES
from contexta.contract.refs import StableRef, validate_stable_ref_field
from contexta.contract.times import instant, timestamp_text
from contexta.errors import ConfigurationError

LAYOUT_VERSION: Final = "1"
_RECORD_TYPE: Final = one_of(RECORD_TYPES, "record_invalid_marker")


class DurabilityMode(StrEnum):
    """When an append returns: when the disk has it, or when the operating system has it.

    ``flush`` survives the end of the process, but not that of the machine.
    """

    FSYNC = "fsync"
    FLUSH = "flush"


class LayoutMode(StrEnum):
    """How records lie on the disk."""

    JSONL_SEGMENTS = "jsonl_segments"


class ReplayMode(StrEnum):
    """Whether damage ends a replay or is reported with it."""

    STRICT = "strict"
    TOLERANT = "tolerant"


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Settings of a record store.

    Args:
        root_path: Its folder, ``records`` in a workspace.
        max_segment_bytes: A line that would make a segment larger begins the next one; a single line may be
            larger.
        durability_mode: When an append returns.
        layout_mode: How records lie on the disk.
        layout_version: The version of that.
        enable_indexes: Whether appends keep the index files.
        read_only: Whether everything that writes is refused.
        lock_timeout_seconds: How long an append waits for another process.

    Raises:
        ConfigurationError: ``record_store_invalid_config``.
    """

    root_path: Path
    max_segment_bytes: int = 1_048_576
    durability_mode: DurabilityMode = DurabilityMode.FSYNC
    layout_mode: LayoutMode = LayoutMode.JSONL_SEGMENTS
    layout_version: str = LAYOUT_VERSION
    enable_indexes: bool = True
    read_only: bool = False
    lock_timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "root_path", Path(self.root_path))
            object.__setattr__(self, "durability_mode", DurabilityMode(self.durability_mode))
            object.__setattr__(self, "layout_mode", LayoutMode(self.layout_mode))
        except (TypeError, ValueError) as error:
            raise _invalid(str(error)) from error
        size = self.max_segment_bytes
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise _invalid(f"max_segment_bytes must be a positive number of bytes, not {size!r}")
        if self.layout_version != LAYOUT_VERSION:
            raise _invalid(
                f"layout_version {self.layout_version!r} is not known; there is {LAYOUT_VERSION!r}"
            )
        for name in ("enable_indexes", "read_only"):
            if not isinstance(getattr(self, name), bool):
                raise _invalid(f"{name} must be true or false")
        wait = self.lock_timeout_seconds
        if not isinstance(wait, (int, float)) or isinstance(wait, bool) or not wait >= 0:
            raise _invalid(f"lock_timeout_seconds must be a number of seconds from 0, not {wait!r}")


def _invalid(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The record store cannot be set up like this: {reason}.", code="record_store_invalid_config"
    )


@dataclass(frozen=True, slots=True)
class ScanFilter:
    """Which records to read; None means any.

    Args:
        run_ref: Their run.
        stage_execution_ref: Their stage.
        batch_execution_ref: Their batch.
        sample_observation_ref: Their sample.
        record_type: ``metric``, ``event``, ``span`` or ``degraded``.
        start_time: The earliest time of recording, inclusive: a datetime (naive means UTC) or ISO text that
            ends in ``Z``. Times are compared as instants.
        end_time: The latest, inclusive.

    Raises:
        ValidationError: ``stable_ref_…`` for a text that is no reference of the field's kind,
            ``record_invalid_marker`` for another record type, ``context_invalid_timestamp``.
    """

    run_ref: StableRef | str | None = None
    stage_execution_ref: StableRef | str | None = None
    batch_execution_ref: StableRef | str | None = None
    sample_observation_ref: StableRef | str | None = None
    record_type: str | None = None
    start_time: datetime | str | None = None
    end_time: datetime | str | None = None
    envelope: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """The members that an envelope must have, as texts."""
    _earliest: datetime | None = field(init=False, repr=False, compare=False)
    _latest: datetime | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted: dict[str, str] = {}
        for name in ("run_ref", "stage_execution_ref", "batch_execution_ref", "sample_observation_ref"):
            ref = getattr(self, name)
            if ref is not None:
                parsed = ref if isinstance(ref, StableRef) else StableRef.parse(ref)
                wanted[name] = validate_stable_ref_field(parsed, name).text
        if self.record_type is not None:
            wanted["record_type"] = str(_RECORD_TYPE.check(self.record_type, "record_type"))
        object.__setattr__(self, "envelope", wanted)
        for name, bound in (("start_time", "_earliest"), ("end_time", "_latest")):
            moment = getattr(self, name)
            text = None if moment is None else timestamp_text(moment, name)
            object.__setattr__(self, name, text)
            object.__setattr__(self, bound, None if text is None else instant(text))

    def takes_time(self, recorded_at: str) -> bool:
        """Tell whether a time of recording, as a record spells it, lies in between."""
        if self._earliest is None and self._latest is None:
            return True
        moment = instant(recorded_at)
        if self._earliest is not None and moment < self._earliest:
            return False
        return self._latest is None or moment <= self._latest
