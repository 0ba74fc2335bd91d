"""Which workspaces a path stands for, and which files in them say something."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta.watch.workspace import folders, is_workspace, nearest, path_text, sources, workspaces_in


def _workspace(path: Path) -> Path:
    (path / "cache" / "capture").mkdir(parents=True)
    return path


def test_a_path_stands_for_itself_its_hidden_folder_or_all_below_it(tmp_path: Path) -> None:
    own = _workspace(tmp_path / "a" / ".contexta")
    assert workspaces_in(own) == (own,)
    assert workspaces_in(tmp_path / "a") == (own,)
    container = tmp_path / "many" / ".contexta"
    below = [_workspace(container / name) for name in ("one", "two")]
    (container / "neither").mkdir()
    assert workspaces_in(container) == tuple(below)
    assert workspaces_in(tmp_path / "many") == tuple(below)
    assert workspaces_in(tmp_path / "nothing") == ()


def test_a_container_leads_nowhere_else(tmp_path: Path) -> None:
    _workspace(tmp_path / "elsewhere")
    container = tmp_path / "container"
    container.mkdir()
    (container / "link").symlink_to(tmp_path / "elsewhere")
    (container / "loop").symlink_to(container)
    assert workspaces_in(container) == ()


@pytest.mark.parametrize("part", ["cache/capture", "records/segments", "artifacts/bindings"])
def test_any_part_makes_a_workspace(tmp_path: Path, part: str) -> None:
    assert not is_workspace(tmp_path)
    (tmp_path / part).mkdir(parents=True)
    assert is_workspace(tmp_path)


def test_the_nearest_is_looked_for_upwards(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert nearest(deep) == deep / ".contexta"
    (tmp_path / "a" / ".contexta").mkdir()
    assert nearest(deep) == tmp_path / "a" / ".contexta"


def test_rotated_files_come_before_what_was_written_after_them(tmp_path: Path) -> None:
    capture = _workspace(tmp_path) / "cache" / "capture"
    for name in (
        "record.jsonl",
        "record.jsonl.1",
        "record.jsonl.10",
        "record.jsonl.gz",
        "record.jsonl.2",
        "record.a.jsonl",
        "context.jsonl",
        "x.txt",
    ):
        (capture / name).touch()
    assert [found.path.name for found in sources(tmp_path)] == [
        "context.jsonl",
        "record.jsonl.10",
        "record.jsonl.2",
        "record.jsonl.1",
        "record.jsonl",
        "record.a.jsonl",
    ]


def test_nothing_is_created(tmp_path: Path) -> None:
    assert (sources(tmp_path), folders(tmp_path), workspaces_in(tmp_path)) == ((), (tmp_path,), ())
    assert list(tmp_path.iterdir()) == []


def test_a_path_shows_bytes_that_are_no_text() -> None:
    assert path_text(Path("a\udcff\udcfeb")) == r"a\xff\xfeb"
    assert path_text(Path("한국")) == "한국"
