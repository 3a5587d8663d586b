"""MPI3D (Gondal et al. 2019): a robot arm, simulated and real, and the complex objects of the challenge's end."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from submission.data.dataset import Factor
from submission.data.pixels import GridDataset, factors
from submission.data.readers import npz
from submission.data.readers.unreadable import absent, again
from submission.data.store import FilePixels, converted, open_npy
from submission.errors import SubmissionError
from submission.progress import QUIET, Progress

FILES = {
    "mpi3d_toy": "mpi3d_toy/mpi3d_toy.npz",
    "mpi3d_realistic": "mpi3d_realistic/mpi3d_realistic.npz",
    "mpi3d_real": "mpi3d_real/mpi3d_real.npz",
    "mpi3d_complex": "mpi3d_complex/real3d_complicated_shapes_ordered.npz",
}
NAMES = "object color, object shape, object size, camera height, background color, horizontal axis, vertical axis"
SIZES = {460_800: (4, 4, 2, 3, 3, 40, 40), 1_036_800: (6, 6, 2, 3, 3, 40, 40)}
BLOCK = 12_288 * 512


def mpi3d(name: str, root: Path, literal: bool = False, progress: Progress = QUIET) -> GridDataset:
    """One of the MPI3D sets.

    The factor sizes follow from the number of images: 460,800 for the files of 2019 and for the complex objects,
    1,036,800 for today's. ``literal`` takes disentanglement_lib's fixed sizes instead (4, 4, ... for the simulated
    sets), which reads today's files with the wrong meaning of every factor.
    """
    path = root / FILES[name]
    if not path.exists():
        raise absent(f"{path} does not exist", again(name))
    header, pixels = image_store(path, progress=progress)
    if header.shape[0] not in SIZES:
        counts = " or ".join(map(str, SIZES))
        raise SubmissionError(f"{path} has {header.shape[0]} images, not {counts}", npz.READ_AGAIN)
    count = 460_800 if literal and name in ("mpi3d_toy", "mpi3d_realistic") else header.shape[0]
    return GridDataset(name, mpi3d_factors(count), (64, 64, 3), 255, f"read from {path}", pixels=pixels)


def mpi3d_factors(count: int) -> tuple[Factor, ...]:
    """The factors of a set of ``count`` images; no axis turns all the way round."""
    return factors(NAMES, SIZES[count])


def image_store(
    path: Path, shape: tuple[int, ...] = (-1, 64, 64, 3), progress: Progress = QUIET
) -> tuple[npz.Header, FilePixels]:
    """The ``images`` of an archive as a store: in place if they are not compressed, else from a converted copy."""
    with npz.member(path, "images", whole=False) as (header, _):
        npz.require(path, "images", header, shape, "uint8")
    count = header.nbytes // (64 * 64 * 3)
    offset = stored_offset(path)
    if offset is not None:
        return header, FilePixels(path, offset, count, (64, 64, 3))
    copy = converted(path, (count, 64, 64, 3), lambda: inflated(path), progress)
    return header, open_npy(copy)[1]


def inflated(path: Path) -> Iterator[bytes]:
    """The bytes of the ``images``, block by block; the checksum is compared at the end."""
    with npz.member(path, "images") as (header, stream):
        left = header.nbytes
        while left:
            block = stream.read(min(BLOCK, left))
            if not block:
                raise EOFError(f"the data end {left} bytes early")
            left -= len(block)
            yield block


def stored_offset(path: Path) -> int | None:
    """Where the bytes of the ``images`` begin in the archive, or None if they are compressed."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("images.npy")
        if info.compress_type != zipfile.ZIP_STORED:
            return None
        with path.open("rb") as file:
            file.seek(info.header_offset + 26)
            name_length, extra_length = struct.unpack("<HH", file.read(4))
            file.seek(name_length + extra_length, 1)
            npz.read_header(file)
            return file.tell()
