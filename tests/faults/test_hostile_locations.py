"""Fault: an artifact that says it lies outside of the workspace, in a device, in a pipe, or nowhere.

Where an artifact was is text that anybody may have written. No command may follow it out of the workspace,
wait for it, or show what is there.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from contexta.journal import paths
from tests.faults import fault, sizes
from tests.faults.sequences import unprintable
from tests.faults.texts import HOSTILE
from tests.lines import Lines

SECRET: Final = b"never to be seen " * 8
RUN: Final = "run:demo.r1"

#: Every command that may look at artifacts.
COMMANDS: Final = (
    ("contexta", "promote"),
    ("contexta-tui", "--once"),
    ("contexta-tui", "--json"),
    ("contexta", "lineage", "r1"),
    ("contexta", "report", "r1"),
    ("contexta", "show", "r1", "--json"),
    ("contexta", "verify"),
)

_SCHEMES: Final = ("path:", "", "file://", "file:", "PATH:", "path:path:", "s3://", "https://x@")
_HASHES: Final = (None, "ab" * 32, "no hash", "")


def locations(outside: Path, workspace: Path) -> Iterator[str]:
    """Places that are none of a workspace's business, in every spelling."""
    secret, pipe = outside / "secret", outside / "pipe"
    up = os.path.relpath(secret, workspace)
    plain = (
        str(secret),
        up,
        f"./{up}",
        f"{'../' * 30}{str(secret)[1:]}",
        f"{workspace}/{up}",
        f"/elsewhere/{workspace.name}/{up}",
        f"/elsewhere/{workspace.name}/link",
        "link",
        "folder-link/secret",
        str(pipe),
        "pipe",
        str(workspace / "pipe"),
        f"/elsewhere/{workspace.name}/pipe",
        "socket",
        "/proc/self/mem",
        "/proc/self/environ",
        "/proc/kmsg",
        "/proc/kcore",
        "/proc/self/fd/0",
        "/sys/kernel/debug/tracing/trace_pipe",
        "/dev/zero",
        "/dev/random",
        "/dev/tty",
        "/dev/stdin",
        "/dev/fd/0",
        "/",
        ".",
        "..",
        "",
        "~/.ssh/id_ed25519",
        "$HOME/.netrc",
        "%2e%2e/%2e%2e/secret",
        "C:\\Windows\\win.ini",
        "\\\\host\\share",
        "|id",
        "$(id)",
        "-rf",
        "a/" * 2_000,
        "x" * 100_000,
        *HOSTILE,
    )
    for scheme, place in itertools.product(_SCHEMES, plain):
        yield scheme + place


def build(workspace: Path, outside: Path, count: int) -> int:
    """Write a workspace whose artifacts lie in the first so many places; returns how many there are."""
    folder = paths.capture_dir(workspace)
    folder.mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)
    os.mkfifo(outside / "pipe")
    os.mkfifo(workspace / "pipe")
    (workspace / "link").symlink_to(outside / "secret")
    (workspace / "folder-link").symlink_to(outside)
    lines = Lines()
    (folder / "record.jsonl").write_bytes(lines.metric(RUN, "loss", 1.0))
    cases = itertools.product(_HASHES, locations(outside, workspace))
    with (folder / "artifact.jsonl").open("wb") as file:
        for number, (hash_value, location) in enumerate(itertools.islice(cases, count)):
            line = lines.artifact(f"a-{number}", location_ref="HOSTILE", hash_value=hash_value)
            line = line.replace(b'"manifest":{', b'"manifest":{"producer_ref":"sdk.test",', 1)
            file.write(line.replace(b"HOSTILE", json.dumps(location)[1:-1].encode()))
    return number + 1


@sizes(short=60, full=1_000)
def test_artifact_locations(size: int, tmp_path: Path, silent: int) -> None:
    workspace, outside = tmp_path / "job" / ".contexta", tmp_path / "outside"
    count = build(workspace, outside, size)
    never = ("escapes", "hangs", "crashes", "unclear endings")
    with fault("artifact locations outside the workspace", "locations", never=never, to_reach=size) as seen:
        for program, *arguments in COMMANDS if size > 100 else COMMANDS[:2]:
            there = (
                ["--workspace", str(workspace)] if program == "contexta" else [str(workspace), "--no-cache"]
            )
            command = [str(Path(sys.executable).with_name(program)), *arguments, *there]
            try:
                done = subprocess.run(
                    command, stdin=silent, capture_output=True, timeout=60, check=False, cwd=tmp_path
                )
            except subprocess.TimeoutExpired:
                seen.wrong("hangs", 1, command)
                continue
            said = done.stderr.decode()
            seen.wrong("crashes", done.returncode not in (0, 1) or "Traceback" in said, (command, said))
            seen.wrong("unclear endings", len(unprintable(said)), (command, said))
            seen.wrong("escapes", done.stdout.count(SECRET), command)
        seen.inject(count)
        vault = [path for path in (workspace / "artifacts").rglob("*") if path.is_file() or path.is_symlink()]
        bodies = [path for path in vault if path.parent.parent.parent.name == "objects"]
        seen.wrong("escapes", len(bodies), bodies)
        seen.wrong("escapes", sum(SECRET in path.read_bytes() for path in vault), vault)
        left = sorted(path.name for path in outside.iterdir())
        seen.wrong("escapes", left != ["pipe", "secret"] or (outside / "secret").read_bytes() != SECRET, left)


@pytest.fixture
def silent() -> Iterator[int]:
    """An input into which nobody writes and which stays open: whoever reads it waits for ever."""
    reading, writing = os.pipe()
    yield reading
    os.close(reading)
    os.close(writing)
