from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from contexta.live import Change
from contexta_tui.opening import Opening
from contexta_tui.viewmodels.refresh import DetailSize, Job, Target, work
from contexta_tui.viewmodels.tree_load import Request
from tests.tui.fake_queries import FakeQueries, demo


class Publishes:
    """A follower with so many changes to tell of."""

    def __init__(self, *changes: Change) -> None:
        self.changes = changes

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        for change in self.changes:
            publish(change)


def first_job(fake: FakeQueries, change: Change) -> Job:
    return Job(
        fake,
        tree=Request(change.revision, structure=True, auto=True, height=40),
        detail=DetailSize(60, 120, 6, None),
        lineage=True,
        issues=True,
        revision=change.revision,
    )


def opened(*changes: Change) -> Opening:
    opening = Opening(lambda: Publishes(*changes))
    opening.run(lambda change: None, threading.Event())
    return opening


def test_the_first_job_is_answered_as_by_the_queries_themselves_and_nothing_is_asked_twice() -> None:
    fake = demo()
    change = fake.change()
    fake.calls.clear()
    job = first_job(fake, change)
    answer = opened(change).answer(job)
    asked = fake.calls.copy()
    assert answer == work(job)
    once = fake.calls - asked
    assert {name: asked[name] for name in once if name != "series"} == {
        name: once[name] for name in once if name != "series"
    }


def test_a_job_about_a_later_change_is_answered_from_that() -> None:
    fake = demo()
    first = fake.change()
    opening = opened(first)
    later = fake.change()
    fake.issue_rows = ()
    answer = opening.answer(first_job(fake, later))
    assert answer.issues is not None
    assert answer.issues.issues == ()


def test_a_job_for_queries_that_were_replaced_is_answered_from_the_new_ones() -> None:
    fake, other = demo(), FakeQueries()
    change = fake.change()
    opening = opened(change)
    answer = opening.answer(first_job(other, replace(change, queries=other)))
    assert answer.loaded is not None
    assert answer.loaded.roots == ()


def settled() -> None:
    """Wait until nobody looks any more."""
    for thread in threading.enumerate():
        if thread.name == "contexta-first-look":
            thread.join(30)


def test_nothing_is_kept_once_somebody_asked_about_a_later_change() -> None:
    fake = demo()
    follower = Publishes(fake.change())
    opening = Opening(lambda: follower)
    opening.run(lambda change: None, threading.Event())
    settled()
    first = weakref.ref(fake)
    later = FakeQueries()
    opening.answer(first_job(later, later.change()))
    follower.changes = ()
    del fake
    gc.collect()
    assert first() is None


def test_only_what_is_shown_first_is_remembered_however_long_nothing_changes() -> None:
    fake = demo()
    change = fake.change()
    opening = opened(change)
    settled()
    for _ in range(2):
        fake.calls.clear()
        opening.answer(Job(fake, target=Target(ref="q-4"), revision=change.revision))
        assert fake.calls["find"] == 1


class FailsOnce(FakeQueries):
    """Has no answer at first."""

    failed = False

    def issues(self, *args: Any, **options: Any) -> Any:
        if not self.failed:
            self.failed = True
            raise RuntimeError("not now")
        return super().issues(*args, **options)


def test_a_question_that_failed_is_asked_again() -> None:
    fake = FailsOnce()
    change = fake.change()
    opening = opened(change)
    settled()
    assert fake.failed
    assert opening.answer(first_job(fake, change)).issues is not None
