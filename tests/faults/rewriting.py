"""Writers and rotations at random: what they do to files, done to the disk and to the model alike."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.faults.reference import Artifact, Piece, Record, Statement
from tests.lines import BATCH, LOOSE_SAMPLE, RUN, SAMPLE, STAGE, Lines

NAMES: Final = ("record.jsonl", "record.node-1.jsonl", "context.jsonl")

_SCOPES: Final = {
    RUN: "Run",
    STAGE: "StageExecution",
    BATCH: "BatchExecution",
    SAMPLE: "SampleObservation",
}
_SUBJECTS: Final = (RUN, STAGE, BATCH, SAMPLE, LOOSE_SAMPLE, "run:demo.r2")
_DAMAGED: Final = (
    b"bad\n",
    b"\x00\x00\n",
    b"\xff\xfe\n",
    b"[1,2]\n",
    b"{}\n",
    b'{"payload":5}\n',
    b"\n",
    b" \r\n",
)

Files = dict[str, list[Piece]]


class Rewriting:
    """A folder of captures, and what happens to it.

    Args:
        folder: The folder; it is there.
        seed: What is done follows from it.

    Attributes:
        files: What is in the folder.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.files: Files = {}
        self.randomly = random.Random(seed)
        self._folder = folder
        self._lines = Lines()
        self._seconds = 0
        self._number = 0
        self._written: list[Piece] = []
        self._moves: dict[Callable[[str], None], int] = {
            self._write_some: 14,
            self._tear: 7,
            self._go_on: 6,
            self._damage: 4,
            self._repeat: 3,
            self._truncate: 2,
            self._copytruncate: 2,
            self._rewrite_in_place: 1,
            self._delete: 1,
            self._recreate: 1,
            self._rotate: 2,
            self._write_behind_a_rotation: 1,
            self._replace_by_rename: 1,
            self._remove_the_folder: 1,
        }

    def move(self) -> str:
        """Do something; what it was."""
        (move,) = self.randomly.choices([*self._moves], [*self._moves.values()])
        move(self.randomly.choice(NAMES))
        return move.__name__.strip("_")

    # --- lines

    def _one(self) -> Piece:
        """A line that nothing before was like."""
        self._seconds += 1
        self._number += 1
        lines = self._lines.at(self._seconds)
        at = lines.clock.micros
        number = f"{self._number:012x}"
        subject = self.randomly.choice(_SUBJECTS)
        match self.randomly.randrange(8):
            case 0:
                level = self.randomly.choice(("info", "error", "critical"))
                message = f"no. {self._number}\u2028한국"
                line = lines.event(subject, "note", message, level=level, record_hex=number)
                ref = f"record:{_run_of(subject)}.event-{number}"
                said = Record(ref, subject, "event", "note", None, level, message, at)
            case 1 | 2:
                subject = self.randomly.choice([*_SCOPES])
                status = self.randomly.choice(("open", "completed", "failed", "cancelled"))
                line = lines.scope(_SCOPES[subject], subject, status)
                return self._kept(Piece(line, Statement(subject, status, _told_at(line))))
            case 3:
                name = f"model-{self._number % 7}"
                line = lines.artifact(name)
                return self._kept(Piece(line, Artifact(f"artifact:{RUN.removeprefix('run:')}.{name}", RUN)))
            case _:
                key, value = self.randomly.choice((("loss", self._number), ("correct", 0), ("correct", 1)))
                line = lines.metric(subject, key, value, record_hex=number)
                ref = f"record:{_run_of(subject)}.metric-{number}"
                said = Record(ref, subject, "metric", key, float(value), None, "", at)
        return self._kept(Piece(line, said))

    def _kept(self, piece: Piece) -> Piece:
        self._written.append(piece)
        return piece

    # --- what is done to one file

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _append(self, name: str, *pieces: Piece) -> None:
        with self._path(name).open("ab") as file:
            file.write(b"".join(piece.data for piece in pieces))
        self.files.setdefault(name, []).extend(pieces)

    def _write_some(self, name: str) -> None:
        self._append(name, *(self._one() for _ in range(self.randomly.randint(1, 4))))

    def _tear(self, name: str) -> None:
        piece = self._one()
        self._append(name, replace(piece, length=self.randomly.randint(1, len(piece.line) - 1)))

    def _go_on(self, name: str) -> None:
        """The line that was cut off last goes on, perhaps to its end."""
        pieces = self.files.get(name)
        if not pieces or len(pieces[-1].data) == len(pieces[-1].line):
            return self._write_some(name)
        torn = pieces.pop()
        grown = self.randomly.choice((len(torn.line), self.randomly.randint(torn.length, len(torn.line))))
        with self._path(name).open("ab") as file:
            file.write(torn.line[torn.length : grown])
        pieces.append(replace(torn, length=grown))
        return None

    def _damage(self, name: str) -> None:
        self._append(name, Piece(self.randomly.choice(_DAMAGED)))

    def _repeat(self, name: str) -> None:
        if self._written:
            self._append(name, self.randomly.choice(self._written))

    def _cut(self, name: str, size: int) -> None:
        os.truncate(self._path(name), size)
        kept: list[Piece] = []
        for piece in self.files[name]:
            if size > 0:
                kept.append(piece if len(piece.data) <= size else replace(piece, length=size))
            size -= len(piece.data)
        self.files[name] = kept

    def _size(self, name: str) -> int:
        return sum(len(piece.data) for piece in self.files.get(name, []))

    def _truncate(self, name: str) -> None:
        if name in self.files:
            self._cut(name, self.randomly.choice((0, self.randomly.randint(0, self._size(name)))))

    def _copytruncate(self, name: str) -> None:
        """Copied away and emptied; what is written then may be as long as before, or longer."""
        if name not in self.files:
            return
        size = self._size(name)
        other = self._rotated(name)
        shutil.copyfile(self._path(name), self._path(other))
        self.files[other] = [*self.files[name]]
        self._cut(name, 0)
        if self.randomly.random() < 0.5:
            while self._size(name) < size and self._size(name) < 20_000:
                self._write_some(name)

    def _rewrite_in_place(self, name: str) -> None:
        """Other lines in the same inode, with the same time stamp."""
        if name not in self.files:
            return
        before = self._path(name).stat()
        self._cut(name, 0)
        self._write_some(name)
        os.utime(self._path(name), ns=(before.st_mtime_ns, before.st_mtime_ns))

    # --- what is done to names

    def _rotated(self, name: str) -> str:
        return f"{name}.{self.randomly.randint(1, 3)}"

    def _delete(self, name: str) -> None:
        if name in self.files:
            self._path(name).unlink()
            del self.files[name]

    def _recreate(self, name: str) -> None:
        self._delete(name)
        self._write_some(name)

    def _rotate(self, name: str) -> None:
        if name in self.files:
            other = self._rotated(name)
            self._path(name).replace(self._path(other))
            self.files[other] = self.files.pop(name)

    def _write_behind_a_rotation(self, name: str) -> None:
        """A writer that still has the file under its old name."""
        if name not in self.files:
            return
        other = self._rotated(name)
        with self._path(name).open("ab", buffering=0) as writer:
            self._path(name).replace(self._path(other))
            self.files[other] = self.files.pop(name)
            self._write_some(name)
            late = self._one()
            writer.write(late.data)
        self.files[other].append(late)

    def _replace_by_rename(self, name: str) -> None:
        self._write_some("new.tmp")
        self._path("new.tmp").replace(self._path(name))
        self.files[name] = self.files.pop("new.tmp")

    def _remove_the_folder(self, name: str) -> None:
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        self.files.clear()
        self._write_some(name)


def _run_of(subject: str) -> str:
    return ".".join(subject.partition(":")[2].split(".")[:2])


def _told_at(line: bytes) -> int:
    """When a line was written, as it says, in the order of time."""
    text = line.split(b'"', 4)[3]
    return int(bytes(byte for byte in text if 48 <= byte <= 57).ljust(20, b"0"))
