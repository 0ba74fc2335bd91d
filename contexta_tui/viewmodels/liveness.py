"""What the status line says, and how much of it when there is little room.

A pure function of the latest change and of the time that has passed since. It must
be truthful: "live" is said only while a run is open, something follows it, and it
was heard of within the last minutes, or as long as its own pace explains.
"""

from __future__ import annotations

import msgspec

from contexta.live import Change, Phase
from contexta.sanitize import safe
from contexta_tui.glyphs import Glyphs
from contexta_tui.viewmodels.format import age, plural, rate

#: Seconds without an append after which an open run is called silent, not live.
SILENT_S = 300.0
#: Seconds of lag that are worth a word.
_LAG_S = 1.0
#: Seconds after which a rate says nothing about the present.
_RATE_HOLDS_S = 5.0
_BAR_CELLS = 5
#: Seconds without an append after which ages in the tree grow in steps of so many.
_QUIET_S = 10.0
_QUIET_STEP_S = 5
_OPENING = "Opening…"
_NOTHING = "Nothing has been recorded yet."


class Part(msgspec.Struct, frozen=True):
    """A piece of the status line.

    Attributes:
        text: What it says; ours, never recorded.
        tone: Name of its colour: `open`, `quiet`, `text`, `failed`, `warning` or `chosen`.
        rank: Importance; parts with a higher number are given up first.
        close: Whether it belongs to the part before it, and stands close to it.
    """

    text: str
    tone: str
    rank: int
    close: bool = False


def liveness(
    change: Change | None, waited_s: float, glyphs: Glyphs, *, following: bool = False, stalled: int = 0
) -> tuple[Part, ...]:
    """What is known of the workspace at this moment.

    Args:
        change: The latest change; `None` before the first.
        waited_s: Seconds since it came.
        glyphs: Characters to draw with.
        following: Whether the selection follows the newest activity.
        stalled: How many of the open runs are silent for longer than their own pace explains.
    """
    if change is None:
        return (Part("opening", "quiet", 1),)
    quiet = None if change.quiet_s is None else change.quiet_s + waited_s
    parts = [_state(change, quiet, stalled, glyphs)]
    if following:
        parts.append(Part("following", "chosen", 2))
    streaming = parts[0].tone == "open"
    if streaming and change.rate > 0 and waited_s < _RATE_HOLDS_S:
        parts.append(Part(rate(change.rate), "text", 3))
    if quiet is not None and change.phase != Phase.WAITING:
        parts.append(Part(f"last {age(quiet)}", "quiet", 4))
    if streaming and change.lag_s is not None and change.lag_s >= _LAG_S:
        parts.append(Part(f"lag {change.lag_s:.1f} s", "warning", 5))
    if change.progress is not None:
        parts.extend(_progress(change.progress, glyphs))
    return tuple(parts)


class Placard(msgspec.Struct, frozen=True):
    """One sentence about the workspace; as recorded, whoever shows it makes it safe.

    Attributes:
        text: The sentence, or empty.
        instead: Whether it stands in place of the panes, because they have nothing to show.
    """

    text: str
    instead: bool


def placard(change: Change | None, *, rows: int, filtered: bool) -> Placard:
    """What to say of the workspace as a whole.

    Args:
        change: The latest change; `None` before the first.
        rows: Rows of the tree.
        filtered: Whether a filter may have left none of them.
    """
    if change is None:
        return Placard(_OPENING, instead=True)
    if rows or filtered:
        return Placard(change.notice, instead=False)
    coming = change.counts.runs or change.counts.deployments
    return Placard(change.notice or (_OPENING if coming else _NOTHING), instead=True)


def ages_grow(change: Change | None, now: int) -> bool:
    """Whether ages in the tree are to be drawn anew.

    While nothing is heard of a job, in steps of some seconds: a frame with the tree costs twice that of the
    status line alone, and nobody counts along.

    Args:
        change: The latest change.
        now: Microseconds since the epoch; this is asked once a second.
    """
    quiet_s = 0.0 if change is None else change.quiet_s or 0.0
    return quiet_s < _QUIET_S or now // 1_000_000 % _QUIET_STEP_S == 0


def lasts(change: Change | None) -> bool:
    """Whether what is shown of a change reads the same in an hour, if nothing comes, but for its age."""
    if change is None or change.phase not in (Phase.LIVE, Phase.STATIC):
        return False
    return not change.notice and not change.open_runs and change.errors is not None


def nothing_failed(change: Change | None) -> str:
    """What to say to somebody who looks for the next failure where there is none."""
    for count, word in ((change.errors, "error"), (change.warnings, "warning")) if change else ():
        if count:
            are = "is" if count == 1 else "are"
            return f"Nothing failed; {plural(count, word)} {are} listed in Diagnostics."
    return "Nothing failed."


def everything_is_read(change: Change | None, asked: object) -> bool:
    """Whether what was asked knew all that was recorded: it was no preview, and no index in the making.

    Args:
        change: The latest change.
        asked: The queries that were asked.
    """
    return change is not None and change.queries is asked and change.phase in (Phase.LIVE, Phase.STATIC)


def nothing_called(ref: str) -> str:
    """What to say to somebody who wants to start at a ref that there is not."""
    name = safe(ref, 80)
    return f"Nothing here is called {name} so far; take a ref that y copies, or an end that no other has."


def totals(change: Change | None, glyphs: Glyphs) -> tuple[Part, ...]:
    """Number of errors and warnings; nothing while they are not known."""
    errors, warnings = (None, None) if change is None else (change.errors, change.warnings)
    if errors is None or warnings is None:
        return ()
    return (
        Part(f"{glyphs.error} {errors:,}", "failed" if errors else "quiet", 0),
        Part(f"{glyphs.warning} {warnings:,}", "warning" if warnings else "quiet", 0),
    )


def _state(change: Change, quiet: float | None, stalled: int, glyphs: Glyphs) -> Part:
    if change.phase == Phase.WAITING:
        return Part(f"{glyphs.unknown} waiting", "quiet", 1)
    if not change.open_runs:
        if change.phase == Phase.INDEXING:
            return Part("reading", "quiet", 1)
        return Part("ended" if change.counts.runs else "no runs", "quiet", 1)
    if change.phase == Phase.STATIC:
        return Part(f"{glyphs.unknown} not followed", "quiet", 1)
    return _pulse(quiet, glyphs, stalled=stalled >= change.open_runs)


def _pulse(quiet: float | None, glyphs: Glyphs, *, stalled: bool) -> Part:
    """How a run that is open and followed is doing."""
    if stalled:
        return Part(f"{glyphs.unknown} stalled", "failed", 1)
    if quiet is not None and quiet >= SILENT_S:
        return Part(f"{glyphs.unknown} silent", "warning", 1)
    return Part(f"{glyphs.live} live", "open", 1)


def _progress(progress: float, glyphs: Glyphs) -> tuple[Part, ...]:
    share = min(1.0, max(0.0, progress))
    done = int(share * _BAR_CELLS)
    bar = glyphs.done * done + glyphs.todo * (_BAR_CELLS - done)
    return (
        Part("indexing", "quiet", 6),
        Part(bar, "chosen", 5, close=True),
        Part(f"{int(share * 100)} %", "text", 2, close=True),
    )
