"""What all scopes have in common: they are open from the call, record on themselves, and close once.

The kinds of scopes and what may be opened where stand in `contexta.capture.scopes`.
"""

# ruff: noqa: SLF001 - the scope classes are one family and share what users of a scope must not touch

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import ClassVar, Final, Self

from contexta.capture.emit import Emitter
from contexta.capture.encode import Subject
from contexta.capture.failure import Failure, describe, first_sight, is_failure
from contexta.capture.lifecycle import present
from contexta.capture.recording import Recorder
from contexta.capture.runtime import Runtime
from contexta.capture.values import map_of
from contexta.contract.refs import StableRef
from contexta.errors import ClosedScopeError, LifecycleError

TERMINAL_STATUSES: Final = ("completed", "failed", "cancelled")


class Scope(Recorder):
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
        self.metadata = map_of(metadata)
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
            extensions = self._extensions(status, ended_at)
            self._runtime.announce(self.payload_type, self.ref, fields, extensions, micros, self._subject)

    def _opened(self) -> Self:
        """Write the line that says that the scope began; the last step of opening."""
        self._runtime.announce_project(self._started, self._subject)
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
        self._emitter.losses.settle()
        if os.getpid() == self._pid:
            self._announce(status, self.closed_at, ended)
        self._runtime.stack.tidy()
        return True

    def _closed_error(self) -> ClosedScopeError:
        return ClosedScopeError(
            f"The {self.scope_kind} {self.ref} was closed as {self.status}; record on a scope that is open.",
            code="runtime_scope_closed",
        )
