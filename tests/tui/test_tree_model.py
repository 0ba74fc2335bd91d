from __future__ import annotations

from contexta.query.results import NodeKind, Status
from contexta_tui.viewmodels.tree import TreeModel
from contexta_tui.viewmodels.tree_load import load, load_level, load_reveal
from tests.tui.fake_queries import FakeQueries, demo


class Tree:
    """A model with its data, as the screen would drive them."""

    def __init__(self, fake: FakeQueries, height: int = 20) -> None:
        self.fake = fake
        self.model = TreeModel()
        self.top = 0
        self.height = height
        self.requests = 0
        self.refresh()

    def refresh(self) -> None:
        self.model.revision += 1
        self.settle()

    def settle(self) -> None:
        while (request := self.model.request(self.top, self.height)) is not None:
            self.requests += 1
            assert self.requests < 100, "the model never has enough"
            loaded = load(self.fake, request)
            anchor = self.model.anchor(self.top, self.height)
            self.model.install(loaded)
            self.top = self.model.top_for(anchor, self.top)

    def names(self) -> list[str]:
        rows = [self.model.row_at(index) for index in range(self.model.height)]
        return ["  " * row.depth + (row.node.name if row.node else "?") for row in rows]

    def go(self, name: str) -> None:
        self.model.select([each.strip() for each in self.names()].index(name))

    @property
    def selected(self) -> str:
        assert self.model.selected is not None
        return self.model.selected.name

    @property
    def line(self) -> int:
        assert self.model.cursor is not None
        return self.model.cursor - self.top


def test_the_newest_run_is_open_down_to_its_stages() -> None:
    tree = Tree(demo())
    assert tree.names() == ["tiny-cnn", "  train", "  evaluate", "base-mlp", "canary", "prod"]
    assert tree.selected == "tiny-cnn"


def test_several_projects_are_rows() -> None:
    fake = demo()
    other = fake.add(NodeKind.PROJECT, "other", last_at=0)
    fake.add(NodeKind.RUN, "r", other)
    tree = Tree(fake)
    assert tree.names() == [
        "digits-cnn",
        "  tiny-cnn",
        "    train",
        "    evaluate",
        "  base-mlp",
        "  canary",
        "  prod",
        "other",
        "  r",
    ]


def test_expanding_needs_one_page_and_collapsing_none() -> None:
    tree = Tree(demo())
    tree.go("train")
    assert tree.model.selected is not None
    before = tree.fake.calls["rows"]
    tree.model.toggle(tree.model.selected)
    assert tree.names()[2] == "    ?"
    tree.settle()
    assert tree.fake.calls["rows"] == before + 1
    assert tree.names()[2:4] == ["    batch-0", "    batch-1"]
    tree.model.toggle(tree.model.selected)
    tree.settle()
    assert tree.names() == ["tiny-cnn", "  train", "  evaluate", "base-mlp", "canary", "prod"]
    assert tree.fake.calls["rows"] == before + 1


def test_the_selection_stays_on_its_line_while_runs_come_in_above() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    for index in range(300):
        fake.add(NodeKind.RUN, f"run-{index}", project)
    tree = Tree(fake)
    tree.model.select(150)
    tree.top = 140
    tree.settle()
    assert tree.selected == "run-149"
    for index in range(300, 310):
        fake.add(NodeKind.RUN, f"run-{index}", project)
        tree.refresh()
    assert (tree.selected, tree.line, tree.top) == ("run-149", 10, 150)
    assert tree.names()[150:152] == ["run-159", "run-158"]


def test_what_is_on_screen_stays_when_the_selection_is_elsewhere() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    for index in range(300):
        fake.add(NodeKind.RUN, f"run-{index}", project)
    tree = Tree(fake)
    tree.model.select(0)
    tree.top = 100
    tree.settle()
    fake.add(NodeKind.RUN, "new", project)
    tree.refresh()
    assert tree.top == 101
    assert tree.names()[tree.top] == "run-199"


def test_before_the_user_moves_the_newest_run_is_on_screen() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    for index in range(50):
        fake.add(NodeKind.STAGE, "s", fake.add(NodeKind.RUN, f"run-{index}", project))
    tree = Tree(fake)
    assert tree.names()[:3] == ["run-49", "  s", "run-48"]
    fake.add(NodeKind.STAGE, "s", fake.add(NodeKind.RUN, "run-50", project))
    tree.refresh()
    assert tree.top == 0
    assert tree.names()[:3] == ["run-50", "  s", "run-49"]
    assert tree.selected == "run-49"


def test_what_the_user_arranged_is_left_alone() -> None:
    fake = demo()
    tree = Tree(fake)
    tree.model.collapse_all()
    assert tree.names() == ["tiny-cnn", "base-mlp", "canary", "prod"]
    fake.add(NodeKind.STAGE, "s", fake.add(NodeKind.RUN, "new", 1))
    tree.refresh()
    assert tree.names()[:2] == ["new", "tiny-cnn"]


def test_reveal_expands_what_hides_a_node() -> None:
    fake = demo()
    tree = Tree(fake)
    tree.model.collapse_all()
    failure = fake.next_failure(None)
    assert failure is not None
    revealed = load_reveal(fake, failure.id)
    assert revealed is not None
    tree.model.reveal(revealed)
    assert tree.selected == "holdout"
    tree.settle()
    assert tree.names()[:4] == ["tiny-cnn", "  train", "  evaluate", "    holdout"]
    assert tree.model.names(revealed.node) == ("tiny-cnn", "evaluate", "holdout")


