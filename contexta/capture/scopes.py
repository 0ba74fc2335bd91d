"""Run, stage, batch, sample, operation and deployment, and what may be opened where.

::

    run ── stage ──┬── batch ──┬── sample
                   │           └── operation
                   ├── sample
                   └── operation
    deployment          beside runs, never inside one

Opening something in the wrong place is a mistake of the job's author and raises `LifecycleError` with a code
of the format specification, section 8.
"""
# ruff: noqa: SLF001 - the scope classes are one family and share what users of a scope must not touch

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import ClassVar

from contexta.capture.encode import Subject
from contexta.capture.leaves import LeafOwner
from contexta.capture.lifecycle import present
from contexta.capture.nesting import child_ref, inactive, refuse_second
from contexta.capture.runtime import Runtime
from contexta.capture.scope import Scope
from contexta.capture.values import map_of
from contexta.contract.refs import StableRef, normalise_name


class BatchScope(LeafOwner):
    """One round of a stage that repeats: an epoch, a file, a chunk."""

    scope_kind = "batch"
    payload_type = "BatchExecution"

    def __init__(
        self,
        owner: StageScope,
        name: str,
        *,
        batch_ref: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        component, ref = child_ref(owner, "batch", name, batch_ref, "batch_ref")
        self.order_index = next(owner._batch_order)
        super().__init__(
            owner._runtime,
            ref,
            owner._subject._replace(subject_ref=ref.text, batch_execution_ref=ref.text),
            name=component,
            display_name=name.strip(),
            owner=owner,
            metadata=metadata,
        )

    def _fields(self, status: str, ended_at: str | None) -> dict[str, object]:
        return {
            "batch_execution_ref": self.ref,
            "run_ref": self._subject.run_ref,
            "stage_execution_ref": self._subject.stage_execution_ref,
            "batch_name": self.name,
            "status": status,
            "started_at": self.started_at,
            "ended_at": ended_at,
            "order_index": self.order_index,
        }


class StageScope(LeafOwner):
    """A phase of a run, such as train or evaluate."""

    scope_kind = "stage"
    payload_type = "StageExecution"

    def __init__(
        self,
        owner: RunScope,
        name: str,
        *,
        stage_ref: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        component, ref = child_ref(owner, "stage", name, stage_ref, "stage_ref")
        self.order_index = next(owner._stage_order)
        self._batch_order = itertools.count()
        super().__init__(
            owner._runtime,
            ref,
            owner._subject._replace(subject_ref=ref.text, stage_execution_ref=ref.text),
            name=component,
            display_name=name.strip(),
            owner=owner,
            metadata=metadata,
        )

    def batch(
        self, name: str, *, batch_ref: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> BatchScope:
        """Open a batch.

        Args:
            name: Its name; becomes lower case with hyphens in the reference.
            batch_ref: Must be the reference that follows from the name, when given.
            metadata: Facts about it.

        Raises:
            LifecycleError: ``runtime_inactive_stage_scope``, ``runtime_batch_already_open``,
                ``runtime_invalid_…`` for the name, ``runtime_ref_mismatch``.
            ClosedScopeError: The stage was closed.
        """
        if self.is_closed:
            raise self._closed_error()
        active = self._runtime.stack.find("stage")
        if active is not self:
            raise inactive(self, "stage", active)
        refuse_second(self._runtime, "batch", self)
        return BatchScope(self, name, batch_ref=batch_ref, metadata=metadata)._opened()

    def _fields(self, status: str, ended_at: str | None) -> dict[str, object]:
        return {
            "stage_execution_ref": self.ref,
            "run_ref": self._subject.run_ref,
            "stage_name": self.name,
            "status": status,
            "started_at": self.started_at,
            "ended_at": ended_at,
            "order_index": self.order_index,
        }


class RunScope(Scope):
    """One execution of a job.

    Attributes:
        name: As the author wrote it.
        run_id: The name in the reference.
        tags: Texts by which to find the run.
        code_revision: E.g. a commit.
        config_snapshot: The job's settings.
        config_snapshot_ref: Always None: settings travel in the run's context line.
        dataset_ref: What it worked on; free text.
    """

    scope_kind = "run"
    payload_type = "Run"

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        metadata: Mapping[str, object] | None = None,
        code_revision: str | None = None,
        config_snapshot: Mapping[str, object] | None = None,
        dataset_ref: str | None = None,
    ) -> None:
        self.run_id = normalise_name(run_id or name, field_name="run_id")
        display_name = name.strip() if isinstance(name, str) and name.strip() else self.run_id
        ref = StableRef("run", f"{runtime.project_ref.value}.{self.run_id}")
        self.tags = map_of(tags)
        self.code_revision = code_revision
        self.config_snapshot = None if config_snapshot is None else map_of(config_snapshot)
        self.config_snapshot_ref: str | None = None
        self.dataset_ref = dataset_ref
        self._stage_order = itertools.count()
        super().__init__(
            runtime,
            ref,
            Subject(runtime.dispatcher.producer_ref, ref.text, ref.text),
            name=display_name,
            display_name=display_name,
            owner=None,
            metadata=metadata,
        )

    def stage(
        self, name: str, *, stage_ref: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> StageScope:
        """Open a stage.

        Args:
            name: Its name; becomes lower case with hyphens in the reference.
            stage_ref: Must be the reference that follows from the name, when given.
            metadata: Facts about it.

        Raises:
            LifecycleError: ``runtime_inactive_run_scope``, ``runtime_stage_already_open``,
                ``runtime_invalid_…`` for the name, ``runtime_ref_mismatch``.
            ClosedScopeError: The run was closed.
        """
        if self.is_closed:
            raise self._closed_error()
        active = self._runtime.stack.find("run")
        if active is not self:
            raise inactive(self, "run", active)
        refuse_second(self._runtime, "stage", self)
        return StageScope(self, name, stage_ref=stage_ref, metadata=metadata)._opened()

    def _fields(self, status: str, ended_at: str | None) -> dict[str, object]:
        return {
            "run_ref": self.ref,
            "project_ref": self._runtime.project_ref.text,
            "name": self.name,
            "status": status,
            "started_at": self.started_at,
            "ended_at": ended_at,
            "description": None,
        }

    def _extensions(self, status: str, ended_at: str | None) -> dict[str, dict[str, object]]:  # noqa: ARG002
        facts: dict[str, object] = {
            "dataset_ref": self.dataset_ref,
            "tags": self.tags,
            "code_revision": self.code_revision,
            "metadata": self.metadata,
            "config_snapshot": self.config_snapshot,
        }
        return {"contexta.run": present(facts), "contexta.process": self._runtime.process()._asdict()}


class DeploymentScope(Scope):
    """A result put to use: selected, staged, shipped. It lies in the project, beside runs.

    Attributes:
        order_index: Always 0.
        run_ref: The run it came from; without one it can hold no records.
        artifact_ref: What was shipped.
        environment_snapshot_ref: Where it went.
    """

    scope_kind = "deployment"
    payload_type = "DeploymentExecution"
    order_index: ClassVar[int] = 0

    def __init__(
        self,
        runtime: Runtime,
        ref: StableRef,
        *,
        name: str,
        display_name: str,
        run_ref: str | None,
        artifact_ref: str | None,
        environment_snapshot_ref: str | None,
        metadata: Mapping[str, object] | None,
    ) -> None:
        self.run_ref = run_ref
        self.artifact_ref = artifact_ref
        self.environment_snapshot_ref = environment_snapshot_ref
        super().__init__(
            runtime,
            ref,
            Subject(runtime.dispatcher.producer_ref, ref.text, run_ref, deployment_execution_ref=ref.text),
            name=name,
            display_name=display_name,
            owner=None,
            metadata=metadata,
        )

    def _fields(self, status: str, ended_at: str | None) -> dict[str, object]:
        return {
            "deployment_execution_ref": self.ref,
            "project_ref": self._runtime.project_ref.text,
            "deployment_name": self.name,
            "status": status,
            "started_at": self.started_at,
            "ended_at": ended_at,
            "order_index": self.order_index,
            "run_ref": self.run_ref,
            "artifact_ref": self.artifact_ref,
            "environment_snapshot_ref": self.environment_snapshot_ref,
        }

    def _extensions(self, status: str, ended_at: str | None) -> dict[str, dict[str, object]]:
        extensions = super()._extensions(status, ended_at)
        if self._failure is not None:
            extensions["contexta.exception"] = dict(self._failure._asdict())
        return extensions
