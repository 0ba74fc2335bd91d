"""Fault: whoever writes to a store is killed with signal 9, at a random moment or at any call."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb

from contexta.errors import ContextaError
from contexta.journal.paths import artifacts_dir, ledger_path, records_dir
from contexta.store.artifacts import ArtifactStore
from contexta.store.segments import RecordStore
from contexta.verify import verify
from contexta.vocabulary import Severity
from tests.faults import Seen, fault, sizes
from tests.faults.disk_deaths import deaths
from tests.faults.victims import Victims
from tests.store.building import manifest, metric
from tests.store.ledger_models import family, sample, store_at

_AT_ONCE: Final = 5

NEVER: Final = ("acknowledged lost", "doubled", "half written", "verify complains", "does not go on")

Check = Callable[[Path, set[str], Seen], None]


def _complaints(workspace: Path) -> list[str]:
    return [one.sentence for one in verify(workspace).findings if one.severity is not Severity.INFO]


def _rounds(scenario: str, folder: Path, kills: int, seen: Seen, check: Check, *, together: int = 2) -> None:
    """Kill so many, and look after every few of them."""
    workspace = folder / scenario
    workspace.mkdir(exist_ok=True)
    said: set[str] = set()
    with Victims(scenario, workspace) as victims:
        for first in range(0, kills, _AT_ONCE):
            many = min(_AT_ONCE, kills - first)
            said.update(victims.kill(many, together=together).refs())
            seen.inject(many)
            check(workspace, said, seen)
    seen.also("acknowledged", len(said))


def check_segments(workspace: Path, said: set[str], seen: Seen) -> None:
    """All that was acknowledged is there once; the store is repaired, goes on and is sound."""
    store = RecordStore(records_dir(workspace))
    there = Counter(stored.record.envelope.record_ref.text for stored in store.scan())
    seen.wrong("acknowledged lost", len(said - there.keys()), sorted(said - there.keys())[:3])
    seen.wrong("doubled", sum(count - 1 for count in there.values()))
    store.repair_truncated_tails()
    name = f"after-{len(there)}"
    before = len(there)
    receipt = store.append(metric(name)).accepted[0]
    said.add(receipt.record_ref)
    store.rebuild_indexes()
    again = [stored.record.envelope.record_ref.text for stored in store.scan(strict=True)]
    seen.wrong("does not go on", (again[-1], len(again)) != (receipt.record_ref, before + 1), len(again))
    complaints = _complaints(workspace)
    seen.wrong("verify complains", len(complaints), complaints[:2])


@sizes(short=2, full=200)
def test_appends_are_killed(size: int, tmp_path: Path) -> None:
    with fault("an append to the segments is killed", "kills", never=NEVER) as seen:
        if size == 2:
            _rounds("append", tmp_path, size, seen, check_segments)
            return
        _rounds("append", tmp_path, size // 2, seen, check_segments)
        _rounds("append-synced", tmp_path, size // 4, seen, check_segments)
        for workspace in deaths("segments", tmp_path / "calls", size // 4):
            seen.inject()
            check_segments(workspace, set(), seen)


def check_ledger(workspace: Path, said: set[str], seen: Seen) -> None:
    """The ledger opens, what was committed is there, and what was put together is there all or not at all."""
    with store_at(ledger_path(workspace)) as store:
        samples = {
            str(one.sample_observation_ref)
            for one in store.samples.list_sample_observations(run_ref="run:p.r")
        }
        batches = {
            str(one.batch_execution_ref) for one in store.batches.list_batch_executions(run_ref="run:p.r")
        }
        lost = said - samples - batches
        seen.wrong("acknowledged lost", len(lost), sorted(lost)[:3])
        for ref in (ref for ref in batches if ref.count("-") == 2):
            seen.wrong("half written", f"sample:{ref.removeprefix('batch:')}.x" not in samples, ref)
        parts = Counter(ref.rpartition("-")[0] for ref in samples if ref.count("-") == 3)
        seen.wrong("half written", sum(count != 20 for count in parts.values()))
        name = f"p.r.s.after-{len(samples)}"
        if store.projects.list_projects():
            store.samples.put_sample_observation(sample(name))
            said.add(f"sample:{name}")
    complaints = _complaints(workspace)
    seen.wrong("verify complains", len(complaints), complaints[:2])


@sizes(short=2, full=100)
def test_puts_into_the_ledger_are_killed(size: int, tmp_path: Path) -> None:
    with fault("a put into the ledger is killed", "kills", never=NEVER) as seen:
        _rounds("put", tmp_path, size, seen, check_ledger, together=1)
        for workspace in deaths("ledger-fresh", tmp_path / "fresh", 30) if size > 2 else ():
            seen.inject()
            with store_at(ledger_path(workspace)) as store:
                store.put_many(family())
            check_ledger(workspace, {"sample:p.r.s.x", "batch:p.r.s.b"}, seen)
            left = {path.name for path in (workspace / "metadata").iterdir()}
            seen.also("folders left behind", len(left - {"ledger.db", "ledger.db.wal"}))


def check_vault(workspace: Path, said: set[str], seen: Seen) -> None:
    """What was acknowledged is bound and whole, nothing else is, and the next put works."""
    vault = ArtifactStore(artifacts_dir(workspace))
    bound = set(vault.list_refs())
    seen.wrong("acknowledged lost", len(said - bound), sorted(said - bound)[:3])
    source = workspace / "next.bin"
    source.write_bytes(b"next")
    name = f"after-{len(bound)}"
    vault.put_artifact(manifest(name), source)
    said.add(f"artifact:p.r.{name}")
    seen.wrong("does not go on", len(vault.list()) != len(bound) + 1)
    complaints = _complaints(workspace)
    seen.wrong("verify complains", len(complaints), complaints[:2])
    for path in workspace.glob("source-*"):
        path.unlink()


@sizes(short=2, full=150)
def test_imports_into_the_vault_are_killed(size: int, tmp_path: Path) -> None:
    with fault("an import into the vault is killed", "kills", never=NEVER) as seen:
        if size == 2:
            _rounds("take-in", tmp_path, size, seen, check_vault)
            return
        _rounds("take-in", tmp_path, size // 2, seen, check_vault)
        for mode in ("vault", "vault-by-move"):
            for workspace in deaths(mode, tmp_path / mode, size // 4):
                seen.inject()
                check_vault(workspace, {"artifact:p.r.first"}, seen)
                there = ArtifactStore(artifacts_dir(workspace)).artifact_exists("artifact:p.r.second")
                source = (workspace / "model.bin").exists()
                seen.wrong(
                    "acknowledged lost", not there and not source, f"{mode}: neither bound nor where it was"
                )


def _whole_log(folder: Path) -> tuple[Path, list[int]]:
    """A ledger whose log holds thirty puts, and how long the log was after each."""
    path = folder / "whole" / "ledger.db"
    path.parent.mkdir()
    log = path.with_name("ledger.db.wal")
    lengths = []
    with store_at(path) as store:
        store.put_many(family())
    with duckdb.connect(path) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute("set checkpoint_threshold = '1GB'")
        for number in range(30):
            connection.execute(
                "insert into projects select ?, name, created_at, payload_json from projects limit 1",
                [f"project:q-{number}"],
            )
            lengths.append(log.stat().st_size)
        shutil.copytree(path.parent, folder / "kept")
    return folder / "kept" / "ledger.db", lengths


@sizes(short=3, full=300)
def test_a_log_is_copied_by_half(size: int, tmp_path: Path) -> None:
    never = (
        "committed before the cut and lost",
        "of after the cut and there",
        "other errors",
        "changed files",
    )
    whole, lengths = _whole_log(tmp_path)
    data = whole.with_name("ledger.db.wal").read_bytes()
    with fault("the log of a ledger is copied by half", "cuts", never=never) as seen:
        for number in range(size):
            cut = len(data) * (number + 1) // (size + 1)
            path = tmp_path / "cut" / "ledger.db"
            path.parent.mkdir()
            shutil.copyfile(whole, path)
            path.with_name("ledger.db.wal").write_bytes(data[:cut])
            before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
            seen.inject()
            complete = sum(length <= cut for length in lengths)
            try:
                with store_at(path) as store:
                    (row,) = store.duckdb.query_all(
                        "select count(*) from projects where ref like 'project:q-%'"
                    )
                there = row[0]
            except ContextaError as error:
                seen.also("refused in one sentence")
                seen.wrong(
                    "other errors", error.code != "metadata_store_open_failed" or "\n" in str(error), error
                )
            else:
                seen.also("read up to the cut")
                seen.wrong("committed before the cut and lost", max(0, complete - there), f"cut at {cut}")
                seen.wrong("of after the cut and there", max(0, there - complete), f"cut at {cut}")
            after = {one.name: one.read_bytes() for one in path.parent.iterdir()}
            seen.wrong("changed files", before != after, f"cut at {cut}")
            shutil.rmtree(path.parent)
