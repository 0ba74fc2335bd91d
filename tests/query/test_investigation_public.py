"""Workspaces that public Contexta wrote answer what public Contexta answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta
from tests.conftest import DATA

EXPECTED: dict[str, Any] = json.loads((DATA / "workspaces" / "expected.json").read_text(encoding="utf-8"))
RUNS = [(name, run) for name, known in EXPECTED.items() for run in known["runs"]]


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_run(public_workspace: Callable[[str], Path], name: str, run: str) -> None:
    expected = EXPECTED[name]["runs"][run]
    with Contexta(workspace=public_workspace(name)) as ctx:
        snapshot = ctx.get_run_snapshot(run)
        diagnosis = ctx.diagnose_run(run)
        deployments = ctx.list_deployments(run_id=run)
        stages = ctx.list_stages(run)
    assert snapshot.run.status == expected["status"]
    assert {stage.stage_id: stage.status for stage in snapshot.stages} == expected["stages"]
    assert {batch.batch_id: batch.status for batch in snapshot.batches} == expected["batches"]
    assert [sample.sample_id for sample in snapshot.samples] == expected["samples"]
    assert [artifact.artifact_ref for artifact in snapshot.artifacts] == expected["artifacts"]
    assert len(snapshot.records) == expected["records"]
    metrics = [[record.key, record.value] for record in snapshot.records if record.record_type == "metric"]
    assert sorted(metrics) == sorted(expected["metrics"])
    assert list(snapshot.completeness_notes) == expected["notes"]
    assert {
        deployment.deployment_id: [deployment.status, deployment.run_id, deployment.artifact_ref]
        for deployment in snapshot.deployments
    } == expected["deployments"]
    issues = [[issue.severity, issue.code, issue.subject_ref, issue.summary] for issue in diagnosis.issues]
    assert sorted(issues) == expected["diagnostics"]
    assert [(note.severity, note.summary) for note in diagnosis.completeness_notes] == [
        ("warning", note) for note in expected["notes"]
    ]
    assert (deployments, stages) == (snapshot.deployments, snapshot.stages)


@pytest.mark.parametrize("name", EXPECTED)
def test_project(public_workspace: Callable[[str], Path], name: str) -> None:
    workspace = public_workspace(name)
    before = {path: path.stat().st_mtime_ns for path in workspace.rglob("*")}
    with Contexta(workspace=workspace) as ctx:
        (project,) = ctx.list_projects()
        assert [f"project:{project}"] == EXPECTED[name]["projects"]
        assert {run.run_id for run in ctx.list_runs(project)} == set(EXPECTED[name]["runs"])
        found = {
            deployment.deployment_id: [deployment.status, deployment.run_id, deployment.artifact_ref]
            for deployment in ctx.list_deployments(project)
        }
        assert found == EXPECTED[name]["deployments"]
    assert {path: path.stat().st_mtime_ns for path in workspace.rglob("*")} == before


def test_a_capture_alone_is_nothing_that_is_stored(public_workspace: Callable[[str], Path]) -> None:
    with Contexta(workspace=public_workspace("iris-capture-only")) as ctx:
        assert ctx.list_projects() == ()
        assert ctx.list_runs() == ()
        assert ctx.list_batches("run:iris-svm.linear-svm") == ()


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / "missing") as ctx:
        assert ctx.list_projects() == ()
        assert ctx.list_runs() == ()
        assert ctx.list_deployments() == ()
    assert list(tmp_path.iterdir()) == []
