"""A facade on an empty workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contexta import Contexta


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Contexta]:
    """A facade; what it read is let go of afterwards."""
    with Contexta(workspace=tmp_path / ".contexta", config={"project_name": "my-proj"}) as facade:
        yield facade
