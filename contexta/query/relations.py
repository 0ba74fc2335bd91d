"""Stored relations, how they are known, and environments, as views."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from contexta.catalog.lines import micros
from contexta.query.plain import json_map, json_texts, time_text
from contexta.query.views import EnvironmentRecord, ProvenanceView, RelationRecord


def relations(
    cursor: duckdb.DuckDBPyConnection, refs: Collection[str] | None = None
) -> tuple[RelationRecord, ...]:
    """Relations from or to some refs, all by default, by time and ref."""
    at = micros("recorded_at")
    rows = cursor.execute(
        f"""
        select ref, relation_type, source_ref, target_ref, {at}, origin_marker, confidence_marker,
               evidence_refs
        from relations
        where $refs is null or list_contains($refs, source_ref) or list_contains($refs, target_ref)
        order by {at} nulls last, ref""",
        {"refs": None if refs is None else sorted(refs)},
    ).fetchall()
    return tuple(
        RelationRecord(
            relation_ref=row[0],
            relation_type=row[1],
            source_ref=row[2],
            target_ref=row[3],
            recorded_at=time_text(row[4]),
            origin_marker=row[5],
            confidence_marker=row[6],
            evidence_refs=json_texts(row[7]),
        )
        for row in rows
    )


def provenance(
    cursor: duckdb.DuckDBPyConnection, relation_refs: Collection[str], run_ref: str | None = None
) -> tuple[ProvenanceView, ...]:
    """Statements about some relations, the earliest first; `run_ref` is passed on."""
    at = micros("asserted_at")
    rows = cursor.execute(
        f"""
        select ref, relation_ref, assertion_mode, {at}, formation_context_ref, policy_ref, evidence_bundle_ref
        from provenance_records where list_contains($refs, relation_ref)
        order by {at} nulls first, ref""",
        {"refs": sorted(relation_refs)},
    ).fetchall()
    return tuple(
        ProvenanceView(
            run_id=run_ref,
            provenance_ref=row[0],
            relation_ref=row[1],
            assertion_mode=row[2],
            asserted_at=time_text(row[3]),
            formation_context_ref=row[4],
            policy_ref=row[5],
            evidence_bundle_ref=row[6],
        )
        for row in rows
    )


def environments(cursor: duckdb.DuckDBPyConnection, run_ref: str) -> tuple[EnvironmentRecord, ...]:
    """What a run ran on, the earliest first."""
    at = micros("captured_at")
    rows = cursor.execute(
        f"""
        select ref, run_ref, {at}, python_version, platform, packages, environment_variables
        from environment_snapshots where run_ref = $run order by {at} nulls last, ref""",
        {"run": run_ref},
    ).fetchall()
    return tuple(
        EnvironmentRecord(
            environment_ref=row[0],
            run_id=row[1],
            captured_at=time_text(row[2]),
            python_version=row[3],
            platform=row[4],
            packages=json_map(row[5]),
            environment_variables=json_map(row[6]),
        )
        for row in rows
    )
