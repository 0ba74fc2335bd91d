"""Every action of the app, once: its id, keys, words and where it applies.

Bindings, footer, help screen and command palette are generated from `ACTIONS`, so
none of them can name a key that does nothing or miss one that works. An id never
changes once released: users refer to it when they remap a key.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from textual.binding import Binding, BindingType


class Scope(StrEnum):
    """Where an action is bound; the value heads its group on the help screen."""

    LIST = "Move"
    TREE = "Tree"
    DETAIL = "Detail"
    LINEAGE = "Lineage"
    RECORDS = "Records"
    FIND = "Find"
    PANES = "Panes"
    APP = "Program"


class Action(msgspec.Struct, frozen=True):
    """One thing that a person can do.

    Attributes:
        id: Stable name for user keymaps.
        scope: Where it is bound.
        name: Textual action that does it, with parameters if any.
        keys: Default keys, the one to show first.
        label: Two words for the footer.
        help: One sentence for the help screen, the palette and tooltips.
        footer: Whether the footer shows it.
        palette: Whether the command palette lists it.
    """

    id: str
    scope: Scope
    name: str
    keys: tuple[str, ...]
    label: str
    help: str
    footer: bool = False
    palette: bool = True


def _move(name: str, keys: tuple[str, ...], text: str) -> Action:
    """A movement of the cursor: too plain for footer and palette."""
    return Action(f"list.{name.replace('_', '-')}", Scope.LIST, name, keys, "", text, palette=False)


ACTIONS: tuple[Action, ...] = (
    _move("cursor_down", ("j", "down"), "Next row"),
    _move("cursor_up", ("k", "up"), "Previous row"),
    _move("half_page_down", ("ctrl+d",), "Half a page down"),
    _move("half_page_up", ("ctrl+u",), "Half a page up"),
    _move("page_down", ("pagedown", "ctrl+f"), "A page down"),
    _move("page_up", ("pageup", "ctrl+b"), "A page up"),
    _move("cursor_first", ("g", "home"), "First row"),
    _move("cursor_last", ("G", "end"), "Last row"),
    Action(
        "list.activate",
        Scope.LIST,
        "activate",
        ("enter",),
        "Open",
        "Open the row",
        footer=True,
        palette=False,
    ),
    Action(
        "tree.expand",
        Scope.TREE,
        "expand",
        ("l", "right"),
        "Expand",
        "Expand, or go to the first child",
        palette=False,
    ),
    Action(
        "tree.collapse",
        Scope.TREE,
        "collapse",
        ("h", "left"),
        "Collapse",
        "Collapse, or go to the parent",
        palette=False,
    ),
    Action(
        "tree.toggle",
        Scope.TREE,
        "toggle_node",
        ("enter", "space"),
        "Open",
        "Expand or collapse",
        footer=True,
        palette=False,
    ),
    Action(
        "tree.expand-level",
        Scope.TREE,
        "expand_level",
        ("E",),
        "Expand level",
        "Expand one more level under the selection",
    ),
    Action(
        "tree.collapse-all", Scope.TREE, "collapse_all", ("C",), "Collapse all", "Collapse the whole tree"
    ),
    Action(
        "detail.next-key",
        Scope.DETAIL,
        "next_key",
        ("]", "right", "l"),
        "Metric",
        "Chart the next metric",
        footer=True,
        palette=False,
    ),
    Action(
        "detail.previous-key",
        Scope.DETAIL,
        "previous_key",
        ("[", "left", "h"),
        "Previous metric",
        "Chart the previous metric",
        palette=False,
    ),
    Action(
        "lineage.run",
        Scope.LINEAGE,
        "go_to_run",
        ("o",),
        "Run",
        "Go to the run that a deployment was made from",
        footer=True,
        palette=False,
    ),
    Action("records.close", Scope.RECORDS, "close", ("escape",), "Back", "Leave the records", palette=False),
    Action(
        "find.next-failure",
        Scope.FIND,
        "next_failure",
        ("n",),
        "Next failure",
        "Go to the next failure, from any pane",
        footer=True,
    ),
    Action(
        "find.previous-failure",
        Scope.FIND,
        "previous_failure",
        ("N",),
        "Previous",
        "Go to the previous failure, from any pane",
    ),
    Action(
        "find.filter",
        Scope.FIND,
        "filter",
        ("/",),
        "Filter",
        "Show only what matches, e.g. holdout status:failed",
        footer=True,
    ),
    Action(
        "find.clear-filter",
        Scope.FIND,
        "clear_filter",
        ("escape",),
        "Clear",
        "Leave the filter, the zoomed pane, or follow mode",
        palette=False,
    ),
    Action(
        "find.follow",
        Scope.FIND,
        "follow",
        ("f",),
        "Follow",
        "Follow the newest activity until you move",
        footer=True,
    ),
    Action(
        "find.records",
        Scope.FIND,
        "records",
        ("r",),
        "Records",
        "Show the records of the selection",
        footer=True,
    ),
    Action("pane.tree", Scope.PANES, "pane('tree')", ("1",), "Runs", "Go to the tree of runs"),
    Action(
        "pane.detail",
        Scope.PANES,
        "pane('detail')",
        ("2",),
        "Detail",
        "Go to the reason and the metrics of the selection",
    ),
    Action(
        "pane.lineage", Scope.PANES, "pane('lineage')", ("3",), "Lineage", "Go to deployments and artifacts"
    ),
    Action("pane.issues", Scope.PANES, "pane('issues')", ("4",), "Diagnostics", "Go to the diagnosed issues"),
    Action("pane.next", Scope.PANES, "next_pane", ("tab",), "Next pane", "Next pane", palette=False),
    Action(
        "pane.previous",
        Scope.PANES,
        "previous_pane",
        ("shift+tab",),
        "Previous pane",
        "Previous pane",
        palette=False,
    ),
    Action("pane.zoom", Scope.PANES, "zoom", ("z",), "Zoom", "Give the whole screen to this pane, and back"),
    Action("app.help", Scope.APP, "help", ("?", "f1"), "Help", "Show all keys", footer=True),
    Action(
        "app.palette",
        Scope.APP,
        "command_palette",
        ("ctrl+p",),
        "Menu",
        "Search for a command",
        footer=True,
        palette=False,
    ),
    Action(
        "app.copy-ref",
        Scope.APP,
        "copy_ref",
        ("y",),
        "Copy ref",
        "Copy the ref of the selection",
        footer=True,
    ),
    Action("app.theme", Scope.APP, "change_theme", ("T",), "Theme", "Choose a colour theme"),
    Action(
        "app.suspend",
        Scope.APP,
        "suspend_process",
        ("ctrl+z",),
        "Suspend",
        "Give the terminal back to the shell; fg goes on",
    ),
    Action("app.quit", Scope.APP, "quit", ("q", "ctrl+q"), "Quit", "Leave; whatever runs goes on"),
)

#: Names of the screen's actions whose keys are text where text is typed.
TYPED: Final = frozenset(
    action.name.partition("(")[0]
    for action in ACTIONS
    if action.scope in (Scope.FIND, Scope.PANES) and len(action.keys[0]) == 1
)

#: How keys are written for people, where their Textual name is not that.
_KEY_NAMES = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "esc",
}


def bindings(*scopes: Scope) -> list[BindingType]:
    """Textual bindings of all actions in some scopes, for a `BINDINGS` class variable.

    Keys of panes and screens have priority: the app acts on them when they come, in the order in which they
    come. Otherwise a key bubbles from the focused widget up, while the next one is already on its way to that
    same widget, and `/` followed quickly by a letter loses the letter. Keys of the program do not, because
    they are typed as text into the palette.
    """
    return [
        Binding(
            key,
            action.name,
            action.label or action.help,
            show=action.footer,
            key_display=key_name(key),
            priority=action.scope is not Scope.APP,
            tooltip=action.help,
            id=action.id,
        )
        for action in ACTIONS
        if action.scope in scopes
        for key in action.keys
    ]


def key_name(key: str) -> str:
    """A key as people write it, e.g. `↓` for `down`."""
    return _KEY_NAMES.get(key, key)
