"""The facade: one object for one workspace.

It only wires. What a run is stands in `contexta.capture`; nothing is created on disk before something is
recorded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from contexta import store
from contexta.capture.clock import Clock, system_clock
from contexta.capture.config import Config
from contexta.capture.dispatch import Dispatcher, Retry
from contexta.capture.emissions import ArtifactRegistration, EventEmission, MetricEmission, SpanEmission
from contexta.capture.leaves import OperationScope, SampleScope
from contexta.capture.outbox import outbox_of
from contexta.capture.redaction import Redactor
from contexta.capture.results import BatchCaptureResult, CaptureResult
from contexta.capture.runtime import Runtime
from contexta.capture.scopes import BatchScope, DeploymentScope, RunScope, StageScope
from contexta.capture.session import RuntimeSession
from contexta.capture.sinks import CaptureSink, EncodedSink, LocalJsonlSink
from contexta.journal.paths import DEFAULT_WORKSPACE, artifacts_dir, records_dir, workspace_root
from contexta.reporting import Reporting

if TYPE_CHECKING:
    from contexta.promotion import PromotionResult
    from contexta.store import MetadataStore
    from contexta.store.artifacts import ArtifactStore
    from contexta.store.segments import RecordStore


class Contexta(Reporting):
    """A workspace, seen from a job.

    ::

        ctx = Contexta(workspace=".contexta", config={"project_name": "iris-svm"})
        with ctx.run("linear-svm") as run:
            with run.stage("train") as stage:
                stage.metric("loss", 0.5)

    As a context manager it closes what was left open, ``failed`` when left by an exception.

    Args:
        workspace: The workspace folder; made at the first write.
        profile: The built-in profile's name; both profiles capture alike.
        config: A nested patch of settings, which counts more than ``CONTEXTA_*`` variables, or a finished
            `Config`, which leaves nothing to them.
        sinks: Where to write; a `LocalJsonlSink` on the workspace when None.
        redactors: Hooks by redaction profile. Whatever is recorded in a sample opened with the profile passes
            its hook before it is encoded; when the hook fails, nothing of it is written.
        clock: Returns nanoseconds since the epoch; for tests.
        source: What questions are answered from: ``canonical`` is what was stored on purpose, ``all`` is what
            was captured too.

    Attributes:
        workspace: The workspace folder, absolute and resolved.
        config: The settings.
        project_name: The project as configured.
        session: The open scopes.
        sinks: Where it writes.

    Raises:
        ConfigurationError: ``unknown_config_field`` or ``invalid_config_value``.
        LifecycleError: The project name has no letter a-z or digit.
    """

    def __init__(
        self,
        *,
        workspace: str | os.PathLike[str] = DEFAULT_WORKSPACE,
        profile: str | None = None,
        config: Mapping[str, object] | Config | None = None,
        sinks: Sequence[EncodedSink | CaptureSink] | None = None,
        redactors: Mapping[str, Redactor] | None = None,
        clock: Clock = system_clock,
        source: Literal["canonical", "all"] = "canonical",
    ) -> None:
        self.config = config if isinstance(config, Config) else Config.from_patch(config, os.environ)
        self.profile = profile or "local"
        self.source = source
        self.workspace = str(workspace_root(workspace))
        self.project_name = self.config.project_name
        self.sinks: tuple[EncodedSink | CaptureSink, ...] = (
            (LocalJsonlSink(self.workspace, per_process_files=self.config.per_process_files),)
            if sinks is None
            else tuple(sinks)
        )
        dispatcher = Dispatcher(
            self.sinks,
            clock=clock,
            producer_ref=self.config.producer_ref,
            redactors=redactors,
            retry=Retry(self.config.retry_attempts, self.config.retry_backoff_seconds),
            outbox=outbox_of(self.workspace, self.config),
        )
        self.session = RuntimeSession(Runtime(self.project_name, dispatcher))

    @classmethod
    def open(
        cls,
        *,
        workspace: str | os.PathLike[str] = DEFAULT_WORKSPACE,
        profile: str | None = None,
        config: Mapping[str, object] | Config | None = None,
        sinks: Sequence[EncodedSink | CaptureSink] | None = None,
        source: Literal["canonical", "all"] = "canonical",
    ) -> Self:
        """Do what the constructor does."""
        return cls(workspace=workspace, profile=profile, config=config, sinks=sinks, source=source)

    @cached_property
    def metadata_store(self) -> MetadataStore:
        """The workspace's ledger: what ran, as `put_…` stored it. Nothing is made on disk before that.

        Raises:
            ConfigurationError: ``invalid_config_value`` in the section ``metadata``.
        """
        return store.open_ledger(self.workspace, self.config.patch.get("metadata"))

    @cached_property
    def record_store(self) -> RecordStore:
        """The workspace's segments: records that are stored on purpose, not captured.

        Nothing is made on disk before the first append.

        Raises:
            ConfigurationError: ``record_store_invalid_config`` in the section ``records``.
        """
        from contexta.store.segments import RecordStore  # noqa: PLC0415 - a job that only captures needs none

        root = records_dir(workspace_root(self.workspace))
        return RecordStore.from_settings(root, self.config.patch.get("records"))

    @cached_property
    def artifact_store(self) -> ArtifactStore:
        """The workspace's vault: the bodies of artifacts. Nothing is made on disk before the first put.

        Raises:
            ConfigurationError: ``artifact_store_invalid_config`` in the section ``artifacts``.
        """
        from contexta.store.artifacts import ArtifactStore  # noqa: PLC0415 - ditto

        root = artifacts_dir(workspace_root(self.workspace))
        return ArtifactStore.from_settings(root, self.config.patch.get("artifacts"))

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
        """Open a run.

        Args:
            name: What people call it.
            run_id: Its name in references; follows from ``name`` when None.
            tags: Texts by which to find it.
            metadata: Facts about it.
            code_revision: E.g. a commit.
            config_snapshot: The job's settings.
            dataset_ref: What it works on; free text.

        Raises:
            LifecycleError: ``runtime_nested_run`` inside a run or deployment; ``runtime_invalid_value`` or
                ``runtime_invalid_component`` for the name.
        """
        return self.session.run(
            name,
            run_id=run_id,
            tags=tags,
            metadata=metadata,
            code_revision=code_revision,
            config_snapshot=config_snapshot,
            dataset_ref=dataset_ref,
        )

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
        """Open a deployment, after the run it came from was closed.

        Args:
            name: Its name; becomes lower case with hyphens in the reference.
            deployment_ref: Must be the reference that follows from the name, when given.
            run_ref: The run it came from. Without one the deployment is known, but holds no records.
            artifact_ref: What is shipped.
            environment_snapshot_ref: Where it goes.
            metadata: Facts about it.

        Raises:
            LifecycleError: ``runtime_nested_deployment`` inside a run or deployment;
                ``runtime_ref_mismatch``; ``runtime_invalid_…`` for the name.
            ValidationError: ``context_ref_prefix_mismatch`` for a link into another project,
                ``stable_ref_kind_mismatch`` for a link of another kind.
        """
        return self.session.deployment(
            name,
            deployment_ref=deployment_ref,
            run_ref=run_ref,
            artifact_ref=artifact_ref,
            environment_snapshot_ref=environment_snapshot_ref,
            metadata=metadata,
        )

    def current_run(self) -> RunScope:
        """Return the open run; see `RuntimeSession.current_run`."""
        return self.session.current_run()

    def current_stage(self) -> StageScope:
        """Return the open stage; see `RuntimeSession.current_stage`."""
        return self.session.current_stage()

    def current_batch(self) -> BatchScope:
        """Return the open batch; see `RuntimeSession.current_batch`."""
        return self.session.current_batch()

    def current_sample(self) -> SampleScope:
        """Return the open sample; see `RuntimeSession.current_sample`."""
        return self.session.current_sample()

    def current_operation(self) -> OperationScope:
        """Return the open operation; see `RuntimeSession.current_operation`."""
        return self.session.current_operation()

    def current_deployment(self) -> DeploymentScope:
        """Return the open deployment; see `RuntimeSession.current_deployment`."""
        return self.session.current_deployment()

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
        """Record a number on the innermost open scope of the run; see `Scope.metric`."""
        return self.session.recording_scope().metric(
            key,
            value,
            unit=unit,
            aggregation_scope=aggregation_scope,
            tags=tags,
            summary_basis=summary_basis,
        )

    def event(
        self,
        key: str,
        *,
        message: object,
        level: str = "info",
        attributes: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> CaptureResult:
        """Record an event on the innermost open scope of the run; see `Scope.event`."""
        return self.session.recording_scope().event(
            key, message=message, level=level, attributes=attributes, tags=tags
        )

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
        """Record a stretch of time on the innermost open scope of the run; see `Scope.span`."""
        return self.session.recording_scope().span(
            name,
            started_at=started_at,
            ended_at=ended_at,
            status=status,
            span_kind=span_kind,
            attributes=attributes,
            linked_refs=linked_refs,
            parent_span_id=parent_span_id,
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
        """Record a file as an artifact, on the innermost open scope of the run.

        See `Scope.register_artifact`.
        """
        return self.session.recording_scope().register_artifact(
            artifact_kind,
            path,
            artifact_ref=artifact_ref,
            attributes=attributes,
            compute_hash=compute_hash,
            allow_missing=allow_missing,
        )

    def emit_metrics(self, metrics: Iterable[MetricEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several metrics; see `Scope.emit_metrics`."""
        return self.session.recording_scope().emit_metrics(metrics)

    def emit_events(self, events: Iterable[EventEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several events; see `Scope.emit_events`."""
        return self.session.recording_scope().emit_events(events)

    def emit_spans(self, spans: Iterable[SpanEmission | Mapping[str, object]]) -> BatchCaptureResult:
        """Record several spans; see `Scope.emit_spans`."""
        return self.session.recording_scope().emit_spans(spans)

    def register_artifacts(
        self, artifacts: Iterable[ArtifactRegistration | Mapping[str, object]]
    ) -> BatchCaptureResult:
        """Record several files; see `Scope.register_artifacts`."""
        return self.session.recording_scope().register_artifacts(artifacts)

    def promote_captured(
        self, run_ref: str | None = None, *, dry_run: bool = False, assume_completed: bool = False
    ) -> PromotionResult:
        """Carry captured runs into the ledger, the segments and the vault; may be repeated at any time.

        See `contexta.promotion.promote_captured` for what is left out, and for the errors.

        Args:
            run_ref: The only run to promote; all when None.
            dry_run: Write nothing, and tell what would be done.
            assume_completed: Count scopes of which only records are known as completed.
        """
        from contexta.promotion import promote_captured  # noqa: PLC0415 - ditto

        return promote_captured(
            self.workspace,
            run_ref,
            dry_run=dry_run,
            assume_completed=assume_completed,
            settings=self.config.patch,
        )

    def close(self) -> None:
        """Close what is still open as completed, and let go of the files. Using it later opens them again."""
        self.session.close()
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close("completed" if error is None else "failed")
        self._forget()
