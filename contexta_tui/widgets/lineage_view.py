"""The lineage pane: `✖ canary  ← model.pt 2.9 kB ← tiny-cnn`, one line per deployment.

It draws a `viewmodels.lineage.LineageRows` and never fetches one. Enter, or a double click, on a
deployment or artifact asks to go to its node in the tree; a click on the name of a run goes to that run.
"""

from __future__ import annotations

from collections.abc import Hashable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.message import Message
from textual.strip import Strip

from contexta.query.results import DeploymentLink, NodeRow
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.keymap import Scope, bindings
from contexta_tui.text import cell_fit, safe
from contexta_tui.viewmodels.format import size
from contexta_tui.viewmodels.lineage import (
    ArtifactLine,
    DeploymentLine,
    Line,
    LineageRows,
    ReasonOfDeployment,
    missing_artifact,
    missing_run,
    target,
)
from contexta_tui.widgets.inks import Inks, fit, read_inks, status_ink
from contexta_tui.widgets.line_view import LineView

_NAME_CELLS = (6, 18)
_BOLD = Style(bold=True)

#: Marks the name of a run in a style's metadata, for the mouse; the value is the id of its node.
_RUN = "contexta_run"


class LineageView(LineView):
    """Deployments, what they were made from, and why they failed."""

    BINDINGS = bindings(Scope.LINEAGE)

    class Chosen(Message):
        """Go to a node in the tree."""

        def __init__(self, pane: LineageView, node_id: int) -> None:
            self.pane = pane
            self.node_id = node_id
            super().__init__()

        @property
        def control(self) -> LineageView:
            """The pane, for `@on` selectors."""
            return self.pane

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._glyphs = glyphs
        self._view = LineageRows()
        self._inks: Inks | None = None
        self._name_cells = _NAME_CELLS[0]
        self.empty_text = self._view.sentence

    @property
    def view(self) -> LineageRows:
        """What is shown."""
        return self._view

    def show(self, view: LineageRows) -> None:
        """Show lineage; the cursor stays on the line it was on when that is still there."""
        if view == self._view:
            return
        line = self._view.lines[self.cursor] if 0 <= self.cursor < len(self._view.lines) else None
        where = _identity(line)
        cursor = next((i for i, other in enumerate(view.lines) if where and _identity(other) == where), 0)
        self._view = view
        names = [
            cell_len(safe(one.link.deployment.name)) for one in view.lines if isinstance(one, DeploymentLine)
        ]
        self._name_cells = min(max([_NAME_CELLS[0], *names]), _NAME_CELLS[1])
        self.empty_text = view.sentence
        self.set_rows(len(view.lines), cursor=cursor)

    # Drawing

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
        """The line is all that a row shows, beside the cells that names have."""
        return (self._view.lines[index], self._name_cells)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:  # noqa: ARG002 - the base draws it
        """Draw one line."""
        line = self._view.lines[index]
        if isinstance(line, DeploymentLine):
            return fit(self._deployment(line, width), width)
        if isinstance(line, ReasonOfDeployment):
            return fit(self._reason(line, width), width)
        return fit(self._artifact(line, width), width)

    def _deployment(self, line: DeploymentLine, width: int) -> Strip:
        inks, node = self.inks, line.link.deployment
        style = inks["text"] if line.own else inks["quiet"]
        if line.selected:
            style += _BOLD
        name = cell_fit(safe(node.name), min(self._name_cells, max(1, width - 2)), "middle")
        sign = Segment(f"{self._glyphs.status(node.status)} ", inks[status_ink(node.status)])
        return Strip([sign, Segment(name, style), *self._chain(line.link, style)])

    def _chain(self, link: DeploymentLink, style: Style) -> list[Segment]:
        quiet = self.inks["quiet"]
        arrow = Segment(f" {self._glyphs.arrow} ", quiet)
        chain = [Segment(" ", quiet), arrow]
        if link.artifact is not None:
            bytes_ = "" if link.artifact.size_bytes is None else f" {size(link.artifact.size_bytes)}"
            chain += [Segment(safe(link.artifact.name, 60), style), Segment(bytes_, quiet)]
        else:
            chain.append(Segment(missing_artifact(link), quiet))
        if link.artifact_run is not None:
            chain += [arrow, self._run(link.artifact_run, style)]
            if link.run is not None:
                chain.append(Segment(f" (linked to run {safe(link.run.name, 60)})", quiet))
        else:
            run = link.run
            chain.append(arrow)
            chain.append(Segment(missing_run(link), quiet) if run is None else self._run(run, style))
        return chain

    def _run(self, run: NodeRow, style: Style) -> Segment:
        ink = self.inks["failed"] if run.failed else style
        return Segment(safe(run.name, 60), ink + Style.from_meta({_RUN: run.id}))

    def _reason(self, line: ReasonOfDeployment, width: int) -> Strip:
        reason = line.reason
        title = safe(reason.title, width)
        detail = f"  {safe(reason.detail, width)}" if reason.detail else ""
        inks = self.inks
        return Strip(
            [
                Segment(f"    {self._glyphs.bar}", inks["failed"]),
                Segment(title, inks["failed"]),
                Segment(detail, inks["quiet"]),
            ]
        )

    def _artifact(self, line: ArtifactLine, width: int) -> Strip:
        artifact = line.artifact
        name = cell_fit(safe(artifact.name), min(max(self._name_cells, 12), max(1, width - 2)), "middle")
        bytes_ = "" if artifact.size_bytes is None else size(artifact.size_bytes)
        facts = f"  {safe(artifact.kind, 20)}  {bytes_}  not deployed"
        return Strip([Segment(f"{self._glyphs.dot} {name}{facts}", self.inks["quiet"])])

    # Choosing

    def clicked(self, index: int, x: int, chain: int) -> None:
        """Select the row; on the name of a run go there."""
        for segment in self.render_row(index, self.size.width, selected=False):
            if 0 <= x < segment.cell_length and segment.style is not None and _RUN in segment.style.meta:
                self.move_cursor(index)
                self.post_message(self.Chosen(self, segment.style.meta[_RUN]))
                return
            x -= segment.cell_length
        super().clicked(index, x, chain)

    def action_go_to_run(self) -> None:
        """Go to the run of the deployment or artifact under the cursor, or say that none is recorded."""
        if not 0 <= self.cursor < len(self._view.lines):
            return
        line = self._view.lines[self.cursor]
        if isinstance(line, ArtifactLine):
            node_id = target(line)
        else:
            link = self._link_at(self.cursor)
            run = None if link is None else link.run or link.artifact_run
            node_id = None if run is None else run.id
        if node_id is not None:
            self.post_message(self.Chosen(self, node_id))
        else:
            self.notify("The run that this was made from is not recorded here.", markup=False)

    def _link_at(self, index: int) -> DeploymentLink | None:
        """The deployment of a line; that of a reason is above it."""
        for line in reversed(self._view.lines[: index + 1]):
            if isinstance(line, DeploymentLine):
                return line.link
        return None

    @on(LineView.RowActivated)
    def _go(self, event: LineView.RowActivated) -> None:
        event.stop()
        if event.index < len(self._view.lines):
            self._choose(self._view.lines[event.index])

    def _choose(self, line: Line) -> None:
        node_id = target(line)
        if node_id is not None:
            self.post_message(self.Chosen(self, node_id))


def _identity(line: object) -> tuple[object, ...] | None:
    """What makes a line the same line after its content changed."""
    if isinstance(line, DeploymentLine):
        return ("deployment", line.link.deployment.id)
    if isinstance(line, ReasonOfDeployment):
        return ("reason", line.deployment_id, line.reason.record_id, line.reason.title)
    if isinstance(line, ArtifactLine):
        return ("artifact", line.artifact.ref)
    return None
