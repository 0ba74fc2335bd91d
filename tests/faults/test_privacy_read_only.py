"""Fault: a workspace that must not change, because it is evidence, a mount, or somebody else's.

The help screen says that the explorer never writes to a workspace. Here the whole tree is compared before and
after, and the descriptors of the running program are looked at all the while.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from contexta_tui.screens.help import READS
from tests.faults import fault, sizes
from tests.terminal import Terminal

_ACCESS = os.O_ACCMODE

#: What a person presses: everything that reads more.
_KEYS = ("n", "E", "E", "G", "g", "r", "j", "\x1b", "4", "z", "z", "3", "2", "f", "y", "1", "/a\r")


def fingerprint(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything of a tree that can change: names, kinds, modes, times, contents."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
        found[str(path)] = (
            status.st_mode,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            content,
        )
    return found


def open_for_writing(pid: int, folder: Path) -> list[str]:
    """The files below a folder that a process has open for writing now."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
            flags = int(
                re.search(r"flags:\s*(\d+)", Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text())[1], 8
            )  # type: ignore[index]
        except OSError:  # closed meanwhile
            continue
        if target.startswith(str(folder)) and flags & _ACCESS != os.O_RDONLY:
            found.append(target)
    return found


@sizes(short=1, full=10)
def test_a_workspace_is_never_written_to(size: int, public_workspace: Callable[[str], Path]) -> None:
    names = ("batch-demo-ledger-and-segments", "ranking-deployments", "iris-capture-only")
    never = ("changes", "descriptors open for writing", "failures")
    with fault("looking at a workspace that must not change", "sessions", never=never) as seen:
        workspaces = [public_workspace(name) for name in (names if size > 1 else names[:1])]
        for workspace in workspaces:
            for path in (*workspace.rglob("*"), workspace):
                path.chmod(0o555 if path.is_dir() else 0o444)
        before = {workspace: fingerprint(workspace) for workspace in workspaces}
        for number in range(size):
            workspace = workspaces[number % len(workspaces)]
            with Terminal(["contexta-tui", workspace], cols=120, rows=36) as term:
                term.wait_for(r"ended|live", timeout=30)
                for key in _KEYS:
                    term.press(key)
                    term.settle(quiet=0.5 if key == "\x1b" else 0.05)
                    writing = open_for_writing(term.process.pid, workspace)
                    seen.wrong("descriptors open for writing", len(writing), writing)
                term.press("?")
                term.wait_for("esc close")
                term.press("end")
                term.wait_for("never writes to it")
                term.press("\x1b")
                term.wait_gone("esc close")
                term.press("q")
                seen.wrong("failures", term.exit_code() != 0, term.text())
            after = fingerprint(workspace)
            changed = {
                path
                for path in {*before[workspace], *after}
                if before[workspace].get(path) != after.get(path)
            }
            seen.wrong("changes", len(changed), sorted(changed))
            seen.inject()
        for workspace in workspaces:
            for path in (workspace, *workspace.rglob("*")):
                path.chmod(0o755)


def test_the_help_screen_says_what_is_read_and_that_nothing_is_written() -> None:
    for part in (
        "cache/capture",
        "records/segments",
        "metadata/ledger.db",
        "artifacts/bindings",
        "never writes",
    ):
        assert part in READS
