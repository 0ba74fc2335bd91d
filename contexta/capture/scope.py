"""What all scopes have in common: they are open from the call, record on themselves, and close once.

The kinds of scopes and what may be opened where stand in `contexta.capture.scopes`.
"""

# ruff: noqa: SLF001 - the scope classes are one family and share what users of a scope must not touch

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import ClassVar, Final, Self

from contexta.capture.artifacts import refused, register_artifact
from contexta.capture.emissions import (
    ArtifactRegistration,
    EventEmission,
    MetricEmission,
    SpanEmission,
    emissions,
)
from contexta.capture.emit import Emitter
from contexta.capture.encode import Subject
from contexta.capture.failure import Failure, describe, first_sight, is_failure
from contexta.capture.lifecycle import present
from contexta.capture.results import BatchCaptureResult, CaptureResult
from contexta.capture.runtime import Runtime
from contexta.contract.refs import StableRef
from contexta.errors import ClosedScopeError, LifecycleError, ValidationError

TERMINAL_STATUSES: Final = ("completed", "failed", "cancelled")


class Scope:
    """A part of a job that is recorded.

    Use it in a ``with`` block, or call `close`. It may be used and closed from any thread. A process that was
    forked while it was open can record on it, but only the process that opened it writes how it ended.

    Attributes:
        scope_kind: ``run``, ``stage``, ``batch``, ``sample``, ``operation`` or ``deployment``.
        ref: The scope's reference as text.
        name: Its name in the reference.
        status: ``open`` until it is closed, then ``completed``, ``failed`` or ``cancelled``.
        started_at: When it was opened, ISO 8601 in UTC.
        closed_at: When it was closed, or None.
        metadata: What the author said about it.
    """

    scope_kind: str = "scope"
    payload_type: ClassVar[str] = ""

    def __init__(
        self,
        runtime: Runtime,
        ref: StableRef,
        subject: Subject,
        *,
        name: str,
        display_name: str,
        owner: Scope | None,
        metadata: Mapping[str, object] | None,
        redaction_profile: str | None = None,
    ) -> None:
        self.ref = ref.text
        self.name = name
        self.status = "open"
        self.metadata: dict[str, object] = dict(metadata) if isinstance(metadata, Mapping) else {}
        self.closed_at: str | None = None
        self._runtime = runtime
        self._stable_ref = ref
        self._subject = subject
        self._display_name = display_name
        self._owner = owner
        self._children: dict[Scope, None] = {}
        self._emitter = Emitter(runtime.dispatcher, subject, redaction_profile)
        self._failure: Failure | None = None
        self._pid = os.getpid()
        self._started = runtime.dispatcher.now()
        if owner is not None:
            # A clock that stepped back must not make a stage begin before its run.
            self._started = max(self._started, owner._started)
        self.started_at = runtime.dispatcher.text(self._started)
        self.previous = runtime.stack.current()
        with runtime.lock:
            if owner is not None and owner.is_closed:
                raise owner._closed_error()
            (runtime.roots if owner is None else owner._children)[self] = None
        runtime.stack.push(self)

    @property
    def is_closed(self) -> bool:
        """Whether the scope was closed."""
        return self.status != "open"

    def metric(
        self,
        key: str,
        value: object,
        *,
        unit: str | None = None,
        aggregation_scope: str = "step",
        tags: Mapping[str, str] | None = None,
        summary_basis: str = "raw_observation",
    ) -> CaptureResult:
        """Record a number.

        NaN and infinities are kept (the value is null, the value type says which); numpy scalars and booleans
        count as the number they hold; anything else is dropped and counted, and never raises.

        Args:
            key: Dotted lower-case words with hyphens, e.g. ``macro.f1``.
            value: The number.
            unit: Its unit, e.g. ``ratio`` or ``ms``.
            aggregation_scope: ``run``, ``stage``, ``operation``, ``step`` or ``slice``.
            tags: Texts by which to tell values of one key apart.
            summary_basis: How the value came about.

        Raises:
            ClosedScopeError: The scope was closed.
            ValidationError: ``capture_model_invalid_metric_key``, ``…_marker`` or ``…_string``;
                ``capture_run_context_required`` on a deployment without a run.
        """
        if self.status != "open":
            raise self._closed_error()
        return self._emitter.metric(key, value, unit, aggregation_scope, tags, summary_basis)

    def event(
        self,
        key: str,
        *,
        message: object,
        level: str = "info",
        attributes: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> CaptureResult:
        """Record that something happened.

        Args:
            key: Dotted lower-case words with hyphens, e.g. ``checkpoint.selected``.
            message: What happened, for people.
            level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
            attributes: Facts; what JSON cannot hold is replaced and counted.
            tags: Texts kept in ``attributes.tags``.

        Raises:
            ClosedScopeError: The scope was closed.
            ValidationError: ``capture_model_invalid_event_key`` or ``…_marker``,
                ``capture_event_tags_conflict``; ``capture_run_context_required`` on a deployment without a
                run.
        """
        if self.status != "open":
            raise self._closed_error()
        return self._emitter.event(key, message, level, attributes, tags)

    def span(
        self,
        name: str,
        *,
        started_at: object = None,
        ended_at: object = None,
        status: str = "ok",
        span_kind: str = "operation",
        attributes: Mapping[str, object] | None = None,
        linked_refs: Iterable[str] | None = None,
        parent_span_id: str | None = None,
    ) -> CaptureResult:
        """Record a stretch of time.

        Args:
            name: What took place; free text.
            started_at: A datetime (naive means UTC) or ISO text ending in ``Z``; now when None.
            ended_at: Likewise; the start when None.
            status: ``ok``, ``error``, ``cancelled`` or ``timeout``.
            span_kind: ``operation``, ``internal``, ``io``, ``network`` or ``process``.
            attributes: Facts; what JSON cannot hold is replaced and counted.
            linked_refs: References the span has to do with.
            parent_span_id: The span around it.

        Raises:
            ClosedScopeError: The scope was closed.
            ValidationError: ``capture_model_invalid_string`` or ``…_marker``;
                ``capture_run_context_required`` on a deployment without a run.
        """
        if self.status != "open":
            raise self._closed_error()
        return self._emitter.span(
            name, started_at, ended_at, status, span_kind, attributes, linked_refs, parent_span_id
        )

    def register_artifact(
        self,
        artifact_kind: str,
        path: str | os.PathLike[str],
        *,
        artifact_ref: str | None = None,
        attributes: Mapping[str, object] | None = None,
        compute_hash: bool = True,
        allow_missing: bool = False,
    ) -> CaptureResult:
        """Record a file as an artifact of the run; the file stays where it is.

        Args:
            artifact_kind: A lower-case word with underscores, e.g. ``model``.
            path: The file or folder.
            artifact_ref: Its reference; made up from kind and random digits when None.
            attributes: Facts about it.
            compute_hash: Read the file and keep its SHA-256.
            allow_missing: Register a file that does not exist yet.

        Raises:
            ClosedScopeError: The scope was closed.
            ValidationError: ``capture_model_invalid_artifact_kind``, ``artifact_source_missing``,
                ``artifact_ref_prefix_mismatch``, ``artifact_registration_requires_run``, or a
                ``stable_ref_…`` code.
        """
        if self.status != "open":
            raise self._closed_error()
        return register_artifact(
            self._emitter,
            artifact_kind,
            path,
            artifact_ref=artifact_ref,
            attributes=attributes,
            compute_hash=compute_hash,
            allow_missing=allow_missing,
        )

    def emit_metrics(self, metrics: Iterable[MetricEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several metrics; when one has a wrong key, none is written. See `metric` for the errors."""
        if self.status != "open":
            raise self._closed_error()
        items = emissions(MetricEmission, metrics)
        for item in items:
            self._emitter.check_metric(item.key, item.unit, item.aggregation_scope, item.summary_basis)
        return BatchCaptureResult([self._emitter.metric(*item) for item in items])

    def emit_events(self, events: Iterable[EventEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several events; when one has a wrong key, none is written. See `event` for the errors."""
        if self.status != "open":
            raise self._closed_error()
        items = emissions(EventEmission, events)
        for item in items:
            self._emitter.check_event(item.key, item.level, item.attributes, item.tags)
        return BatchCaptureResult([self._emitter.event(*item) for item in items])

    def emit_spans(self, spans: Iterable[SpanEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several spans; when one is refused, none is written. See `span` for the errors."""
        if self.status != "open":
            raise self._closed_error()
        items = emissions(SpanEmission, spans)
        for item in items:
            self._emitter.check_span(item.name, item.status, item.span_kind)
        return BatchCaptureResult([self._emitter.span(*item) for item in items])

    def register_artifacts(
        self, artifacts: Iterable[ArtifactRegistration | Mapping[str, object]]
    ) -> BatchCaptureResult:
        """Record several files; one that is refused becomes a failed result, the others are written."""
        if self.status != "open":
            raise self._closed_error()
        results = []
        for item in emissions(ArtifactRegistration, artifacts):
            try:
                results.append(
                    register_artifact(
                        self._emitter,
                        item.artifact_kind,
                        item.path,
                        artifact_ref=item.artifact_ref,
                        attributes=item.attributes,
                        compute_hash=item.compute_hash,
                        allow_missing=item.allow_missing,
                    )
                )
            except ValidationError as error:
                results.append(refused(error))
        return BatchCaptureResult(results)

    def close(self, status: str = "completed") -> None:
        """Close the scope and every scope still open inside it, with the same status.

        Raises:
            ClosedScopeError: It was closed before.
            LifecycleError: ``runtime_invalid_close_status``.
        """
        if status not in TERMINAL_STATUSES:
            raise LifecycleError(
                f"A scope closes as {', '.join(TERMINAL_STATUSES)}, not {status!r}.",
                code="runtime_invalid_close_status",
            )
        if not self._finish(status):
            raise self._closed_error()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failed = error is not None and is_failure(error)
        if failed and error is not None and not self.is_closed:
            self._note_failure(error)
        self._finish("failed" if failed else "completed")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ref} {self.status}>"

    def _fields(self, status: str, ended_at: str | None) -> dict[str, object]:
        """Return the model fields of the scope's context line."""
        raise NotImplementedError

    def _extensions(self, status: str, ended_at: str | None) -> dict[str, dict[str, object]]:  # noqa: ARG002
        """Return what the model has no field for."""
        display_name = self._display_name if self._display_name != self.name else None
        return {"contexta.scope": present({"metadata": self.metadata, "display_name": display_name})}

    def _announce(self, status: str, ended_at: str | None, micros: int) -> None:
        if self.payload_type:
            fields = self._fields(status, ended_at)
            self._runtime.announce(
                self.payload_type, self.ref, fields, self._extensions(status, ended_at), micros
            )

    def _opened(self) -> Self:
        """Write the line that says that the scope began; the last step of opening."""
        self._runtime.announce_project(self._started)
        self._announce("open", None, self._started)
        return self

    def _note_failure(self, error: BaseException) -> None:
        if not first_sight(error, self._runtime):
            return
        failure = describe(error)
        if self._subject.run_ref is None:
            self._failure = failure
            return
        self._emitter.event("exception", failure.line, "error", failure.attributes())

    def _finish(self, status: str) -> bool:
        """Close the scope and what is open inside; return False when it was closed before."""
        with self._runtime.lock:
            if self.is_closed:
                return False
            self.status = status
            children = list(self._children)
        for child in reversed(children):
            child._finish(status)
        owner = self._owner
        (self._runtime.roots if owner is None else owner._children).pop(self, None)
        ended = max(self._runtime.dispatcher.now(), self._started)
        self.closed_at = self._runtime.dispatcher.text(ended)
        self._emitter.settle()
        if os.getpid() == self._pid:
            self._announce(status, self.closed_at, ended)
        self._runtime.stack.tidy()
        return True

    def _closed_error(self) -> ClosedScopeError:
        return ClosedScopeError(
            f"The {self.scope_kind} {self.ref} was closed as {self.status}; record on a scope that is open.",
            code="runtime_scope_closed",
        )
