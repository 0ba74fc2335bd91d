"""The detail pane: why the selected node failed, then its metrics as charts and a table.

It draws a `DetailView` and never fetches one. The owner loads it in a worker with `viewmodels.detail.load`,
handing over what the pane says about itself:

    load(queries, node, width=pane.size.width, buckets=pane.buckets,
         selected=pane.selected_key, charts=pane.charts)

and gives it to `show`. `SeriesWanted` asks to do so again, for another key. The pane is one scrolled
document: what matters first, all remaining evidence and the whole stack trace at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from contexta.query.results import NodeRow
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.keymap import Scope, bindings
from contexta_tui.text import cell_fit
from contexta_tui.viewmodels.detail import EMPTY, DetailView, charted, page_of
from contexta_tui.viewmodels.detail_layout import Layout, chart_places, first_reason_lines, lay_out
from contexta_tui.viewmodels.format import count
from contexta_tui.widgets import metric_table
from contexta_tui.widgets.chart import GUTTER, ChartData, Grid, Memory, draw_grid
from contexta_tui.widgets.document import Document, Section, drawn
from contexta_tui.widgets.heading import facts, heading
from contexta_tui.widgets.reasons import draw_reason, draw_trace

#: Lines of a stack trace that are drawn at most.
MOST_FRAME_LINES: Final = 400


class DetailPane(Document):
    """Reason, charts and table of one node."""

    BINDINGS = bindings(Scope.DETAIL)

    class SeriesWanted(Message):
        """A key was selected; its page of series should be loaded and shown."""

        def __init__(self, pane: DetailPane, key: str) -> None:
            self.pane = pane
            self.key = key
            super().__init__()

        @property
        def control(self) -> DetailPane:
            """The pane, for `@on` selectors."""
            return self.pane

    class RecordsWanted(Message):
        """Enter was pressed: show the records of the node."""

        def __init__(self, pane: DetailPane, node_id: int) -> None:
            self.pane = pane
            self.node_id = node_id
            super().__init__()

        @property
        def control(self) -> DetailPane:
            """The pane, for `@on` selectors."""
            return self.pane

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        today: Callable[[], int] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """Make an empty pane.

        Args:
            glyphs: The characters to draw with.
            today: The current time in microseconds since the epoch, for dates; without it times only.
            id: Id of the widget.
            classes: Its CSS classes.
        """
        super().__init__(id=id, classes=classes)
        self._glyphs = glyphs
        self._today = today
        self._view = EMPTY
        self._selected: str | None = None
        self._memory: dict[str, Memory] = {}
        self._table_top = 0
        self._asked: tuple[int, tuple[str, ...], int] | None = None
        self._shared: Layout | None = None

    def on_resize(self) -> None:
        """Lay out anew, and ask for the series that there is room for now."""
        super().on_resize()
        self._ask_for_series()

    # What the owner uses

    @property
    def view(self) -> DetailView:
        """What is shown."""
        return self._view

    @property
    def selected_key(self) -> str | None:
        """The metric key that the user chose, kept from node to node; `None` before the first choice."""
        return self._selected

    @property
    def buckets(self) -> int:
        """Buckets of a series that a chart can tell apart: two dots a cell."""
        columns = self._layout().columns or chart_places(self.area.width, self.area.height)[0]
        return max(16, 2 * self.area.width // columns)

    @property
    def charts(self) -> int:
        """Charts that are seen together, or that could be while none is shown."""
        if charted(self._view.metrics):
            return self._layout().places
        columns, rows = chart_places(self.area.width, self.area.height)
        return columns * rows

    def show(self, node: NodeRow | None, view: DetailView) -> None:
        """Show a node.

        Args:
            node: The node as the tree shows it now; its status heads the pane.
            view: What was loaded for it.
        """
        other = (node.id if node else None) != (self._view.node.id if self._view.node else None)
        if view == self._view and not other:
            return
        self._view = view
        if other:
            self._memory.clear()
        if view.selected is not None and self._selected is None:
            self._selected = view.selected
        self._head(node)
        self.rebuild()
        self._ask_for_series()
        if other:
            self.scroll_to(y=0, animate=False, force=True)

    def show_node(self, node: NodeRow) -> None:
        """Show the node that is shown as it is now, in the borders; what was loaded for it stays."""
        if self._view.node is not None and self._view.node.id == node.id:
            self._head(node)

    def _head(self, node: NodeRow | None) -> None:
        if node is None:
            self.frame(None, None)
        else:
            names = heading(node, self._view.path, self._glyphs)
            self.frame(names, facts(node, self._glyphs, today=self._now()))

    # Drawing

    def build(self) -> list[Section]:
        """Reason, charts, table, and at the end all evidence."""
        view, layout, page = self._view, self._layout(), self._page()
        sections = [drawn(self._why(layout))]
        if view.sentence:
            sections.append(drawn([Strip([]), self._sentence(view.sentence)]))
        if view.metrics:
            if view.reasons:
                sections.append(drawn([self._rule("Metrics", self._page_note(page))]))
            if page:
                sections.append(self._charts(layout, page))
            self._table_top = sum(section.height for section in sections) + 1
            sections.append(self._table())
        sections.extend(self._evidence(layout))
        return sections

    def rebuild(self) -> None:
        """Lay out and draw anew."""
        self._shared = None
        super().rebuild()

    def _layout(self) -> Layout:
        if self._shared is None:
            (width, height), view = self.area, self._view
            first = self._reason(0, first_reason_lines(height)) if view.reasons else []
            self._shared = lay_out(
                width,
                height,
                reasons=len(view.reasons),
                first=len(first),
                trace=len(self._trace(MOST_FRAME_LINES)),
                keys=len(view.metrics),
                charted=len(charted(view.metrics)),
            )
        return self._shared

    def _reason(self, index: int, lines: int) -> list[Strip]:
        reason, width = self._view.reasons[index], self.area.width
        return draw_reason(reason, width, self.inks, self._glyphs, today=self._now(), max_lines=lines)

    def _trace(self, lines: int) -> list[Strip]:
        """The end of the newest stack trace, without the line that repeats its exception."""
        view = self._view
        if not view.trace:
            return []
        titles = [line.reason.title for line in view.reasons if line.reason.stacktrace == view.trace]
        return draw_trace(view.trace, self.area.width, lines, self.inks, title=titles[0] if titles else "")

    def _why(self, layout: Layout) -> list[Strip]:
        view = self._view
        strips: list[Strip] = []
        traced = False
        for index, line in enumerate(view.reasons[: layout.reasons]):
            strips += self._reason(index, layout.first_reason if index == 0 else 1)
            if layout.trace and not traced and line.reason.stacktrace == view.trace:
                strips += self._trace(layout.trace)
                traced = True
        return strips

    def _evidence(self, layout: Layout) -> list[Section]:
        """The evidence that had no room at the top, and the whole stack trace."""
        view = self._view
        sections: list[Section] = []
        left_out = range(layout.reasons, len(view.reasons))
        if left_out:
            strips = [self._rule("More evidence", count(len(left_out)))]
            for index in left_out:
                strips += self._reason(index, 1)
            sections.append(drawn(strips))
        if view.trace:
            whole = draw_trace(view.trace, self.area.width, MOST_FRAME_LINES, self.inks)
            if len(whole) > layout.trace + 1:
                sections.append(drawn([self._rule("Stack trace", ""), *whole]))
        return sections

    def _charts(self, layout: Layout, page: tuple[str, ...]) -> Section:
        """The grid, drawn when its first row is asked for and then kept."""
        columns = layout.columns
        cell_width = (self.area.width - GUTTER * (columns - 1)) // columns
        grid = Grid(columns, layout.chart_rows, cell_width, layout.chart_height)
        strips: list[Strip] = []

        def draw(row: int) -> Strip:
            if not strips:
                charts = self._chart_data(page)
                strips.extend(draw_grid(charts, grid, self._memory, self.inks, ascii_only=self._glyphs.ascii))
            return strips[row]

        return Section(grid.height, draw)

    def _chart_data(self, page: tuple[str, ...]) -> tuple[ChartData, ...]:
        series = {one.key: one for one in self._view.series}
        metrics = {metric.key: metric for metric in self._view.metrics}
        chosen = self._chosen()
        return tuple(ChartData(metrics[key], series.get(key), key == chosen) for key in page)

    def _table(self) -> Section:
        metrics = self._view.metrics
        table = metric_table.lay_out(metrics, self.area.width)
        chosen = self._chosen()

        def draw(row: int) -> Strip:
            if row == 0:
                return metric_table.draw_head(table, self.inks)
            metric = metrics[row - 1]
            return metric_table.draw_row(metric, table, self.inks, self._glyphs, chosen=metric.key == chosen)

        return Section(len(metrics) + 1, draw)

    def _rule(self, name: str, note: str) -> Strip:
        line = "-" if self._glyphs.ascii else "─"
        tail = f" {note}" if note else ""
        text = f"{line} {name} "
        fill = line * max(0, self.area.width - len(text) - len(tail))
        return Strip(
            [
                Segment(line, self.inks["axis"]),
                Segment(f" {name} ", self.inks["quiet"]),
                Segment(fill[1:], self.inks["axis"]),
                Segment(tail, self.inks["quiet"]),
            ]
        )

    def _sentence(self, sentence: str) -> Strip:
        return Strip([Segment(cell_fit(sentence, self.area.width), self.inks["quiet"])])

    def _page_note(self, page: tuple[str, ...]) -> str:
        keys = charted(self._view.metrics)
        if len(page) == len(keys):
            return ""
        start = keys.index(page[0])
        until = "-" if self._glyphs.ascii else "–"
        return f"{start + 1}{until}{start + len(page)} of {count(len(keys))}"

    def _now(self) -> int | None:
        return self._today() if self._today is not None else None

    # Choosing a key

    def _chosen(self) -> str | None:
        keys = {metric.key for metric in self._view.metrics}
        return self._selected if self._selected in keys else self._view.selected

    def _page(self) -> tuple[str, ...]:
        keys = charted(self._view.metrics)
        return page_of(keys, self._chosen(), max(1, self.charts)) if keys else ()

    def _choose(self, key: str) -> None:
        self._selected = key
        self.rebuild()
        self._ask_for_series()

    def _ask_for_series(self) -> None:
        """Ask once for the series that the charts on screen lack; their trends stand in until then."""
        page = self._page()
        chosen = self._chosen()
        wanted = (self._view.node.id if self._view.node else -1, page, self.buckets)
        other = self._view.buckets not in (0, self.buckets)
        missing = bool(page) and (other or not {one.key for one in self._view.series}.issuperset(page))
        if chosen is not None and missing and wanted != self._asked:
            self._asked = wanted
            self.post_message(self.SeriesWanted(self, chosen))

    def _step(self, steps: int) -> None:
        keys = charted(self._view.metrics) or tuple(metric.key for metric in self._view.metrics)
        if keys:
            chosen = self._chosen()
            index = keys.index(chosen) if chosen in keys else 0
            self._choose(keys[(index + steps) % len(keys)] if chosen in keys else keys[0])

    def action_next_key(self) -> None:
        """Chart the next metric."""
        self._step(1)

    def action_previous_key(self) -> None:
        """Chart the previous metric."""
        self._step(-1)

    def action_activate(self) -> None:
        """Show the records of the node."""
        if self._view.node is not None:
            self.post_message(self.RecordsWanted(self, self._view.node.id))

    def on_click(self, event: events.Click) -> None:
        """Choose the metric whose row was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = offset.y + self.scroll_offset.y - self._table_top
        if self._view.metrics and 0 <= index < len(self._view.metrics):
            event.stop()
            self._choose(self._view.metrics[index].key)
