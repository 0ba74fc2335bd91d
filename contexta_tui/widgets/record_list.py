"""The list of a node's records, newest first, and the fields of the one under the cursor.

Both draw values and never fetch: `RecordList.OlderWanted` asks for the next page when the end of what
was fetched comes near.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from contexta.query.results import RecordRow, RecordType
from contexta_tui.text import cell_fit, cell_pieces, safe, safe_lines
from contexta_tui.viewmodels.format import clock
from contexta_tui.viewmodels.records import PAGE, RecordPages, fields, is_bad, value_text
from contexta_tui.widgets.document import Document, Section, drawn
from contexta_tui.widgets.inks import Inks, fit, read_inks
from contexta_tui.widgets.line_view import LineView

_TIME_CELLS: Final = 12
_TYPE_CELLS: Final = 8
_KEY_CELLS: Final = 24
_FIELD_CELLS: Final = 22
_FIELD_LINES: Final = 500


class RecordList(LineView):
    """Records, one line each."""

    class OlderWanted(Message):
        """The end of the fetched records is near."""

    def __init__(
        self,
        *,
        today: Callable[[], int] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._today = today
        self._pages = RecordPages()
        self._inks: Inks | None = None
        self._placed = False
        self.empty_text = "No records."

    @property
    def selected(self) -> RecordRow | None:
        """The record under the cursor."""
        rows = self._pages.rows
        return rows[self.cursor] if 0 <= self.cursor < len(rows) else None

    def show(self, pages: RecordPages, *, hold: bool = False) -> None:
        """Show records; cursor and screen stay with the record that the cursor was on, if it left the top.

        Args:
            pages: The records.
            hold: Whether they stay with the one at the top, too.
        """
        before = self.selected
        self._placed = len({row.node_id for row in pages.rows}) > 1
        cursor = max(0, self.cursor)
        on_screen = cursor - round(self.scroll_target_y)
        self._pages = pages
        row = cursor
        if before is not None and (hold or cursor > 0):
            row = next((index for index, other in enumerate(pages.rows) if other.id == before.id), 0)
        top = max(0, row - on_screen) if row != cursor else None
        self.set_rows(len(pages.rows), cursor=row, top=top)

    @property
    def inks(self) -> Inks:
        """The inks of the current theme."""
        if self._inks is None:
            self._inks = read_inks(self)
        return self._inks

    def notify_style_update(self) -> None:
        """Forget the inks: colours changed."""
        super().notify_style_update()
        self._inks = None

    def row_key(self, index: int) -> Hashable:
        """Records never change once recorded; whether places are shown depends on the others."""
        return (self._pages.rows[index].id, self._placed)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:  # noqa: ARG002 - the base draws it
        """Draw one record: time, type, key, what it says, where."""
        record, inks = self._pages.rows[index], self.inks
        time = clock(record.observed_at, milliseconds=True)
        key_cells = min(_KEY_CELLS, max(8, width // 4))
        where = safe(record.node_ref.rpartition(".")[2], 40)
        room = width - _TIME_CELLS - _TYPE_CELLS - key_cells - 6
        where_cells = 16 if self._placed and room >= 40 else 0
        gap = 2 if where_cells else 0
        ink = inks["failed" if is_bad(record) else "text"]
        text = cell_fit(safe(value_text(record), 300), max(0, room - where_cells - gap))
        return fit(
            Strip(
                [
                    Segment(cell_fit(time, _TIME_CELLS) + "  ", inks["quiet"]),
                    Segment(cell_fit(record.type.value, _TYPE_CELLS) + "  ", _type_ink(record, inks)),
                    Segment(cell_fit(safe(record.key, 80), key_cells, "middle") + "  ", inks["text"]),
                    Segment(text + " " * gap, ink),
                    Segment(cell_fit(where, where_cells), inks["quiet"]),
                ]
            ),
            width,
        )

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for more before the end is reached."""
        super().watch_scroll_y(old_value, new_value)
        if (
            not self._pages.complete
            and self._pages.rows
            and self.visible_rows.stop > self.row_count - PAGE // 2
        ):
            self.post_message(self.OlderWanted())


def _type_ink(record: RecordRow, inks: Inks) -> Style:
    return inks["warning"] if record.type is RecordType.DEGRADED else inks["quiet"]


class RecordFields(Document):
    """All fields of one record, attributes unfolded."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._record: RecordRow | None = None

    def show(self, record: RecordRow | None) -> None:
        """Show a record."""
        if record == self._record:
            return
        self._record = record
        self.rebuild()
        self.scroll_to(y=0, animate=False, force=True)

    def build(self) -> list[Section]:
        """A line per field, more for texts that have more."""
        if self._record is None:
            return []
        width = self.area.width
        names = fields(self._record)
        name_cells = min(max(len(safe(name)) for name, _ in names), _FIELD_CELLS, max(4, width // 3))
        strips: list[Strip] = []
        for name, text in names:
            head = cell_fit(safe(name), name_cells, "middle")
            for line in safe_lines(text, 2000, _FIELD_LINES) or ("",):
                strips += self._wrapped(head, line, width - name_cells - 2, name_cells)
                head = " " * name_cells
        return [drawn(strips)]

    def _wrapped(self, head: str, text: str, room: int, name_cells: int) -> list[Strip]:
        inks, strips = self.inks, []
        for piece in cell_pieces(text, max(4, room)):
            strips.append(Strip([Segment(f"{head}  ", inks["quiet"]), Segment(piece, inks["text"])]))
            head = " " * name_cells
        return strips
