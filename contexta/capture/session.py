"""The runtime of one `Contexta`: opens runs and deployments, and knows what is open."""

# ruff: noqa: SLF001 - the scope classes are one family and share what users of a scope must not touch

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from contexta.capture.leaves import OperationScope, SampleScope
from contexta.capture.nesting import check_explicit_ref
from contexta.capture.runtime import Runtime
from contexta.capture.scope import Scope
from contexta.capture.scopes import BatchScope, DeploymentScope, RunScope, StageScope
from contexta.contract.refs import (
    StableRef,
    lies_under,
    normalise_name,
    same_project,
    validate_stable_ref_kind,
)
from contexta.errors import LifecycleError, ValidationError

ScopeT = TypeVar("ScopeT", bound=Scope)


class RuntimeSession:
    """Opens the outermost scopes and finds the open ones.

    Args:
        runtime: What the scopes share.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def project_name(self) -> str:
        """The project as configured."""
        return self._runtime.project_name

    @property
    def project_ref(self) -> str:
        """The project's reference."""
        return self._runtime.project_ref.text

    def run(
        self,
        name: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        metadata: Mapping[str, object] | None = None,
        code_revision: str | None = None,
        config_snapshot: Mapping[str, object] | None = None,
        dataset_ref: str | None = None,
    ) -> RunScope:
        """Open a run; see `Contexta.run`."""
        self._refuse_nested("run")
        run = RunScope(
            self._runtime,
            name,
            run_id=run_id,
            tags=tags,
            metadata=metadata,
            code_revision=code_revision,
            config_snapshot=config_snapshot,
            dataset_ref=dataset_ref,
        )
        return run._opened()

    def deployment(
        self,
        name: str,
        *,
        deployment_ref: str | None = None,
        run_ref: str | None = None,
        artifact_ref: str | None = None,
        environment_snapshot_ref: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> DeploymentScope:
        """Open a deployment; see `Contexta.deployment`."""
        self._refuse_nested("deployment")
        component = normalise_name(name)
        ref = StableRef("deployment", f"{self._runtime.project_ref.value}.{component}")
        check_explicit_ref(ref, deployment_ref, "deployment_ref")
        run = self._link(run_ref, "run", "run_ref")
        artifact = self._link(artifact_ref, "artifact", "artifact_ref")
        environment = self._link(environment_snapshot_ref, "environment", "environment_snapshot_ref")
        if run is not None and environment is not None and not lies_under(environment, run):
            raise ValidationError(
                f"The environment {environment} does not belong to {run}.", code="context_ref_prefix_mismatch"
            )
        deployment = DeploymentScope(
            self._runtime,
            ref,
            name=component,
            display_name=name.strip(),
            run_ref=None if run is None else run.text,
            artifact_ref=None if artifact is None else artifact.text,
            environment_snapshot_ref=None if environment is None else environment.text,
            metadata=metadata,
        )
        return deployment._opened()

    def current(self) -> Scope | None:
        """Return the innermost open scope, or None."""
        return self._runtime.stack.current()

    def current_run(self) -> RunScope:
        """Return the open run. Raises `LifecycleError` ``runtime_run_required`` when there is none."""
        return self._current("run", RunScope)

    def current_stage(self) -> StageScope:
        """Return the open stage. Raises `LifecycleError` ``runtime_stage_required`` when there is none."""
        return self._current("stage", StageScope)

    def current_batch(self) -> BatchScope:
        """Return the open batch. Raises `LifecycleError` ``runtime_batch_required`` when there is none."""
        return self._current("batch", BatchScope)

    def current_sample(self) -> SampleScope:
        """Return the open sample. Raises `LifecycleError` ``runtime_sample_required`` when there is none."""
        return self._current("sample", SampleScope)

    def current_operation(self) -> OperationScope:
        """Return the open operation.

        Raises `LifecycleError` ``runtime_operation_required`` when there is none.
        """
        return self._current("operation", OperationScope)

    def current_deployment(self) -> DeploymentScope:
        """Return the open deployment.

        Raises `LifecycleError` ``runtime_deployment_required`` when there is none.
        """
        return self._current("deployment", DeploymentScope)

    def recording_scope(self) -> Scope:
        """Return the scope that a call on the `Contexta` itself records on: the innermost of the open run.

        Raises:
            LifecycleError: ``runtime_capture_requires_run``.
        """
        scope = self._runtime.stack.current()
        if scope is None or self._runtime.stack.find("run") is None:
            raise LifecycleError(
                "No run is open here; open one with `with ctx.run(name)`, or record on the scope itself.",
                code="runtime_capture_requires_run",
            )
        return scope

    def close(self, status: str = "completed") -> None:
        """Close what is still open, report gaps, and let go of the files."""
        for scope in reversed(list(self._runtime.roots)):
            scope._finish(status)
        self._runtime.dispatcher.close()

    def _current(self, kind: str, scope_type: type[ScopeT]) -> ScopeT:
        scope = self._runtime.stack.find(kind)
        if not isinstance(scope, scope_type):
            raise LifecycleError(f"No {kind} is open here.", code=f"runtime_{kind}_required")
        return scope

    def _refuse_nested(self, kind: str) -> None:
        stack = self._runtime.stack
        other = stack.find("run") or stack.find("deployment")
        if other is not None:
            raise LifecycleError(
                f"A {kind} cannot be opened inside {other.ref}; close that first.",
                code=f"runtime_nested_{kind}",
            )

    def _link(self, text: object, kind: str, field_name: str) -> StableRef | None:
        if text is None:
            return None
        ref = validate_stable_ref_kind(StableRef.parse(str(text)), kind, field_name)
        if not same_project(ref, self._runtime.project_ref):
            raise ValidationError(
                f"{field_name} {ref} belongs to another project than {self._runtime.project_ref}.",
                code="context_ref_prefix_mismatch",
                details={"field": field_name},
            )
        return ref
