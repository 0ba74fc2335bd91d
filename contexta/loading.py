"""Reads workspaces once, as they are now, for programs that print and end.

Where there is nothing to read it says so in one sentence, as an error of the library; it never waits and
never follows. What is printed, and which exit code that gives, is for the programs to say.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from contexta.errors import NotFoundError, StoreAccessError
from contexta.live import Follower
from contexta.query.results import Issue, NodeRow
from contexta.reader import CatalogReader
from contexta.watch.workspace import workspaces_in


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read, until it is closed; use it in a ``with`` block.

    Attributes:
        reader: Where to ask.
        workspaces: The folders that were read.
        issues: Everything that is wrong, worst first.
    """

    reader: CatalogReader
    workspaces: tuple[Path, ...]
    issues: tuple[Issue, ...]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reader.close()

    def unread(self) -> tuple[str, ...]:
        """A sentence for each file or store that could not be read."""
        return tuple(
            f"{source.path} cannot be read ({source.detail})."
            for source in self.reader.sources()
            if source.state == "unreadable"
        )

    def find(self, ref: str) -> NodeRow:
        """The node of a ref, given in full or as an end that no other ref has.

        Raises:
            NotFoundError: ``node_not_found``.
        """
        node = self.reader.find(ref)
        if node is None:
            raise NotFoundError(
                f"Nothing here, or more than one thing, is called {ref}; take a ref that --json prints.",
                code="node_not_found",
            )
        return node

    def issues_under(self, node: NodeRow) -> tuple[Issue, ...]:
        """The issues at or under a node."""
        keys = {issue.node_id for issue in self.issues if issue.node_id is not None}
        rows = self.reader.nodes(tuple(sorted(keys)))
        inside = {row.id for row in rows.values() if node.id in (row.id, *row.path)}
        return tuple(issue for issue in self.issues if issue.node_id in inside)


def load(roots: Sequence[Path], *, cache_dir: Path | None = None, use_cache: bool = True) -> Loaded:
    """Read everything that is there now.

    Args:
        roots: Workspaces, folders that hold one, or containers of several.
        cache_dir: Folder for catalogs; the user's cache directory by default.
        use_cache: Whether to keep the catalog on disk at all.

    Raises:
        NotFoundError: ``workspace_missing``.
        StoreAccessError: ``workspace_unreadable``.
    """
    for root in roots:
        _check(root)
    follower = Follower(roots, cache_dir=cache_dir, use_cache=use_cache)
    reader, workspaces = follower.load()
    loaded = Loaded(reader, workspaces, reader.issues())
    sources = reader.sources()
    if sources and all(source.state == "unreadable" for source in sources):
        why = loaded.unread()[0]
        reader.close()
        raise StoreAccessError(why, code="workspace_unreadable")
    return loaded


def _check(root: Path) -> None:
    try:
        if not root.exists():
            raise NotFoundError(
                f"{root} does not exist; name a folder that holds a workspace, such as .contexta.",
                code="workspace_missing",
            )
        if not root.is_dir():
            raise StoreAccessError(
                f"{root} is not a folder; name the folder that the job records to, such as .contexta.",
                code="workspace_unreadable",
            )
        os.scandir(root).close()
        found = workspaces_in(root)
        for workspace in found:
            os.scandir(workspace).close()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StoreAccessError(f"{root} cannot be read ({why}).", code="workspace_unreadable") from error
    except ValueError as error:  # a null character in the path
        raise StoreAccessError(f"{root} cannot be read ({error}).", code="workspace_unreadable") from error
    if not found:
        raise NotFoundError(
            f"{root} holds no workspace: nothing was recorded there.", code="workspace_missing"
        )
