"""The picture of the last start stands for the screen only while it is what the screen will show."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from msgspec.structs import replace

from contexta.query.results import NodeKind, Status
from contexta_tui.app import ExplorerApp
from contexta_tui.feed import Feed
from contexta_tui.first_view import FirstView
from contexta_tui.settings import Settings
from tests.terminal import Terminal
from tests.terminal_modes import left_on, words_left_on
from tests.tui.driving import FakeFollower
from tests.tui.fake_queries import FakeQueries
from tests.waiting import pilot_until

pytestmark = pytest.mark.timeout(60)

SIZE: Final = (8, 2)
PICTURE: Final = r"opening(.*\n)+.*ctrl\+p Menu"
ROWS: Final = ("\x1b[1;38;2;1;2;3mruns\x1b[0m ✖ 1", "┌──────┐")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    workspace = tmp_path / "job" / ".contexta"
    capture = workspace / "cache" / "capture"
    capture.mkdir(parents=True)
    (capture / "record.jsonl").write_text("{}\n")
    return Settings(workspaces=(workspace,), cache_dir=tmp_path / "cache")


def found(settings: Settings, size: tuple[int, int] = SIZE) -> FirstView:
    view = FirstView.find(settings, size)
    assert view is not None
    return view


def capture_of(settings: Settings) -> Path:
    return settings.workspaces[0] / "cache" / "capture" / "record.jsonl"


def test_what_was_shown_first_is_known_at_the_next_start(settings: Settings) -> None:
    view = found(settings)
    assert view.rows == ()
    view.keep(settings, ROWS)
    assert found(settings).rows == ROWS
    assert found(settings).drawn() == f"\x1b[1;1H{ROWS[0]}\x1b[0m\x1b[2;1H{ROWS[1]}\x1b[0m"
    assert stat.S_IMODE(view.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(view.path.parent.stat().st_mode) == 0o700


def append(settings: Settings) -> None:
    with capture_of(settings).open("a") as file:
        file.write("{}\n")


def write_anew(settings: Settings) -> None:
    path = capture_of(settings)
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").replace(path)


def add_a_ledger(settings: Settings) -> None:
    metadata = settings.workspaces[0] / "metadata"
    metadata.mkdir()
    (metadata / "ledger.db").write_bytes(b"")


def add_an_artifact(settings: Settings) -> None:
    bindings = settings.workspaces[0] / "artifacts" / "bindings"
    bindings.mkdir(parents=True)
    (bindings / "a.json").write_text("{}")


CHANGES: Final = (
    append,
    write_anew,
    add_a_ledger,
    add_an_artifact,
    lambda settings: os.utime(capture_of(settings), ns=(1, 1)),
    lambda settings: (capture_of(settings).parent / "record.jsonl.1").write_text("{}\n"),
    lambda settings: (capture_of(settings).parent / "context-x.jsonl").write_text(""),
)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_has_changed_it_is_not_known_any_more(
    settings: Settings, change: Callable[[Settings], object]
) -> None:
    found(settings).keep(settings, ROWS)
    late = found(settings)
    change(settings)
    assert found(settings).rows == ()
    late.keep(settings, (*ROWS[:1], "later"))
    assert found(settings).rows == (), "what was shown is of before the change"


def test_a_link_that_leads_nowhere_hides_no_change(settings: Settings) -> None:
    folder = capture_of(settings).parent
    for number in range(20):
        (folder / f"{number}.jsonl").symlink_to("nowhere")
    found(settings).keep(settings, ROWS)
    assert found(settings).rows == ROWS
    append(settings)
    assert found(settings).rows == ()


@pytest.mark.parametrize(
    "options",
    [{"theme": "nord"}, {"ascii": True}, {"filter": "loss"}, {"select": "run:a.b"}, {"live": False}],
    ids=str,
)
def test_it_is_another_one_with_other_options(settings: Settings, options: dict[str, Any]) -> None:
    found(settings).keep(settings, ROWS)
    assert found(replace(settings, **options)).rows == ()


@pytest.mark.parametrize("name", ["TERM", "NO_COLOR", "TZ", "TEXTUAL_COLOR_SYSTEM"])
def test_it_is_another_one_in_another_terminal(
    settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(settings).keep(settings, ROWS)
    assert found(settings, (9, 2)).rows == ()
    monkeypatch.setenv(name, "other")
    assert found(settings).rows == ()


def test_nothing_is_kept_of_nothing_and_when_nothing_is_to_be_kept(settings: Settings) -> None:
    assert FirstView.find(replace(settings, use_cache=False), SIZE) is None
    shutil.rmtree(settings.workspaces[0])
    assert FirstView.find(settings, SIZE) is None


def test_a_workspace_of_very_many_files_is_not_looked_through(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contexta_tui.first_view._MOST_FILES", 3)
    assert FirstView.find(settings, SIZE) is not None
    for number in range(3):
        (capture_of(settings).parent / f"record-{number}.jsonl").touch()
    assert FirstView.find(settings, SIZE) is None


@pytest.mark.parametrize(
    "row", ["\x1b]0;title\x07", "\x1b[2J", "a\tb", "\x9b1m", "\x1b]8;;x\x1b\\y"], ids=repr
)
def test_only_text_and_colours_are_kept_and_drawn(settings: Settings, row: str) -> None:
    view = found(settings)
    view.keep(settings, (row, ROWS[1]))
    assert not view.path.exists()
    view.keep(settings, ROWS)
    known = json.loads(view.path.read_bytes())
    view.path.write_text(json.dumps({**known, "rows": [row, ROWS[1]]}))
    assert found(settings).rows == ()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"stamp": 1, "rows": 2}', b"[" * 100_000, b'{"rows": [1, 2]}']
)
def test_a_damaged_file_is_none(settings: Settings, content: bytes) -> None:
    view = found(settings)
    view.keep(settings, ROWS)
    view.path.write_bytes(content)
    assert found(settings).rows == ()


def test_the_latest_ones_are_kept(settings: Settings) -> None:
    views = [found(settings, (width, 2)) for width in range(30)]
    for number, view in enumerate(views):
        view.keep(settings, ROWS)
        os.utime(view.path, ns=(number, number))
    assert sorted(view.path for view in views[-20:]) == sorted(views[0].path.parent.iterdir())


def test_that_it_cannot_be_kept_is_no_error(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    found(settings).keep(settings, ROWS)
    assert found(settings).rows == ()


# The app


def quiet_workspace() -> FakeQueries:
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "digits")
    fake.add(NodeKind.RUN, "baseline", project, status=Status.COMPLETED)
    return fake


async def kept_by_an_app(
    settings: Settings, fake: FakeQueries, key: str = "", **changes: object
) -> tuple[str, ...]:
    """What an app keeps of its start."""
    follower = FakeFollower()
    view = FirstView.find(settings, (80, 24))
    app = ExplorerApp(settings, Feed(lambda: follower), view=view)
    async with app.run_test(size=(80, 24)) as pilot:
        if key:
            await pilot.press(key)
        follower.changes.put(fake.change(quiet_s=7200.0, **changes))
        await pilot_until(pilot, lambda: app.explorer.at_rest and bool(app.explorer._change), what="rest")
        await pilot.pause(0.1)
        app._keep()
        await app.workers.wait_for_complete()
    return found(settings, (80, 24)).rows


async def test_an_app_keeps_its_first_view_but_for_what_grows(settings: Settings) -> None:
    rows = await kept_by_an_app(settings, quiet_workspace())
    assert len(rows) == 24
    assert "opening" in rows[0]
    assert "2 h ago" not in "".join(rows)
    assert any("baseline" in row for row in rows)


async def test_an_app_keeps_no_view_that_somebody_has_touched(settings: Settings) -> None:
    assert await kept_by_an_app(settings, quiet_workspace(), key="tab") == ()


async def test_an_app_keeps_no_view_in_which_something_goes_on(settings: Settings) -> None:
    fake = quiet_workspace()
    assert await kept_by_an_app(settings, fake, notice="The ledger is held by a writer.") == ()
    fake.add(NodeKind.RUN, "running", 1, status=Status.OPEN)
    assert await kept_by_an_app(settings, fake) == ()


# A terminal


@pytest.fixture
def seen_before(tmp_path: Path, data_dir: Path) -> list[str | Path]:
    """A command that keeps a view of its start, and has been called."""
    shutil.copytree(data_dir / "workspaces" / "iris-capture-only" / "contexta", tmp_path / ".contexta")
    command = ["contexta-tui", tmp_path / ".contexta", "--cache-dir", tmp_path / "cache"]
    views = tmp_path / "cache" / "views"
    with Terminal(command, cols=80, rows=24) as term:
        term.wait_until(lambda: views.is_dir() and any(views.glob("*.json")), what="a view that is kept")
    return command


def test_what_is_typed_on_the_picture_reaches_the_app(seen_before: list[str | Path]) -> None:
    with Terminal(seen_before, cols=80, rows=24) as term:
        before = termios.tcgetattr(term._master)
        term.wait_for(PICTURE)
        picture = term.text()
        assert re.search(r"\d+ records", picture)
        assert b"\x1b[?2004h" not in term.raw, "the app is there already"
        term.press("/", "n", "o", "p", "e")
        term.wait_for("ended")
        term.wait_for("nope")
        assert re.search(r"\d+ records", picture)
        term.press("enter", "q")
        assert term.exit_code() == 0
        assert left_on(term, before) == []
        assert words_left_on(term) == ""


def test_the_screen_follows_without_a_gap(seen_before: list[str | Path]) -> None:
    with Terminal(seen_before, cols=80, rows=24) as term:
        term.wait_for(PICTURE)
        line, *picture = term.text().splitlines()
        gaps: list[str] = []

        def is_there() -> bool:
            shown = term._emulator.text().splitlines()
            if "ended" not in shown[0] and shown[1:] != picture:
                gaps.append("\n".join(shown))
            return "ended" in shown[0]

        term.wait_until(is_there, what="the screen in place of its picture")
        term.settle()
        assert term.text().splitlines()[1:] == picture
        # Taking the terminal may wipe it, and what was there is drawn again at once.
        assert all(not gap.strip() for gap in gaps), gaps
        assert "opening" in line


def test_an_interrupt_on_the_picture_ends_it(seen_before: list[str | Path]) -> None:
    with Terminal(seen_before, cols=80, rows=24) as term:
        before = termios.tcgetattr(term._master)
        term.wait_for(PICTURE)
        term.press("ctrl+c")
        assert term.exit_code() == 130
        assert left_on(term, before) == []


def test_a_stop_on_the_picture_waits_for_the_app(seen_before: list[str | Path]) -> None:
    with Terminal(seen_before, cols=80, rows=24) as term:
        before = termios.tcgetattr(term._master)
        term.wait_for(PICTURE)
        term.press("ctrl+z")
        process = psutil.Process(term.process.pid)
        term.wait_until(lambda: process.status() == psutil.STATUS_STOPPED, what="a stopped explorer")
        term.settle()
        assert left_on(term, before) == []
        process.resume()
        term.wait_for("ended")
        term.press("q")
        assert term.exit_code() == 0
        assert left_on(term, before) == []
