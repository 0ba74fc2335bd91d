"""Puts the rows of a capture into the ledger, one transaction a run.

A run is looked at twice: first without holding the ledger, so that a promotion that has nothing new to say
never writes to it; then again inside the transaction that writes, because somebody may have put something in
between. A kill leaves whole runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from contexta.contract.context import DeploymentExecution, Project
from contexta.contract.extensions import ContractModel
from contexta.contract.refs import StableRef
from contexta.errors import IntegrityError
from contexta.promotion.context import Fact, Facts, is_news, own_ref
from contexta.promotion.result import PARENT_MISSING, STORED_UNREADABLE, Tally
from contexta.store.ledger import MetadataStore
from contexta.store.ledger_tables import TABLES, Table, table_of

_Find = Callable[[str], ContractModel | None]
_ORDER: Final = {table: number for number, table in enumerate(TABLES)}


@dataclass(slots=True)
class _Decided:
    """What is to be done about a run.

    Attributes:
        news: Rows to put.
        unchanged: Rows that are there.
        left_out: Reference, code and reason.
    """

    news: list[ContractModel] = field(default_factory=list)
    unchanged: int = 0
    left_out: list[tuple[str, str, str]] = field(default_factory=list)


def put_facts(store: MetadataStore, facts: Facts, tally: Tally, *, dry_run: bool) -> None:
    """Put what is new.

    Args:
        store: The ledger.
        facts: The rows.
        tally: Gets the counts.
        dry_run: Look only.

    Raises:
        ReadOnlyStoreError: ``metadata_store_read_only``.
        StoreAccessError: ``metadata_store_open_failed``.
        MetadataError: ``metadata_transaction_failed``; runs before this one are stored.
    """
    registered = {entry.ref: entry.owner_kind for entry in store.list_registered_refs()}
    projects: set[str] = set()
    for group in facts.groups():
        # A project comes with each of its runs, and counts once.
        rows = sorted((fact for fact in facts.of(group) if fact.ref not in projects), key=_place)
        decided = _decide(store, StableRef.parse(group), rows, registered, projects)
        if decided.news and not dry_run:
            with store.transaction():
                decided = _decide(store, StableRef.parse(group), rows, registered, projects)
                store.put_many(decided.news)
        projects.update(fact.ref for fact in rows if isinstance(fact.model, Project))
        tally.context_written += len(decided.news)
        tally.context_unchanged += decided.unchanged
        for left in decided.left_out:
            tally.leave_out(*left)
    kinds = {table.owner_kind for table in TABLES}
    facts.leave_out_unknown({ref for ref, owner in registered.items() if owner in kinds})


def _place(fact: Fact) -> tuple[int, str]:
    table = table_of(fact.model)
    return (len(_ORDER) if table is None else _ORDER[table]), fact.ref


def _decide(
    store: MetadataStore,
    group: StableRef,
    rows: Sequence[Fact],
    registered: Mapping[str, str],
    projects: Set[str],
) -> _Decided:
    decided = _Decided()
    there, unreadable = _stored(store, group, rows)
    known = {*there, *projects}
    for fact in rows:
        table = table_of(fact.model)
        if table is None:
            continue
        ref = fact.ref
        found = there.get(ref)
        if found is not None:
            if is_news(fact, found):
                decided.news.append(fact.model)
            else:
                decided.unchanged += 1
        elif ref in unreadable or registered.get(ref) == table.owner_kind:
            # Lists leave such rows out; putting would replace what nobody has read.
            decided.left_out.append((ref, STORED_UNREADABLE, "the ledger has it, but it cannot be read"))
            known.add(ref)
        elif missing := _missing_parent(table, fact.model, known):
            decided.left_out.append((ref, PARENT_MISSING, f"{missing} is not in the ledger"))
        else:
            decided.news.append(fact.model)
            known.add(ref)
    return decided


def _missing_parent(table: Table[Any], model: ContractModel, known: Set[str]) -> str | None:
    for parent in table.parents:
        ref = getattr(model, table.columns[parent.column])
        if ref is not None and ref.text not in known:
            return str(ref)
    return None


def _stored(
    store: MetadataStore, group: StableRef, rows: Iterable[Fact]
) -> tuple[dict[str, ContractModel], set[str]]:
    """Return what the ledger has of a run, and which of it cannot be read."""
    found: dict[str, ContractModel] = {}
    unreadable: set[str] = set()
    singles: list[tuple[_Find, str]] = [(store.projects.find_project, f"project:{group.components[0]}")]
    singles += [(store.deployments.find_deployment_execution, ref) for ref in _deployments(rows)]
    if group.kind == "run":
        singles.append((store.runs.find_run, group.text))
        for listed in (
            store.stages.list_stage_executions(group),
            store.batches.list_batch_executions(run_ref=group),
            store.samples.list_sample_observations(run_ref=group),
            store.environments.list_environment_snapshots(group),
        ):
            found.update((own_ref(model), model) for model in listed)
    for find, ref in singles:
        try:
            model = find(ref)
        except IntegrityError:
            unreadable.add(ref)
            continue
        if model is not None:
            found[ref] = model
    return found, unreadable


def _deployments(rows: Iterable[Fact]) -> list[str]:
    return [fact.ref for fact in rows if isinstance(fact.model, DeploymentExecution)]
