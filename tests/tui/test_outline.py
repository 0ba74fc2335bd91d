from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contexta.query.results import NodeKind, NodeRow
from contexta_tui.viewmodels.outline import PAGE_ROWS, Outline
from contexta_tui.viewmodels.tree_load import page_keys
from tests.tui.fake_queries import FakeQueries, demo

KINDS = (NodeKind.PROJECT, NodeKind.RUN, NodeKind.STAGE, NodeKind.BATCH, NodeKind.SAMPLE)


def rows_of(fake: FakeQueries) -> dict[int, NodeRow]:
    return fake.nodes(tuple(fake.tree))


def naive(fake: FakeQueries, expanded: set[int]) -> list[NodeRow]:
    """The rows as a plain tree would lay them out."""
    out: list[NodeRow] = []

    def below(node: NodeRow) -> None:
        for group in node.children:
            for child in fake.children(node.id, group.kind, 0, group.count):
                out.append(child)
                if child.id in expanded:
                    below(child)

    roots = fake.projects()
    for root in roots:
        if len(roots) > 1:
            out.append(root)
        if len(roots) == 1 or root.id in expanded:
            below(root)
    return out


@given(
    parents=st.lists(st.integers(0, 30), min_size=1, max_size=40),
    opened=st.sets(st.integers(1, 41)),
    projects=st.integers(1, 3),
)
def test_rows_are_those_of_a_plain_tree(parents: list[int], opened: set[int], projects: int) -> None:
    fake = FakeQueries()
    ids = [fake.add(NodeKind.PROJECT, f"p{index}") for index in range(projects)]
    for number, choice in enumerate(parents):
        parent = ids[choice % len(ids)]
        kind = NodeKind.DEPLOYMENT
        above = fake.tree[parent].row.kind
        if choice % 7 or above != NodeKind.PROJECT:
            kind = KINDS[min(KINDS.index(above) + 1, 4)] if above in KINDS else NodeKind.OPERATION
        ids.append(fake.add(kind, f"n{number}", parent))
    rows = rows_of(fake)
    outline = Outline(fake.projects(), rows, opened)
    expected = naive(fake, opened)
    assert outline.height == len(expected)
    for index, node in enumerate(expected):
        place = outline.place_at(index)
        assert place is not None
        assert (place.parent_id, place.kind) == (node.parent_id, node.kind)
        assert node.kind == NodeKind.PROJECT or place.position == node.position
        assert outline.row_of(node) == index
    for node in rows.values():
        if node not in expected:
            assert outline.row_of(node) is None


def test_a_million_children_are_one_span() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    run = fake.add(NodeKind.RUN, "r", project)
    stage = fake.add(NodeKind.STAGE, "s", run)
    fake.bulk(stage, NodeKind.BATCH, 1_000_000)
    outline = Outline(fake.projects(), rows_of(fake), {run, stage})
    assert outline.height == 1_000_002
    assert len(list(outline.spans_in(range(outline.height)))) == 3
    batch = fake.children(stage, NodeKind.BATCH, 734_209, 734_210)[0]
    assert outline.row_of(batch) == 734_211


def test_pages_of_runs_count_from_the_oldest() -> None:
    fake = demo()
    for number in range(PAGE_ROWS):
        fake.add(NodeKind.RUN, f"more-{number}", fake.roots[0])
    roots = fake.projects()
    outline = Outline(roots, {row.id: row for row in roots}, {roots[0].id})
    older, newest = page_keys(outline, range(outline.height))[:2]
    assert (newest.number, newest.block.start, newest.block.stop) == (1, PAGE_ROWS, 2 * PAGE_ROWS)
    assert (older.number, older.block.start) == (0, 0)
