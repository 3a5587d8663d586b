"""CalTech 101 Silhouettes (Marlin et al. 2010), 28x28, with the published split."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from submission.data.originals import CALTECH_FILE
from submission.data.pixels import BitPixels
from submission.data.readers.matlab import read_matlab
from submission.data.reading import again
from submission.data.splits import SplitImages, choose
from submission.errors import SubmissionError

SPLITS = {"train": 4100, "valid": 2264, "test": 2307}
FIX = again("caltech101")


def caltech101(name: str, root: Path, split: str = "train", inverted: bool = False) -> SplitImages:
    """The silhouettes with object 1 on background 0, the polarity of the published tables.

    The file has it the other way round (object 0), column by column; ``inverted`` keeps the file's polarity.
    """
    count = SPLITS[choose(name, "split", split, SPLITS)]
    key = "val" if split == "valid" else split
    path = root / CALTECH_FILE
    data = read_matlab(path, f"{key}_data", (count, 784), ("double", "uint8"), FIX)
    if not np.isin(data, (0, 1)).all():
        raise SubmissionError(f"'{key}_data' of {path} has values other than 0 and 1", FIX)
    images = data.astype(np.uint8).reshape(count, 28, 28).transpose(0, 2, 1)
    images = images if inverted else 1 - images
    labels = read_matlab(path, f"{key}_labels", (count, 1), ("double", "uint8"), FIX)[:, 0].astype(np.int64)
    pixels = BitPixels(np.packbits(images.reshape(count, -1), axis=1), (28, 28, 1))
    return SplitImages(name, (28, 28, 1), 1, pixels, labels, split, f"read from {path}")
