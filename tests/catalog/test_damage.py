"""Whatever stands in a file: what can be read is read, and the rest is told once, exactly."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.query import health
from contexta.query.results import SourceRow
from contexta.reader import CatalogReader
from tests.lines import BATCH, BLANK, DAMAGED, RUN, Lines


class Journal:
    """A capture file, the indexer that follows it and what it answers."""

    def __init__(self, folder: Path, **options: int) -> None:
        self.path = folder / ".contexta" / "cache" / "capture" / "record.jsonl"
        self.path.parent.mkdir(parents=True)
        self.workspace = folder / ".contexta"
        self.catalog = Catalog.in_memory([self.workspace])
        self.indexer = Indexer(self.catalog, [self.workspace], **options)
        self.reader = CatalogReader(self.catalog)

    def append(self, data: bytes) -> Journal:
        with self.path.open("ab") as file:
            file.write(data)
        self.indexer.catch_up()
        return self

    @property
    def source(self) -> SourceRow:
        (source,) = self.reader.sources()
        return source

    @property
    def damage(self) -> list[tuple[int, int, int]]:
        rows = self.catalog.connection.execute(
            "select position, length, lines from damage order by position"
        ).fetchall()
        return [tuple(row) for row in rows]

    @property
    def records(self) -> int:
        return self.reader.counts().records


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


@pytest.mark.parametrize("bad", DAMAGED, ids=lambda bad: repr(bad[:30]))
def test_a_damaged_line_costs_no_neighbour_and_is_told_with_offset_and_length(
    journal: Journal, bad: bytes
) -> None:
    lines = Lines()
    first = lines.metric(RUN, "loss", 1)
    journal.append(first + bad + b"\n" + lines.metric(RUN, "loss", 2))
    assert journal.records == 2
    assert journal.damage == [(len(first), len(bad), 1)]
    assert (journal.source.lines, journal.source.damaged_lines) == (3, 1)
    (issue,) = journal.reader.issues()
    assert issue.code == "damaged_line"
    assert issue.ref == str(journal.path)
    assert f"the first at byte {len(first):,}" in issue.summary


def test_a_run_of_damaged_lines_is_one_issue_also_over_many_appends(journal: Journal) -> None:
    lines = Lines()
    journal.append(lines.metric(RUN, "loss", 1))
    start = journal.path.stat().st_size
    for bad in DAMAGED[:8]:
        journal.append(bad + b"\n")
    end = journal.path.stat().st_size
    journal.append(lines.metric(RUN, "loss", 2))
    journal.append(b"again\n")
    assert journal.damage == [(start, end - start - 1, 8), (journal.path.stat().st_size - 6, 5, 1)]
    assert journal.source.damaged_lines == 9
    (issue,) = journal.reader.issues()
    assert issue.count == 9


@pytest.mark.parametrize("blank", BLANK, ids=repr)
def test_a_blank_line_is_none(journal: Journal, blank: bytes) -> None:
    lines = Lines()
    journal.append(lines.metric(RUN, "loss", 1) + blank + b"\n" + lines.metric(RUN, "loss", 2))
    assert (journal.records, journal.damage, journal.source.lines) == (2, [], 2)


def test_windows_line_ends_a_byte_order_mark_and_raw_separators_are_read(journal: Journal) -> None:
    lines = Lines()
    journal.append(b"\xef\xbb\xbf" + lines.metric(RUN, "loss", 1).replace(b"\n", b"\r\n"))
    message = "a\u2028b\u2029c\u0085d 👩‍👩‍👧 \u202e\u001b[31m"
    journal.append(lines.event(RUN, "note", message))
    assert (journal.records, journal.damage) == (2, [])
    run = journal.reader.find(RUN)
    assert run is not None
    assert journal.reader.records(run.id)[0].message == message


def test_a_record_glued_to_a_torn_one_is_saved(journal: Journal) -> None:
    lines = Lines()
    first = lines.metric(RUN, "loss", 1)
    torn = lines.metric(RUN, "loss", 2)[:200]
    glued = lines.metric(RUN, "loss", 3)
    journal.append(first + torn + glued + lines.metric(RUN, "loss", 4))
    assert journal.records == 3
    assert journal.damage == [(len(first), len(torn), 1)]


def test_whole_records_on_one_line_are_all_saved(journal: Journal) -> None:
    lines = Lines()
    glued = b"".join(lines.metric(RUN, "loss", n).strip() for n in range(3))
    torn = lines.metric(RUN, "loss", 9)[:50]
    journal.append(glued + torn + lines.metric(RUN, "loss", 4))
    assert journal.records == 4
    assert journal.damage == [(len(glued), len(torn), 1)]


@pytest.mark.parametrize("cut", range(1, 12))
def test_an_unfinished_last_line_is_pending_and_then_read_also_inside_a_character(
    journal: Journal, cut: int
) -> None:
    lines = Lines()
    first = lines.metric(RUN, "loss", 1)
    line = lines.event(RUN, "note", "한국어 👩‍👩‍👧")
    at = line.index("한".encode()) + cut
    journal.append(first + line[:at])
    assert (journal.records, journal.source.pending_bytes, journal.damage) == (1, at, [])
    journal.append(line[at : at + 1])
    assert (journal.records, journal.source.pending_bytes) == (1, at + 1)
    journal.append(line[at + 1 :])
    assert (journal.records, journal.source.pending_bytes, journal.damage) == (2, 0, [])


def test_numbers_depths_and_repeated_members_do_no_harm(journal: Journal) -> None:
    line = Lines().metric(RUN, "loss", 1.5)
    deep = b"[" * 100_000 + b"]" * 100_000
    value = b'"value":1.5'
    assert value in line
    variants = [
        (value, b'"value":' + b"9" * 5_000),
        (value, b'"value":' + deep),
        (value, b'"value":1e400'),
        (value, b'"value":NaN'),
        (value, b'"value":"text"'),
        (value, b'"value":{"a":1}'),
        (value, b'"value":true'),
        (value, b'"value":2,"value":3'),
        (b'"tags":{}', b'"tags":' + b"9" * 30),
        (b'"metric_key":"loss"', b'"metric_key":["loss"]'),
        (b'"unit":null', b'"unit":{"a":[1]}'),
        (b'"observed_at":"2026', b'"observed_at":"+290000'),
        (b'"metric_key":"loss"', b'"metric_key":"a\\u0000b"'),
    ]
    for number, (old, new) in enumerate(variants):
        assert old in line
        journal.append(line.replace(old, new).replace(b"metric-0000000000", b"metric-00000000%02d" % number))
    assert (journal.records, journal.damage) == (len(variants), [])
    assert journal.reader.find(RUN) is not None
    journal.reader.issues()
    surrogate = line.replace(b'"unit":null', b'"unit":"\\ud800"')
    journal.append(surrogate)
    assert (journal.records, journal.source.damaged_lines) == (len(variants), 1)


def test_a_line_that_is_too_long_is_passed_over_in_pieces(tmp_path: Path) -> None:
    journal = Journal(tmp_path, longest=4096)
    lines = Lines()
    first = lines.metric(RUN, "loss", 1)
    long = lines.event(RUN, "note", "x" * 50_000)
    journal.append(first + long[:20_000])
    assert (journal.records, journal.source.pending_bytes, journal.damage) == (1, 20_000, [])
    journal.append(long[20_000:] + lines.metric(RUN, "loss", 2))
    assert (journal.records, journal.source.pending_bytes) == (2, 0)
    assert journal.damage == [(len(first), len(long) - 1, 1)]
    assert (journal.source.lines, journal.source.damaged_lines) == (3, 1)


def test_damage_around_a_line_that_is_too_long_is_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, longest=4096)
    lines = Lines()
    first = lines.metric(RUN, "loss", 1)
    journal.append(first + b"bad\n" + b"x" * 9_000 + b"\nbad\n" + lines.metric(RUN, "loss", 2))
    assert journal.damage == [(len(first), 4 + 9_001 + 3, 3)]
    assert (journal.source.lines, journal.source.damaged_lines) == (5, 3)


def test_a_line_of_64_mib_takes_bounded_memory(journal: Journal) -> None:
    line = Lines().event(RUN, "note", "x")
    with journal.path.open("wb") as file:
        file.write(line[:-10])
        for _ in range(64):
            file.write(b"x" * 1024 * 1024)
        file.write(b"\n" + Lines().metric(RUN, "loss", 1))
    tracemalloc.start()
    try:
        journal.indexer.catch_up()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert journal.records == 1
    assert journal.source.damaged_lines == 1
    assert peak < 100 * 1024 * 1024


def test_a_line_just_below_16_mib_is_read(journal: Journal) -> None:
    lines = Lines()
    room = 16 * 1024 * 1024 - len(lines.event(RUN, "note", "")) - 64
    journal.append(lines.event(RUN, "note", "x" * room) + lines.metric(RUN, "loss", 1))
    assert (journal.records, journal.damage) == (2, [])


def test_hostile_record_refs_are_kept_as_text(journal: Journal) -> None:
    line = Lines().metric(BATCH, "loss", 1)
    for number, ref in enumerate(("'; drop table nodes; --", '\\"quoted\\"', "x" * 5_000, "../..")):
        journal.append(
            line.replace(b"record:demo.r1.metric-000000000001", ref.encode()).replace(b"1.0", b"%d" % number)
        )
    assert (journal.records, journal.damage) == (4, [])


def test_the_same_damage_twice_is_told_per_file(journal: Journal) -> None:
    other = journal.path.with_name("record.other-1.jsonl")
    other.write_bytes(b"bad\n")
    journal.append(b"bad\n")
    cursor = journal.catalog.cursor()
    assert [(Path(found.path).name, found.lines) for found in health.damaged(cursor)] == [
        ("record.jsonl", 1),
        ("record.other-1.jsonl", 1),
    ]
    cursor.close()
