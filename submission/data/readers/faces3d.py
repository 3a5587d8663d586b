"""3D Faces (Paysan et al. 2009, as rendered for Chen et al. 2018): licensed, so users must obtain the file."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

from submission.data.dataset import Images
from submission.data.grid import Factor, factors
from submission.data.originals import FACES3D_FACTORS, FACES3D_FILE
from submission.data.pixels import BytePixels, GridDataset
from submission.data.reading import errors_named, require_regular
from submission.errors import SubmissionError

SIZES = (50, 21, 11, 11)
MOST_HEAD = 1 << 20  # bytes beside the images
FIX = "`python -m submission data info faces3d` says how to get it; `faces3d_standin` has the same grid"


def faces3d(name: str, root: Path) -> GridDataset:
    """3D Faces: 127,050 grey images 64x64, in the order of the renders."""
    path = root / FACES3D_FILE
    pixels = BytePixels(read_tensor(path, math.prod(SIZES)))
    return GridDataset(name, faces3d_factors(), (64, 64, 1), 255, f"read from {path}", pixels=pixels)


def faces3d_factors() -> tuple[Factor, ...]:
    """The factors; no angle goes all the way round."""
    return factors(FACES3D_FACTORS, SIZES)


def read_tensor(path: Path, count: int) -> Images:
    """The uint8 tensor (count, 64, 64, 1) of a PyTorch file, read without unpickling anything but tensors."""
    import torch

    size = require_regular(path, FIX)
    with errors_named(path, FIX):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
        if size > 2 * count * 64 * 64 + MOST_HEAD:
            raise SubmissionError(f"{path} unpacks to {size:,} bytes, too many for {count:,} images", FIX)
        tensor = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.uint8 or tensor.numel() != count * 64 * 64:
        raise SubmissionError(f"{path} is not a uint8 tensor of {count} images 64x64", FIX)
    return tensor.contiguous().numpy().reshape(count, 64, 64, 1)
