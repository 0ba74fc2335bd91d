from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace
from textual.command import Hit
from textual.events import Key, Paste
from textual.widgets import Input

from contexta.live import Phase
from contexta.query.results import NodeKind, NodeRow, Status
from contexta_tui.commands import Actions
from contexta_tui.keymap import ACTIONS, key_name
from contexta_tui.viewmodels.panes import Pane
from contexta_tui.widgets.issue_list import IssueList
from contexta_tui.widgets.workbench import Workbench
from tests.tui.driving import explorer
from tests.tui.fake_queries import FakeQueries


async def test_four_panes_are_visible_together() -> None:
    async with explorer() as it:
        for text in (
            "Runs",
            "tiny-cnn",
            "Lineage",
            "canary",
            "Diagnostics",
            "failed_batch",
            "CUDA out of memory",
        ):
            await it.shows(text)


async def test_the_first_screen_is_filled_by_asking_each_question_once() -> None:
    async with explorer() as it:
        await it.shows("tiny-cnn")
        await it.until(lambda: it.app.explorer.at_rest, "rest")
        once = ("metrics", "series", "issues", "reasons")
        assert {name: it.fake.calls[name] for name in once} == dict.fromkeys(once, 1)
        assert it.fake.calls["lineage"] == 2  # of the run, and of everything
        assert it.fake.calls["rows"] == 2  # the roots, and what is open below them


async def test_the_panes_have_their_sizes_before_there_is_anything_to_show() -> None:
    async with explorer(ready=False) as it:
        await it.shows("Opening")
        assert it.detail.size.width > 50
        assert "Runs" not in it.text()


async def test_queries_never_run_on_the_apps_thread() -> None:
    async with explorer() as it:
        it.fake.threads.clear()
        await it.press("j", "j", "enter", "n", "/", "q", "-", "4")
        await it.shows("1 found")
        assert threading.get_ident() not in it.fake.threads


@pytest.mark.parametrize("pane", ["1", "2", "3", "4"])
async def test_next_failure_from_any_pane_expands_what_hides_it(pane: str) -> None:
    async with explorer() as it:
        await it.press("C", pane)
        await it.pilot.pause()
        for name in ("holdout", "q-4", "canary", "holdout"):
            await it.press("n")
            await it.selects(name)
        await it.press("N")
        await it.selects("canary")
        assert it.tree.cursor in it.tree.visible_rows


async def test_the_reason_follows_the_selection() -> None:
    async with explorer() as it:
        await it.press("n")
        await it.until(
            lambda: it.detail.view.node is not None and it.detail.view.node.name == "holdout", "detail"
        )
        await it.shows("evaluate › holdout")
        await it.press("G")
        await it.selects("prod")
        await it.until(
            lambda: it.detail.view.node is not None and it.detail.view.node.name == "prod", "detail"
        )


async def test_without_failures_the_key_says_so() -> None:
    fake = FakeQueries()
    fake.add(NodeKind.RUN, "fine", fake.add(NodeKind.PROJECT, "p"))
    async with explorer(fake) as it:
        await it.press("n")
        await it.shows("Nothing failed.")
        it.publish(warnings=3)
        await it.shows("▲ 3")
        selected = it.selected
        await it.press("n")
        await it.shows("3 warnings are listed")
        assert it.selected == selected


async def test_the_reason_of_a_failure_is_on_a_small_screen_too() -> None:
    async with explorer(size=(80, 24)) as it:
        await it.press("n")
        await it.selects("holdout")
        await it.shows("RuntimeError: CUDA out of memory")
        assert "tiny-cnn" in it.text()


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (119, 36), (200, 60)])
async def test_every_pane_can_be_reached_at_any_size(size: tuple[int, int]) -> None:
    async with explorer(size=size) as it:
        for key, text in (
            ("2", "run ·"),
            ("3", "canary"),
            ("4", "failed_ba"),
            ("1", "tiny-cnn"),
        ):
            await it.press(key)
            await it.shows(text)
        workbench = it.app.explorer.query_one(Workbench)
        seen = []
        for _ in Pane:
            seen.append(workbench.active)
            await it.press("tab")
            await it.pilot.pause()
        assert seen == list(Pane)
        await it.press("shift+tab")
        await it.pilot.pause()
        assert workbench.active is Pane.ISSUES


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 1), (1, 12), (10, 3), (20, 8), (300, 4)])
async def test_no_size_is_too_small(size: tuple[int, int]) -> None:
    async with explorer(size=size) as it:
        await it.press("n", "2", "3", "4", "1", "z", "z", "?", "escape", "/", "x", "escape", "G", "g", "E")
        it.publish()
        await it.pilot.pause()


