"""Indexes a workspace in a process of its own, without a screen: ``_index.py WORKSPACE FOLDER``.

Prints what it took as JSON: seconds by the clock, processor seconds, and the peak of resident memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer

_KIB = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    workspace, folder = (Path(argument).resolve() for argument in sys.argv[1:])
    began, busy = time.perf_counter(), time.process_time()
    catalog = Catalog.open([workspace], folder)
    Indexer(catalog, [workspace]).catch_up()
    catalog.close()
    took = {
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - busy,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 1e6,
        "disk_mb": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6,
    }
    print(json.dumps(took))


if __name__ == "__main__":
    main()
