"""The records of a node: pages, list, fields."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.color import Color
from textual.pilot import Pilot
from textual.widgets import Static

from contexta.query.results import NodeKind, RecordType
from contexta_tui.screens import record as record_screen
from contexta_tui.screens.record import RecordScreen
from contexta_tui.viewmodels import records
from contexta_tui.viewmodels.records import PAGE
from contexta_tui.widgets.record_list import RecordFields, RecordList
from tests.tui.fake_queries import FakeQueries
from tests.tui.panes.stage import TRACE, Stage, record, screen_text
from tests.waiting import pilot_until


def workspace(count: int) -> FakeQueries:
    fake = FakeQueries()
    fake.add(NodeKind.PROJECT, "digits")
    fake.record_rows = [record(number) for number in range(1, count + 1)]
    return fake


@asynccontextmanager
async def opened(
    fake: FakeQueries, size: tuple[int, int], shown: str
) -> AsyncIterator[tuple[Pilot[Any], RecordScreen]]:
    """The records of the project, once some words stand on the screen."""
    app = Stage(Static())
    async with app.run_test(size=size) as pilot:
        node = fake.node(1)
        assert node is not None
        screen = RecordScreen(node, lambda: fake)
        app.push_screen(screen)
        await pilot_until(pilot, lambda: shown in screen_text(app), what=shown)
        yield pilot, screen


def ids(pages: records.RecordPages) -> list[int]:
    return [row.id for row in pages.rows]


def test_pages_follow_each_other_without_holes() -> None:
    fake = workspace(2 * PAGE + 10)
    pages = records.first(fake, 1)
    assert ids(pages) == list(range(2 * PAGE + 10, PAGE + 10, -1))
    while not pages.complete:
        pages = records.older(fake, 1, pages)
    assert ids(pages) == list(range(2 * PAGE + 10, 0, -1))
    assert records.older(fake, 1, pages) is pages


def test_new_records_come_on_top_and_too_many_start_anew() -> None:
    fake = workspace(5)
    pages = records.newer(fake, 1, records.RecordPages())
    assert ids(pages) == [5, 4, 3, 2, 1]
    assert records.newer(fake, 1, pages) is pages
    fake.record_rows += [record(number) for number in range(6, 6 + PAGE + 50)]
    pages = records.newer(fake, 1, pages)
    assert ids(pages) == list(range(PAGE + 55, 0, -1))
    assert pages.complete
    fake.record_rows += [record(number) for number in range(1000, 1000 + 10 * PAGE)]
    pages = records.newer(fake, 1, pages)
    assert len(pages.rows) == 5 * PAGE
    assert not pages.complete


def test_what_a_record_says() -> None:
    assert records.value_text(record(1, value=0.5, unit="ms")) == "0.5 ms"
    assert records.value_text(record(1, value=None, value_type="nan")) == "nan"
    assert records.value_text(record(1, type=RecordType.SPAN, duration_us=12_345)) == "12ms"
    assert records.value_text(record(1, type=RecordType.EVENT, message="hello")) == "hello"
    assert records.is_bad(record(1, value=None))
    assert records.is_bad(record(1, type=RecordType.EVENT, level="error"))
    assert not records.is_bad(record(1))


def test_all_fields_are_listed_and_attributes_unfolded() -> None:
    names = dict(
        records.fields(
            record(
                1,
                type=RecordType.EVENT,
                message="boom",
                level="error",
                attributes='{"exception.stacktrace": "a\\nb", "batch": {"size": 32}, "empty": ""}',
            )
        )
    )
    assert names["exception.stacktrace"] == "a\nb"
    assert names["batch"] == '{\n  "size": 32\n}'
    assert names["empty"] == '""'
    assert names["tag split"] == "test"
    assert names["time"] == "2026-11-23 02:27:17.165 UTC"
    assert "value" not in names


def test_attributes_that_are_not_an_object_are_shown_as_recorded() -> None:
    assert ("attributes", "{broken") in records.fields(record(1, attributes="{broken"))
    assert ("attributes", "[\n  1\n]") in records.fields(record(1, attributes="[1]"))
    deep = "[" * 100_000 + "]" * 100_000
    assert dict(records.fields(record(1, attributes=deep)))["attributes"] == deep


async def test_the_screen_lists_records_and_shows_the_selected_one_whole() -> None:
    fake = workspace(20)
    fake.record_rows.append(
        record(
            21,
            type=RecordType.EVENT,
            key="exception",
            level="error",
            message="RuntimeError: boom",
            attributes=json.dumps({"exception.stacktrace": TRACE}),
        )
    )
    async with opened(fake, (90, 40), "21 records") as (pilot, screen):
        lines = screen_text(pilot.app).splitlines()
        assert "event" in lines[1]
        assert "RuntimeError: boom" in lines[1]
        assert "loss" in lines[2]
        assert 'File "/home/ml/model.py", line 48, in forward' in screen_text(pilot.app)
        await pilot.press("j")
        await pilot_until(pilot, lambda: "record:p.20" in screen_text(pilot.app), what="the next record")
        primary = Color.parse(pilot.app.theme_variables["primary"])
        records_of, fields_of = screen.query_one(RecordList), screen.query_one(RecordFields)
        assert [each.styles.border_top[1] == primary for each in (records_of, fields_of)] == [True, False]
        await pilot.press("enter")
        assert isinstance(screen.focused, RecordFields)
        assert [each.styles.border_top[1] == primary for each in (records_of, fields_of)] == [False, True]
        await pilot.press("escape")
        await pilot_until(pilot, lambda: not isinstance(pilot.app.screen, RecordScreen), what="leaving")


async def test_a_long_text_is_cut_before_the_place() -> None:
    fake = workspace(2)
    other = fake.add(NodeKind.BATCH, "b", 1)
    fake.record_rows.append(
        record(3, node_id=other, node_ref="batch:p.b", type=RecordType.EVENT, message="long " * 40)
    )
    async with opened(fake, (120, 20), "3 records") as (pilot, _):
        assert re.search("…  b  ", screen_text(pilot.app).splitlines()[1])


async def test_older_pages_are_fetched_while_scrolling() -> None:
    fake = workspace(3 * PAGE)
    async with opened(fake, (90, 30), f"{PAGE} newest records") as (pilot, _):
        for _ in range(4):
            await pilot.press("G")
            await pilot.pause()
        await pilot_until(pilot, lambda: f" {3 * PAGE} records" in screen_text(pilot.app), what="all pages")
        assert fake.calls["records"] <= 5


async def test_new_records_arrive_above_and_the_cursor_stays_on_its_record() -> None:
    fake = workspace(50)
    async with opened(fake, (90, 30), "50 records") as (pilot, screen):
        await pilot.press("j", "j")
        fake.record_rows += [record(number) for number in range(51, 60)]
        screen.changed()
        screen.changed()
        await pilot_until(pilot, lambda: "59 records" in screen_text(pilot.app), what="the new records")
        selected = screen.query_one(RecordList).selected
        assert selected is not None
        assert selected.id == 48


async def test_the_newest_record_is_shown_as_it_comes_unless_its_fields_are_being_read() -> None:
    fake = workspace(50)
    async with opened(fake, (90, 30), "50 records") as (pilot, screen):
        records_of = screen.query_one(RecordList)
        for number, keys, shown in ((51, (), 51), (52, ("enter",), 51), (53, ("tab",), 51), (54, ("g",), 54)):
            await pilot.press(*keys)
            fake.record_rows.append(record(number))
            screen.changed()
            told = f"{number} records"
            await pilot_until(pilot, lambda told=told: told in screen_text(pilot.app), what=told)  # type: ignore[misc]
            assert records_of.selected is not None
            assert records_of.selected.id == shown


async def test_records_are_asked_for_some_times_a_second_however_often_something_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = workspace(50)
    async with opened(fake, (90, 30), "50 records") as (pilot, screen):
        monkeypatch.setattr(record_screen, "_EVERY_S", 3600.0)
        asked = fake.calls["records"]
        fake.record_rows.append(record(51))
        for _ in range(5):
            screen.changed()
            await pilot.pause()
        assert fake.calls["records"] == asked
        monkeypatch.setattr(record_screen, "_EVERY_S", 0.0)
        screen._waited()
        await pilot_until(pilot, lambda: "51 records" in screen_text(pilot.app), what="the new record")
        assert fake.calls["records"] == asked + 1


async def test_a_node_without_records_says_so() -> None:
    fake = workspace(0)
    async with opened(fake, (60, 20), "No records."):
        pass
