"""Users' own images as data sets: arrays, torch data sets; with or without factors, complete grids or not."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from submission.arrays import as_array, as_floats, named_columns, plain_column
from submission.data.columns import factor_columns
from submission.data.dataset import ImageDataset
from submission.data.pixels import BytePixels, FloatPixels, GridDataset
from submission.data.reading import free_memory
from submission.data.samples import PlainImages, SampledDataset
from submission.errors import SubmissionError
from submission.options import as_list
from submission.progress import QUIET, Progress

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    ImagesLike = ImageDataset | Dataset[Any] | npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]

LOG = logging.getLogger("submission")
Layout = Literal["", "NHWC", "NCHW"]
CHANNELS = (1, 2, 3, 4)
"""Numbers of channels that tell the axis of the channels from height and width."""
SCALE = "scale them to [0, 1], or pass uint8"
SHAPES = "pass (n, height, width), (n, height, width, channels) or (n, channels, height, width)"


def from_arrays(
    images: npt.ArrayLike,
    factors: npt.ArrayLike | None = None,
    factor_names: Sequence[str] = (),
    periodic: Sequence[bool] = (),
    name: str = "arrays",
    notes: str = "arrays in memory",
    *,
    continuous: Sequence[bool] = (),
    layout: Layout = "",
) -> ImageDataset:
    """A data set from arrays.

    Args:
        images: (n, height, width), (n, height, width, channels) or (n, channels, height, width); uint8 (values up to 1
            count as binary), bool, or floats in [0, 1], which keep their values.
        factors: (n, K) or (n,), the factor values of each image: integers, truth values or text are classes, whatever
            their numbering; floats are real numbers. If every combination occurs exactly once, in any order, the
            result is a full grid; otherwise a ``SampledDataset``.
        factor_names: K different names (default ``factor 0``, ...).
        periodic: for each factor, whether its values form a cycle (default: none).
        continuous: for each factor, whether its values are real numbers (default: those of floats are).
        name, notes: what the data set is called, and where it is from.
        layout: ``NHWC`` or ``NCHW``, where the shape does not say which axis the channels are.

    Raises:
        SubmissionError: arrays of other shapes or types, images outside [0, 1], values that are not finite, or names
            or marks that do not fit the factors.
    """
    columns = None if factors is None else split_columns(factors, name)
    names = as_list(factor_names) if len(factor_names) else list(named_columns(factors) or ())
    return from_columns(images, columns, names, periodic, name, notes, continuous=continuous, layout=layout)


def from_columns(
    images: npt.ArrayLike,
    columns: Sequence[npt.NDArray[Any]] | None,
    factor_names: Sequence[str] = (),
    periodic: Sequence[bool] = (),
    name: str = "arrays",
    notes: str = "arrays in memory",
    *,
    continuous: Sequence[bool] = (),
    layout: Layout = "",
) -> ImageDataset:
    """``from_arrays`` with one array (n,) for each factor, which may be of different types."""
    pixels = check_images(images, name, layout)
    array: npt.NDArray[Any] = pixels.floats if isinstance(pixels, FloatPixels) else pixels.array
    shape: tuple[int, int, int] = array.shape[1:]
    maximum = 1 if array.dtype == np.uint8 and array.max() <= 1 else 255
    if columns is None:
        return PlainImages(name, shape, maximum, notes, pixels=pixels)
    known, rows = factor_columns(columns, len(array), factor_names, periodic, continuous, name)
    sizes = tuple(factor.size for factor in known)
    if math.prod(sizes) == len(array):
        cells = np.ravel_multi_index(tuple(rows.T), sizes)
        if len(np.unique(cells)) == len(cells):
            ordered = array if (np.diff(cells) == 1).all() else array[np.argsort(cells)]
            return GridDataset(name, known, shape, maximum, notes, pixels=type(pixels)(ordered))
    return SampledDataset(name, known, shape, maximum, notes, pixels=pixels, rows=rows)


def split_columns(factors: npt.ArrayLike, name: str) -> list[npt.NDArray[Any]]:
    """The columns of an array (n, K) or (n,), a data frame or a mapping of factor values."""
    named = named_columns(factors)
    if named is not None:
        return [plain_column(column, f"factor {column_name!r} of {name}") for column_name, column in named.items()]
    table = as_array(factors, f"the factors of {name}")
    if table.ndim not in (1, 2) or 0 in table.shape:
        what = f"'factors' of {name} is {dimensions(table)} {table.dtype}"
        raise SubmissionError(what, "pass an array of shape (n, number of factors)")
    columns = [table] if table.ndim == 1 else list(table.T)
    if table.dtype != object:
        return columns
    return [plain_column(column, f"factor {number} of {name}") for number, column in enumerate(columns)]


def check_images(images: npt.ArrayLike, name: str, layout: Layout = "") -> BytePixels | FloatPixels:
    """Images of any accepted type and layout as stored pixels."""
    array = whole_bytes(as_array(images, f"the images of {name}"))
    if array.dtype.kind not in "buf" or (array.dtype.kind == "u" and array.dtype != np.uint8) or 0 in array.shape:
        what = f"'images' of {name} is {dimensions(array)} {array.dtype}"
        raise SubmissionError(what, f"pass uint8, bool, or floats in [0, 1]; {SHAPES}")
    array = channels_last(array, name, layout)
    if array.dtype.kind == "f":
        return float_pixels(array, name)
    return BytePixels(np.ascontiguousarray(array).view(np.uint8))


def whole_bytes(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers from 0 to 255 of any type as uint8; others unchanged."""
    whole = array.dtype.kind in "iu" and array.dtype != np.uint8 and array.size > 0
    return array.astype(np.uint8) if whole and array.min() >= 0 and array.max() <= 255 else array


