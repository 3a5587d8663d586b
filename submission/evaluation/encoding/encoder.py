"""A module as a function from images to codes, probed before anything is scored."""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.data import ImageDataset
from submission.data.batches import ImageBatches, at_once
from submission.device import seeded_randomness, usable
from submission.errors import SubmissionError
from submission.evaluation.encoding.precision import Mixed, in_bfloat16
from submission.export.contract import run_checked
from submission.export.isolated import IsolatedModule
from submission.export.representation import PARTS, without_last_layer
from submission.export.torchscript import is_script, load_torchscript
from submission.export.verified import verified
from submission.metrics.base import Codes
from submission.metrics.sampling.tables import Rows
from submission.models.networks import channels_first, networks

Precision = Literal["float32", "bf16"]
PROBES = 3
ROUNDED = 0.05
"""Codes of two evaluations in bfloat16 differ by less, relative to the largest."""
WARM_UP = 3
"""Calls after which a GPU has chosen its kernels, so that two calls may be compared bit by bit."""
CONVOLUTIONAL, DENSE, MANY = 64, 512, 4096
"""Images per call: what a convolution writes should stay in a processor's caches, a dense layer reads all of its
weights at every call, and a GPU or a fast path wants many; fewer where images are large."""
MOST_BYTES = 64 << 20
"""Of images per call on a processor."""


class RepresentationError(SubmissionError):
    """The representation itself is at fault, so no metric can be computed."""


