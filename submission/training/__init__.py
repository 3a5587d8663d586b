"""Training: exact resume, time budget, precision, several seeds, and the run folder that it leaves."""

from submission.configuration.settings import Settings
from submission.training.launch import (
    obstacle,
    seed_folders,
    train,
    train_together,
    train_together_with,
    train_with,
)
from submission.training.logs import NotFiniteError
from submission.training.options import TrainOptions, resume_command
from submission.training.signals import StoppedError

__all__ = [
    "NotFiniteError",
    "Settings",
    "StoppedError",
    "TrainOptions",
    "obstacle",
    "resume_command",
    "seed_folders",
    "train",
    "train_together",
    "train_together_with",
    "train_with",
]
