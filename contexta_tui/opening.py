"""What is done while the screen is still being loaded: the catalog is opened, and asked what is shown first.

Loading Textual takes longer than opening the catalog of a million records, and DuckDB works without Python's
lock. So both go on at the same time, and the first screen finds its answers ready. This must not import
Textual, and decides nothing: an answer that nobody asked for is dropped, and all of them are as soon as
somebody asks about a later state of the data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec.structs import replace

if TYPE_CHECKING:
    from contexta.live import Change
    from contexta.query.port import Queries
    from contexta_tui.feed import Follows
    from contexta_tui.settings import Settings
    from contexta_tui.viewmodels.refresh import Job, Result

#: Rows that are asked for: more than any screen shows of a tree at the start.
_ROWS: Final = 60


def follower_of(settings: Settings) -> Follows:
    """Load the follower and its database; to be called where that may take its time."""
    from contexta.live import Follower  # noqa: PLC0415 - heavy, and Textual is loading meanwhile

    return Follower(
        settings.workspaces,
        cache_dir=settings.cache_dir,
        use_cache=settings.use_cache,
        live=settings.live,
    )


class Opening:
    """A follower, and the answers to what a screen asks first.

    Args:
        begin: Makes the follower.
    """

    def __init__(self, begin: Callable[[], Follows]) -> None:
        self._begin = begin
        self._look: _FirstLook | None = None

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        """Follow; see `Follows`."""
        looked = False

        def first_then(change: Change) -> None:
            nonlocal looked
            if not looked:
                looked = True
                self._look = _FirstLook(change)
            publish(change)

        self._begin().run(first_then, stop)

    def answer(self, job: Job) -> Result:
        """Answer a job, with what is known already where it is about the same state of the data."""
        from contexta_tui.viewmodels.refresh import work  # noqa: PLC0415 - ditto

        look = self._look
        if look is None or not look.is_of(job):
            # Nobody will ask about the first state again, which may be that of a preview in memory.
            self._look = None
            return work(job)
        return replace(work(replace(job, queries=look.answers())), job=job)


class _FirstLook:
    """Asks what a screen will ask of the first change, on a thread of its own."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._memory = _Memory(change.queries)
        self._thread = threading.Thread(target=self._ask, name="contexta-first-look", daemon=True)
        self._thread.start()

    def is_of(self, job: Job) -> bool:
        """Whether a job asks of what was looked at."""
        return job.queries is self._change.queries and job.revision == self._change.revision

    def answers(self) -> Queries:
        """What remembers the answers, waits for those that are on their way, and asks for the others."""
        return cast("Queries", self._memory)

    def _ask(self) -> None:
        # Whoever needs an answer asks once more, and knows what to say when there is none.
        with suppress(Exception):
            self._ask_all()
        self._memory.fill()

    def _ask_all(self) -> None:
        from contexta_tui.viewmodels import detail, diagnostics, lineage  # noqa: PLC0415 - ditto
        from contexta_tui.viewmodels.tree_load import Request, load  # noqa: PLC0415 - ditto

        queries = cast("Queries", self._memory)
        tree = load(queries, Request(self._change.revision, structure=True, auto=True, height=_ROWS))
        if tree.newest is not None:
            detail.load_facts(queries, tree.newest)
        lineage.load(queries, tree.newest)
        diagnostics.load(queries)


class _Memory:
    """Queries that are asked each question once, whoever asks it first, until enough is remembered."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._lock = threading.Lock()
        self._answers: dict[Hashable, Future[Any]] = {}
        self._full = False

    def fill(self) -> None:
        """Remember nothing more: a workspace may stay as it is for days, and any row of it be asked for."""
        self._full = True

    def __getattr__(self, name: str) -> Callable[..., Any]:
        ask = getattr(self._queries, name)

        def remember(*args: Hashable, **options: Hashable) -> Any:
            key = (name, args, tuple(options.items()))
            with self._lock:
                known = self._answers.get(key)
                answer = known or Future[Any]()
                if not self._full:
                    self._answers.setdefault(key, answer)
            if known is None:
                try:
                    answer.set_result(ask(*args, **options))
                except BaseException as error:  # for whoever waits for it, too; later it may go well
                    with self._lock:
                        self._answers.pop(key, None)
                    answer.set_exception(error)
                    raise
            return answer.result()

        return remember
