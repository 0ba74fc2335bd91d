"""The rules of nesting that several kinds of scopes share, and the errors that name a breach.

The codes are those of the format specification, section 8.
"""

# ruff: noqa: SLF001 - the scope classes are one family and share what users of a scope must not touch

from __future__ import annotations

from contexta.capture.runtime import Runtime
from contexta.capture.scope import Scope
from contexta.contract.refs import StableRef, normalise_name
from contexta.errors import LifecycleError


def child_ref(
    owner: Scope, kind: str, name: str, explicit: str | None, field_name: str
) -> tuple[str, StableRef]:
    """Return the component and the reference of a scope inside another.

    Raises:
        LifecycleError: ``runtime_ref_mismatch`` when an explicit reference is another one.
    """
    component = normalise_name(name)
    ref = StableRef(kind, f"{owner._stable_ref.value}.{component}")
    check_explicit_ref(ref, explicit, field_name)
    return component, ref


def check_explicit_ref(ref: StableRef, explicit: object, field_name: str) -> None:
    """Refuse an explicit reference that is not the one that follows from the name.

    Raises:
        LifecycleError: ``runtime_ref_mismatch``.
    """
    if explicit is not None and str(explicit) != ref.text:
        raise LifecycleError(
            f"{field_name} is {explicit}, but the name makes it {ref}; leave it out or change the name.",
            code="runtime_ref_mismatch",
        )


def refuse_second(runtime: Runtime, kind: str, owner: Scope) -> None:
    """Refuse a scope of a kind while another one is open here.

    Raises:
        LifecycleError: ``runtime_stage_already_open`` and the like.
    """
    other = runtime.stack.find(kind)
    if other is not None:
        raise LifecycleError(
            f"Close {other.ref} before opening another {kind} in {owner.ref}.",
            code=f"runtime_{kind}_already_open",
        )


def inactive(scope: Scope, what: str, active: Scope | None) -> LifecycleError:
    """Return the error for opening something in a scope that is not the one around the running code.

    Args:
        scope: Where something was to be opened.
        what: The middle of the code, e.g. ``stage`` or ``sample_owner``.
        active: What is innermost instead.
    """
    now = "nothing is open here" if active is None else f"{active.ref} is innermost"
    return LifecycleError(
        f"Nothing can be opened in {scope.ref} here: {now}. Open scopes in the thread or task that"
        " opened their parent, and close what lies between.",
        code=f"runtime_inactive_{what}_scope",
    )
