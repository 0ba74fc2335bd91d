"""Asks of a catalog what a screen and a snapshot do, as one value that can be compared."""

from __future__ import annotations

import hashlib

from contexta.query.results import NodeKind
from contexta.reader import CatalogReader


def answers(reader: CatalogReader) -> str:
    """A fingerprint of what is known: the whole tree, the issues, and metrics and records of each run."""
    snapshot = reader.snapshot(NodeKind.SAMPLE).model_dump(exclude={"generated_at"})
    said: list[object] = [snapshot, reader.counts()]
    for project in reader.projects():
        for run in reader.children(project.id, NodeKind.RUN, 0, 10):
            said.append([(one.key, one.count, one.last, one.mean) for one in reader.metrics(run.id)])
            said.append([(one.ref, one.key, one.value) for one in reader.records(run.id, limit=1_000)])
            said.append([(reason.title, reason.detail) for reason in reader.reasons(run.id)])
    return hashlib.blake2b(repr(said).encode(), digest_size=8).hexdigest()
