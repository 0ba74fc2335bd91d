"""A workspace that is read once for many questions: what is asked is the fault, not what is read.

Opening an index takes DuckDB several times as long as an answer. Programs that run in the process of a test
parse, ask, print and end as ever, but what they open stays open for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contexta.commands import desk
from contexta.loading import Loaded, load
from contexta_tui import once


@contextmanager
def opened_once(workspace: Path) -> Iterator[None]:
    """Open a workspace for whoever opens it in this block; others are opened each time."""
    kept: dict[object, Loaded] = {}

    def open_it(roots: Sequence[Path], **options: Any) -> Loaded:
        if tuple(roots) != (workspace,) or options.get("cache_dir") is not None:
            return load(roots, **options)
        kinds = options.get("kinds")
        if kinds not in kept:
            kept[kinds] = _Kept(load(roots, use_cache=False, kinds=kinds))
        return kept[kinds]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "load", open_it)
        patch.setattr(once, "load", open_it)
        yield
    for loaded in kept.values():
        Loaded.close(loaded)


class _Kept(Loaded):
    """What was read, which whoever asked does not close."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded._catalog, loaded.workspaces)
        self.reader = loaded.reader

    def close(self) -> None:
        """Leave it open."""