async def test_resizing_back_and_forth_loses_nothing() -> None:
    async with explorer() as it:
        await it.press("n", "n")
        await it.selects("q-4")
        for size in ((40, 12), (1, 1), (80, 24), (120, 36)):
            await it.pilot.resize_terminal(*size)
            await it.pilot.pause()
        assert it.selected == "q-4"
        await it.shows("q-4")
        await it.shows("failed_deployment")


async def test_the_filter_is_live_and_escape_ends_it() -> None:
    async with explorer() as it:
        await it.press("/", *"q-4")
        await it.shows("1 found")
        await it.until(lambda: it.tree.row_count == 4, "four rows")
        await it.press("enter", "G")
        await it.selects("q-4")
        await it.press("escape")
        await it.until(lambda: it.tree.row_count > 4, "all rows")
        assert it.selected == "q-4"
        assert it.tree.has_focus


async def test_enter_on_a_filtered_row_goes_there_in_the_whole_tree() -> None:
    async with explorer() as it:
        await it.press("/", *"workspace-q", "enter")
        await it.until(lambda: it.tree.row_count == 3, "three rows")
        await it.press("G", "enter")
        await it.until(lambda: it.tree.row_count > 6, "all rows")
        assert it.selected == "workspace-question"


async def test_an_issue_leads_to_its_node() -> None:
    async with explorer() as it:
        await it.until(lambda: it.app.explorer.query_one(IssueList).rows.row_count == 3, "issues")
        await it.press("4")
        await it.pilot.pause()
        await it.press("G", "enter")
        await it.selects("q-4")


async def test_the_issue_of_the_selection_is_pointed_at() -> None:
    async with explorer() as it:
        issues = it.app.explorer.query_one(IssueList)
        await it.until(lambda: issues.rows.row_count == 3, "issues")
        for name in ("holdout", "q-4", "canary"):
            await it.press("n")
            await it.selects(name)
            await it.until(lambda name=name: issues.selected.node_path[-1] == name, "its issue")  # type: ignore[misc,union-attr]
        assert it.tree.has_focus


async def test_a_run_that_stalled_is_not_called_live() -> None:
    async with explorer() as it:
        await it.shows("● live")
        stalled = replace(it.fake.issue_rows[0], code="stalled_run", ref="run:digits-cnn.tiny-cnn")
        it.fake.issue_rows = (stalled, *it.fake.issue_rows)
        it.publish()
        await it.shows("◌ stalled")


async def test_a_failed_sample_is_called_failed_whatever_its_status() -> None:
    async with explorer() as it:
        await it.press("n", "n")
        await it.selects("q-4")
        await it.shows("✖ evaluate › holdout › q-4  failed")


async def test_follow_goes_to_the_newest_activity_until_the_user_moves() -> None:
    async with explorer() as it:
        await it.press("f")
        await it.selects("holdout")
        await it.shows("following")
        it.fake.newest = it.tree.model.roots[0].id + 1
        it.publish()
        await it.selects("base-mlp")
        await it.press("j")
        await it.until(lambda: "following" not in it.text(), "following to end")
        it.publish()
        await it.pilot.pause(0.2)
        assert it.selected != "base-mlp"


async def test_a_live_change_shows_while_the_selection_stays() -> None:
    async with explorer() as it:
        await it.press("G")
        await it.selects("prod")
        it.fake.add(NodeKind.RUN, "newest", 1, status=Status.OPEN)
        it.publish()
        await it.shows("newest")
        assert it.selected == "prod"


