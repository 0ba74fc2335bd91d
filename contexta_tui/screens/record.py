"""The records of one node: the newest first, and all fields of the selected one.

The screen fetches pages in a worker thread and hands them to its widgets. It follows a running job when
its owner calls `changed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import get_current_worker

from contexta.query.port import Queries
from contexta.query.results import NodeRow, Status
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.keymap import Scope, bindings
from contexta_tui.screens.pane_screen import PaneScreen
from contexta_tui.text import safe
from contexta_tui.viewmodels import records
from contexta_tui.viewmodels.format import count, plural
from contexta_tui.viewmodels.records import RecordPages
from contexta_tui.widgets.inks import title
from contexta_tui.widgets.line_view import LineView
from contexta_tui.widgets.record_list import RecordFields, RecordList

#: Seconds between two fetches that nobody but the data asked for.
_EVERY_S: Final = 0.25

Fetch = Callable[[Queries, int, RecordPages], RecordPages]


class RecordScreen(PaneScreen):
    """Records of a node."""

    BINDINGS = bindings(Scope.RECORDS)
    CSS = """
    RecordScreen {
        layout: vertical;
        & > RecordList, & > RecordFields {
            border: round $border-blurred;
            border-title-color: $foreground;
            padding: 0 1;
        }
        & > RecordList { height: 3fr; }
        & > RecordFields { height: 2fr; }
        & > *:focus { border: round $primary; border-title-style: bold; }
    }
    """

    class Fetched(Message):
        """A worker has fetched records."""

        def __init__(self, pages: RecordPages) -> None:
            self.pages = pages
            super().__init__()

    def __init__(
        self,
        node: NodeRow,
        queries: Callable[[], Queries],
        *,
        glyphs: Glyphs = UNICODE,
        today: Callable[[], int] | None = None,
    ) -> None:
        """Make the screen.

        Args:
            node: Whose records, with those below it.
            queries: Where to ask; called for every fetch, because a follower may change it.
            glyphs: The characters to draw with.
            today: The current time in microseconds since the epoch.
        """
        super().__init__()
        self._node = node
        self._queries = queries
        self._glyphs = glyphs
        self._list = RecordList(today=today)
        self._fields = RecordFields()
        self._pages = RecordPages()
        self._busy = self._again = self._waits = False
        self._fetched_at = float("-inf")

    def compose(self) -> ComposeResult:
        """The list above, the fields below."""
        yield self._list
        yield self._fields

    def on_mount(self) -> None:
        """Head the list and fetch the first page."""
        self._list.border_subtitle = title(("enter fields  esc back", "$quiet"))
        self._fields.border_title = title(("Record", "$foreground"))
        self._head()
        self._list.focus()
        self._fetch(records.newer)

    def changed(self) -> None:
        """Take notice that there may be new records."""
        if self._busy or self._waits:
            self._again = True
            return
        self._again = False
        wait = self._fetched_at + _EVERY_S - time.monotonic()
        if wait > 0:
            self._waits = True
            self.set_timer(wait, self._waited)
        else:
            self._fetch(records.newer)

    def _waited(self) -> None:
        self._waits = False
        self.changed()

    def action_close(self) -> None:
        """Leave."""
        self.dismiss(None)

    def _head(self) -> None:
        loaded = len(self._pages.rows)
        shown = plural(loaded, "record") if self._pages.complete else f"{count(loaded)} newest records"
        status = Status.FAILED if self._node.failed else self._node.status
        self._list.border_title = title(
            (f"{self._glyphs.status(status)} ", f"$status-{status.value}"),
            (safe(self._node.name, 60), "$foreground"),
            (f"  {shown}", "$quiet"),
        )

    def _fetch(self, how: Fetch) -> None:
        self._busy = True
        self._fetched_at = time.monotonic()
        self._run(how, self._queries(), self._pages)

    @work(thread=True, group="records", exit_on_error=True)
    def _run(self, how: Fetch, queries: Queries, pages: RecordPages) -> None:
        fetched = how(queries, self._node.id, pages)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Fetched(fetched))

    @on(Fetched)
    def _show(self, event: Fetched) -> None:
        self._busy = False
        if event.pages != self._pages:
            self._pages = event.pages
            # A record that is being read stays; a list that is looked at shows what comes.
            self._list.show(event.pages, hold=self._fields.has_focus)
            self._fields.show(self._list.selected)
            self._head()
        if self._again:
            self.changed()

    @on(RecordList.OlderWanted)
    def _older(self, event: RecordList.OlderWanted) -> None:
        event.stop()
        if not self._busy and not self._pages.complete:
            self._fetch(records.older)

    @on(LineView.RowHighlighted)
    def _moved(self) -> None:
        self._fields.show(self._list.selected)

    @on(LineView.RowActivated)
    def _open(self) -> None:
        self._fields.focus()
