"""The trained model of a run folder."""

from __future__ import annotations

from typing import Any

from submission import checkpoint
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
    file = folder.best if folder.best.is_file() else folder.checkpoint
    try:
        about: dict[str, Any] = meta["model"]
        height, width, channels = meta["dataset"]["image_shape"]
        model = build(
            about["networks"], parse(meta["space"]), (height, width, channels), about["likelihood"], about["variance"]
        )
        model.load_state_dict(checkpoint.read(file)["model"])
    except FileNotFoundError:
        raise SubmissionError(f"{folder.path} holds no model: {file.name} is missing", "train it") from None
    except checkpoint.DamagedError as error:
        fix = f"train.py --resume --out {folder.path} goes on from the checkpoint before it"
        raise SubmissionError(error.what, fix) from error
    except KeyError as error:
        raise SubmissionError(f"{folder.meta_file} lacks {error}", "restore it, or train again") from error
    except (TypeError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise SubmissionError(f"{folder.path} holds no model that can be loaded: {reason}", "train it again") from error
    return model
