"""The names of the data sets, and ``load``."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from submission.data.dataset import ImageDataset
from submission.errors import UsageError

ROOT_VARIABLE = "DISENTANGLEMENT_LIB_DATA"
LIST = "`python -m submission data list` shows all names"


@dataclass(frozen=True)
class Entry:
    """A data set that can be loaded: where its loader is (``module:function``) and one line about it."""

    loader: str
    summary: str

    def function(self) -> Callable[..., ImageDataset]:
        """The loader, ``(name, root, **options) -> data set``."""
        module, _, function = self.loader.partition(":")
        return getattr(importlib.import_module(f"submission.data.{module}"), function)


REGISTRY: dict[str, Entry] = {
    "dsprites_full": Entry("readers.dsprites:full", "dSprites; rendered on the spot where the file is not there"),
    "dsprites_small": Entry("readers.dsprites:small", "a part of the dSprites grid for quick work, made on the spot"),
    "dsprites_noshape": Entry("readers.dsprites:noshape", "dSprites with the shape as a hidden factor"),
    "color_dsprites": Entry("readers.dsprites:color", "dSprites, each image in a random colour"),
    "noisy_dsprites": Entry("readers.dsprites:noisy", "dSprites on random noise"),
    "scream_dsprites": Entry("readers.dsprites:scream", "dSprites on random parts of a painting"),
    "smallnorb": Entry("readers.smallnorb:smallnorb", "SmallNORB: photographs of toys"),
    "cars3d": Entry("readers.cars3d:cars3d", "Cars3D: renders of 183 cars"),
    "shapes3d": Entry("readers.shapes3d:shapes3d", "3D Shapes: an object in a coloured room"),
    "mpi3d_toy": Entry("readers.mpi3d:mpi3d", "MPI3D: a robot arm, simple renders"),
    "mpi3d_realistic": Entry("readers.mpi3d:mpi3d", "MPI3D: realistic renders"),
    "mpi3d_real": Entry("readers.mpi3d:mpi3d", "MPI3D: photographs"),
    "mpi3d_complex": Entry("readers.mpi3d:mpi3d", "MPI3D: photographs of complex objects"),
    "faces3d": Entry("readers.faces3d:faces3d", "3D Faces: renders of the Basel face model (licensed)"),
    "mnist": Entry("readers.mnist:mnist", "MNIST digits, binarised (split=, binarisation=, seed=)"),
    "mnist_grey": Entry("readers.mnist:grey", "MNIST digits in grey"),
    "omniglot": Entry("readers.omniglot:omniglot", "Omniglot characters at 28x28, binarised"),
    "caltech101": Entry("readers.caltech:caltech101", "CalTech 101 Silhouettes at 28x28"),
    "torus_pictures": Entry("made.torus:torus_pictures", "translations of periodic pictures, made on the spot"),
    "sprites_torus": Entry("made.torus:sprites_torus", "a heart that turns and wraps around, made on the spot"),
    "turntable": Entry("made.turntable:turntable", "shaded solids on a turntable, made on the spot"),
    "cars3d_standin": Entry("made.turntable:cars3d_standin", "coarse cars on Cars3D's grid, made on the spot"),
    "faces3d_standin": Entry("made.turntable:faces3d_standin", "coarse heads on 3D Faces' grid, made on the spot"),
    "mpi3d_standin": Entry("made.arm:mpi3d_standin", "a two-joint arm on MPI3D's grid, made on the spot"),
    "dummy_data": Entry("made.dummy:dummy", "noise with ten factors, for tests"),
}


LIBRARY_PREFIX = "dlib:"
LIBRARY = Entry("readers.dlib:library", "disentanglement_lib's own object, where that package is installed")


def data_root(root: str | Path | None = None) -> Path:
    """The folder of the data files: ``root``, else ``$DISENTANGLEMENT_LIB_DATA``, else ``./data``."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or "data")


def entry(name: str) -> Entry:
    """The registry's line for ``name``; an unknown name is a UsageError that lists the closest ones."""
    if name.startswith(LIBRARY_PREFIX):
        return LIBRARY
    if name in REGISTRY:
        return REGISTRY[name]
    close = difflib.get_close_matches(name, REGISTRY, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UsageError(f"there is no data set named {name!r}", f"{hint}{LIST}")


def load(name: str, root: str | Path | None = None, **options: object) -> ImageDataset:
    """The data set ``name``, read from files under ``root`` (default: see ``data_root``) or made on the spot.

    ``dlib:NAME`` is disentanglement_lib's own object of that name. Options are those of the data set's loader.

    Raises:
        SubmissionError: no such name, option or file, or a file that is not what it should be.
    """
    function = entry(name).function()
    allowed = list(inspect.signature(function).parameters)[2:]
    unknown = [option for option in options if option not in allowed]
    if unknown:
        known = f"it has {', '.join(allowed)}" if allowed else "it has none"
        raise UsageError(f"data set {name} has no option {unknown[0]!r}", known)
    return function(name, data_root(root), **options)
