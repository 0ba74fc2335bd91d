"""The snapshot as a document for scripts, limited to a branch or to what a filter finds.

The document itself is `contexta.query.snapshot.Snapshot`; limiting it leaves out nodes, never fields.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from contexta.query.results import Issue
from contexta.query.snapshot import (
    BatchItem,
    IssueItem,
    ProjectItem,
    RunItem,
    SampleItem,
    Snapshot,
    StageItem,
)


def completed(snapshot: Snapshot, workspaces: Sequence[Path], issues: Sequence[Issue]) -> Snapshot:
    """The snapshot with the folders that were read, and with these issues.

    Args:
        snapshot: As the reader takes it.
        workspaces: The folders; bytes that are no text in their names become escapes.
        issues: The issues to name.
    """
    return snapshot.model_copy(
        update={
            "workspaces": [visible(str(workspace)) for workspace in workspaces],
            "issues": [
                IssueItem(
                    severity=issue.severity,
                    code=issue.code,
                    ref=visible(issue.ref),
                    summary=visible(issue.summary),
                )
                for issue in issues
            ],
        }
    )


def narrowed(snapshot: Snapshot, refs: Collection[str]) -> Snapshot:
    """The snapshot with nothing in it but some nodes, all under them, and what they belong to.

    Args:
        snapshot: All of it.
        refs: Refs of the nodes.
    """
    projects = [kept for project in snapshot.projects if (kept := _project(project, refs))]
    return snapshot.model_copy(update={"projects": projects})


def as_json(snapshot: Snapshot, *, indent: int | None = None) -> str:
    """The document as JSON in ASCII, so that it is safe to show and every stream can take it."""
    text = snapshot.model_dump_json(by_alias=True, ensure_ascii=True, indent=indent)
    return text.replace("\x7f", "\\u007f") + "\n"


def visible(text: str) -> str:
    """Text without the halves of characters by which Python keeps undecodable bytes of file names."""
    return text.encode("utf-8", "backslashreplace").decode()


def _project(project: ProjectItem, refs: Collection[str]) -> ProjectItem | None:
    if project.ref in refs:
        return project
    runs = [kept for run in project.runs if (kept := _run(run, refs))]
    deployments = [item for item in project.deployments if item.ref in refs]
    if not runs and not deployments:
        return None
    return project.model_copy(update={"runs": runs, "deployments": deployments})


def _run(run: RunItem, refs: Collection[str]) -> RunItem | None:
    if run.ref in refs:
        return run
    stages = [kept for stage in run.stages if (kept := _stage(stage, refs))]
    return run.model_copy(update={"stages": stages}) if stages else None


def _stage(stage: StageItem, refs: Collection[str]) -> StageItem | None:
    if stage.ref in refs:
        return stage
    batches = [kept for batch in stage.batches if (kept := _batch(batch, refs))]
    samples = _samples(stage.samples, refs)
    return stage.model_copy(update={"batches": batches, "samples": samples}) if batches or samples else None


def _batch(batch: BatchItem, refs: Collection[str]) -> BatchItem | None:
    if batch.ref in refs:
        return batch
    samples = _samples(batch.samples, refs)
    return batch.model_copy(update={"samples": samples}) if samples else None


def _samples(samples: Sequence[SampleItem], refs: Collection[str]) -> list[SampleItem]:
    return [sample for sample in samples if sample.ref in refs]
