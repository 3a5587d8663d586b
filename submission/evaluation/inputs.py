"""From what a user names (run folder, .pt file, codes file) to the subjects that are scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submission.data import GroundTruthDataset, load, require_factors
from submission.errors import SubmissionError, UsageError
from submission.evaluation.codes import load_codes
from submission.evaluation.encoding.encoder import Encoder, Precision, untrained_convolutional
from submission.evaluation.layout import Layout
from submission.evaluation.record import sha256
from submission.evaluation.subject import Subject, factors_of, from_codes, from_encoder, ideal
from submission.export.isolated import IsolatedModule
from submission.run import Run
from submission.schema import to_json


@dataclass(frozen=True)
class Inputs:
    """Subjects, the first one the user's, and what the score file says about where they came from."""

    subjects: tuple[Subject, ...]
    about: dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How to read and run a representation.

    Attributes:
        data: name of the data set; a run folder knows its own.
        root: folder of data files.
        device: where the encoder runs.
        precision: of the encoder.
        baselines: whether to score an untrained encoder and the true factors as well.
        seed: of a freshly initialised encoder.
        isolated: whether to run the file in a locked-up process (on the CPU).
    """

    data: str | None = None
    root: Path | None = None
    device: str = "cpu"
    precision: Precision = "float32"
    baselines: bool = True
    seed: int = 0
    isolated: bool = False


def codes_inputs(path: Path, options: Options) -> Inputs:
    """The subjects of a table of codes."""
    file = load_codes(path)
    mine, truth = from_codes(file)
    about = {
        "representation": {"file": str(path), "sha256": sha256(path), "width": file.codes.shape[1], "codes": "unknown"},
        "data": {
            "name": "codes file",
            "factors": mine.factors,
            "periodic": list(file.periodic),
            "full_grid": mine.full_grid,
            "rows": len(file.codes),
        },
    }
    return Inputs((mine, truth) if options.baselines else (mine,), about)


def file_inputs(path: Path, options: Options) -> Inputs:
    """The subjects of a TorchScript file."""
    if not options.data:
        raise UsageError(f"{path} does not say which data it is for", "pass --data NAME")
    dataset = require_factors(load(options.data, options.root), "evaluation")
    encoder = open_encoder(path, dataset, options)
    mine = from_encoder(path.name, dataset, encoder, codes="mean" if encoder.deterministic else "sample")
    return Inputs(tuple(with_baselines(mine, dataset, encoder, None, options)), about(path, dataset, encoder))


def run_inputs(folder: Run, options: Options) -> Inputs:
    """The subjects of a run folder: its export, and the same encoder before training."""
    described = folder.meta.representation
    images = load(options.data, options.root) if options.data else folder.dataset(options.root)
    dataset = require_factors(images, "evaluation")
    encoder = open_encoder(folder.exported_file, dataset, options)
    layout = Layout.of(described.blocks, encoder.width)
    mine = from_encoder("trained", dataset, encoder, layout, codes=described.mode or "unknown")
    known = about(folder.exported_file, dataset, encoder)
    known["representation"] |= {"layout": to_json(described), "codes": mine.codes}
    return Inputs(tuple(with_baselines(mine, dataset, encoder, folder.untrained_file, options)), known)


def with_baselines(
    mine: Subject, dataset: GroundTruthDataset, encoder: Encoder, untrained: Path | None, options: Options
) -> Iterator[Subject]:
    """``mine``, an untrained encoder (of the run, or the standard one of the same width), and the true factors."""
    yield mine
    if not options.baselines:
        return
    if untrained is not None and untrained.is_file():
        fresh = baseline(untrained, dataset, options)
    else:
        module = untrained_convolutional(dataset.image_shape, encoder.width, options.seed)
        fresh = Encoder(module, "untrained encoder", dataset.image_shape, options.device, options.precision)
    yield from_encoder("untrained", dataset, fresh, mine.layout, codes=mine.codes)
    yield ideal(dataset)


def baseline(path: Path, dataset: GroundTruthDataset, options: Options) -> Encoder:
    """The run's encoder before training."""
    try:
        return open_encoder(path, dataset, options)
    except SubmissionError as error:
        raise SubmissionError(error.what, "restore it, or pass --no-baselines") from error


def open_encoder(path: Path, dataset: GroundTruthDataset, options: Options) -> Encoder:
    """The TorchScript file on the chosen device, or locked up."""
    if options.isolated:
        if options.precision != "float32" or options.device not in ("cpu", "auto"):
            raise UsageError(
                f"an isolated file runs on the CPU in float32, not on {options.device} in {options.precision}",
                "leave out --isolated, or --device and --precision",
            )
        return Encoder(IsolatedModule(path), str(path), dataset.image_shape)
    return Encoder.load(path, dataset.image_shape, options.device, options.precision)


def about(path: Path, dataset: GroundTruthDataset, encoder: Encoder) -> dict[str, Any]:
    """Where a representation and its images come from."""
    return {
        "representation": {
            "file": str(path),
            "sha256": sha256(path),
            "width": encoder.width,
            "deterministic": encoder.deterministic,
            "saved_in_training_mode": encoder.saved_in_training_mode,
            "codes": "mean" if encoder.deterministic else "sample",
            "precision": encoder.precision,
            "resolution": encoder.resolution,
            "device": str(encoder.device),
        },
        "data": {
            "name": dataset.name,
            "factors": factors_of(dataset),
            "periodic": list(dataset.periodic),
            "images": len(dataset),
            "source": dataset.notes,
        },
    }


def inputs(path: Path, options: Options) -> Inputs:
    """The subjects of a run folder or a TorchScript file."""
    if path.is_dir():
        return run_inputs(Run.open(path), options)
    if path.is_file():
        return file_inputs(path, options)
    raise SubmissionError(f"{path} does not exist", "pass a run folder, a TorchScript file, or --codes FILE.npz")
