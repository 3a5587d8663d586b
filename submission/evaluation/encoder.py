"""A TorchScript file as a function from images to codes, checked as the challenge's evaluator would find out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from submission.errors import SubmissionError, UsageError
from submission.export.contract import run_checked
from submission.export.torchscript import load_torchscript, optimised
from submission.metrics.base import Codes
from submission.metrics.protocol import BATCH

Precision = Literal["float32", "bf16"]
PROBES = 3


class RepresentationError(SubmissionError):
    """The representation itself is at fault, so no metric can be computed."""


class Encoder:
    """Images (n, height, width, channels) float32 in [0, 1] → codes (n, width) float32.

    Attributes:
        name: what to call the representation in messages.
        width: number of code dimensions.
        deterministic: whether the same image gives the same codes twice.
        batch_size: images per call that suit the device.
        encoded: images seen so far.
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
        self._device = torch.device(device)
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._module = module.to(self._device, self._dtype).eval()
        self.batch_size = BATCH if self._device.type == "cpu" else 4096
        self.encoded, self.saved_in_training_mode = 0, False
        probe = np.random.RandomState(0).random_sample((PROBES, *image_shape)).astype(np.float32)
        codes = self(probe)
        self.width = codes.shape[1]
        self.deterministic = bool(np.array_equal(codes, self(probe)))
        self._require_independent_rows(probe, codes)

    @classmethod
    def load(
        cls, path: Path, image_shape: tuple[int, int, int], device: str = "cpu", precision: Precision = "float32"
    ) -> Encoder:
        """Read a TorchScript file and freeze its graph.

        Raises:
            SubmissionError: no such file, not TorchScript, no such device, or see above.
        """
        module = load_torchscript(path, require_device(device), evaluation=False)
        saved_in_training_mode = module.training
        if precision == "bf16":
            module = module.to(torch.bfloat16)
        encoder = cls(optimised(module.eval()), str(path), image_shape, device, precision)
        encoder.saved_in_training_mode = saved_in_training_mode
        return encoder

    def __call__(self, images: npt.NDArray[np.floating]) -> Codes:
        """Codes (n, width) of the images."""
        tensor = torch.from_numpy(np.ascontiguousarray(images, np.float32)).movedim(3, 1)
        try:
            codes = run_checked(self._module, tensor.to(self._device, self._dtype), self.name)
        except SubmissionError as error:
            raise RepresentationError(error.what, error.fix) from error
        self.encoded += len(images)
        return codes.float().cpu().numpy()

    def _require_independent_rows(self, probe: npt.NDArray[np.float32], codes: Codes) -> None:
        """Each image encoded alone must give the codes that it gives in company."""
        if not self.deterministic:
            return
        alone = np.concatenate([self(image[None]) for image in probe])
        tolerance = 0.05 if self._dtype == torch.bfloat16 else 1e-3
        if not np.allclose(alone, codes, rtol=tolerance, atol=tolerance * max(float(np.abs(codes).max()), 1e-6)):
            raise RepresentationError(
                f"{self.name} gives an image other codes when it comes in another batch",
                "export it in evaluation mode (batch normalisation?), independent of the batch size",
            )


def require_device(device: str) -> str:
    """``device`` if PyTorch can use it here, else a UsageError."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {device!r} cannot be used here: {reason}", "use --device cpu") from None
    return device


def untrained_convolutional(image_shape: tuple[int, int, int], width: int, seed: int) -> nn.Module:
    """The field's standard convolutional encoder with ``width`` outputs, freshly initialised from ``seed``."""
    from submission.models.networks import networks

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return networks("conv").encoder(image_shape, width).requires_grad_(False)
