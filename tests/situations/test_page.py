"""docs/results/situations.md names tests that exist, and no line of the list is without one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "results" / "situations.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)
LINES = [
    *(f"1.{k}" for k in range(1, 11)),
    *(f"2.{k}" for k in range(1, 7)),
    *(f"3.{k}" for k in range(1, 8)),
    "4",
    "5",
]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_names_its_test() -> None:
    rows = [row for row in PAGE.split("## Provenance")[0].splitlines() if row.startswith("| ") and "---" not in row]
    without = [row for row in rows if "::test_" not in row and not row.endswith("| test |")]
    assert without == []


@pytest.mark.parametrize("line", LINES)
def test_every_line_has_a_row(line: str) -> None:
    assert f"\n| {line} | " in PAGE
