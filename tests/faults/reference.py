"""What a catalog has to hold, told without a parser: a plain model of files whose every byte it wrote itself.

A file is a sequence of pieces. Each is a line, or the beginning of one that was cut off. What lines say is
noted when they are made, so that nothing here reads JSON, and nothing is shared with the code under test.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contexta.catalog.catalog import Catalog

#: How a captured line begins: behind a torn one it is found by this.
_BEGINNING: Final = b'{"captured_at":"'
_BLANK: Final = b" \t\r\v\f"

_STATUSES: Final = ("unknown", "open", "completed", "failed", "cancelled")
_ZERO_SCORES: Final = ("correct", "pass", "success")


@dataclass(frozen=True, slots=True)
class Record:
    """What a line with a record says."""

    ref: str
    node: str
    kind: str
    name: str
    value: float | None
    level: str | None
    message: str
    at: int

    def signals(self) -> Iterator[str]:
        """What it says of failures."""
        if self.kind == "event" and self.level in ("error", "critical"):
            yield "error_event"
        if self.name in _ZERO_SCORES and self.value == 0 and self.node.startswith("sample:"):
            yield "zero_score"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a line about a scope says: its status as of a time."""

    node: str
    status: str
    told_at: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a line that registers an artifact says."""

    ref: str
    node: str


Said = Record | Statement | Artifact | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A line, or the beginning of one.

    Attributes:
        line: All of it, with its newline.
        said: What it says; nothing where it cannot be read.
        length: How many bytes of it are there.
    """

    line: bytes
    said: Said = None
    length: int = -1

    @property
    def data(self) -> bytes:
        """The bytes that are there."""
        return self.line if self.length < 0 else self.line[: self.length]

    @property
    def whole(self) -> bool:
        """Whether nothing but perhaps the newline is missing."""
        return len(self.data) >= len(self.line) - 1

    @property
    def sound(self) -> bool:
        """Whether it can be read."""
        return self.whole and self.said is not None


@dataclass(slots=True)
class Expected:
    """What a catalog of some files holds, in forms that can be compared."""

    records: dict[str, tuple[object, ...]] = field(default_factory=dict)
    nodes: dict[str, tuple[object, ...]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    signals: list[tuple[str, str]] = field(default_factory=list)
    damage: list[tuple[str, int, int, int]] = field(default_factory=list)
    sources: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)


def expected(files: Mapping[str, list[Piece]]) -> Expected:
    """What has to be known of these files, whatever happened to them before."""
    found = Expected()
    said: list[Said] = []
    for name, pieces in files.items():
        said += _read(name, pieces, found)
    _tell(said, found)
    found.damage.sort()
    found.signals.sort()
    return found


def _read(name: str, pieces: list[Piece], found: Expected) -> list[Said]:
    """Notes the lines and the damage of a file; what its lines say."""
    said: list[Said] = []
    lines = damaged = position = size = 0
    behind_damage = False
    row: list[tuple[int, bytes, Said]] = []
    for piece in pieces:
        _join(row, size, piece)
        size += len(piece.data)
        if not piece.data.endswith(b"\n"):
            continue
        position = size
        cut = _stripped(row)
        row = []
        lines += bool(cut)
        for at, data, what in cut:
            if what is not None:
                said.append(what)
            elif behind_damage:
                file, start, _, count = found.damage.pop()
                found.damage.append((file, start, at + len(data) - start, count + 1))
            else:
                found.damage.append((name, at, len(data), 1))
            damaged += what is None
            behind_damage = what is None
    found.sources[name] = (lines, damaged, position, size)
    return said


def _join(row: list[tuple[int, bytes, Said]], at: int, piece: Piece) -> None:
    """Puts a piece behind the others of its row; what cannot be told from a torn one becomes a part of it."""
    torn = row and row[-1][2] is None
    if torn and not piece.data.startswith(_BEGINNING):
        start, data, _ = row[-1]
        row[-1] = (start, data + piece.data, None)
    elif piece.data:
        row.append((at, piece.data, piece.said if piece.sound else None))


def _stripped(row: list[tuple[int, bytes, Said]]) -> list[tuple[int, bytes, Said]]:
    """A row without the newline at its end and the blanks around it."""
    at, data, said = row[-1]
    row[-1] = (at, data[:-1].rstrip(_BLANK), said)
    at, data, said = row[0]
    row[0] = (at + len(data) - len(data.lstrip(_BLANK)), data.lstrip(_BLANK), said)
    return [(at, data, said) for at, data, said in row if data]


