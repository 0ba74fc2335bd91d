"""Lines of captures, changed at random: what a fuzzer does, without one. Deterministic."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from tests.lines import BATCH, DAMAGED, DEPLOYMENT, RUN, SAMPLE, STAGE, Lines

#: What parsers trip over.
_TOKENS: Final = (
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"9" * 400,
    b"\\u0000",
    b"\\ud800",
    b"\\udfff\\ud800",
    b"\xff",
    b"\x00",
    b"\xc0\x80",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"\r",
    b'{"captured_at":"',
    b"run:",
    b"..",
    b"2026-13-45T99:99:99Z",
)


def whole_lines() -> list[bytes]:
    """One line of each kind, without its newline."""
    lines = Lines()
    made = [
        lines.metric(BATCH, "loss", 0.25),
        lines.metric(SAMPLE, "correct", 0),
        lines.event(STAGE, "exception", "bo\u2028om 한국", level="error", attributes={"a": [1, {"b": None}]}),
        lines.event(DEPLOYMENT, "ship", "it", run_ref=RUN),
        lines.span(RUN),
        lines.degraded(STAGE),
        lines.scope("Run", RUN, "failed"),
        lines.scope("BatchExecution", BATCH),
        lines.artifact(),
    ]
    return [line.rstrip(b"\n") for line in made]


def lines_of(seed: int, share: float) -> Iterator[bytes]:
    """Lines without end, each with its newline and a record ref of its own where it has one.

    Args:
        seed: What they follow from.
        share: How many of them are changed, or made up.
    """
    randomly = random.Random(seed)
    sound = whole_lines()
    number = 0
    while True:
        number += 1
        line = randomly.choice(sound).replace(b"-00000000000", b"-%04x%07x" % (seed % 65_536, number))
        if randomly.random() < share:
            line = _changed(line, sound, randomly).replace(b"\n", b" ")
        yield line + b"\n"


def _changed(line: bytes, sound: list[bytes], randomly: random.Random) -> bytes:
    if randomly.random() < 0.1:
        return randomly.randbytes(randomly.randint(0, 60))
    if randomly.random() < 0.05:
        # Not the one of 100,000 brackets: it is taken once, elsewhere.
        return min(randomly.choice(DAMAGED), b"[" * 1_000, key=len)
    for _ in range(randomly.choice((1, 1, 1, 2, 5))):
        at = randomly.randint(0, len(line))
        end = min(len(line), at + randomly.randint(0, 12))
        match randomly.randrange(7):
            case 0:
                line = line[:at] + line[end:]
            case 1:
                line = line[:at] + randomly.choice(_TOKENS) + line[end:]
            case 2:
                line = line[:at] + randomly.choice(_TOKENS) + line[at:]
            case 3:
                line = line[:at] + bytes([randomly.randrange(256)]) + line[at + 1 :]
            case 4:
                line = line[:at] + line[at:end] * 3 + line[end:]
            case 5:
                line = line[:at]
            case _:
                line = line[:at] + randomly.choice(sound)[randomly.randint(0, 300) :]
    return line
