"""The four panes and their places: side by side where there is room, behind tabs where there is not.

It knows what a pane is called and which one the user is in, and nothing of what a
pane shows. It exists so that the screen can be about data only.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from contexta_tui.viewmodels.panes import TITLES, Arrangement, Pane, arrange
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.issue_list import IssueList
from contexta_tui.widgets.lineage_view import LineageView
from contexta_tui.widgets.run_tree import RunTree
from contexta_tui.widgets.tab_bar import TabBar


class Workbench(Vertical):
    """The panes.

    Args:
        tree: Left, above.
        filter_input: Stands under the tree while it is displayed.
        detail: Right, above.
        lineage: Left, below.
        issues: Right, below.
    """

    class Arranged(Message):
        """Other panes are visible than before."""

    def __init__(
        self,
        *,
        tree: RunTree,
        filter_input: Input,
        detail: DetailPane,
        lineage: LineageView,
        issues: IssueList,
    ) -> None:
        super().__init__(id="workbench")
        self._tree_pane = Vertical(tree, filter_input)
        self._panes: dict[Pane, Widget] = {
            Pane.TREE: self._tree_pane,
            Pane.DETAIL: detail,
            Pane.LINEAGE: lineage,
            Pane.ISSUES: issues,
        }
        self._focusable: dict[Pane, Widget] = {**self._panes, Pane.TREE: tree, Pane.ISSUES: issues.rows}
        for pane, widget in self._panes.items():
            widget.id = pane.value
            widget.add_class("pane")
            widget.border_title = TITLES[pane]
        self._tabs = TabBar()
        self._left = Vertical(self._tree_pane, lineage, id="left")
        self._right = Vertical(detail, issues, id="right")
        self._active = Pane.TREE
        self._zoomed = False
        self._noted: str | None = None
        self._arrangement: Arrangement | None = None

    def compose(self) -> ComposeResult:
        """Tabs, then two columns (or the one that is left of them)."""
        # Before anything is styled: each class that changes later styles everything here anew.
        self.arrange_for(self.app.size)
        yield self._tabs
        yield Container(self._left, self._right, id="body")

    @property
    def active(self) -> Pane:
        """The pane that the user is in."""
        return self._active

    @property
    def zoomed(self) -> bool:
        """Whether the active pane has the screen to itself."""
        return self._zoomed

    @property
    def roomy(self) -> bool:
        """Whether there is room for more than the panes."""
        return self._arrangement is None or self._arrangement.chrome

    def shows(self, pane: Pane) -> bool:
        """Whether a pane is on the screen."""
        return self._arrangement is None or pane in self._arrangement.visible

    def note(self, text: str | None) -> None:
        """Say under the tree what a filter has found, and how to leave it; `None` when there is no filter."""
        # Only when it differs: a frame is drawn again with everything inside it.
        if text != self._noted:
            self._noted = text
            self._tree_pane.border_subtitle = None if text is None else f"{text}  esc shows all"

    def go(self, pane: Pane) -> None:
        """Go to a pane, and give it the focus."""
        self._active = pane
        self.rearrange()
        # At once, so that the next key is this pane's.
        self.screen.set_focus(self._focusable[pane])

    def uncover(self) -> None:
        """Bring what is selected to the screen, where neither its row nor its detail can be seen."""
        seen = {Pane.TREE, Pane.DETAIL}
        if self._zoomed and self._active not in seen:
            self.zoom()
        if not any(self.shows(pane) for pane in seen):
            self.go(Pane.DETAIL)

    def step(self, by: int) -> None:
        """Go to the pane so many further, round at the end."""
        panes = list(Pane)
        self.go(panes[(panes.index(self._active) + by) % len(panes)])

    def zoom(self) -> None:
        """Give the screen to the active pane, or back to all."""
        self._zoomed = not self._zoomed
        self.rearrange()

    def rearrange(self) -> None:
        """Show the panes that there is room for."""
        self.arrange_for(self.screen.size)

    def arrange_for(self, size: Size) -> None:
        """Show the panes that a screen has room for.

        Args:
            size: Of the screen.
        """
        arrangement = arrange(size.width, size.height, self._active, zoomed=self._zoomed)
        self._tabs.show(self._active)
        if arrangement == self._arrangement:
            return
        self._arrangement = arrangement
        for pane, widget in self._panes.items():
            widget.display = pane in arrangement.visible
        self._left.display = bool(arrangement.visible & {Pane.TREE, Pane.LINEAGE})
        self._right.display = bool(arrangement.visible & {Pane.DETAIL, Pane.ISSUES})
        self._tabs.display = arrangement.tabs
        self.set_class(arrangement.wide, "-wide")
        self.set_class(not arrangement.borders, "-bare")
        self.post_message(self.Arranged())

    def on_descendant_focus(self) -> None:
        """The pane that has the focus is the active one."""
        focused = self.screen.focused
        above = [] if focused is None else focused.ancestors_with_self
        for pane, widget in self._panes.items():
            if widget in above and pane is not self._active:
                self._active = pane
                self.rearrange()

    @on(TabBar.Chosen)
    def _tab_chosen(self, event: TabBar.Chosen) -> None:
        event.stop()
        self.go(event.pane)