class Encoder:
    """Images (n, height, width, channels) float32 in [0, 1] → codes (n, width) float32.

    TorchScript is run in the mode in which it was saved, as the challenge's evaluator does: its codes are those of
    ``torch.jit.load(file)(images)``. An accelerator's fast path is compared with it on every batch.

    Attributes:
        name: what to call the representation in messages.
        device, precision: where and how it computes.
        width: number of code dimensions.
        deterministic: whether the same images give the same codes twice.
        batch_size: images per call that suit the device.
        encoded: images seen so far.
        resolution: of the codes, ``float32`` or, where the whole module had to run in it, ``bfloat16``.
        saved_in_training_mode: whether the file was.

    Raises:
        RepresentationError: the module fails on such images, its codes are not finite (n, width), or an image's codes
            depend on the other images of its batch or on their number.
    """

    def __init__(
        self,
        module: nn.Module,
        name: str,
        image_shape: tuple[int, int, int],
        device: str = "cpu",
        precision: Precision = "float32",
    ) -> None:
        self.name = name
        self.device, self.precision, self.resolution = usable(device), precision, "float32"
        self.encoded, self.saved_in_training_mode = 0, False
        probe = np.random.RandomState(0).random_sample((2 * PROBES, *image_shape)).astype(np.float32)
        module = module.to(self.device)
        if not is_script(module):
            module.eval()
        if precision == "bf16":
            module = in_bfloat16(module, self._tensor(probe))
            self.resolution = "float32" if isinstance(module, Mixed) else "bfloat16"
        self._module = module
        self.batch_size = self._images_per_call(image_shape)
        codes = self._probed(probe)
        self.width = codes.shape[1]
        self._take_fast_path(image_shape)

    def _images_per_call(self, image_shape: tuple[int, int, int]) -> int:
        if isinstance(self._module, IsolatedModule):
            return self._module.batch_size
        dimensions = [weight.dim() for weight in self._module.parameters()]
        small = DENSE if dimensions and max(dimensions) <= 2 else CONVOLUTIONAL
        return at_once(small if self.device.type == "cpu" else MANY, *image_shape[:2])

    def _take_fast_path(self, image_shape: tuple[int, int, int]) -> None:
        """Run an accelerator's module where there is one for the CPU, compared with the module itself."""
        plain = self.device.type == "cpu" and self.precision == "float32" and self.deterministic
        if not plain or isinstance(self._module, IsolatedModule):
            return
        fast = verified(self._module, channels_first(image_shape), self.name)
        if fast is not None:
            self._module = fast
            self.batch_size = max(self.batch_size, min(MANY, MOST_BYTES // (4 * math.prod(image_shape))))

    @classmethod
    def load(
        cls, path: Path, image_shape: tuple[int, int, int], device: str = "cpu", precision: Precision = "float32"
    ) -> Encoder:
        """Read a TorchScript file.

        Raises:
            SubmissionError: no such file, not TorchScript, no such device, or see above.
        """
        module = load_torchscript(path, str(usable(device)), evaluation=False)
        saved_in_training_mode = module.training
        encoder = cls(module, str(path), image_shape, device, precision)
        encoder.saved_in_training_mode = saved_in_training_mode
        return encoder

    def __call__(self, images: npt.NDArray[np.floating]) -> Codes:
        """Codes (n, width) of the images."""
        return self._codes(self._tensor(images))

    def rows(self, dataset: ImageDataset) -> Rows | None:
        """Image numbers of ``dataset`` → codes, where a GPU can make its floats of bits or bytes; else None."""
        if self.device.type == "cpu" or not dataset.byte_valued:
            return None
        batches = ImageBatches(dataset, self.device)
        return lambda indices: self._codes(batches(indices))

    def _codes(self, images: Tensor) -> Codes:
        """Codes (n, width) of images (n, channels, height, width) on the device."""
        try:
            codes = run_checked(self._module, images, self.name)
        except SubmissionError as error:
            raise RepresentationError(error.what, error.fix) from error
        self.encoded += len(images)
        return codes.float().cpu().numpy()

    def _tensor(self, images: npt.NDArray[np.floating]) -> Tensor:
        """The images as (n, channels, height, width) on the device."""
        return torch.from_numpy(np.ascontiguousarray(images, np.float32)).movedim(3, 1).to(self.device)

    def _probed(self, probe: npt.NDArray[np.float32]) -> Codes:
        """Codes of the first half of the ``probe`` images, after the module was tried on them in several batches."""
        first, second = probe[:PROBES], probe[PROBES:]
        for _ in range(1 if self.device.type == "cpu" else WARM_UP):
            codes = self(first)
        self.deterministic = bool(np.array_equal(codes, self(first)))
        changed = np.concatenate([first[:1], second[1:]])
        comparable = self.deterministic or not isinstance(self._module, IsolatedModule)  # which draws by itself
        if comparable and not self._alike(self._from_one_state(first)[:1], self._from_one_state(changed)[:1]):
            raise RepresentationError(
                f"{self.name}: the codes of an image depend on the other images in its batch (batch normalisation?)",
                "export it in evaluation mode: call .eval() before torch.jit.trace or torch.jit.script",
            )
        if self.deterministic and not self._alike(codes, np.concatenate([self(image[None]) for image in first])):
            raise RepresentationError(
                f"{self.name}: the codes of an image depend on the batch size",
                "export it so that its codes do not depend on the number of images",
            )
        return codes

    def _from_one_state(self, images: npt.NDArray[np.float32]) -> Codes:
        """Codes of the images, drawn from a fixed random state where the module draws."""
        with seeded_randomness(0, self.device):
            return self(images)

    def _alike(self, codes: Codes, others: Codes) -> bool:
        tolerance = ROUNDED if self.precision == "bf16" else 1e-3
        largest = max(float(np.abs(codes).max()), 1e-6)
        return bool(np.allclose(others, codes, rtol=tolerance, atol=tolerance * largest))


def untrained_convolutional(image_shape: tuple[int, int, int], width: int, seed: int) -> nn.Module:
    """The field's standard convolutional encoder with ``width`` outputs, freshly initialised from ``seed``."""
    with seeded_randomness(seed):
        encoder = networks("conv").encoder(image_shape, width).requires_grad_(False)
    return nn.Sequential(OrderedDict(zip(PARTS, without_last_layer(encoder), strict=True)))
