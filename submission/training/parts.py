"""Settings → data, model and objective."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from submission.configuration.settings import DataSettings, Settings
from submission.data import ImageDataset, is_user_data, load_with_options
from submission.data.batches import ImageBatches
from submission.data.splits import Split, held_out
from submission.device import usable
from submission.errors import UsageError
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.objectives import Objective, create
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.training.budget import Budget
from submission.training.loop import Loop
from submission.training.mixed_step import make_step
from submission.training.randomness import Order, derived, seed_everything
from submission.training.validation import Validation


@dataclass(frozen=True)
class Parts:
    """What settings stand for.

    Attributes:
        watched: the split of the data set that is looked at once per epoch, where one was asked for.
    """

    settings: Settings
    dataset: ImageDataset
    model: VAE
    objective: Objective
    mode: str
    feed: ImageBatches
    watched: ImageDataset | None = None

    def loop(self, folder: Run, budget: Budget, fixed: dict[str, Any], **state: Any) -> Loop:
        """A loop over these parts."""
        train = self.settings.train
        step = make_step(self.model, self.objective, train, fixed["precision"])
        order = Order(self.training, train.seed)
        loop = Loop(folder, self.dataset, self.feed, order, step, self.objective, train, budget, fixed, **state)
        if self.watched is not None or train.held_out:
            loop.validation = self.validation(folder, loop.count)
        return loop

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.feed.device

    @property
    def training(self) -> int | Tensor:
        """Indices of the training images, or their number where all are."""
        return torch.from_numpy(self.split()[0]) if self.settings.train.held_out else len(self.dataset)

    @property
    def training_size(self) -> int:
        """Number of training images."""
        return len(self.dataset) - self.settings.train.held_out

    def split(self) -> Split:
        """Training and held-out images."""
        return held_out(len(self.dataset), self.settings.train.held_out, self.settings.train.seed)

    def validation(self, folder: Run, count: int) -> Validation:
        """Looks at the held-out images, or the other split, once per epoch of updates of ``count`` images."""
        train, seed = self.settings.train, derived(self.settings.train.seed, "validation")
        feed, images = self.feed, torch.from_numpy(self.split()[1])
        if self.watched is not None:
            feed, images = ImageBatches(self.watched, self.device), torch.arange(len(self.watched))
        epoch = max(1, round(self.training_size / count))
        return Validation(folder, self.model, feed, images, seed, epoch, round(train.look_ahead * epoch))


def prepare(
    settings: Settings, dataset: ImageDataset | None, root: Path | str | None, device: str, progress: Progress = QUIET
) -> Parts:
    """Data, model and objective, fresh; whatever is wrong with the settings shows before anything is written."""
    where = usable(device)
    data = images(settings.data, root, progress) if dataset is None else dataset
    if is_user_data(settings.data.name) and dataset is None:
        settings = replace(settings, data=replace(settings.data, name=data.name))  # what finds it from any folder
    return assembled(settings, ImageBatches(data, where), other_split(settings, root, progress))


def assembled(settings: Settings, feed: ImageBatches, watched: ImageDataset | None) -> Parts:
    """Fresh model and objective for the images of ``feed``."""
    data, where = feed.dataset, feed.device
    seed_everything(derived(settings.train.seed, "weights"))
    chosen, space = settings.model, parse(settings.model.space)
    model = build(chosen.networks, space, data.image_shape, chosen.likelihood, chosen.variance).to(where)
    training_size = len(held_out(len(data), settings.train.held_out, settings.train.seed)[0])
    objective = create(settings.objective.name, space, training_size, **settings.objective.options).to(where)
    mode = settings.export.mode or space.export_modes[0]
    if mode not in space.export_modes:
        raise UsageError(f"{space.spec} has no export mode {mode!r}", f"choose one of {', '.join(space.export_modes)}")
    return Parts(settings, data, model, objective, mode, feed, watched)


def images(settings: DataSettings, root: Path | str | None, progress: Progress, **more: object) -> ImageDataset:
    """The data set of the settings, with ``more`` options."""
    return load_with_options(settings.name, root, progress, {**settings.options, **more})


def other_split(settings: Settings, root: Path | str | None, progress: Progress) -> ImageDataset | None:
    """The split of the data set that ``train.validation_split`` names, if it names one."""
    split = settings.train.validation_split
    return images(settings.data, root, progress, split=split) if split else None
