"""A wheel, built without a compiler and installed elsewhere, does everything outside of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in", "gin", "submission")
TINY = ["--bind=train.steps=4", "--bind=train.batch_size=8", "--bind=model.networks='mlp_small'",
        "--bind=model.space='T^2'", "--device=cpu"]  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the repository, made offline from what is installed; no compiler works there."""
    folder = tmp_path_factory.mktemp("wheel")
    unbuilt = shutil.ignore_patterns("*.so", "__pycache__", "*.pyd")
    for name in SOURCES:
        source, copy = ROOT / name, folder / "source" / name
        copy.parent.mkdir(exist_ok=True)
        shutil.copytree(source, copy, ignore=unbuilt) if source.is_dir() else shutil.copy(source, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--no-index"]
    result = subprocess.run(
        [*pip, "-w", str(folder), str(folder / "source")],
        env=os.environ | {"CC": "no-compiler", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(site), str(wheel)], check=True, capture_output=True)
    return site


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is not the repository, for runs."""
    return tmp_path_factory.mktemp("elsewhere")


def run(site: Path, folder: Path, *python: str) -> str:
    """Standard output of Python with the installed wheel, in ``folder``."""
    environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    result = subprocess.run(
        [sys.executable, *python], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8",
        timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, (python, result.stdout[-2000:], result.stderr[-2000:])
    assert "Traceback" not in result.stderr
    return result.stdout


def test_the_wheel_holds_what_the_package_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    gin = {f"submission/gin/{file.relative_to(ROOT / 'gin').as_posix()}" for file in (ROOT / "gin").rglob("*.gin")}
    data = {
        file.relative_to(ROOT).as_posix()
        for ending in ("npz", "json", "typed", "j2", "css", "js")
        for file in (ROOT / "submission").rglob(f"*.{ending}")
    }
    modules = {file.relative_to(ROOT).as_posix() for file in (ROOT / "submission").rglob("*.py")}
    assert gin | data | modules <= names
    assert not [name for name in names if name.startswith(("tests/", "gin/", "benchmarks/"))]
    assert not [name for name in names if name.endswith((".so", ".pyd"))]


def test_metadata_are_complete(site: Path) -> None:
    (folder,) = site.glob("*.dist-info")
    distribution = Distribution.at(folder)
    about = distribution.metadata
    assert about["Version"] == __import__("submission").__version__
    assert {"report", "export", "notebook", "tensorboard", "test"} <= set(about.get_all("Provides-Extra") or ())
    assert about["Keywords"]
    assert "Typing :: Typed" in (about.get_all("Classifier") or ())
    assert "filelock>=3.12" in (about.get_all("Requires-Dist") or ())
    assert [script.value for script in distribution.entry_points] == ["submission.cli.main:main"]


def test_the_console_script_names_itself(site: Path, elsewhere: Path) -> None:
    name = "submission.exe" if os.name == "nt" else "submission"
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [str(site / "bin" / name), "--help"]
    result = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert result.stdout.startswith("usage: submission "), result.stderr


COMMANDS = {
    "demo ": ["train", "--list"],
    "exported": ["train", "--config", "demo", *TINY, "--out", "runs/a"],
    "mig": ["evaluate", "runs/a", "--preset", "fast", "--metrics", "mig", "--no-baselines"],
    "report.html": ["report", "runs/a"],
    "The grader would accept this.": ["check", "runs/a"],
    "pytorch_model.pt": ["export", "runs/a", "--formats", "pt"],
    "0.": ["leaderboard", "--protocol", "fast"],
    "dsprites_full": ["data", "list"],
}
"""What a command prints, and the command; each goes on with what those before it made."""
SESSION = f"""
from submission.cli.main import main
for number, words in enumerate({[*COMMANDS.values()]!r}):
    print("command", number, flush=True)
    assert main(words) == 0, words
"""


def test_every_command_works_outside_of_the_repository(site: Path, elsewhere: Path) -> None:
    version = run(site, elsewhere, "-m", "submission", "--version")
    assert version.split() == ["submission", __import__("submission").__version__]
    outputs = re.split(r"^command \d+\n", run(site, elsewhere, "-c", SESSION), flags=re.MULTILINE)[1:]
    for (said, words), output in zip(COMMANDS.items(), outputs, strict=True):
        assert said in output, words
