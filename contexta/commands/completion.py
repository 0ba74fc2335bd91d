"""`completion`: scripts that complete commands, options and refs of runs in bash, zsh and fish.

The scripts are made from the list of commands, so that they never know less than it. For refs they ask the
hidden command `_complete`, which answers quietly or not at all: a shell that completes must not show errors.
Only refs of the letters that refs are made of are offered, because a shell may read what it is offered.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from typing import Final

from contexta.commands.answer import Answer
from contexta.commands.desk import Desk
from contexta.commands.parser import PROGRAM
from contexta.commands.spec import Argument, Command
from contexta.commands.table import COMMANDS
from contexta.errors import ContextaError
from contexta.query.results import NodeKind

_SAFE: Final = re.compile(r"run:[a-z0-9][a-z0-9.-]*\Z")
_PAGE: Final = 10_000
_GLOBAL: Final = ("--help", "--version")


def completion(desk: Desk, options: argparse.Namespace) -> Answer:  # noqa: ARG001 - asks no workspace
    """The script for a shell."""
    text = SCRIPTS[options.shell]()
    return Answer(
        "contexta/completion/1", lambda: {"shell": options.shell, "script": text}, text=lambda: text
    )


def complete(desk: Desk, options: argparse.Namespace) -> Answer:
    """Refs of runs that begin with a text, the shortest unique ends first."""
    try:
        refs = _run_refs(desk)
    except (ContextaError, OSError):
        refs = []
    found = [text for text in _spellings(refs, options.prefix) if text.startswith(options.prefix)]
    return Answer(
        "contexta/completions/1", lambda: {"refs": found}, text=lambda: "".join(f"{ref}\n" for ref in found)
    )


def _run_refs(desk: Desk) -> list[str]:
    reader = desk.loaded.reader
    return [
        row.ref
        for project in reader.projects()
        for row in reader.children(project.id, NodeKind.RUN, 0, _PAGE)
        if _SAFE.match(row.ref)
    ]


def _spellings(refs: list[str], prefix: str) -> Iterable[str]:
    ends = [ref.rpartition(".")[2] for ref in refs]
    for ref, end in zip(refs, ends, strict=True):
        yield end if ends.count(end) == 1 else ref.partition(":")[2]
    if prefix:
        yield from refs
        yield from (ref.partition(":")[2] for ref in refs)


def _names(command: Command) -> list[str]:
    return ["--help", *(name for each in command.all_arguments if each.is_option for name in each.names)]


def _with_value(completes: str) -> list[str]:
    """The options after which something of a kind is offered."""
    return sorted(
        {
            name
            for command in COMMANDS
            for each in command.all_arguments
            if each.is_option and each.takes_value and each.completes == completes and not each.choices
            for name in each.names
        }
    )


def _choices(kind: Callable[[Argument], bool]) -> list[tuple[Command, Argument]]:
    return [
        (command, each)
        for command in COMMANDS
        for each in command.all_arguments
        if each.choices and kind(each)
    ]


def _taking_runs() -> list[str]:
    return [
        command.name
        for command in COMMANDS
        if any(each.completes == "runs" and not each.is_option for each in command.arguments)
    ]


def _cases(indent: str, form: str) -> str:
    """Shell cases for the values of options, by command and option."""
    found = [
        form.format(pattern=f"'{command.name} {name}'", words=" ".join(each.choices))
        for command, each in _choices(lambda each: each.is_option)
        for name in each.names
    ]
    return "\n".join(f"{indent}{text}" for text in found)


def _patterns(names: Iterable[str]) -> str:
    return "|".join(f"*' {name}'" for name in names)


def bash() -> str:
    """The script for bash, also the old one of macOS."""
    words = "\n".join(
        f"                {command.name}) choices='{' '.join(_names(command))}' ;;" for command in COMMANDS
    )
    positional = "\n".join(
        f"                {command.name}) choices='{' '.join(each.choices)}' ;;"
        for command, each in _choices(lambda each: not each.is_option)
    )
    place = '${place:+--workspace "$place"}'
    ask = f'choices="$({PROGRAM} _complete --quiet {place} -- "$current" 2>/dev/null)"'
    return f"""\
