"""Dependencies between packages, read from imports and from text that names modules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "submission"
EVERYWHERE = {
    "arrays",
    "checkpoint",
    "device",
    "errors",
    "files",
    "locks",
    "options",
    "parallel",
    "plugins",
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
    "report": {"latent", "metrics", "models", "evaluation", "plots"},
    "studies": {
        "configuration",
        "data",
        "evaluation",
        "export",
        "latent",
        "metrics",
        "models",
        "plots",
        "report",
        "training",
    },
    "challenge": {"configuration", "training", "export"},
    "accelerators": {"export", "latent", "metrics", "objectives"},
}
TORCH_JIT = {
    "export/torchscript.py": {"torch.jit"},
    "export/inspection.py": {"torch.jit.ScriptModule"},
    "distributions/embedded_torus.py": {"torch.jit.is_tracing"},
    "distributions/manifold_distribution.py": {"torch.jit"},
    "distributions/vmf_sampler.py": {"torch.jit.is_tracing"},
    "latent/manifold.py": {"torch.jit.is_tracing"},
}


def imports(tree: ast.AST) -> set[str]:
    """Full names of what a syntax tree imports from this package."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {name for name in names if name.startswith("submission.")}


def named_in_text(tree: ast.AST) -> set[str]:
    """Full names of modules of this package in strings, such as ``"submission.data.registry:load"``."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {text for text in texts if NAME.match(text)}


NAME = re.compile(r"submission(\.\w+)+\.?(:\w+)?$")


def dependencies(file: Path) -> set[str]:
    """Packages and modules directly below ``submission`` that a file depends on."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {re.split(r"[.:]", name)[1] for name in imports(tree) | named_in_text(tree)}


@pytest.mark.parametrize("package", IMPORTS)
def test_a_package_depends_on_those_before_it_only(package: str) -> None:
    found = set().union(*(dependencies(file) for file in (PACKAGE / package).rglob("*.py")))
    assert found - EVERYWHERE - {package} <= IMPORTS[package]


def test_dependencies_form_no_circle() -> None:
    remaining = {package: set(sources) for package, sources in IMPORTS.items()}
    while remaining:
        free = {package for package, sources in remaining.items() if not sources & remaining.keys()}
        assert free, remaining
        remaining = {package: sources for package, sources in remaining.items() if package not in free}


def test_the_page_lists_every_package_with_its_dependencies() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert packages - EVERYWHERE - {"cli"} == set(IMPORTS)
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package, sources in IMPORTS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `submission/{package}/` |"))
        assert row.rstrip(" |").endswith(f"| {', '.join(sorted(sources)) or '–'}"), package
    for name in EVERYWHERE - {"__init__"}:
        assert f"`{name}" in page, name


def test_shared_modules_depend_on_shared_modules_until_they_are_used() -> None:
    """Imports inside functions are made when the function runs, so that no circle is closed."""
    for name in EVERYWHERE:
        for file in [*(PACKAGE / name).glob("*.py"), *PACKAGE.glob(f"{name}.py")]:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
            assert {found.split(".")[1] for found in imports(top)} <= EVERYWHERE, file


def test_text_that_names_a_module_counts() -> None:
    tree = ast.parse(
        'QUICK = "submission.evaluation.encoding:quick"\nimport_module(f"submission.cli.{name}")\nx = "a b"'
    )
    assert named_in_text(tree) == {"submission.evaluation.encoding:quick", "submission.cli."}


def test_only_configuration_reads_gin() -> None:
    for file in PACKAGE.rglob("*.py"):
        if file.relative_to(PACKAGE).parts[0] not in {"configuration", "reference"}:
            assert "import gin" not in file.read_text(encoding="utf-8"), file


def torch_jit_names(file: Path) -> set[str]:
    """What a file uses of torch.jit."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("torch.jit"):
            names.add("torch.jit")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch.jit"):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_one_module_makes_and_reads_torchscript() -> None:
    files = {str(file.relative_to(PACKAGE)): torch_jit_names(file) for file in PACKAGE.rglob("*.py")}
    assert {file: names for file, names in files.items() if names} == TORCH_JIT


@pytest.mark.parametrize("package", sorted(path.parent for path in PACKAGE.rglob("__init__.py")))
def test_a_package_offers_nothing_else_by_the_name_of_its_module(package: Path) -> None:
    """Whichever is imported first would hide the other."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    public = {
        name.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets)
        for name in ast.walk(node.value)
        if isinstance(name, ast.Constant)
    }
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    own = ".".join(("submission", *package.relative_to(PACKAGE).parts))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == own)
    offered = {alias.name for node in imports for alias in node.names}
    assert not public & modules - offered
