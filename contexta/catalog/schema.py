"""Tables of the catalog, and the numbers that stand for words in them.

Nothing here opens a file or runs a statement.

Shape: `nodes` is the tree, one row a scope, with its totals kept up to date at
ingest, so that drawing a row never aggregates. `records` holds each distinct
record once. `signals` points at the few records that explain failures, so that
diagnostics never scan the many. `sources` holds how far each file was read.
Ids grow in the order of ingest; DuckDB prunes by them without an index.
"""

from __future__ import annotations

from typing import Final

from contexta.vocabulary import NodeKind, RecordType, Status

SCHEMA_VERSION: Final = "3"
"""Written into every catalog. A catalog with another version is rebuilt, never migrated."""

KINDS: Final = (
    NodeKind.PROJECT,
    NodeKind.RUN,
    NodeKind.DEPLOYMENT,
    NodeKind.STAGE,
    NodeKind.BATCH,
    NodeKind.SAMPLE,
    NodeKind.OPERATION,
)
"""`nodes.kind` is an index into this."""

STATUSES: Final = (Status.UNKNOWN, Status.OPEN, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
"""`nodes.status` is an index into this."""

RECORD_TYPES: Final = (RecordType.METRIC, RecordType.EVENT, RecordType.SPAN, RecordType.DEGRADED)
"""`records.type` is an index into this."""

SIGNALS: Final = ("error_event", "zero_score", "non_finite_metric", "degraded_record")
"""`signals.kind` is an index into this."""

CHILD_COLUMNS: Final = {
    NodeKind.RUN: "runs",
    NodeKind.DEPLOYMENT: "deployments",
    NodeKind.STAGE: "stages",
    NodeKind.BATCH: "batches",
    NodeKind.SAMPLE: "samples",
    NodeKind.OPERATION: "operations",
}
"""The column of `nodes` that counts the direct children of a kind, in the order of display."""

TABLES: Final = """
create table meta (key varchar, value varchar);

create table sources (
    id integer,
    workspace integer,
    path blob,               -- as the file system has it; may not be UTF-8
    kind varchar,            -- capture | segments | ledger | artifacts
    inode ubigint,
    size bigint,
    mtime_ns bigint,
    position bigint,         -- bytes taken in, always just after a newline
    head varchar,            -- fingerprint of the first bytes
    head_length integer,
    tail varchar,            -- fingerprint of the bytes before `position`
    lines bigint,
    damaged bigint,
    skip_from bigint,        -- start of a line that is too long and being passed over
    state varchar,           -- ok | locked | missing | unreadable
    detail varchar,
    in_damage boolean        -- whether the last line was a damaged one
);

create table damage (source_id integer, position bigint, length bigint, lines integer, error varchar);

create table nodes (
    id integer,
    key ubigint,             -- digest of workspace and ref
    workspace integer,
    kind utinyint,
    ref varchar,
    name varchar,
    parent_id integer,
    project_id integer,
    run_id integer,
    stage_id integer,
    batch_id integer,
    position integer,        -- dense among siblings of a kind
    status utinyint,
    origin utinyint,
    started_at bigint,
    ended_at bigint,
    fact_at bigint,          -- when the status was last stated
    stored_at bigint,        -- when the ledger's statement was made
    order_index integer,
    first_at bigint,
    last_at bigint,
    records bigint,          -- at or under the node
    metrics bigint,
    faults integer,          -- signals that make a sample a failed one
    failed boolean,
    failed_below integer,
    runs integer, deployments integer, stages integer, batches integer, samples integer, operations integer,
    observed_at bigint,
    retention_class varchar,
    redaction_profile varchar,
    link_run varchar,        -- deployments: refs as recorded
    link_artifact varchar,
    heard_at bigint,         -- runs: when the latest line was written, by the writer's clock
    max_gap bigint,          -- runs: longest silence between two lines, microseconds
    note varchar,
    extensions varchar       -- JSON
);

create table records (
    id bigint,
    key ubigint,             -- digest of workspace and ref
    ref varchar,
    type utinyint,
    node_id integer,
    project_id integer,
    run_id integer,
    stage_id integer,
    batch_id integer,
    origin utinyint,
    observed_at bigint,
    recorded_at bigint,
    name varchar,            -- metric key, event key, span name or issue key
    value double,
    value_type varchar,
    unit varchar,
    scope varchar,           -- aggregation scope
    level varchar,           -- event level, span status, degraded severity
    message varchar,
    ended_at bigint,
    attributes varchar,      -- JSON
    tags varchar,            -- JSON
    span varchar,            -- JSON of what only a span has
    degradation varchar,
    more varchar             -- JSON of what nearly no record says; NULL for all others
);

create table signals (record_id bigint, node_id integer, kind utinyint, seen_at bigint);

create table artifacts (
    id integer,
    key ubigint,
    ref varchar,
    kind varchar,
    location varchar,
    size_bytes bigint,
    hash_value varchar,
    created_at bigint,
    node_id integer,
    project_id integer,
    run_id integer,
    stage_id integer,
    origin utinyint,
    binding varchar,
    attributes varchar
);

create table relations (
    workspace integer,
    ref varchar,
    relation_type varchar,
    source_ref varchar,
    target_ref varchar,
    recorded_at varchar,     -- times as stored, here and below
    origin_marker varchar,
    confidence_marker varchar,
    evidence_refs varchar    -- JSON
);

create table provenance_records (
    workspace integer,
    ref varchar,
    relation_ref varchar,
    assertion_mode varchar,
    asserted_at varchar,
    formation_context_ref varchar,
    policy_ref varchar,
    evidence_bundle_ref varchar
);

create table environment_snapshots (
    workspace integer,
    ref varchar,
    run_ref varchar,
    captured_at varchar,
    python_version varchar,
    platform varchar,
    packages varchar,        -- JSON
    environment_variables varchar
);
"""
