from __future__ import annotations

import pytest

from contexta_tui.viewmodels.panes import Pane, arrange

TREE_AND_DETAIL = frozenset({Pane.TREE, Pane.DETAIL})


@pytest.mark.parametrize(
    ("size", "active", "visible"),
    [
        ((120, 36), Pane.TREE, frozenset(Pane)),
        ((200, 60), Pane.ISSUES, frozenset(Pane)),
        ((119, 36), Pane.TREE, TREE_AND_DETAIL),
        ((200, 35), Pane.DETAIL, TREE_AND_DETAIL),
        ((80, 24), Pane.TREE, TREE_AND_DETAIL),
        ((80, 24), Pane.LINEAGE, frozenset({Pane.LINEAGE})),
        ((40, 12), Pane.TREE, frozenset({Pane.TREE})),
        ((1, 1), Pane.ISSUES, frozenset({Pane.ISSUES})),
    ],
)
def test_what_is_visible(size: tuple[int, int], active: Pane, visible: frozenset[Pane]) -> None:
    assert arrange(*size, active).visible == visible


def test_a_zoomed_pane_is_alone_at_any_size() -> None:
    for size in ((300, 80), (80, 24), (1, 1)):
        assert arrange(*size, Pane.DETAIL, zoomed=True).visible == {Pane.DETAIL}


def test_a_tiny_screen_spends_nothing_on_frames() -> None:
    tiny = arrange(19, 7, Pane.TREE)
    assert (tiny.borders, tiny.tabs, tiny.chrome) == (False, False, False)
