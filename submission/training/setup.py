"""Settings → data, model and objective."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from submission.configuration.settings import DataSettings, Settings
from submission.data import ImageDataset, is_user_data, load_with_options
from submission.data.batches import ImageBatches
from submission.data.registry import REGISTRY
from submission.data.splits import Split, held_out
from submission.device import usable
from submission.errors import UsageError
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.objectives import Objective, create
from submission.options import storable
from submission.progress import Progress
from submission.run import Run
from submission.training.options import TrainOptions
from submission.training.randomness import Order, derived, seed_everything
from submission.training.validation import Validation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that settings name, built.

    Attributes:
        mode: how the representation is exported.
        feed: batches of ``dataset`` on the device.
        validation_data: the split of the data set that is measured once per epoch, where one was asked for.
    """

    settings: Settings
    dataset: ImageDataset
    model: VAE
    objective: Objective
    mode: str
    feed: ImageBatches
    validation_data: ImageDataset | None = None

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.feed.device

    @property
    def images_per_update(self) -> int:
        """Images that one update takes."""
        return self.settings.train.batch_size * self.objective.batches

    @property
    def training_size(self) -> int:
        """Number of training images."""
        return len(self.dataset) - self.settings.train.held_out

    @property
    def total_steps(self) -> int:
        """Updates in all."""
        return self.settings.train.total_steps(self.training_size)

    def order(self) -> Order:
        """The order of the training images."""
        train = self.settings.train
        images: int | Tensor = torch.from_numpy(self.split()[0]) if train.held_out else len(self.dataset)
        return Order(images, train.seed)

    def split(self) -> Split:
        """Training and held-out images."""
        return held_out(len(self.dataset), self.settings.train.held_out, self.settings.train.seed)

    def validation(self, folder: Run, model: VAE) -> Validation | None:
        """Measures ``model`` on the held-out images, or the other split, once per epoch; None where there are none."""
        train = self.settings.train
        if self.validation_data is None and not train.held_out:
            return None
        feed, images = self.feed, torch.from_numpy(self.split()[1])
        if self.validation_data is not None:
            feed, images = ImageBatches(self.validation_data, self.device), torch.arange(len(self.validation_data))
        epoch = max(1, round(self.training_size / self.images_per_update))
        seed = derived(train.seed, "validation")
        patience = max(epoch, round(train.patience * epoch)) if train.patience else 0
        return Validation(folder, model, feed, images, seed, epoch, patience)


def prepare(settings: Settings, options: TrainOptions) -> TrainingSetup:
    """Data, model and objective, new; errors in the settings show before anything is written."""
    device = usable(options.device)
    data = options.data
    if data is None:
        data = load_images(settings.data, options.data_root, options.progress)
        if is_user_data(settings.data.name):  # its absolute path finds it from any folder
            settings = replace(settings, data=replace(settings.data, name=data.name))
    else:  # so that the configuration names what the run is trained on
        settings = replace(settings, data=data_settings(data))
    return build_setup(settings, ImageBatches(data, device), validation_split(settings, options))


def data_settings(data: ImageDataset) -> DataSettings:
    """The settings that load ``data`` again.

    Raises:
        UsageError: it was loaded with an option that a configuration cannot hold, such as a function.
    """
    for option, value in data.options.items():
        if not storable(value):
            what = f"{data.name} was loaded with {option}={value!r:.60}, which a configuration cannot hold"
            raise UsageError(what, "make its options numbers, truth values, text, or tuples of these")
    return DataSettings(data.name, dict(data.options))


def build_setup(settings: Settings, feed: ImageBatches, validation_data: ImageDataset | None) -> TrainingSetup:
    """Fresh model and objective for the images of ``feed``."""
    data, device = feed.dataset, feed.device
    model = initial_model(settings, data.image_shape).to(device)
    space = model.space
    training_size = len(held_out(len(data), settings.train.held_out, settings.train.seed)[0])
    objective = create(settings.objective.name, space, training_size, **settings.objective.options).to(device)
    mode = settings.export.mode or space.export_modes[0]
    if mode not in space.export_modes:
        raise UsageError(f"{space.spec} has no export mode {mode!r}", f"choose one of {', '.join(space.export_modes)}")
    if settings.export.mode and len({part.factor for part in space.components}) > 1:
        logger.warning("export.mode = %r is used for every factor of %s; '' takes each one's default", mode, space.spec)
    return TrainingSetup(settings, data, model, objective, mode, feed, validation_data)


def initial_model(settings: Settings, image_shape: tuple[int, int, int]) -> VAE:
    """The model with the random weights of the settings' seed, on the CPU; global generators continue from there."""
    seed_everything(derived(settings.train.seed, "weights"))
    chosen = settings.model
    return build(chosen.networks, parse(chosen.space), image_shape, chosen.likelihood, chosen.variance)


def load_images(settings: DataSettings, root: Path | str | None, progress: Progress, **more: object) -> ImageDataset:
    """The data set of the settings, with ``more`` options."""
    return load_with_options(settings.name, root, progress, {**settings.options, **more})


def validation_split(settings: Settings, options: TrainOptions) -> ImageDataset | None:
    """The split of the data set that ``train.validation_split`` names, if it names one."""
    split, data = settings.train.validation_split, settings.data
    if not split:
        return None
    if options.data is not None and not (data.name in REGISTRY or is_user_data(data.name)):
        what = f"{data.name}, images in memory, have no split {split!r}"
        raise UsageError(what, "hold some of them out: train.held_out = 1000, train.validation_split = ''")
    return load_images(data, options.data_root, options.progress, split=split)
