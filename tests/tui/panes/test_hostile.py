"""Fault: recorded text that a terminal or a markup parser would obey. Every pane shows it literally."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from textual.widget import Widget
from textual.widgets import Static

from contexta.query.results import NodeKind, RecordType
from contexta_tui.screens.record import RecordScreen
from contexta_tui.text import safe
from contexta_tui.viewmodels.detail import DetailView, ReasonLine
from contexta_tui.viewmodels.diagnostics import IssueRows
from contexta_tui.viewmodels.lineage import ArtifactLine, DeploymentLine, LineageRows, ReasonOfDeployment
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.issue_list import IssueList
from contexta_tui.widgets.lineage_view import LineageView
from tests.tui.fake_queries import FakeQueries
from tests.tui.panes.stage import (
    HOSTILE,
    Stage,
    artifact,
    issue,
    link,
    metric,
    node,
    reason,
    record,
    screen_text,
    series,
)
from tests.waiting import pilot_until


def detail_pane(text: str) -> Widget:
    pane = DetailPane()
    pane.styles.border = ("round", "white")
    evidence = reason(text, detail=text, stacktrace=f"{text}\n  {text}\n{text}", node_path=(text,))
    values = (1.0, 2.0)
    view = DetailView(
        node=node(name=text),
        path=(text, text),
        reasons=(ReasonLine(evidence, (text,)), ReasonLine(reason(text, kind="event"), (text,))),
        trace=evidence.stacktrace,
        metrics=(metric(text, values, unit=text),),
        series=(series(text, values),),
        selected=text,
    )
    pane.call_later(pane.show, view.node, view)
    return pane


def lineage_view(text: str) -> Widget:
    view = LineageView()
    made_from = link(
        node(name=text, kind=NodeKind.DEPLOYMENT),
        artifact=artifact(text, kind=text),
        run=node(2, text),
        artifact_run=node(3, text),
    )
    rows = LineageRows(
        (
            DeploymentLine(made_from, own=True, selected=True),
            ReasonOfDeployment(reason(text, detail=text), 1),
            ArtifactLine(artifact(text, kind=text)),
        )
    )
    view.call_later(view.show, rows)
    return view


def issue_list(text: str) -> Widget:
    pane = IssueList()
    one = issue(code=text, ref=text, summary=text, node_path=("run", text, text))
    pane.call_later(pane.show, IssueRows((one, issue(ref=text, node_path=())), errors=2))
    return pane


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("pane", [detail_pane, lineage_view, issue_list])
async def test_panes_show_hostile_text_literally(pane: Callable[[str], Widget], text: str) -> None:
    app = Stage(pane(text))
    async with app.run_test(size=(150, 30)) as pilot:
        await pilot.pause()
        shown = screen_text(app)
        assert safe(text) in shown.replace("\n", "")
        assert not set(shown) & set("\x1b\x9b\x07\u202e\t")
        for y, line in enumerate(shown.splitlines()):
            x = line.find(safe(text)[-3:])
            if x >= 0:
                await pilot.click(offset=(x, y))
        assert app.is_running
        assert app.return_value is None
        assert app._exit is False


@pytest.mark.parametrize("text", HOSTILE)
async def test_records_show_hostile_text_literally(text: str) -> None:
    fake = FakeQueries()
    fake.add(NodeKind.PROJECT, text)
    fake.record_rows = [
        record(
            1,
            type=RecordType.EVENT,
            ref=text,
            key=text,
            message=text,
            level=text,
            node_ref=text,
            tags=None,
            attributes=json.dumps({text: text, "list": [text]}),
        ),
        record(2, unit=text, value_type=text, tags="{" + text),
    ]
    app = Stage(Static())
    async with app.run_test(size=(150, 50)) as pilot:
        row = fake.node(1)
        assert row is not None
        app.push_screen(RecordScreen(row, lambda: fake))
        await pilot_until(pilot, lambda: "2 records" in screen_text(app), what="the records")
        await pilot.press("j")
        await pilot.pause()
        shown = screen_text(app)
        assert safe(text) in shown
        assert not set(shown) & set("\x1b\x9b\x07\u202e\t")
