"""The trained model of a run folder."""

from __future__ import annotations

import pickle
from typing import Any

import torch

from submission.errors import SubmissionError
from submission.latent import parse
from submission.models.vae import VAE, build
from submission.run_folder import RunFolder


def trained(folder: RunFolder) -> VAE:
    """The VAE that ``folder`` exported, on the CPU: the best on held-out images where there are any, else the last.

    Raises:
        SubmissionError: it cannot be read.
    """
    meta = folder.meta()
    try:
        about: dict[str, Any] = meta["model"]
        height, width, channels = meta["dataset"]["image_shape"]
        model = build(
            about["networks"], parse(meta["space"]), (height, width, channels), about["likelihood"], about["variance"]
        )
        file = folder.best if folder.best.is_file() else folder.checkpoint
        state = torch.load(file, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
    except (OSError, KeyError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise SubmissionError(f"{folder.path} holds no model that can be loaded: {reason}", "train it again") from error
    return model