async def test_a_storm_of_changes_is_not_a_storm_of_queries() -> None:
    async with explorer() as it:
        await it.pilot.pause(0.2)
        before = it.fake.calls["rows"]
        for _ in range(300):
            it.publish()
        await it.until(lambda: it.app.explorer._change.revision == it.fake.revision, "the last change")  # type: ignore[union-attr]
        await it.pilot.pause(0.3)
        assert it.fake.calls["rows"] - before < 20
        assert it.tree.model.revision == it.fake.revision


async def test_a_slow_query_leaves_the_keys_alive() -> None:
    async with explorer() as it:
        await it.pilot.pause(0.2)
        it.fake.gate.clear()
        it.publish()
        await it.press("j", "j")
        assert it.selected == "evaluate"
        it.fake.gate.set()
        await it.shows("✖ evaluate")


async def test_a_missing_workspace_is_waited_for_calmly() -> None:
    fake = FakeQueries()
    async with explorer(fake, ready=False) as it:
        await it.shows("Opening…")
        it.publish(phase=Phase.WAITING, notice="Waiting for /x/.contexta to appear.")
        await it.shows("Waiting for /x/.contexta to appear.")
        await it.shows("waiting")
        await it.press("n", "j", "/", "escape", "y", "r", "E", "1", "2")
        fake.add(NodeKind.RUN, "first", fake.add(NodeKind.PROJECT, "p"), status=Status.OPEN)
        it.publish()
        await it.shows("first")
        assert "Waiting" not in it.text()


async def test_a_notice_beside_data_is_one_line() -> None:
    async with explorer() as it:
        it.publish(notice="The ledger is held by another process; a copy is shown.")
        await it.shows("The ledger is held by another process")
        assert "tiny-cnn" in it.text()


async def test_a_follower_that_fails_is_told_and_the_screen_stays() -> None:
    async with explorer() as it:
        it.follower.changes.put(OSError("disk [/bold] gone"))
        await it.shows("disk [/bold] gone")
        assert "tiny-cnn" in it.text()


async def test_a_query_that_fails_is_told_and_the_next_one_works() -> None:
    async with explorer() as it:

        class Broken(FakeQueries):
            def rows(self, node_ids, blocks):  # type: ignore[no-untyped-def]
                raise RuntimeError("catalog [x] is gone")

        it.publish(queries=Broken())
        await it.shows("catalog [x] is gone")
        it.publish()
        await it.until(lambda: it.app.explorer._change.queries is it.fake, "the good change")  # type: ignore[union-attr]
        await it.press("n")
        await it.selects("holdout")


async def test_records_of_the_selection_open_and_close() -> None:
    async with explorer() as it:
        await it.press("n")
        await it.selects("holdout")
        await it.press("r")
        await it.shows("30 records")
        it.publish()
        await it.press("escape")
        await it.shows("Lineage")


async def test_the_ref_is_copied() -> None:
    async with explorer() as it:
        await it.press("n")
        await it.selects("holdout")
        await it.press("y")
        assert it.app.clipboard == "batch:digits-cnn.tiny-cnn.evaluate.holdout"


async def test_select_and_filter_of_the_command_line() -> None:
    async with explorer(select="holdout.q-4") as it:
        await it.selects("q-4")
    async with explorer(filter="kind:deployment") as it:
        await it.until(lambda: it.tree.row_count == 2, "two deployments")


async def test_a_ref_to_start_at_that_there_is_not_is_said_once_all_is_read_and_gone_to_when_it_comes() -> (
    None
):
    async with explorer(select="[b]later[/b]", ready=False) as it:
        it.publish(phase=Phase.INDEXING)
        await it.selects("tiny-cnn")
        await it.until(lambda: it.app.explorer.at_rest, "the preview")
        assert "is called" not in it.text()
        it.publish(phase=Phase.LIVE)
        await it.shows("called [b]later[/b]")
        it.fake.add(NodeKind.RUN, "[b]later[/b]", 1)
        it.publish(phase=Phase.LIVE)
        await it.selects("[b]later[/b]")


async def test_zoom_gives_the_screen_to_one_pane() -> None:
    async with explorer() as it:
        await it.press("4", "z")
        await it.until(lambda: "Lineage" not in it.text(), "zoom")
        await it.press("escape")
        await it.shows("Lineage")


