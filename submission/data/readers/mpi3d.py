"""MPI3D (Gondal et al. 2019): a robot arm, simulated and real, and the complex objects of the challenge's end."""

from __future__ import annotations

from pathlib import Path

from submission.data import npz
from submission.data.grid import Factor, factors
from submission.data.originals import MPI3D_FACTORS, MPI3D_FILES
from submission.data.pixels import GridDataset
from submission.data.reading import absent, again
from submission.data.store import image_store
from submission.errors import SubmissionError
from submission.progress import QUIET, Progress

SIZES = {460_800: (4, 4, 2, 3, 3, 40, 40), 1_036_800: (6, 6, 2, 3, 3, 40, 40)}


def mpi3d(name: str, root: Path, literal: bool = False, progress: Progress = QUIET) -> GridDataset:
    """One of the MPI3D sets.

    The factor sizes follow from the number of images: 460,800 for the files of 2019 and for the complex objects,
    1,036,800 for today's. ``literal`` takes disentanglement_lib's fixed sizes instead (4, 4, ... for the simulated
    sets), which gives today's files wrong factors.
    """
    path = root / MPI3D_FILES[name]
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
    return factors(MPI3D_FACTORS, SIZES[count])
