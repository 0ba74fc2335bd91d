"""Messages that cross threads. Each carries at most one frozen value; none is ever queued twice."""

from __future__ import annotations

from textual.message import Message

from contexta_tui.viewmodels.refresh import Job, Result


class FeedChanged(Message):
    """The follower has published something: take the latest from the feed."""


class FeedFailed(Message):
    """The follower stopped with an error; what is on the screen stays as it is."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()


class Settled(Message):
    """Everything that was asked for is on the screen."""


class Refreshed(Message):
    """A worker has computed what the screen asked for."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__()


class RefreshFailed(Message):
    """A worker could not compute what the screen asked for."""

    def __init__(self, job: Job, reason: str) -> None:
        self.job = job
        self.reason = reason
        super().__init__()
