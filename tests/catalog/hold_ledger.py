"""Holds a ledger open for writing and goes on writing, until its input ends; for tests of who looks at it."""

from __future__ import annotations

import sys

import duckdb

from tests.catalog.ledgers import put_run


def main() -> None:
    with duckdb.connect(sys.argv[1]) as connection:
        put_run(connection, "run:demo.r1", "open", "2026-01-01T00:00:00Z")
        print("held", flush=True)
        for number, _ in enumerate(sys.stdin, 2):
            put_run(connection, f"run:demo.r{number}", "completed", f"2026-01-01T00:00:{number:02}Z")
            print("written", flush=True)


if __name__ == "__main__":
    main()
