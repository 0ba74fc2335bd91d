"""What all scopes of one session share.

Project, way to the sinks, open scopes, and the lock of their states.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from contexta.capture.dispatch import Dispatcher
from contexta.capture.encode import Subject
from contexta.capture.lifecycle import Extensions, context_entry
from contexta.capture.process import ProcessIdentity, process_identity
from contexta.capture.stack import ScopeStack
from contexta.contract.refs import StableRef, normalise_name
from contexta.journal.forks import start_over_in_child

if TYPE_CHECKING:
    from contexta.capture.scope import Scope


class Runtime:
    """Shared state of a session's scopes.

    Args:
        project_name: The project as configured; its reference uses the normalised name.
        dispatcher: The way to the sinks.

    Raises:
        LifecycleError: The project name has no letter or digit.
    """

    def __init__(self, project_name: str, dispatcher: Dispatcher) -> None:
        self.project_name = project_name
        self.project_ref = StableRef("project", normalise_name(project_name, field_name="project_name"))
        self.dispatcher = dispatcher
        self.stack = ScopeStack()
        self.start_over()
        start_over_in_child(self)
        self.roots: dict[Scope, None] = {}
        self._announced = False
        self._process: ProcessIdentity | None = None

    def start_over(self) -> None:
        """Let go of what a thread of the parent may hold; for a forked child."""
        self.lock = threading.RLock()

    def process(self) -> ProcessIdentity:
        """Return who this process is, read once."""
        if self._process is None or self._process.pid != os.getpid():
            self._process = process_identity()
        return self._process

    def announce_project(self, micros: int, subject: Subject) -> None:
        """Write the project's context line before the first scope of the session, which is the subject's."""
        with self.lock:
            if self._announced:
                return
            self._announced = True
        fields: dict[str, object] = {
            "project_ref": self.project_ref.text,
            "name": self.project_name,
            "created_at": self.dispatcher.text(micros),
            "description": None,
            "tags": {},
        }
        self.announce("Project", self.project_ref.text, fields, {}, micros, subject)

    def announce(  # noqa: PLR0917 - all of it, always
        self,
        payload_type: str,
        own_ref: str,
        fields: dict[str, object],
        extensions: Extensions,
        micros: int,
        subject: Subject,
    ) -> None:
        """Write one context line; a scope works even where none can be written, and the gap is told."""
        try:
            entry = context_entry(payload_type, own_ref, fields, extensions)
        except Exception:  # noqa: BLE001 - out of memory and the like must not end the job
            return
        self.dispatcher.send(entry, subject, at_least=micros)
