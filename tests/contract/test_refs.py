"""References: grammar, parents, and how a name becomes a component."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta import LifecycleError, ValidationError
from contexta.contract import (
    CORE_STABLE_REF_KINDS,
    StableRef,
    normalise_name,
    parent_refs,
    validate_core_stable_ref,
    validate_stable_ref_field,
    validate_stable_ref_kind,
)

COMPONENTS = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,6}){0,3}", fullmatch=True)


def test_parts_of_a_reference() -> None:
    ref = StableRef.parse("batch:p.r.train.epoch-1")
    assert (ref.kind, ref.value, ref.text, str(ref)) == (
        "batch",
        "p.r.train.epoch-1",
        "batch:p.r.train.epoch-1",
        "batch:p.r.train.epoch-1",
    )
    assert ref.components == ("p", "r", "train", "epoch-1")
    assert ref.to_dict() == {"kind": "batch", "value": "p.r.train.epoch-1"}
    assert {ref: 1}[StableRef("batch", "p.r.train.epoch-1")] == 1
    assert pickle.loads(pickle.dumps(ref)) == ref  # noqa: S301 - its own bytes
    assert ref != "batch:p.r.train.epoch-1"
    with pytest.raises(AttributeError):
        ref.kind = "x"  # type: ignore[misc]


@given(
    st.sampled_from([*CORE_STABLE_REF_KINDS, "relation", "a_1"]), st.lists(COMPONENTS, min_size=1, max_size=5)
)
def test_parsing_the_text_gives_the_reference_back(kind: str, components: list[str]) -> None:
    ref = StableRef(kind, ".".join(components))
    assert StableRef.parse(str(ref)) == ref
    assert ref.components == tuple(components)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (5, "stable_ref_invalid_text"),
        ("run", "stable_ref_invalid_text"),
        ("run:a:b", "stable_ref_invalid_text"),
        ("Run:a", "stable_ref_invalid_kind"),
        ("1run:a", "stable_ref_invalid_kind"),
        (" run:a", "stable_ref_invalid_kind"),
        (":a", "stable_ref_invalid_kind"),
        ("run:", "stable_ref_invalid_value"),
        ("run:a..b", "stable_ref_invalid_value"),
        ("run:-a", "stable_ref_invalid_value"),
        ("run:a--b", "stable_ref_invalid_value"),
        ("run:a_b", "stable_ref_invalid_value"),
        ("run:A", "stable_ref_invalid_value"),
        ("run:a\n", "stable_ref_invalid_value"),
        ("run:é", "stable_ref_invalid_value"),
        ("run:٣", "stable_ref_invalid_value"),
        ("run:" + "a" * 64, "stable_ref_invalid_value"),
        ("x:" + ".".join(["a" * 63] * 4), "stable_ref_too_long"),
    ],
)
def test_texts_that_are_no_reference(text: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        StableRef.parse(text)
    assert caught.value.code == code


def test_the_limits_of_length_are_allowed() -> None:
    assert len(StableRef.parse("x:" + ".".join(["a" * 63] * 3 + ["a" * 61])).text) == 255


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("project:p", True),
        ("project:p.q", False),
        ("run:p.r", True),
        ("run:p", False),
        ("sample:p.r.s.x", True),
        ("sample:p.r.s.b.x", True),
        ("sample:p.r.s", False),
        ("op:p.r.s.b.x", True),
        ("batch:p.r.s.b.x", False),
        ("relation:anything.goes.here", True),
    ],
)
def test_core_kinds_have_their_number_of_names(text: str, good: bool) -> None:
    ref = StableRef.parse(text)
    if good:
        assert validate_core_stable_ref(ref) is ref
        return
    with pytest.raises(ValidationError) as caught:
        validate_core_stable_ref(ref)
    assert caught.value.code == "stable_ref_invalid_shape"


def test_kinds_and_fields_are_checked() -> None:
    run = StableRef.parse("run:p.r")
    assert validate_stable_ref_kind(run, ("run", "stage")) is run
    assert validate_stable_ref_field(run, "run_ref") is run
    for call, code in (
        (lambda: validate_stable_ref_kind(run, "stage"), "stable_ref_kind_mismatch"),
        (lambda: validate_stable_ref_field(run, "stage_execution_ref"), "stable_ref_kind_mismatch"),
        (lambda: validate_stable_ref_field(run, "no_such_ref"), "stable_ref_unknown_field"),
    ):
        with pytest.raises(ValidationError) as caught:
            call()
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "parents"),
    [
        ("project:p", []),
        ("run:p.r", ["project:p"]),
        ("deployment:p.d", ["project:p"]),
        ("stage:p.r.s", ["project:p", "run:p.r"]),
        ("batch:p.r.s.b", ["project:p", "run:p.r", "stage:p.r.s"]),
        ("sample:p.r.s.x", ["project:p", "run:p.r", "stage:p.r.s"]),
        ("sample:p.r.s.b.x", ["project:p", "run:p.r", "stage:p.r.s", "batch:p.r.s.b"]),
        ("op:p.r.s.b.x", ["project:p", "run:p.r", "stage:p.r.s", "batch:p.r.s.b"]),
        ("record:p.r.metric-1", ["project:p", "run:p.r"]),
        ("artifact:p.r.m", ["project:p", "run:p.r"]),
        ("relation:a.b", []),
        ("run:p", []),
    ],
)
def test_a_reference_tells_its_parents(text: str, parents: list[str]) -> None:
    assert [ref.text for ref in parent_refs(StableRef.parse(text))] == parents


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("My Run", "my-run"),
        ("epoch.1", "epoch-1"),
        ("EPOCH_1", "epoch-1"),
        ("  sp ace ", "sp-ace"),
        ("run..2", "run-2"),
        ("a--b", "a-b"),
        ("Epoch 1.5 (half)", "epoch-1-5-half"),
        ("런-1", "1"),
        ("é1", "1"),
        ("a/b:c", "a-b-c"),
        ("Ｆull1", "ull1"),
        ("Item.One_가", "item-one"),
    ],
)
def test_names_become_components_as_the_format_says(name: str, component: str) -> None:
    assert normalise_name(name) == component


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("런", "runtime_invalid_component"),
        ("²", "runtime_invalid_component"),
        (" ", "runtime_invalid_value"),
        (None, "runtime_invalid_value"),
    ],
)
def test_names_of_which_nothing_is_left_are_refused(name: str, code: str) -> None:
    with pytest.raises(LifecycleError) as caught:
        normalise_name(name)
    assert caught.value.code == code


def test_names_too_long_for_a_reference_are_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        normalise_name("a" * 64)
    assert caught.value.code == "stable_ref_invalid_value"


@given(st.text())
def test_whatever_a_name_becomes_may_stand_in_a_reference(name: str) -> None:
    try:
        component = normalise_name(name)
    except (LifecycleError, ValidationError):
        return
    assert StableRef("run", f"p.{component}").name == component
    assert normalise_name(component) == component
