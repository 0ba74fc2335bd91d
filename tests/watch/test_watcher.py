"""A hint comes within moments of a change, and nothing stops the watcher for good."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from contexta.watch.watcher import Watcher
from tests.waiting import wait_until


@pytest.fixture
def hint() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watcher(hint: threading.Event) -> Iterator[Watcher]:
    found = Watcher(hint)
    yield found
    found.close()


def _touch_until_hinted(path: Path, hint: threading.Event) -> None:
    def touched() -> bool:
        path.write_text("x", encoding="utf-8")
        return hint.wait(0.05)

    wait_until(touched, 20, what="a hint")


def test_a_change_is_hinted_and_named_once(tmp_path: Path, watcher: Watcher, hint: threading.Event) -> None:
    watcher.watch([tmp_path])
    _touch_until_hinted(tmp_path / "file", hint)
    assert watcher.touched() == {tmp_path / "file"}


def test_a_folder_that_is_made_anew_is_watched_again(
    tmp_path: Path, watcher: Watcher, hint: threading.Event
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    watcher.watch([folder])
    _touch_until_hinted(folder / "file", hint)
    shutil.rmtree(folder)
    assert hint.wait(20)
    folder.mkdir()
    hint.clear()
    watcher.watch([folder])
    _touch_until_hinted(folder / "file", hint)


def test_a_folder_that_is_not_there_does_no_harm(
    tmp_path: Path, watcher: Watcher, hint: threading.Event
) -> None:
    watcher.watch([tmp_path / "nothing"])
    watcher.watch([tmp_path, tmp_path / "nothing"])
    (tmp_path / "nothing").mkdir()
    _touch_until_hinted(tmp_path / "nothing" / "file", hint)


def test_a_name_that_is_no_text_has_its_folder_looked_at(
    tmp_path: Path, watcher: Watcher, hint: threading.Event
) -> None:
    watcher.watch([tmp_path])
    _touch_until_hinted(tmp_path / "file", hint)
    watcher.touched()

    def touched() -> bool:
        (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("x", encoding="utf-8")
        return tmp_path in watcher.touched()

    wait_until(touched, 20, what="the folder")


def test_closing_ends_its_thread(tmp_path: Path, watcher: Watcher) -> None:
    watcher.watch([tmp_path])
    watcher.close()
    wait_until(lambda: all(thread.name != "contexta-watch" for thread in threading.enumerate()), 5)
