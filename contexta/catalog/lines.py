"""From JSON lines to one table of facts: what each line format looks like, and what of it is taken.

The formats, capture (`cache/capture/*.jsonl`), segments (`records/segments/*.jsonl`) and the lines that
`bindings` makes, end in the same temporary table `slice`, so that everything after it is written once.
DuckDB parses the lines in C++ without holding Python's lock. The members that are read are declared, all
others are skipped: a foreign member is no error, a member of another type becomes NULL.
"""

from __future__ import annotations

from hashlib import md5
from typing import Final

from contexta.catalog.schema import RECORD_TYPES
from contexta.vocabulary import Origin, RecordType

_ENVELOPE: Final = """struct(
    record_ref varchar, record_type varchar, recorded_at varchar, observed_at varchar, producer_ref varchar,
    run_ref varchar, deployment_execution_ref varchar, stage_execution_ref varchar,
    batch_execution_ref varchar, sample_observation_ref varchar, operation_context_ref varchar,
    degradation_marker varchar, completeness_marker varchar, schema_version varchar,
    correlation_refs struct(trace_id varchar, session_id varchar))"""

_PAYLOAD: Final = """struct(
    metric_key varchar, value json, value_type varchar, unit varchar, aggregation_scope varchar, tags json,
    event_key varchar, level varchar, message varchar, attributes json,
    span_name varchar, started_at varchar, ended_at varchar, status varchar, span_kind varchar,
    span_id varchar, trace_id varchar, parent_span_id varchar, linked_refs json,
    issue_key varchar, category varchar, severity varchar, summary varchar,
    subject_ref varchar, slice_ref varchar, summary_basis varchar, origin_marker varchar)"""

_MANIFEST_MEMBERS: Final = (
    *(
        (name, "varchar")
        for name in (
            "artifact_ref",
            "artifact_kind",
            "created_at",
            "run_ref",
            "location_ref",
            "deployment_execution_ref",
            "stage_execution_ref",
            "batch_execution_ref",
            "sample_observation_ref",
            "operation_context_ref",
            "hash_value",
        )
    ),
    ("size_bytes", "json"),
    ("attributes", "json"),
)

_MANIFEST: Final = f"struct({', '.join(f'{name} {kind}' for name, kind in _MANIFEST_MEMBERS)})"

CONTEXT_MEMBERS: Final = (
    *(
        (f"{name}_ref", "varchar")
        for name in (
            "project",
            "run",
            "stage_execution",
            "batch_execution",
            "sample_observation",
            "operation_context",
            "deployment_execution",
            "artifact",
        )
    ),
    *(
        (name, "varchar")
        for name in (
            "name",
            "status",
            "created_at",
            "started_at",
            "ended_at",
            "observed_at",
            "retention_class",
            "redaction_profile",
        )
    ),
    ("order_index", "json"),
    ("extensions", "json"),
)
"""The members that are read of all context models together, with their types."""

_CONTEXT: Final = ", ".join(f"{name} {kind}" for name, kind in CONTEXT_MEMBERS)

_MEMBERS: Final = f"""struct(
    envelope {_ENVELOPE}, payload {_PAYLOAD}, manifest {_MANIFEST}, binding_status varchar, {_CONTEXT})"""

_COLUMNS: Final = {
    "capture": f"{{'captured_at': 'varchar', 'payload_type': 'varchar', 'payload': '{_MEMBERS}'}}",
    "segments": f"{{'appended_at': 'varchar', 'record': '{_MEMBERS}'}}",
}

_SELECTED: Final = {
    "capture": "captured_at as written, payload_type, payload",
    "segments": "appended_at as written, null::varchar as payload_type, record as payload",
}

ORIGINS: Final = {
    "capture": Origin.CAPTURED,
    "segments": Origin.STORED,
    "bindings": Origin.STORED,
    "ledger": Origin.STORED,
}
"""Where the facts of a line format are known from."""


def key_of(ref: str) -> str:
    """SQL for the key of a ref in `$workspace`, a number: 64 bits of a digest.

    DuckDB's `hash` would be ten times as fast, but it is often the same for texts that differ in two places
    eight characters apart, and that is what numbered names are like.
    """
    return f"(md5_number($workspace || ' ' || {ref}) >> 64)::ubigint"


def key(workspace: int, ref: str) -> int:
    """The key of a ref, as `key_of` has it."""
    return int.from_bytes(md5(f"{workspace} {ref}".encode(), usedforsecurity=False).digest()[8:], "little")


def micros(text: str) -> str:
    """SQL for a recorded timestamp in microseconds since the epoch, UTC; NULL when it is none.

    A year has four characters: what is before or after that was never recorded, and differences of such
    times would overflow.
    """
    return f"epoch_us(try_cast(if(({text})[5:5] = '-', {text}, null) as timestamptz))"


def _innermost(member: str) -> str:
    names = ("operation_context", "sample_observation", "batch_execution", "deployment_execution")
    refs = [f"payload.{member}.{name}_ref" for name in (*names, "stage_execution", "run")]
    return f"coalesce({', '.join(refs)})"