def _tell(said: Iterable[Said], found: Expected) -> None:
    records = {one.ref: one for one in said if isinstance(one, Record)}
    statements: dict[str, Statement] = {}
    for one in said:
        if isinstance(one, Artifact):
            found.artifacts[one.ref] = one.node
        elif isinstance(one, Statement):
            last = statements.get(one.node)
            if last is None or one.told_at >= last.told_at:
                statements[one.node] = one
    found.records = {
        one.ref: (one.node, one.kind, one.name, one.value, one.level, one.message, one.at)
        for one in records.values()
    }
    found.signals = [(one.ref, signal) for one in records.values() for signal in one.signals()]
    faulty = {one.node for one in records.values() if any(one.signals())}
    named = {one.node for one in records.values()} | {*statements} | {*found.artifacts.values()}
    below = Counter(up for one in records.values() for up in lineage(one.node))
    metrics = Counter(up for one in records.values() if one.kind == "metric" for up in lineage(one.node))
    times: dict[str, list[int]] = {}
    for one in records.values():
        for up in lineage(one.node):
            times.setdefault(up, []).append(one.at)
    for ref in {up for node in named for up in lineage(node)}:
        status = statements[ref].status if ref in statements else "unknown"
        failed = status == "failed" or (ref.startswith("sample:") and ref in faulty)
        between = (min(times[ref]), max(times[ref])) if ref in times else (None, None)
        parent = next(iter(lineage(ref)[1:]), None)
        found.nodes[ref] = (parent, status, failed, below[ref], metrics[ref], *between)


def lineage(ref: str) -> list[str]:
    """A scope and everything above it, as its name says."""
    kind, _, name = ref.partition(":")
    parts = name.split(".")
    above = {
        "project": [],
        "run": ["project"],
        "stage": ["run", "project"],
        "batch": ["stage", "run", "project"],
        "sample": ["batch", "stage", "run", "project"][-len(parts) + 1 :],
    }[kind]
    depth = {"project": 1, "run": 2, "stage": 3, "batch": 4}
    return [ref, *(f"{up}:{'.'.join(parts[: depth[up]])}" for up in above)]


def held(catalog: Catalog) -> Expected:
    """What a catalog holds, in the same forms."""

    def rows(statement: str) -> list[tuple[object, ...]]:
        return catalog.connection.execute(statement).fetchall()

    found = Expected()
    kinds = ("metric", "event", "span", "degraded")
    listed = rows(
        "select r.ref, n.ref, r.type, r.name, r.value, r.level, r.message, r.observed_at"
        " from records r join nodes n on n.id = r.node_id"
    )
    for ref, node, kind, *rest in listed:
        found.records[str(ref)] = (node, kinds[int(str(kind))], *rest)
    # A record or a scope that is there twice must not hide behind its ref.
    if len(listed) != len(found.records):
        found.records["doubled"] = (len(listed),)
    listed = rows(
        "select n.ref, p.ref, n.status, n.failed, n.records, n.metrics, n.first_at, n.last_at"
        " from nodes n left join nodes p on p.id = n.parent_id"
    )
    for ref, parent, status, *rest in listed:
        found.nodes[str(ref)] = (parent, _STATUSES[int(str(status))], *rest)
    if len(listed) != len(found.nodes):
        found.nodes["doubled"] = (len(listed),)
    for ref, node in rows("select a.ref, n.ref from artifacts a join nodes n on n.id = a.node_id"):
        found.artifacts[str(ref)] = str(node)
    signals = ("error_event", "zero_score", "non_finite_metric", "degraded_record")
    for ref, kind in rows("select r.ref, s.kind from signals s join records r on r.id = s.record_id"):
        found.signals.append((str(ref), signals[int(str(kind))]))
    for path, *counts in rows(
        "select s.path, d.position, d.length, d.lines from damage d join sources s on s.id = d.source_id"
    ):
        found.damage.append((_name(path), *counts))  # type: ignore[arg-type]
    for path, *counts in rows("select path, lines, damaged, position, size from sources"):
        found.sources[_name(path)] = tuple(counts)  # type: ignore[assignment]
    found.damage.sort()
    found.signals.sort()
    return found


def _name(path: object) -> str:
    assert isinstance(path, bytes)
    return Path(os.fsdecode(path)).name


def differences(catalog: Catalog, files: Mapping[str, list[Piece]]) -> list[str]:
    """What a catalog holds otherwise than it has to, a sentence each; none when it equals the model."""
    there, owed = held(catalog), expected(files)
    found = []
    for what in ("records", "nodes", "artifacts", "signals", "damage", "sources"):
        is_, should = getattr(there, what), getattr(owed, what)
        if is_ == should:
            continue
        if isinstance(is_, dict):
            keys = [key for key in {**is_, **should} if is_.get(key) != should.get(key)]
            found.append(
                f"{what}: {len(keys)} differ, {keys[0]} is {is_.get(keys[0])}, not {should.get(keys[0])}"
            )
        else:
            found.append(f"{what}: {is_} instead of {should}"[:600])
    return found
