from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message

from contexta.live import Change, Phase
from contexta_tui.feed import Feed
from contexta_tui.messages import FeedChanged, FeedFailed
from tests.tui.fake_queries import FakeQueries
from tests.waiting import wait_until


class Follower:
    """A follower that does what the test says."""

    def __init__(self, run: Callable[[Callable[[Change], None], threading.Event], None]) -> None:
        self.run = run


def test_however_many_changes_one_message_waits_and_the_latest_wins() -> None:
    fake = FakeQueries()
    posted: list[Message] = []
    done = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        for _ in range(1000):
            publish(fake.change())
        done.set()
        stop.wait(5)

    feed = Feed(Follower(run), posted.append)
    feed.start()
    assert done.wait(5)
    assert [type(message) for message in posted] == [FeedChanged]
    change = feed.take()
    assert change is not None
    assert change.revision == fake.revision
    assert feed.take() is None
    feed.stop()


def test_after_a_change_was_taken_the_next_one_is_announced() -> None:
    fake = FakeQueries()
    posted: list[Message] = []
    taken = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        publish(fake.change())
        taken.wait(5)
        publish(fake.change())
        stop.wait(5)

    feed = Feed(Follower(run), posted.append)
    feed.start()
    wait_until(lambda: len(posted) == 1, what="the first message")
    assert feed.take() is not None
    taken.set()
    wait_until(lambda: len(posted) == 2, what="the second message")
    feed.stop()


def test_a_crash_of_the_follower_is_one_sentence() -> None:
    posted: list[Message] = []

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        raise PermissionError("no access to /x")

    feed = Feed(Follower(run), posted.append)
    feed.start()
    wait_until(lambda: len(posted) == 1, what="the message")
    assert isinstance(posted[0], FeedFailed)
    assert posted[0].reason == "PermissionError: no access to /x"
    feed.stop()


def test_a_follower_that_does_not_follow_is_kept_until_the_end() -> None:
    fake = FakeQueries()
    returned = threading.Event()

    def run(publish: Callable[[Change], None], stop: threading.Event) -> None:
        publish(fake.change(phase=Phase.STATIC))
        returned.set()

    feed = Feed(Follower(run), lambda message: None)
    feed.start()
    wait_until(lambda: feed.take() is not None, what="the change")
    assert not returned.is_set()
    feed.stop()
    assert returned.is_set()
