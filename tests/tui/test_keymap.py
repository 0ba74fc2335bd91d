from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from contexta_tui.app import ExplorerApp
from contexta_tui.glyphs import UNICODE
from contexta_tui.keymap import ACTIONS, Scope, bindings, key_name
from contexta_tui.screens.explorer import ExplorerScreen
from contexta_tui.screens.help import help_text
from contexta_tui.screens.record import RecordScreen
from contexta_tui.widgets.detail import DetailPane
from contexta_tui.widgets.line_view import LineView
from contexta_tui.widgets.lineage_view import LineageView
from contexta_tui.widgets.run_tree import RunTree

OWNERS: dict[Scope, type[DOMNode]] = {
    Scope.LIST: LineView,
    Scope.TREE: RunTree,
    Scope.DETAIL: DetailPane,
    Scope.LINEAGE: LineageView,
    Scope.RECORDS: RecordScreen,
    Scope.FIND: ExplorerScreen,
    Scope.PANES: ExplorerScreen,
    Scope.APP: ExplorerApp,
}


def test_ids_are_unique() -> None:
    assert not [each for each, count in Counter(action.id for action in ACTIONS).items() if count > 1]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_key_does_something(action: object) -> None:
    assert action in ACTIONS
    for each in ACTIONS:
        if each is action:
            method = getattr(OWNERS[each.scope], f"action_{each.name.split('(')[0]}", None)
            assert callable(method)
            # Textual's own actions of the same name take other arguments.
            assert method.__module__.startswith("contexta_tui") or each.scope is Scope.APP


def test_no_key_is_bound_twice_where_both_would_be_reached() -> None:
    for pair in ((Scope.FIND, Scope.PANES, Scope.APP), (Scope.TREE,), (Scope.LIST,), (Scope.DETAIL,)):
        keys = [key for action in ACTIONS if action.scope in pair for key in action.keys]
        assert not [key for key, count in Counter(keys).items() if count > 1]


def test_list_keys_never_hide_the_keys_of_the_screen() -> None:
    inner = {
        key
        for action in ACTIONS
        if action.scope in (Scope.LIST, Scope.TREE, Scope.DETAIL)
        for key in action.keys
    }
    outer = {
        key
        for action in ACTIONS
        if action.scope in (Scope.FIND, Scope.PANES, Scope.APP)
        for key in action.keys
    }
    assert not inner & outer


def test_help_names_every_action_and_key() -> None:
    text = help_text(UNICODE).plain
    for action in ACTIONS:
        assert re.search(re.escape(action.help), text), action.id


def test_bindings_carry_id_description_and_tooltip() -> None:
    for binding in bindings(*Scope):
        assert isinstance(binding, Binding)
        assert binding.id
        assert binding.description
        assert binding.tooltip


def test_the_readme_lists_every_action_with_its_keys() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("### Keys")[2].partition("###")[0]
    rows = [
        f"| {' '.join(f'`{key_name(key)}`' for key in action.keys)} | {action.help} |" for action in ACTIONS
    ]
    assert [row for row in rows if row not in table] == []
    listed = [line for line in table.splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(rows), "nothing else is listed"
