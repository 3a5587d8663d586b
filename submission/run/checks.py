"""What a run names must be there and fit: its data set, and the memory for its networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from submission.errors import SubmissionError, UsageError
from submission.run.meta import FIX

if TYPE_CHECKING:
    from submission.latent.base import LatentSpace


def is_known(name: str) -> bool:
    """Whether ``name`` says where images are; not that of images in memory, or of a set whose module is missing."""
    from submission.data.registry import entry

    try:
        entry(name)
    except UsageError:
        return False
    return True


def require_known(path: Path, name: str) -> None:
    """UsageError where no data set is called ``name``, on which the run in ``path`` was trained."""
    if not is_known(name):
        what = f"{path} was trained on {name!r}, images in memory or a data set that a module registers"
        fix = (
            "save images and factors in an .npz file and evaluate with --data FILE.npz (from Python: "
            "load_run(path, data=(images, factors)); to train further: train(..., data=(images, factors), "
            "resume=True)), or import the module: --import MODULE"
        )
        raise UsageError(what, fix)


def require_weights_fit(networks: str, space: LatentSpace, image_shape: tuple[int, int, int], file: Path) -> None:
    """SubmissionError where the networks that ``file`` asks for do not fit the memory; nothing is allocated."""
    import torch

    from submission.data.reading import free_memory
    from submission.models.networks import networks as named

    pair = named(networks)
    with torch.device("meta"):
        parts = pair.encoder(image_shape, space.parameter_size), pair.decoder(space.decoder_size, image_shape)
    size = sum(weight.nbytes for part in parts for weight in part.parameters())
    if size > (free := free_memory()):
        raise SubmissionError(f"{file} needs {size:,} bytes for its weights, more than the {free:,} bytes free", FIX)
