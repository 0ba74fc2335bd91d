"""The source as data, for the tests of the house."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def modules(*packages: str) -> list[Path]:
    """The Python files of folders such as `contexta`, relative to the root of the repository."""
    return sorted(
        path.relative_to(ROOT)
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def tree(module: Path) -> ast.Module:
    """The syntax tree of a file that `modules` named."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imported(module: Path) -> Iterator[str]:
    """The dotted names a file imports anywhere, also inside functions and for type checking only."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
