"""Omniglot (Lake, Salakhutdinov, Tenenbaum 2015) at 28x28 for likelihoods."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.data import npz
from submission.data.dataset import Images
from submission.data.originals import OMNIGLOT_FOLDER
from submission.data.readers.matlab import read_matlab
from submission.data.readers.pictures import open_picture
from submission.data.reading import absent, again, errors_named, require_regular
from submission.data.splits import Labels, SplitImages, binarised, choose
from submission.errors import SubmissionError

PARTS = {"images_background": 964, "images_evaluation": 659}
DRAWERS = 20
SIDE = 105
TRAIN, TEST, VALID = 24_345, 8_070, 1_345  # the last VALID training images are for validation
SPLITS = ("train", "valid", "test", "train+valid")
FIX = again("omniglot")


def omniglot(name: str, root: Path, split: str = "train", binarisation: str = "dynamic", seed: int = 0) -> SplitImages:
    """Omniglot at 28x28, ink 1 on paper 0: 23,000 training, 1,345 validation and 8,070 test characters.

    ``chardata.mat`` of Burda et al. 2016 gives exactly the pixels and the split of the published tables. From the
    original drawings (.zip or .npz) pixels are box-filtered from 105x105 and the split, of the same sizes, follows the
    pictures' digests: numbers are near the published ones, not equal.
    """
    choose(name, "split", split, SPLITS)
    folder = root / OMNIGLOT_FOLDER
    burda = folder / "chardata.mat"
    part = "test" if split == "test" else "train"
    grey, labels = read_burda(burda, part) if burda.is_file() else from_drawings(folder, part)
    chosen = {"train": slice(0, TRAIN - VALID), "valid": slice(TRAIN - VALID, TRAIN)}.get(split, slice(None))
    role = "train" if split == "train+valid" else split
    notes = f"read from {burda if burda.is_file() else folder}"
    return binarised(name, role, grey[chosen], labels[chosen], binarisation, seed, notes)


def read_burda(path: Path, part: str) -> tuple[Images, Labels]:
    """Grey images (n, 28, 28, 1) and alphabet numbers of ``chardata.mat``."""
    prefix, count = ("test", TEST) if part == "test" else ("", TRAIN)
    data = read_matlab(path, f"{prefix}data", (784, count), ("double",), FIX)
    target = read_matlab(path, f"{prefix}target", (-1, count), ("double",), FIX)
    images = data.T.reshape(count, 28, 28).transpose(0, 2, 1)
    if not (images.min() >= 0 and images.max() <= 1):
        raise SubmissionError(f"'{prefix}data' of {path} has values outside [0, 1]", FIX)
    return np.rint(images * 255).astype(np.uint8)[..., None], np.argmax(target, axis=0).astype(np.int64)


def from_drawings(folder: Path, part: str) -> tuple[Images, Labels]:
    """Grey images and character numbers of one part, ordered by the digest of the drawing."""
    ink = np.concatenate([read_ink(folder, name, count) for name, count in PARTS.items()])
    digests = [hashlib.sha256(np.packbits(image).tobytes()).digest() for image in ink]
    order = np.array(sorted(range(len(ink)), key=digests.__getitem__))
    chosen = order[TRAIN : TRAIN + TEST] if part == "test" else order[:TRAIN]
    return reduce(ink[chosen]), (chosen // DRAWERS).astype(np.int64)


def read_ink(folder: Path, name: str, count: int) -> npt.NDArray[np.bool_]:
    """Drawings (count * 20, 105, 105), ink True, of ``name`` as .npz or as the original .zip of pictures."""
    archive, pictures = folder / f"{name}.npz", folder / f"{name}.zip"
    if archive.is_file():
        with npz.member(archive, "images", whole=False) as (header, _):
            npz.require(archive, "images", header, (count, DRAWERS, SIDE, SIDE), "bool")
        return ~npz.read(archive, "images").reshape(-1, SIDE, SIDE).astype(bool)
    if pictures.is_file():
        return read_pictures(pictures, count * DRAWERS)
    raise absent(f"neither {archive} nor {pictures.name} exists", FIX)


def read_pictures(path: Path, count: int) -> npt.NDArray[np.bool_]:
    """The .png files of an archive in the order of their names; nothing is unpacked to disk."""
    require_regular(path, FIX)
    with errors_named(path, FIX), zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        if len(names) != count:
            raise SubmissionError(f"{path} has {len(names)} pictures, not {count}", FIX)
        return np.stack([~read_picture(path, archive, name) for name in names])


def read_picture(path: Path, archive: zipfile.ZipFile, name: str) -> npt.NDArray[np.bool_]:
    """One picture (105, 105), paper True."""
    with archive.open(name) as file:
        raw = file.read(1 << 16)
    with open_picture(io.BytesIO(raw), path, FIX, name) as picture:
        if picture.size != (SIDE, SIDE):
            raise ValueError(f"{name} is {picture.size[0]}x{picture.size[1]}, not {SIDE}x{SIDE}")
        return np.asarray(picture.convert("1"))


def reduce(ink: npt.NDArray[np.bool_]) -> Images:
    """Box filter of 3.75 pixels on both axes: (n, 105, 105) of ink to grey (n, 28, 28, 1)."""
    box = box_filter(SIDE, 28)
    blocks = np.array_split(ink, max(1, len(ink) // 512))
    parts: list[npt.NDArray[np.float32]] = [box @ block.astype(np.float32) @ box.T for block in blocks]
    images: Images = np.rint(255 * np.concatenate(parts)).astype(np.uint8)
    return images[..., None]


def box_filter(wide: int, narrow: int) -> npt.NDArray[np.float32]:
    """Matrix (narrow, wide) that averages over equal intervals; a pixel on a border counts with its share."""
    edges = np.arange(narrow + 1)[:, None] * (wide / narrow)
    overlap = np.minimum(edges[1:], np.arange(1, wide + 1)) - np.maximum(edges[:-1], np.arange(wide))
    weights: npt.NDArray[np.float32] = (np.maximum(overlap, 0) * (narrow / wide)).astype(np.float32)
    return weights
