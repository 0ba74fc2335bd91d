"""Indexes a workspace into a catalog on disk until it is killed; for tests that do so."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer


def main() -> None:
    workspace = Path(sys.argv[1])
    catalog = Catalog.open([workspace], Path(sys.argv[2]))
    indexer = Indexer(catalog, [workspace])
    print(catalog.notice, flush=True)
    while True:
        indexer.step(budget=20_000, hinted=True)
        time.sleep(0.001)


if __name__ == "__main__":
    main()
