"""The arrows between the rooms of the house, read from the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "submission"
EVERYWHERE = {"device", "errors", "files", "progress", "provenance", "run_folder", "native", "__init__"}
MAY_IMPORT = {
    "distributions": set(),
    "latent": {"distributions"},
    "models": {"latent"},
    "objectives": {"latent", "models", "distributions"},
    "reference": set(),
    "data": {"reference"},
    "metrics": {"data", "reference"},
    "configuration": {"data", "latent", "models", "objectives", "training"},
    "export": {"latent", "models", "data"},
    "training": {"data", "latent", "models", "objectives", "export"},
    "evaluation": {"data", "metrics", "reference", "export", "models", "latent", "objectives"},
    "report": {"data", "evaluation", "models", "latent", "metrics", "export"},
    "challenge": {"data", "evaluation", "export", "metrics", "training", "configuration", "report"},
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


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_flows_into_it(room: str) -> None:
    for file in (PACKAGE / room).rglob("*.py"):
        strangers = imported_rooms(file) - MAY_IMPORT[room] - EVERYWHERE - {room}
        assert not strangers, f"{file.relative_to(PACKAGE)} imports {sorted(strangers)}"


def test_every_room_has_its_arrows_written_down() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms - EVERYWHERE - {"cli"} == set(MAY_IMPORT)


def test_only_the_configuration_room_and_the_commands_import_gin() -> None:
    for file in PACKAGE.rglob("*.py"):
        if file.relative_to(PACKAGE).parts[0] in {"configuration", "cli", "reference"}:
            continue
        assert "import gin" not in file.read_text(), file


def test_only_one_module_calls_torch_jit() -> None:
    users = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if "torch.jit." in file.read_text()}
    assert users <= {"export/torchscript.py"}
