"""Fault: the ledger of a workspace is held, damaged, foreign or not there; the explorer says so and goes on.

What is captured beside it has the same numbers whatever becomes of the ledger, and what cannot be read adds
nothing.
"""

from __future__ import annotations

import ctypes
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

from contexta.journal.paths import ledger_path
from contexta_tui.once import run_once
from contexta_tui.settings import Settings
from tests.faults import Seen, fault, sizes
from tests.faults.ledger_faults import FAULTS, held, workspace_at

Snap = Callable[[Path], tuple[dict[str, Any] | None, str]]

ROOT: Final = Path(__file__).parents[2]
NEVER: Final = (
    "tracebacks",
    "states that are not told",
    "captured facts that changed",
    "stored facts that are wrong",
    "files that changed",
)

_CAPTURED: Final = {"records": 3, "metrics": 2, "events": 1}
_PR_CAPBSET_DROP: Final = 24
_CAPABILITIES_TO_READ_ALL: Final = (1, 2)


def _as_anybody() -> None:
    """Give up what lets root read files that nobody may read; in a child, before it becomes the program."""
    for capability in _CAPABILITIES_TO_READ_ALL:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _snapshot(workspace: Path) -> tuple[dict[str, Any] | None, str]:
    done = subprocess.run(
        [sys.executable, "-m", "contexta_tui", str(workspace), "--once", "--json", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_as_anybody,
    )
    told = json.loads(done.stdout) if done.returncode == 0 else None
    return told, done.stderr


def _snapshot_here(workspace: Path) -> tuple[dict[str, Any] | None, str]:
    """The same without a process of its own; may read what root may."""
    out, problem = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(problem):
        code = run_once(Settings(workspaces=(workspace,), once=True, as_json=True, use_cache=False))
    return json.loads(out.getvalue()) if code == 0 else None, problem.getvalue()


def _listed(workspace: Path) -> dict[str, tuple[int, int, int]]:
    facts = {str(path): path.lstat() for path in workspace.rglob("*")}
    return {name: (one.st_mode, one.st_size, one.st_mtime_ns) for name, one in facts.items()}


def _stored_run(snapshot: dict[str, Any]) -> dict[str, Any]:
    (project,) = snapshot["projects"]
    (run,) = [run for run in project["runs"] if run["ref"] == "run:p.r"]
    return run  # type: ignore[no-any-return]


def _check(name: str, workspace: Path, snap: Snap, seen: Seen) -> None:
    wrong = FAULTS[name]
    path = ledger_path(workspace)
    wrong.break_it(path)
    before = _listed(workspace)
    with held(path) if wrong.state == "locked" else nullcontext():
        if wrong.state == "locked":
            before = _listed(workspace)
        snapshot, problem = snap(workspace)
        seen.wrong("files that changed", before != _listed(workspace), name)
    seen.inject()
    # One sentence on standard error for what cannot be read, nothing else.
    sentences = [line.endswith(").") and "cannot be read" in line for line in problem.splitlines()]
    if snapshot is None or sentences != [True] * (wrong.state == "unreadable"):
        seen.wrong("tracebacks", example=f"{name}: {problem}")
        return
    sources = [source for source in snapshot["sources"] if source["kind"] == "ledger"]
    told = [(source["state"], source["damaged_lines"]) for source in sources]
    detail = sources[0]["detail"] if sources else ""
    owed = [(wrong.state, wrong.damaged)] if wrong.state else []
    fits = (
        told == owed
        and wrong.says in detail
        and "\n" not in detail
        and bool(detail) == (wrong.state not in ("", "ok"))
    )
    seen.wrong("states that are not told", not fits, f"{name}: {sources}")
    seen.wrong(
        "captured facts that changed",
        any(snapshot["counts"][what] != count for what, count in _CAPTURED.items())
        or _captured_run(snapshot) != ("completed", 3, [("completed", 3)]),
        name,
    )
    run = _stored_run(snapshot)
    batches = sum(len(stage["batches"]) for stage in run["stages"])
    status = "open" if wrong.batches else "unknown"
    # Without a ledger the run is known from the artifact that is bound to it.
    seen.wrong(
        "stored facts that are wrong",
        (run["status"], batches, run["records"]) != (status, wrong.batches, 0),
        f"{name}: {run}",
    )


def _captured_run(snapshot: dict[str, Any]) -> tuple[str, int, list[tuple[str, int]]]:
    (project,) = snapshot["projects"]
    (run,) = [run for run in project["runs"] if run["ref"] == "run:p.c"]
    batches = [(batch["status"], batch["records"]) for stage in run["stages"] for batch in stage["batches"]]
    return run["status"], run["records"], batches


@sizes(short=1, full=len(FAULTS) * 3)
def test_a_ledger_is_not_as_it_should_be(size: int, tmp_path: Path) -> None:
    healthy = workspace_at(tmp_path / "healthy")
    names = list(FAULTS) if size > 1 else ["is held by another process"]
    snap = _snapshot if size > 1 else _snapshot_here
    with fault("the ledger is held, damaged, foreign or not there", "snapshots", never=NEVER) as seen:
        for number in range(max(1, size // len(FAULTS))):
            for name in names:
                workspace = tmp_path / f"{number} {name}" / ".contexta"
                shutil.copytree(healthy, workspace, symlinks=True)
                _check(name, workspace, snap, seen)
                shutil.rmtree(workspace)
