"""The training loop: exact resume, time budget, precision, and the run folder that it leaves."""

from submission.training.run import train
from submission.training.settings import Settings
from submission.training.signals import StoppedError
from submission.training.together import obstacle, train_together

__all__ = ["Settings", "StoppedError", "obstacle", "train", "train_together"]
