"""The names of the data sets, and ``load``."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from submission.data.locations import LIBRARY_PREFIX, SUFFIXES, data_root, is_user_data, name_of, relocated
from submission.data.options import check
from submission.data.reading import forbidden
from submission.errors import UsageError, did_you_mean
from submission.files import user_path
from submission.options import plain
from submission.progress import QUIET, Progress

if TYPE_CHECKING:
    from submission.data.dataset import ImageDataset

LIST = "`python -m submission data list` shows all names; one of a module of your own needs --import MODULE"


@dataclass(frozen=True)
class Entry:
    """A data set that can be loaded.

    Attributes:
        loader: ``module:function``, for your own data set the function itself; it takes ``(name, root, **options)``.
        summary: one line about it.
        images: how many, and their shape.
        factors: names and sizes of the factors.
        rendered: whether it is rendered where its file is missing.
    """

    loader: str | Callable[..., ImageDataset]
    summary: str
    images: str = ""
    factors: str = ""
    rendered: bool = False

    def function(self) -> Callable[..., ImageDataset]:
        """The loader."""
        if not isinstance(self.loader, str):
            return self.loader
        module, _, function = self.loader.partition(":")
        loader: Callable[..., ImageDataset] = getattr(importlib.import_module(f"submission.data.{module}"), function)
        return loader

    def parameters(self) -> dict[str, inspect.Parameter]:
        """What the loader takes besides the name and the root folder."""
        return dict(list(inspect.signature(self.function()).parameters.items())[2:])

    def options(self) -> dict[str, inspect.Parameter]:
        """The data set's own options."""
        return {name: parameter for name, parameter in self.parameters().items() if name != "progress"}


