"""The checks are complete: every test belongs to one target, and ``.ci/run`` runs what CONTRIBUTING.md names."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
CI = (ROOT / ".ci" / "run").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
MARKERS = {
    line.partition(":")[0]: line
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
}
JOURNEYS = r"importorskip\(\"(?:ray|submitit|nbclient)\"\)|\"pip\", \"wheel\"|\"quickstart\.py\""
"""What the source of a test file has that runs a cluster, a notebook, an installation or an example."""


def selected(target: str, *markers: str) -> bool:
    """Whether ``make TARGET`` runs a test with these markers."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe, target
    expression = re.search(r'-m "([a-z ]+)"', recipe[1])
    terms = expression[1].split(" and ") if expression else []
    return all((term.removeprefix("not ") in markers) != term.startswith("not ") for term in terms)


def test_every_marker_names_its_target() -> None:
    for name, line in MARKERS.items():
        target = f"make test-{name}"
        assert target in line
        assert target in CONTRIBUTING


@pytest.mark.parametrize("count", range(3))
def test_every_test_that_is_not_slow_is_run_once(count: int) -> None:
    for markers in itertools.combinations(MARKERS, count):
        runs = [selected(target, *markers) for target in ("test", "test-system")]
        assert sum(runs) == ("slow" not in markers), markers
        assert selected("test-slow", *markers)


def test_ci_runs_the_targets_of_the_page() -> None:
    table = CONTRIBUTING.partition("\n## Checks")[2].partition("\n## ")[0]
    targets = re.findall(r"^\| `make ([a-z-]+)", table, re.MULTILINE)
    assert re.findall(r"^make ([a-z-]+)", CI, re.MULTILINE) == targets
    assert {"test", "test-system", "test-plain", "lint", "docs", "image-test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:.*## ", MAKEFILE, re.MULTILINE), target


def test_functions_that_an_accelerator_replaces_are_tested_without_it() -> None:
    plain = re.search(r'make test-plain TESTS="(.*)"', CI)
    assert plain
    places = [
        file.relative_to(ROOT / "submission")
        for file in (ROOT / "submission").rglob("*.py")
        if re.search(r"^@replaceable", file.read_text(), re.MULTILINE)
    ]
    assert len(places) >= 4
    for place in places:
        mirror = f"tests/{place.parts[0]}" if len(place.parts) > 1 else f"tests/test_{place.name}"
        assert [test for test in plain[1].split() if f"{test}/".startswith(f"{mirror}/")], place


def test_files_that_run_programs_have_system_tests() -> None:
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if file != Path(__file__).resolve()]
    found = [file for file in files if re.search(JOURNEYS, file.read_text())]
    assert len(found) >= 4
    assert [file.name for file in found if "mark.system" not in file.read_text()] == []


def test_seconds_of_a_test_file_are_counted_with_those_of_its_processes(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    (tmp_path / "test_idle.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    (tmp_path / "test_busy.py").write_text(
        f"import subprocess, sys\ndef test_a(): subprocess.run([sys.executable, '-c', {burn!r}], check=True)\n"
    )
    program = [sys.executable, str(ROOT / "scripts" / "seconds_of_tests.py"), "-q", str(tmp_path)]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = {
        name: (float(spent), int(count)) for spent, count, name in re.findall(r"([\d.]+) +(\d+) +(.+)", done.stdout)
    }
    assert found["test_busy.py"][0] >= 0.3
    assert found["test_idle.py"] < (0.2, 3)
    assert found["test_idle.py"][1] == 2
    assert found["all tests"][1] == 3
