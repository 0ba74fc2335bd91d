from __future__ import annotations

from typing import Any

import pytest

from contexta.live import Change, Phase
from contexta.query.results import Counts
from contexta_tui.glyphs import ASCII, UNICODE
from contexta_tui.viewmodels.liveness import Placard, liveness, nothing_failed, placard, totals
from tests.tui.fake_queries import FakeQueries


def change(**changes: Any) -> Change:
    return FakeQueries().change(**{"open_runs": 1, "counts": Counts(runs=1), "rate": 1204.4, **changes})


def said(value: Change | None, waited: float = 0.0, **options: Any) -> str:
    parts = liveness(value, waited, UNICODE, **options)
    return "".join((" " if part.close else "  ") + part.text for part in parts).strip()


@pytest.mark.parametrize(
    ("value", "waited", "text"),
    [
        (None, 0, "opening"),
        (change(), 0, "● live  1,204 rec/s  last 0.2 s ago"),
        (change(), 12, "● live  last 12 s ago"),
        (change(rate=0.0), 0, "● live  last 0.2 s ago"),
        (change(lag_s=2.5), 0, "● live  1,204 rec/s  last 0.2 s ago  lag 2.5 s"),
        (change(), 299.9, "◌ silent  last 5 min ago"),
        (change(open_runs=0), 0, "ended  last 0.2 s ago"),
        (change(open_runs=0, counts=Counts()), 0, "no runs  last 0.2 s ago"),
        (change(open_runs=0, quiet_s=None), 0, "ended"),
        (change(phase=Phase.STATIC), 0, "◌ not followed  last 0.2 s ago"),
        (change(phase=Phase.STATIC, open_runs=0), 0, "ended  last 0.2 s ago"),
        (change(phase=Phase.WAITING, open_runs=0, quiet_s=None), 0, "◌ waiting"),
        (
            change(phase=Phase.INDEXING, open_runs=0, progress=0.629),
            0,
            "reading  last 0.2 s ago  indexing ▰▰▰▱▱ 62 %",
        ),
        (change(progress=7.0), 0, "● live  1,204 rec/s  last 0.2 s ago  indexing ▰▰▰▰▰ 100 %"),
    ],
)
def test_what_is_said_is_true(value: Change | None, waited: float, text: str) -> None:
    assert said(value, waited) == text


def test_a_run_that_has_become_silent_is_not_live() -> None:
    assert said(change(quiet_s=20.0), stalled=1) == "◌ stalled  last 20 s ago"
    assert liveness(change(), 0, UNICODE, stalled=1)[0].tone == "failed"
    assert said(change(open_runs=2), stalled=1).startswith("● live")
    assert said(change(open_runs=0), stalled=1).startswith("ended")
    assert said(change(phase=Phase.STATIC), stalled=1).startswith("◌ not followed")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "Nothing failed."),
        (change(errors=0, warnings=0), "Nothing failed."),
        (change(errors=0, warnings=3), "Nothing failed; 3 warnings are listed in Diagnostics."),
        (change(errors=1, warnings=3), "Nothing failed; 1 error is listed in Diagnostics."),
    ],
)
def test_nothing_to_go_to_is_not_nothing_to_see(value: Change | None, sentence: str) -> None:
    assert nothing_failed(value) == sentence


def test_following_is_said() -> None:
    assert said(change(), following=True).startswith("● live  following")


def test_totals_have_signs_besides_colours() -> None:
    assert [part.text for part in totals(change(errors=1204, warnings=1), ASCII)] == ["E 1,204", "W 1"]
    assert [part.tone for part in totals(change(errors=3, warnings=0), UNICODE)] == ["failed", "quiet"]


@pytest.mark.parametrize(
    ("value", "rows", "filtered", "text", "instead"),
    [
        (None, 0, False, "Opening…", True),
        (change(), 0, False, "Opening…", True),
        (change(counts=Counts()), 0, False, "Nothing has been recorded yet.", True),
        (change(counts=Counts(), notice="Waiting."), 0, False, "Waiting.", True),
        (change(notice="Locked."), 3, False, "Locked.", False),
        (change(), 0, True, "", False),
        (change(), 3, False, "", False),
    ],
)
def test_a_sentence_stands_in_for_panes_that_have_nothing_to_show(
    value: Change | None, rows: int, filtered: bool, text: str, instead: bool
) -> None:
    assert placard(value, rows=rows, filtered=filtered) == Placard(text, instead=instead)