DSPRITES = "shape 3, scale 6, orientation 40, posX 32, posY 32"
GRID = "737,280 of 64x64"
MPI3D = "object color {0}, object shape {0}, object size 2, camera height 3, background color 3, axes 40, 40"
MPI3D_ANY = ("460,800 or 1,036,800 of 64x64x3", MPI3D.format("4 or 6"))
DIGITS = "50,000 + 10,000 + 10,000 of 28x28"
FACES = "identity 50, azimuth 21, elevation 11, lighting 11"
CARS = "elevation 4, azimuth 24, object type 183"
REGISTRY: dict[str, Entry] = {
    "dsprites_full": Entry("dsprites:full", "dSprites", GRID, DSPRITES, rendered=True),
    "dsprites_small": Entry(
        "dsprites:small",
        "a part of the dSprites grid for quick work",
        "7,488 of 64x64",
        "shape 3, scale 3, orientation 13, posX 8, posY 8",
    ),
    "dsprites_tiny": Entry(
        "dsprites:tiny",
        "a part of the dSprites grid whose factors differ in size",
        "720 of 64x64",
        "shape 3, scale 3, orientation 2, posX 8, posY 5",
    ),
    "dsprites_noshape": Entry(
        "dsprites:noshape",
        "dSprites with the shape as an unobserved factor",
        GRID,
        DSPRITES.partition(", ")[2],
        rendered=True,
    ),
    "color_dsprites": Entry("dsprites:color", "dSprites in random colours", f"{GRID}x3", DSPRITES, rendered=True),
    "noisy_dsprites": Entry("dsprites:noisy", "dSprites on random noise", f"{GRID}x3", DSPRITES, rendered=True),
    "scream_dsprites": Entry("dsprites:scream", "dSprites on parts of a painting", f"{GRID}x3", DSPRITES),
    "smallnorb": Entry(
        "readers.smallnorb:smallnorb",
        "SmallNORB: photographs of toys (the instance, 10, is unobserved)",
        "48,600 of 64x64",
        "category 5, elevation 9, azimuth 18, lighting condition 6",
    ),
    "cars3d": Entry("readers.cars3d:cars3d", "Cars3D: renders of 183 cars", "17,568 of 64x64x3", CARS),
    "shapes3d": Entry(
        "readers.shapes3d:shapes3d",
        "3D Shapes: an object in a coloured room",
        "480,000 of 64x64x3",
        "floor color 10, wall color 10, object color 10, object size 8, object type 4, azimuth 15",
    ),
    "mpi3d_toy": Entry("readers.mpi3d:mpi3d", "MPI3D: a robot arm, simple renders", *MPI3D_ANY),
    "mpi3d_realistic": Entry("readers.mpi3d:mpi3d", "MPI3D: realistic renders", *MPI3D_ANY),
    "mpi3d_real": Entry("readers.mpi3d:mpi3d", "MPI3D: photographs", "1,036,800 of 64x64x3", MPI3D.format(6)),
    "mpi3d_complex": Entry(
        "readers.mpi3d:mpi3d", "MPI3D: photographs of complex objects", "460,800 of 64x64x3", MPI3D.format(4)
    ),
    "faces3d": Entry("readers.faces3d:faces3d", "3D Faces: the Basel face model (licensed)", "127,050 of 64x64", FACES),
    "mnist": Entry("readers.mnist:mnist", "MNIST digits, binarised", DIGITS),
    "mnist_grey": Entry("readers.mnist:grey", "MNIST digits in grey", DIGITS),
    "omniglot": Entry("readers.omniglot:omniglot", "Omniglot, binarised", "23,000 + 1,345 + 8,070 of 28x28"),
    "caltech101": Entry("readers.caltech:caltech101", "CalTech 101 Silhouettes", "4,100 + 2,264 + 2,307 of 28x28"),
    "torus_pictures": Entry(
        "synthetic.torus:torus_pictures",
        "translations of periodic pictures",
        "4,096 of 64x64 (a picture)",
        "vertical shift 64, horizontal shift 64",
    ),
    "klein_pictures": Entry(
        "synthetic.klein:klein_pictures",
        "edges and bars in every direction: a Klein bottle",
        "1,600 of 64x64",
        "direction 40, phase 40",
    ),
    "sprites_torus": Entry(
        "synthetic.torus:sprites_torus",
        "a rotating heart that wraps around the edges",
        "40,960 of 64x64",
        "orientation 40, posX 32, posY 32",
    ),
    "turntable": Entry(
        "synthetic.turntable:turntable",
        "shaded solids on a turntable",
        "17,280 of 64x64 (x3)",
        "object 10, azimuth 24, elevation 6, light azimuth 12",
    ),
    "cars3d_standin": Entry(
        "synthetic.turntable:cars3d_standin", "coarse cars on Cars3D's grid", "17,568 of 64x64x3", CARS
    ),
    "faces3d_standin": Entry(
        "synthetic.turntable:faces3d_standin", "coarse heads on 3D Faces' grid", "127,050 of 64x64", FACES
    ),
    "mpi3d_standin": Entry(
        "synthetic.arm:mpi3d_standin", "a two-joint arm on MPI3D's grid", "1,036,800 of 64x64x3", MPI3D.format(6)
    ),
    "dummy_data": Entry("synthetic.dummy:dummy", "noise with factors, for tests", "9,765,625 of 64x64", "ten of 5"),
}
USER_FILE = Entry("user_files:from_file", "a data file of your own")
USER_FOLDER = Entry("readers.pictures:from_folder", "a folder of pictures of your own")
LIBRARY = Entry("readers.dlib:library", "disentanglement_lib's own object, if that package is installed")
UNPICKLING: ContextVar[bool] = ContextVar("UNPICKLING", default=False)
"""Whether the user has allowed data sets whose readers unpickle."""


@contextlib.contextmanager
def unpickling_allowed(allowed: bool = True) -> Iterator[None]:
    """Let ``dlib:NAME`` be loaded in the block: disentanglement_lib unpickles files, which can run any code."""
    token = UNPICKLING.set(allowed)
    try:
        yield
    finally:
        UNPICKLING.reset(token)


KEPT: ContextVar[dict[str, ImageDataset] | None] = ContextVar("KEPT", default=None)
"""Data sets that were loaded in a block of ``data_sets_kept``."""


