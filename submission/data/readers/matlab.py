"""Numeric arrays of MATLAB 5 files; their declared shapes and types are checked before anything is decompressed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.reading import unreadable
from submission.errors import SubmissionError


def read_matlab(
    path: Path, variable: str, shape: tuple[int, ...], kinds: tuple[str, ...], fix: str
) -> npt.NDArray[np.generic]:
    """The array ``variable`` of ``path``, if it has ``shape`` (-1: any length) and one of MATLAB's classes ``kinds``.

    Cells, structures and objects are never read. ``fix`` is what a user should do about a bad file.
    """
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    try:
        path.open("rb").close()  # scipy hides why a file cannot be opened
        found = {name: (size, kind) for name, size, kind in whosmat(path)}
        size, have = found.get(variable, ((), "absent"))
        fits = len(size) == len(shape) and all(want in (-1, is_) for is_, want in zip(size, shape, strict=True))
        if not fits or have not in kinds:
            raise SubmissionError(f"'{variable}' of {path} is {size} {have}, not {shape} {' or '.join(kinds)}", fix)
        return loadmat(path, variable_names=[variable])[variable]
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise unreadable(path, error, fix) from None