def channels_last(array: npt.NDArray[Any], name: str, layout: Layout) -> npt.NDArray[Any]:
    """Images (n, height, width, channels) of either layout; refused where the shape does not say which it is."""
    if layout not in ("", "NHWC", "NCHW"):
        raise SubmissionError(f"'layout' of {name} is {layout!r:.40}", "choose NHWC or NCHW")
    if array.ndim == 3:
        return array[..., None]
    if array.ndim != 4:
        raise SubmissionError(f"'images' of {name} is {dimensions(array)} {array.dtype}", SHAPES)
    if layout:
        return array if layout == "NHWC" else np.moveaxis(array, 1, 3)
    first, last = array.shape[1] in CHANNELS, array.shape[3] in CHANNELS
    if first == last:
        what = f"'images' of {name} is {dimensions(array)}, in which the channel axis is ambiguous"
        fix = "pass layout='NHWC' or layout='NCHW' to submission.data.from_arrays (in a file: an array 'layout')"
        raise SubmissionError(what, fix)
    if last:
        return array
    LOG.warning("%s: images of shape %s are read as (n, channels, height, width)", name, dimensions(array))
    return np.moveaxis(array, 1, 3)


def float_pixels(array: npt.NDArray[Any], name: str) -> BytePixels | FloatPixels:
    """Floats in [0, 1] (n, height, width, channels) as bytes where these give the same floats, else as they are."""
    floats = np.ascontiguousarray(as_floats(array, np.float32))
    low, high = float(floats.min()), float(floats.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise SubmissionError(f"'images' of {name} has values that are not finite", SCALE)
    if low < 0 or high > 1:
        raise SubmissionError(f"'images' of {name} has values from {low:g} to {high:g}, outside [0, 1]", SCALE)
    levels = np.rint(floats * 255).astype(np.uint8)
    if ((floats == 0) | (floats == 1)).all():
        return BytePixels((levels // 255).astype(np.uint8))
    if np.array_equal(levels / np.float32(255), floats):
        return BytePixels(levels)
    return FloatPixels(floats)


def from_torch(
    dataset: Dataset[Any],
    factor_names: Sequence[str] = (),
    periodic: Sequence[bool] = (),
    name: str = "torch data set",
    *,
    continuous: Sequence[bool] = (),
    with_factors: bool = True,
) -> ImageDataset:
    """A torch map-style data set, read into memory once.

    Args:
        dataset: items are images, or tuples of an image and its factor values (a number, or K numbers); tensors are
            (channels, height, width) or (height, width), float in [0, 1] or uint8; other images (height, width
            [, channels]), for instance Pillow's.
        factor_names, periodic, continuous: see ``from_arrays``.
        with_factors: whether the second entry of items is used.

    Raises:
        SubmissionError: items of other kinds or of different shapes, or more than fits the memory.
    """
    if isinstance(dataset, ImageDataset):
        return dataset
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")) or not len(dataset):
        raise SubmissionError(f"{name} has no length", "pass a map-style data set with __len__")
    first, target = item_parts(dataset[0])
    size = len(dataset) * first.nbytes
    if size > free_memory():
        raise SubmissionError(f"{name} needs {size:,} bytes, more than the free memory", "pass fewer images")
    images = np.empty((len(dataset), *first.shape), first.dtype)
    shape = None if target is None or not with_factors else target.shape
    targets: list[npt.NDArray[Any]] = []
    for index in range(len(dataset)):
        image, target = item_parts(dataset[index])
        if (image.shape, image.dtype) != (first.shape, first.dtype):
            shown = [f"{dimensions(part)} {part.dtype}" for part in (image, first)]
            what = f"item {index} of {name} is {shown[0]}, the first one {shown[1]}"
            raise SubmissionError(what, "make all images of one shape and type")
        images[index] = image
        if shape is not None:
            targets.append(alike(target, shape, f"item {index} of {name}"))
    factors = np.stack(targets) if targets else None
    notes = f"{type(dataset).__name__} in memory"
    return from_arrays(images, factors, factor_names, periodic, name, notes, continuous=continuous, layout="NHWC")


def alike(target: npt.NDArray[Any] | None, shape: tuple[int, ...], item: str) -> npt.NDArray[Any]:
    """The factor values of an item; SubmissionError where they have not the ``shape`` of the first item's."""
    if target is None or target.shape != shape:
        raise SubmissionError(f"{item} has no factor values like those of the first one", "give all the same factors")
    return target


def item_parts(item: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """The image (height, width[, channels]) of a torch data set's item, and its factor values (K,) or None."""
    import torch

    image, *rest = item if isinstance(item, tuple | list) else (item,)
    array = np.asarray(image)
    if isinstance(image, torch.Tensor) and array.ndim == 3:
        array = np.moveaxis(array, 0, 2)
    if array.ndim not in (2, 3) or array.dtype.kind not in "buf":
        what = f"an item's image is {dimensions(array)} {array.dtype}"
        raise SubmissionError(what, "items must be images, or tuples of an image and its factor values")
    target = np.asarray(rest[0]) if rest else None
    return array, None if target is None or target.dtype.kind not in "biufU" else np.atleast_1d(target)


def as_dataset(
    data: ImagesLike | str | Path, root: str | Path | None = None, progress: Progress = QUIET
) -> ImageDataset:
    """What users have as an ``ImageDataset``: one already, a name or path, an array, (images, factors), a torch one.

    Args:
        root: folder of the data files of a name.
        progress: where reading them is shown.
    """
    from submission.data.registry import load

    if isinstance(data, ImageDataset):
        return data
    if isinstance(data, str | Path):
        return load(data, root, progress)
    if isinstance(data, tuple | list) and len(data) == 2 and len(np.shape(data[0])) >= 3:
        return from_arrays(*data)
    if isinstance(data, tuple | Mapping):
        what = f"a {type(data).__name__} of {len(data)} parts is no data set"
        raise SubmissionError(
            what, f"pass images, or a pair of images and factors; images are {SHAPES.removeprefix('pass ')}"
        )
    if hasattr(data, "__array__") or isinstance(data, list):
        return from_arrays(cast("npt.ArrayLike", data))
    return from_torch(data)  # type: ignore[arg-type] # what has no items is refused


def dimensions(array: npt.NDArray[Any]) -> str:
    """The shape in short."""
    return "x".join(map(str, array.shape))
