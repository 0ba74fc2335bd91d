"""The demo's job records what the demo promises, live and at once, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from contexta.loading import Loaded, load
from contexta.query.results import NodeKind, NodeRow, Status
from contexta.query.snapshot import Snapshot
from contexta_tui.demo_job import record_finished
from tests.architecture.source import ROOT
from tests.terminal import Terminal
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    workspace = tmp_path_factory.mktemp("demo") / ".contexta"
    record_finished(workspace)
    with load((workspace,), use_cache=False) as loaded:
        yield loaded


def runs(loaded: Loaded) -> dict[str, NodeRow]:
    (project,) = loaded.reader.projects()
    return {row.ref: row for row in loaded.reader.children(project.id, NodeKind.RUN, 0, 10)}


def codes(loaded: Loaded) -> set[str]:
    return {issue.code for issue in loaded.issues}


def test_three_runs_have_ended(finished: Loaded) -> None:
    assert list(runs(finished)) == [
        "run:digits-cnn.tiny-cnn-night",
        "run:digits-cnn.tiny-cnn",
        "run:digits-cnn.base-mlp",
    ]
    assert {row.status for row in runs(finished).values()} == {Status.COMPLETED}
    assert "야간" in runs(finished)["run:digits-cnn.tiny-cnn-night"].name


def test_all_that_a_demo_should_show_is_wrong(finished: Loaded) -> None:
    assert {
        "failed_batch",
        "failed_deployment",
        "failed_sample",
        "error_event",
        "non_finite_metric",
    } <= codes(finished)
    assert not codes(finished) & {"damaged_line", "stalled_run", "degraded_record", "failed_run"}


def test_the_failed_batch_says_why_with_a_stack_of_the_job(finished: Loaded) -> None:
    node = finished.find("tiny-cnn.evaluate.holdout")
    first = finished.reader.reasons(node.id)[0]
    assert first.title.startswith("RuntimeError: CUDA out of memory")
    assert 'File "digits/model.py"' in first.stacktrace
    assert "raise RuntimeError" in first.stacktrace
    assert {"gpu.memory", "correct", "latency"} <= {row.key for row in finished.reader.metrics(node.id)}


def test_no_stack_names_a_path_of_this_machine(finished: Loaded) -> None:
    (project,) = finished.reader.projects()
    traces = [reason.stacktrace for reason in finished.reader.reasons(project.id) if reason.stacktrace]
    assert traces
    assert {name for trace in traces for name in re.findall(r'File "([^"]+)"', trace)} <= {
        "digits/evaluate.py",
        "digits/model.py",
        "digits/data.py",
        "digits/deploy.py",
    }


def test_deployments_are_linked_to_runs_and_to_files_that_exist(finished: Loaded) -> None:
    canary, prod = finished.reader.lineage(None).deployments
    assert (canary.deployment.name, canary.deployment.status) == ("canary", Status.FAILED)
    assert (prod.deployment.name, prod.deployment.status) == ("prod", Status.COMPLETED)
    for link, run, size in ((canary, "tiny-cnn", 2_900), (prod, "base-mlp", 3_100)):
        assert link.run is not None
        assert link.artifact is not None
        assert (link.run.name, link.artifact.size_bytes) == (run, size)
        assert Path(link.artifact.location.removeprefix("path:")).stat().st_size == size
    assert canary.reasons[0].title.startswith("TimeoutError: canary")


def test_loss_falls_and_accuracy_rises(finished: Loaded) -> None:
    train = finished.find("tiny-cnn.train")
    for key, falls in (("loss", True), ("accuracy", False)):
        points = finished.reader.series(train.id, (key,), 8)[0].points
        first, last = points[0].mean, points[-1].mean
        assert first is not None
        assert last is not None
        assert (last < first / 2) if falls else (last > first * 1.5)


def without_place(snapshot: Snapshot, workspace: Path) -> str:
    kept = snapshot.model_copy(update={"generated_at": ""})
    return kept.model_dump_json(by_alias=True).replace(str(workspace), "WORKSPACE")


def test_the_same_seed_tells_the_same_story(tmp_path: Path) -> None:
    told = []
    for number, seed in enumerate((7, 7, 8)):
        workspace = (tmp_path / str(number)).resolve()
        record_finished(workspace, seed=seed)
        loaded = load((workspace,), use_cache=False)
        (project,) = loaded.reader.projects()
        told.append(
            (
                without_place(loaded.reader.snapshot(NodeKind.SAMPLE), workspace),
                loaded.reader.metrics(project.id),
            )
        )
    assert told[0] == told[1]
    assert told[0] != told[2]


@contextmanager
def live_job(workspace: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "contexta_tui.demo_job", str(workspace), *options], cwd=ROOT
    ) as job:
        try:
            yield job
        finally:
            job.kill()
            job.wait(10)


def now(workspace: Path) -> tuple[set[str], dict[str, NodeRow]]:
    """The codes of all issues, and the runs, as they are recorded now."""
    if not any(workspace.rglob("*.jsonl")):
        return set(), {}
    with load((workspace,), use_cache=False) as loaded:
        return codes(loaded), runs(loaded) if loaded.reader.projects() else {}


def test_live_the_story_goes_on_after_its_failures(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    last = "run:digits-cnn.tiny-cnn-night"
    with live_job(workspace, "--speed", "40") as job:
        wait_until(lambda: last in now(workspace)[1], 40, what="the last run", step=0.1)
        assert {"failed_batch", "failed_deployment", "failed_sample"} <= now(workspace)[0]
        assert now(workspace)[1][last].status is Status.OPEN
        job.terminate()
        assert job.wait(10) == 0
    assert now(workspace)[1][last].ended_at is not None


def test_the_job_ends_when_its_workspace_is_gone(tmp_path: Path) -> None:
    workspace = tmp_path / ".contexta"
    with live_job(workspace, "--speed", "40") as job:
        wait_until(lambda: any(workspace.rglob("record.jsonl")), 20, what="a record")
        workspace.rename(tmp_path / "gone")
        assert job.wait(10) == 0


def demo(tmp: Path) -> Terminal:
    return Terminal([sys.executable, "-m", "contexta_tui", "--demo"], cwd=ROOT, env={"TMPDIR": str(tmp)})


@pytest.fixture
def tmp(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("leave", ["q", "SIGTERM", "SIGHUP"])
def test_leaving_the_demo_leaves_nothing_behind(leave: str, tmp: Path) -> None:
    with demo(tmp) as terminal:
        terminal.wait_for("tiny-cnn", 30)
        (job,) = psutil.Process(terminal.process.pid).children()
        assert "contexta_tui.demo_job" in job.cmdline()
        if leave == "q":
            terminal.press("q")
            assert terminal.exit_code() == 0
        else:
            number = signal.Signals[leave]
            os.kill(terminal.process.pid, number)
            assert terminal.exit_code() == 128 + number
        assert list(tmp.glob("contexta-demo-*")) == []
        wait_until(lambda: not job.is_running(), what="the end of the job")


def test_the_job_does_not_outlive_a_killed_explorer(tmp: Path) -> None:
    with demo(tmp) as terminal:
        terminal.wait_for("tiny-cnn", 30)
        (job,) = psutil.Process(terminal.process.pid).children()
        os.kill(terminal.process.pid, signal.SIGKILL)
        wait_until(lambda: not job.is_running() or job.status() == psutil.STATUS_ZOMBIE, 10, what="its end")


def test_without_a_terminal_the_demo_prints_a_snapshot_and_leaves_nothing(tmp: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "contexta_tui", "--demo", "--fail-on", "error"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        timeout=50,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == ""
    assert "CUDA out of memory" in result.stdout
    assert "canary" in result.stdout
    assert list(tmp.iterdir()) == []
