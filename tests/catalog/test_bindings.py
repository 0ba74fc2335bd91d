"""The artifact vault's bindings: what they register, and what cannot be read of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.query.results import ArtifactRow, SourceRow
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.lines import Lines


class Vault:
    """A workspace with bindings, and a catalog that follows it."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / ".contexta"
        self.folder = self.workspace / "artifacts" / "bindings"
        self.folder.mkdir(parents=True)
        self.catalog = Catalog.in_memory([self.workspace])
        self.indexer = Indexer(self.catalog, [self.workspace])
        self.reader = CatalogReader(self.catalog)

    def bind(self, name: str, **manifest: Any) -> Path:
        ref = f"artifact:demo.r1.{name}"
        stated = {
            "artifact_ref": ref,
            "artifact_kind": "model",
            "run_ref": "run:demo.r1",
            "location_ref": f"vault/{name}",
            "size_bytes": 5,
            "hash_value": "ab",
            "created_at": "2026-01-01T00:00:00Z",
            **manifest,
        }
        path = self.folder / f"{name}.binding.json"
        document = {"artifact_ref": ref, "created_at": "2026-01-01T00:00:00Z", "manifest_snapshot": stated}
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")
        return path

    def artifacts(self) -> tuple[ArtifactRow, ...]:
        self.indexer.catch_up()
        return self.reader.lineage(None).artifacts

    @property
    def source(self) -> SourceRow:
        (source,) = (source for source in self.reader.sources() if source.kind == "artifacts")
        return source


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def test_a_binding_is_an_artifact_of_its_run(vault: Vault) -> None:
    vault.bind("model")
    (artifact,) = vault.artifacts()
    run = vault.reader.find("run:demo.r1")
    assert run is not None
    assert (artifact.ref, artifact.kind, artifact.size_bytes) == ("artifact:demo.r1.model", "model", 5)
    assert (artifact.run_id, artifact.origin.labels()) == (run.id, ("stored",))


def test_bindings_come_change_and_go(vault: Vault) -> None:
    vault.bind("model")
    vault.bind("report")
    assert len(vault.artifacts()) == 2
    vault.bind("model", size_bytes=77)
    assert {artifact.size_bytes for artifact in vault.artifacts()} == {5, 77}
    (vault.folder / "report.binding.json").unlink()
    vault.bind("other")
    assert {artifact.ref.rpartition(".")[2] for artifact in vault.artifacts()} == {"model", "other"}
    expected = catalog_tables.fresh(vault.workspace)
    assert catalog_tables.without_order(vault.catalog) == catalog_tables.without_order(expected)
    expected.close()


def test_a_captured_and_bound_artifact_is_one(vault: Vault) -> None:
    capture = vault.workspace / "cache" / "capture"
    capture.mkdir(parents=True)
    (capture / "artifact.jsonl").write_bytes(Lines().artifact("model"))
    vault.bind("model")
    (artifact,) = vault.artifacts()
    assert artifact.origin.labels() == ("captured", "stored")


def test_what_cannot_be_read_is_counted_and_named(vault: Vault, tmp_path: Path) -> None:
    vault.bind("model")
    (vault.folder / "bad.binding.json").write_text("{", encoding="utf-8")
    (vault.folder / "foreign.binding.json").write_text("[]", encoding="utf-8")
    vault.bind("hostile", run_ref="run:x; drop", artifact_ref="artifact:demo.r1.hostile")
    outside = tmp_path / "outside.binding.json"
    outside.write_text("{}", encoding="utf-8")
    (vault.folder / "link.binding.json").symlink_to(outside)
    os.mkfifo(vault.folder / "pipe.binding.json")
    (vault.folder / "readme.txt").write_text("not one", encoding="utf-8")
    assert [artifact.ref for artifact in vault.artifacts()] == ["artifact:demo.r1.model"]
    assert (vault.source.lines, vault.source.damaged_lines) == (4, 3)
    (issue,) = (issue for issue in vault.reader.issues() if issue.code == "damaged_line")
    assert issue.summary.startswith("3 bindings cannot be read, the first of them: bad.binding.json: ")


def test_a_vault_outside_the_workspace_is_not_read(vault: Vault, tmp_path: Path) -> None:
    vault.bind("model")
    vault.folder.rename(tmp_path / "elsewhere")
    vault.folder.symlink_to(tmp_path / "elsewhere")
    assert vault.artifacts() == ()
    assert vault.source.detail == "a link that leads out of the workspace"
