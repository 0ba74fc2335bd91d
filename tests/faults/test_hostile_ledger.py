"""Fault: a ledger that is a program. A database may hold views and macros, which do what their author wrote.

Whoever looks at a ledger runs none of them: they must not read a file of the person who looks, nor keep the
program busy for ever. The explorer passes over a view and shows the rest; a store refuses a file with views.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Final

import duckdb

from tests.catalog import ledgers
from tests.faults import fault, sizes

CANARY: Final = "never to be seen"

#: Tables that programs read, with the text that a view in their place answers with.
TABLES: Final = ("runs", "projects", "deployment_executions", "schema_metadata")
ANSWERS: Final = (
    "select content as said from read_text('{secret}')",
    "select i::varchar as said from range(1_000_000_000_000_000) as t(i)",
    "select content as said from glob('{folder}/*') as found, read_text('{secret}')",
    "select content as said from read_text('https://127.0.0.1:9/x')",
)

#: Functions of DuckDB that programs of ours call on a ledger, as macros of the file.
MACROS: Final = (
    "duckdb_tables() as table select content as table_name, 'main' as schema_name from read_text('{secret}')",
    "duckdb_tables() as table select i as table_name, 'main' as schema_name from range(900_000_000) as _(i)",
    "count(x) as (select content from read_text('{secret}'))",
    "lower(x) as (select content from read_text('{secret}'))",
    "coalesce(x, y) as (select content from read_text('{secret}'))",
    "\"=\"(x, y) as (select content from read_text('{secret}')) is not null",
)

COMMANDS: Final = (
    ("contexta-tui", "{workspace}", "--json", "--no-cache", "--depth=sample"),
    ("contexta", "verify", "--workspace", "{workspace}"),
    ("contexta", "promote", "--workspace", "{workspace}"),
    ("contexta", "runs", "--workspace", "{workspace}", "--source=stored"),
)


def programs(folder: Path) -> list[tuple[str, str, str]]:
    """What is put into a ledger: a table that goes, a statement, and the name of both."""
    secret = folder / "secret"
    found = []
    for table, answer in itertools.product(TABLES, ANSWERS):
        query = answer.format(secret=secret, folder=folder)
        columns = "said as ref, said as name, said as payload_json, '1' as store_schema_version"
        statement = f"create view {table} as select {columns} from ({query})"  # noqa: S608 - meant to be
        found.append((table, statement, f"{table}: {query}"))
    found += [("", f"create macro {macro.format(secret=secret)}", macro) for macro in MACROS]
    return found


def build(workspace: Path, table: str, statement: str) -> bool:
    """A ledger with a run and a statement executed in it; false when DuckDB refuses that by itself."""
    path = ledgers.make(workspace)
    with duckdb.connect(path, config={"autoinstall_known_extensions": False}) as connection:
        ledgers.put_run(connection, "run:demo.r1", "completed", "2026-01-01T00:00:00Z")
        if table:
            connection.execute(f"drop table {table}")
        try:
            connection.execute(statement)
        except duckdb.Error:
            return False
    return True


@sizes(short=1, full=(len(TABLES) * len(ANSWERS) + len(MACROS)) * len(COMMANDS))
def test_ledgers_that_are_programs(size: int, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    never = ("files read", "hangs", "crashes")
    with fault("views and macros in a ledger", "commands", never=never) as seen:
        for number, (table, statement, name) in enumerate(programs(tmp_path)):
            workspace = tmp_path / str(number) / ".contexta"
            if not build(workspace, table, statement):
                seen.also("refused by DuckDB")
                continue
            for command in COMMANDS if size > 1 else COMMANDS[1:2]:
                words = [word.replace("{workspace}", str(workspace)) for word in command]
                words[0] = str(Path(sys.executable).with_name(words[0]))
                seen.inject()
                try:
                    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
                except subprocess.TimeoutExpired:
                    seen.wrong("hangs", 1, (command, name))
                    continue
                said = done.stdout + done.stderr
                seen.wrong("files read", CANARY in said, (command, name, said[:300]))
                seen.wrong(
                    "crashes", "Traceback" in said or "error of its own" in said, (command, said[:300])
                )
            if size == 1:
                break
