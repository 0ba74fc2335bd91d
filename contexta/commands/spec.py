"""What a command and an argument are, as data, and the arguments that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument or option.

    Attributes:
        names: `ref`, or `--limit`.
        help: One line.
        completes: What a shell offers for it: `runs` or `files`; its choices where there are any.
        settings: What else argparse is told.
    """

    names: tuple[str, ...]
    help: str
    completes: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_option(self) -> bool:
        """Whether it begins with dashes."""
        return self.names[0].startswith("-")

    @property
    def takes_value(self) -> bool:
        """Whether a value follows."""
        return self.settings.get("action") not in ("store_true", "store_const")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it may have; any where there is none."""
        return tuple(self.settings.get("choices", ()))


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        name: As it is typed.
        answer: Module in this package and function that answer it.
        help: One line, without a full stop.
        details: What else its help says.
        examples: Command lines without the program's name, each with what it is for.
        arguments: Its own arguments and options.
    """

    name: str
    answer: tuple[str, str]
    help: str
    examples: tuple[tuple[str, str], ...]
    arguments: tuple[Argument, ...] = ()
    details: str = ""
    common: tuple[Argument, ...] = ()

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """Its own and the common ones."""
        return (*self.arguments, *self.common)


def whole_number(text: str) -> int:
    """A number from 0."""
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


whole_number.__name__ = "whole number"  # so that argparse says what it expects


def option(name: str, help_: str, metavar: str, completes: str = "", **settings: Any) -> Argument:
    """An option with a value."""
    return Argument((name,), help_, completes, {"metavar": metavar, **settings})


def switch(name: str, help_: str, **settings: Any) -> Argument:
    """An option without a value."""
    return Argument((name,), help_, "", {"action": "store_true", **settings})


def choice(name: str, help_: str, *choices: str, **settings: Any) -> Argument:
    """An option with one of some values."""
    return Argument((name,), help_, "", {"choices": choices, **settings})


_WORKSPACE: Final = option(
    "--workspace",
    "the folder that the job records to; default: the nearest .contexta in this folder or above",
    "PATH",
    "files",
    type=Path,
)
_QUIET: Final = switch("--quiet", "no progress bar, and nothing on standard error but errors")
_DEBUG: Final = switch("--debug", "show the stack trace of an error")
_JSON: Final = switch("--json", "print JSON for another program", dest="as_json")
_NO_COLOR: Final = switch(
    "--no-color", "no colours, also on a terminal; NO_COLOR in the environment does it too"
)
COMMON: Final = (_WORKSPACE, _JSON, _QUIET, _NO_COLOR, _DEBUG)

SOURCE: Final = choice(
    "--source",
    "what counts: canonical is what was stored on purpose, captured is what the job wrote while it ran, all"
    " is both (default: %(default)s; the library's own default is canonical)",
    "canonical",
    "captured",
    "all",
    default="all",
)
LIMIT: Final = option("--limit", "at most so many", "N", type=whole_number)
STAGE: Final = option("--stage", "only of this stage: a ref or its end", "STAGE")
BATCH: Final = option("--batch", "only of this batch: a ref or its end", "BATCH")
RUN_FILTER: Final = option("--run", "only of this run: a ref or its unique end", "RUN", "runs")
RUN_HELP: Final = "ref of a run, or a unique end of it"


def run(name: str, help_: str = RUN_HELP, **settings: Any) -> Argument:
    """A run."""
    return Argument((name,), help_, "runs", {"metavar": name.upper(), **settings})
