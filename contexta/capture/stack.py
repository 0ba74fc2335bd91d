"""Which scopes are open, seen from the running code.

The innermost open scope is kept in one context variable for each session: a new thread starts with none, an
asyncio task starts with a copy of its maker's, so tasks of one stage may each open a batch. Nothing is ever
restored by token; a scope may be closed from any thread or context, and whoever looks next steps over it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contexta.capture.scope import Scope


class ScopeStack:
    """The open scopes of one session, innermost first."""

    def __init__(self) -> None:
        self._innermost: ContextVar[Scope | None] = ContextVar("contexta_scope", default=None)

    def current(self) -> Scope | None:
        """Return the innermost open scope of this context."""
        return _open(self._innermost.get())

    def find(self, kind: str) -> Scope | None:
        """Return the open scope of a kind around the running code.

        A sample or operation counts only while it is the innermost: a batch opened over it hides it.
        """
        scope = self.current()
        leaf = kind in {"sample", "operation"}
        while scope is not None and scope.scope_kind != kind:
            scope = None if leaf else _open(scope.previous)
        return scope

    def push(self, scope: Scope) -> None:
        """Make a scope the innermost of this context."""
        self._innermost.set(scope)

    def tidy(self) -> None:
        """Forget closed scopes, so that this context does not keep them alive."""
        self._innermost.set(self.current())


def _open(scope: Scope | None) -> Scope | None:
    while scope is not None and scope.is_closed:
        scope = scope.previous
    return scope
