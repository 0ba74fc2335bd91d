"""Where the record store goes on: the end of the last segment, and the manifest that says the same.

The segments are the truth; the manifest is a summary that may lag behind after a crash, or when another
library writes at the same time. It is read once, compared with the segments and written anew after each
append.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from contexta.errors import SchemaVersionError
from contexta.store.disk import Folder
from contexta.store.segment_config import LAYOUT_VERSION, LayoutMode
from contexta.store.segment_files import MANIFEST, physical_lines, segment_ids, segment_name
from contexta.store.segment_lines import sequence_of

_MAX_MANIFEST_BYTES: Final = 64 * 1024


class Manifest(msgspec.Struct, frozen=True):
    """The counters of a store (format specification, section 5)."""

    current_segment_id: int
    current_segment_record_count: int
    last_committed_sequence: int
    next_sequence: int
    layout_mode: str = LayoutMode.JSONL_SEGMENTS.value
    layout_version: str = LAYOUT_VERSION

    def encoded(self) -> bytes:
        """Return the file's content."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2) + b"\n"


@dataclass(frozen=True, slots=True)
class End:
    """Where the next line of a segment goes.

    Attributes:
        segment_id: The segment.
        identity: Device and inode of its file; zeros while there is none.
        size: Bytes in it.
        position: The byte behind its last newline.
        lines: Lines up to there.
        records: Lines that have a number, a torn tail that is whole but for its newline included.
        last_sequence: The largest number of the whole store.
    """

    segment_id: int = 1
    identity: tuple[int, int] = (0, 0)
    size: int = 0
    position: int = 0
    lines: int = 0
    records: int = 0
    last_sequence: int = 0

    @property
    def is_torn(self) -> bool:
        """Whether the file does not end in a newline."""
        return self.position < self.size

    @property
    def next_line(self) -> int:
        """The number of the next line that begins on a line of its own."""
        return self.lines + 1 + self.is_torn

    def manifest(self) -> Manifest:
        """Return what the manifest must say."""
        return Manifest(self.segment_id, self.records, self.last_sequence, self.last_sequence + 1)

    def followed_by(self, size: int, count: int) -> End:
        """Return the end after so many bytes were written to this segment, and so many records with them."""
        size += self.size
        return replace(
            self,
            size=size,
            position=size,
            lines=self.next_line - 1 + count,
            records=self.records + count,
            last_sequence=self.last_sequence + count,
        )

    def next_segment(self) -> End:
        """Return the beginning of the next segment."""
        return End(segment_id=self.segment_id + 1, last_sequence=self.last_sequence)

    def still_there(self, segments: Folder) -> bool:
        """Tell whether nothing was appended since, here or in a later segment."""
        try:
            facts = os.stat(segment_name(self.segment_id), dir_fd=segments.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        unchanged = ((facts.st_dev, facts.st_ino), facts.st_size) == (self.identity, self.size)
        return unchanged and not segments.has(segment_name(self.segment_id + 1))


def read_manifest(root: Folder) -> Manifest | None:
    """Return the manifest, or None when there is none that can be read.

    Raises:
        SchemaVersionError: ``record_store_layout_unsupported``: the store has another layout.
        OSError: It is there but may not be read.
    """
    try:
        data = root.read(MANIFEST, _MAX_MANIFEST_BYTES)
    except FileNotFoundError:
        return None
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (ValueError, RecursionError):
        return None
    known = (LayoutMode.JSONL_SEGMENTS.value, LAYOUT_VERSION)
    if (manifest.layout_mode, manifest.layout_version) != known:
        raise SchemaVersionError(
            f"The record store in {root.path} has the layout {manifest.layout_mode!r} of version"
            f" {manifest.layout_version!r}; this version of the library knows {known[0]!r} of version"
            f" {known[1]!r}.",
            code="record_store_layout_unsupported",
            details={"layout_mode": manifest.layout_mode, "layout_version": manifest.layout_version},
        )
    return manifest


def find_end(root: Folder, segments: Folder) -> End:
    """Find where to go on, from the segments and, for the older ones of them, the manifest.

    Raises:
        SchemaVersionError: ``record_store_layout_unsupported``.
        OSError: A segment cannot be read.
    """
    manifest = read_manifest(root)
    ids = segment_ids(segments)
    last_sequence = 0
    if manifest is not None:
        last_sequence = max(manifest.last_committed_sequence, manifest.next_sequence - 1, 0)
        # What the manifest tells ends in the segment it names; later ones it does not know.
        ids = [one for one in ids if one >= manifest.current_segment_id] or ids[-1:]
    return _measure(segments, ids, last_sequence)


def _measure(segments: Folder, ids: Sequence[int], last_sequence: int) -> End:
    end = End(last_sequence=last_sequence)
    for segment_id in ids:
        end = _measure_segment(segments, segment_id, end.last_sequence)
    return end


def _measure_segment(segments: Folder, segment_id: int, last_sequence: int) -> End:
    fd = segments.open_file(segment_name(segment_id))
    try:
        facts = os.fstat(fd)
        lines = records = 0
        position = facts.st_size
        for line in physical_lines(fd):
            sequence = sequence_of(line.data)
            if sequence is not None:
                records += 1
                last_sequence = max(last_sequence, sequence)
            if not line.is_whole:
                position = line.position
                lines = line.number - 1
        if position == facts.st_size:
            lines = _count_newlines(fd)
    finally:
        os.close(fd)
    return End(
        segment_id, (facts.st_dev, facts.st_ino), facts.st_size, position, lines, records, last_sequence
    )


def _count_newlines(fd: int) -> int:
    count = at = 0
    while chunk := os.pread(fd, 1024 * 1024, at):
        count += chunk.count(b"\n")
        at += len(chunk)
    return count
