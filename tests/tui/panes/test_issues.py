"""The diagnostics pane."""

from __future__ import annotations

from contexta.query.results import Issue, Severity
from contexta_tui.theme import ASCII, THEMES
from contexta_tui.viewmodels import diagnostics
from contexta_tui.widgets.issue_list import IssueList
from tests.tui.fake_queries import FakeQueries
from tests.tui.panes.stage import NOW, Stage, issue, screen_text

ISSUES = (
    issue("failed_deployment", node_path=("canary",), ref="deployment:p.canary", at=NOW + 83_000_000),
    issue("failed_batch"),
    issue("error_event", Severity.WARNING, count=2, summary="Two error events."),
    issue("incomplete_batch", Severity.INFO, ref="batch:p.r.s.x"),
)


def rows(*issues: Issue) -> diagnostics.IssueRows:
    queries = FakeQueries()
    queries.issue_rows = issues
    return diagnostics.load(queries)


def test_errors_come_first_and_the_newest_first_among_equals() -> None:
    loaded = rows(*reversed(ISSUES))
    assert [one.code for one in loaded.issues] == [one.code for one in ISSUES]
    assert (loaded.errors, loaded.warnings, loaded.infos) == (2, 1, 1)


def test_the_cursor_goes_with_its_issue() -> None:
    after = (issue("new"), *ISSUES)
    assert diagnostics.cursor_after(ISSUES, 1, after) == 2
    assert diagnostics.cursor_after(ISSUES, 1, (issue("failed_batch", count=9, summary="other"),)) == 0
    assert diagnostics.cursor_after((), -1, ISSUES) == 0
    assert diagnostics.cursor_after(ISSUES, 3, ISSUES[:2]) == 3


def test_a_place_is_named_from_the_stage_down() -> None:
    assert diagnostics.place(ISSUES[1]) == ("evaluate", "holdout")
    assert diagnostics.place(issue(node_path=("tiny-cnn",))) == ("tiny-cnn",)
    assert diagnostics.place(issue(node_path=(), ref="/a/record.jsonl")) == ("/a/record.jsonl",)


async def test_a_line_has_sign_code_count_place_and_time_and_the_summary_stands_below() -> None:
    pane = IssueList(today=lambda: NOW)
    app = Stage(pane)
    async with app.run_test(size=(62, 9)) as pilot:
        pane.show(rows(*ISSUES))
        await pilot.pause()
        lines = [line.rstrip() for line in screen_text(app).splitlines()]
        assert lines[0] == "✖ failed_deployment  canary                           02:28:40"
        assert lines[1] == "✖ failed_batch       evaluate › holdout               02:27:17"
        assert lines[2] == "▲ error_event ×2     evaluate › holdout               02:27:17"
        assert lines[3].startswith("• incomplete_batch")
        await pilot.press("j", "j")
        await pilot.pause()
        assert "Two error events." in screen_text(app)


async def test_failures_are_red_warnings_yellow_and_the_rest_quiet() -> None:
    pane = IssueList()
    app = Stage(pane)
    async with app.run_test(size=(62, 9)) as pilot:
        pane.show(rows(*ISSUES))
        await pilot.pause()
        variables = THEMES[0].variables
        colours = []
        for y in (0, 2, 3):
            style = next(iter(pane.rows.render_row(y, 60, selected=False))).style
            assert style is not None
            assert style.color is not None
            colours.append(style.color.get_truecolor().hex)
        assert colours == [variables[name] for name in ("status-failed", "severity-warning", "severity-info")]


async def test_enter_or_a_click_chooses_an_issue() -> None:
    pane = IssueList()
    app = Stage(pane)
    async with app.run_test(size=(62, 9)) as pilot:
        pane.show(rows(*ISSUES))
        await pilot.press("j", "enter")
        await pilot.click(IssueList, offset=(5, 2))
        await pilot.pause()
        chosen = [message.issue.code for message in app.got if isinstance(message, IssueList.Chosen)]
    assert chosen == ["failed_batch", "error_event"]


async def test_new_issues_above_leave_the_selected_one_where_the_eye_is() -> None:
    pane = IssueList()
    app = Stage(pane)
    many = tuple(issue(f"code-{number:02}", Severity.WARNING, at=NOW - number) for number in range(30))
    async with app.run_test(size=(62, 12)) as pilot:
        pane.show(rows(*many))
        await pilot.press(*"jjjjjjjjjjjj")
        await pilot.pause()
        selected = pane.selected
        line = next(i for i, text in enumerate(screen_text(app).splitlines()) if "code-12" in text)
        pane.show(rows(issue("failed_batch"), issue("failed_run", ref="run:p.r"), *many))
        await pilot.pause()
        assert pane.selected == selected
        assert "code-12" in screen_text(app).splitlines()[line]


async def test_a_long_code_and_a_long_place_are_whole_or_cut_but_never_touch() -> None:
    pane = IssueList(today=lambda: NOW)
    app = Stage(pane)
    long = issue("missing_expected_stage", node_path=("run", "a place with a long name " * 3))
    async with app.run_test(size=(70, 9)) as pilot:
        pane.show(rows(long, *ISSUES))
        for width, code in (
            (70, "missing_expected_stage  a pl"),
            (48, "missing_expect"),
            (24, "missing_expec"),
        ):
            await pilot.resize_terminal(width, 9)
            await pilot.pause()
            text = screen_text(app)
            assert code in text
            assert not any(mark + "02:27:17" in text for mark in "e…")


async def test_the_cursor_stays_at_the_worst_until_it_is_moved() -> None:
    pane = IssueList()
    app = Stage(pane)
    async with app.run_test(size=(62, 9)) as pilot:
        pane.show(rows(*ISSUES[2:]))
        pane.show(rows(*ISSUES))
        assert pane.selected == ISSUES[0]
        await pilot.press("j", "g")
        await pilot.pause()
        worse = issue("failed_run", ref="run:p.r", at=NOW + 100_000_000)
        pane.show(rows(worse, *ISSUES))
        assert pane.selected == worse


async def test_the_issue_of_a_node_is_pointed_at_without_taking_the_focus() -> None:
    pane = IssueList()
    app = Stage(pane)
    async with app.run_test(size=(62, 9)) as pilot:
        other = issue("failed_sample", node_id=9, ref="sample:p.r.s.x")
        pane.show(rows(*ISSUES, other))
        app.set_focus(None)
        pane.point_at(9)
        await pilot.pause()
        assert pane.selected == other
        assert not pane.rows.has_focus
        pane.point_at(12345)
        assert pane.selected == other
        pane.show(rows(issue("failed_run", ref="run:p.r"), *ISSUES, other))
        assert pane.selected == other


async def test_no_issues_is_a_quiet_sentence_and_low_panes_leave_the_summary_out() -> None:
    pane = IssueList()
    app = Stage(pane)
    async with app.run_test(size=(40, 4)) as pilot:
        pane.show(rows())
        await pilot.pause()
        assert "No issues." in screen_text(app)
        pane.show(rows(*ISSUES))
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert all(sign in line for sign, line in zip("✖✖▲•", lines, strict=True))


async def test_narrow_and_ascii() -> None:
    pane = IssueList(glyphs=ASCII)
    app = Stage(pane)
    async with app.run_test(size=(62, 8)) as pilot:
        pane.show(rows(*ISSUES))
        await pilot.pause()
        assert screen_text(app).isascii()
        assert "W error_event x2" in screen_text(app)
        await pilot.resize_terminal(20, 6)
        await pilot.pause()
        assert "error_event" in screen_text(app)
