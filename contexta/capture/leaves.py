"""Samples and operations.

The scopes that nothing can be opened in, and what they have in common as children.
"""

# ruff: noqa: SLF001 - the scope classes are one family and share what users of a scope must not touch

from __future__ import annotations

from collections.abc import Mapping

from contexta.capture.nesting import child_ref, inactive
from contexta.capture.scope import Scope
from contexta.errors import LifecycleError


class SampleScope(Scope):
    """One observed input or result.

    It has no status in the contract; its context lines carry one beside it.
    """

    scope_kind = "sample"
    payload_type = "SampleObservation"

    def __init__(
        self,
        owner: Scope,
        name: str,
        *,
        sample_ref: str | None = None,
        retention_class: str | None = None,
        redaction_profile: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        component, ref = child_ref(owner, "sample", name, sample_ref, "sample_ref")
        self.retention_class = retention_class
        self.redaction_profile = redaction_profile
        super().__init__(
            owner._runtime,
            ref,
            owner._subject._replace(subject_ref=ref.text, sample_observation_ref=ref.text),
            name=component,
            display_name=name.strip(),
            owner=owner,
            metadata=metadata,
            redaction_profile=redaction_profile,
        )
        self.observed_at = self.started_at

    def _fields(self, status: str, ended_at: str | None) -> dict[str, object]:  # noqa: ARG002
        return {
            "sample_observation_ref": self.ref,
            "run_ref": self._subject.run_ref,
            "stage_execution_ref": self._subject.stage_execution_ref,
            "sample_name": self.name,
            "observed_at": self.observed_at,
            "batch_execution_ref": self._subject.batch_execution_ref,
            "retention_class": self.retention_class or None,
            "redaction_profile": self.redaction_profile or None,
        }

    def _extensions(self, status: str, ended_at: str | None) -> dict[str, dict[str, object]]:
        extensions = super()._extensions(status, ended_at)
        extensions["contexta.scope"] = self._emitter.redaction.of_fields(extensions["contexta.scope"])
        extensions["contexta.lifecycle"] = {"status": status, "ended_at": ended_at}
        return extensions


class OperationScope(Scope):
    """A named step inside a stage or batch; it has no context lines of its own."""

    scope_kind = "operation"

    def __init__(
        self,
        owner: Scope,
        name: str,
        *,
        operation_ref: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        component, ref = child_ref(owner, "op", name, operation_ref, "operation_ref")
        super().__init__(
            owner._runtime,
            ref,
            owner._subject._replace(subject_ref=ref.text, operation_context_ref=ref.text),
            name=component,
            display_name=name.strip(),
            owner=owner,
            metadata=metadata,
        )
        self.observed_at = self.started_at


class LeafOwner(Scope):
    """A scope that samples and operations may be opened in."""

    def sample(
        self,
        name: str,
        *,
        sample_ref: str | None = None,
        retention_class: str | None = None,
        redaction_profile: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> SampleScope:
        """Open a sample.

        Args:
            name: Its name; becomes lower case with hyphens in the reference.
            sample_ref: Must be the reference that follows from the name, when given.
            retention_class: How long it may be kept.
            redaction_profile: Whose hook every payload under the sample passes before it is written.
            metadata: Facts about it.

        Raises:
            LifecycleError: A code of the nesting rules, ``runtime_invalid_…`` for the name,
                ``runtime_ref_mismatch``.
            ClosedScopeError: This scope was closed.
        """
        self._check_leaf("sample")
        sample = SampleScope(
            self,
            name,
            sample_ref=sample_ref,
            retention_class=retention_class,
            redaction_profile=redaction_profile,
            metadata=metadata,
        )
        return sample._opened()

    def operation(
        self, name: str, *, operation_ref: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> OperationScope:
        """Open an operation; see `sample` for the errors."""
        self._check_leaf("operation")
        operation = OperationScope(self, name, operation_ref=operation_ref, metadata=metadata)
        return operation._opened()

    def _check_leaf(self, kind: str) -> None:
        if self.is_closed:
            raise self._closed_error()
        innermost = self._runtime.stack.current()
        if innermost is not None and innermost.scope_kind in ("sample", "operation"):
            if innermost._owner is self:
                other = innermost.scope_kind
                code = (
                    f"runtime_{kind}_already_open" if other == kind else f"runtime_{kind}_blocked_by_{other}"
                )
                raise LifecycleError(
                    f"Close {innermost.ref} before opening another {kind} in {self.ref}.", code=code
                )
            innermost = innermost._owner
        if innermost is not self:
            raise inactive(self, f"{kind}_owner", innermost)
