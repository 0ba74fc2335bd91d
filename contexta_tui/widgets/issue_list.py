"""The diagnostics pane: one line per issue, the worst first, and the selected one's summary below.

It draws `viewmodels.diagnostics.IssueRows` and never fetches them. Enter or a click on an issue asks
to go to what it is about. The cursor stays at the top, where the worst is, until it is moved; then it stays
on its issue while others come and go. Focus is in the
lines: frame the pane by `:focus-within`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Self

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Static

from contexta.query.results import Issue, Severity
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.text import cell_fit, cell_wrap, safe
from contexta_tui.viewmodels.diagnostics import IssueRows, cursor_after, place
from contexta_tui.viewmodels.format import clock, count
from contexta_tui.widgets.inks import Inks, line, read_inks, severity_ink
from contexta_tui.widgets.line_view import LineView

#: Issues that are looked at to choose the width of the code column; there can be thousands.
_MEASURED = 200

#: Fewest cells of a place; a pane with less room shows codes only.
_PLACE_FROM = 8

#: Cells of a place that a long code does not take.
_PLACE_CELLS = 16

#: A pane lower than this has no room for the summary.
_SUMMARY_FROM = 5

_SUMMARY_ROWS = 2

#: Cells between two columns.
_BETWEEN = 2


class IssueRowsView(LineView):
    """The lines of the issue list."""

    DEFAULT_CSS = "IssueRowsView { height: 1fr; }"

    def __init__(self, *, glyphs: Glyphs, today: Callable[[], int] | None) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._today = today
        self._inks: Inks | None = None
        self.issues: tuple[Issue, ...] = ()
        self._code_cells = 0
        self.empty_text = "No issues."

    def take(self, issues: tuple[Issue, ...], *, cursor: int, top: int | None = None) -> None:
        """Show issues, the cursor on one of them."""
        self.issues = issues
        self._code_cells = max(
            (cell_len(safe(issue.code, 40) + self._times(issue)) for issue in issues[:_MEASURED]), default=0
        )
        self.set_rows(len(issues), cursor=cursor, top=top)

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
        """The issue and the day are all that a row shows."""
        today = self._today() // 86_400_000_000 if self._today is not None else None
        return (self.issues[index], self._code_cells, today)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:  # noqa: ARG002 - the base draws it
        """Draw one issue: sign, code and count, place, time at the right."""
        issue, inks = self.issues[index], self.inks
        ink = inks[severity_ink(issue.severity)]
        today = self._today() if self._today is not None else None
        time = " " * 8 if issue.at is None else clock(issue.at, today=today)
        sign = f"{self._glyphs.severity(issue.severity)} "
        rest = width - len(sign) - len(time) - 2 * _BETWEEN
        code_cells = min(self._code_cells, max(rest - _PLACE_CELLS, rest // 2))
        room = rest - code_cells
        if room < _PLACE_FROM:
            return line((sign, ink), (self._code(issue, width - len(sign)), ink))
        where = f" {self._glyphs.separator} ".join(safe(name, 60) for name in place(issue))
        quiet = issue.severity is Severity.INFO
        gap = " " * _BETWEEN
        return Strip(
            [
                Segment(sign, ink),
                Segment(self._code(issue, code_cells) + gap, ink),
                Segment(cell_fit(where, room, "middle") + gap, inks["quiet" if quiet else "text"]),
                Segment(time, inks["quiet"]),
            ]
        )

    def _code(self, issue: Issue, cells: int) -> str:
        """Code and count; the code gives way."""
        times = self._times(issue)
        return cell_fit(cell_fit(safe(issue.code, 40), cells - len(times)).rstrip() + times, cells)

    def _times(self, issue: Issue) -> str:
        return f" {'x' if self._glyphs.ascii else '×'}{count(issue.count)}" if issue.count > 1 else ""

    def clicked(self, index: int, x: int, chain: int) -> None:  # noqa: ARG002 - the whole row is one target
        """Select the issue and go there."""
        self.move_cursor(index)
        if chain == 1:
            self.action_activate()


class IssueList(Vertical):
    """All issues, and what the selected one says."""

    DEFAULT_CSS = f"""
    IssueList {{
        height: 1fr;
        & > Static {{ height: {_SUMMARY_ROWS}; color: $quiet; padding: 0 0 0 2; }}
        &.-low > Static {{ display: none; }}
        &.-none > Static {{ display: none; }}
    }}
    """

    class Chosen(Message):
        """Go to what an issue is about."""

        def __init__(self, issue_list: IssueList, issue: Issue) -> None:
            self.issue_list = issue_list
            self.issue = issue
            super().__init__()

        @property
        def control(self) -> IssueList:
            """The list, for `@on` selectors."""
            return self.issue_list

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        today: Callable[[], int] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """Make an empty list.

        Args:
            glyphs: The characters to draw with.
            today: The current time in microseconds since the epoch, for dates; without it times only.
            id: Id of the widget.
            classes: Its CSS classes.
        """
        super().__init__(id=id, classes=classes)
        self.rows = IssueRowsView(glyphs=glyphs, today=today)
        self._summary = Static(markup=False)
        self._view = IssueRows()
        self._held = False

    def compose(self) -> ComposeResult:
        """The lines, and the summary under them."""
        yield self.rows
        yield self._summary

    @property
    def view(self) -> IssueRows:
        """What is shown."""
        return self._view

    @property
    def selected(self) -> Issue | None:
        """The issue under the cursor."""
        cursor = self.rows.cursor
        return self._view.issues[cursor] if 0 <= cursor < len(self._view.issues) else None

    def focus(self, scroll_visible: bool = True) -> Self:
        """Focus the lines."""
        self.rows.focus(scroll_visible)
        return self

    def show(self, view: IssueRows) -> None:
        """Show issues; the cursor stays at the top, or on the issue it was brought to."""
        if view == self._view:
            return
        before, cursor = self._view.issues, self.rows.cursor
        self._view = view
        row = cursor_after(before, cursor, view.issues) if self._held else 0
        on_screen = cursor - round(self.rows.scroll_target_y)
        # New issues above push the cursor's row down; the screen follows, so that it stays under the eye.
        top = max(0, row - on_screen) if cursor > 0 and row != cursor else None
        self.rows.take(view.issues, cursor=row, top=top)
        self.set_class(not view.issues, "-none")
        self._say()

    def point_at(self, node_id: int) -> None:
        """Put the cursor on an issue of a node, if it has one; the focus stays where it is."""
        if self.selected is not None and self.selected.node_id == node_id:
            return
        row = next((row for row, issue in enumerate(self._view.issues) if issue.node_id == node_id), None)
        if row is not None:
            self._held = True
            self.rows.set_rows(len(self._view.issues), cursor=row)
            self.rows.show_row(row)
            self._say()

    def on_mount(self) -> None:
        """Hide the summary until there is something to say."""
        self.set_class(not self._view.issues, "-none")

    def on_resize(self) -> None:
        """Wrap the summary anew, or leave it out."""
        self.set_class(self.size.height < _SUMMARY_FROM, "-low")
        self._say()

    @on(LineView.RowHighlighted)
    def _moved(self, event: LineView.RowHighlighted) -> None:
        event.stop()
        self._held = event.index > 0
        self._say()

    @on(LineView.RowActivated)
    def _choose(self, event: LineView.RowActivated) -> None:
        event.stop()
        if 0 <= event.index < len(self._view.issues):
            self.post_message(self.Chosen(self, self._view.issues[event.index]))

    def _say(self) -> None:
        issue = self.selected
        width = self.size.width - 3
        if issue is None or width < 4:
            self._summary.update("")
            return
        self._summary.update("\n".join(cell_wrap(safe(issue.summary, 400), width, _SUMMARY_ROWS)))