@contextlib.contextmanager
def data_sets_kept() -> Iterator[None]:
    """Load each data set once in the block: the steps of a study's trial share it."""
    token = KEPT.set({})
    try:
        yield
    finally:
        KEPT.reset(token)


def entry(name: str) -> Entry:
    """The registry's line for ``name``; an unknown name is a UsageError that lists the closest ones."""
    if name.startswith(LIBRARY_PREFIX):
        return LIBRARY
    if "://" in name:
        raise UsageError(
            f"{name} is a web address, but data sets are read from files", "download it, and pass its path"
        )
    if name.lower().endswith(SUFFIXES):
        return USER_FILE
    if name.lower().endswith(".npy"):
        fix = "save it in an archive: np.savez('images.npz', images=..., factors=...)"
        raise UsageError(f"{name} is a single array, which does not say what it contains", fix)
    if is_user_data(name):
        return USER_FOLDER
    if name in REGISTRY:
        return REGISTRY[name]
    if os.path.isdir(name):  # noqa: PTH112 - which raises nothing where a folder may not be entered
        raise UsageError(f"there is no data set named {name!r}", f"name the folder as ./{name}")
    hint = did_you_mean(name, REGISTRY, "")
    raise UsageError(f"there is no data set named {name!r}", f"{hint} {LIST}".strip())


def require_options(name: str, options: Mapping[str, object]) -> None:
    """UsageError, without reading the data set ``name``, where there is none or it does not take ``options``."""
    known = entry(name)
    allowed = known.options()
    unknown = [option for option in options if option not in allowed]
    if unknown:
        fix = f"it has {', '.join(allowed)}" if allowed else "it has none"
        raise UsageError(f"data set {name} has no option {unknown[0]!r}", fix)
    check(name, known.function(), options)


def load(
    name: str | Path,
    /,
    root: str | Path | None = None,
    progress: Progress = QUIET,
    *,
    allow_unpickling: bool = False,
    **options: object,
) -> ImageDataset:
    """The data set ``name``, read from files under ``root`` (default: see ``data_root``) or rendered.

    A path that ends in .npz, .h5 or .hdf5 is a file of your own (see ``user_data.from_arrays``), any other path with a
    ``/`` a folder of pictures (see ``readers.pictures.from_folder``). Options are those of the data set's loader.

    Args:
        allow_unpickling: needed for ``dlib:NAME``, disentanglement_lib's own object of that name, whose readers
            unpickle files, which can run any code.

    Raises:
        SubmissionError: no such name, option or file, an option's value of the wrong type, or a file that is not what
            it should be.
    """
    with unpickling_allowed(allow_unpickling or UNPICKLING.get()):
        return load_with_options(name_of(name), root, progress, options)


def load_with_options(
    name: str, root: str | Path | None, progress: Progress, options: Mapping[str, object]
) -> ImageDataset:
    """``load`` with the options in a mapping, whatever they are called."""
    name = str(user_path(name)) if name.startswith("~") else name
    known = entry(name)
    if known is LIBRARY and not UNPICKLING.get():
        what = f"{name} is read by disentanglement_lib, which unpickles files: that can run any code"
        raise UsageError(what, f"use {name.removeprefix(LIBRARY_PREFIX)}, or allow it with --allow-unpickling")
    require_options(name, options)
    shown = {"progress": progress} if "progress" in known.parameters() else {}
    kept, key = KEPT.get(), repr((name, root, sorted(options.items())))
    if kept is not None and key in kept:
        return kept[key]
    try:
        where = relocated(name, root) if is_user_data(name) else name
        dataset = known.function()(where, data_root(root), **options, **shown)
        dataset.options = {option: plain(value) for option, value in options.items()}
        dataset.name = name if name in REGISTRY else dataset.name  # whatever a loader of one's own calls it
        if kept is not None:
            kept[key] = dataset
        return dataset
    except PermissionError as error:
        raise forbidden(error.filename or name) from None
