"""The part of a run folder that the grader reads: the exported file and the empty results folder beside it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

from submission.errors import SubmissionError
from submission.export.isolated import isolated_weights
from submission.export.representation import Representation
from submission.export.torchscript import export_torchscript, load_torchscript
from submission.files import unwritable
from submission.models.vae import VAE
from submission.run import Run, representation_meta

Encoders = Callable[[VAE], VAE]


def write_representation(folder: Run, model: VAE, mode: str, untrained: Encoders | None = None) -> None:
    """Write ``representation/pytorch_model.pt`` and ``representation/results/``.

    The evaluator copies ``results/`` after each metric and loses the score when it is missing. What else in the folder
    depends on the mode follows it.

    Args:
        folder: the run folder; made if absent.
        model: the trained VAE.
        mode: one of ``model.space.export_modes``.
        untrained: the model before training, from the trained one; read from ``baseline/untrained.pt``, which is a
            program, by default.
    """
    export_torchscript(model, mode, folder.exported_file)
    results = folder.representation_folder / "results"
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(results, error) from error
    if folder.meta_file.is_file():
        record_mode(folder, model, mode, untrained or (lambda trained: with_weights_of(folder.untrained_file, trained)))


def record_mode(folder: Run, model: VAE, mode: str, untrained: Encoders) -> None:
    """Describe codes of ``mode`` in ``meta.json``, and export the untrained encoder in it: both are scored alike."""
    meta, layout = folder.meta, representation_meta(model.space.layout(mode))
    if meta.representation == layout:
        return
    if folder.untrained_file.is_file():
        export_torchscript(untrained(model), mode, folder.untrained_file)
    folder.write_meta(dataclasses.replace(meta, representation=layout))


def with_weights_of(path: Path, model: VAE, isolated: bool = False) -> VAE:
    """``model`` with the encoder's weights that the TorchScript file ``path`` has, which is loaded for them.

    Args:
        path: the file.
        model: of the run.
        isolated: whether to load it in a sandbox.
    """
    other = copy.deepcopy(model).cpu()
    encoder = Representation(other.encoder, other.space, other.space.export_modes[0])
    try:
        weights = isolated_weights(path) if isolated else load_torchscript(path).state_dict()
        missing = encoder.load_state_dict(weights, strict=False).missing_keys
    except RuntimeError:  # of another size
        missing = ["weights"]
    if missing:
        fix = "delete it: evaluation then scores a standard untrained encoder"
        raise SubmissionError(f"{path} does not match the run's encoder", fix)
    return other