# Completes {PROGRAM} in bash. Made by `{PROGRAM} completion bash`.
_{PROGRAM}() {{
    local line="${{COMP_LINE:0:COMP_POINT}}" choices='' place='' i
    local current="${{line##*[[:space:]]}}"
    local -a typed
    read -r -a typed <<< "$line"
    [[ -z $current ]] && typed[${{#typed[@]}}]=''
    local count=${{#typed[@]}}
    local command="${{typed[1]}}" before="${{typed[count-2]}}"
    for ((i = 1; i < count - 1; i++)); do
        [[ ${{typed[i]}} == --workspace ]] && place="${{typed[i+1]}}"
    done
    if ((count <= 2)); then
        choices='{" ".join((*(command.name for command in COMMANDS), *_GLOBAL))}'
    else
        case "$command $before" in
{_cases("            ", "{pattern}) choices='{words}' ;;")}
            {_patterns(_with_value("files"))})
                COMPREPLY=($(compgen -f -- "$current"))
                return ;;
            {_patterns(_with_value("runs"))})
                {ask} ;;
            {_patterns(_with_value(""))}) return ;;
            *) case "$current" in
            -*) case "$command" in
{words}
                esac ;;
            *) case "$command" in
{positional}
                {"|".join(_taking_runs())})
                    {ask} ;;
                esac ;;
            esac ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
    # A colon ends a word for bash, so only what follows it is put in.
    if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        local head="${{current%"${{current##*:}}"}}"
        for ((i = 0; i < ${{#COMPREPLY[@]}}; i++)); do
            COMPREPLY[i]="${{COMPREPLY[i]#"$head"}}"
        done
    fi
}}
complete -F _{PROGRAM} {PROGRAM}
"""


def zsh() -> str:
    """The script for zsh."""
    names = "\n".join(
        f"      {command.name}) choices=({' '.join(_names(command))}) ;;" for command in COMMANDS
    )
    positional = "\n".join(
        f"      {command.name}) choices=({' '.join(each.choices)}) ;;"
        for command, each in _choices(lambda each: not each.is_option)
    )
    ask = f'choices=(${{(f)"$({PROGRAM} _complete --quiet $place -- "$current" 2>/dev/null)"}})'
    commands = " ".join(f"'{command.name}:{command.help}'" for command in COMMANDS)
    return f"""\
#compdef {PROGRAM}
# Completes {PROGRAM} in zsh. Made by `{PROGRAM} completion zsh`.
_{PROGRAM}() {{
  local command="${{words[2]}}" before="${{words[CURRENT-1]}}" current="${{words[CURRENT]}}"
  local -a choices place
  local at=${{words[(I)--workspace]}}
  ((at > 0 && at < CURRENT - 1)) && place=(--workspace "${{words[at+1]}}")
  if ((CURRENT == 2)); then
    choices=({commands})
    _describe command choices
    return
  fi
  case "$command $before" in
{_cases("    ", "{pattern}) choices=({words}) ;;")}
    {_patterns(_with_value("files"))}) _files; return ;;
    {_patterns(_with_value("runs"))}) {ask} ;;
    {_patterns(_with_value(""))}) return ;;
    *) case "$current" in
    -*) case "$command" in
{names}
      esac ;;
    *) case "$command" in
{positional}
      {"|".join(_taking_runs())}) {ask} ;;
      esac ;;
    esac ;;
  esac
  compadd -- $choices
}}
if [[ $funcstack[1] == _{PROGRAM} ]]; then
  _{PROGRAM} "$@"
else
  compdef _{PROGRAM} {PROGRAM}
fi
"""


def fish() -> str:
    """The script for fish."""
    lines = [
        f"# Completes {PROGRAM} in fish. Made by `{PROGRAM} completion fish`.",
        f"complete -c {PROGRAM} -f",
        f"complete -c {PROGRAM} -n __fish_use_subcommand -l help -d 'say how it is used'",
        f"complete -c {PROGRAM} -n __fish_use_subcommand -l version -d 'say which version this is'",
    ]
    for command in COMMANDS:
        about = _fish_text(command.help)
        lines.append(f"complete -c {PROGRAM} -n __fish_use_subcommand -a {command.name} -d {about}")
        lines += [
            f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {command.name}'{_fish(each)}"
            f" -d {_fish_text(each.help)}"
            for each in command.all_arguments
        ]
    return "\n".join(lines) + "\n"


def _fish(argument: Argument) -> str:
    name = f" -l {argument.names[0].removeprefix('--')}" if argument.is_option else ""
    if argument.choices:
        words = f" -a '{' '.join(argument.choices)}'"
    elif argument.completes == "runs":
        words = f" -a '({PROGRAM} _complete --quiet -- (commandline -ct) 2>/dev/null)'"
    else:
        words = ""
    if not argument.is_option:
        return words
    files = " -F" if argument.completes == "files" else ""
    return f"{name}{' -r' if argument.takes_value else ''}{files}{words}"


def _fish_text(text: str) -> str:
    shown = text.replace("%(default)s", "its default").replace("\\", "").replace("'", "")
    return f"'{shown}'"


SCRIPTS: Final[dict[str, Callable[[], str]]] = {"bash": bash, "zsh": zsh, "fish": fish}
