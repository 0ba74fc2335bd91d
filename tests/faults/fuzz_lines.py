"""Feeds what cuts and reads lines in Python with bytes that find new ways through it.

`python -m tests.faults.fuzz_lines [options of libFuzzer]`, such as `-runs=100000`. It needs atheris, of the
dependency group `fuzz`. It ends with a stack trace at the first input that breaks a promise.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["contexta.journal.read", "contexta.catalog.plain"]):
    from contexta.catalog import plain
    from contexta.journal import read

from tests.faults.mutations import whole_lines

_BLANK = b" \t\r\v\f\n\xef\xbb\xbf"
_LINES = whole_lines()


def check(data: bytes) -> None:
    """Cut bytes into lines and damaged lines into pieces: every byte is in one of them, or blank."""
    text = _grown(data)
    at = 0
    for line in read.lines(text):
        assert not text[at : line.offset].strip(_BLANK)
        at = line.offset + len(line.data)
        assert text[line.offset : at] == line.data
        pieces = read.apart(line)
        assert b"".join(piece.data for piece in pieces) == line.data
        assert [piece.offset for piece in pieces] == [
            line.offset + sum(len(before.data) for before in pieces[:number]) for number in range(len(pieces))
        ]
        for piece in pieces:
            assert read.complaint(piece.data)
    assert not text[at : text.rfind(b"\n") + 1].strip(_BLANK)
    found = plain.read(text[: text.rfind(b"\n") + 1])
    assert found is None or len(found) <= text.count(b"\n")


def _grown(data: bytes) -> bytes:
    """The bytes put into real lines: alone they would hardly get past the first brace."""
    if not data:
        return data
    line = _LINES[data[0] % len(_LINES)]
    at = int.from_bytes(data[1:3], "big") % (len(line) + 1)
    return line[:at] + data[3:] + line[at:] + b"\n" if data[0] & 0x80 else data[1:]


def main() -> None:
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
