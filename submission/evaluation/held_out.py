"""Held-out images of a run, and their likelihood under its model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from submission import provenance
from submission.data import ImageDataset
from submission.data.splits import SplitImages, held_out
from submission.errors import UsageError
from submission.evaluation.likelihood import likelihood
from submission.progress import QUIET, Progress
from submission.run import LikelihoodData, LikelihoodFile, Run


@dataclass(frozen=True)
class HeldOut:
    """Images to judge a model by.

    Attributes:
        dataset, indices: the images.
        remark: which they are, for the reader of the numbers.
    """

    dataset: ImageDataset
    indices: npt.NDArray[np.int64]
    remark: str


def held_out_images(
    folder: Run, root: Path | None = None, limit: int = 10_000, seed: int = 0, split: str = ""
) -> HeldOut:
    """The test split of the run's data set; else what the run held out; else a sample of its training images.

    Args:
        folder: the run.
        root: folder of data files.
        limit: images at most, drawn from ``seed``.
        seed: of that choice.
        split: another split of the data set, to see how far training and held-out images are apart.

    Raises:
        UsageError: the data set has no such split.
    """
    meta, dataset = folder.meta, folder.dataset(root)
    if isinstance(dataset, SplitImages):
        split = split or "test"
        dataset = folder.dataset(root, split=split)
        chosen, remark = np.arange(len(dataset)), f"the {split} split"
    elif split:
        raise UsageError(f"{dataset.name} has no splits", "leave out --split")
    elif meta.held_out:
        chosen, remark = held_out(len(dataset), meta.held_out, meta.seed)[1], "held out of training"
    else:
        chosen, remark = np.arange(len(dataset)), "training images, because the run held none out"
    if len(chosen) > limit:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, limit, replace=False))
    return HeldOut(dataset, chosen, remark)


def estimate_likelihood(
    folder: Run,
    samples: int = 500,
    images: int = 10_000,
    seed: int = 0,
    split: str = "",
    root: Path | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = QUIET,
) -> LikelihoodFile:
    """The likelihood of a run's held-out images, kept in its folder unless ``split`` chooses other images.

    Args:
        samples: importance samples per image.
        folder, images, seed, split, root: of the images, see ``held_out_images``; ``images`` is its limit.
        device: where the model runs.
        progress: shows a bar over the images.
    """
    if images < 1:
        raise UsageError(f"images = {images} is out of range", "use at least 1")
    found = run_likelihood(folder, held_out_images(folder, root, images, seed, split), samples, seed, device, progress)
    if not split:
        found.write(folder.likelihood_file)
    return found


def run_likelihood(
    folder: Run,
    images: HeldOut,
    samples: int = 500,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Progress = QUIET,
) -> LikelihoodFile:
    """The likelihood of ``images`` under the run's model, as ``likelihood.json`` keeps it; nothing is written."""
    model = folder.model().to(device).eval()
    result = likelihood(model, images.dataset, images.indices, int(samples), seed, device, progress)
    data = LikelihoodData(images.dataset.name, images.dataset.notes, images.remark)
    updates = folder.meta.training.steps
    return LikelihoodFile(result, data, int(seed), str(device), updates, **provenance.record())
