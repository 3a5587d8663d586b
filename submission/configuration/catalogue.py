"""Where the gin files are, and which runs they describe."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import submission
from submission.errors import SubmissionError, UsageError, did_you_mean, invocation
from submission.files import user_path

FORMER_NAMES = {
    "text000": "delta_vae_challenge",
    "text001": "product_svae",
    "text002": "isa_vae",
    "text003": "delta_vae",
}
"""Names of configurations before version 0.4 and their names now; still accepted, with a warning, until version 0.5."""


def gin_folder() -> Path:
    """The folder of the shipped gin files: inside the installed package, or beside it in a checkout."""
    package = Path(submission.__file__).resolve().parent
    for folder in (package / "gin", package.parent / "gin"):
        if (folder / "runs").is_dir():  # beside an installed package is gin-config's code, which has none
            return folder
    raise SubmissionError(
        f"{package} was installed without its gin files", "install it again: pip install --force-reinstall"
    )


def configurations() -> dict[str, str]:
    """Name → one line, of every run configuration (``gin/runs/NAME.gin``), in order of names."""
    runs = gin_folder() / "runs"
    files = sorted(runs.rglob("*.gin"))
    return {str(file.relative_to(runs).with_suffix("")): summary(file) for file in files}


def summary(file: Path) -> str:
    """The first comment line of a gin file."""
    first = file.read_text(encoding="utf-8-sig").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def find(name: str, beside: Path | None = None) -> Path:
    """The gin file called ``name``: a path, or a path under ``beside``, the gin folder or its ``runs``.

    The ``.gin`` at the end may be left out. UsageError, with the nearest known name, when there is none.
    """
    name = str(user_path(current_name(name)))
    folders = [*([beside] if beside else []), Path(), gin_folder(), gin_folder() / "runs"]
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.gin"):
            if candidate.is_file():
                return candidate.resolve()
    hint = did_you_mean(name, configurations(), f"see {invocation('train')} --list", most=1)
    raise UsageError(f"there is no configuration {name!r}", hint)


def current_name(name: str) -> str:
    """``name``, with a folder or file of ``FORMER_NAMES`` replaced by its current name and a warning that says so."""
    renamed = re.sub("|".join(FORMER_NAMES), lambda match: FORMER_NAMES[match[0]], name)
    if renamed != name:
        warnings.warn(f"configuration {name!r} is now called {renamed!r}", FutureWarning, stacklevel=3)
    return renamed
