"""Training configuration: frozen dataclasses and their gin text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from submission.errors import UsageError
from submission.objectives.schedules import Schedule, TrainingPosition, schedule
from submission.options import finite, plain

SEED = "train.seed"
"""The setting in which repetitions of one method differ."""
PRECISIONS = ("auto", "float32", "bfloat16")
MOST = {"batch_size": 2**20, "steps": 10**12, "epochs": 10**12, "checkpoint_every": 10**12}


@dataclass(frozen=True)
class DataSettings:
    """Which images.

    Attributes:
        name: a name in ``submission.data.registry.REGISTRY``.
        options: that data set's own options.
    """

    name: str = "dsprites_full"
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        take_plain(self)


@dataclass(frozen=True)
class ModelSettings:
    """Which model.

    Attributes:
        space: a latent space, as ``submission.latent.parse`` reads it.
        networks: a name in ``submission.models.networks.NETWORKS``.
        likelihood: ``bernoulli`` or ``gaussian``.
        variance: pixel variance of a Gaussian decoder.
    """

    space: str = "R^10"
    networks: str = "mlp"
    likelihood: str = "bernoulli"
    variance: float = 1.0

    def __post_init__(self) -> None:
        take_plain(self)
        require_finite("model", self)
        if not self.variance > 0:
            raise UsageError(f"model.variance = {self.variance} is not positive", "give a positive number")


@dataclass(frozen=True)
class ObjectiveSettings:
    """Which loss.

    Attributes:
        name: a name in ``submission.objectives.OBJECTIVES``.
        options: that objective's own settings; numbers, or schedules of them.
    """

    name: str = "beta_vae"
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        take_plain(self)


@dataclass(frozen=True)
class TrainSettings:
    """How long, in what steps, and how often to report.

    Attributes:
        steps: updates in all; 0 to give ``epochs`` instead.
        epochs: passes over the data set; 0 to give ``steps`` instead.
        batch_size: images per update.
        learning_rate, beta1, beta2, epsilon: of Adam (Kingma and Ba, 2015); the rate is a number or a schedule.
        ema: decay of the exponential moving average of the weights, in [0, 1), which is then what is measured on
            held-out images and exported; 0 for the weights themselves.
        seed: of weights, data order and noise.
        init_from: run folder whose exported weights are the initial ones; empty for random weights.
        precision: of the networks' products: ``float32``, ``bfloat16``, or ``auto``, the faster one that is accurate.
        log_every: updates between two lines of the log.
        checkpoint_every: seconds after which the next line of the log is followed by a checkpoint.
        held_out: images kept out of training, on which the ELBO is measured once per epoch; the best weights are
            what is exported. 0 to train on all images.
        validation_split: the same with a split of the data set (its option ``split``) instead of held-out images.
        patience: epochs without a better held-out ELBO after which training ends, at least one; 0 for never.
        tensorboard: whether to write TensorBoard event files as well.
    """

    steps: int = 0
    epochs: float = 0.0
    batch_size: int = 256
    learning_rate: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    ema: float = 0.0
    seed: int = 0
    init_from: str = ""
    precision: str = "auto"
    log_every: int = 100
    checkpoint_every: float = 300.0
    held_out: int = 0
    validation_split: str = ""
    patience: float = 0.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        take_plain(self)
        require_finite("train", self)
        if self.steps < 0 or self.epochs < 0 or (self.steps > 0) == (self.epochs > 0):
            raise UsageError(
                f"train.steps = {self.steps} and train.epochs = {self.epochs} do not set the length of training",
                "make exactly one of them positive, e.g. --bind train.steps=10000 --bind train.epochs=0",
            )
        for name in ("batch_size", "epsilon", "log_every"):
            if not getattr(self, name) > 0:
                raise UsageError(f"train.{name} = {getattr(self, name)} is not positive", "give a positive number")
        for name, most in MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise UsageError(f"train.{name} = {getattr(self, name)} is out of range", f"give 0 to {most}")
        self._check_stopping()
        self._check_rate()
        if not 0 <= self.ema < 1:
            raise UsageError(f"train.ema = {self.ema} is not in [0, 1)", "try 0.999, or 0 for no average")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise UsageError(f"Adam's betas {self.beta1}, {self.beta2} are outside [0, 1)", "try 0.9 and 0.999")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"train.seed must be an integer in [0, 2**32 - 1], got {self.seed}", "try 0")
        if self.precision not in PRECISIONS:
            raise UsageError(f"unknown precision {self.precision!r}", f"choose one of {', '.join(PRECISIONS)}")

    def _check_stopping(self) -> None:
        """UsageError where what is held out, and what is done with it, do not fit each other."""
        sources = (self.held_out != 0) + (self.validation_split != "")
        if self.held_out < 0 or self.patience < 0:
            given = f"train.held_out = {self.held_out} and train.patience = {self.patience}"
            raise UsageError(f"{given} must not be negative", "give 0 or more")
        if sources > 1:
            raise UsageError(
                "train.held_out and train.validation_split cannot be combined", "set one of them: 0, or ''"
            )
        if self.patience > 0 and sources == 0:
            raise UsageError(
                f"train.patience = {self.patience} needs held-out images",
                "set train.held_out=1000, or train.validation_split='valid'",
            )

    def _check_rate(self) -> None:
        """UsageError where the learning rate is negative somewhere, or nowhere positive."""
        rates = [self.rate(TrainingPosition(step, 1000)) for step in range(0, 1001, 50)]
        if not all(map(finite, rates)) or min(rates) < 0 or max(rates) == 0:
            given = f"train.learning_rate = {self.learning_rate}"
            raise UsageError(f"{given} is not positive", "give a positive number, or a schedule of positive numbers")

    def rate(self, position: TrainingPosition) -> float:
        """The learning rate of the update at ``position``."""
        return schedule(self.learning_rate)(position)

    def total_steps(self, dataset_size: int) -> int:
        """Updates in all on ``dataset_size`` images, at least 1."""
        return self.steps or max(1, round(self.epochs * dataset_size / self.batch_size))


@dataclass(frozen=True)
class ExportSettings:
    """What is exported.

    Attributes:
        mode: one of the space's ``export_modes``; empty for its default.
    """

    mode: str = ""


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result; a section of gin bindings per attribute."""

    train: TrainSettings
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    export: ExportSettings = field(default_factory=ExportSettings)

    def bindings(self) -> dict[str, object]:
        """``section.parameter`` → value, options included, in a fixed order."""
        flat: dict[str, object] = {}
        for section in dataclasses.fields(self):
            values = getattr(self, section.name)
            for parameter in dataclasses.fields(values):
                value = getattr(values, parameter.name)
                if parameter.name == "options":
                    flat |= {f"{section.name}.{name}": value[name] for name in sorted(value)}
                else:
                    flat[f"{section.name}.{parameter.name}"] = value
        return flat

    def gin(self) -> str:
        """The operative configuration as gin text that ``submission.configuration.load`` turns into equal settings."""
        return "".join(line + "\n" for key, value in self.bindings().items() for line in gin_lines(key, value))


