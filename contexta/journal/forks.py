"""What a forked child must begin anew: locks that a thread of its parent may hold, and descriptors.

Objects that hold such things register here. All of them start over while the child has one thread only, so
that none of its threads can ever see one half way.
"""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol


class Inherited(Protocol):
    """Something that a forked child gets a copy of."""

    def start_over(self) -> None:
        """Begin anew, as this process's own; called in the child, before anything else runs there."""


_INHERITED: Final[weakref.WeakSet[Inherited]] = weakref.WeakSet()


def start_over_in_child(one: Inherited) -> None:
    """Have an object start over in every child that is forked while it is alive."""
    _INHERITED.add(one)


def _in_child() -> None:
    for one in list(_INHERITED):
        one.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
