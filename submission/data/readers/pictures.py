"""Picture files, and folders of them as data sets."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from submission.data.dataset import ImageDataset, Images
from submission.data.locations import HINT, places
from submission.data.reading import errors_named, require_memory, require_regular, shown
from submission.data.user_data import from_arrays, from_columns
from submission.errors import SubmissionError
from submission.progress import QUIET, Progress

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "PPM")
"""The only formats that Pillow is asked to decode; others start programs (PostScript) or are rarely used decoders."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm")
GREY = ("1", "L")
FACTORS = "factors.csv"
MOST_PIXELS = 1 << 26
MOST_FILE_BYTES = 1 << 28
MOST_PICTURES = 5_000_000
MOST_TABLE_BYTES = 1 << 28
RECIPE = "docs/data.md describes folders of pictures"


@contextlib.contextmanager
def open_picture(source: Path | io.BytesIO, name: Path, fix: str, part: str = "") -> Iterator[Image.Image]:
    """A picture of one of ``FORMATS`` and at most ``MOST_PIXELS`` pixels; ``name`` and ``part`` are for errors."""
    from PIL import Image

    if isinstance(source, Path) and require_regular(source, fix) > MOST_FILE_BYTES:
        raise SubmissionError(f"{source} has more than {MOST_FILE_BYTES:,} bytes", fix)
    with errors_named(name, fix, part), Image.open(source, formats=FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise SubmissionError(f"{name} has {picture.width}x{picture.height} pixels, too many", fix)
        yield picture


def from_folder(name: str, root: Path, periodic: str = "", progress: Progress = QUIET) -> ImageDataset:
    """The pictures of a folder (.png, .jpg, .bmp, .pgm, .ppm), all of one size, in the order of their names.

    The numbers in names count as numbers: ``2.png`` comes before ``10.png``. A table ``factors.csv`` in the folder
    gives the factors of variation: a column ``file`` and one column for each factor. Whole numbers and words are
    classes; numbers with a decimal point are continuous.

    Args:
        periodic: the factors that are cycles, separated by commas.
    """
    folder = find_folder(name, root)
    files = picture_files(folder)
    images = read_pictures(folder, files, progress)
    notes = f"pictures in {folder}"
    if not (folder / FACTORS).exists():
        if periodic:
            raise SubmissionError(f"{folder} has no {FACTORS}, so it has no periodic factors", RECIPE)
        return from_arrays(images, name=folder.as_posix(), notes=notes, layout="NHWC")
    names, columns = read_table(folder / FACTORS, files)
    cycles = marked(names, periodic, folder)
    return from_columns(images, columns, names, cycles, folder.as_posix(), notes, layout="NHWC")


def find_folder(name: str, root: Path) -> Path:
    """The absolute path of the folder ``name``, which lies where the name says, or under ``root``."""
    tried = places(name, root)
    for place in tried:
        if place.is_dir():
            return place
    raise SubmissionError(f"there is no folder {', nor '.join(map(str, tried))}", f"check the path: {HINT}")


def picture_files(folder: Path) -> list[str]:
    """Names of the picture files, numbers in them in order of their value."""
    with errors_named(folder, RECIPE), os.scandir(folder) as entries:
        found = [entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES)]
    if not found:
        raise SubmissionError(f"{folder} has no pictures ({', '.join(SUFFIXES)})", RECIPE)
    if len(found) > MOST_PICTURES:
        raise SubmissionError(f"{folder} has {len(found):,} pictures, more than {MOST_PICTURES:,}", RECIPE)
    return sorted(found, key=natural)


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts the numbers in names by value."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name)
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts], name


def read_pictures(folder: Path, files: list[str], progress: Progress) -> Images:
    """The pictures (n, height, width, channels): grey where the first one is, else in colour."""
    with open_picture(folder / files[0], folder / files[0], RECIPE) as first:
        size, mode = first.size, "L" if first.mode in GREY else "RGB"
    shape = (len(files), size[1], size[0], 1 if mode == "L" else 3)
    require_memory(folder, "pictures", int(np.prod(shape, dtype=np.float64)), RECIPE)
    images = np.empty(shape, dtype=np.uint8)
    with progress.task(f"read {folder.name}", len(files)) as task:
        for row, name in zip(images, files, strict=True):
            row[:] = read_picture(folder / name, size, mode)
            task.advance()
    return images


def read_picture(path: Path, size: tuple[int, int], mode: str) -> npt.NDArray[np.uint8]:
    """One picture (height, width, channels) that must have ``size`` (width, height) and be grey where others are."""
    with open_picture(path, path, RECIPE) as picture:
        kind = "L" if picture.mode in GREY else "RGB"
        if (picture.size, kind) != (size, mode):
            what = f"{path} is {kind} {picture.width}x{picture.height}, the first picture {mode} {size[0]}x{size[1]}"
            raise SubmissionError(what, "make all pictures of one size, all grey or all in colour")
        return np.asarray(picture.convert(mode), dtype=np.uint8).reshape(size[1], size[0], -1)


def read_table(path: Path, files: list[str]) -> tuple[list[str], list[npt.NDArray[Any]]]:
    """Names and columns (n,) of the factors of ``files``, from a table with a column ``file``."""
    if require_regular(path, RECIPE) > MOST_TABLE_BYTES:
        raise SubmissionError(f"{path} has more than {MOST_TABLE_BYTES:,} bytes", RECIPE)
    with errors_named(path, RECIPE), path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file, strict=True))
        header = [cell.strip() for cell in header]
        if len(header) < 2 or header[0] != "file":
            raise SubmissionError(f"{path} begins with {shown(','.join(header))}", "begin it with file,NAME,NAME,...")
        known = {row[0]: row[1:] for row in rows if row}
        missing = [name for name in files if len(known.get(name, ())) != len(header) - 1]
        if missing:
            what = f"{path} has no line of {len(header)} cells for {shown(missing[0])}"
            raise SubmissionError(what, "give every picture one line: its name and one value for each factor")
        cells = zip(*(known[name] for name in files), strict=True)
        return header[1:], [numbers(np.array(column)) for column in cells]


def numbers(column: npt.NDArray[np.str_]) -> npt.NDArray[Any]:
    """A column of text as whole numbers, else as numbers, else as it is."""
    for kind in (np.int64, np.float64):
        with contextlib.suppress(ValueError, OverflowError):
            return column.astype(kind)
    return column


def marked(names: list[str], periodic: str, folder: Path) -> list[bool]:
    """Which of the factors called ``names`` the list ``periodic`` names."""
    cycles = [name.strip() for name in periodic.split(",") if name.strip()]
    unknown = [name for name in cycles if name not in names]
    if unknown:
        raise SubmissionError(f"{folder / FACTORS} has no factor {unknown[0]!r}", f"choose from {', '.join(names)}")
    return [name in cycles for name in names]
