"""Arrays of an .npz archive from anywhere: read without unpickling, and what is wrong with it told in one line."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError

Array = npt.NDArray[np.generic]


def read_arrays(path: Path, names: Sequence[str], fix: str) -> dict[str, Array]:
    """Those of the arrays called ``names`` that the archive has.

    Args:
        path: the .npz file.
        names: what to read; other arrays are left alone.
        fix: how to make a right file, for the messages.

    Raises:
        SubmissionError: the file is missing, unreadable, damaged or no archive, or an array holds other things than
            plain values.
    """
    try:
        with path.open("rb") as file:
            require_archive(path, file, fix)
            archive = np.load(file, allow_pickle=False)
            return {name: read_array(path, archive, name, fix) for name in names if name in archive.files}
    except SubmissionError:
        raise
    except FileNotFoundError:
        raise SubmissionError(f"{path} does not exist", "check the path") from None
    except OSError as error:
        what = f"cannot read {path}: {error.strerror or error}"
        raise SubmissionError(what, "check the path and its permissions") from None
    except Exception:  # noqa: BLE001 - numpy and zipfile raise many kinds for broken archives
        raise SubmissionError(f"cannot read {path}: the archive is damaged", fix) from None


def require_archive(path: Path, file: BinaryIO, fix: str) -> None:
    """SubmissionError unless ``file``, which stays at its start, ends as a zip archive does."""
    start = file.read(len(np.lib.format.MAGIC_PREFIX))
    if start == np.lib.format.MAGIC_PREFIX:
        raise SubmissionError(f"cannot read {path}: it is a single array, not an .npz archive", fix)
    if not zipfile.is_zipfile(file):
        what = "it is cut short" if start.startswith(b"PK") else "it is no .npz archive"
        raise SubmissionError(f"cannot read {path}: {what}", fix)
    file.seek(0)


def read_array(path: Path, archive: Mapping[str, Array], name: str, fix: str) -> Array:
    """One array of an archive."""
    try:
        found = archive[name]
    except MemoryError:
        raise SubmissionError(f"cannot read {path}: {name} is larger than the memory", "take fewer rows") from None
    except Exception:  # noqa: BLE001 - as above
        found = None
    if not isinstance(found, np.ndarray):  # a member that is no .npy comes as bytes
        raise SubmissionError(f"cannot read {path}: {name} is damaged, or no array of plain values", fix)
    return found
