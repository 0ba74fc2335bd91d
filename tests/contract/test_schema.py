"""The JSON Schema files in `docs/schema` are those of the models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from contexta.contract import to_payload
from contexta.contract.model import FrozenModel
from contexta.contract.schema import MODELS, schema_files, schema_text, write_schemas
from tests.contract.examples import EXAMPLES, snake

FOLDER = Path(__file__).parents[2] / "docs" / "schema"


def test_the_files_are_up_to_date() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert there == schema_files(), "run `python -m contexta.contract.schema docs/schema`"


def test_writing_makes_the_folder_and_every_file(tmp_path: Path) -> None:
    write_schemas(tmp_path / "new" / "folder")
    assert len(list((tmp_path / "new" / "folder").iterdir())) == len(MODELS) == len(EXAMPLES)


@pytest.mark.parametrize("model", EXAMPLES, ids=snake)
def test_the_stored_form_of_a_model_fits_its_schema(model: FrozenModel) -> None:
    schema = json.loads(schema_text(type(model)))
    misfits = list(problems(to_payload(model), schema, schema.get("$defs", {}), "$"))
    assert misfits == []


def test_a_schema_refuses_what_the_model_refuses() -> None:
    schema = json.loads(schema_text(type(EXAMPLES[5])))
    good: Any = to_payload(EXAMPLES[5])
    for change in (
        {"sample_observation_ref": "sample:p.r"},
        {"run_ref": "stage:p.r.s"},
        {"sample_name": "a.b"},
        {"colour": "red"},
        {"retention_class": ""},
    ):
        assert list(problems(good | change, schema, {}, "$"))
    assert list(problems({}, schema, {}, "$"))


def problems(value: Any, schema: dict[str, Any], definitions: dict[str, Any], path: str) -> list[str]:
    """What does not fit, for the keywords that our schemas use."""
    if "$ref" in schema:
        return problems(value, definitions[schema["$ref"].rpartition("/")[2]], definitions, path)
    if "anyOf" in schema:
        choices = [problems(value, choice, definitions, path) for choice in schema["anyOf"]]
        return [] if [] in choices else choices[0]
    kinds = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "array": list,
        "object": dict,
        "null": type(None),
    }
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{path}: {value!r} is no {schema['type']}"]
    found = []
    if isinstance(value, str):
        fits = re.search(schema.get("pattern", ""), value) and len(value) >= schema.get("minLength", 0)
        found = [] if fits and value in schema.get("enum", [value]) else [f"{path}: {value!r}"]
    for item in value if isinstance(value, list) else []:
        found += problems(item, schema.get("items", {"type": "string"}), definitions, f"{path}[]")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{path}: no {name}" for name in set(schema.get("required", ())) - value.keys()]
        found += [f"{path}: {name} too much" for name in value.keys() - schema["properties"].keys()]
        for name in value.keys() & schema["properties"].keys():
            found += problems(value[name], schema["properties"][name], definitions, f"{path}.{name}")
    return found