_CONTEXT_REF: Final = """case payload_type
    when 'Project' then payload.project_ref
    when 'Run' then payload.run_ref
    when 'StageExecution' then payload.stage_execution_ref
    when 'BatchExecution' then payload.batch_execution_ref
    when 'SampleObservation' then payload.sample_observation_ref
    when 'OperationContext' then payload.operation_context_ref
    when 'DeploymentExecution' then payload.deployment_execution_ref
end"""
# A context line is known by its type and its own ref: its `payload_ref` may name the stage or an artifact.


_TYPES: Final = ", ".join(f"'{record_type}'" for record_type in RECORD_TYPES)
_SPAN: Final = RECORD_TYPES.index(RecordType.SPAN)

_UNUSUAL: Final = {
    "completeness_marker": "nullif(e.completeness_marker, 'complete')",
    "producer_ref": "nullif(e.producer_ref, 'sdk.python.local')",
    "schema_version": "nullif(e.schema_version, '1.0.0')",
    "trace_id": "e.correlation_refs.trace_id",
    "session_id": "e.correlation_refs.session_id",
    "stage_execution_ref": (
        "if(split_part(subject, ':', 1) in ('project', 'run', 'deployment'), e.stage_execution_ref, null)"
    ),
    "batch_execution_ref": (
        "if(split_part(subject, ':', 1) <> 'batch' and split_part(subject, '.', 5) = '',"
        " e.batch_execution_ref, null)"
    ),
    "sample_observation_ref": "nullif(e.sample_observation_ref, subject)",
    "deployment_execution_ref": "nullif(e.deployment_execution_ref, subject)",
    "subject_ref": "nullif(p.subject_ref, subject)",
    "slice_ref": "p.slice_ref",
    "summary_basis": "nullif(p.summary_basis, 'raw_observation')",
    "origin_marker": "nullif(p.origin_marker, 'explicit_capture')",
    "category": "p.category",
}
"""What a record may say that nearly none does: NULL wherever it is as usual, or told by its scope."""

_IS_UNUSUAL: Final = """
    e.completeness_marker <> 'complete' or e.producer_ref <> 'sdk.python.local' or e.schema_version <> '1.0.0'
    or e.correlation_refs.trace_id is not null or e.correlation_refs.session_id is not null
    or (e.stage_execution_ref is not null and split_part(subject, ':', 1) in ('project', 'run', 'deployment'))
    or (e.batch_execution_ref <> subject and split_part(subject, '.', 5) = '')
    or (e.batch_execution_ref = subject and split_part(subject, ':', 1) <> 'batch')
    or e.sample_observation_ref <> subject or e.deployment_execution_ref <> subject
    or p.subject_ref <> subject or p.slice_ref is not null or p.summary_basis <> 'raw_observation'
    or p.origin_marker <> 'explicit_capture' or p.category is not null"""
# The same told as comparisons: hardly a record needs the JSON, and asking must cost little.

_BESIDES: Final = f"""if({_IS_UNUSUAL}, to_json({{
    {", ".join(f"'{name}': {value}" for name, value in _UNUSUAL.items())}}})::varchar, null)"""

_STATED: Final = ", ".join(f"'{name}': payload.{name}" for name, _ in CONTEXT_MEMBERS)


def slice_of(line_format: str) -> str:
    """SQL that makes `slice` from a file of lines; its parameters are `path` and `workspace`, a number.

    One row per line that is not blank, numbered in the order of the file (`n`, from 0), flattened.
    """
    numbered = f"select row_number() over () - 1 as n, * from ({flat(line_format)})"
    return f"create or replace temp table slice as {numbered}"


def flat(line_format: str) -> str:
    """SQL that flattens the lines of a file, one row per line that is not blank, in the order of the file.

    Its parameters are `path` and `workspace`, a number. `shape` is `record`,
    `artifact`, `context` or NULL for a line that is none of them; `subject` is the ref of the innermost scope
    it belongs to and `owner` the run it names; `written_at` is when the line was written. A record's columns
    have the names of the table `records`, except `number`, which is its value as recorded; `manifest` and
    `stated` are what an artifact and a context line say. Times are microseconds since the epoch.
    Recognised by content: public Contexta writes `dict` as the type of an artifact.
    """
    # The lines that are made here, of a ledger or of bindings, are made in the form of captured ones.
    shown = line_format if line_format in _COLUMNS else "capture"
    return f"""
        select payload_type, shape, subject, coalesce(e.run_ref, payload.manifest.run_ref) as owner,
               {micros("written")} as written_at,
               {key_of("e.record_ref")} as key, e.record_ref as ref,
               (list_position([{_TYPES}], e.record_type) - 1)::utinyint as type,
               {micros("e.observed_at")} as observed_at,
               {micros("e.recorded_at")} as recorded_at,
               coalesce(p.metric_key, p.event_key, p.span_name, p.issue_key, '') as name,
               try_cast(p.value::varchar as double) as number,
               p.value_type as value_type, p.unit as unit, p.aggregation_scope as scope,
               coalesce(p.level, p.severity, p.status) as level,
               coalesce(p.message, p.summary, '') as message,
               {micros("p.ended_at")} as ended_at,
               p.attributes::varchar as attributes,
               p.tags::varchar as tags,
               if(e.record_type = '{RECORD_TYPES[_SPAN]}', to_json({{
                   'span_id': p.span_id, 'trace_id': p.trace_id,
                   'parent_span_id': p.parent_span_id, 'span_kind': p.span_kind,
                   'linked_refs': p.linked_refs}})::varchar, null) as span,
               nullif(e.degradation_marker, 'none') as degradation,
               {_BESIDES} as more,
               payload.manifest as manifest, payload.binding_status as binding_status,
               if(shape = 'context', {{{_STATED}}}, null) as stated
        from (
            select written, payload_type, payload,
                   payload.envelope as e, payload.payload as p,
                   case when payload.envelope.record_ref is not null then 'record'
                        when payload.manifest.artifact_ref is not null then 'artifact'
                        when {_CONTEXT_REF} is not null then 'context' end as shape,
                   case when payload.envelope.record_ref is not null then {_innermost("envelope")}
                        when payload.manifest.artifact_ref is not null then {_innermost("manifest")}
                        else {_CONTEXT_REF} end as subject
            from (select {_SELECTED[shown]}
                  from read_json($path, format='newline_delimited', columns={_COLUMNS[shown]},
                                 ignore_errors=true, auto_detect=false)))"""


