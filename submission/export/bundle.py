"""Every format of one representation, checked against each other, with its configuration and metadata."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from submission import provenance
from submission.errors import SubmissionError
from submission.export.folder import with_weights_of, write_representation
from submission.export.formats import FORMATS, write_format
from submission.export.parity import TOLERANCE, largest_difference
from submission.export.representation import Representation
from submission.files import write_json, write_text
from submission.models.networks import channels_first
from submission.models.vae import VAE
from submission.progress import QUIET, Progress
from submission.run import Run, ScoreFile

BATCHES = (1, 5, 64)


def write_bundle(
    folder: Run,
    model: VAE,
    mode: str,
    formats: Sequence[str],
    progress: Progress = QUIET,
    isolated: bool = False,
) -> dict[str, float | None]:
    """Write ``model`` in each of ``formats`` and compare every file with the eager encoder.

    The TorchScript file goes where the grader looks, the others into ``export/`` beside ``config.gin`` and
    ``meta.json`` (versions, data set, factors, code layout, scores), so that the folder can travel alone. Sampled codes
    can be compared only where the reader draws from torch's generator, so only ``pt`` takes a sampling mode. Another
    mode than the run's turns ``baseline/untrained.pt`` into it, too; that file is loaded for its weights, in a sandbox
    where ``isolated`` says so.

    Returns:
        format → largest difference at batch 1, 5 and 64, relative to the largest code where that is above 1; None
        where the reader is not installed.

    Raises:
        SubmissionError: a format cannot be written, or a file differs by more than 1e-5; that file is removed.
    """
    others = [name for name in formats if name != "pt"]
    if mode == "sample" and others:
        raise SubmissionError(f"sampled codes cannot be checked as {', '.join(others)}", "use --formats pt")
    eager, shape = Representation.of(model, mode), channels_first(model.image_shape)
    differences: dict[str, float | None] = {}
    with progress.task("exporting", len(formats)) as task:
        for name in formats:
            task.advance(0, name)
            differences[name] = write_checked(name, eager, shape, folder, model, isolated)
            task.advance(1)
    if others:
        describe(folder, model, mode, differences)
    return differences


def write_checked(
    name: str, eager: Representation, shape: tuple[int, int, int], folder: Run, model: VAE, isolated: bool
) -> float | None:
    """One format's file and its difference from ``eager``."""
    if name == "pt":
        untrained = partial(with_weights_of, folder.untrained_file, isolated=isolated)
        write_representation(folder, model, eager.mode, untrained)
        path = folder.exported_file
    else:
        path = write_format(name, eager, shape, folder.path)
    encode = FORMATS[name].read(path, eager)
    if encode is None:
        return None
    gap = largest_difference(eager, encode, shape, BATCHES)
    if gap > TOLERANCE:
        path.unlink()
        raise SubmissionError(f"{path} differs from the encoder by {gap:.2g} (allowed {TOLERANCE:g})", "leave it out")
    return gap


def describe(folder: Run, model: VAE, mode: str, differences: dict[str, float | None]) -> None:
    """``export/meta.json`` and ``export/config.gin``."""
    about: dict[str, Any] = {
        **folder.meta.to_json(),
        "exported": {**provenance.record(), "max_difference": differences},
        "input": {
            "name": "images",
            "shape": ["batch", *channels_first(model.image_shape)],
            "dtype": "float32",
            "range": [0, 1],
        },
        "representation": model.space.layout(mode),
        "scores": {file.stem: ScoreFile.read(file).to_json() for file in sorted(folder.score_paths())},
    }
    write_json(folder.export_folder / "meta.json", about)
    if folder.config_text:
        write_text(folder.export_folder / "config.gin", folder.config_text)
