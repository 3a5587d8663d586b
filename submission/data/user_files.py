"""Users' own images in .npz and .h5 files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.data import npz
from submission.data.dataset import ImageDataset
from submission.data.locations import find
from submission.data.reading import errors_named, listed, require_regular
from submission.data.user_data import from_arrays
from submission.errors import SubmissionError

LOG = logging.getLogger("submission")
MOST_BYTES = 1 << 40
MOST_TEXT_BYTES = 1 << 20
RECIPE = "docs/data.md shows how to write such a file"
LIMITS = {
    "images": MOST_BYTES,
    "factors": MOST_BYTES,
    "factor_names": MOST_TEXT_BYTES,
    "periodic": MOST_TEXT_BYTES,
    "continuous": MOST_TEXT_BYTES,
    "layout": MOST_TEXT_BYTES,
}
"""The arrays that are read, and the most bytes of each."""
Arrays = dict[str, npt.NDArray[Any]]


def from_file(name: str, root: Path) -> ImageDataset:
    """The data set in the file ``name`` (taken from ``root`` if it is not there): ``images`` and optional arrays.

    The arrays are named as the arguments of ``from_arrays``. Nothing is unpickled. The data set's name is the file's
    absolute path, which is valid in any folder. Other arrays are ignored, and a warning lists them.
    """
    path = find(name, root)
    require_regular(path, RECIPE)
    arrays, unused = read_npz(path) if path.suffix.lower() == ".npz" else read_hdf5(path)
    if "images" not in arrays:
        have = f" (it has {listed(unused)})" if unused else ""
        raise SubmissionError(f"{path} has no array 'images'{have}", RECIPE)
    if unused:
        LOG.warning("%s: not used: %s; factors of variation are read from 'factors' (n, K)", path, listed(unused))
    with errors_named(path, RECIPE):
        return from_arrays(
            arrays["images"],
            arrays.get("factors"),
            texts(arrays, "factor_names", path),
            marks(arrays, "periodic", path),
            path.as_posix(),
            f"read from {path}",
            continuous=marks(arrays, "continuous", path),
            layout="".join(texts(arrays, "layout", path)),  # type: ignore[arg-type] # checked there
        )


def texts(arrays: Arrays, name: str, path: Path) -> list[str]:
    """The array ``name`` as a list of texts; empty where there is none."""
    found = np.atleast_1d(arrays.get(name, np.array([], dtype=str)))
    if found.ndim != 1 or found.dtype.kind not in "SUO":
        what = f"'{name}' of {path} is {'x'.join(map(str, found.shape))} {found.dtype}"
        raise SubmissionError(what, "make it a list of texts")
    return [str(value) for value in found.astype(str)]


def marks(arrays: Arrays, name: str, path: Path) -> list[bool]:
    """The array ``name`` as a list of truth values; empty where there is none."""
    found = arrays.get(name, np.array([], dtype=bool))
    if found.ndim != 1 or found.dtype.kind != "b":
        what = f"'{name}' of {path} is {'x'.join(map(str, found.shape))} {found.dtype}"
        raise SubmissionError(what, "make it one True or False for each factor (type bool)")
    return [bool(value) for value in found]


def read_npz(path: Path) -> tuple[Arrays, list[str]]:
    """The arrays of an .npz that ``from_arrays`` takes, and the names of the others."""
    there = dict.fromkeys(npz.names(path, RECIPE))
    arrays = {name: npz.read(path, name, most, RECIPE) for name, most in LIMITS.items() if name in there}
    return arrays, [name for name in there if name not in LIMITS]


def read_hdf5(path: Path) -> tuple[Arrays, list[str]]:
    """The same of an HDF5 file; links to other files are not followed."""
    from submission.data.readers import hdf5

    hdf5.require_sound(path, list(LIMITS), RECIPE)
    with hdf5.open_file(path, RECIPE) as file:
        there = hdf5.names(path, file, RECIPE)
        arrays = {name: hdf5.read(path, file, name, most, RECIPE) for name, most in LIMITS.items() if name in there}
    return arrays, [name for name in there if name not in LIMITS]