async def test_help_names_every_key_and_what_is_read() -> None:
    async with explorer(size=(120, 100)) as it:
        await it.press("?")
        await it.shows("Go to the next failure, from any pane")
        await it.shows("never writes")
        await it.press("escape")
        await it.until(lambda: "never writes" not in it.text(), "help to close")


async def test_the_palette_runs_actions_of_screen_and_tree() -> None:
    async with explorer() as it:
        await it.press("ctrl+p", *"next failure")
        await it.shows("key n")
        await it.press("enter")
        await it.selects("holdout")
        await it.press("ctrl+p", *"collapse the whole")
        await it.shows("key C")
        await it.press("enter")
        await it.until(lambda: it.tree.row_count == 4, "everything to be collapsed")


async def test_the_palette_finds_each_action_by_its_name_first() -> None:
    async with explorer() as it:
        palette = Actions(it.app.screen)
        for action in (action for action in ACTIONS if action.palette):
            hits = [hit async for hit in palette.search(action.label) if isinstance(hit, Hit)]
            best = max(hits, key=lambda hit: hit.score)
            assert best.help == f"key {' or '.join(map(key_name, action.keys))}", action.label


async def test_hostile_names_are_shown_and_neither_obeyed_nor_parsed() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "[/evil]\x1b]52;c;AAAA\x07")
    run = fake.add(NodeKind.RUN, "[@click=app.quit]run[/]\x1b[2J\u202e", project, status=Status.FAILED)
    fake.add(NodeKind.STAGE, "한국어 이름 " * 10, run)
    async with explorer(fake) as it:
        await it.shows("[@click=app.quit]")
        await it.press("y", "r", "escape", "j")
        it.publish(notice="[/x] \x1b[31m")
        await it.shows("[/x] ␛[31m")
        assert "\x1b" not in it.text()
        assert "\u202e" not in it.text()


async def test_leaving_stops_the_follower() -> None:
    async with explorer() as it:
        follower = it.follower
    assert follower.stopped.is_set()


async def test_ascii_draws_ascii_only() -> None:
    async with explorer(ascii=True) as it:
        await it.press("n")
        await it.selects("holdout")
        for glyph in "✖✔●◌▾▸▲":
            assert glyph not in it.text()


async def test_ascii_frames_are_ascii_in_what_reaches_the_terminal() -> None:
    async with explorer(ascii=True) as it:
        await it.shows("tiny-cnn")
        assert it.app.export_screenshot().translate({0xA0: " "}).count("─") == 0


async def test_letters_typed_at_once_after_the_slash_are_the_filter() -> None:
    async with explorer() as it:
        for key in ("/", *"kind:batch"):
            it.app.post_message(Key(key="slash" if key == "/" else key, character=key))
        it.app.post_message(Key(key="enter", character="\r"))
        it.app.post_message(Key(key="G", character="G"))
        await it.shows("1 found")
        assert it.app.explorer.query_one(Input).value == "kind:batch"
        assert it.tree.has_focus


async def test_following_waits_for_the_end_of_a_filter() -> None:
    async with explorer() as it:
        await it.press("f")
        await it.selects("holdout")
        await it.press("/", *"workspace-q", "enter")
        await it.shows("1 found")
        it.fake.newest = it.tree.model.roots[0].id + 1
        it.publish()
        await it.until(lambda: it.tree.model.revision == it.fake.revision, "the change")
        await it.until(lambda: it.app.explorer.at_rest, "rest")
        assert "1 found" in it.text()
        await it.press("escape")
        it.publish()
        await it.selects("base-mlp")


async def test_a_step_of_following_that_comes_after_a_filter_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with explorer() as it:
        await it.press("f")
        await it.selects("holdout")
        it.fake.newest = it.tree.model.roots[0].id + 1
        asked, held = threading.Event(), threading.Event()

        def newest_activity() -> NodeRow | None:
            asked.set()
            assert held.wait(10)
            return FakeQueries.newest_activity(it.fake)

        monkeypatch.setattr(it.fake, "newest_activity", newest_activity)
        it.publish()
        await it.until(asked.is_set, "the newest to be asked for")
        for key in ("slash", *"workspace", "enter"):
            it.app.post_message(Key(key=key, character={"slash": "/", "enter": "\r"}.get(key, key)))
        await it.until(lambda: it.tree.model.filter == "workspace", "the filter")
        await it.shows("1 found")
        held.set()
        await it.until(lambda: it.app.explorer.at_rest, "rest")
        assert "1 found" in it.text()
        assert it.app.explorer.query_one(Input).value == "workspace"


