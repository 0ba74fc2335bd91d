"""However the bytes of a file are cut into slices, the catalog that comes of them is the same."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from tests import catalog_tables
from tests.lines import any_line

_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def _taken(pieces: list[bytes]) -> dict[str, list[tuple[Any, ...]]]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / ".contexta"
        journal = workspace / "cache" / "capture" / "record.jsonl"
        journal.parent.mkdir(parents=True)
        journal.touch()
        catalog = Catalog.in_memory([workspace])
        indexer = Indexer(catalog, [workspace])
        with journal.open("ab", buffering=0) as file:
            for piece in pieces:
                file.write(piece)
                indexer.catch_up()
        found = catalog_tables.exactly(catalog)
        catalog.close()
        paths = [(*row[:2], row[2].removeprefix(folder.encode()), *row[3:]) for row in found["sources"]]
        return {**found, "sources": paths}


def _is_the_same_in_any_slices(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(lines)
    in_one = _taken([whole])
    assert _taken(lines) == in_one
    at = sorted({cut % (len(whole) + 1) for cut in cuts} | {0, len(whole)})
    assert _taken([whole[a:b] for a, b in pairwise(at)]) == in_one


@pytest.mark.timeout(300)
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=_SLOW)
@given(st.lists(any_line(), min_size=1, max_size=8), st.lists(st.integers(0, 10**6), max_size=4))
def test_a_file_in_one_slice_is_the_file_line_by_line_and_in_any_cut(
    lines: list[bytes], cuts: list[int]
) -> None:
    _is_the_same_in_any_slices(lines, cuts)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=15, deadline=None, suppress_health_check=_SLOW)
@given(st.lists(any_line(), min_size=1, max_size=16), st.lists(st.integers(0, 10**6), max_size=4))
def test_many_files_in_any_slices(lines: list[bytes], cuts: list[int]) -> None:
    _is_the_same_in_any_slices(lines, cuts)
