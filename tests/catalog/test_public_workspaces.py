"""What public Contexta says of its own workspaces, this catalog says too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contexta.live import Follower
from contexta.query.results import NodeKind
from contexta.reader import CatalogReader

EXPECTED = json.loads(
    (Path(__file__).parents[1] / "data" / "workspaces" / "expected.json").read_text(encoding="utf-8")
)


def _all(reader: CatalogReader, parent: int, kind: NodeKind) -> dict[str, Any]:
    return {row.ref: row for row in reader.children(parent, kind, 0, 1_000)}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_fact_that_public_contexta_states_is_there(
    name: str, public_workspace: Callable[[str], Path]
) -> None:
    expected = EXPECTED[name]
    reader, found = Follower([public_workspace(name)], use_cache=False).load()
    assert len(found) == 1
    counts = reader.counts()
    assert {
        "projects": counts.projects,
        "runs": counts.runs,
        "stage_executions": counts.stages,
        "batch_executions": counts.batches,
        "sample_observations": counts.samples,
        "deployment_executions": counts.deployments,
    } == expected["counts"]
    assert [project.ref for project in reader.projects()] == expected["projects"]
    links = {
        link.deployment.ref: [link.deployment.status, link.run_ref, link.artifact_ref]
        for link in reader.lineage(None).deployments
    }
    assert links == expected["deployments"]

    issues = [(str(issue.severity), issue.code, issue.ref, issue.summary) for issue in reader.issues()]
    for ref, facts in expected["runs"].items():
        run = reader.find(ref)
        assert run is not None
        assert (run.status, run.records) == (facts["status"], facts["records"])
        stages = _all(reader, run.id, NodeKind.STAGE)
        assert {ref: row.status for ref, row in stages.items()} == facts["stages"]
        batches: dict[str, Any] = {}
        samples: dict[str, Any] = {}
        for stage in stages.values():
            batches |= _all(reader, stage.id, NodeKind.BATCH)
            samples |= _all(reader, stage.id, NodeKind.SAMPLE)
        for batch in batches.values():
            samples |= _all(reader, batch.id, NodeKind.SAMPLE)
        assert {ref: row.status for ref, row in batches.items()} == facts["batches"]
        assert sorted(samples) == sorted(facts["samples"])
        values = [[row.key, row.value] for row in reader.records(run.id, limit=1_000) if row.type == "metric"]
        assert sorted(values) == sorted(facts["metrics"])
        own = {
            link.deployment.ref: [link.deployment.status, link.run_ref, link.artifact_ref]
            for link in reader.lineage(run.id).deployments
        }
        assert own == facts["deployments"]
        for issue in facts["diagnostics"]:
            assert tuple(issue) in issues
    stated = [tuple(issue) for facts in expected["runs"].values() for issue in facts["diagnostics"]]
    assert sorted(issues) == sorted(stated)


def test_a_capture_without_a_ledger_has_runs_metrics_and_artifacts_of_unknown_status(
    public_workspace: Callable[[str], Path],
) -> None:
    reader, _ = Follower([public_workspace("iris-capture-only")], use_cache=False).load()
    counts = reader.counts()
    assert (counts.runs, counts.batches, counts.samples, counts.artifacts, counts.records) == (2, 2, 2, 2, 6)
    project = reader.projects()[0]
    runs = reader.children(project.id, NodeKind.RUN, 0, 10)
    assert {run.status for run in runs} == {"unknown"}
    for run in runs:
        (artifact,) = reader.lineage(run.id).artifacts
        assert artifact.name.endswith(".pkl")
        assert artifact.size_bytes


@pytest.mark.parametrize("name", ["iris-capture-only", *sorted(EXPECTED)])
def test_reading_a_workspace_leaves_no_trace_in_it(
    name: str, public_workspace: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = public_workspace(name)
    monkeypatch.chdir(workspace)
    for folder, _, files in os.walk(workspace):
        for file in files:
            Path(folder, file).chmod(0o400)
        Path(folder).chmod(0o500)

    def listing() -> list[tuple[str, int, int, int]]:
        found = []
        for folder, folders, files in os.walk(workspace):
            for entry in (*folders, *files):
                path = Path(folder, entry)
                stat = path.lstat()
                found.append((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns))
        stat = workspace.lstat()
        return [(str(workspace), stat.st_ino, 0, stat.st_mtime_ns), *sorted(found)]

    before = listing()
    reader, _ = Follower([workspace], cache_dir=tmp_path / "cache").load()
    reader.snapshot(NodeKind.SAMPLE)
    reader.close()
    assert listing() == before
