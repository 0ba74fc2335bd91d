"""`make audit` says what it found, and never that all is well when nothing was audited."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[1] / ".ci" / "audit.py"

EDITED = {"name": "contexta-tui", "skip_reason": "distribution marked as editable"}
UNKNOWN = {"name": "duckdb", "skip_reason": "Dependency not found on PyPI and could not be audited"}
FINE: dict[str, Any] = {"name": "textual", "version": "8.2.8", "vulns": []}
BAD: dict[str, Any] = {
    "name": "rich",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


def audit(folder: Path, **packages: list[dict[str, Any]]) -> tuple[int, str]:
    """Audit with a pip-audit that is told what each source knows; one that is not named is not reached."""
    program = folder / "pip-audit"
    (folder / "answers").write_text(
        json.dumps({name: {"dependencies": said} for name, said in packages.items()})
    )
    program.write_text(
        f"#!{sys.executable} -IS\nimport json, sys\n"
        f"answers = json.load(open({str(folder / 'answers')!r}))\n"
        "source = sys.argv[sys.argv.index('--vulnerability-service') + 1]\n"
        "if source not in answers: sys.exit('Traceback: no network')\n"
        "print(json.dumps(answers[source]))\n"
    )
    program.chmod(0o700)
    done = subprocess.run(
        [sys.executable, AUDIT, program, folder], capture_output=True, text=True, timeout=30, check=False
    )
    assert not done.stdout or not done.stderr
    return done.returncode, done.stdout + done.stderr


NOT_REACHED = "OSV could not be reached"


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ({"pypi": [EDITED, FINE]}, 0, "no known vulnerabilities in 1 packages, says PyPI"),
        ({}, 2, f"nothing was audited: PyPI could not be reached, {NOT_REACHED}"),
        (
            {"pypi": [EDITED, UNKNOWN]},
            2,
            f"nothing was audited: PyPI knows none of the packages, {NOT_REACHED}",
        ),
        ({"pypi": [UNKNOWN], "osv": [FINE]}, 0, "no known vulnerabilities in 1 packages, says OSV"),
        (
            {"pypi": [FINE, UNKNOWN]},
            2,
            "no known vulnerabilities in 1 packages, says PyPI; not audited: duckdb",
        ),
    ],
    ids=["fine", "no network", "an index without advisories", "the other source", "in part"],
)
def test_what_was_audited_is_said_in_one_sentence(
    packages: dict[str, list[dict[str, Any]]], code: int, said: str, tmp_path: Path
) -> None:
    assert audit(tmp_path, **packages) == (code, f"audit: {said}.\n")


def test_each_vulnerability_is_named_with_the_version_that_mends_it(tmp_path: Path) -> None:
    code, said = audit(tmp_path, pypi=[BAD, FINE, UNKNOWN])
    assert (code, said.splitlines()) == (
        1,
        [
            "audit: rich 1.0: PYSEC-1, fixed in 1.1, 2.0",
            "audit: rich 1.0: PYSEC-2, fixed in no version yet",
            "audit: 2 known vulnerabilities in 2 packages, says PyPI; not audited: duckdb.",
        ],
    )
