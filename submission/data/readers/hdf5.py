"""HDF5 files: only arrays that are really in the file, and only of the size expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data.reading import errors_named, require_memory, require_regular, shown
from submission.errors import SubmissionError


def open_file(path: Path, fix: str) -> Any:
    """The file, open for reading."""
    import h5py

    require_regular(path, fix)
    with errors_named(path, fix):
        return h5py.File(path, "r")


def names(path: Path, file: Any, fix: str) -> list[str]:
    """Names of what the file has at its top level."""
    with errors_named(path, fix):
        return list(file)


def array(path: Path, file: Any, name: str, fix: str) -> Any:
    """The array ``name``; one that is a link to elsewhere, virtual or stored in other files counts as absent."""
    import h5py

    with errors_named(path, fix, name):
        found = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
        if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual or found.shape is None:
            raise SubmissionError(f"{path} has no array '{name}' of its own", fix)
        return found


def require(path: Path, file: Any, name: str, shape: tuple[int, ...], dtype: str, fix: str) -> Any:
    """The array ``name``, if it has ``shape`` and ``dtype``."""
    found = array(path, file, name, fix)
    with errors_named(path, fix, name):
        if found.shape != shape or found.dtype != np.dtype(dtype):
            have = f"{found.shape} {shown(str(found.dtype))}"
            raise SubmissionError(f"'{name}' of {path} is {have}, not {shape} {dtype}", fix)
    return found


def read(path: Path, file: Any, name: str, limit: int, fix: str) -> npt.NDArray[Any]:
    """The array ``name`` in memory, if it is at most ``limit`` bytes of plain values or text."""
    found = array(path, file, name, fix)
    with errors_named(path, fix, name):
        require_memory(path, name, found.nbytes, fix, limit)
        values = np.asarray(found.asstr()[()] if found.dtype.kind == "O" else found[()])
        if values.dtype.kind not in "biufcSUO":
            what = f"'{name}' of {path} has elements that are not plain values: {shown(str(values.dtype))}"
            raise SubmissionError(what, fix)
        return values
