"""Where commands ask: a workspace, read at the first question and let go of at the end.

It knows which folder is meant and which sources count. It prints nothing: how far long work is, it tells
whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from contexta.catalog.mirror import CANONICAL
from contexta.errors import NotFoundError
from contexta.loading import Loaded, OnProgress, load
from contexta.query.results import NodeKind, NodeRow
from contexta.watch.workspace import nearest, path_text, workspaces_in

KINDS: Final[dict[str, frozenset[str] | None]] = {
    "all": None,
    "canonical": CANONICAL,
    "captured": frozenset({"capture"}),
}
"""The kinds of source that count, by what `--source` says."""

Progress = Callable[[str], AbstractContextManager[OnProgress]]
"""Shows how far work of a name is, while its block lasts; a total of 0 means that nobody knows."""


class Desk:
    """Where a command asks; use it in a ``with`` block.

    Args:
        folder: The folder that was named; the nearest workspace when `None`.
        source: One of `KINDS`.
        progress: Shows how far work is.
    """

    def __init__(self, folder: Path | None, source: str, progress: Progress) -> None:
        self.folder = nearest(Path.cwd()) if folder is None else folder
        self.source = source
        self.progress = progress
        self._loaded: Loaded | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of what was read.

        Raises:
            StoreAccessError: ``index_damaged``; see `Loaded`.
        """
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.__exit__(kind, error, trace)

    def close(self) -> None:
        """Lets go of what was read."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    @property
    def loaded(self) -> Loaded:
        """What there is.

        Raises:
            NotFoundError: ``workspace_missing``.
            StoreAccessError: ``workspace_unreadable``.
        """
        if self._loaded is None:
            with self.progress("reading") as on_progress:
                self._loaded = load((self.folder,), kinds=KINDS[self.source], on_progress=on_progress)
        return self._loaded

    def unread(self) -> tuple[str, ...]:
        """A sentence for each file or store that could not be read."""
        return () if self._loaded is None else self._loaded.unread()

    def run_ref(self, text: str) -> str:
        """The ref of a run, given in full or as a unique end.

        Raises:
            NotFoundError: ``node_not_found``.
        """
        return self.loaded.find(text, NodeKind.RUN).ref

    def inside(self, text: str | None, owner: str | None, kind: NodeKind) -> str | None:
        """The ref of a stage or batch of an owner; of any where there is no owner.

        Raises:
            NotFoundError: ``node_not_found``.
        """
        if text is None:
            return None
        if owner is None or text.startswith(f"{kind}:"):
            return self.loaded.find(text, kind).ref
        whole = f"{kind}:{owner.partition(':')[2]}.{text}"
        exact = self.loaded.reader.find(whole)
        return exact.ref if exact is not None and exact.ref == whole else self._under(text, owner, kind).ref

    def _under(self, text: str, owner: str, kind: NodeKind) -> NodeRow:
        inside = f"{kind}:{owner.partition(':')[2]}."
        hits = self.loaded.reader.matches(f"{text} kind:{kind}", 100_000).hits
        found = [row for row in hits if row.ref.startswith(inside) and row.ref.endswith(f".{text}")]
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFoundError(f"{owner} has no {kind} called {text}.", code="node_not_found")
        shown = ", ".join(row.ref for row in found[:5])
        raise NotFoundError(f"{text} may be {shown}; give more of the ref.", code="node_not_found")

    def workspace(self) -> Path:
        """The one workspace that the folder stands for, for what changes or checks it.

        Raises:
            NotFoundError: ``workspace_missing``, or ``workspace_ambiguous`` when there are several.
        """
        found = workspaces_in(self.folder)
        if not found:
            raise NotFoundError(
                f"{path_text(self.folder)} holds no workspace: nothing was recorded there.",
                code="workspace_missing",
            )
        if len(found) > 1:
            shown = ", ".join(path_text(path) for path in found[:5])
            raise NotFoundError(
                f"{path_text(self.folder)} holds several workspaces; name one of {shown}.",
                code="workspace_ambiguous",
            )
        return found[0]
