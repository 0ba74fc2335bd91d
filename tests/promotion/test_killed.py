"""A promotion that is killed at any moment and repeated ends as one that was not; so do two at once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from contexta.promotion import promote_captured
from contexta.promotion.records import UNDER_WAY
from contexta.verify import verify
from contexta.vocabulary import Severity
from tests.promotion import capturing
from tests.promotion.capturing import Promoters, segments, stored


def assert_sound(workspace: Path) -> None:
    assert [one for one in verify(workspace).findings if one.severity is not Severity.INFO] == []
    assert not (workspace / UNDER_WAY).exists()


def kill_at_random(tmp_path: Path, kills: int, seed: int, **size: int) -> int:
    """Kills promotions of copies of one capture, repeats each, and returns how many were killed."""
    source = capturing.capture(tmp_path / "source" / ".contexta", **size)
    whole = tmp_path / "whole" / ".contexta"
    shutil.copytree(source, whole)
    rng = random.Random(seed)
    killed = 0
    with Promoters() as promoters:
        promoters.start(whole)
        status, seconds = promoters.end()
        assert status == 0
        reference = stored(whole)
        for number in range(kills):
            workspace = tmp_path / str(number) / ".contexta"
            shutil.copytree(source, workspace)
            child = promoters.start(workspace)
            time.sleep(rng.uniform(0, seconds))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            status, _ = promoters.end()
            killed += status == signal.SIGKILL
            promote_captured(workspace)
            assert stored(workspace) == reference
            assert_sound(workspace)
            assert not promote_captured(workspace).changed
            shutil.rmtree(workspace.parent)
    return killed


@pytest.mark.timeout(180)
def test_killed_at_six_random_moments_and_repeated(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, 6, seed=1) > 0


@pytest.mark.soak
def test_killed_at_twenty_random_moments_and_repeated(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, 20, seed=2, batches=6, metrics=60) > 5


def test_two_promotions_at_once_store_everything_once(tmp_path: Path) -> None:
    source = capturing.capture(tmp_path / "source" / ".contexta")
    workspace = tmp_path / "both" / ".contexta"
    shutil.copytree(source, workspace)
    with Promoters() as one, Promoters() as other:
        one.start(workspace)
        other.start(workspace)
        assert (one.end()[0], other.end()[0]) == (0, 0)
    promote_captured(source)
    assert stored(workspace) == stored(source)
    assert_sound(workspace)


def test_a_tail_that_a_kill_tore_is_taken_out(tmp_path: Path) -> None:
    workspace = capturing.capture(tmp_path / ".contexta")
    promote_captured(workspace)
    whole = stored(workspace)
    # As a kill in the middle of an append leaves it: the last line torn, manifest and indexes of before.
    (segment,) = (workspace / "records" / "segments").iterdir()
    data = segment.read_bytes()
    segment.write_bytes(data[: data[:-1].rfind(b"\n") + 40])
    (workspace / "records" / "manifest.json").unlink()
    (workspace / UNDER_WAY).touch()
    result = promote_captured(workspace)
    assert result.records_written == 1
    assert stored(workspace) == whole
    assert segments(workspace).keys() == {segment.name}
    assert len(list((workspace / "records" / "quarantine").iterdir())) == 1
    assert_sound(workspace)


def test_a_tail_that_somebody_else_tore_is_left_where_it_is(tmp_path: Path) -> None:
    workspace = capturing.capture(tmp_path / ".contexta", runs=1)
    (workspace / "records" / "segments").mkdir(parents=True)
    torn = workspace / "records" / "segments" / "segment-000001.jsonl"
    torn.write_bytes(b'{"appended_at":"20')
    promote_captured(workspace)
    assert torn.read_bytes().startswith(b'{"appended_at":"20\n')


def test_a_kill_between_records_and_manifest_is_made_good(tmp_path: Path) -> None:
    workspace = capturing.capture(tmp_path / ".contexta")
    promote_captured(workspace)
    whole = stored(workspace)
    shutil.rmtree(workspace / "records" / "indexes")
    (workspace / "records" / "manifest.json").write_text("{}")
    (workspace / UNDER_WAY).touch()
    assert not promote_captured(workspace).changed
    assert stored(workspace) == whole
    assert_sound(workspace)
