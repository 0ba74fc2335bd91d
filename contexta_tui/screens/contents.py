"""What stands between wishes and panes: makes the job for a wish, and shows a job's result.

It decides what has to be asked for the panes that are on the screen, and hands the answers out. It asks
nothing itself, and knows neither threads nor keys.
"""

from __future__ import annotations

import msgspec

from contexta.live import Change
from contexta.query.results import NodeRow
from contexta_tui.screens.refresher import Wishes
from contexta_tui.viewmodels.panes import Pane
from contexta_tui.viewmodels.refresh import DetailSize, Job, Result, Target
from contexta_tui.viewmodels.tree_load import Revealed
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.issue_list import IssueList
from contexta_tui.widgets.lineage_view import LineageView
from contexta_tui.widgets.run_tree import RunTree
from contexta_tui.widgets.workbench import Workbench


class Contents(msgspec.Struct):
    """The panes and the workbench that they stand on."""

    tree: RunTree
    detail: DetailPane
    lineage: LineageView
    issues: IssueList
    workbench: Workbench
    _lineage_of: tuple[int, int] | None = None

    @property
    def are_complete(self) -> bool:
        """Whether the detail is that of the selected node, or is not on the screen."""
        selected, shown = self.tree.model.selected, self.detail.view.node
        return (selected and selected.id) == (shown and shown.id) or not self.workbench.shows(Pane.DETAIL)

    def job(self, change: Change, wishes: Wishes) -> Job | None:
        """What to ask, or `None` when nothing that is wished for is on the screen."""
        shows, detail, selected = self.workbench.shows, self.detail, self.tree.model.selected
        node = wishes.node or wishes.target is not None
        # All nodes of a run have the same lineage; moving about in a run asks for it once.
        run = _lineage_key(change.revision, selected)
        known = wishes.target is None and run is not None and run == self._lineage_of
        size = DetailSize(detail.size.width, detail.buckets, detail.charts, detail.selected_key)
        job = Job(
            queries=change.queries,
            tree=self.tree.request() if wishes.tree else None,
            position=self.tree.position() if wishes.target or wishes.level else None,
            target=wishes.target,
            level=wishes.level,
            node=selected,
            detail=size if node and shows(Pane.DETAIL) else None,
            lineage=node and shows(Pane.LINEAGE) and not known,
            # Also when they are not on the screen: the status line tells of them.
            issues=wishes.issues,
            lane=wishes.lane,
            revision=change.revision,
        )
        wanted = job.tree or job.target or job.level or job.detail or job.lineage or job.issues
        return job if wanted else None

    def show(self, result: Result) -> bool:
        """Show everything that was computed; answer `False` if some was of another node, and left out."""
        if result.loaded is not None:
            self.tree.install(result.loaded)
        if result.revealed is not None and not self._is_kept_from(result.job.target, result.revealed):
            self.tree.reveal(result.revealed, result.around)
        if result.level is not None:
            self.tree.expand_nodes(result.level[0])
        selected = self.tree.model.selected
        is_of_selected = (selected and selected.id) == (result.node and result.node.id)
        if is_of_selected:
            if result.detail is not None:
                self.detail.show(selected, result.detail)
            if result.lineage is not None:
                self.lineage.show(result.lineage)
                self._lineage_of = _lineage_key(result.job.revision, selected)
        if result.issues is not None:
            self.issues.show(result.issues)
        if selected is not None:
            self.detail.show_node(selected)
            self.issues.point_at(selected.id)
        return is_of_selected or not (result.detail or result.lineage)

    def _is_kept_from(self, target: Target | None, revealed: Revealed) -> bool:
        """Whether following would end a filter: what arrives must not undo what a person has asked for."""
        return target is not None and target.newest and self.tree.model.hides(revealed.node)


def _lineage_key(revision: int, node: NodeRow | None) -> tuple[int, int] | None:
    """What the lineage of a node depends on: the data, and its run (or deployment, or project)."""
    return None if node is None else (revision, (*node.path, node.id)[:2][-1])
