"""Whether the process that recorded a run still lives; only known on the machine it ran on."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

_NAMESPACE: Final = "contexta.process"
_SAME_START_US: Final = 2_000_000


class _Identity(msgspec.Struct):
    host: str = ""
    pid: int = 0
    process_started_at: datetime | None = None


class _Extension(msgspec.Struct):
    namespace: str
    fields: msgspec.Raw


def has_ended(extensions: str | None) -> bool:
    """Whether the process named in a run's extension sets is known to have ended.

    False whenever that cannot be told: no identity recorded, or another host.

    Args:
        extensions: JSON of the run's extension sets, or `None`.
    """
    identity = _identity(extensions)
    if identity is None or identity.host != os.uname().nodename or identity.pid <= 0:
        return False
    try:
        os.kill(identity.pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    if identity.process_started_at is None or identity.process_started_at.tzinfo is None:
        return False
    if not Path(f"/proc/{identity.pid}/stat").exists():
        return False  # Nothing here tells when it started.
    from contexta.capture.process import process_start_micros  # noqa: PLC0415 - rare, and brings all of capture

    # Another process has the number now when it started at another time.
    started_us = identity.process_started_at.timestamp() * 1e6
    return abs(process_start_micros(identity.pid) - started_us) > _SAME_START_US


def _identity(extensions: str | None) -> _Identity | None:
    if not extensions:
        return None
    try:
        for extension in msgspec.json.decode(extensions, type=list[_Extension]):
            if extension.namespace == _NAMESPACE:
                return msgspec.json.decode(extension.fields, type=_Identity)
    except (msgspec.MsgspecError, RecursionError):
        pass
    return None
