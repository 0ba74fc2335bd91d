"""Reads workspaces once, as they are now, for programs that print and end.

Where there is nothing to read it says so in one sentence, as an error of the library; it never waits and
never follows. What is printed, and which exit code that gives, is for the programs to say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import duckdb

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.errors import NotFoundError, StoreAccessError
from contexta.live import Quiet
from contexta.query.results import Issue, NodeKind, NodeRow
from contexta.reader import CatalogReader
from contexta.watch.workspace import path_text, workspaces_in

OnProgress = Callable[[int, int], None]
"""Is told how many bytes of how many were read."""

INDEX_DAMAGED: Final = "index_damaged"
"""The code of the error after which asking once more is right."""

_MOST_CANDIDATES: Final = 5
_MOST_MATCHES: Final = 100_000


class Loaded:
    """What was read, until it is closed; use it in a ``with`` block.

    Args:
        catalog: Where everything is in.
        workspaces: The folders that were read.
        quiet_s: See `CatalogReader`.

    Attributes:
        reader: Where to ask.
        workspaces: The folders that were read.
    """

    def __init__(
        self,
        catalog: Catalog,
        workspaces: tuple[Path, ...],
        quiet_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._catalog = catalog
        self.reader = CatalogReader(catalog, quiet_s)
        self.workspaces = workspaces

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the catalog.

        Raises:
            StoreAccessError: ``index_damaged``: a question failed, and the file of the catalog is removed.
        """
        if isinstance(error, duckdb.Error) and self._catalog.path is not None:
            self._catalog.discard()
            raise StoreAccessError(
                "The index turned out to be damaged and was removed; ask again, and it is built anew.",
                code=INDEX_DAMAGED,
            ) from error
        self.close()

    def close(self) -> None:
        """Lets go of the catalog."""
        self.reader.close()

    @cached_property
    def issues(self) -> tuple[Issue, ...]:
        """Everything that is wrong, worst first."""
        return self.reader.issues()

    @contextmanager
    def asking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for the queries that the reader does not have, in one state throughout."""
        cursor = self._catalog.cursor()
        try:
            cursor.execute("begin transaction read only")
            yield cursor
        finally:
            cursor.close()

    def unread(self) -> tuple[str, ...]:
        """A sentence for each file or store that could not be read."""
        return tuple(
            f"{source.path} cannot be read ({source.detail})."
            for source in self.reader.sources()
            if source.state == "unreadable"
        )

    def find(self, ref: str, *kinds: NodeKind) -> NodeRow:
        """The node of a ref, given in full or as an end that no other ref has.

        Args:
            ref: `run:digits.run-01`, `run-01`, `train.epoch-3`.
            kinds: The kinds of node that are meant; any by default.

        Raises:
            NotFoundError: ``node_not_found``, with the candidates when the end of a ref fits several.
        """
        node = self.reader.find(ref)
        if node is not None and (not kinds or node.kind in kinds):
            return node
        found = self._ending(ref, kinds)
        if len(found) == 1:
            return found[0]
        candidates = [row.ref for row in found]
        what = " or ".join(kinds)
        if candidates:
            shown = ", ".join(candidates[:_MOST_CANDIDATES])
            rest = len(candidates) - _MOST_CANDIDATES
            more = f" and {rest:,} more" if rest > 0 else ""
            message = f"{ref} may be {shown}{more}; give more of the ref."
        elif node is not None:
            message = f"{node.ref} is a {node.kind}, not a {what}."
        else:
            nothing = f"No {what}" if kinds else "Nothing"
            message = f"{nothing} here is called {ref}; take a ref that contexta runs prints, or its end."
        raise NotFoundError(message, code="node_not_found", details={"candidates": candidates})

    def _ending(self, ref: str, kinds: Sequence[NodeKind]) -> list[NodeRow]:
        asked = [f"{ref} kind:{kind}" for kind in kinds] or [ref]
        return [
            row
            for text in asked
            for row in self.reader.matches(text, _MOST_MATCHES).hits
            if row.ref.endswith((f".{ref}", f":{ref}"))
        ]

    def issues_under(self, node: NodeRow) -> tuple[Issue, ...]:
        """The issues at or under a node."""
        keys = {issue.node_id for issue in self.issues if issue.node_id is not None}
        rows = self.reader.nodes(tuple(sorted(keys)))
        inside = {row.id for row in rows.values() if node.id in (row.id, *row.path)}
        return tuple(issue for issue in self.issues if issue.node_id in inside)


def load(
    roots: Sequence[Path],
    *,
    cache_dir: Path | None = None,
    use_cache: bool = True,
    kinds: frozenset[str] | None = None,
    on_progress: OnProgress | None = None,
) -> Loaded:
    """Read everything that is there now.

    Args:
        roots: Workspaces, folders that hold one, or containers of several.
        cache_dir: Folder for catalogs; the user's cache directory by default.
        use_cache: Whether to keep the catalog on disk at all.
        kinds: The only kinds of source to read, see `Source.kind`; such a catalog is never kept on disk.
        on_progress: Is told from time to time how far reading is.

    Raises:
        NotFoundError: ``workspace_missing``.
        StoreAccessError: ``workspace_unreadable``.
    """
    for root in roots:
        _check(root)
    found = tuple(dict.fromkeys(path.resolve() for root in roots for path in workspaces_in(root)))
    catalog = Catalog.open(found, cache_dir) if use_cache and kinds is None else Catalog.in_memory(found)
    quiet = Quiet()
    try:
        _take(catalog, found, quiet, kinds, on_progress)
    except (duckdb.Error, OSError):
        # The disk is full, or the catalog's file is damaged: everything can be read again.
        catalog.close(keep=False)
        catalog = Catalog.in_memory(found)
        _take(catalog, found, quiet, kinds, on_progress)
    except BaseException:
        catalog.close()
        raise
    loaded = Loaded(catalog, found, quiet.seconds)
    sources = loaded.reader.sources()
    if sources and all(source.state == "unreadable" for source in sources):
        why = loaded.unread()[0]
        loaded.close()
        raise StoreAccessError(why, code="workspace_unreadable")
    return loaded


def _take(
    catalog: Catalog,
    workspaces: Sequence[Path],
    quiet: Quiet,
    kinds: frozenset[str] | None,
    on_progress: OnProgress | None,
) -> None:
    indexer = Indexer(catalog, workspaces, kinds=kinds)
    while True:
        step = indexer.step(hinted=True)
        if on_progress is not None:
            on_progress(step.total - max(0, step.behind), step.total)
        if step.behind <= 0:
            break
    quiet.heard(step.newest_mtime_ns, appended=False)


def _check(root: Path) -> None:
    shown = path_text(root)
    try:
        if not root.exists():
            raise NotFoundError(
                f"{shown} does not exist; name a folder that holds a workspace, such as .contexta.",
                code="workspace_missing",
            )
        if not root.is_dir():
            raise StoreAccessError(
                f"{shown} is not a folder; name the folder that the job records to, such as .contexta.",
                code="workspace_unreadable",
            )
        os.scandir(root).close()
        found = workspaces_in(root)
        for workspace in found:
            os.scandir(workspace).close()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StoreAccessError(f"{shown} cannot be read ({why}).", code="workspace_unreadable") from error
    except ValueError as error:  # a null character in the path
        raise StoreAccessError(f"{shown} cannot be read ({error}).", code="workspace_unreadable") from error
    if not found:
        raise NotFoundError(
            f"{shown} holds no workspace: nothing was recorded there.", code="workspace_missing"
        )
