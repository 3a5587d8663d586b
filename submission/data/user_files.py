"""Users' own images in .npz and .h5 files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data import npz
from submission.data.dataset import ImageDataset
from submission.data.locations import find
from submission.data.user_data import from_arrays
from submission.errors import SubmissionError

MOST_BYTES = 16 << 30
RECIPE = "docs/data.md shows how to write such a file"
ARRAYS = ("images", "factors", "factor_names", "periodic")


def from_file(name: str, root: Path) -> ImageDataset:
    """The data set in the file ``name`` (taken from ``root`` if it is not there): ``images`` and optional arrays.

    The arrays are named as the arguments of ``from_arrays``. Nothing is unpickled. The data set is called by the file's
    absolute path, which finds it again from any folder.
    """
    path = find(name, root)
    arrays = read_npz(path) if path.suffix == ".npz" else read_hdf5(path)
    if "images" not in arrays:
        raise SubmissionError(f"{path} has no array 'images'", RECIPE)
    names = [str(value) for value in arrays.get("factor_names", np.array([])).astype(str)]
    periodic = [bool(value) for value in arrays.get("periodic", np.array([]))]
    return from_arrays(arrays["images"], arrays.get("factors"), names, periodic, str(path), f"read from {path}")


def read_npz(path: Path) -> dict[str, npt.NDArray]:
    """The arrays of an .npz that ``from_arrays`` knows."""
    return {name: npz.read(path, name, MOST_BYTES) for name in ARRAYS if name in npz.names(path)}


def read_hdf5(path: Path) -> dict[str, npt.NDArray]:
    """The arrays of an HDF5 file that ``from_arrays`` knows; links to other files are not followed."""
    from submission.data.readers import hdf5

    with hdf5.opened(path, RECIPE) as file:
        return {name: hdf5.read(path, file, name, MOST_BYTES, RECIPE) for name in ARRAYS if name in file}
