"""What becomes of a stream that nobody reads any more. It knows no program, and loads nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO


def abandon(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere.

    For one that could not be written: Python would try once more at its end, complain, and exit with 120.
    """
    with suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        if nowhere != number:
            os.close(nowhere)
