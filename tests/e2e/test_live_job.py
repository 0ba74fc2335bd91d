"""The program as a user starts it, in a real terminal, on a job that runs in another process."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.e2e.job import Job
from tests.terminal import Terminal, is_red

pytestmark = pytest.mark.timeout(120)

ATTEMPTS = 8
"""A busy machine may delay a change; the best of so many is what the explorer can do."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / ".contexta"


def explorer(workspace: Path, *options: str, cols: int = 120, rows: int = 36) -> Terminal:
    return Terminal(["contexta-tui", str(workspace), *options], cols=cols, rows=rows)


def test_a_new_batch_appears_and_then_fails_within_a_second(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell("run tiny-cnn", "stage train", "batch epoch-1", "metric loss 1.472")
        term.wait_for("tiny-cnn", timeout=20)
        term.wait_for("train")
        term.press("f")
        term.wait_for(r"epoch-1")

        job.tell("close")
        epochs = iter(range(2, 2 + ATTEMPTS))
        assert any(_seconds_until_red(job, term, epoch) < 1.0 for epoch in epochs)

        # Away from it, everything collapsed: `n` finds it, expands what hides it, and says why.
        job.tell("batch newest")
        term.press("f", "g", "C")
        term.wait_gone("newest")
        term.press("n")
        term.wait_for(r"✖ epoch-2")
        term.wait_for("RuntimeError: CUDA out of memory")
        assert term.find("RuntimeError")[1] > 50, "the reason stands in the pane at the right"


def test_the_reason_of_a_failed_batch_is_on_an_80x24_screen(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace, cols=80, rows=24) as term:
        job.tell("run tiny-cnn", "stage train", "batch epoch-1", "metric loss 1.4", "fail disk on fire")
        term.wait_for("tiny-cnn", timeout=20)
        term.press("n")
        term.wait_for("RuntimeError: disk on fire")
        assert "epoch-1" in term.text()


def test_a_failed_deployment_is_found_and_shows_its_lineage(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell(
            "run tiny-cnn", "stage train", "metric loss 0.6", "close", "close", "deploy endpoint refused"
        )
        term.wait_for("failed_deployment", timeout=20)
        term.press("n")
        term.wait_for(r"canary.*←.*tiny-cnn")
        term.wait_for("RuntimeError: endpoint refused")
        row, column = term.find("failed_deployment")
        assert is_red(term.colour_at(row, column))


def test_a_job_killed_in_a_batch_stays_open_ages_and_is_called_stalled(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell("run tiny-cnn", "stage train", "batch epoch-1", "metric loss 1.472")
        term.wait_for("tiny-cnn", timeout=20)
        term.press("f")
        term.wait_for("● epoch-1")
        job.kill()
        term.wait_for("stalled_run", timeout=20)
        first = _age(term)
        term.wait_until(lambda: _age(term) > first, timeout=10, what="the growing age")
        assert "● epoch-1" in term.text(), "an open batch is shown open, not failed"
        assert "is open but its process" in term.text()


def test_recorded_markup_and_escapes_are_shown_literally(workspace: Path) -> None:
    hostile = r"[red]x[/foo] [@click=app.quit]go[/] \x1b]52;c;aGk=\x07\x1b[2J \u202e"
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell("run tiny-cnn", "stage train", "batch epoch-1", f"fail {hostile}")
        term.wait_for("tiny-cnn", timeout=20)
        term.press("n")
        term.wait_for(r"\[red\]x\[/foo\] \[@click=app\.quit\]go")
        term.press("y")
        term.settle()
        assert b"\x1b]52;c;aGk=" not in term.raw
        assert b"\x1b[2J \xe2" not in term.raw
        assert term.process.poll() is None


def test_korean_is_shown(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell("run tiny-cnn", "stage train", "batch epoch-1", r"fail \ud559\uc2b5 \uc2e4\ud328")
        term.wait_for("tiny-cnn", timeout=20)
        term.press("n")
        term.wait_for("학습 실패")


def test_a_workspace_that_appears_later_is_waited_for(workspace: Path) -> None:
    with explorer(workspace) as term:
        term.wait_for(r"(?i)waiting for", timeout=20)
        with Job(workspace) as job:
            job.tell("run tiny-cnn", "stage train", "metric loss 1")
            term.wait_for("tiny-cnn", timeout=10)


def test_a_filter_sent_in_one_write_is_not_taken_for_keys(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell(
            "run tiny-cnn",
            "stage train",
            "batch epoch-1",
            "metric loss 1.4",
            "close",
            "close",
            "stage evaluate",
        )
        term.wait_for("tiny-cnn", timeout=20)
        term.press("f")
        term.wait_for("evaluate")
        term.press("/kind:batch\r")
        term.wait_for("1 found")
        term.wait_for("kind:batch")
        term.press("G")
        term.wait_for("train › epoch-1")
        assert term.process.poll() is None


def test_quitting_restores_the_terminal(workspace: Path) -> None:
    with Job(workspace) as job, explorer(workspace) as term:
        job.tell("run tiny-cnn", "metric loss 1")
        term.wait_for("tiny-cnn", timeout=20)
        term.press("q")
        assert term.exit_code() == 0
        assert b"\x1b[?1049l" in term.raw, "the alternate screen was left"
        assert b"Traceback" not in term.raw


def _seconds_until_red(job: Job, term: Terminal, epoch: int) -> float:
    """From the failure of a new batch to its red row and its issue on the screen."""
    job.tell(f"batch epoch-{epoch}", "metric loss 0.618")
    term.wait_for(rf"epoch-{epoch}")
    job.tell("fail CUDA out of memory")
    began = time.monotonic()
    term.wait_for(rf"failed_batch\s.*epoch-{epoch}", timeout=10)
    term.wait_until(lambda: _red(term, rf"✖ epoch-{epoch}"), timeout=10, what="the red batch")
    return time.monotonic() - began


def _red(term: Terminal, pattern: str) -> bool:
    match = re.search(pattern, term.text())
    if match is None:
        return False
    return is_red(term.colour_at(*term.find(pattern)))


def _age(term: Terminal) -> float:
    match = re.search(r"last ([\d.]+) ?s ago", term.text())
    return float(match.group(1)) if match else 0.0
