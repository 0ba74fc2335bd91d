"""The tree: pages in the order of display, failures in turn, filters."""

from __future__ import annotations

from functools import cache

import pytest

from contexta.query.port import Block
from contexta.query.results import ChildGroup, NodeKind, NodeRow
from contexta.reader import CatalogReader
from tests.catalogs import finder, reader_of
from tests.lines import BATCH, DEPLOYMENT, OPERATION, RUN, SAMPLE, STAGE, Lines


def _names(rows: tuple[NodeRow, ...]) -> list[str]:
    return [row.name for row in rows]


def test_parents_are_there_without_a_record_of_their_own_and_totals_reach_all_of_them() -> None:
    lines = Lines()
    reader = reader_of(lines.metric(SAMPLE, "loss", 1) + lines.metric(STAGE, "loss", 2))
    find = finder(reader)
    assert [find(ref).records for ref in ("project:demo", RUN, STAGE, BATCH, SAMPLE)] == [2, 2, 2, 1, 1]
    sample = find(SAMPLE)
    assert sample.path == tuple(find(ref).id for ref in ("project:demo", RUN, STAGE, BATCH))
    assert sample.parent_id == find(BATCH).id
    assert find(RUN).children == (ChildGroup(NodeKind.STAGE, 1),)


def test_runs_and_deployments_come_newest_first_all_else_in_order_of_appearance_in_any_page() -> None:
    lines = Lines()
    data = b"".join(lines.metric(f"run:demo.r{n}", "loss", n) for n in range(7))
    data += b"".join(lines.event(f"deployment:demo.d{n}", "ship", "", run_ref=RUN) for n in range(3))
    data += b"".join(lines.metric(f"stage:demo.r0.s{n}", "loss", n) for n in range(5))
    reader = reader_of(data)
    find = finder(reader)
    project, run = find("project:demo").id, find("run:demo.r0").id
    runs = [f"r{n}" for n in range(6, -1, -1)]
    for start in range(8):
        for stop in range(start, 10):
            assert _names(reader.children(project, NodeKind.RUN, start, stop)) == runs[start:stop]
    assert _names(reader.children(project, NodeKind.DEPLOYMENT, 0, 9)) == ["d2", "d1", "d0"]
    assert _names(reader.children(run, NodeKind.STAGE, 1, 4)) == ["s1", "s2", "s3"]
    assert reader.children(10**9, NodeKind.RUN, 0, 9) == ()
    assert reader.children(project, NodeKind.SAMPLE, 0, 9) == ()


def test_rows_are_the_roots_the_nodes_and_the_blocks_that_are_asked_for() -> None:
    lines = Lines()
    data = b"".join(lines.metric(f"run:demo.r{n}", "loss", n) for n in range(7))
    data += b"".join(lines.metric(f"batch:demo.r0.s.b{n}", "loss", n) for n in range(5))
    reader = reader_of(data, lines.metric("run:other.r", "loss", 1))
    find = finder(reader)
    project, run, stage = (find(ref).id for ref in ("project:demo", "run:demo.r0", "stage:demo.r0.s"))
    runs = Block(project, NodeKind.RUN, 2, 200)
    batches = Block(stage, NodeKind.BATCH, 1, 3)
    nothing = (Block(10**9, NodeKind.RUN, 0, 9), Block(stage, NodeKind.SAMPLE, 0, 9))
    rows = reader.rows((run, stage, 10**9), (runs, batches, *nothing))
    assert rows.projects == reader.projects()
    assert rows.nodes == reader.nodes((run, stage))
    assert rows.blocks == {
        runs: tuple(reversed(reader.children(project, NodeKind.RUN, 0, 5))),
        batches: reader.children(stage, NodeKind.BATCH, 1, 3),
        **dict.fromkeys(nothing, ()),
    }
    assert reader.rows((), ()).projects == reader.projects()


def test_the_order_stays_while_siblings_come_slice_by_slice() -> None:
    lines = Lines()
    reader = reader_of(*(lines.metric(f"{BATCH}{n}", "loss", n) for n in range(5)))
    stage = finder(reader)(STAGE)
    assert _names(reader.children(stage.id, NodeKind.BATCH, 0, 9)) == [f"epoch-1{n}" for n in range(5)]


@cache
def _failing() -> CatalogReader:
    """Failures all over: in the newer run first, batch before sample, deployments last."""
    lines = Lines()
    old, new = "demo.old", "demo.new"
    return reader_of(
        b"".join(
            [
                lines.scope("BatchExecution", f"batch:{old}.s.b1", "failed"),
                lines.metric(f"sample:{old}.s.loose", "correct", 0),
                lines.scope("StageExecution", f"stage:{old}.t", "failed"),
                lines.scope("Run", f"run:{old}", "failed"),
                lines.metric(f"sample:{new}.s.b1.q-1", "correct", 0),
                lines.metric(f"sample:{new}.s.b1.q-2", "correct", 1),
                lines.event(f"sample:{new}.s.b2.q-3", "wrong", "", level="error"),
                lines.scope("BatchExecution", f"batch:{new}.s.b2", "failed"),
                lines.scope("DeploymentExecution", DEPLOYMENT, "failed"),
            ]
        )
    )


_STOPS = ["q-1", "b2", "q-3", "b1", "loose", "t", "canary"]


def test_failures_come_in_the_order_of_display_and_go_round() -> None:
    reader = _failing()
    seen = []
    at = None
    for _ in range(2 * len(_STOPS)):
        node = reader.next_failure(at)
        assert node is not None
        seen.append(node.name)
        at = node.id
    assert seen == _STOPS * 2


