"""Damaged segments: no bad line costs a good one, and none goes unmentioned."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta.errors import (
    RecordError,
    ReplayError,
    SchemaVersionError,
    SerializationError,
    StoreAccessError,
)
from contexta.store.segments import RecordStore, ReplayMode, ScanFilter, StoreConfig
from tests.store.building import add, event, lines, metric, segment, span


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "records"


@pytest.fixture
def store(root: Path) -> RecordStore:
    store = RecordStore(StoreConfig(root, durability_mode="flush"))
    store.append_many([metric("m-1"), metric("m-2")])
    return store


def names(store: RecordStore) -> list[str]:
    return [stored.record.envelope.record_ref.name for stored in store.scan()]


def warnings(store: RecordStore) -> list[tuple[str, int | None, int]]:
    scan = store.scan()
    list(scan)
    return [(item.code, item.line_number, item.count) for item in scan.warnings]


def stored_line(root: Path, name: str, sequence: int) -> bytes:
    line = json.loads(segment(root).read_bytes().splitlines()[0])
    line["sequence"] = sequence
    line["record"]["envelope"]["record_ref"] = f"record:p.r.{name}"
    return json.dumps(line, separators=(",", ":"), sort_keys=True).encode()


def test_a_torn_tail_is_isolated_by_the_next_append(root: Path, store: RecordStore) -> None:
    add(root, b'{"appended_at":"2026-01-02T03:04:05Z","rec')
    assert warnings(store) == [("truncated_line", 3, 1)]
    receipt = store.append(metric("m-3")).accepted[0]
    assert (receipt.sequence, receipt.offset) == (3, 4)
    assert names(store) == ["m-1", "m-2", "m-3"]
    assert warnings(store) == [("invalid_json_line", 3, 1)]


def test_a_line_that_lacks_only_its_newline_is_a_record(root: Path, store: RecordStore) -> None:
    add(root, stored_line(root, "m-3", 3))
    assert names(store) == ["m-1", "m-2", "m-3"]
    assert store.append(metric("m-4")).accepted[0].sequence == 4
    assert names(store) == ["m-1", "m-2", "m-3", "m-4"]
    assert store.replay().record_count == 4


def test_records_glued_to_a_torn_one_and_to_each_other_are_found(root: Path, store: RecordStore) -> None:
    torn = b'{"appended_at":"2026-01-02T03:04:05Z","record":{"envelope":{"x":"'
    add(root, torn + stored_line(root, "m-3", 3) + stored_line(root, "m-4", 4) + b"\n")
    assert names(store) == ["m-1", "m-2", "m-3", "m-4"]
    assert warnings(store) == [("invalid_json_line", 3, 1), ("glued_lines", 3, 1)]


def test_a_map_that_looks_like_a_line_is_not_taken_for_one(root: Path, store: RecordStore) -> None:
    add(root, b'{"torn":{"appended_at":"2026-01-02T03:04:05Z"},"sequence":7,"x\n')
    assert names(store) == ["m-1", "m-2"]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (b"\x00" * 20, "invalid_json_line"),
        (b'{"a": NaN}', "invalid_json_line"),
        (b"\xff\xfe\xff", "invalid_json_line"),
        pytest.param(b'{"a":' + b"[" * 5000, "invalid_json_line", id="deep"),
        (b"[1]", "invalid_record"),
        (b"{}", "invalid_record"),
        (b'{"appended_at":"x","record":{},"sequence":3}', "invalid_record"),
        (b'{"appended_at":"x","record":{"envelope":{},"payload":{}},"sequence":3}', "invalid_record"),
        (b'{"appended_at":"x","record":{"envelope":3,"payload":[]},"sequence":3}', "invalid_record"),
    ],
)
def test_a_damaged_line_is_told_and_passed_over(
    root: Path, store: RecordStore, damage: bytes, code: str
) -> None:
    add(root, damage + b"\n" + stored_line(root, "m-4", 4) + b"\n")
    assert names(store) == ["m-1", "m-2", "m-4"]
    assert warnings(store) == [(code, 3, 1)]
    report = store.check_integrity()
    assert (report.state, report.record_count) == ("CORRUPTED", 3)
    issues = [(issue.severity, issue.code, issue.line_number) for issue in report.issues]
    assert ("error", code, 3) in issues
    assert damage in segment(root).read_bytes()


def test_a_run_of_damage_is_one_finding(root: Path, store: RecordStore) -> None:
    add(root, b"garbage\n" * 500 + stored_line(root, "m-3", 3) + b"\ngarbage\n")
    assert warnings(store) == [("invalid_json_line", 3, 500), ("invalid_json_line", 504, 1)]
    scan = store.scan()
    list(scan)
    assert str(scan.warnings[0]) == "invalid_json_line at segment 1 line 3 and 499 more"


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_no_damage(
    root: Path, store: RecordStore
) -> None:
    data = segment(root).read_bytes()
    segment(root).write_bytes(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n\n  \n"))
    assert names(store) == ["m-1", "m-2"]
    assert store.replay().integrity_state == "HEALTHY"
    assert store.append(metric("m-3")).accepted[0].offset == 7
    assert [stored.offset for stored in store.scan()] == [1, 4, 7]


def test_separators_of_unicode_do_not_end_a_line(store: RecordStore) -> None:
    store.append(event(message="a\u2028b\u2029c\u0085d"))
    assert names(store) == ["m-1", "m-2", "e-1"]


def test_a_line_that_is_too_long_is_skipped(root: Path, store: RecordStore) -> None:
    add(root, b'"' + b"x" * (17 * 1024 * 1024) + b'"\n' + stored_line(root, "m-3", 3) + b"\n")
    assert names(store) == ["m-1", "m-2", "m-3"]
    assert warnings(store) == [("line_too_long", 3, 1)]


def test_explicit_nulls_and_members_nobody_knows_are_taken(root: Path, store: RecordStore) -> None:
    line = json.loads(stored_line(root, "m-3", 3))
    line["record"]["envelope"].update(batch_execution_ref=None, correlation_refs=None, mood="good")
    line["record"]["payload"].update(tags=None, unit=None)
    add(root, json.dumps(line).encode() + b"\n")
    scan = store.scan()
    assert [stored.record.envelope.record_ref.name for stored in scan] == ["m-1", "m-2", "m-3"]
    assert [item.code for item in scan.warnings] == ["deserialize_unknown_field"]
    assert not scan.warnings[0].is_loss
    with pytest.raises(RecordError) as caught:
        list(store.scan(strict=True))
    assert caught.value.code == "record_scan_materialization_failed"
    assert caught.value.details == {"segment_id": 1, "line_number": 3}


def test_a_span_that_public_contexta_stored_without_parent_is_read(root: Path, store: RecordStore) -> None:
    store.append(span())
    data = segment(root).read_bytes()
    segment(root).write_bytes(data.replace(b'"parent_span_id":null,', b""))
    assert list(store.scan(strict=True))[-1].record == span()


def test_a_strict_scan_stops_at_the_first_line_that_is_no_json(root: Path, store: RecordStore) -> None:
    add(root, b"garbage\n")
    scan = store.scan(strict=True)
    assert [next(scan).sequence, next(scan).sequence] == [1, 2]
    with pytest.raises(SerializationError) as caught:
        next(scan)
    assert caught.value.code == "record_scan_invalid_json"
    assert caught.value.details == {"segment_id": 1, "line_number": 3}


def test_a_damaged_record_of_another_run_does_not_disturb_a_filter(root: Path, store: RecordStore) -> None:
    line = json.loads(stored_line(root, "m-3", 3))
    line["record"]["envelope"]["run_ref"] = "run:p.other"
    add(root, json.dumps(line).encode() + b"\n")
    scan = store.scan(ScanFilter(run_ref="run:p.r"), strict=True)
    assert len(list(scan)) == 2


def test_a_scan_can_be_closed_before_its_end(store: RecordStore) -> None:
    scan = store.scan()
    next(scan)
    scan.close()
    assert list(scan) == []


def test_a_strict_replay_refuses_a_store_that_is_not_whole(root: Path, store: RecordStore) -> None:
    add(root, stored_line(root, "m-9", 9) + b"\n")
    tolerant = store.replay(mode=ReplayMode.TOLERANT)
    assert (tolerant.record_count, tolerant.integrity_state) == (3, "DEGRADED")
    (gap,) = tolerant.known_gaps
    assert (gap.code, gap.start_sequence, gap.end_sequence) == ("sequence_gap", 3, 8)
    with pytest.raises(ReplayError) as caught:
        store.replay(mode="strict")
    assert caught.value.code == "record_replay_unhealthy_store"
    assert caught.value.details["known_gaps"] == ["sequence_gap"]
    one_by_one = store.iter_replay()
    assert [next(one_by_one).sequence, next(one_by_one).sequence] == [1, 2]
    with pytest.raises(ReplayError):
        next(one_by_one)
    assert len(list(store.iter_replay(mode="tolerant"))) == 3


def test_a_replay_mode_nobody_knows_is_refused(store: RecordStore) -> None:
    with pytest.raises(ReplayError) as caught:
        store.iter_replay(mode="hopeful")
    assert caught.value.code == "record_replay_invalid_mode"


def test_numbers_that_repeat_are_told_but_no_damage(root: Path, store: RecordStore) -> None:
    add(root, stored_line(root, "m-3", 2) + b"\n" + stored_line(root, "m-4", 1) + b"\n")
    (root / "manifest.json").unlink()
    assert store.check_integrity().recommendations == ("rebuild_indexes",)
    store.rebuild_indexes()
    report = store.check_integrity()
    assert [issue.code for issue in report.issues] == ["sequence_repeat"]
    assert store.replay().record_count == 4
    assert store.append(metric()).accepted[0].sequence == 3


def test_a_segment_that_is_missing_shows_as_a_gap(root: Path) -> None:
    store = RecordStore(StoreConfig(root, max_segment_bytes=1, durability_mode="flush"))
    store.append_many([metric(f"m-{number}") for number in range(3)])
    segment(root, 2).unlink()
    assert names(store) == ["m-0", "m-2"]
    assert [gap.code for gap in store.replay(mode="tolerant").known_gaps] == ["sequence_gap"]


def test_a_segment_behind_a_link_or_a_pipe_is_not_read(
    root: Path, store: RecordStore, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(stored_line(root, "m-9", 3) + b"\n")
    segment(root, 2).symlink_to(outside)
    os.mkfifo(segment(root, 3))
    scan = store.scan()
    assert len(list(scan)) == 2
    assert [(item.code, item.segment_id) for item in scan.warnings] == [
        ("segment_unreadable", 2),
        ("segment_unreadable", 3),
    ]
    assert store.check_integrity().state == "CORRUPTED"
    with pytest.raises(StoreAccessError) as caught:
        list(store.scan(strict=True))
    assert caught.value.code == "record_store_unreadable"


def test_a_folder_of_segments_behind_a_link_is_refused(tmp_path: Path, store: RecordStore) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "segments").symlink_to(store.root_path / "segments")
    with pytest.raises(StoreAccessError) as caught:
        list(RecordStore(other).scan())
    assert caught.value.code == "record_store_unreadable"


def test_names_that_are_no_segments_are_left_alone(root: Path, store: RecordStore) -> None:
    for name in ("segment-1.jsonl", "segment-000002.jsonl.bak", "notes.txt", "segment-0000003.jsonl"):
        (root / "segments" / name).write_bytes(b"garbage\n")
    assert names(store) == ["m-1", "m-2"]
    assert store.replay().integrity_state == "HEALTHY"


@pytest.mark.parametrize(
    "manifest",
    [None, b"", b"garbage", b"[]", b'{"next_sequence": "seven"}', b"behind", b"far behind"],
)
def test_a_manifest_that_lags_or_is_damaged_is_made_anew(root: Path, manifest: bytes | None) -> None:
    store = RecordStore(StoreConfig(root, max_segment_bytes=1000, durability_mode="flush"))
    store.append(metric("m-0"))
    early = (root / "manifest.json").read_bytes()
    store.append_many([metric(f"m-{number}") for number in range(1, 6)])
    path = root / "manifest.json"
    if manifest is None:
        path.unlink()
    else:
        path.write_bytes(early if manifest.endswith(b"behind") else manifest)
    report = store.check_integrity()
    assert report.state == "DEGRADED"
    assert report.issues[0].code.startswith("manifest_")
    receipt = RecordStore(store.config).append(metric("m-9")).accepted[0]
    assert receipt.sequence == 7
    assert store.check_integrity().issues == ()


def test_a_manifest_that_is_ahead_is_believed_about_numbers(root: Path, store: RecordStore) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    manifest.update(next_sequence=50, last_committed_sequence=49)
    (root / "manifest.json").write_text(json.dumps(manifest))
    assert [issue.code for issue in store.check_integrity().issues] == ["sequence_gap"]
    assert RecordStore(store.config).append(metric()).accepted[0].sequence == 50


@pytest.mark.parametrize("change", [{"layout_version": "2"}, {"layout_mode": "parquet"}])
def test_a_store_of_another_layout_is_not_appended_to(
    root: Path, store: RecordStore, change: dict[str, str]
) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    (root / "manifest.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(SchemaVersionError) as caught:
        RecordStore(store.config).append(metric())
    assert caught.value.code == "record_store_layout_unsupported"
    assert names(store) == ["m-1", "m-2"]
    assert [issue.code for issue in store.check_integrity().issues] == ["manifest_invalid"]


def test_stale_indexes_are_told_and_rebuilt(root: Path, store: RecordStore) -> None:
    store.append(metric("m-3", stage_execution_ref="stage:p.r.s"))
    before = {path: path.read_bytes() for path in (root / "indexes").rglob("*.jsonl")}
    for path in (root / "indexes" / "stage_execution_ref").iterdir():
        path.unlink()
    report = store.check_integrity()
    assert report.healthy
    assert [issue.code for issue in report.issues] == ["index_stale"]
    assert report.recommendations == ("rebuild_indexes",)
    (root / ".tmp-indexes").mkdir()
    (root / ".tmp-indexes" / "left-behind").write_bytes(b"x")
    done = store.rebuild_indexes()
    assert (done.success, done.rebuilt_indexes, done.integrity_state) == (True, True, "HEALTHY")
    assert {path: path.read_bytes() for path in (root / "indexes").rglob("*.jsonl")} == before
    assert not (root / ".tmp-indexes").exists()


def test_torn_tails_are_taken_out_into_quarantine(root: Path) -> None:
    store = RecordStore(StoreConfig(root, max_segment_bytes=1, durability_mode="flush"))
    store.append_many([metric("m-1"), metric("m-2"), metric("m-3")])
    whole = segment(root, 2).read_bytes()
    add(root, b'{"torn', 2)
    segment(root, 3).write_bytes(segment(root, 3).read_bytes().rstrip(b"\n"))
    assert store.check_integrity().recommendations == ("repair_truncated_tails",)
    done = store.repair_truncated_tails()
    assert (done.success, done.repaired_segments, done.integrity_state) == (True, (2, 3), "HEALTHY")
    assert [path.read_bytes() for path in done.quarantined_paths] == [b'{"torn']
    assert segment(root, 2).read_bytes() == whole
    assert names(store) == ["m-1", "m-2", "m-3"]
    assert store.check_integrity().issues == ()
    assert store.repair_truncated_tails().repaired_segments == ()
    assert store.append(metric("m-4")).accepted[0].sequence == 4


def test_a_repair_that_cannot_write_says_so(root: Path, store: RecordStore) -> None:
    add(root, b'{"torn')
    before = segment(root).read_bytes()
    (root / "quarantine").write_text("no folder")
    with pytest.raises(RecordError) as caught:
        store.repair_truncated_tails()
    assert caught.value.code == "record_repair_failed"
    assert isinstance(caught.value.cause, OSError)
    assert segment(root).read_bytes() == before


def test_an_export_has_the_records_only(root: Path, store: RecordStore, tmp_path: Path) -> None:
    destination = tmp_path / "out.jsonl"
    done = store.export_jsonl(destination, ScanFilter(record_type="metric"))
    assert (done.record_count, done.path, done.integrity_state) == (2, destination, "HEALTHY")
    exported = [json.loads(line) for line in destination.read_bytes().splitlines()]
    assert exported == [line["record"] for line in lines(root)]
    add(root, b"garbage\n")
    with pytest.raises(ReplayError):
        store.export_jsonl(destination)
    assert len(destination.read_bytes().splitlines()) == 2
    assert store.export_jsonl(destination, mode="tolerant").warnings[0].code == "invalid_json_line"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_export_that_cannot_be_written_says_so(store: RecordStore, tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        store.export_jsonl(tmp_path / "no" / "folder.jsonl")
    assert caught.value.code == "record_export_failed"
    assert isinstance(caught.value.cause, OSError)


@settings(max_examples=40, deadline=None)
@given(
    junk=st.lists(st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")), min_size=3, max_size=3),
    cut=st.integers(0, 400),
)
def test_no_bytes_between_the_lines_cost_a_record_or_raise(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes], cut: int
) -> None:
    root = tmp_path_factory.mktemp("junk")
    store = RecordStore(StoreConfig(root, durability_mode="flush", enable_indexes=False))
    store.append_many([metric("m-1"), metric("m-2")])
    first, second = segment(root).read_bytes().splitlines(keepends=True)
    data = b"\n".join([junk[0], first + junk[1], second + junk[2]]) + b"\n" + first[:cut]
    segment(root).write_bytes(data)
    found = names(store)
    assert found[:2] == ["m-1", "m-2"]
    store.append(metric("m-3"))
    assert names(store)[-1] == "m-3"
    store.check_integrity()
    store.repair_truncated_tails()
