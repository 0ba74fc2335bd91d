"""Makes ledgers as public Contexta lays them out (format specification, section 6.1), for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

_TABLES = """
create table projects (ref varchar primary key, name varchar, created_at varchar, payload_json varchar);
create table runs (ref varchar primary key, project_ref varchar, name varchar, started_at varchar,
    status varchar, payload_json varchar);
create table stage_executions (ref varchar primary key, run_ref varchar, stage_name varchar,
    order_index integer, started_at varchar, status varchar, payload_json varchar);
create table batch_executions (ref varchar primary key, run_ref varchar, stage_ref varchar,
    batch_name varchar, order_index integer, started_at varchar, status varchar, payload_json varchar);
create table sample_observations (ref varchar primary key, run_ref varchar, stage_ref varchar,
    batch_ref varchar, sample_name varchar, observed_at varchar, retention_class varchar,
    redaction_profile varchar, payload_json varchar);
create table deployment_executions (ref varchar primary key, project_ref varchar, deployment_name varchar,
    run_ref varchar, order_index integer, started_at varchar, status varchar, payload_json varchar);
create table schema_metadata (store_schema_version varchar, applied_at varchar);
insert into schema_metadata values ('1', '2026-01-01T00:00:00Z');
"""


def make(workspace: Path) -> Path:
    """An empty ledger in a workspace; its path."""
    path = workspace / "metadata" / "ledger.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute(_TABLES)
    return path


def put(connection: duckdb.DuckDBPyConnection, table: str, **columns: Any) -> None:
    """A row, or another state of it."""
    names = ", ".join(columns)
    places = ", ".join("?" for _ in columns)
    statement = f"insert or replace into {table} ({names}) values ({places})"  # noqa: S608 - our own names
    connection.execute(statement, list(columns.values()))


def put_run(
    connection: duckdb.DuckDBPyConnection, ref: str, status: str, started_at: str, ended_at: str | None = None
) -> None:
    """A run."""
    name = ref.rpartition(".")[2]
    payload = {"run_ref": ref, "name": name, "status": status, "started_at": started_at}
    if ended_at:
        payload["ended_at"] = ended_at
    put(
        connection,
        "runs",
        ref=ref,
        project_ref="project:demo",
        name=name,
        started_at=started_at,
        status=status,
        payload_json=json.dumps(payload),
    )


def put_batch(
    connection: duckdb.DuckDBPyConnection, ref: str, status: str, *, order: int | None = None, **payload: Any
) -> None:
    """A batch, started at the hour."""
    columns = {"order_index": order, "started_at": "2026-01-01T00:00:00Z", "status": status}
    put(
        connection,
        "batch_executions",
        ref=ref,
        **columns,
        payload_json=json.dumps({"batch_execution_ref": ref, **columns, **payload}),
    )
