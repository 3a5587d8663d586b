"""Where data files are: the data root, and data sets whose names are paths."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from submission.errors import SubmissionError
from submission.files import user_path

ROOT_VARIABLE = "DISENTANGLEMENT_LIB_DATA"
SUFFIXES = (".npz", ".h5", ".hdf5")
LIBRARY_PREFIX = "dlib:"
HINT = f"a data file of your own ends in {', '.join(SUFFIXES)}; the path of a folder of pictures has a '/'"


def data_root(root: str | Path | None = None) -> Path:
    """The folder of the data files: ``root``, else ``$DISENTANGLEMENT_LIB_DATA``, else ``./data``."""
    return user_path(root or os.environ.get(ROOT_VARIABLE) or "data")


def is_user_data(name: str) -> bool:
    """Whether ``name`` is the path of a user's own data; such data has several names, its paths.

    A path of a folder has a separator of this system, or a drive. Paths that are stored have ``/`` on every system.
    """
    folder = "/" in name or (PurePath(name).name != name and name != ".")
    return name.lower().endswith(SUFFIXES) or (folder and not name.startswith(LIBRARY_PREFIX))


def name_of(data: str | PurePath) -> str:
    """The name of a data set, or of the one at a path."""
    if isinstance(data, str):
        return data
    return data.as_posix() if is_user_data(str(data)) else f"./{data}"


def same_dataset(name: str, other: str) -> bool:
    """Whether two names mean one data set, seen from the current folder."""
    paths = is_user_data(name) and is_user_data(other)
    return name == other or (paths and user_path(name).absolute() == user_path(other).absolute())


def relocated(name: str, root: str | Path | None) -> str:
    """The path of a user's data; data that has moved is looked for in the folder ``root``, if one was named."""
    if root is None or Path(name).exists() or (data_root(root) / name).exists():
        return name
    there = data_root(root) / Path(name).name
    return str(there) if there.exists() else name


def places(name: str, root: Path) -> list[Path]:
    """The absolute paths that ``name`` may mean: as it says, or under ``root``."""
    return list(dict.fromkeys(Path(place).absolute() for place in (name, root / name)))


def find(name: str, root: Path) -> Path:
    """The absolute path of the file ``name``, which lies where the name says, or under ``root``."""
    tried = places(name, root)
    for place in tried:
        if place.exists():
            return place
    what = f"there is no file {', nor '.join(map(str, tried))}"
    raise SubmissionError(what, "check the path, or name the file's folder with --data-root")
