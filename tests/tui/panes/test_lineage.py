"""Deployments and what they were made from."""

from __future__ import annotations

import pytest

from contexta.query.results import DeploymentLink, Lineage, NodeKind, Status
from contexta_tui.glyphs import ASCII
from contexta_tui.viewmodels import lineage
from contexta_tui.viewmodels.lineage import ArtifactLine, DeploymentLine, LineageRows, ReasonOfDeployment
from contexta_tui.widgets.lineage_view import LineageView
from tests.tui.fake_queries import FakeQueries
from tests.tui.panes.stage import Stage, artifact, link, node, reason, screen_text
from tests.waiting import pilot_until

CANARY = node(10, "canary", kind=NodeKind.DEPLOYMENT)
PROD = node(11, "prod", kind=NodeKind.DEPLOYMENT, status=Status.COMPLETED, failed=False)
BASE = node(3, "base-mlp", kind=NodeKind.RUN, failed=False)

FAILED = link(CANARY, reasons=(reason("health check failed", detail="p99 2.1 s", record_id=5),))
GOOD = link(PROD, artifact=artifact("model-2.pt", ref="artifact:p.b.m2", size_bytes=3_100), run=BASE)
VOCABULARY = artifact("vocab.json", kind="dataset", size_bytes=None)


def fake(own: tuple[DeploymentLink, ...] = (FAILED,)) -> FakeQueries:
    queries = FakeQueries()
    queries.lineage_by_node[None] = Lineage((GOOD, FAILED), (artifact(), VOCABULARY))
    project = queries.add(NodeKind.PROJECT, "digits")
    run = queries.add(NodeKind.RUN, "tiny-cnn", project)
    queries.lineage_by_node[run] = Lineage(own, (artifact(), VOCABULARY))
    return queries


def test_the_deployments_of_the_selected_run_come_first() -> None:
    queries = fake()
    lines = lineage.load(queries, queries.node(2)).lines
    assert [type(line) for line in lines] == [
        DeploymentLine,
        ReasonOfDeployment,
        DeploymentLine,
        ArtifactLine,
    ]
    assert isinstance(lines[0], DeploymentLine)
    assert (lines[0].link.deployment.name, lines[0].own) == ("canary", True)
    assert isinstance(lines[2], DeploymentLine)
    assert (lines[2].link.deployment.name, lines[2].own) == ("prod", False)
    assert lines[3] == ArtifactLine(VOCABULARY)


def test_without_a_run_all_deployments_are_shown_newest_first() -> None:
    queries = fake()
    for selected in (None, queries.node(1)):
        lines = lineage.load(queries, selected).lines
        names = [line.link.deployment.name for line in lines if isinstance(line, DeploymentLine)]
        assert names == ["prod", "canary"]
        assert all(line.own for line in lines if isinstance(line, DeploymentLine))


@pytest.mark.parametrize(
    ("made_from", "words"),
    [
        (link(PROD, artifact=None), "artifact not recorded here"),
        (link(PROD, artifact=None, artifact_ref=None), "no artifact linked"),
        (link(PROD, run=None), "run not recorded here"),
        (link(PROD, run=None, run_ref=None), "no run linked"),
        (link(PROD), "tiny-cnn"),
        (link(PROD, artifact_run=BASE), "base-mlp (linked to run tiny-cnn)"),
        (link(PROD, run=None, run_ref=None, artifact_run=BASE), "base-mlp"),
    ],
)
async def test_missing_links_are_said_in_words(made_from: DeploymentLink, words: str) -> None:
    view = LineageView()
    app = Stage(view)
    async with app.run_test(size=(80, 5)) as pilot:
        view.show(LineageRows((DeploymentLine(made_from, own=True, selected=False),)))
        await pilot.pause()
        assert words in screen_text(app)


