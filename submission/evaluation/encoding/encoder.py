"""A module as a function from images to codes, checked as the challenge's evaluator would find out."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.data import ImageDataset
from submission.data.batches import ImageBatches
from submission.device import usable
from submission.errors import SubmissionError
from submission.evaluation.encoding.fastest import fastest
from submission.evaluation.encoding.parts import SAME
from submission.evaluation.encoding.precision import Mixed, in_bfloat16
from submission.export.contract import run_checked
from submission.export.representation import PARTS, without_last_layer
from submission.export.torchscript import load_torchscript
from submission.metrics.base import Codes
from submission.metrics.sampling.tables import Rows
from submission.models.networks import channels_first, networks
from submission.native.memory import keep_freed_memory

Precision = Literal["float32", "bf16"]
PROBES = 3
ROUNDED = 0.05
"""Codes of two evaluations in bfloat16 differ by less, relative to the largest."""
WARM_UP = 3
"""Calls after which a GPU has chosen its kernels, so that two calls may be compared bit by bit."""


class RepresentationError(SubmissionError):
    """The representation itself is at fault, so no metric can be computed."""


class Encoder:
    """Images (n, height, width, channels) float32 in [0, 1] → codes (n, width) float32.

    Runs on a frozen graph where the module is TorchScript.

    Attributes:
        name: what to call the representation in messages.
        device, precision: where and how it computes.
        width: number of code dimensions.
        deterministic: whether the same image gives the same codes twice.
        batch_size: images per call that suit the device.
        encoded: images seen so far.
        resolution: of the codes, ``float32`` or, where the whole module had to run in it, ``bfloat16``.
        saved_in_training_mode: whether the file was; the challenge's evaluator would run it so, here it is evaluated.

    Raises:
        RepresentationError: the module fails on such images, its codes are not finite (n, width), or they depend on
            the size of the batch.
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
        keep_freed_memory()
        self.device, self.precision, self.resolution = usable(device), precision, "float32"
        self.encoded, self.saved_in_training_mode = 0, False
        probe = np.random.RandomState(0).random_sample((PROBES, *image_shape)).astype(np.float32)
        module = module.to(self.device).eval()
        if precision == "bf16":
            module = in_bfloat16(module, self._tensor(probe))
            self.resolution = "float32" if isinstance(module, Mixed) else "bfloat16"
        tolerance = ROUNDED if precision == "bf16" else SAME
        self._module, self.batch_size = fastest(module, channels_first(image_shape), self.device, tolerance)
        for _ in range(1 if self.device.type == "cpu" else WARM_UP):
            codes = self(probe)
        self.width = codes.shape[1]
        self.deterministic = bool(np.array_equal(codes, self(probe)))
        self._require_independent_rows(probe, codes, ROUNDED if precision == "bf16" else 1e-3)

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
        if self.device.type == "cpu" or type(dataset).observations is not ImageDataset.observations:
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

    def _require_independent_rows(self, probe: npt.NDArray[np.float32], codes: Codes, tolerance: float) -> None:
        """Each image encoded alone must give the codes that it gives in company."""
        if not self.deterministic:
            return
        alone = np.concatenate([self(image[None]) for image in probe])
        if not np.allclose(alone, codes, rtol=tolerance, atol=tolerance * max(float(np.abs(codes).max()), 1e-6)):
            raise RepresentationError(
                f"{self.name} gives an image other codes when it comes in another batch",
                "export it in evaluation mode (batch normalisation?), independent of the batch size",
            )


def untrained_convolutional(image_shape: tuple[int, int, int], width: int, seed: int) -> nn.Module:
    """The field's standard convolutional encoder with ``width`` outputs, freshly initialised from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = networks("conv").encoder(image_shape, width).requires_grad_(False)
    return nn.Sequential(OrderedDict(zip(PARTS, without_last_layer(encoder), strict=True)))
