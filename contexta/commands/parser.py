"""The parser of the command line, made of `COMMANDS`.

Importing this loads nothing but argparse, so that `--help` and `--version` answer at once.
"""

from __future__ import annotations

import argparse
from typing import Any, Final

from contexta._version import __version__
from contexta.arguments import Parser
from contexta.commands.spec import Command
from contexta.commands.table import COMMANDS, COMPLETE

PROGRAM: Final = "contexta"

_DESCRIPTION: Final = "Ask a workspace what ran, how it went and what is wrong with it."
_EPILOG: Final = """\
examples:
  contexta runs                                     what ran, newest first
  contexta show tiny-cnn.evaluate.holdout           one batch: why it failed, what it measured
  contexta diagnose --fail-on error                 in a script: exit 1 when there is an error
  contexta runs --json --workspace /data/.contexta  for another program

Refs may be given in full (run:digits.run-01) or as an end that no other ref has (run-01, train.epoch-3).
contexta COMMAND --help has examples of each command.

exit codes: 0 fine; 1 issues at or above --fail-on, or findings of verify; 2 usage or unreadable workspace
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(prog=PROGRAM, description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        _add(parsers.add_parser(command.name, help=command.help, **_settings(command)), command)
    _add(parsers.add_parser(COMPLETE.name, **_settings(COMPLETE)), COMPLETE)
    return parser


def _settings(command: Command) -> dict[str, Any]:
    sentence = f"{command.help[0].upper()}{command.help[1:]}."
    return {
        "description": f"{sentence}\n{command.details}".strip(),
        "epilog": "\n".join(("examples:", *_examples(command))) if command.examples else None,
    }


def _examples(command: Command) -> list[str]:
    width = max(len(example) for example, _ in command.examples)
    return [f"  {PROGRAM} {example:<{width}}  {why}" for example, why in command.examples]


def _add(parser: argparse.ArgumentParser, command: Command) -> None:
    for argument in command.all_arguments:
        parser.add_argument(*argument.names, help=argument.help, **argument.settings)
