"""The record store: what is appended is there, and is what comes back."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta import Contexta
from contexta.contract import ExtensionFieldSet, MetricPayload, MetricRecord
from contexta.contract.encoding import to_payload
from contexta.contract.registry import ExtensionRegistry
from contexta.errors import ConfigurationError, ReadOnlyStoreError, ValidationError
from contexta.store.segments import (
    AppendRejection,
    DurabilityStatus,
    RecordStore,
    ScanFilter,
    StoreConfig,
)
from tests.store.building import TIME, degraded, envelope, event, lines, metric, segment, span

STAGE = "stage:p.r.s"
BATCH = "batch:p.r.s.b"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "ws" / "records"


@pytest.fixture
def store(root: Path) -> RecordStore:
    return RecordStore(StoreConfig(root, durability_mode="flush"))


def records(store: RecordStore, scan_filter: ScanFilter | None = None) -> list[object]:
    return [stored.record for stored in store.scan(scan_filter)]


def test_nothing_is_created_before_the_first_append(root: Path, store: RecordStore) -> None:
    assert records(store) == []
    assert store.replay().record_count == 0
    assert store.check_integrity().healthy
    assert store.append("no record").rejected
    assert not root.parent.exists()


def test_all_four_kinds_come_back_as_they_were(store: RecordStore) -> None:
    given_records = [metric(), event(), span(), span("s-2", "span-0"), degraded(), metric("m-2", None)]
    result = store.append_many(given_records)
    assert [receipt.sequence for receipt in result.accepted] == [1, 2, 3, 4, 5, 6]
    assert result.durable_count == 6
    scan = store.scan()
    assert [stored.record for stored in scan] == given_records
    assert scan.warnings == ()
    assert [stored.record for stored in store.scan(strict=True)] == given_records


def test_a_line_has_the_form_of_the_format(root: Path, store: RecordStore) -> None:
    record = metric(stage_execution_ref=STAGE)
    receipt = store.append(record).accepted[0]
    (text,) = segment(root).read_text().splitlines()
    (line,) = lines(root)
    assert text == json.dumps(line, separators=(",", ":"), sort_keys=True)
    assert line.keys() == {"appended_at", "record", "sequence"}
    assert line["record"] == to_payload(record)
    assert line["record"]["envelope"]["correlation_refs"] == {}
    assert "batch_execution_ref" not in line["record"]["envelope"]
    assert (receipt.sequence, receipt.segment_id, receipt.offset) == (line["sequence"], 1, 1)
    assert (receipt.record_ref, receipt.record_type, receipt.run_ref) == (
        "record:p.r.m-1",
        "metric",
        "run:p.r",
    )


def test_the_parent_of_a_root_span_is_the_only_null_that_is_written(root: Path, store: RecordStore) -> None:
    store.append_many([span(), span("s-2", "span-0")])
    first, second = (line["record"] for line in lines(root))
    assert first["payload"].pop("parent_span_id", "absent") is None
    assert first == to_payload(span())
    assert second == to_payload(span("s-2", "span-0"))


def test_manifest_and_indexes_have_the_form_of_the_format(root: Path, store: RecordStore) -> None:
    scoped = {
        "stage_execution_ref": STAGE,
        "batch_execution_ref": BATCH,
        "sample_observation_ref": "sample:p.r.s.b.x",
    }
    store.append(metric())
    store.append_many([metric("m-2", **scoped), event(**scoped)])
    assert (root / "manifest.json").read_text() == (
        "{\n"
        '  "current_segment_id": 1,\n'
        '  "current_segment_record_count": 3,\n'
        '  "last_committed_sequence": 3,\n'
        '  "layout_mode": "jsonl_segments",\n'
        '  "layout_version": "1",\n'
        '  "next_sequence": 4\n'
        "}\n"
    )
    rows = {
        str(path.relative_to(root / "indexes")): path.read_text()
        for path in (root / "indexes").rglob("*.jsonl")
    }

    def index(*sequences: int) -> str:
        return "".join(f'{{"offset":{one},"segment_id":1,"sequence":{one}}}\n' for one in sequences)

    assert rows == {
        "run_ref/run__p.r.jsonl": index(1, 2, 3),
        "record_type/metric.jsonl": index(1, 2),
        "record_type/event.jsonl": index(3),
        "stage_execution_ref/stage__p.r.s.jsonl": index(2, 3),
        "batch_execution_ref/batch__p.r.s.b.jsonl": index(2, 3),
        "sample_observation_ref/sample__p.r.s.b.x.jsonl": index(2, 3),
    }


def test_indexes_can_be_left_out(root: Path) -> None:
    RecordStore(StoreConfig(root, enable_indexes=False)).append(metric())
    assert not (root / "indexes").exists()


def test_everything_that_is_created_is_private(root: Path, store: RecordStore) -> None:
    store.append(metric(stage_execution_ref=STAGE))
    store.rebuild_indexes()
    modes = {
        stat.S_IMODE(path.stat().st_mode): path.is_dir() for path in [root.parent, *root.parent.rglob("*")]
    }
    assert modes == {0o700: True, 0o600: False}


@pytest.mark.parametrize("in_one_call", [True, False])
def test_a_full_segment_is_followed_by_the_next(root: Path, in_one_call: bool) -> None:
    store = RecordStore(StoreConfig(root, max_segment_bytes=1000, durability_mode="flush"))
    given_records = [metric(f"m-{number}") for number in range(7)]
    receipts = (
        list(store.append_many(given_records).accepted)
        if in_one_call
        else [store.append(record).accepted[0] for record in given_records]
    )
    places = [(one.segment_id, one.offset) for one in receipts]
    assert places == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1)]
    assert [(one.segment_id, one.offset) for one in store.scan()] == places
    assert all(segment(root, number).stat().st_size <= 1000 for number in range(1, 5))
    manifest = json.loads((root / "manifest.json").read_text())
    assert (manifest["current_segment_id"], manifest["current_segment_record_count"]) == (4, 1)
    assert store.check_integrity().healthy


def test_a_line_larger_than_a_segment_has_one_for_itself(root: Path) -> None:
    store = RecordStore(StoreConfig(root, max_segment_bytes=100, durability_mode="flush"))
    result = store.append_many([metric("m-1"), metric("m-2")])
    assert [one.segment_id for one in result.accepted] == [1, 2]


def test_another_object_goes_on_where_the_first_stopped(root: Path) -> None:
    config = StoreConfig(root, max_segment_bytes=1000, durability_mode="flush")
    first, second = RecordStore(config), RecordStore(config)
    sequences = [one.append(metric()).accepted[0].sequence for one in [first, second] * 5]
    assert sequences == list(range(1, 11))
    assert RecordStore(config).check_integrity().healthy


@pytest.mark.parametrize(("mode", "status"), [("fsync", "FSYNCED"), ("flush", "FLUSHED")])
def test_the_receipt_says_how_safe_it_is(root: Path, mode: str, status: str) -> None:
    result = RecordStore(StoreConfig(root, durability_mode=mode)).append(metric())
    assert result.durability_status == result.accepted[0].durability_status == DurabilityStatus(status)


def test_what_is_no_record_is_rejected_and_the_rest_is_stored(store: RecordStore) -> None:
    result = store.append_many([metric("m-1"), "text", envelope("m-2", "metric"), metric("m-3")])
    assert [(one.index, one.code) for one in result.rejected] == [
        (1, "unsupported_record_type"),
        (2, "unsupported_record_type"),
    ]
    assert [one.record_ref for one in result.accepted] == ["record:p.r.m-1", "record:p.r.m-3"]


def test_a_text_that_utf8_cannot_spell_is_rejected(store: RecordStore) -> None:
    result = store.append_many([event("e-1", "half \ud800"), event("e-2")])
    (rejected,) = result.rejected
    assert (rejected.index, rejected.code, rejected.record_ref, rejected.record_type) == (
        0,
        "record_serialization_failed",
        "record:p.r.e-1",
        "event",
    )
    assert len(result.accepted) == 1


def test_a_root_span_that_utf8_cannot_spell_is_rejected(store: RecordStore) -> None:
    record = span().replace(payload=span().payload.replace(span_name="half \ud800"))
    assert store.append(record).rejected[0].code == "record_serialization_failed"


def test_a_line_that_readers_would_skip_is_rejected(store: RecordStore) -> None:
    (rejected,) = store.append(event(message="x" * 16 * 1024 * 1024)).rejected
    assert isinstance(rejected, AppendRejection)
    assert rejected.code == "record_too_large"


def test_the_same_record_may_be_stored_twice(store: RecordStore) -> None:
    store.append_many([metric(), metric()])
    assert records(store) == [metric(), metric()]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"run_ref": "run:p.r"}, {"m-1", "m-2", "e-1"}),
        ({"run_ref": "run:p.q"}, {"m-3"}),
        ({"stage_execution_ref": STAGE}, {"m-2", "e-1"}),
        ({"batch_execution_ref": BATCH}, {"m-2"}),
        ({"sample_observation_ref": "sample:p.r.s.x"}, {"e-1"}),
        ({"record_type": "event"}, {"e-1"}),
        ({"run_ref": "run:p.r", "record_type": "metric"}, {"m-1", "m-2"}),
        ({"run_ref": "run:p.none"}, set()),
    ],
)
def test_a_filter_takes_what_it_says(store: RecordStore, fields: dict[str, str], expected: set[str]) -> None:
    store.append_many(
        [
            metric("m-1"),
            metric("m-2", stage_execution_ref=STAGE, batch_execution_ref=BATCH),
            event("e-1", stage_execution_ref=STAGE, sample_observation_ref="sample:p.r.s.x"),
            metric("m-3", run="p.q"),
        ]
    )
    found = {stored.record.envelope.record_ref.name for stored in store.scan(ScanFilter(**fields))}
    assert found == expected


def test_times_are_compared_as_instants_and_both_ends_belong(store: RecordStore) -> None:
    whole, half = "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.500000Z"
    store.append_many([metric("m-1", recorded_at=whole), metric("m-2", recorded_at=half)])

    def names(start: object, end: object) -> list[str]:
        chosen = ScanFilter(start_time=start, end_time=end)
        return [stored.record.envelope.record_ref.name for stored in store.scan(chosen)]

    # As texts, "…05Z" would lie behind "…05.5Z".
    assert names(whole, None) == ["m-1", "m-2"]
    assert names(None, whole) == ["m-1"]
    assert names(half, None) == ["m-2"]
    moment = datetime(2026, 1, 2, 5, 4, 5, 500_000, tzinfo=timezone(timedelta(hours=2)))
    assert names(moment, moment) == ["m-2"]
    assert names(datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=UTC), None) == ["m-2"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"run_ref": "nonsense"}, "stable_ref_invalid_text"),
        ({"run_ref": STAGE}, "stable_ref_kind_mismatch"),
        ({"record_type": "poem"}, "record_invalid_marker"),
        ({"start_time": "yesterday"}, "context_invalid_timestamp"),
    ],
)
def test_a_filter_that_cannot_mean_anything_is_refused(fields: dict[str, str], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScanFilter(**fields)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.append(metric()),
        lambda store: store.append_many([]),
        lambda store: store.rebuild_indexes(),
        lambda store: store.repair_truncated_tails(),
    ],
)
def test_a_read_only_store_refuses_to_write(root: Path, call: Callable[[RecordStore], object]) -> None:
    RecordStore(root).append(metric())
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    store = RecordStore(StoreConfig(root, read_only=True))
    with pytest.raises(ReadOnlyStoreError) as caught:
        call(store)
    assert caught.value.code == "record_store_read_only"
    assert len(records(store)) == 1
    assert store.check_integrity().healthy
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize(
    "settings_given",
    [
        {"max_segment_bytes": 0},
        {"max_segment_bytes": True},
        {"durability_mode": "hope"},
        {"layout_mode": "xml"},
        {"layout_version": "2"},
        {"enable_indexes": "yes"},
        {"read_only": 1},
        {"lock_timeout_seconds": -1},
        {"lock_timeout_seconds": float("nan")},
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, settings_given: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        StoreConfig(tmp_path, **settings_given)
    assert caught.value.code == "record_store_invalid_config"


def test_settings_come_from_a_section_of_the_configuration(tmp_path: Path) -> None:
    section = {"durability_mode": "flush", "enable_indexes": False, "retention_days": 3}
    config = RecordStore.from_settings(tmp_path, section).config
    assert (config.root_path, config.durability_mode, config.enable_indexes) == (tmp_path, "flush", False)
    assert RecordStore.from_settings(tmp_path, None).config == StoreConfig(tmp_path)
    with pytest.raises(ConfigurationError):
        RecordStore.from_settings(tmp_path, ["records"])


def test_extensions_and_versions_that_are_not_known_are_read_and_told(store: RecordStore) -> None:
    foreign = metric(
        schema_version="9.0.0", extensions=[ExtensionFieldSet("acme.labels", {"colour": "blue"})]
    )
    store.append_many([foreign, foreign])
    scan = store.scan()
    assert [stored.record for stored in scan] == [foreign, foreign]
    assert {(item.code, item.count) for item in scan.warnings} == {
        ("schema.version_mismatch", 2),
        ("extension.namespace_unregistered", 2),
    }
    assert store.replay().integrity_state == "HEALTHY"
    report = store.check_integrity()
    assert report.healthy
    assert {issue.severity for issue in report.issues} == {"info"}
    known = RecordStore(store.config, registry=ExtensionRegistry(["acme.labels"])).scan()
    assert len(list(known)) == 2
    assert [item.code for item in known.warnings] == ["schema.version_mismatch"]


@pytest.mark.parametrize("name", ["batch-demo-ledger-and-segments", "ranking-deployments"])
def test_segments_of_public_contexta_are_read_and_continued(
    public_workspace: Callable[[str], Path], data_dir: Path, name: str
) -> None:
    root = public_workspace(name) / "records"
    store = RecordStore(StoreConfig(root, max_segment_bytes=10_000_000))
    expected = lines(root)
    scan = store.scan(strict=True)
    assert [to_payload(stored.record) for stored in scan] == [line["record"] for line in expected]
    # Public Contexta leaves the manifest, the indexes and the folders for quarantine and replay beside them.
    assert store.check_integrity().healthy
    receipt = store.append(metric()).accepted[0]
    assert (receipt.sequence, receipt.offset) == (len(expected) + 1, len(expected) + 1)
    assert store.check_integrity().issues == ()


json_values = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)
texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
made = st.one_of(
    st.builds(
        lambda value, tags: MetricRecord(
            envelope("m-1", "metric"), MetricPayload("loss", value, "float", tags=tags)
        ),
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**40), 10**40),
        st.dictionaries(texts, texts, max_size=3),
    ),
    st.builds(
        lambda message, attributes: event().replace(
            payload=event().payload.replace(message=message, attributes=attributes)
        ),
        texts,
        st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=4),
    ),
    st.builds(
        lambda name, parent: span().replace(
            payload=span().payload.replace(span_name=name, parent_span_id=parent)
        ),
        texts,
        st.none() | texts,
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(made, min_size=1, max_size=6), st.integers(1, 4000))
def test_whatever_is_appended_comes_back(
    tmp_path_factory: pytest.TempPathFactory, given_records: list[MetricRecord], segment_bytes: int
) -> None:
    root = tmp_path_factory.mktemp("property")
    config = StoreConfig(root, max_segment_bytes=segment_bytes, durability_mode="flush", enable_indexes=False)
    store = RecordStore(config)
    half = len(given_records) // 2
    store.append_many(given_records[:half])
    result = store.append_many(given_records[half:])
    assert result.rejected == ()
    assert records(store) == given_records
    assert [one.sequence for one in store.scan()] == list(range(1, len(given_records) + 1))
    assert RecordStore(config).replay().integrity_state == "HEALTHY"


def test_the_facade_has_the_store_of_its_workspace(tmp_path: Path) -> None:
    ctx = Contexta(
        workspace=tmp_path / "ws",
        config={"project_name": "p", "records": {"durability_mode": "flush", "max_segment_bytes": 2000}},
    )
    store = ctx.record_store
    assert store is ctx.record_store
    assert store.config == StoreConfig(
        tmp_path / "ws" / "records", durability_mode="flush", max_segment_bytes=2000
    )
    assert list(store.scan()) == []
    assert not (tmp_path / "ws").exists()
    store.append(metric())
    assert segment(tmp_path / "ws" / "records").exists()
    odd = Contexta(workspace=tmp_path, config={"records": {"durability_mode": "hope"}})
    with pytest.raises(ConfigurationError):
        _ = odd.record_store


def test_a_forked_child_appends_on_its_own(root: Path, store: RecordStore) -> None:
    store.append(metric("m-1"))
    child = os.fork()
    if child == 0:
        try:
            store.append(metric("m-2"))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert store.append(metric("m-3")).accepted[0].sequence == 3
    assert [line["sequence"] for line in lines(root)] == [1, 2, 3]


def test_the_time_of_storing_is_told(store: RecordStore) -> None:
    store.append(metric())
    (stored,) = store.scan()
    assert stored.appended_at.endswith("Z")
    assert stored.appended_at > TIME
