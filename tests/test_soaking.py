"""Long tests come in an order, and yield to the one that is watched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests import soaking


class Item:
    """A test with or without a mark."""

    def __init__(self, name: str, mark: pytest.MarkDecorator | None) -> None:
        self.name = name
        self._mark = mark

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return None if self._mark is None else self._mark.mark


def test_the_one_that_is_watched_begins_and_those_that_count_seconds_lie_behind_it() -> None:
    items = [
        Item("a", pytest.mark.soak),
        Item("b", pytest.mark.soak(when="last")),
        Item("c", pytest.mark.soak(when="first")),
        Item("d", pytest.mark.soak(when="")),
        Item("e", pytest.mark.soak(when="last")),
    ]
    soaking.in_order(cast("list[pytest.Item]", items))
    assert "".join(item.name for item in items) == "cebad"


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="needs a policy for idle processes")
def test_all_others_yield() -> None:
    program = """
import os
import pytest
from tests import soaking
from tests.test_soaking import Item

for mark in (None, pytest.mark.soak(when="first"), pytest.mark.soak):
    soaking.yield_to_others(Item("x", mark))
    print(os.sched_getscheduler(0) == os.SCHED_IDLE)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False", "True"]
