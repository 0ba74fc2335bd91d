from __future__ import annotations

from contexta.query.port import Queries
from contexta.query.results import NodeKind
from tests.tui.fake_queries import FakeQueries, demo


def test_the_fake_answers_every_query() -> None:
    queries: Queries = demo()
    assert [run.name for run in queries.children(1, NodeKind.RUN, 0, 9)] == ["tiny-cnn", "base-mlp"]
    first = queries.next_failure(None)
    assert first is not None
    assert first.name == "holdout"
    order = [first.name]
    while (row := queries.next_failure(first.id)) is not None and row.name not in order:
        order.append(row.name)
        first = row
    assert order == ["holdout", "q-4", "canary"]
    assert queries.matches("q-4").total == 1


def test_bulk_children_are_made_up() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    ids = fake.bulk(project, NodeKind.BATCH, 1_000_000)
    assert fake.children(project, NodeKind.BATCH, 999_999, 1_000_000)[0].id == ids[-1]
