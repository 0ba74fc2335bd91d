from __future__ import annotations

from contexta_tui.screens.refresher import INTERVAL_S, PANES_S, Refresher, Wishes
from contexta_tui.viewmodels.refresh import Lane, Target


class Bench:
    """A refresher with a clock that stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.started: list[Wishes] = []
        self.waits: list[float] = []
        self.known = False
        self.refresher = Refresher(self.start, self.waits.append, clock=lambda: self.now)

    def start(self, wishes: Wishes) -> bool:
        self.started.append(wishes)
        return not (self.known and wishes.tree)


def test_one_job_at_a_time_and_wishes_are_merged() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True, urgent=True)
    bench.refresher.wish(node=True, urgent=True)
    bench.refresher.wish(issues=True, urgent=True)
    assert len(bench.started) == 1
    bench.refresher.done(Lane.PERSON)
    assert len(bench.started) == 2
    assert (bench.started[1].tree, bench.started[1].node, bench.started[1].issues) == (False, True, True)


def test_data_waits_for_its_interval_and_a_person_does_not() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True)
    bench.refresher.done(Lane.ROWS)
    bench.refresher.wish(tree=True)
    assert (len(bench.started), bench.waits) == (1, [INTERVAL_S])
    bench.refresher.wish(node=True, urgent=True)
    assert len(bench.started) == 2
    bench.refresher.done(Lane.PERSON)
    bench.refresher.done(Lane.PERSON)
    assert len(bench.started) == 3
    bench.refresher.wish(tree=True)
    bench.now = INTERVAL_S
    bench.refresher.poke()
    assert len(bench.started) == 4


def test_a_person_is_shown_rows_first_and_then_what_takes_longer() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True, node=True, urgent=True)
    bench.refresher.done(Lane.PERSON)
    assert [(wishes.tree, wishes.panes, wishes.lane) for wishes in bench.started] == [
        (True, False, Lane.PERSON),
        (False, True, Lane.PERSON),
    ]


def test_what_a_person_waits_for_is_asked_although_the_rows_are_known() -> None:
    bench = Bench()
    bench.known = True
    bench.refresher.wish(tree=True, node=True, urgent=True)
    assert [wishes.node for wishes in bench.started] == [False, True]
    bench.refresher.done(Lane.PERSON)
    assert bench.refresher.at_rest


def test_rows_go_on_while_a_person_waits_for_panes() -> None:
    bench = Bench()
    bench.refresher.wish(node=True, urgent=True)
    bench.refresher.wish(tree=True, node=True)
    assert [wishes.lane for wishes in bench.started] == [Lane.PERSON, Lane.ROWS]
    bench.refresher.done(Lane.ROWS)
    bench.now = INTERVAL_S
    bench.refresher.wish(tree=True)
    assert [wishes.lane for wishes in bench.started] == [Lane.PERSON, Lane.ROWS, Lane.ROWS]


def test_rows_are_shown_more_often_than_panes() -> None:
    bench = Bench()
    for tick in range(20):
        bench.now = tick * INTERVAL_S * 1.01
        bench.refresher.wish(tree=True, node=True, issues=True)
        bench.refresher.done(Lane.ROWS)
        bench.refresher.done(Lane.PANES)
    asked = [(wishes.lane, wishes.tree, wishes.panes) for wishes in bench.started]
    assert asked.count((Lane.ROWS, True, False)) == 20
    assert asked.count((Lane.PANES, False, True)) == len(asked) - 20 == round(20 * INTERVAL_S / PANES_S)


def test_rows_do_not_wait_for_panes_and_panes_wait_for_rows() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True, node=True)
    assert [wishes.lane for wishes in bench.started] == [Lane.ROWS]
    bench.refresher.done(Lane.ROWS)
    assert [wishes.lane for wishes in bench.started] == [Lane.ROWS, Lane.PANES]
    bench.now = INTERVAL_S
    bench.refresher.wish(tree=True, node=True)
    assert [wishes.lane for wishes in bench.started] == [Lane.ROWS, Lane.PANES, Lane.ROWS]


def test_what_a_pane_lacks_comes_when_its_time_has_come() -> None:
    bench = Bench()
    bench.refresher.wish(node=True)
    bench.refresher.done(Lane.PANES)
    bench.refresher.wish(issues=True)
    assert (len(bench.started), bench.waits) == (1, [PANES_S])
    bench.now = PANES_S
    bench.refresher.poke()
    assert [wishes.issues for wishes in bench.started] == [False, True]
    bench.refresher.done(Lane.PANES)
    assert bench.refresher.at_rest


def test_following_never_displaces_what_a_person_does() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True)
    bench.refresher.wish(target=Target(failure=1), urgent=True)
    bench.refresher.wish(target=Target(newest=True))
    bench.refresher.done(Lane.ROWS)
    assert bench.started[1].target == Target(failure=1)


def test_a_person_does_not_wait_for_the_data() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True)
    bench.refresher.wish(target=Target(failure=1), urgent=True)
    assert len(bench.started) == 2
    bench.refresher.wish(tree=True)
    bench.refresher.done(Lane.ROWS)
    assert len(bench.started) == 2, "the data waits for the person"
    bench.refresher.done(Lane.PERSON)
    bench.now = INTERVAL_S
    bench.refresher.poke()
    assert len(bench.started) == 3


def test_slow_answers_are_asked_for_less_often() -> None:
    bench = Bench()
    bench.refresher.wish(tree=True)
    bench.now = 0.15
    bench.refresher.done(Lane.ROWS)
    bench.refresher.wish(tree=True)
    assert (len(bench.started), bench.waits) == (1, [0.15])
    bench.now = 5.0
    bench.refresher.done(Lane.ROWS)
    bench.refresher.wish(tree=True)
    assert len(bench.started) == 2, "but never so rarely that it is felt"


def test_nothing_to_do_leaves_it_idle() -> None:
    started: list[Wishes] = []

    def start(wishes: Wishes) -> bool:
        started.append(wishes)
        return False

    refresher = Refresher(start, lambda wait: None)
    refresher.wish(tree=True, urgent=True)
    refresher.wish(tree=True, urgent=True)
    assert len(started) == 2


def test_what_could_not_be_asked_does_not_count_for_the_pace() -> None:
    bench = Bench()
    answers = [False, True]
    bench.refresher.start = lambda _: answers.pop(0)
    bench.refresher.wish(issues=True)
    bench.refresher.wish(issues=True)
    assert (answers, bench.waits) == ([], [])
