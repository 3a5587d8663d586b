"""The training loop: exact resume, time budget, precision, and the run folder that it leaves."""

from submission.configuration.settings import Settings
from submission.training.log import NotFiniteError
from submission.training.resuming import resuming
from submission.training.run import train
from submission.training.signals import StoppedError
from submission.training.together import obstacle, train_together

__all__ = ["NotFiniteError", "Settings", "StoppedError", "obstacle", "resuming", "train", "train_together"]
