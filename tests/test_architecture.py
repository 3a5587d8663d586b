"""The arrows between the rooms of the house, read from the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "submission"
EVERYWHERE = {
    "checkpoint",
    "device",
    "errors",
    "files",
    "locks",
    "options",
    "progress",
    "provenance",
    "run",
    "schema",
    "text",
    "acceleration",
    "__init__",
}
IMPORTS = {
    "distributions": set(),
    "latent": {"distributions"},
    "models": {"latent"},
    "objectives": {"latent"},
    "reference": set(),
    "data": {"reference"},
    "metrics": {"data"},
    "configuration": {"objectives"},
    "export": {"latent", "models"},
    "training": {"configuration", "data", "latent", "models", "objectives", "export"},
    "evaluation": {"data", "latent", "models", "objectives", "export", "metrics", "reference"},
    "plots": {"data", "latent", "models", "metrics", "evaluation"},
    "report": {"latent", "models", "evaluation", "plots"},
    "studies": {"configuration", "data", "evaluation", "metrics", "models", "report", "training"},
    "challenge": {"configuration", "training", "export"},
    "accelerators": {"export", "latent"},
}
TORCH_JIT = {
    "export/torchscript.py": {"torch.jit"},
    "export/inspection.py": {"torch.jit.ScriptModule"},
    "latent/manifold.py": {"torch.jit.is_tracing"},
}


def imported_rooms(file: Path) -> set[str]:
    """Rooms of the package that a file imports anywhere in its body."""
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("submission.")}
    return rooms


@pytest.mark.parametrize("room", IMPORTS)
def test_a_room_imports_what_flows_into_it(room: str) -> None:
    found = set().union(*(imported_rooms(file) for file in (PACKAGE / room).rglob("*.py")))
    assert found - EVERYWHERE - {room} <= IMPORTS[room]


def test_every_room_has_its_arrows_written_down() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms - EVERYWHERE - {"cli"} == set(IMPORTS)
    table = (PACKAGE.parent / "docs" / "architecture.md").read_text()
    for room, sources in IMPORTS.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| `submission/{room}/` |"))
        assert row.rstrip(" |").endswith(f"| {', '.join(sorted(sources)) or '–'}"), room


def test_nothing_but_the_hook_names_the_accelerators() -> None:
    naming = {file for file in PACKAGE.rglob("*.py") if "submission.accelerators" in file.read_text()}
    assert {file for file in naming if "accelerators" not in file.parts} == {PACKAGE / "acceleration.py"}


def test_only_the_configuration_room_and_the_commands_import_gin() -> None:
    for file in PACKAGE.rglob("*.py"):
        if file.relative_to(PACKAGE).parts[0] in {"configuration", "cli", "reference"}:
            continue
        assert "import gin" not in file.read_text(), file


def torch_jit_names(file: Path) -> set[str]:
    """What a file uses of torch.jit."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("torch.jit"):
            names.add("torch.jit")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch.jit"):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_one_module_makes_and_reads_torchscript() -> None:
    files = {str(file.relative_to(PACKAGE)): torch_jit_names(file) for file in PACKAGE.rglob("*.py")}
    assert {file: names for file, names in files.items() if names} == TORCH_JIT
