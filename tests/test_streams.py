"""A stream that cannot be written costs no exit code once it was let go of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_FULL = Path("/dev/full")
_LEFT = "import os, sys; from contexta.streams import abandon; sys.stdout.write('left'); "


def code_of(script: str) -> int:
    with _FULL.open("w") as full:
        command = [sys.executable, "-E", "-c", _LEFT + script]
        return subprocess.run(
            command, stdout=full, stderr=subprocess.DEVNULL, timeout=30, check=False
        ).returncode


@pytest.mark.skipif(not _FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("before", ["", "os.close(1); "], ids=["full", "closed"])
def test_what_is_left_goes_nowhere_and_changes_no_exit_code(before: str) -> None:
    assert code_of(before) == 120
    assert code_of(f"{before}abandon(sys.stdout)") == 0


@pytest.mark.skipif(not _FULL.exists(), reason="needs a device that is always full")
def test_no_descriptor_is_left_open() -> None:
    free = "free = os.dup(1); os.close(free); "
    assert code_of(f"{free}abandon(sys.stdout); os._exit(os.dup(1) != free)") == 0


def test_a_stream_without_a_descriptor_is_left_alone() -> None:
    script = "import io; from contexta.streams import abandon; abandon(io.StringIO())"
    subprocess.run([sys.executable, "-c", script], timeout=30, check=True)
