"""Models for the tests of the ledger, and a store to put them in."""

from __future__ import annotations

from pathlib import Path

from contexta.contract import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    LineageEdge,
    Project,
    ProvenanceRecord,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.extensions import ContractModel
from contexta.store import MetadataStore, MetadataStoreConfig

START = "2025-01-01T00:00:00Z"


def store_at(path: Path | str, **settings: object) -> MetadataStore:
    return MetadataStore(MetadataStoreConfig(database_path=path, **settings))  # type: ignore[arg-type]


def project(name: str = "p") -> Project:
    return Project(f"project:{name}", name, START)


def run(name: str = "p.r", started_at: str = START) -> Run:
    parent, _, own = name.rpartition(".")
    return Run(f"run:{name}", f"project:{parent}", own, "open", started_at)


def stage(name: str = "p.r.s", order_index: int | None = None, started_at: str = START) -> StageExecution:
    parent, _, own = name.rpartition(".")
    return StageExecution(f"stage:{name}", f"run:{parent}", own, "open", started_at, None, order_index)


def batch(name: str = "p.r.s.b", order_index: int | None = None, started_at: str = START) -> BatchExecution:
    parent, _, own = name.rpartition(".")
    grandparent = parent.rpartition(".")[0]
    return BatchExecution(
        f"batch:{name}", f"run:{grandparent}", f"stage:{parent}", own, "open", started_at, None, order_index
    )


def sample(name: str = "p.r.s.x", observed_at: str = START) -> SampleObservation:
    """A sample of a stage (four names) or of a batch (five)."""
    parts = name.split(".")
    return SampleObservation(
        f"sample:{name}",
        f"run:{'.'.join(parts[:2])}",
        f"stage:{'.'.join(parts[:3])}",
        parts[-1],
        observed_at,
        f"batch:{'.'.join(parts[:4])}" if len(parts) == 5 else None,
    )


def deployment(
    name: str = "p.d", run_ref: str | None = None, order_index: int | None = None, started_at: str = START
) -> DeploymentExecution:
    parent, _, own = name.rpartition(".")
    return DeploymentExecution(
        f"deployment:{name}", f"project:{parent}", own, "open", started_at, None, order_index, run_ref
    )


def environment(name: str = "p.r.e", captured_at: str = START) -> EnvironmentSnapshot:
    return EnvironmentSnapshot(
        f"environment:{name}",
        f"run:{name.rpartition('.')[0]}",
        captured_at,
        "3.12.1",
        "linux",
        {"numpy": "2"},
    )


def relation(
    name: str = "p.one",
    source: str = "run:p.r",
    target: str = "artifact:p.r.model",
    recorded_at: str = START,
) -> LineageEdge:
    return LineageEdge(f"relation:{name}", "used", source, target, recorded_at, "explicit", "high")


def provenance(name: str = "p.one", of: str = "relation:p.one", asserted_at: str = START) -> ProvenanceRecord:
    return ProvenanceRecord(f"provenance:{name}", of, "explicit", asserted_at)


def family() -> list[ContractModel]:
    """One of each kind, all of run `run:p.r`, parents first."""
    return [
        project(),
        run(),
        deployment(run_ref="run:p.r"),
        stage(),
        batch(),
        sample(),
        sample("p.r.s.b.x"),
        environment(),
        relation(),
        provenance(),
    ]