async def test_a_deployment_is_one_line_with_its_reason_below() -> None:
    view = LineageView()
    app = Stage(view)
    queries = fake()
    async with app.run_test(size=(60, 6)) as pilot:
        view.show(lineage.load(queries, queries.node(2)))
        await pilot.pause()
        lines = [line.rstrip() for line in screen_text(app).splitlines()]
    assert lines[:4] == [
        "✖ canary  ← model.pt 2.9 kB ← tiny-cnn",
        "    ▌health check failed  p99 2.1 s",
        "✔ prod    ← model-2.pt 3.1 kB ← base-mlp",
        "· vocab.json    dataset    not deployed",
    ]


async def test_a_narrow_line_says_that_it_was_cut() -> None:
    view = LineageView()
    app = Stage(view)
    async with app.run_test(size=(24, 4)) as pilot:
        view.show(LineageRows((DeploymentLine(FAILED, own=True, selected=False),)))
        await pilot.pause()
        assert "…" in screen_text(app).splitlines()[0]


async def test_nothing_recorded_is_a_quiet_sentence() -> None:
    view = LineageView()
    app = Stage(view)
    async with app.run_test(size=(60, 5)) as pilot:
        view.show(lineage.load(FakeQueries(), None))
        await pilot.pause()
        assert "No deployments or artifacts recorded." in screen_text(app)


async def test_enter_goes_to_the_deployment_and_o_to_its_run() -> None:
    view = LineageView()
    app = Stage(view)
    queries = fake()
    async with app.run_test(size=(60, 6)) as pilot:
        view.show(lineage.load(queries, queries.node(2)))
        await pilot.press("enter", "o", "j", "enter", "o", "j", "o", "G", "enter", "o")
        await pilot.pause()
        chosen = [message.node_id for message in app.got if isinstance(message, LineageView.Chosen)]
    assert chosen == [10, 2, 1, 2, 3, 2, 2]


async def test_o_says_that_a_run_is_not_recorded() -> None:
    view = LineageView()
    app = Stage(view)
    async with app.run_test(size=(120, 8), notifications=True) as pilot:
        await pilot.press("o")
        view.show(LineageRows((DeploymentLine(link(PROD, run=None), own=True, selected=False),)))
        await pilot.press("o")
        await pilot_until(pilot, lambda: "recorded here" in screen_text(app), what="a notice")
        assert not [message for message in app.got if isinstance(message, LineageView.Chosen)]


async def test_a_click_on_the_run_goes_to_the_run() -> None:
    view = LineageView()
    app = Stage(view)
    queries = fake()
    async with app.run_test(size=(60, 6)) as pilot:
        view.show(lineage.load(queries, queries.node(2)))
        await pilot.pause()
        x = screen_text(app).splitlines()[2].index("base-mlp")
        await pilot.click(LineageView, offset=(x + 2, 2))
        await pilot.click(LineageView, offset=(2, 0))
        await pilot.pause()
        assert [message.node_id for message in app.got if isinstance(message, LineageView.Chosen)] == [3]
        assert view.cursor == 0


async def test_the_cursor_stays_on_its_line_when_deployments_arrive() -> None:
    view = LineageView()
    app = Stage(view)
    queries = fake()
    async with app.run_test(size=(60, 8)) as pilot:
        view.show(lineage.load(queries, None))
        await pilot.press("j")
        newer = link(node(12, "newer", kind=NodeKind.DEPLOYMENT))
        queries.lineage_by_node[None] = Lineage((newer, GOOD, FAILED), ())
        view.show(lineage.load(queries, None))
        line = view.view.lines[view.cursor]
        assert isinstance(line, DeploymentLine)
        assert line.link.deployment.name == "canary"


async def test_ascii_terminals_get_ascii() -> None:
    view = LineageView(glyphs=ASCII)
    app = Stage(view)
    queries = fake()
    async with app.run_test(size=(60, 6)) as pilot:
        view.show(lineage.load(queries, queries.node(2)))
        await pilot.pause()
        assert screen_text(app).isascii()
