"""docs/security.md names tests that exist, and every guarantee has one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.security.classes import CLASSES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:tests/)?[\w/.]*test_\w+\.py)(?:::(\w+))?`", PAGE)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_named_test_exists(file: str, name: str) -> None:
    path = ROOT / (file if file.startswith("tests/") else f"tests/security/{file}")
    tests = {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if hasattr(node, "name")}
    assert not name or name in tests


def test_every_guarantee_names_its_test() -> None:
    table = PAGE.split("| guarantee | ")[1].split("\n\n")[0].splitlines()[2:]
    promised = [row for row in table if not row.endswith("| no | no | – |")]
    assert len(promised) > 20
    assert [row for row in promised if "test_" not in row.split("|")[-2]] == []


def test_the_table_of_inputs_has_every_class_and_no_other_outcome() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert [name for name, *_ in rows] == list(CLASSES)
    for name, *numbers in rows:
        tried, refused, accepted, others = (int(number.replace(",", "")) for number in numbers)
        assert (tried, others) == (refused + accepted, 0), name
