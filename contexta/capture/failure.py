"""An exception as recorded facts.

Describing a failure must not fail: exceptions may have hostile ``__str__`` methods, chains without end and
messages of megabytes. The names of the attributes are those of OpenTelemetry's semantic conventions for
exceptions.
"""

from __future__ import annotations

import traceback
from typing import Final, NamedTuple

from contexta.capture.values import shown

MAX_TRACE_CHARACTERS: Final = 16_000
MAX_MESSAGE_CHARACTERS: Final = 2_000
_MAX_FRAMES: Final = 200

_MARK: Final = "__contexta_recorded__"


class Failure(NamedTuple):
    """What is recorded of an exception."""

    type: str
    message: str
    stacktrace: str

    @property
    def line(self) -> str:
        """The failure in one line, ``Type: text``."""
        name = self.type.rpartition(".")[2]
        text = " ".join(capped(self.message, MAX_MESSAGE_CHARACTERS).split())
        return f"{name}: {text}" if text else name

    def attributes(self) -> dict[str, object]:
        """Return the attributes of the ``exception`` event."""
        return {
            "exception.type": self.type,
            "exception.message": self.message,
            "exception.stacktrace": self.stacktrace,
        }


def describe(error: BaseException) -> Failure:
    """Return the facts of an exception; never raises."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception as inner:  # noqa: BLE001 - a message that cannot be made is no reason to lose the type
        message = f"<message unavailable: {type(inner).__name__}>"
    try:
        trace = "".join(traceback.format_exception(kind, error, error.__traceback__, limit=_MAX_FRAMES))
    except Exception as inner:  # noqa: BLE001 - ditto
        trace = f"<stack trace unavailable: {type(inner).__name__}>"
    return Failure(
        shown(name), capped(shown(message), MAX_TRACE_CHARACTERS), capped(shown(trace), MAX_TRACE_CHARACTERS)
    )


def capped(text: str, limit: int) -> str:
    """Return at most about ``limit`` characters of a text, keeping its head and its tail."""
    if len(text) <= limit:
        return text
    head = limit // 3
    tail = limit - head
    return f"{text[:head]}\n… {len(text) - limit} characters left out …\n{text[-tail:]}"


def is_failure(error: BaseException) -> bool:
    """Tell whether leaving a scope by this exception is a failure; ``sys.exit(0)`` is an orderly end."""
    return not (isinstance(error, SystemExit) and error.code in (None, 0))


def first_sight(error: BaseException, observer: object) -> bool:
    """Tell whether this very exception object is seen for the first time, and remember that it was.

    The mark is on the exception itself: a reference kept elsewhere would keep its frames, and with them what
    they hold on the GPU, alive.
    """
    try:
        seen: tuple[object, ...] = getattr(error, _MARK, ())
        if observer in seen:
            return False
        setattr(error, _MARK, (*seen, observer))
    except Exception:  # noqa: BLE001 - an exception class may refuse attributes; then it is told more than once
        return True
    return True
