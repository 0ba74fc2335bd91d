"""What to say of a filter that found nothing because one of its words selects by what there is not.

`status:faild` is looked for as text, as any word is, and found nowhere. What words mean is the queries'
affair; this only knows which statuses and kinds there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contexta.query.results import NodeKind, Status
from contexta.sanitize import safe

NOTHING: Final = "Nothing matches; esc shows all."

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "status": tuple(status.value for status in Status),
    "kind": tuple(kind.value for kind in NodeKind),
}


def unknown_choice(text: str) -> str:
    """One sentence about the first word of a filter that names a status or kind which there is not.

    Args:
        text: The filter.

    Returns:
        Text that is safe to show; empty when there is no such word.
    """
    for word in text.lower().split():
        name, separator, value = word.partition(":")
        choices = _CHOICES.get(name, ())
        if separator and choices and value not in choices:
            return f"{name}: takes {', '.join(choices[:-1])} or {choices[-1]}, not '{safe(value, 40)}'."
    return ""
