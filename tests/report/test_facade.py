"""Reports of the facade, on workspaces that public Contexta wrote and on one that was captured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta import Contexta, InterpretationError
from contexta.report import Chart, Failure, ReportDocument
from contexta_tui.demo_job import record_finished

WORKSPACES = Path(__file__).parents[1] / "data" / "workspaces"
EXPECTED = json.loads((WORKSPACES / "expected.json").read_text(encoding="utf-8"))
RUNS = [(name, run) for name, workspace in EXPECTED.items() for run in workspace["runs"]]


def bodies(report: ReportDocument) -> dict[str, list[str]]:
    return {each.title: each.body.split("\n") for each in report.sections}


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_a_public_run_has_the_sections_that_public_contexta_gives_it(
    name: str, run: str, public_workspace: Callable[[str], Path]
) -> None:
    expected = EXPECTED[name]["runs"][run]
    with Contexta(workspace=public_workspace(name)) as ctx:
        report = ctx.build_snapshot_report(run)
    assert report.title == f"Run Snapshot Report: {run}"
    assert [each.title for each in report.sections] == [*expected["sections"], "Metrics", "Why"]
    found = bodies(report)
    assert found["Completeness Notes"] == [f"warning: {note}" for note in expected["notes"]]
    assert sorted(found["Diagnostics"]) == sorted(
        f"{severity}:{code}: {summary}" for severity, code, _, summary in expected["diagnostics"]
    )
    assert found["Why"] == ["No failures."]


def test_the_batches_of_a_public_run_are_told_line_by_line(public_workspace: Callable[[str], Path]) -> None:
    with Contexta(workspace=public_workspace("batch-demo-ledger-and-segments")) as ctx:
        found = bodies(ctx.build_snapshot_report("run-01"))
    assert [line.partition(", order")[0] for line in found["Batches"]] == [
        "epoch-0: stage=train, status=completed",
        "epoch-1: stage=train, status=completed",
    ]
    assert found["Deployments"] == ["model-v1: status=completed, run_id=run:batch-demo.run-01"]
    assert found["Samples"][0].startswith("s0-000: observed_at=")


def test_two_public_runs_and_their_project(public_workspace: Callable[[str], Path]) -> None:
    with Contexta(workspace=public_workspace("ranking-deployments")) as ctx:
        both = ctx.build_run_report("friday-run-a", "friday-run-c")
        project = ctx.build_project_summary_report("project:ctr-ranking-model")
        changed = ctx.compare_report_documents(
            ctx.build_snapshot_report("friday-run-a"), ctx.build_snapshot_report("friday-run-c")
        )
    assert [each.title for each in both.sections][:5] == [
        "Summary",
        "Metric Deltas",
        "Artifact Changes",
        "Diagnostics",
        "Completeness Notes",
    ]
    assert any(": auc: left=0.912, right=0.938" in line for line in bodies(both)["Metric Deltas"])
    assert len(bodies(project)["Runs"]) == 3
    assert len(bodies(project)["Deployments"]) == 2
    assert not changed.identical


def test_a_captured_run_tells_why_it_failed(tmp_path: Path) -> None:
    record_finished(tmp_path / ".contexta")
    with Contexta(workspace=tmp_path / ".contexta", source="all") as ctx:
        report = ctx.build_snapshot_report("run:digits-cnn.tiny-cnn")
    metrics, why = report.sections[-2:]
    failures = [block for block in why.blocks if isinstance(block, Failure)]
    oom = next(each for each in failures if each.path == ("evaluate", "holdout"))
    assert oom.title.startswith("RuntimeError: CUDA out of memory")
    assert any("in _forward" in line for line in oom.stacktrace)
    assert {each.kind for each in failures} == {"deployment", "batch", "sample"}
    assert {"loss", "accuracy"} <= {block.title for block in metrics.blocks if isinstance(block, Chart)}


def test_what_was_captured_counts_only_when_asked_for(tmp_path: Path) -> None:
    record_finished(tmp_path / ".contexta")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        with pytest.raises(InterpretationError) as refused:
            ctx.build_snapshot_report("run:digits-cnn.tiny-cnn")
        assert refused.value.code == "query_run_not_found"
        report = ctx.build_project_summary_report("digits-cnn", include_captured=True)
    assert len(bodies(report)["Runs"]) == 3
    assert any("failed_batch" in line for line in bodies(report)["Failures"])


def test_a_facade_that_reports_nothing_loads_no_reports() -> None:
    code = "import sys; from contexta import Contexta; Contexta; print('contexta.report' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
