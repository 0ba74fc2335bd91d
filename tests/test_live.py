"""A follower shows what is there, says what is not, and goes on whatever happens."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.live import TICK_S, Change, Follower, Phase, Quiet
from contexta.query.results import NodeKind
from tests.lines import RUN, Lines
from tests.waiting import wait_until

PATIENCE_S = 30.0


class Followed:
    """A follower at work on a thread, and all that it published."""

    def __init__(self, follower: Follower) -> None:
        self.changes: list[tuple[float, Change]] = []
        self.error: BaseException | None = None
        self._follower = follower
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._follower.run(lambda change: self.changes.append((time.monotonic(), change)), self._stop)
        except BaseException as error:  # noqa: BLE001 - told by whoever waits
            self.error = error

    @property
    def latest(self) -> Change:
        assert self.error is None, self.error
        return self.changes[-1][1]

    def until(self, predicate: Callable[[Change], bool], what: str) -> Change:
        wait_until(lambda: bool(self.changes) and predicate(self.latest), PATIENCE_S, what=what)
        return self.latest

    def until_records(self, count: int, phase: Phase = Phase.LIVE) -> Change:
        return self.until(
            lambda change: change.counts.records == count and change.phase is phase, f"{count} records"
        )

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def following(*roots: Path, **options: object) -> Iterator[Followed]:
    options.setdefault("use_cache", False)
    followed = Followed(Follower(roots, **options))  # type: ignore[arg-type]
    try:
        yield followed
    finally:
        followed.stop()
    assert followed.error is None, followed.error


class Job:
    """Writes records of one run into a workspace."""

    def __init__(self, workspace: Path, run: str = RUN) -> None:
        self.workspace = workspace
        self.journal = workspace / "cache" / "capture" / "record.jsonl"
        self._lines = Lines()
        self._run = run

    def record(self, count: int = 1, size: int = 0) -> Job:
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        with self.journal.open("ab") as file:
            for _ in range(count):
                file.write(self._lines.event(self._run, "note", "x" * size))
        return self


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / ".contexta")


def test_a_workspace_that_does_not_exist_is_waited_for(job: Job) -> None:
    with following(job.workspace) as found:
        change = found.until(lambda change: True, "a word")
        assert (change.phase, change.notice) == (Phase.WAITING, f"Waiting for {job.workspace} to appear.")
        job.workspace.mkdir()
        change = found.until(lambda change: "empty" in change.notice, "a word on the empty folder")
        assert change.phase is Phase.WAITING
        job.record(3)
        assert found.until_records(3).notice == ""


def test_a_file_in_the_place_of_the_workspace_is_told(job: Job) -> None:
    job.workspace.write_text("", encoding="utf-8")
    with following(job.workspace) as found:
        assert "is not a folder" in found.until(lambda change: True, "a word").notice


def test_a_workspace_without_anything_recorded_is_live_and_says_so(job: Job) -> None:
    job.journal.parent.mkdir(parents=True)
    with following(job.workspace) as found:
        change = found.until(lambda change: change.phase is Phase.LIVE, "live")
        assert change.notice.startswith("Nothing is recorded here yet")
        job.record()
        assert found.until_records(1).notice == ""


@pytest.mark.parametrize("watch", [True, False])
def test_a_change_is_shown_within_a_second_with_and_without_the_watcher(job: Job, watch: bool) -> None:
    job.record()
    with following(job.workspace, watch=watch) as found:
        found.until_records(1)
        for count in range(2, 6):
            job.record()
            wrote = time.monotonic()
            change = found.until_records(count)
            at = next(at for at, change in found.changes if change.counts.records == count)
            # The promise is a second on a machine of one's own; tests share theirs.
            assert at - wrote < 4.0
            assert change.quiet_s is not None
            assert change.quiet_s < 4.0
        lags = [change.lag_s for _, change in found.changes if change.lag_s is not None]
        assert lags
        assert all(0 <= lag < 4.0 for lag in lags)


def test_changes_are_at_most_one_a_tick_while_a_job_writes_without_pause(job: Job) -> None:
    job.record()
    with following(job.workspace) as found:
        found.until_records(1)
        seen = len(found.changes)
        until = time.monotonic() + 1.5
        count = 1
        while time.monotonic() < until:
            job.record()
            count += 1
            time.sleep(0.002)
        found.until_records(count)
        times = [at for at, _ in found.changes[seen:]]
        assert (len(times) - 1) * TICK_S < (times[-1] - times[0]) * 1.1


def test_a_change_comes_about_once_a_second_when_only_time_passes(job: Job) -> None:
    job.record()
    with following(job.workspace) as found:
        first = found.until_records(1)
        seen = len(found.changes)
        wait_until(lambda: len(found.changes) >= seen + 2, PATIENCE_S)
        times = [at for at, _ in found.changes[seen:]]
        assert all(b - a > 0.7 for a, b in pairwise(times))
        assert found.latest.revision == first.revision
        assert (found.latest.quiet_s or 0) > (first.quiet_s or 0)


def test_a_run_that_becomes_silent_is_a_new_answer(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.record()
    lines = Lines()
    with (job.journal.with_name("context.jsonl")).open("wb") as file:
        file.write(lines.scope("Run", RUN, "open"))
    with following(job.workspace) as found:
        before = found.until(lambda change: change.open_runs == 1, "an open run")
        assert before.errors == 0
        monkeypatch.setattr("contexta.diagnostics.rules.PATIENCE_S", 0.0)
        after = found.until(lambda change: change.errors == 1, "a stalled run")
        assert after.revision > before.revision
        assert [issue.code for issue in after.queries.issues()] == ["stalled_run"]


def test_a_workspace_that_is_removed_stays_shown_and_recovers_with_other_content(job: Job) -> None:
    job.record(5)
    with following(job.workspace) as found:
        before = found.until_records(5)
        shutil.rmtree(job.workspace)
        change = found.until(lambda change: "is gone" in change.notice, "a word")
        assert change.counts.records == 5
        Job(job.workspace, "run:demo.other").record(2)
        after = found.until_records(2)
        assert after.notice == ""
        assert after.queries is not before.queries
        assert after.queries.find("run:demo.other") is not None


def test_all_workspaces_of_a_container_are_shown_and_new_ones_join(tmp_path: Path) -> None:
    container = tmp_path / ".contexta"
    Job(container / "one", "run:one.r1").record(1)
    Job(container / "two", "run:two.r1").record(2)
    with following(container) as found:
        found.until_records(3)
        Job(container / "three", "run:three.r1").record(4)
        change = found.until_records(7)
        assert [project.name for project in change.queries.projects()] == ["one", "three", "two"]
        shutil.rmtree(container / "two")
        change = found.until(lambda change: "is gone" in change.notice, "a word")
        assert change.counts.records == 7


def test_the_same_refs_in_two_workspaces_are_two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Job(tmp_path / name / ".contexta").record(2)
    with following(tmp_path / "one", tmp_path / "two") as found:
        change = found.until_records(4)
        assert (change.counts.runs, change.counts.projects) == (2, 2)


def test_one_of_several_roots_may_appear_later(tmp_path: Path) -> None:
    here, later = Job(tmp_path / "one" / ".contexta"), Job(tmp_path / "two" / ".contexta", "run:two.r1")
    here.record()
    with following(tmp_path / "one", tmp_path / "two") as found:
        found.until_records(1)
        later.record(2)
        assert found.until_records(3).counts.runs == 2


def test_the_newest_of_a_large_capture_is_shown_first(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.record(4_000, size=2_000)
    Job(job.workspace, "run:demo.newest").record(3)
    step = Indexer.step
    shown_newest = threading.Event()

    def held(indexer: Indexer, **options: object) -> object:
        if indexer.catalog.path is not None and options.get("budget"):
            shown_newest.wait(PATIENCE_S)
        return step(indexer, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Indexer, "step", held)
    with following(
        job.workspace, use_cache=True, cache_dir=tmp_path / "cache", preview_from=1_000_000
    ) as found:
        change = found.until(lambda change: bool(change.counts.records), "a preview")
        assert change.phase is Phase.INDEXING
        assert change.progress is not None
        assert change.progress < 0.2
        assert change.counts.records < 4_003
        assert change.queries.find("run:demo.newest") is not None
        shown_newest.set()
        after = found.until_records(4_003)
        assert after.queries is not change.queries
        assert after.progress is None
        # Whoever still asks the preview is answered.
        assert change.queries.counts().records <= 4_003
        job.record()
        found.until_records(4_004)


def test_a_file_that_is_replaced_while_the_preview_stands_in_leaves_nothing_of_the_old(
    job: Job, tmp_path: Path
) -> None:
    job.record(3_000, size=2_000)
    with following(
        job.workspace, use_cache=True, cache_dir=tmp_path / "cache", preview_from=1_000_000
    ) as found:
        found.until(lambda change: bool(change.counts.records), "a preview")
        job.journal.unlink()
        Job(job.workspace, "run:demo.other").record(4)
        change = found.until_records(4)
        assert change.queries.find(RUN) is None


def test_without_following_it_ends_when_all_is_in(job: Job) -> None:
    job.record(7)
    follower = Follower([job.workspace], use_cache=False, live=False)
    changes: list[Change] = []
    follower.run(changes.append, threading.Event())
    assert (changes[-1].phase, changes[-1].counts.records) == (Phase.STATIC, 7)


def test_without_following_and_without_a_workspace_it_ends_at_once(tmp_path: Path) -> None:
    changes: list[Change] = []
    Follower([tmp_path / "no"], use_cache=False, live=False).run(changes.append, threading.Event())
    assert [change.phase for change in changes] == [Phase.WAITING]
    reader, found = Follower([tmp_path / "no"]).load()
    assert (found, reader.counts().records) == ((), 0)


def test_what_stays_true_over_a_restart_keeps_its_ids(job: Job, tmp_path: Path) -> None:
    job.record(3)
    ids = []
    for _ in range(2):
        with following(job.workspace, use_cache=True, cache_dir=tmp_path / "cache") as found:
            node = found.until_records(3).queries.find(RUN)
            assert node is not None
            ids.append(node.id)
    assert ids[0] == ids[1]


def test_a_disk_that_is_full_leads_into_memory_with_a_word(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.record(3)
    step = Indexer.step

    def full(indexer: Indexer, **options: object) -> object:
        if indexer.catalog.path is not None and job.journal.stat().st_size > 3_000:
            raise duckdb.IOException("Could not write file: No space left on device")
        return step(indexer, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Indexer, "step", full)
    with following(job.workspace, use_cache=True, cache_dir=tmp_path / "cache") as found:
        before = found.until_records(3)
        job.record(3)
        change = found.until_records(6)
        assert change.notice.startswith("The index is kept in memory: Could not write file")
        assert change.queries is not before.queries
        # Asking what is gone is no error.
        assert before.queries.counts().records == 0
        job.record()
        found.until_records(7)


def test_a_catalog_that_always_fails_never_ends_the_thread(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.record(3)
    monkeypatch.setattr("contexta.live.TICK_S", 0.01)
    monkeypatch.setattr("contexta.live._REPEAT_EVERY_S", 0.05)
    fails = threading.Event()
    fails.set()
    step = Indexer.step

    def failing(indexer: Indexer, **options: object) -> object:
        if fails.is_set():
            raise duckdb.FatalException("database has been invalidated")
        return step(indexer, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Indexer, "step", failing)
    with following(job.workspace) as found:
        found.until(lambda change: "invalidated" in change.notice, "a word")
        fails.clear()
        found.until_records(3)


def test_a_second_explorer_says_that_it_keeps_its_own(job: Job, tmp_path: Path) -> None:
    job.record(2)
    with (
        following(job.workspace, use_cache=True, cache_dir=tmp_path / "cache") as first,
        following(job.workspace, use_cache=True, cache_dir=tmp_path / "cache") as second,
    ):
        notices = {first.until_records(2).notice, second.until_records(2).notice}
        assert notices == {"", "The index is kept in memory: another explorer has this workspace open."}


def test_loading_falls_back_to_memory_too(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job.record(2)
    step = Indexer.step

    def full(indexer: Indexer, **options: object) -> object:
        if indexer.catalog.path is not None:
            raise duckdb.IOException("No space left on device")
        return step(indexer, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Indexer, "step", full)
    reader, _ = Follower([job.workspace], cache_dir=tmp_path / "cache").load()
    assert reader.counts().records == 2
    reader.close()
    assert reader.counts().records == 0
    assert reader.snapshot(NodeKind.RUN).projects == []


def test_stopping_takes_a_moment_only(job: Job) -> None:
    job.record()
    with following(job.workspace) as found:
        found.until_records(1)
        began = time.monotonic()
        found.stop()
        assert time.monotonic() - began < 3.0


def test_no_folder_is_left_behind(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job.record()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with following(job.workspace) as found:
        found.until_records(1)
    assert list(temporary.iterdir()) == []


def test_without_a_place_for_temporary_files_a_catalog_in_memory_works(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.record()
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    catalog = Catalog.in_memory([job.workspace])
    assert Indexer(catalog, [job.workspace]).catch_up().records == 1
    catalog.close()


def test_quiet_is_told_by_this_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"monotonic": 100.0, "time": 1_000.0}
    monkeypatch.setattr("contexta.live.time.monotonic", lambda: now["monotonic"])
    monkeypatch.setattr("contexta.live.time.time", lambda: now["time"])
    quiet = Quiet()
    assert quiet.seconds() is None
    assert quiet.heard(int(940e9), appended=True) is None
    assert quiet.seconds() == 60.0
    now["monotonic"] += 5
    assert quiet.seconds() == 65.0
    # A file server whose clock is an hour behind: the append cannot be older than the last look.
    assert quiet.heard(int(900e9), appended=True) == 5.0
    now["monotonic"] += 2
    assert quiet.heard(int(900e9), appended=True) is None
    assert quiet.seconds() == 7.0
    now["time"] = 1_010.0
    assert quiet.heard(int(1_009.5e9), appended=True) == pytest.approx(0.5)
    # From the future, and then the newest file is deleted.
    assert quiet.heard(int(9_999e9), appended=True) == 0.0
    assert quiet.heard(int(1_000e9), appended=False) is None
    assert quiet.seconds() == 10.0
