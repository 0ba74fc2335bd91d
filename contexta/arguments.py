"""The parser of the command line that both programs are made with: what is wrong, it says in one sentence.

Importing this loads nothing but argparse, so that `--help` and `--version` answer at once. Which options
there are stands with the programs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from contexta.sanitize import safe

USAGE: Final = 2
"""Exit code for wrong usage."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence and whose texts keep their lines.

    Args:
        settings: As argparse takes them; `prog` begins with the name of the program.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        program = self.prog.partition(" ")[0]
        self.exit(USAGE, f"{program}: {safe(message, 500)}. See {self.prog} --help.\n")

    def parse_args(  # type: ignore[override]  # overloaded there
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Parse; argparse itself would take the value of `--option=--` for an empty list."""
        words = sys.argv[1:] if args is None else args
        for word in words:
            if word.startswith("--") and word.endswith("=--"):
                self.error(f"{word} has no value")
        return super().parse_args(words, namespace)
