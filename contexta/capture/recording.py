"""What can be recorded on a scope: metrics, events, spans, artifacts, one by one or as lists.

What a scope is and how it closes stands in `contexta.capture.scope`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from contexta.capture.artifacts import refused, register_artifact
from contexta.capture.checks import check_event, check_metric, check_span
from contexta.capture.emissions import (
    ArtifactRegistration,
    EventEmission,
    MetricEmission,
    SpanEmission,
    emissions,
)
from contexta.capture.emit import Emitter
from contexta.capture.results import BatchCaptureResult, CaptureResult
from contexta.errors import ClosedScopeError, ValidationError


class Recorder:
    """The recording half of a scope.

    Attributes:
        status: ``open`` as long as it can be recorded on.
    """

    status: str
    _emitter: Emitter

    def _closed_error(self) -> ClosedScopeError:
        """Return the error for using a closed scope."""
        raise NotImplementedError

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
            check_metric(
                self._emitter.subject, item.key, item.unit, item.aggregation_scope, item.summary_basis
            )
        return BatchCaptureResult([self._emitter.metric(*item) for item in items])

    def emit_events(self, events: Iterable[EventEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several events; when one has a wrong key, none is written. See `event` for the errors."""
        if self.status != "open":
            raise self._closed_error()
        items = emissions(EventEmission, events)
        for item in items:
            check_event(self._emitter.subject, item.key, item.level, item.attributes, item.tags)
        return BatchCaptureResult([self._emitter.event(*item) for item in items])

    def emit_spans(self, spans: Iterable[SpanEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several spans; when one is refused, none is written. See `span` for the errors."""
        if self.status != "open":
            raise self._closed_error()
        items = emissions(SpanEmission, spans)
        for item in items:
            check_span(self._emitter.subject, item.name, item.status, item.span_kind)
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
