"""Fault: the disk with the index is full, too small or read-only; whoever asks is answered all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.faults import sizes
from tests.faults.test_disk_fails import _can_mount, _count

_SCENARIOS: Final = ("index", "index-fresh")


@sizes(short=2, full=60)
def test_no_file_of_an_index_may_grow_beyond_a_limit(size: int, tmp_path: Path) -> None:
    _count("no file of an index may grow beyond a limit", "limit", _SCENARIOS, tmp_path, size)


@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace")
@sizes(short=2, full=80)
def test_a_file_system_with_an_index_is_full_to_the_last_pages(size: int, tmp_path: Path) -> None:
    _count("a file system with an index has few pages left", "room", _SCENARIOS, tmp_path, size)


@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace")
@sizes(short=1, full=2)
def test_a_file_system_with_an_index_becomes_read_only(size: int, tmp_path: Path) -> None:
    _count("a file system with an index becomes read-only", "read-only", _SCENARIOS, tmp_path, size)