async def test_a_failure_that_a_filter_hides_ends_the_filter_and_its_line() -> None:
    async with explorer() as it:
        await it.press("/", *"workspace-q", "enter")
        await it.shows("1 found")
        await it.press("n")
        await it.until(lambda: "1 found" not in it.text(), "all rows")
        entry = it.app.explorer.query_one(Input)
        assert (entry.value, entry.display) == ("", False)


async def test_keys_before_the_slash_are_not_lost() -> None:
    async with explorer() as it:
        await it.press("1", "g")
        await it.selects("tiny-cnn")
        for key in "j/n":
            it.app.post_message(Key(key="slash" if key == "/" else key, character=key))
        await it.until(lambda: it.app.explorer.query_one(Input).value == "n", "the filter")
        await it.press("escape")
        assert it.selected == "train"


async def test_a_pasted_filter_is_taken() -> None:
    async with explorer() as it:
        it.app.post_message(Paste("/q-4\n"))
        await it.shows("1 found  esc shows all")
        await it.until(lambda: it.tree.has_focus, "the tree to have the focus")
        await it.press("escape")
        await it.until(lambda: "esc shows all" not in it.text(), "everything")


@pytest.mark.parametrize("width", [80, 120])
async def test_the_footer_shows_the_keys_of_the_focused_pane(width: int) -> None:
    async with explorer(size=(width, 36)) as it:
        for pane, words in (("1", "enter Open"), ("2", "] Metric"), ("3", "o Run"), ("4", "enter Open")):
            await it.press(pane)
            await it.shows(words)
            await it.shows("r Records")
            await it.shows("? Help")
        await it.press("/")
        await it.shows("enter Keep")
        await it.shows("f1 Help")
        await it.until(lambda: "n Next" not in it.text() and "? Help" not in it.text(), "only keys that work")


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
@pytest.mark.parametrize(
    ("keys", "title"), [(("4", "enter"), "holdout"), (("3", "enter"), "canary"), (("4", "n"), "holdout")]
)
async def test_what_is_gone_to_from_behind_a_tab_comes_to_the_screen(
    size: tuple[int, int], keys: tuple[str, ...], title: str
) -> None:
    async with explorer(size=size) as it:
        await it.press(keys[0])
        await it.until(lambda: not it.app.query_one(Workbench).shows(Pane.TREE), "another pane")
        await it.press(keys[1])
        await it.shows(f"{title}  failed")


async def test_what_is_gone_to_from_a_zoomed_pane_comes_to_the_screen_and_the_pane_keeps_the_keys() -> None:
    async with explorer() as it:
        await it.press("4", "z")
        await it.until(lambda: not it.app.query_one(Workbench).shows(Pane.TREE), "one pane")
        await it.press("enter")
        await it.shows("holdout  failed")
        assert it.app.query_one(Workbench).active is Pane.ISSUES


async def test_failures_are_gone_through_in_a_zoomed_detail() -> None:
    async with explorer() as it:
        await it.press("2", "z", "n")
        await it.shows("holdout  failed")
        assert it.app.query_one(Workbench).zoomed


async def test_the_help_is_moved_like_a_list_and_left_by_the_key_that_showed_it() -> None:
    async with explorer(size=(80, 24)) as it:
        await it.press("?")
        await it.shows("Next row")
        page = it.app.screen.query_one("#help")
        for key in ("j", "ctrl+d", "ctrl+f", "pagedown", "G"):
            await it.press("g", key)
            await it.until(lambda: page.scroll_offset.y > 0, f"{key} to move it down")
        await it.shows("never writes to it")
        for key in ("k", "ctrl+u", "ctrl+b", "pageup", "g"):
            await it.press("G", key)
            await it.until(lambda: page.scroll_offset.y < page.max_scroll_y, f"{key} to move it up")
        await it.shows("Next row")
        await it.press("enter", "?")
        await it.shows("1 Runs")
