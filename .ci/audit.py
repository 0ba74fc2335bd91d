"""Ask for known vulnerabilities in what is installed, and say so when nobody could be asked.

pip-audit ends well when its source knows none of the packages, and with a stack trace when there is no
network. Neither tells that nothing was audited; this does, in one sentence and with an exit code of its own.

    python .ci/audit.py .venv/tools/bin/pip-audit .venv/lib/python3.11/site-packages

Exit codes: 0 no known vulnerabilities, 1 there are some, 2 some or all packages were not audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FINE, VULNERABLE, NOT_AUDITED = range(3)

SOURCES = {"pypi": "PyPI", "osv": "OSV"}
"""Where advisories come from, in this order, until one knows something."""

_LONGEST_S = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said.

    Attributes:
        source: Its name.
        reached: Whether it said anything at all.
        audited: Packages that it knows, as pip-audit describes them.
        unknown: Names of those that it does not know.
    """

    source: str
    reached: bool
    audited: Sequence[dict[str, Any]] = ()
    unknown: Sequence[str] = ()


def ask(pip_audit: str, folder: str, source: str) -> Answer:
    """Ask one source about the packages in a folder; what is being edited there is nobody's package."""
    options = ["--vulnerability-service", source, "--skip-editable", "--path", folder]
    command = [pip_audit, *options, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S, check=False)  # noqa: S603
        packages = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return Answer(SOURCES[source], reached=False)
    others = [package for package in packages if "editable" not in package.get("skip_reason", "")]
    return Answer(
        SOURCES[source],
        reached=True,
        audited=[package for package in others if "skip_reason" not in package],
        unknown=[package["name"] for package in others if "skip_reason" in package],
    )


def verdict(answers: Sequence[Answer]) -> tuple[list[str], int]:
    """What is to be said about answers, and the exit code; the last one counts if it knows a package."""
    last = answers[-1]
    if not last.audited:
        reasons = (
            f"{answer.source} {'knows none of the packages' if answer.reached else 'could not be reached'}"
            for answer in answers
        )
        return [f"nothing was audited: {', '.join(reasons)}."], NOT_AUDITED
    lines = []
    for package in last.audited:
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            lines.append(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    code = VULNERABLE if lines else FINE
    known = f"{len(lines) or 'no'} known vulnerabilities in {len(last.audited)} packages, says {last.source}"
    if last.unknown:
        known += f"; not audited: {', '.join(last.unknown)}"
        code = code or NOT_AUDITED
    return [*lines, f"{known}."], code


def main(pip_audit: str, folder: str) -> int:
    """Ask, and say what came of it."""
    answers: list[Answer] = []
    for source in SOURCES:
        answers.append(ask(pip_audit, folder, source))
        if answers[-1].audited:
            break
    lines, code = verdict(answers)
    (sys.stdout if code == FINE else sys.stderr).write("".join(f"audit: {line}\n" for line in lines))
    return code


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
