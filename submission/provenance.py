"""Provenance of numbers: versions, commit, machine, time."""

from __future__ import annotations

import datetime
import functools
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import submission

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "gin-config", "h5py")


def versions() -> dict[str, str]:
    """Version of this package, Python and the libraries that numbers depend on."""
    found = {"submission": submission.__version__, "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def commit() -> str:
    """Git commit of the source tree (``-dirty`` when changed); outside git ``SUBMISSION_COMMIT`` or ``unknown``."""
    root = Path(submission.__file__).parents[1]
    if not (root / ".git").exists():
        return os.environ.get("SUBMISSION_COMMIT", "unknown")
    try:
        arguments = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(
            arguments, cwd=root, capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def machine() -> str:
    """Processor, cores and operating system in one line."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def now() -> str:
    """UTC time, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def record() -> dict[str, Any]:
    """Everything above, ready for JSON."""
    return {"created": now(), "commit": commit(), "machine": machine(), "versions": versions()}
