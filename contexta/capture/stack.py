"""Which scopes are open, seen from the running code.

The innermost open scope is kept in one context variable for each session: a new thread starts with none, an asyncio task
starts with a copy of its maker's, so tasks of one stage may each open a batch. Nothing is ever restored by token; a scope
may be closed from any thread or context, and whoever looks next steps over it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Generic, Protocol, TypeVar


class Stacked(Protocol):
    """A scope as the stack sees it."""

    scope_kind: str

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""

    @property
    def previous(self) -> Stacked | None:
        """What was innermost when it was opened."""


ScopeT = TypeVar("ScopeT", bound=Stacked)


class ScopeStack(Generic[ScopeT]):
    """The open scopes of one session, innermost first."""

    def __init__(self) -> None:
        self._innermost: ContextVar[ScopeT | None] = ContextVar("contexta_scope", default=None)

    def current(self) -> ScopeT | None:
        """Return the innermost open scope of this context."""
        return _open(self._innermost.get())

    def find(self, kind: str) -> ScopeT | None:
        """Return the open scope of a kind around the running code.

        A sample or operation counts only while it is the innermost: a batch opened over it hides it.
        """
        scope = self.current()
        leaf = kind in ("sample", "operation")
        while scope is not None and scope.scope_kind != kind:
            scope = None if leaf else _open(scope.previous)  # type: ignore[arg-type] # a session has one scope type
        return scope

    def push(self, scope: ScopeT) -> None:
        """Make a scope the innermost of this context."""
        self._innermost.set(scope)

    def tidy(self) -> None:
        """Forget closed scopes, so that this context does not keep them alive."""
        self._innermost.set(self.current())


def _open(scope: ScopeT | None) -> ScopeT | None:
    while scope is not None and scope.is_closed:
        scope = scope.previous  # type: ignore[assignment] # a session has one scope type
    return scope
