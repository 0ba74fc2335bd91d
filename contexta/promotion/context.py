"""What may be written of a scope, and whether it says more than what the ledger has.

The rules, in the order in which they count:

* What was stated is written as it was stated, an open scope as open. The contract's reserved extensions go
  along, because a sample's status and a run's data set have no other place.
* Of a scope that only records are known of, nothing is written: nobody stated how it ended. When the caller
  assumes that it was completed, its start and end are the first and last thing observed in it. Such a row
  carries no mark, so that public Contexta, which refuses extensions it does not know, can read it.
* The later fact wins: what the ledger has is replaced by a statement that was made later, and never by an
  assumption unless it is the same assumption with a later end. A project is written once.
* A row whose parent is neither stored nor written is left out, and so are the rows under it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.extensions import ContractModel
from contexta.contract.refs import StableRef, parent_refs
from contexta.contract.times import instant
from contexta.errors import ContextaError
from contexta.promotion.models import model_of
from contexta.promotion.result import (
    INVALID_CONTEXT,
    NOT_IN_LEDGER,
    PARTLY,
    UNKNOWN_STATUS,
    Tally,
)
from contexta.promotion.scopes import Observed, Scopes

_MODELS: Final[Mapping[str, type[ContractModel]]] = {
    model.__name__: model
    for model in (
        Project,
        Run,
        StageExecution,
        BatchExecution,
        SampleObservation,
        DeploymentExecution,
        EnvironmentSnapshot,
    )
}
_KINDS: Final = ("run", "stage", "batch", "sample", "deployment")
_TIMES: Final = ("ended_at", "started_at", "observed_at", "captured_at", "created_at")
_NEVER: Final = "only records are known of it: nothing says how it ended"


@dataclass(frozen=True, slots=True)
class Fact:
    """A row that the ledger may get.

    Attributes:
        model: The row.
        is_assumed: Whether nobody stated it.
    """

    model: ContractModel
    is_assumed: bool = False

    @property
    def ref(self) -> str:
        """The scope."""
        return own_ref(self.model)


def own_ref(model: ContractModel) -> str:
    """Return a model's own reference, which is its first field."""
    return str(getattr(model, next(iter(type(model).model_fields))))


class Facts:
    """The rows that a capture has for the ledger, by the run or project that they belong to.

    Args:
        scopes: What was collected.
        tally: Is told what cannot be a row.
        assume_completed: Whether scopes that only records are known of count as completed.
    """

    def __init__(self, scopes: Scopes, tally: Tally, *, assume_completed: bool) -> None:
        self._scopes = scopes
        self._tally = tally
        self._assume_completed = assume_completed
        self.unknown: set[str] = set()
        """Scopes of which nothing was stated and nothing is assumed."""
        self._groups: dict[str, list[str]] = {}
        for ref, statement in scopes.statements.items():
            if statement.payload_type != "Project":
                self._groups.setdefault(statement.owner, []).append(ref)
        for ref, seen in scopes.observed.items():
            if ref not in scopes.statements and ref.partition(":")[0] in _KINDS:
                self._groups.setdefault(_group_of(ref, seen), []).append(ref)

    def groups(self) -> tuple[str, ...]:
        """Return the runs and, for what belongs to none, the projects that have rows."""
        return tuple(self._groups)

    def of(self, group: str) -> Iterator[Fact]:
        """Yield the rows of a run or project; its project's comes with them."""
        stated = self._scopes.statements
        found = False
        for ref in self._groups[group]:
            fact = self._stated(ref) if ref in stated else self._assumed(ref)
            if fact is not None:
                found = True
                yield fact
        if found:
            project = self._project(StableRef.parse(group))
            if project is not None:
                yield Fact(project)

    def _stated(self, ref: str) -> Fact | None:
        statement = self._scopes.statements[ref]
        model = _MODELS.get(statement.payload_type)
        if model is None:
            self._tally.leave_out(ref, NOT_IN_LEDGER, "the ledger has no table for it")
            return None
        built, given_up = model_of(model, statement.plain())
        if built is None or own_ref(built) != ref:
            self._tally.leave_out(ref, INVALID_CONTEXT, "; ".join(given_up) or "it names another scope")
            return None
        if given_up:
            self._tally.leave_out(ref, PARTLY, "; ".join(given_up))
        return Fact(built)

    def _assumed(self, ref: str) -> Fact | None:
        if not self._assume_completed:
            self.unknown.add(ref)
            return None
        try:
            return Fact(_completed(StableRef.parse(ref), self._scopes.observed[ref]), is_assumed=True)
        except ContextaError as error:
            self._tally.leave_out(ref, INVALID_CONTEXT, error.message)
            return None

    def _project(self, member: StableRef) -> Project | None:
        ref = StableRef("project", member.components[0])
        born = self._scopes.born(ref.text)
        statement = self._scopes.statements.get(ref.text)
        built = None if statement is None else model_of(Project, statement.plain())[0]
        if built is not None:
            return built if born is None else built.replace(created_at=f"{born}Z")
        return None if born is None else Project(project_ref=ref, name=ref.name, created_at=f"{born}Z")

    def leave_out_unknown(self, stored: set[str]) -> None:
        """Tell of the scopes of which nothing is written, but for those that the ledger knows anyway."""
        for ref in sorted(self.unknown - stored, key=lambda ref: ref.partition(":")[2]):
            self._tally.leave_out(ref, UNKNOWN_STATUS, _NEVER)
        self.unknown.clear()


