"""Cars3D (Reed, Zhang, Zhang, Lee 2015): 183 car models seen from 24 azimuths at 4 elevations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from submission.data.grid import Factor, factors
from submission.data.originals import CARS3D_FACTORS, CARS3D_FOLDER
from submission.data.pixels import BytePixels, GridDataset
from submission.data.readers.matlab import read_matlab
from submission.data.reading import absent, again
from submission.errors import SubmissionError
from submission.progress import QUIET, Progress

SIZES = (4, 24, 183)
MESH = (128, 128, 3, 24, 4)
FIX = again("cars3d")


def cars3d(name: str, root: Path, literal: bool = False, progress: Progress = QUIET) -> GridDataset:
    """Cars3D at 64x64 in colour, Lanczos-reduced from 128x128 as disentanglement_lib does.

    Objects are numbered in the order of their file names. ``literal`` takes the order of the folder's listing, as
    disentanglement_lib does: it differs between machines.
    """
    folder = root / CARS3D_FOLDER
    meshes = mesh_files(folder, literal)
    images = np.empty((*SIZES, 64, 64, 3), dtype=np.uint8)
    with progress.task("read Cars3D", len(meshes)) as task:
        for number, path in enumerate(meshes):
            images[:, :, number] = read_mesh(path)
            task.advance()
    pixels = BytePixels(images.reshape(-1, 64, 64, 3))
    return GridDataset(name, cars3d_factors(), (64, 64, 3), 255, f"read from {folder}", pixels=pixels)


def cars3d_factors() -> tuple[Factor, ...]:
    """The factors; the 24 azimuths are one full turn."""
    return factors(CARS3D_FACTORS, SIZES, periodic="azimuth")


def mesh_files(folder: Path, literal: bool) -> list[Path]:
    """The 183 files, one per car."""
    if not folder.is_dir():
        raise absent(f"{folder} does not exist", FIX)
    meshes = [path for path in folder.iterdir() if ".mat" in path.name]
    if len(meshes) != SIZES[2]:
        raise SubmissionError(f"{folder} has {len(meshes)} .mat files, not {SIZES[2]}", FIX)
    return meshes if literal else sorted(meshes)


def read_mesh(path: Path) -> npt.NDArray[np.uint8]:
    """One car: (elevation 4, azimuth 24, 64, 64, 3)."""
    mesh = read_matlab(path, "im", MESH, ("uint8",), FIX)
    views = mesh.transpose(4, 3, 0, 1, 2).reshape(-1, *MESH[:3])
    small = [np.asarray(Image.fromarray(view).resize((64, 64), Image.Resampling.LANCZOS)) for view in views]
    return np.stack(small).reshape(4, 24, 64, 64, 3)
