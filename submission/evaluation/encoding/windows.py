"""Convolutions done only where an image is not black.

The images of many data sets show one object on a black ground. Out of the object's reach, convolutions give what they
give on a black image; so it is enough to evaluate them in a window around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from submission.evaluation.encoding.shortcut import Shortcut
from submission.native.windows import Convolution, Convolutions, Shape, boxes_of, lanes

WIDE, MOST = 8, 0.3
"""From so many floats in a vector on, the kernel is the quickest for any image; with fewer, for images of which no
larger share is inside of their boxes."""


class Windowed(Shortcut):
    """Convolutions and the layers after them: images (n, C, H, W) in [0, 1] → features (n, F).

    Args:
        layers: the convolutions.
        rest: what follows them.
        whole: what ``layers`` and ``rest`` do.
        shape: (C, H, W) of the images.

    Raises:
        ValueError: the kernel was not built, or not for such layers.
    """

    batch_size = 4096

    def __init__(
        self, layers: Sequence[Convolution], rest: Callable[[Tensor], Tensor], whole: nn.Module, shape: Shape
    ) -> None:
        super().__init__(whole, shape, layers[0].weight.dtype)
        if not lanes():
            raise ValueError("the kernel for windows was not built")
        self.convolutions, self.rest = Convolutions(layers, shape, lanes()), rest

    def features(self, images: Tensor) -> Tensor:
        """Features of the images."""
        boxes = boxes_of(images)
        large = _share(boxes, self.shape) > (1.0 if self.convolutions.lanes >= WIDE else MOST)
        if not large.any():
            return self._in_windows(images, boxes)
        found = self.whole(images.to(self.dtype))
        if not large.all():
            found[~large] = self._in_windows(images[~large], boxes[~large])
        return found

    def _in_windows(self, images: Tensor, boxes: Tensor) -> Tensor:
        return self.rest(self.convolutions(images, boxes).to(self.dtype))


def _share(boxes: Tensor, shape: Shape) -> Tensor:
    """The part of an image of ``shape`` that each of the ``boxes`` (n, 4) covers, (n,)."""
    top, bottom, left, right = boxes.unbind(1)
    return (bottom - top + 1).clamp(min=0) * (right - left + 1).clamp(min=0) / math.prod(shape[1:])