def take_plain(settings: object) -> None:
    """Make Python's own what ``settings`` have from NumPy or PyTorch, so that their gin text can be read."""
    for name, value in vars(settings).items():
        object.__setattr__(settings, name, plain(value))


def require_finite(section: str, settings: object) -> None:
    """UsageError for a number of ``settings`` that is infinite, NaN or too large for a float."""
    for name, value in vars(settings).items():
        if not finite(value):
            raise UsageError(f"{section}.{name} = {value!r:.60} is not finite", "give a finite number")


def gin_lines(key: str, value: object) -> list[str]:
    """``key = value`` in gin; a schedule becomes a reference that is scoped by the parameter's name."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return [f"{key} = {value!r}"]
    numbers = {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    reference = f"{key.partition('.')[2]}/{type(value).__name__}"
    parameters = [f"{reference}.{name} = {number!r}" for name, number in numbers.items()]
    return [f"{key} = @{reference}()", *parameters]


def bindings_of(text: str) -> dict[str, str]:
    """``section.parameter`` → value as text, of operative gin text such as ``Settings.gin`` writes; other lines are
    left out."""
    pairs = [line.partition(" = ") for line in text.splitlines()]
    return {key.strip(): value.strip() for key, equals, value in pairs if equals and not key.startswith("#")}
