"""Python functions as encoders, and the error for a file of weights without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from submission.errors import SubmissionError

ImageFunction = Callable[[npt.NDArray[np.float32]], Any]
"""Images (n, height, width, channels) float32 in [0, 1] → codes (n, D)."""

NUMPY = "take images (n, height, width, channels); what takes tensors (n, channels, height, width) is a torch module"
WEIGHTS = (".safetensors", ".ckpt", ".pth", ".bin", ".h5")
RECIPE = """build the network in Python, load the weights, and score the module:
    import torch, submission
    model = MyEncoder()                     # your own class: images (n, C, H, W) -> codes (n, D)
    model.load_state_dict({load})
    submission.evaluate(model, data="{data}")
or write a file that can be scored: torch.jit.save(torch.jit.script(model), "model.pt")"""


class FunctionModule(nn.Module):
    """A function of images (n, height, width, channels) as a module of images (n, channels, height, width)."""

    def __init__(self, function: ImageFunction) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, D) float32 of the images, computed on the CPU; SubmissionError where the function fails."""
        pictures = np.ascontiguousarray(images.detach().cpu().movedim(1, 3).numpy())
        try:
            found = self.function(pictures)
        except Exception as error:
            name = getattr(self.function, "__name__", "the function")
            what = f"{name} fails on a numpy array of images of shape {pictures.shape}: {error or type(error).__name__}"
            raise SubmissionError(what, NUMPY) from error
        codes = found.detach().cpu() if isinstance(found, Tensor) else torch.from_numpy(np.array(found))
        return codes.to(images.device)


def weights_alone(path: Path, data: str | None) -> SubmissionError | None:
    """The error, with a recipe, for a file that holds weights and no program; None for other files."""
    if path.suffix.lower() not in WEIGHTS and not is_state_dict(path):
        return None
    load = f'torch.load("{path}", weights_only=True)'
    if path.suffix.lower() == ".safetensors":
        load = f'safetensors.torch.load_file("{path}")'
    return SubmissionError(f"{path} holds weights without a network", RECIPE.format(load=load, data=data or "NAME"))


def is_state_dict(path: Path) -> bool:
    """Whether a file is what ``torch.save`` writes: an archive with a pickle and no code of TorchScript."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, ValueError):
        return False
    return "data.pkl" in names and "constants.pkl" not in names and not any(n.startswith("code/") for n in names)