def test_collapsing_above_the_selection_selects_what_was_collapsed() -> None:
    fake = demo()
    tree = Tree(fake)
    tree.go("evaluate")
    run = tree.model.row_at(0).node
    assert run is not None
    tree.model.collapse(run)
    assert tree.selected == "tiny-cnn"


def test_one_level_more() -> None:
    fake = demo()
    tree = Tree(fake)
    run = tree.model.row_at(0).node
    assert run is not None
    for expected in (8 + 40 - 0, 8 + 40 + 10):
        nodes, cut = load_level(fake, run, tree.model.expanded)
        assert not cut
        tree.model.expand(nodes)
        tree.settle()
        assert tree.model.height == expected
    assert load_level(fake, run, tree.model.expanded) == ((), False)


def test_a_million_batches_fetch_a_few_pages() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    run = fake.add(NodeKind.RUN, "r", project)
    stage = fake.add(NodeKind.STAGE, "s", run)
    fake.bulk(stage, NodeKind.BATCH, 1_000_000)
    tree = Tree(fake)
    tree.go("s")
    assert tree.model.selected is not None
    tree.model.toggle(tree.model.selected)
    tree.settle()
    tree.model.select(tree.model.height - 1)
    tree.top = tree.model.height - 20
    tree.settle()
    last = tree.model.row_at(tree.model.height - 1).node
    assert last is not None
    assert last.name == "batch-999999"
    assert fake.calls["rows"] < 10


def test_new_counts_and_rows_need_one_query() -> None:
    fake = demo()
    tree = Tree(fake)
    fake.add(NodeKind.STAGE, "deploy", _run(fake))
    before = fake.calls["rows"]
    tree.refresh()
    assert fake.calls["rows"] == before + 1
    assert tree.names()[:4] == ["tiny-cnn", "  train", "  evaluate", "  deploy"]


def _run(fake: FakeQueries) -> int:
    return fake.children(1, NodeKind.RUN, 0, 1)[0].id


def test_a_status_change_is_seen_with_the_next_revision() -> None:
    fake = demo()
    tree = Tree(fake)
    fake.update(_run(fake), status=Status.FAILED)
    tree.refresh()
    run = tree.model.row_at(0).node
    assert run is not None
    assert run.status == Status.FAILED


def test_the_filter_shows_hits_with_their_ancestors() -> None:
    tree = Tree(demo())
    tree.model.set_filter("q-4")
    tree.settle()
    assert tree.names() == ["tiny-cnn", "  evaluate", "    holdout", "      q-4"]
    assert tree.model.filtered is not None
    assert tree.model.filtered.summary == "1 found"
    assert tree.selected == "tiny-cnn"
    tree.go("q-4")
    tree.model.set_filter("")
    tree.settle()
    assert tree.selected == "q-4"
    assert "      q-4" in tree.names()


def test_leaving_the_filter_without_a_move_goes_back() -> None:
    tree = Tree(demo())
    tree.go("base-mlp")
    tree.model.set_filter("q-4")
    tree.settle()
    assert tree.selected != "base-mlp"
    tree.model.set_filter("")
    tree.settle()
    assert tree.selected == "base-mlp"


def test_a_filter_that_finds_nothing_is_an_empty_tree() -> None:
    tree = Tree(demo())
    tree.model.set_filter("no such thing")
    tree.settle()
    assert tree.model.height == 0
    tree.model.set_filter("")
    tree.settle()
    assert tree.selected == "tiny-cnn"


def test_a_cut_filter_says_so() -> None:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "p")
    for index in range(2100):
        fake.add(NodeKind.RUN, f"run-{index}", project)
    tree = Tree(fake)
    tree.model.set_filter("run")
    tree.settle()
    assert tree.model.filtered is not None
    assert tree.model.filtered.summary == "2,000 of 2,100 shown"


def test_a_rebuilt_catalog_with_other_keys_keeps_selection_and_expansion() -> None:
    tree = Tree(demo())
    tree.go("evaluate")
    rebuilt = FakeQueries()
    rebuilt.add(NodeKind.PROJECT, "aside")
    rebuilt.remove(1)
    rebuilt._next_id = 5000
    project = rebuilt.add(NodeKind.PROJECT, "digits-cnn")
    run = rebuilt.add(NodeKind.RUN, "tiny-cnn", project)
    rebuilt.add(NodeKind.STAGE, "train", run)
    rebuilt.add(NodeKind.STAGE, "evaluate", run)
    tree.fake = rebuilt
    tree.refresh()
    assert tree.names() == ["tiny-cnn", "  train", "  evaluate"]
    assert tree.selected == "evaluate"


def test_a_selection_that_is_gone_moves_to_what_is_left() -> None:
    fake = demo()
    tree = Tree(fake)
    tree.go("evaluate")
    assert tree.model.selected is not None
    fake.remove(tree.model.selected.id)
    tree.refresh()
    assert tree.selected == "tiny-cnn"


def test_an_empty_workspace_and_one_that_fills() -> None:
    fake = FakeQueries()
    tree = Tree(fake)
    assert tree.model.height == 0
    assert tree.model.selected is None
    fake.add(NodeKind.RUN, "r", fake.add(NodeKind.PROJECT, "p"))
    tree.refresh()
    assert tree.names() == ["r"]
    assert tree.selected == "r"