def staged(line_format: str) -> str:
    """SQL as of `flat`, with `manifest` and `stated` as JSON text: thirty columns less to write.

    `unstaged` reads them back.
    """
    return f"""select * exclude (manifest, stated),
                      if(shape = 'artifact', to_json(manifest)::varchar, null) as manifest,
                      if(shape = 'context', to_json(stated)::varchar, null) as stated
               from ({flat(line_format)})"""


def unstaged(table: str) -> str:
    """SQL for the lines that `staged` wrote into a table on disk, each with its number, as of `slice_of`."""
    return f"""select rowid as n, * exclude (manifest, stated),
                      from_json(manifest, '{_structure(_MANIFEST_MEMBERS)}') as manifest,
                      from_json(stated, '{_structure(CONTEXT_MEMBERS)}') as stated
               from {table}"""


def _structure(members: tuple[tuple[str, str], ...]) -> str:
    """Members with their types as `from_json` wants them."""
    return "{" + ", ".join(f'"{name}": "{kind}"' for name, kind in members) + "}"


_COMPONENT: Final = "[a-z0-9]+(-[a-z0-9]+)*"
_MORE: Final = rf"(\.{_COMPONENT})"
WELL_FORMED: Final = "|".join(
    (
        f"project:{_COMPONENT}",
        f"(run|deployment):{_COMPONENT}{_MORE}",
        f"stage:{_COMPONENT}{_MORE}{{2}}",
        f"batch:{_COMPONENT}{_MORE}{{3}}",
        f"(sample|op):{_COMPONENT}{_MORE}{{3,4}}",
    )
)
"""What the ref of a scope looks like; the same to DuckDB and to Python."""

REFS: Final = rf"""
create or replace temp table refs as
with named as (
    select subject as ref, min(n) as n from slice where subject is not null group by 1
    union all
    select owner, min(n) from slice where subject like 'deployment:%' and owner is not null group by 1
), parts as (
    select ref, n, split_part(ref, ':', 1) as kind, string_split(split_part(ref, ':', 2), '.') as c
    from named
    where length(ref) <= 255 and regexp_full_match(ref, '{WELL_FORMED}')
), lineage as (
    select n, unnest(list_distinct([
        'project:' || c[1],
        if(len(c) >= 2 and kind <> 'deployment', 'run:' || c[1] || '.' || c[2], null),
        if(len(c) >= 3, 'stage:' || array_to_string(c[1:3], '.'), null),
        if(len(c) = 5 or kind = 'batch', 'batch:' || array_to_string(c[1:4], '.'), null),
        ref])) as ref
    from parts
), each as (
    select ref, min(n) as n, split_part(ref, ':', 1) as kind,
           string_split(split_part(ref, ':', 2), '.') as c
    from lineage where ref is not null group by ref
)
select ref, n, {key_of("ref")} as key, c[-1] as name,
       list_position(['project', 'run', 'deployment', 'stage', 'batch', 'sample', 'op'], kind) - 1 as kind,
       'project:' || c[1] as project_ref,
       if(len(c) >= 2 and kind <> 'deployment', 'run:' || c[1] || '.' || c[2], null) as run_ref,
       if(len(c) >= 3, 'stage:' || array_to_string(c[1:3], '.'), null) as stage_ref,
       if(len(c) = 5 or kind = 'batch', 'batch:' || array_to_string(c[1:4], '.'), null) as batch_ref
from each
"""
"""Makes `refs`: every well-formed ref of `slice` with all its ancestors, each once, in order of appearance.

Parents follow from the ref alone (format: stage extends run, batch extends stage, and so on), so scopes
that never recorded anything themselves are there too.
"""
