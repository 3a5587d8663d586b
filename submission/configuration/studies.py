"""Study files: ``study.*`` bindings in gin, with one scope per size of the study."""

from __future__ import annotations

from pathlib import Path

from submission.configuration.catalogue import gin_folder, summary
from submission.configuration.parse import Macro, Reference, read_file
from submission.errors import UsageError, did_you_mean

SECTION = "study"


def study_files() -> dict[str, Path]:
    """Name → file of every shipped study (``gin/studies/NAME.gin``)."""
    return {file.stem: file for file in sorted((gin_folder() / "studies").glob("*.gin"))}


def find_study(name: str) -> Path:
    """The study file ``name``: a path, or the name of a shipped study."""
    known = study_files()
    for candidate in (Path(name), Path(f"{name}.gin"), known.get(name, Path())):
        if candidate.is_file():
            return candidate
    raise UsageError(f"there is no study {name!r}", did_you_mean(name, known, "see submission sweep --list", most=1))


def read_study(name: str, size: str = "") -> tuple[str, dict[str, object]]:
    """Title and bindings of a study; those of the scope ``size`` win.

    Args:
        name: a path, or the name of a shipped study.
        size: e.g. ``smoke``, ``desk`` or ``full``; empty for the bindings without a scope.

    Raises:
        UsageError: no such file or size, or a binding that no study takes.
    """
    file = find_study(name)
    bindings = read_file(file.resolve(), ())
    sizes = {key.scope for key in bindings if key.scope}
    if size and size not in sizes:
        raise UsageError(f"{file.name} has no size {size!r}", f"choose one of {', '.join(sorted(sizes)) or 'none'}")
    values: dict[str, object] = {}
    for scope in ("", size):
        for key, binding in bindings.items():
            if key.scope != scope:
                continue
            if key.selector != SECTION:
                raise UsageError(f"{binding.origin}: {key} is not a setting of a study", "write study.NAME = value")
            if isinstance(binding.value, Macro | Reference):
                raise UsageError(f"{binding.origin}: {key} is a macro or a reference", "write the value itself")
            values[key.parameter] = binding.value
    return summary(file), values
