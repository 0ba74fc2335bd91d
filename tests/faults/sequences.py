"""Says what of a stream of bytes a terminal would obey that this program has no reason to write.

The explorer's own sequences are those that Textual's Linux driver and its renderer write, spelt out here one
by one. Everything else (another sequence, a control character, an invisible character, bytes that are no
UTF-8) came from somewhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: One escape sequence of any kind, complete or not.
_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|[ -/]*[0-~]"  # others
    r"|)"
)

#: What Textual writes: modes that it sets and resets, queries that it puts, colours and places.
_OWN = re.compile(
    r"\x1b\[\?(?:7|1049|1000|1002|1003|1004|1006|1015|1016|2004|2026|2048|25)[hl]"
    r"|\x1b\[\?(?:2026|2048)\$p"
    r"|\x1b\[[<>=]\d*u|\x1b\[>4;[01]m"
    r"|\x1b\]22;(?:default|text|pointer)\x07"  # the pointer's shape
    r"|\x1b\[\d+;\d+H|\x1b\[6n"
    r"|\x1b\[(?:0|1|2|3|4|7|9|39|49|3[0-7]|4[0-7]|9[0-7]|10[0-7]|[34]8;2;\d{1,3};\d{1,3};\d{1,3}|[34]8;5;\d{1,3}|;)*m"
)

#: Characters that a terminal obeys, hides, or draws at a place of their own.
_FORBIDDEN = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def foreign(stream: bytes, allowed: Iterable[str] = ()) -> list[str]:
    """What in a stream to a terminal is not ours, in order.

    Args:
        stream: What the program wrote.
        allowed: Further sequences that are expected, each as a whole.
    """
    text = stream.decode("utf-8", "surrogateescape")
    expected = set(allowed)
    found = [
        sequence
        for sequence in _SEQUENCE.findall(text)
        if sequence not in expected and _OWN.fullmatch(sequence) is None
    ]
    return [*found, *_FORBIDDEN.findall(_SEQUENCE.sub("", text))]


def unprintable(text: str) -> list[str]:
    """What in plain output a terminal would obey or hide."""
    return [*_SEQUENCE.findall(text), *_FORBIDDEN.findall(_SEQUENCE.sub("", text).replace("\r\n", "\n"))]