def test_failures_go_backwards_too() -> None:
    reader = _failing()
    seen = []
    at = None
    for _ in range(len(_STOPS) + 1):
        node = reader.next_failure(at, backwards=True)
        assert node is not None
        seen.append(node.name)
        at = node.id
    assert seen == [*reversed(_STOPS), "canary"]


@pytest.mark.parametrize(
    ("ref", "after", "before"),
    [
        ("sample:demo.new.s.b1.q-2", "b2", "q-1"),
        ("run:demo.new", "q-1", "canary"),
        ("stage:demo.old.t", "canary", "loose"),
        ("run:demo.old", "b1", "q-3"),
        ("project:demo", "q-1", "canary"),
    ],
)
def test_the_next_failure_is_seen_from_anywhere(ref: str, after: str, before: str) -> None:
    reader = _failing()
    node = finder(reader)(ref)
    following, preceding = reader.next_failure(node.id), reader.next_failure(node.id, backwards=True)
    assert following is not None
    assert preceding is not None
    assert (following.name, preceding.name) == (after, before)


def test_where_nothing_failed_there_is_no_failure() -> None:
    assert reader_of(Lines().metric(RUN, "loss", 1)).next_failure(None) is None
    assert reader_of().next_failure(None) is None


def test_failures_are_counted_in_all_above_and_taken_back_when_a_later_word_says_so() -> None:
    lines = Lines()
    failed = lines.scope("BatchExecution", BATCH, "failed")
    reader = reader_of(failed + lines.metric(SAMPLE, "correct", 0))
    find = finder(reader)
    assert [find(ref).failed_below for ref in ("project:demo", RUN, STAGE, BATCH)] == [2, 2, 2, 1]
    assert (find(BATCH).failed, find(SAMPLE).note) == (True, "correct 0")
    reader = reader_of(failed, lines.scope("BatchExecution", BATCH, "completed"))
    find = finder(reader)
    assert [find(ref).failed_below for ref in ("project:demo", RUN, STAGE)] == [0, 0, 0]


def test_what_was_heard_of_last_is_the_innermost_open_scope() -> None:
    lines = Lines()
    data = lines.scope("Run", "run:demo.old", "open") + lines.metric("run:demo.old", "loss", 1)
    data += lines.scope("Run", RUN, "open") + lines.scope("StageExecution", STAGE, "open")
    data += lines.scope("BatchExecution", BATCH, "open") + lines.metric(SAMPLE, "loss", 1)
    activity = reader_of(data).newest_activity()
    assert activity is not None
    assert activity.ref == BATCH
    closed = data + lines.scope("BatchExecution", BATCH, "completed")
    activity = reader_of(closed).newest_activity()
    assert activity is not None
    assert activity.ref == STAGE
    assert reader_of().newest_activity() is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("q-", ["q-1", "q-2", "q-3"]),
        ("NEW q-", ["q-1", "q-2", "q-3"]),
        ("status:failed kind:sample", ["q-1", "q-3", "loose"]),
        ("status:failed kind:batch old", ["b1"]),
        ("kind:deployment", ["canary"]),
        ("status:unknown kind:run", ["new"]),
        ("status:nonsense", []),
        ("kind:", []),
        ("", []),
        ("   ", []),
        ("%", []),
        ("_", []),
        ("' or 1=1 --", []),
        ("$word0", []),
        ("q-1; drop table nodes", []),
        ("\x00", []),
        ("\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), []),
        ("x" * 100_000, []),
        (" ".join(["q"] * 500), ["q-1", "q-2", "q-3"]),
    ],
)
def test_a_filter_is_words_and_tokens_never_syntax(text: str, names: list[str]) -> None:
    found = _failing().matches(text)
    assert _names(found.hits) == names
    assert found.total == len(names)


def test_a_filter_says_how_many_more_there_are_and_what_they_stand_under() -> None:
    reader = _failing()
    found = reader.matches("q-", limit=2)
    assert (found.total, len(found.hits)) == (3, 2)
    assert {row.ref for row in found.ancestors} == {
        "project:demo",
        "run:demo.new",
        "stage:demo.new.s",
        "batch:demo.new.s.b1",
        "batch:demo.new.s.b2",
    } - ({"batch:demo.new.s.b2"} if all("b1" in hit.ref for hit in found.hits) else set())


def test_a_ref_is_found_in_full_or_by_what_only_it_ends_in() -> None:
    reader = _failing()
    for text in ("run:demo.new", "new", "demo.new"):
        node = reader.find(text)
        assert node is not None
        assert node.ref == "run:demo.new"
    for text in ("b1", "", "nothing", "'", "%", "ew", ".", "x" * 10_000, "\x00"):
        assert reader.find(text) is None


def test_operations_are_nodes_too() -> None:
    reader = reader_of(Lines().metric(OPERATION, "loss", 1))
    operation = finder(reader)(OPERATION)
    assert (operation.kind, operation.records) == (NodeKind.OPERATION, 1)


def test_ids_that_are_gone_answer_empty() -> None:
    reader = reader_of(Lines().metric(RUN, "loss", 1))
    for gone in (-1, 0, 10**6, 2**31, 2**63 - 1):
        assert reader.node(gone) is None
        assert reader.metrics(gone) == reader.reasons(gone) == reader.records(gone) == ()
        assert reader.series(gone, ("loss",), 10)[0].points == ()
        assert reader.record(gone) is None
        assert reader.lineage(gone).deployments == ()
        assert reader.children(gone, NodeKind.RUN, 0, 10) == ()
        reader.next_failure(gone)
    assert reader.nodes(()) == {}
