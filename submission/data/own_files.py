"""Your own images in an .npz or .h5 file: where it is, and what is in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data.dataset import ImageDataset
from submission.data.own import from_arrays
from submission.data.readers import npz
from submission.errors import SubmissionError

SUFFIXES = (".npz", ".h5", ".hdf5")
HINT = f"a file of your own ends in {', '.join(SUFFIXES)}"
MOST_BYTES = 16 << 30
RECIPE = "docs/data.md shows how to write such a file"
ARRAYS = ("images", "factors", "factor_names", "periodic")


def own_file(name: str) -> bool:
    """Whether ``name`` is a file of the user's, which has several names, its paths."""
    return name.endswith(SUFFIXES)


def same(name: str, other: str) -> bool:
    """Whether two names are one data set's, seen from the current folder."""
    files = own_file(name) and own_file(other)
    return name == other or (files and Path(name).absolute() == Path(other).absolute())


def moved(name: str, root: str | Path | None) -> str:
    """The name of a user's file; one that is gone from its place may lie in the folder ``root``, if one was named."""
    if root is None or Path(name).exists() or Path(root, name).exists():
        return name
    there = Path(root, Path(name).name)
    return str(there) if there.exists() else name


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


def find(name: str, root: Path) -> Path:
    """The absolute path of the file ``name``, which lies where the name says, or under ``root``."""
    places = dict.fromkeys(Path(place).absolute() for place in (name, root / name))
    for place in places:
        if place.is_file():
            return place
    what = f"there is no file {', nor '.join(map(str, places))}"
    raise SubmissionError(what, "check the path, or name the file's folder with --data-root")


def read_npz(path: Path) -> dict[str, npt.NDArray]:
    """The arrays of an .npz that ``from_arrays`` knows."""
    return {name: npz.read(path, name, MOST_BYTES) for name in ARRAYS if name in npz.names(path)}


def read_hdf5(path: Path) -> dict[str, npt.NDArray]:
    """The arrays of an HDF5 file that ``from_arrays`` knows; links to other files are not followed."""
    from submission.data.readers import hdf5

    with hdf5.opened(path, RECIPE) as file:
        return {name: hdf5.read(path, file, name, MOST_BYTES, RECIPE) for name in ARRAYS if name in file}
