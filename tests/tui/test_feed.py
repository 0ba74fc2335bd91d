from __future__ import annotations

import threading
from collections.abc import Callable

from contexta.live import Change, Phase
from contexta_tui.feed import Feed
from tests.tui.fake_queries import FakeQueries
from tests.waiting import wait_until


class Follower:
    """A follower that does what the test says."""

    def __init__(self, run: Callable[[Callable[[Change], None], threading.Event], None]) -> None:
        self.run = run


class Listener:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.changes = 0
        self.failures: list[str] = []

    def changed(self) -> None:
        self.changes += 1


def started(
    run: Callable[[Callable[[Change], None], threading.Event], None], listener: Listener | None = None
) -> Feed:
    feed = Feed(lambda: Follower(run))
    if listener is not None:
        feed.connect(listener.changed, listener.failures.append)
    feed.start()
    return feed


def test_however_many_changes_there_is_one_word_of_them_and_the_latest_wins() -> None:
    fake = FakeQueries()
    listener = Listener()
    done = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        for _ in range(1000):
            publish(fake.change())
        done.set()
        stop.wait(5)

    feed = started(run, listener)
    assert done.wait(5)
    assert listener.changes == 1
    change = feed.take()
    assert change is not None
    assert change.revision == fake.revision
    assert feed.take() is None
    feed.stop()


def test_after_a_change_was_taken_the_next_one_is_announced() -> None:
    fake = FakeQueries()
    listener = Listener()
    taken = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        publish(fake.change())
        taken.wait(5)
        publish(fake.change())
        stop.wait(5)

    feed = started(run, listener)
    wait_until(lambda: listener.changes == 1, what="the first word")
    assert feed.take() is not None
    taken.set()
    wait_until(lambda: listener.changes == 2, what="the second word")
    feed.stop()


def test_a_crash_of_the_follower_is_one_sentence() -> None:
    listener = Listener()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        raise PermissionError("no access to /x")

    feed = started(run, listener)
    wait_until(lambda: bool(listener.failures), what="the sentence")
    assert listener.failures == ["PermissionError: no access to /x"]
    feed.stop()


def test_a_follower_that_does_not_follow_is_kept_until_the_end() -> None:
    fake = FakeQueries()
    returned = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        publish(fake.change(phase=Phase.STATIC))
        returned.set()

    feed = started(run)
    wait_until(lambda: feed.take() is not None, what="the change")
    assert not returned.is_set()
    feed.stop()
    assert returned.is_set()


def test_who_connects_late_hears_of_what_has_come_before() -> None:
    fake = FakeQueries()
    published = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        publish(fake.change())
        published.set()
        stop.wait(5)

    feed = started(run)
    assert published.wait(5)
    listener = Listener()
    feed.connect(listener.changed, listener.failures.append)
    assert listener.changes == 1
    assert feed.take() is not None
    feed.stop()


def test_who_connects_late_hears_that_following_has_ended() -> None:
    threads: list[threading.Thread] = []

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        threads.append(threading.current_thread())
        raise PermissionError("no access to /x")

    feed = started(run)
    listener = Listener()
    wait_until(lambda: bool(threads) and not threads[0].is_alive(), what="the end of the follower")
    feed.connect(listener.changed, listener.failures.append)
    assert listener.failures == ["PermissionError: no access to /x"]


def test_a_follower_is_made_on_the_thread_of_the_feed() -> None:
    threads: list[threading.Thread] = []
    fake = FakeQueries()

    def begin() -> Follower:
        threads.append(threading.current_thread())
        return Follower(lambda publish, stop: publish(fake.change()))

    feed = Feed(begin)
    feed.start()
    feed.start()
    wait_until(lambda: feed.take() is not None, what="the change")
    feed.stop()
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()
