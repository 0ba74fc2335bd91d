"""Capture: the scopes a job opens, what it records on them, and the sinks that write it down.

Nothing in here may stop or slow the job it observes: values never raise, I/O errors come back as results, and
a metric costs microseconds. It writes the journal and reads nothing.
"""

from __future__ import annotations

from contexta.capture.emissions import ArtifactRegistration, EventEmission, MetricEmission, SpanEmission
from contexta.capture.leaves import OperationScope, SampleScope
from contexta.capture.results import (
    BatchCaptureResult,
    CaptureResult,
    Delivery,
    PayloadFamily,
    ResultStatus,
)
from contexta.capture.scope import Scope
from contexta.capture.scopes import BatchScope, DeploymentScope, RunScope, StageScope
from contexta.capture.session import RuntimeSession
from contexta.capture.sinks import CaptureSink, EncodedSink, LocalJsonlSink, MemorySink, StdoutSink

__all__ = [
    "ArtifactRegistration",
    "BatchCaptureResult",
    "BatchScope",
    "CaptureResult",
    "CaptureSink",
    "Delivery",
    "DeploymentScope",
    "EncodedSink",
    "EventEmission",
    "LocalJsonlSink",
    "MemorySink",
    "MetricEmission",
    "OperationScope",
    "PayloadFamily",
    "ResultStatus",
    "RunScope",
    "RuntimeSession",
    "SampleScope",
    "Scope",
    "SpanEmission",
    "StageScope",
    "StdoutSink",
]
