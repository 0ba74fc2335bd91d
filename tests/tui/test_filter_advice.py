"""What is said of a filter that finds nothing, by itself and on the screen."""

from __future__ import annotations

import pytest

from contexta.query.results import NodeKind, Status
from contexta_tui.viewmodels.filter_advice import unknown_choice
from tests.tui.driving import explorer


@pytest.mark.parametrize(
    "text",
    ["", "holdout", "nosuch:thing", "a:b status:failed", "STATUS:Failed kind:batch", "record:status:x", ":"]
    + [f"status:{status.value}" for status in Status]
    + [f"kind:{kind.value}" for kind in NodeKind],
)
def test_nothing_is_said_of_words_that_can_match(text: str) -> None:
    assert unknown_choice(text) == ""


def test_the_choices_are_said_when_there_is_no_such_one() -> None:
    assert unknown_choice("holdout Status:faild") == (
        "status: takes open, completed, failed, cancelled or unknown, not 'faild'."
    )
    assert unknown_choice("kind:epoch") == (
        "kind: takes project, run, stage, batch, sample, op or deployment, not 'epoch'."
    )
    assert unknown_choice("kind:").endswith("not ''.")


def test_what_was_typed_is_shown_and_not_obeyed() -> None:
    assert unknown_choice("status:\x1b[2J").endswith("not '␛[2j'.")
    assert len(unknown_choice("status:" + "x" * 5000)) < 200


@pytest.mark.parametrize("size", [(120, 36), (40, 12)])
async def test_an_empty_tree_says_why_until_the_filter_is_left(size: tuple[int, int]) -> None:
    async with explorer(size=size) as it:
        await it.press("/", *"status:faild")
        for words in ("status: takes open", "'faild'."):
            await it.shows(words)
        await it.press(*"xyz y")
        await it.shows("'faildxyz'")
        await it.press("ctrl+u", *"qqq")
        await it.shows("Nothing matches; esc shows all.")
        await it.press("enter", "escape")
        await it.shows("tiny-cnn")
        assert "Nothing matches" not in it.text()
