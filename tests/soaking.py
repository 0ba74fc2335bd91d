"""The order and the priority of long tests: one is watched for half an hour, all others yield to it.

`make soak` begins with the test that is marked `soak(when="first")`, on a worker of its own. What it measures
is what somebody would feel whose machine is otherwise idle; so every other long test gives up its priority
before it runs, and gets the processor only when nobody else wants it. Those that count seconds themselves are
marked `soak(when="last")`: they lie behind the first one in its worker's queue, which the other workers empty
from its end.
"""

from __future__ import annotations

import os
from contextlib import suppress

import pytest


def when(item: pytest.Item) -> str | None:
    """When a long test comes, or `None` for one that is not long."""
    mark = item.get_closest_marker("soak")
    return None if mark is None else str(mark.kwargs.get("when", ""))


def in_order(items: list[pytest.Item]) -> None:
    """Put long tests into the order in which they are to begin."""
    first, last = ([item for item in items if when(item) == at] for at in ("first", "last"))
    others = [item for item in items if when(item) not in ("first", "last")]
    # The one right behind the first is left to its worker: the last of all.
    items[:] = [*first, *reversed(last), *others]


def yield_to_others(item: pytest.Item) -> None:
    """Give up the priority of this process before a long test, but for the first one; for good."""
    if when(item) in ("", "last"):
        if hasattr(os, "SCHED_IDLE"):
            with suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
                return
        os.nice(19)
