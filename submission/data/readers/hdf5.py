"""HDF5 files: only arrays that are really in the file, and only of the size expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.reading import unreadable
from submission.errors import SubmissionError


def opened(path: Path, fix: str) -> Any:
    """The file, open for reading."""
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise unreadable(path, error, fix) from None


def array(path: Path, file: Any, name: str, fix: str) -> Any:
    """The array ``name``; one that is a link to elsewhere, virtual or stored in other files counts as absent."""
    import h5py

    found = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise SubmissionError(f"{path} has no array '{name}' of its own", fix)
    return found


def require(path: Path, file: Any, name: str, shape: tuple[int, ...], dtype: str, fix: str) -> Any:
    """The array ``name``, if it has ``shape`` and ``dtype``."""
    found = array(path, file, name, fix)
    if found.shape != shape or found.dtype != np.dtype(dtype):
        raise SubmissionError(f"'{name}' of {path} is {found.shape} {found.dtype}, not {shape} {dtype}", fix)
    return found


def read(path: Path, file: Any, name: str, limit: int, fix: str) -> npt.NDArray:
    """The array ``name`` in memory, if it is at most ``limit`` bytes."""
    found = array(path, file, name, fix)
    if found.nbytes > limit:
        raise SubmissionError(f"'{name}' of {path} is {found.nbytes} bytes, more than {limit}", fix)
    try:
        return found.asstr()[:] if found.dtype.kind == "O" else found[:]
    except (OSError, TypeError, ValueError) as error:
        raise SubmissionError(f"cannot read '{name}' of {path}: {error}", fix) from None
