"""The training loop: exact resume, time budget, precision, and the run folder that it leaves."""

from submission.training.run import train
from submission.training.settings import Settings
from submission.training.signals import StoppedError

__all__ = ["Settings", "StoppedError", "train"]
