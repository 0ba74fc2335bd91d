"""The explorer: tree, detail, lineage and diagnostics of some workspaces.

It owns the refresh: panes say what they lack, one worker at a time asks the queries,
and one message brings everything back to be shown in one go. Nothing here asks a
query on the app's thread, and no widget asks at all.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual import work as on_a_thread
from textual.app import ComposeResult
from textual.events import Paste
from textual.strip import Strip
from textual.widgets import Input, Static

from contexta.live import Change
from contexta.query.port import Queries
from contexta_tui.clock import Clock
from contexta_tui.glyphs import ASCII, UNICODE
from contexta_tui.keymap import TYPED, Scope, bindings
from contexta_tui.messages import Refreshed, RefreshFailed, Settled
from contexta_tui.screens.contents import Contents
from contexta_tui.screens.pane_screen import PaneScreen
from contexta_tui.screens.picture import picture_of
from contexta_tui.screens.record import RecordScreen
from contexta_tui.screens.refresher import Refresher, Wishes
from contexta_tui.settings import Settings
from contexta_tui.text import safe
from contexta_tui.viewmodels.liveness import (
    Placard,
    ages_grow,
    everything_is_read,
    lasts,
    nothing_called,
    nothing_failed,
    placard,
)
from contexta_tui.viewmodels.panes import Pane
from contexta_tui.viewmodels.refresh import Job, Result, Target, work
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.filter_input import FilterInput
from contexta_tui.widgets.issue_list import IssueList
from contexta_tui.widgets.key_line import KeyLine
from contexta_tui.widgets.lineage_view import LineageView
from contexta_tui.widgets.run_tree import RunTree
from contexta_tui.widgets.status_line import StatusLine
from contexta_tui.widgets.workbench import Workbench


class ExplorerScreen(PaneScreen):
    """The main screen.

    Args:
        settings: What the command line asked for.
        clock: What time it is.
        answer: Asks the queries; is called on threads of its own.
    """

    BINDINGS = bindings(Scope.FIND, Scope.PANES)
    AUTO_FOCUS = "RunTree"

    def __init__(self, settings: Settings, clock: Clock, answer: Callable[[Job], Result] = work) -> None:
        super().__init__()
        glyphs = ASCII if settings.ascii else UNICODE
        self._glyphs = glyphs
        self._now = clock.now
        self._answer = answer
        self._change: Change | None = None
        self._records: RecordScreen | None = None
        self._failure = ""
        self._said: Placard | None = None
        self._following = False
        self._ticked = True
        self._start_at = settings.select
        self._missed = False
        self._status = StatusLine(glyphs=glyphs, clock=clock.passed)
        self._notice = Static(id="notice", markup=False)
        self._tree = RunTree(glyphs=glyphs, now=clock.now)
        self._filter = FilterInput(self._tree, id="filter")
        # Now, because what was typed while the program was being loaded comes before this is mounted.
        self._filter.display = bool(settings.filter)
        self._start_filter = settings.filter
        self._detail = DetailPane(glyphs=glyphs, today=clock.now)
        self._lineage = LineageView(glyphs=glyphs)
        self._issues = IssueList(glyphs=glyphs, today=clock.now)
        self._workbench = Workbench(
            tree=self._tree,
            filter_input=self._filter,
            detail=self._detail,
            lineage=self._lineage,
            issues=self._issues,
        )
        self._contents = Contents(self._tree, self._detail, self._lineage, self._issues, self._workbench)
        self._empty = Static(id="empty", markup=False)
        self._keys = KeyLine()
        self._refresher = Refresher(self._start, lambda wait: self.set_timer(wait, self._refresher.poke))

    def compose(self) -> ComposeResult:
        """Status, panes, keys."""
        yield self._status
        yield self._notice
        yield self._workbench
        yield self._empty
        yield self._keys

    def on_mount(self) -> None:
        """Begin with what the command line asked for, and let ages grow."""
        if self._start_filter:
            self._filter.value = self._start_filter
        self._show_body()
        self.set_interval(1.0, self._tick)

    @property
    def at_rest(self) -> bool:
        """Whether everything that was asked for is on the screen."""
        return self._refresher.at_rest and self._contents.are_complete

    def picture(self) -> list[Strip] | None:
        """The screen as it is, though opening; `None` while something on it may soon read otherwise."""
        is_whole = self.at_rest and self.is_current and not self._failure and lasts(self._change)
        return picture_of(self, self._status.opening()) if is_whole else None

    # What comes from outside

    def take(self, change: Change) -> None:
        """Show a change: its content as soon as it has been asked for, and its liveness with that, or now."""
        before, self._change = self._change, change
        known = before is not None and before.revision == change.revision and before.queries is change.queries
        as_before = before is not None and (before.phase, before.notice) == (change.phase, change.notice)
        self._status.show(change, with_rows=as_before and not known)
        self._show_body()
        if known and not self._failure:
            # Only time has passed. The line above was drawn just now, so ages grow in the same frame.
            if ages_grow(change, self._now()):
                self._tree.tick()
            self._ticked = True
            return
        self._tree.set_revision(change.revision)
        if self._records is not None and self._records.is_current:
            self._records.changed()
        target = Target(ref=self._start_at) if self._start_at else None
        if self._following and not self._tree.model.filter:
            # What arrives must not undo what a person has asked for: following waits for the end of a filter.
            target = Target(newest=True)
        if before is not None:
            self._refresher.wish(tree=True, node=True, issues=True, target=target)
        else:
            # The tree first: what the panes show takes longer to find. Its selection asks for the detail.
            self._refresher.wish(tree=True, urgent=True)
            if target is not None:
                self._refresher.wish(target=target, urgent=True)
            self._refresher.wish(issues=True)

    def tell(self, notice: str) -> None:
        """Show a sentence that is not about the data, such as that reading stopped."""
        self.notify(safe(notice, 300), severity="error", markup=False, timeout=20)

    # Refreshing

    def _start(self, wishes: Wishes) -> bool:
        """Start a worker for what is wished for."""
        job = None if self._change is None else self._contents.job(self._change, wishes)
        if job is not None:
            self._compute(job)
        return job is not None

    @on_a_thread(thread=True, group="refresh", exit_on_error=False)
    def _compute(self, job: Job) -> None:
        """Ask the queries; runs on a thread of its own."""
        try:
            self.post_message(Refreshed(self._answer(job)))
        except Exception as error:  # noqa: BLE001 - one refresh that fails must not end the watch
            self.post_message(RefreshFailed(job, f"{type(error).__name__}: {error}"))

    @on(Refreshed)
    def _apply(self, event: Refreshed) -> None:
        """Show everything that was computed, in one go."""
        result = event.result
        self._failure = ""
        was_filtered = bool(self._tree.model.filter)
        with self.app.batch_update():
            self._status.catch_up()
            if not self._contents.show(result):
                self._refresher.wish(node=True)
            if was_filtered and not self._tree.model.filter:
                self._filter.leave()
            if result.issues is not None:
                self._status.show_stalled(result.issues.stalled)
            self._show_names()
            self._show_body()
        if result.revealed is not None:
            self._start_at = None
            if result.job.target is not None and not result.job.target.newest:
                self._workbench.uncover()
        elif result.job.target is not None:
            self._say_missing(result.job, result.job.target)
        if result.level is not None and result.level[1]:
            self.notify(f"Expanded the first {len(result.level[0])}.", markup=False)
        self._refresher.done(result.job.lane)
        if self.at_rest:
            self.post_message(Settled())

    def _say_missing(self, job: Job, target: Target) -> None:
        """Say that there is nothing where somebody wanted to go."""
        if target.failure:
            self.notify(nothing_failed(self._change), markup=False)
        elif target.ref and not self._missed and everything_is_read(self._change, job.queries):
            self._missed = True
            self.notify(nothing_called(target.ref), severity="warning", markup=False, timeout=20)

    @on(RefreshFailed)
    def _refresh_failed(self, event: RefreshFailed) -> None:
        self._status.catch_up()
        if event.reason != self._failure:
            self._failure = event.reason
            self.tell(f"Could not read: {event.reason}")
        self._refresher.done(event.job.lane)

    @on(RunTree.Wanted)
    def _rows_wanted(self, event: RunTree.Wanted) -> None:
        self._refresher.wish(tree=True, urgent=event.urgent)

    @on(RunTree.LevelWanted)
    def _level_wanted(self, event: RunTree.LevelWanted) -> None:
        self._refresher.expand_level(event.node)

    @on(RunTree.Selected)
    def _selected(self, event: RunTree.Selected) -> None:
        if event.by_user:
            self._follow(following=False)
        shown = self._detail.view.node
        if event.node is None or shown is None or event.node.id != shown.id:
            # The cursor first: a worker that starts before it is drawn takes its time from it.
            self.call_after_refresh(self._refresher.wish, node=True, urgent=True)

    @on(DetailPane.SeriesWanted)
    def _series_wanted(self) -> None:
        self._refresher.wish(node=True, urgent=True)

    @on(LineageView.Chosen)
    def _lineage_chosen(self, event: LineageView.Chosen) -> None:
        self._go(Target(node_id=event.node_id))

    @on(IssueList.Chosen)
    def _issue_chosen(self, event: IssueList.Chosen) -> None:
        if event.issue.node_id is not None:
            self._go(Target(node_id=event.issue.node_id))

    def _go(self, target: Target) -> None:
        self._follow(following=False)
        self._refresher.wish(target=target, urgent=True)

    # What is shown around the panes

    def _tick(self) -> None:
        """Let ages grow, unless a change has just done so."""
        self._status.catch_up()
        if not self._ticked:
            self._status.tick()
            if ages_grow(self._change, self._now()):
                self._tree.tick()
        self._ticked = False

    def _show_names(self) -> None:
        roots, filtered = self._tree.model.roots, self._tree.model.filtered
        name = roots[0].name if len(roots) == 1 else f"{len(roots)} projects" if roots else ""
        self._status.show_project(name)
        self._workbench.note(filtered.summary if filtered is not None else None)

    def _show_body(self) -> None:
        """The panes, or one calm sentence while there is nothing for them to show."""
        shown = placard(self._change, rows=self._tree.model.height, filtered=bool(self._tree.model.filter))
        if shown == self._said:
            return
        # Only when it differs: a Static that is updated lays the whole screen out again.
        self._said = shown
        for widget, displayed in ((self._empty, shown.instead), (self._notice, not shown.instead)):
            widget.display = displayed and bool(shown.text)
            widget.update(safe(shown.text, 300))

    # Panes

    def on_resize(self) -> None:
        """Arrange the panes for the new size; charts may show more of a series in it."""
        self._workbench.rearrange()
        self._refresher.wish(node=True)

    @on(Workbench.Arranged)
    def _arranged(self) -> None:
        """Fill the panes that have come into view."""
        self._keys.display = self._workbench.roomy
        self._refresher.wish(tree=True, node=True, issues=True, urgent=True)

    def action_pane(self, name: str) -> None:
        """Go to a pane."""
        self._workbench.go(Pane(name))

    def action_next_pane(self) -> None:
        """Go to the next pane."""
        self._workbench.step(1)

    def action_previous_pane(self) -> None:
        """Go to the previous pane."""
        self._workbench.step(-1)

    def action_zoom(self) -> None:
        """Give the screen to the active pane, or back to all."""
        self._workbench.zoom()

    # Finding

    def action_next_failure(self) -> None:
        """Go to the next failure."""
        self._go_to_failure(1)

    def action_previous_failure(self) -> None:
        """Go to the previous failure."""
        self._go_to_failure(-1)

    def _go_to_failure(self, step: int) -> None:
        selected = self._tree.model.selected
        self._go(Target(node_id=None if selected is None else selected.id, failure=step))

    def action_follow(self) -> None:
        """Follow the newest activity, or stop doing so."""
        self._follow(following=not self._following)
        if self._following:
            self._refresher.wish(target=Target(newest=True), urgent=True)

    def _follow(self, *, following: bool) -> None:
        self._following = following
        self._status.show_following(following)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters that are typed into the filter are its text."""
        typing = self.focused is self._filter
        return not (typing and action in TYPED) and super().check_action(action, parameters)

    def action_filter(self) -> None:
        """Open the filter."""
        self._filter.display = True
        self._workbench.go(Pane.TREE)
        # At once, or what is typed next would be taken for keys.
        self.set_focus(self._filter)

    @on(RunTree.FilterLeft)
    def action_clear_filter(self) -> None:
        """Leave the filter, else the zoomed pane, else follow mode."""
        if self._filter.display:
            self._filter.leave()
            self._tree.set_filter("")
            self.set_focus(self._tree)
            self._show_names()
        elif self._workbench.zoomed:
            self._workbench.zoom()
        else:
            self._follow(following=False)

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._tree.set_filter(event.value)
        self._show_names()

    def on_paste(self, event: Paste) -> None:
        """Take a filter that was pasted, slash and all."""
        if event.text.startswith("/"):
            event.stop()
            self.action_filter()
            self._filter.value = event.text[1:].partition("\n")[0].strip()
            if "\n" in event.text:
                self.set_focus(self._tree)

    @on(RunTree.LeafOpened)
    def _leaf_opened(self) -> None:
        self._workbench.go(Pane.DETAIL)

    def action_records(self) -> None:
        """Show the records of the selection."""
        if (node := self._tree.model.selected) is not None and self._change is not None:
            self._records = RecordScreen(node, self._queries, glyphs=self._glyphs, today=self._now)
            self.app.push_screen(self._records)

    @on(DetailPane.RecordsWanted)
    def _records_wanted(self) -> None:
        self.action_records()

    def _queries(self) -> Queries:
        """Where to ask now; a follower may change it."""
        assert self._change is not None  # noqa: S101 - records are opened from a change
        return self._change.queries

    def action_copy_ref(self) -> None:
        """Copy the ref of the selection."""
        node = self._tree.model.selected
        if node is not None:
            self.app.copy_to_clipboard(safe(node.ref, 2000))
            self.notify(safe(node.ref), title="Copied", markup=False, timeout=3)
