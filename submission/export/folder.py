"""The part of a run folder that the grader reads: the exported file and the empty results folder beside it."""

from __future__ import annotations

from submission.export.torchscript import export_torchscript
from submission.files import unwritable
from submission.models.vae import VAE
from submission.run_folder import RunFolder


def write_representation(folder: RunFolder, model: VAE, mode: str | None = None) -> None:
    """Write ``representation/pytorch_model.pt`` and ``representation/results/``.

    The evaluator copies ``results/`` after each metric and loses the score when it is missing.

    Args:
        folder: the run folder; made if absent.
        model: the trained VAE.
        mode: one of ``model.space.export_modes``; the space's own choice by default.
    """
    export_torchscript(model, mode or model.space.export_modes[0], folder.exported)
    results = folder.representation / "results"
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(results, error) from error
