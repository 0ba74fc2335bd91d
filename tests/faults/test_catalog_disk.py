"""Fault: the disk with the index is full, too small or read-only; whoever asks is answered all the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults import Seen, fault, sizes
from tests.faults.calls import why_not
from tests.faults.test_disk_fails import _can_mount, _count

ROOT: Final = Path(__file__).parents[2]
NEVER: Final = (
    "wrong answers",
    "errors",
    "kept in memory without a word",
    "indexes that the next process cannot use",
    "indexes that differ from a fresh one",
)
#: Ways of asking, and what there is of the index before.
_ASKING: Final = (("load", "half"), ("load", "fresh"), ("follow", "half"), ("follow", "fresh"))
_WORD: Final = re.compile(r"The index is kept in memory: [^\n]+")
_SCENARIOS: Final = ("index", "index-fresh")


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@sizes(short=2, full=200)
def test_any_call_of_the_database_fails_while_an_index_is_filled(size: int, tmp_path: Path) -> None:
    """The full form fails every call; the short one two, of one way of asking."""
    with fault("a call of the database fails while an index is filled", "injections", never=NEVER) as seen:
        for way, state in _ASKING if size > 2 else _ASKING[:1]:
            command = [sys.executable, "-m", "tests.faults.catalog_calls", way, state]
            done = subprocess.run(
                [*command, str(tmp_path / f"{way}-{state}"), str(size)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            for line in done.stdout.splitlines():
                seen.inject()
                _judge(json.loads(line), seen)
        assert seen.others["kept in memory"] > 0


def _judge(found: dict[str, Any], seen: Seen) -> None:
    at, asked, compared = found["failure"], found["asked"]["said"], found["next"]["said"]
    seen.wrong("errors", asked is None or compared is None, found)
    if asked is not None:
        wrong = asked["shown"] != found["owed"] or asked["counted"] > asked["recorded"]
        seen.wrong("wrong answers", wrong, (at, asked))
        seen.also("calls failed", found["asked"]["failed"])
        seen.also("kept in memory", asked["in_memory"])
        silent = asked["in_memory"] and at.startswith("follow") and not _WORD.fullmatch(asked["word"])
        seen.wrong("kept in memory without a word", silent, (at, asked["word"]))
    if compared is not None:
        seen.wrong("indexes that the next process cannot use", bool(compared["notice"]), (at, compared))
        seen.wrong("indexes that differ from a fresh one", bool(compared["differ"]), (at, compared))


@sizes(short=2, full=30)
def test_no_file_of_an_index_may_grow_beyond_a_limit(size: int, tmp_path: Path) -> None:
    _count("no file of an index may grow beyond a limit", "limit", _SCENARIOS, tmp_path, size)


@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace")
@sizes(short=2, full=40)
def test_a_file_system_with_an_index_is_full_to_the_last_pages(size: int, tmp_path: Path) -> None:
    _count("a file system with an index has few pages left", "room", _SCENARIOS, tmp_path, size)


@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace")
@sizes(short=1, full=2)
def test_a_file_system_with_an_index_becomes_read_only(size: int, tmp_path: Path) -> None:
    _count("a file system with an index becomes read-only", "read-only", _SCENARIOS, tmp_path, size)
