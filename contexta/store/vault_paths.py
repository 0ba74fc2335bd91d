"""Where the body and the binding of an artifact lie in the vault.

Pure functions from a manifest to names; nothing here touches the disk. The path of a body is not stored
anywhere but follows from the manifest, so both libraries must compute the same (format specification,
section 1). Whatever a manifest says, the names stay below the vault: each is one name without a slash, and
never a point or two.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from contexta.contract.fields import SNAKE_PATTERN
from contexta.errors import ValidationError
from contexta.store.disk import safe_name

BINDINGS: Final = "bindings"
OBJECTS: Final = "objects"
STAGING: Final = "staging"
BINDING_HISTORY: Final = ("history", "bindings")
LOCK: Final = ".vault.lock"
BINDING_SUFFIX: Final = ".binding.json"

_MAX_NAME_BYTES: Final = 255
_KIND: Final = re.compile(SNAKE_PATTERN)


@dataclass(frozen=True, slots=True)
class Place:
    """A file below the vault.

    Attributes:
        folders: The names of the folders on the way.
        name: The file.
    """

    folders: tuple[str, ...]
    name: str


def binding_place(artifact_ref: str) -> Place:
    """Return where the binding of an artifact lies.

    Raises:
        ValidationError: ``artifact_store_unusable_name``.
    """
    return Place((BINDINGS,), _file_name(artifact_ref, BINDING_SUFFIX))


def history_place(artifact_ref: str, stamp: str) -> Place:
    """Return where an entry of the history of bindings lies.

    Args:
        artifact_ref: The artifact.
        stamp: What tells the entry from others.
    """
    return Place((*BINDING_HISTORY, _file_name(artifact_ref, "")), f"{safe_name(stamp)}.json")


def body_place(artifact_ref: str, artifact_kind: str, location_ref: str) -> Place:
    """Return where the body of an artifact belongs.

    The suffix is that of the location, and none when that has none. Public Contexta then takes the suffix of
    the source for writing, but looks for a body without one, finds it missing and answers no question about
    any run; a body without suffix it finds.

    Raises:
        ValidationError: ``artifact_store_unusable_name``: the kind is no lower-case word, or the name would
        be
            empty, longer than 255 bytes, or not a name.
    """
    return _body_place(artifact_ref, artifact_kind, suffixes(location_ref))


def body_places(artifact_ref: str, artifact_kind: str, location_ref: str, source_name: str) -> list[Place]:
    """Return where the body of an artifact may lie: where it belongs, or where public Contexta put it.

    Raises:
        ValidationError: As `body_place`, about the place where it belongs.
    """
    places = [body_place(artifact_ref, artifact_kind, location_ref)]
    if not suffixes(location_ref) and (of_source := suffixes(source_name)):
        # When that is no name, there can be no such file.
        with suppress(ValidationError):
            places.append(_body_place(artifact_ref, artifact_kind, of_source))
    return places


def suffixes(location: str) -> str:
    """Return all dotted suffixes of the last element of a location: ``.tar.gz`` of ``path:/a/m.tar.gz``.

    A name that begins with a point or ends in one has the suffix that `pathlib` of Python 3.11 sees.
    """
    name = location.rstrip("/").rpartition("/")[2]
    if name.endswith("."):
        return ""
    _, point, rest = name.lstrip(".").partition(".")
    return point + rest


def _body_place(artifact_ref: str, artifact_kind: str, suffix: str) -> Place:
    if _KIND.fullmatch(artifact_kind) is None:
        raise _unusable(artifact_ref, f"its kind {artifact_kind!r} is no lower-case word")
    shard = hashlib.sha256(artifact_ref.encode("utf-8", "surrogatepass")).hexdigest()[:2]
    return Place((OBJECTS, artifact_kind, shard), _file_name(artifact_ref, suffix))


def _file_name(artifact_ref: str, suffix: str) -> str:
    stem = safe_name(artifact_ref)
    name = stem + suffix
    if not stem:
        raise _unusable(artifact_ref, "nothing of its reference can be in a file name")
    if "\0" in name or "/" in name:
        raise _unusable(artifact_ref, f"a file name cannot end in {suffix!r}")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise _unusable(artifact_ref, f"a file name cannot end in {suffix!r}") from error
    if size > _MAX_NAME_BYTES:
        raise _unusable(artifact_ref, f"its file name would have {size} bytes; {_MAX_NAME_BYTES} are allowed")
    return name


def _unusable(artifact_ref: str, reason: str) -> ValidationError:
    return ValidationError(
        f"The vault has no place for {artifact_ref[:80]!r}: {reason}.",
        code="artifact_store_unusable_name",
        details={"artifact_ref": artifact_ref},
    )