def is_news(fact: Fact, stored: ContractModel) -> bool:
    """Tell whether a captured row says more than the one that is stored under the same reference."""
    model = fact.model
    if model == stored or isinstance(model, Project):
        return False
    if fact.is_assumed and not _same_assumption(model, stored):
        return False
    return _standing(model) > _standing(stored)


def _same_assumption(model: ContractModel, stored: ContractModel) -> bool:
    names = ("status", "started_at", "observed_at")
    return all(getattr(model, name, None) == getattr(stored, name, None) for name in names)


def _standing(model: ContractModel) -> tuple[Any, bool]:
    """When a row was true at the latest, and whether it is final; compares as later facts do."""
    lifecycle = model.extension("contexta.lifecycle")
    ended_at = lifecycle.get("ended_at") or getattr(model, "ended_at", None)
    texts = (ended_at, *(getattr(model, name, None) for name in _TIMES))
    moment = next(text for text in texts if isinstance(text, str))
    return _instant(moment), ended_at is not None


def _instant(text: str) -> Any:
    try:
        return instant(text)
    except ValueError:
        return instant("0001-01-01T00:00:00Z")


def _group_of(ref: str, seen: Observed) -> str:
    if ref.startswith("deployment:"):
        return seen.link or f"project:{ref.partition(':')[2].partition('.')[0]}"
    names = ref.partition(":")[2].split(".")
    return f"run:{'.'.join(names[:2])}"


def _completed(ref: StableRef, seen: Observed) -> ContractModel:
    """Return the row of a scope that is assumed to be completed.

    Raises:
        ValidationError: The contract has no such scope.
    """
    above = {parent.kind: parent for parent in parent_refs(ref)}
    times: dict[str, object] = {
        "status": "completed",
        "started_at": f"{seen.first}Z",
        "ended_at": f"{seen.last}Z",
    }
    if ref.kind == "run":
        return Run(run_ref=ref, project_ref=above["project"], name=ref.name, **times)
    if ref.kind == "deployment":
        return DeploymentExecution(
            deployment_execution_ref=ref,
            project_ref=above["project"],
            deployment_name=ref.name,
            run_ref=seen.link,
            **times,
        )
    if ref.kind == "stage":
        return StageExecution(
            stage_execution_ref=ref,
            run_ref=above["run"],
            stage_name=ref.name,
            **times,
        )
    if ref.kind == "batch":
        return BatchExecution(
            batch_execution_ref=ref,
            run_ref=above["run"],
            stage_execution_ref=above["stage"],
            batch_name=ref.name,
            **times,
        )
    return SampleObservation(
        sample_observation_ref=ref,
        run_ref=above["run"],
        stage_execution_ref=above["stage"],
        batch_execution_ref=above.get("batch"),
        sample_name=ref.name,
        observed_at=f"{seen.first}Z",
    )
