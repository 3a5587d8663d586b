"""Convolutions done only where an image is not black.

The images of many data sets show one object on a black ground. Out of the object's reach, convolutions give what they
give on a black image; so it is enough to evaluate them in a window around it and to paste that into what is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from submission.evaluation.encoding.convolution import (
    AXES,
    Convolution,
    Pair,
    Shape,
    Window,
    are_images,
    black_maps,
    blanked,
    in_float32,
    seeing,
    seen,
)
from submission.evaluation.encoding.first_layer import FirstLayer

PART, WHOLE_PART = 512, 64
"""Images per call of a convolution, in windows and whole: what it writes should stay in the caches."""
WORTHWHILE = 0.6
"""Windows of a larger share of the map gain nothing."""


class Windowed(nn.Module):
    """Convolutions and the layers after them: images (n, C, H, W) in [0, 1] → features (n, F).

    Args:
        layers: the convolutions that are done in windows.
        rest: what follows them.
        whole: what ``layers`` and ``rest`` do, for images with too little black around them, or of another shape.
        shape: (C, H, W) of the images.
    """

    def __init__(self, layers: Sequence[Convolution], rest: nn.Module, whole: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.layers, self.rest, self.whole, self.shape = layers, rest, whole, shape
        self.dtype = layers[0].weight.dtype
        maps = black_maps(layers, shape)
        self.sizes: list[Pair] = [(found.shape[2], found.shape[3]) for found in maps]
        self.ground = maps[-1][0].permute(1, 2, 0).contiguous()  # (H', W', filters)
        self.first = FirstLayer(layers[0], self.sizes[0], self.sizes[1])

    def forward(self, images: Tensor) -> Tensor:
        """Features of the images."""
        if not are_images(images, self.shape):
            return in_float32(self.whole(images.to(self.dtype)))
        order, features = zip(*self._pieces(images.contiguous()), strict=True)
        return torch.cat(features)[torch.cat(order).argsort()]

    def _pieces(self, images: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Numbers (n,) of images and their features (n, F), until all have come."""
        start, size = self._reach(images)
        large = size[0] * size[1] > WORTHWHILE * math.prod(self.sizes[-1])
        for where in _parts(large.nonzero()[:, 0], WHOLE_PART):
            yield where, in_float32(self.whole(images[where].to(self.dtype)))
        for where in _alike(size, ~large):
            window = Window((start[0, where], start[1, where]), (int(size[0, where[0]]), int(size[1, where[0]])))
            yield where, in_float32(self.rest(self._pasted(self._in_window(images, where, window), window)))

    def _reach(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """First row and column (2, n) of the last maps that see anything but black, and how many of them do (2, n)."""
        spans = [seeing(self.layers, self.sizes, *_lit(images, axis), axis) for axis in AXES]
        first, last = (torch.stack(ends) for ends in zip(*spans, strict=True))
        return first, last - first + 1

    def _in_window(self, images: Tensor, where: Tensor, window: Window) -> Tensor:
        """Maps (n, filters, *window.size) of the images ``where`` (n,), in the window alone."""
        windows = seen(self.layers, window)[1:]
        maps = self.first(images, where, windows[0])
        for layer, place, size in zip(self.layers[1:], windows[1:], self.sizes[2:], strict=True):
            maps = blanked(layer(maps), place, size)
        return maps

    def _pasted(self, maps: Tensor, window: Window) -> Tensor:
        """The window's maps in whole ones (n, filters, H', W')."""
        whole = self.ground.repeat(len(maps), 1, 1, 1)
        rows, columns = window.places()
        whole[torch.arange(len(maps))[:, None, None], rows[:, :, None], columns[:, None]] = maps.permute(0, 2, 3, 1)
        return whole.permute(0, 3, 1, 2)


def _lit(images: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """First and last row (axis 0) or column (1) of each image (n,) that is not black."""
    marks = (images.amax((1, 3 - axis)) != 0).to(torch.uint8)
    return marks.argmax(1), marks.shape[1] - 1 - marks.flip(1).argmax(1)


def _parts(numbers: Tensor, size: int) -> Iterator[Tensor]:
    """``numbers`` (n,) in parts of ``size``, none of them empty."""
    return (part for part in numbers.split(size) if len(part))


def _alike(size: Tensor, wanted: Tensor) -> Iterator[Tensor]:
    """Numbers of the ``wanted`` images (n,), those of equal ``size`` (2, n) together."""
    numbers = wanted.nonzero()[:, 0]
    key = size[0, numbers] * (1 + size.max()) + size[1, numbers]
    order = key.argsort(stable=True)
    counts = torch.unique_consecutive(key[order], return_counts=True)[1]
    for group in numbers[order].split(counts.tolist()):
        yield from _parts(group, PART)
