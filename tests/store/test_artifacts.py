"""The artifact vault: bodies come in whole, stay what they are, and never leave their folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta import Contexta
from contexta.errors import (
    ArtifactError,
    ConfigurationError,
    ConflictError,
    ContextaError,
    IntegrityError,
    NotFoundError,
    ReadOnlyStoreError,
    SchemaVersionError,
    StoreAccessError,
    ValidationError,
)
from contexta.store.artifacts import ArtifactStore, IngestMode, VaultConfig
from contexta.store.disk import safe_name
from contexta.store.vault_paths import Place, binding_place, body_place, body_places, suffixes
from tests.store.building import manifest

REF = "artifact:p.r.model"
SHARD = hashlib.sha256(REF.encode()).hexdigest()[:2]


@pytest.fixture
def vault(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "ws" / "artifacts")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "trained.tar.gz"
    path.write_bytes(b"weights")
    return path


def refused(call: Callable[[], object], kind: type[ContextaError], code: str) -> ContextaError:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.code == code
    assert type(caught.value) is kind
    return caught.value


def binding_file(vault: ArtifactStore) -> Path:
    return vault.root_path / "bindings" / "artifact__p.r.model.binding.json"


def test_nothing_is_created_before_the_first_put(vault: ArtifactStore) -> None:
    assert (len(vault.list()), vault.list_refs(), vault.verify_all().healthy) == (0, (), True)
    assert vault.find(REF) is None
    assert not vault.artifact_exists(REF)
    refused(lambda: vault.get(REF), NotFoundError, "artifact_store_binding_not_found")
    assert vault.remove_abandoned_staging() == ()
    assert not vault.root_path.parent.exists()


def test_a_body_has_the_place_and_the_binding_of_the_format(vault: ArtifactStore, source: Path) -> None:
    receipt = vault.put_artifact(manifest(), source)
    path = vault.root_path / "objects" / "model_bundle" / SHARD / "artifact__p.r.model.bin"
    assert (receipt.path, path.read_bytes(), receipt.bytes_written) == (path, b"weights", 7)
    text = binding_file(vault).read_text()
    binding = json.loads(text)
    assert text == json.dumps(binding, indent=2, sort_keys=True) + "\n"
    assert re.fullmatch(r"binding-[0-9a-f]{32}", binding.pop("binding_id"))
    assert binding.pop("created_at").endswith("Z")
    assert binding == {
        "artifact_ref": REF,
        "artifact_kind": "model_bundle",
        "source_name": "trained.tar.gz",
        "ingest_mode": "copy",
        "size_bytes": 7,
        "hash_algorithm": "sha256",
        "hash_value": hashlib.sha256(b"weights").hexdigest(),
        "layout_version": "v1",
        "manifest_snapshot": manifest().to_dict(),
    }
    (entry,) = (vault.root_path / "history" / "bindings" / "artifact__p.r.model").iterdir()
    assert json.loads(entry.read_text())["binding"] == json.loads(text)
    assert list((vault.root_path / "staging").iterdir()) == []
    assert source.read_bytes() == b"weights"


def test_everything_that_is_created_is_private(vault: ArtifactStore, source: Path) -> None:
    source.chmod(0o644)
    vault.put_artifact(manifest(), source)
    vault.put_artifact(manifest("moved"), source, mode="move")
    found = [vault.root_path.parent, *vault.root_path.parent.rglob("*")]
    assert {(stat.S_IMODE(path.stat().st_mode), path.is_dir()) for path in found} == {
        (0o700, True),
        (0o600, False),
    }


def test_what_was_put_can_be_found_and_read(vault: ArtifactStore, source: Path) -> None:
    vault.put_artifact(manifest("b"), source)
    vault.put_artifact(manifest("a", attributes={"note": "grün", "none": None}), source)
    handle = vault.get_artifact("artifact:p.r.a")
    assert handle.manifest == manifest("a", attributes={"note": "grün", "none": None})
    assert (handle.artifact_ref, handle.path) == ("artifact:p.r.a", vault.body_path("artifact:p.r.a"))
    with vault.open_body("artifact:p.r.a") as body:
        assert body.read() == b"weights"
    assert vault.list_refs() == ("artifact:p.r.a", "artifact:p.r.b")
    assert [one.artifact_ref for one in vault.list()] == ["artifact:p.r.a", "artifact:p.r.b"]
    assert vault.artifact_exists("artifact:p.r.b")
    assert vault.find("artifact:p.r.b") is not None


@pytest.mark.parametrize("mode", ["move", IngestMode.ADOPT])
def test_a_moved_body_leaves_its_place(vault: ArtifactStore, source: Path, mode: IngestMode | str) -> None:
    vault.put_artifact(manifest("other"), source)
    if mode == "adopt":
        source = source.rename(vault.root_path / "staging" / source.name)
    receipt = vault.put_artifact(manifest(), source, mode=mode)
    assert receipt.binding.ingest_mode == mode
    assert receipt.path.read_bytes() == b"weights"
    assert receipt.path.stat().st_nlink == 1
    assert not source.exists()


def test_a_file_with_two_names_is_copied_when_it_is_moved(
    vault: ArtifactStore, source: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.hardlink_to(source)
    receipt = vault.put_artifact(manifest(), source, mode="move")
    other.write_bytes(b"changed")
    assert receipt.path.read_bytes() == b"weights"
    assert not source.exists()


def test_the_usual_mode_is_that_of_the_settings(vault: ArtifactStore, source: Path) -> None:
    moving = ArtifactStore(VaultConfig(vault.root_path, default_ingest_mode="move"))
    moving.put_artifact(manifest(), source)
    assert not source.exists()


def test_the_same_body_again_changes_nothing(vault: ArtifactStore, source: Path) -> None:
    first = vault.put_artifact(manifest(), source)
    before = {path: path.read_bytes() for path in vault.root_path.rglob("*") if path.is_file()}
    second = vault.put_artifact(manifest(created_at="2026-02-02T00:00:00Z"), source, mode="move")
    assert (second.binding, second.path, second.bytes_written) == (first.binding, first.path, 0)
    assert {path: path.read_bytes() for path in vault.root_path.rglob("*") if path.is_file()} == before
    assert not source.exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"cut")])
def test_the_same_body_again_replaces_one_that_is_gone(
    vault: ArtifactStore, source: Path, damage: Callable[[Path], object]
) -> None:
    first = vault.put_artifact(manifest(), source)
    damage(first.path)
    again = vault.put_artifact(manifest(), source)
    assert (again.binding, again.bytes_written) == (first.binding, 7)
    assert vault.verify(REF).verified


@pytest.mark.parametrize(
    ("body", "changes"), [(b"another", {}), (b"weights", {"artifact_kind": "checkpoint"})]
)
def test_another_body_or_kind_is_a_conflict(
    vault: ArtifactStore, source: Path, body: bytes, changes: dict[str, str]
) -> None:
    vault.put_artifact(manifest(), source)
    source.write_bytes(body)
    refused(
        lambda: vault.put_artifact(manifest(**changes), source, mode="move"),
        ConflictError,
        "artifact_binding_conflict",
    )
    assert source.read_bytes() == body
    assert vault.body_path(REF).read_bytes() == b"weights"
    assert vault.verify_all().healthy


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"size_bytes": 8}, "artifact_store_size_mismatch"),
        ({"hash_value": "ab" * 32}, "artifact_store_hash_mismatch"),
        ({"hash_value": "md5:1234"}, "artifact_store_hash_mismatch"),
    ],
)
def test_a_manifest_that_disagrees_with_the_file_is_refused(
    vault: ArtifactStore, source: Path, claims: dict[str, object], code: str
) -> None:
    refused(lambda: vault.put_artifact(manifest(**claims), source, mode="move"), IntegrityError, code)
    assert source.read_bytes() == b"weights"
    assert [path for path in vault.root_path.rglob("*") if path.is_file()] == []


def test_a_manifest_that_agrees_with_the_file_is_taken(vault: ArtifactStore, source: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest().upper()
    assert vault.put_artifact(manifest(size_bytes=7, hash_value=digest), source).bytes_written == 7
    assert vault.verify(REF).verified


@pytest.mark.parametrize("mode", ["copy", "move"])
def test_only_regular_files_come_in(vault: ArtifactStore, tmp_path: Path, mode: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/null"), Path("/dev/zero")):
        refused(
            lambda path=path: vault.put_artifact(manifest(), path, mode=mode),
            ValidationError,
            "artifact_store_invalid_source",
        )
    refused(
        lambda: vault.put_artifact(manifest(), tmp_path / "nothing", mode=mode),
        ValidationError,
        "artifact_store_missing_source",
    )
    refused(
        lambda: vault.put_artifact(manifest(), "nul\0byte", mode=mode),
        ValidationError,
        "artifact_store_invalid_source",
    )
    assert not vault.root_path.exists()


def test_a_link_is_followed_for_a_copy_but_not_taken_away(
    vault: ArtifactStore, source: Path, tmp_path: Path
) -> None:
    link = tmp_path / "latest.bin"
    link.symlink_to(source)
    refused(
        lambda: vault.put_artifact(manifest(), link, mode="move"),
        ValidationError,
        "artifact_store_invalid_source",
    )
    receipt = vault.put_artifact(manifest(), link)
    assert receipt.path.read_bytes() == b"weights"
    assert not receipt.path.is_symlink()
    assert link.is_symlink()


def test_only_a_staged_file_is_adopted(vault: ArtifactStore, source: Path) -> None:
    refused(
        lambda: vault.put_artifact(manifest(), source, mode="adopt"),
        ValidationError,
        "artifact_store_invalid_adopt_source",
    )


@pytest.mark.parametrize("mode", ["steal", None, 3])
def test_a_mode_nobody_knows_is_refused(vault: ArtifactStore, source: Path, mode: object) -> None:
    if mode is None:
        with pytest.raises(ConfigurationError) as caught:
            VaultConfig(vault.root_path, default_ingest_mode="steal")
        assert caught.value.code == "artifact_store_invalid_config"
        return
    refused(
        lambda: vault.put_artifact(manifest(), source, mode=mode),
        ValidationError,
        "artifact_store_invalid_ingest_mode",
    )


def test_a_manifest_that_is_none_or_cannot_be_written_is_refused(vault: ArtifactStore, source: Path) -> None:
    for bad in ({"artifact_ref": REF}, manifest(attributes={"a": "half \ud800"})):
        refused(
            lambda bad=bad: vault.put_artifact(bad, source),
            ValidationError,
            "artifact_store_invalid_manifest",
        )
    assert not binding_file(vault).exists()


def test_a_read_only_vault_refuses_to_write(vault: ArtifactStore, source: Path) -> None:
    vault.put_artifact(manifest(), source)
    reading = ArtifactStore(VaultConfig(vault.root_path, read_only=True))
    for call in (
        lambda: reading.put_artifact(manifest("other"), source),
        lambda: reading.bind_artifact(manifest("other"), source),
        reading.remove_abandoned_staging,
    ):
        refused(call, ReadOnlyStoreError, "artifact_store_read_only")
    assert reading.verify_all().healthy


@pytest.mark.parametrize("given_settings", [{"read_only": 1}, {"lock_timeout_seconds": -1}])
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, given_settings: dict[str, object]) -> None:
    refused(
        lambda: VaultConfig(tmp_path, **given_settings),
        ConfigurationError,
        "artifact_store_invalid_config",
    )


def test_settings_come_from_a_section_of_the_configuration(tmp_path: Path) -> None:
    config = ArtifactStore.from_settings(tmp_path, {"read_only": True, "verification_mode": "strict"}).config
    assert config == VaultConfig(tmp_path, read_only=True)
    assert ArtifactStore.from_settings(tmp_path, None).config == VaultConfig(tmp_path)
    refused(
        lambda: ArtifactStore.from_settings(tmp_path, 3),
        ConfigurationError,
        "artifact_store_invalid_config",
    )


def test_the_facade_has_the_vault_of_its_workspace(tmp_path: Path, source: Path) -> None:
    ctx = Contexta(
        workspace=tmp_path / "ws",
        config={"project_name": "p", "artifacts": {"default_ingest_mode": "move"}},
    )
    vault = ctx.artifact_store
    assert vault is ctx.artifact_store
    assert vault.config == VaultConfig(tmp_path / "ws" / "artifacts", default_ingest_mode="move")
    assert len(vault.list()) == 0
    assert not (tmp_path / "ws").exists()
    assert vault.put_artifact(manifest(), source).path.is_relative_to(tmp_path / "ws")


def test_a_body_that_is_in_its_place_can_be_bound(vault: ArtifactStore, source: Path) -> None:
    home = vault.put_artifact(manifest(), source).path
    binding_file(vault).unlink()
    binding = vault.bind_artifact(manifest(), home)
    assert (binding.ingest_mode, binding.source_name) == ("adopt", home.name)
    assert vault.bind_artifact(manifest(), home) == binding
    assert vault.verify(REF).verified
    error = refused(
        lambda: vault.bind_artifact(manifest("other"), source),
        ValidationError,
        "artifact_store_noncanonical_body_path",
    )
    refused(
        lambda: vault.bind_artifact(manifest("other"), str(error.details["expected_path"])),
        ValidationError,
        "artifact_store_missing_source",
    )
    refused(
        lambda: vault.bind_artifact(manifest(size_bytes=1), home),
        IntegrityError,
        "artifact_store_size_mismatch",
    )


@pytest.mark.parametrize(
    ("damage", "status"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b"cut"), "size_mismatch"),
        (lambda path: path.write_bytes(b"WEIGHTS"), "hash_mismatch"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "unreadable"),
        (lambda path: (path.unlink(), path.mkdir()), "unreadable"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "unreadable"),
        (lambda path: (path.unlink(), path.parent.rmdir(), path.parent.symlink_to("/tmp")), "unreadable"),
    ],
)
def test_verification_tells_what_became_of_a_body(
    vault: ArtifactStore, source: Path, damage: Callable[[Path], object], status: str
) -> None:
    vault.put_artifact(manifest("fine"), source)
    damage(vault.put_artifact(manifest(), source).path)
    report = vault.verify(REF)
    assert (report.status, report.verified, report.expected_size_bytes) == (status, False, 7)
    assert report.message.endswith(".")
    sweep = vault.verify_all()
    assert [one.status for one in sweep.reports] == ["ok", status]
    assert not sweep.healthy
    assert sweep.missing_refs == ((REF,) if status == "missing" else ())
    assert sweep.drifted_refs == ((REF,) if status.endswith("mismatch") else ())
    assert vault.get(REF).artifact_ref == REF
    assert len(vault.list()) == 2
    if status == "missing":
        refused(lambda: vault.open_body(REF), NotFoundError, "artifact_store_body_not_found")
        refused(lambda: vault.body_path(REF), NotFoundError, "artifact_store_body_not_found")
    if status == "unreadable":
        refused(lambda: vault.open_body(REF), ArtifactError, "artifact_store_body_unreadable")


def test_a_hash_of_another_algorithm_cannot_be_verified(vault: ArtifactStore, source: Path) -> None:
    vault.put_artifact(manifest(), source)
    path = binding_file(vault)
    path.write_text(path.read_text().replace('"sha256"', '"blake3"'))
    assert vault.verify(REF).status == "unreadable"


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        (lambda data: b"", IntegrityError, "artifact_store_binding_invalid"),
        (lambda data: data[:100], IntegrityError, "artifact_store_binding_invalid"),
        (lambda data: b"[" * 3000, IntegrityError, "artifact_store_binding_invalid"),
        (
            lambda data: data.replace(b"p.r.model", b"p.r.other"),
            IntegrityError,
            "artifact_store_binding_invalid",
        ),
        (
            lambda data: data.replace(b'"model_bundle"', b'"../../../etc"'),
            IntegrityError,
            "artifact_store_binding_invalid",
        ),
        (
            lambda data: data.replace(b'"body.bin"', b'"body.' + b"x" * 300 + b'"'),
            IntegrityError,
            "artifact_store_binding_invalid",
        ),
        (
            lambda data: data.replace(b'"v1"', b'"v2"'),
            SchemaVersionError,
            "artifact_store_layout_unsupported",
        ),
    ],
)
def test_a_damaged_binding_concerns_its_artifact_only(
    vault: ArtifactStore,
    source: Path,
    change: Callable[[bytes], bytes],
    kind: type[ContextaError],
    code: str,
) -> None:
    vault.put_artifact(manifest("fine"), source)
    vault.put_artifact(manifest(), source)
    path = binding_file(vault)
    path.write_bytes(change(path.read_bytes()))
    refused(lambda: vault.get(REF), kind, code)
    refused(lambda: vault.put_artifact(manifest(), source), kind, code)
    listing = vault.list()
    assert [one.artifact_ref for one in listing] == ["artifact:p.r.fine"]
    assert [(one.path, one.code) for one in listing.problems] == [(path, code)]
    sweep = vault.verify_all()
    assert ([one.status for one in sweep.reports], len(sweep.problems)) == (["ok"], 1)


def test_a_manifest_of_another_version_is_read(vault: ArtifactStore, source: Path) -> None:
    vault.put_artifact(manifest(schema_version="9.0.0"), source)
    path = binding_file(vault)
    path.write_text(path.read_text().replace('"attributes": {}', '"attributes": {}, "mood": "good"'))
    assert vault.get(REF).manifest.schema_version == "9.0.0"


def test_bindings_behind_links_and_pipes_are_not_read(vault: ArtifactStore, source: Path) -> None:
    vault.put_artifact(manifest(), source)
    path = binding_file(vault)
    moved = path.rename(source.with_name("binding.json"))
    path.symlink_to(moved)
    os.mkfifo(path.with_name("artifact__p.r.pipe.binding.json"))
    refused(lambda: vault.get(REF), ArtifactError, "artifact_store_binding_unreadable")
    assert {one.code for one in vault.list().problems} == {"artifact_store_binding_unreadable"}
    assert len(vault.list().problems) == 2


def test_a_folder_behind_a_link_is_refused(vault: ArtifactStore, source: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    vault.root_path.mkdir(parents=True)
    (vault.root_path / "bindings").symlink_to(outside)
    (vault.root_path / "objects").symlink_to(outside)
    refused(vault.list, StoreAccessError, "artifact_store_unreadable")
    refused(
        lambda: vault.put_artifact(manifest(), source, mode="move"),
        ArtifactError,
        "artifact_store_binding_unreadable",
    )
    (vault.root_path / "bindings").unlink()
    refused(
        lambda: vault.put_artifact(manifest(), source, mode="move"),
        ArtifactError,
        "artifact_store_write_failed",
    )
    assert list(outside.iterdir()) == []
    assert source.read_bytes() == b"weights"


@pytest.mark.parametrize("ref", ["artifact", "run:p.r", "artifact:../../x", "artifact:p.r"])
def test_what_is_no_artifact_reference_is_refused(vault: ArtifactStore, ref: str) -> None:
    with pytest.raises(ValidationError) as caught:
        vault.get(ref)
    assert caught.value.code.startswith("stable_ref_")


@pytest.mark.parametrize(
    ("location", "suffix"),
    [
        ("body.bin", ".bin"),
        ("path:/a/m.tar.gz", ".tar.gz"),
        ("a.b/m", ""),
        ("a/.hidden", ""),
        ("a/..gz", ""),
        ("a/x..gz", "..gz"),
        ("a/x.", ""),
        ("a/..", ""),
        ("m.bin/", ".bin"),
        ("m.v1.2 x.gz", ".v1.2 x.gz"),
        ("http://h/a.b?c=1.2", ".b?c=1.2"),
        ("", ""),
        ("s3://bucket/model", ""),
    ],
)
def test_suffixes_are_those_of_the_last_element(location: str, suffix: str) -> None:
    assert suffixes(location) == suffix


def test_a_body_that_public_contexta_put_by_the_suffix_of_its_source_is_found(
    vault: ArtifactStore, source: Path
) -> None:
    receipt = vault.put_artifact(manifest(location="models/final"), source)
    # Public Contexta finds a body of a location without suffix only when it has none.
    assert receipt.path.name == "artifact__p.r.model"
    other = receipt.path.rename(receipt.path.with_name("artifact__p.r.model.tar.gz"))
    assert vault.verify(REF).verified
    assert (vault.body_path(REF), vault.get(REF).path) == (other, other)


@pytest.mark.parametrize("location", ["m." + "x" * 250, "m.\0", "m.\ud800", "m." + "é" * 120])
def test_a_location_that_makes_no_file_name_is_refused(location: str) -> None:
    refused(
        lambda: body_place(REF, "model_bundle", location),
        ValidationError,
        "artifact_store_unusable_name",
    )


@pytest.mark.parametrize("ref", ["", "::", "...", "//", "___"])
def test_a_reference_that_makes_no_file_name_is_refused(ref: str) -> None:
    refused(lambda: binding_place(ref), ValidationError, "artifact_store_unusable_name")


@pytest.mark.parametrize("kind", ["", "..", "../x", "Model", "a/b", "a b"])
def test_a_kind_that_is_no_word_is_refused(kind: str) -> None:
    refused(lambda: body_place(REF, kind, "x"), ValidationError, "artifact_store_unusable_name")


hostile = st.text() | st.lists(
    st.sampled_from(["..", "/", ".", "\0", "a", ":", "\\", "\n", "~", "\ud800", "é", "artifact:"]),
    max_size=12,
).map("".join)


@given(hostile)
def test_a_safe_name_is_one_plain_name(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9._-]*", name)
    assert name not in {".", ".."}
    assert name == name.strip("._")


@given(hostile, hostile, hostile, hostile)
def test_no_path_leads_out_of_the_vault(ref: str, kind: str, location: str, source_name: str) -> None:
    root = "/vault"
    places: list[Place] = []
    with suppress(ValidationError):
        places += [binding_place(ref)]
        places += body_places(ref, kind, location, source_name)
    with suppress(ValidationError):
        places += body_places(ref, "checkpoint", location, source_name)
    for place in places:
        path = os.path.join(root, *place.folders, place.name)  # noqa: PTH118 - hostile text is no Path yet
        assert os.path.normpath(path) == path
        assert path.startswith(root + "/")
        assert path.count("/") == 2 + len(place.folders)
        assert len(os.fsencode(place.name)) <= 255
