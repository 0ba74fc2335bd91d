"""Which panes are on the screen: a pure function of its size and of what the user chose."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Pane(StrEnum):
    """The panes, in the order of their keys."""

    TREE = "tree"
    DETAIL = "detail"
    LINEAGE = "lineage"
    ISSUES = "issues"


TITLES = {Pane.TREE: "Runs", Pane.DETAIL: "Detail", Pane.LINEAGE: "Lineage", Pane.ISSUES: "Diagnostics"}

#: From this size on, all four panes are visible together.
WIDE = (120, 36)
#: From this height on, a tree without room beside it shows the detail of the selection below.
SPLIT_HEIGHT = 16


class Arrangement(msgspec.Struct, frozen=True):
    """What stands where.

    Attributes:
        visible: The panes on screen.
        wide: Whether they stand in two columns.
        tabs: Whether a line says which panes there are.
        borders: Whether panes have room for borders.
        chrome: Whether there is room for footer and tabs.
    """

    visible: frozenset[Pane]
    wide: bool
    tabs: bool
    borders: bool
    chrome: bool


def arrange(width: int, height: int, active: Pane, *, zoomed: bool = False) -> Arrangement:
    """Arrange the panes on a screen of `width` by `height` cells.

    Args:
        width: Cells.
        height: Rows.
        active: The pane that the user is in.
        zoomed: Whether that pane is to have the screen to itself.
    """
    roomy = width >= 20 and height >= 8
    if zoomed:
        return Arrangement(frozenset({active}), wide=False, tabs=False, borders=roomy, chrome=roomy)
    if width >= WIDE[0] and height >= WIDE[1]:
        return Arrangement(frozenset(Pane), wide=True, tabs=False, borders=True, chrome=True)
    visible = {active}
    if active in (Pane.TREE, Pane.DETAIL) and height >= SPLIT_HEIGHT:
        visible = {Pane.TREE, Pane.DETAIL}
    return Arrangement(frozenset(visible), wide=False, tabs=roomy, borders=roomy, chrome=roomy)
