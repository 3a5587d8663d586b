"""Conversion of a user's target (a run, a file, a module, a function, codes) to representations of a data set."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from submission.data import GroundTruthDataset, ImageDataset, load, load_with_options, require_factors, same_dataset
from submission.errors import SubmissionError, UsageError, invocation
from submission.evaluation.codes import CodesTable, load_codes
from submission.evaluation.encoding.encoder import Encoder, Precision, untrained_convolutional
from submission.evaluation.foreign import FunctionModule, weights_alone
from submission.evaluation.layout import Layout
from submission.evaluation.plan import Plan
from submission.evaluation.posteriors import with_posteriors
from submission.evaluation.representation import (
    ScoredRepresentation,
    factors_of,
    from_codes,
    from_encoder,
    true_factor_baseline,
)
from submission.evaluation.results import file_json
from submission.export.foreign import OPENERS, warn_of_program
from submission.export.isolated import IsolatedModule
from submission.files import user_path
from submission.progress import QUIET
from submission.run import Run
from submission.run.scores import IDEAL, UNTRAINED
from submission.schema import to_json

CODES = (".npz", ".npy", ".csv")
NAMED = Path("runs")
"""Folder in which the scores of named files are kept, beside those of runs."""


@dataclass(frozen=True)
class TargetOptions:
    """How to read and run a representation.

    Attributes:
        data: name of the data set, or the data set itself; None for the one that a run was trained on.
        root: folder of data files.
        device: where the encoder runs.
        precision: of the encoder.
        baselines: whether to score an untrained encoder and the true factors as well.
        seed: of a freshly initialised encoder.
        isolated: whether to run a file in an isolated process (on the CPU).
        name: what to call the representation in tables of several.
    """

    data: str | ImageDataset | None = None
    root: Path | None = None
    device: str = "cpu"
    precision: Precision = "float32"
    baselines: bool = True
    seed: int = 0
    isolated: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        """UsageError for the name of a baseline."""
        require_own_name(self.name)


@dataclass(frozen=True)
class Target:
    """What is to be scored, ready for use.

    Attributes:
        representations: the user's, then the baselines.
        about: their origin, for the score file.
        folder: where score files of this target are kept; None for what has no place of its own.
        differs: what is not as usual (another data set, another precision), for the name of the score file.
    """

    representations: tuple[ScoredRepresentation, ...]
    about: dict[str, Any]
    folder: Path | None = None
    differs: tuple[str, ...] = ()

    def score_file(self, plan: Plan) -> Path | None:
        """Where the scores of ``plan`` are kept."""
        return None if self.folder is None else self.folder / plan.file_name(*self.differs)


def require_own_name(name: str) -> None:
    """UsageError for a representation that is called like a baseline, whose scores would replace its own."""
    if name in (UNTRAINED, IDEAL):
        raise UsageError(f"{name!r} is the name of a baseline", "choose another one (--name, or name=...)")


def open_target(target: object, options: TargetOptions) -> Target:
    """A run, a run folder, a file, a module or a function, opened.

    Raises:
        UsageError: something else, or no data set is named for what does not know its own.
        SubmissionError: it cannot be read, or its codes cannot be computed.
    """
    if isinstance(target, Run):
        return run_target(target, options)
    if isinstance(target, str | Path):
        return path_target(user_path(target), options)
    if isinstance(target, nn.Module):
        return module_target(target, options)
    if callable(target):
        return module_target(FunctionModule(target), options, getattr(target, "__name__", "function"))
    kind = type(target).__name__
    fix = "pass a run, a path, a torch module, or a function of images; for codes: submission.score(codes, factors)"
    raise UsageError(f"a {kind} cannot be scored", fix)


def path_target(path: Path, options: TargetOptions) -> Target:
    """A run folder, an encoder's file, or a file of codes."""
    if path.is_dir():
        return run_target(Run.open(path), options)
    if path.suffix.lower() in CODES:
        return codes_target(load_codes(path), options)
    if path.is_file():
        return file_target(path, options)
    fix = "pass a run folder, an encoder (.pt, .pt2, .onnx) or codes (.npz, .npy, .csv)"
    raise SubmissionError(f"{path} does not exist", fix)


def codes_target(file: CodesTable, options: TargetOptions) -> Target:
    """Codes that are there."""
    mine, truth = from_codes(file)
    about = {
        "name": options.name,
        "representation": {
            **(file_json(file.path) if file.path else {}),
            "width": file.codes.shape[1],
            "codes": "unknown",
        },
        "data": {
            "name": data_name(options) or "codes file",
            "factors": mine.factors,
            "periodic": list(file.periodic),
            "full_grid": mine.full_grid,
            "rows": len(file.codes),
        },
    }
    return Target((mine, truth) if options.baselines else (mine,), about, named_folder(options))


def file_target(path: Path, options: TargetOptions) -> Target:
    """An encoder's file in any format."""
    if error := weights_alone(path, data_name(options)):
        raise error
    label = options.name or path.name
    require_own_name(label)
    dataset = required_data(str(path), options)
    encoder = open_encoder(path, dataset, options)
    codes = "mean" if encoder.deterministic else "sample"
    mine = from_encoder(label, dataset, encoder, codes=codes)
    about = about_encoder(encoder, dataset, options) | {"name": options.name}
    about["representation"] |= file_json(path)
    return Target(tuple(with_baselines(mine, dataset, encoder, None, options)), about, *kept_as(dataset, options))


def module_target(module: nn.Module, options: TargetOptions, name: str = "") -> Target:
    """A module in memory: a copy of it is scored, in evaluation mode."""
    name = options.name or name or type(module).__name__
    require_own_name(name)
    dataset = required_data(name, options)
    with torch.no_grad():  # under which the copies of a scripted module's weights are leaves
        own = module if isinstance(module, FunctionModule) else copy.deepcopy(module)
    encoder = Encoder(own, name, dataset.image_shape, options.device, options.precision)
    codes = "mean" if encoder.deterministic else "sample"
    mine = from_encoder(name, dataset, encoder, codes=codes)
    about = about_encoder(encoder, dataset, options) | {"name": name}
    return Target(tuple(with_baselines(mine, dataset, encoder, None, options)), about, *kept_as(dataset, options))


def run_target(run: Run, options: TargetOptions) -> Target:
    """A run's exported encoder, and the same encoder before training."""
    meta = run.meta
    own = not options.data or same_dataset(data_name(options), meta.dataset.name)
    dataset = run_data(run, options) if own else open_data(options)
    require_exported(run)
    encoder = open_encoder(run.exported_file, dataset, options)
    layout = Layout.of(meta.representation.blocks, encoder.width)
    mine = from_encoder("trained", dataset, encoder, layout, codes=meta.representation.mode or "unknown")
    mine = with_posteriors(mine, run, dataset)
    about = about_encoder(encoder, dataset, options) | {"name": options.name}
    about["representation"] |= {"layout": to_json(meta.representation), "codes": mine.codes}
    about["representation"] |= file_json(run.exported_file)
    other = () if own else (dataset.name,)
    differs = (*other, *kept_as(dataset, replace(options, data=None))[1])
    columns = tuple(with_baselines(mine, dataset, encoder, run.untrained_file, options))
    return Target(columns, about, run.scores_folder, differs)


def run_data(run: Run, options: TargetOptions) -> GroundTruthDataset:
    """The data set of a run with the options that it was trained on, also where its user names it.

    Raises:
        UsageError: other images have the name of the run's, under which its scores are kept.
    """
    if not options.data or (isinstance(options.data, str) and run.images is not None):
        return require_factors(run.dataset(options.root), "evaluation")
    if not isinstance(options.data, str):
        fix = "give these another name, e.g. submission.data.from_arrays(images, factors, name='test')"
        run.require_trained_on(options.data, fix)
        return open_data(options)
    images = load_with_options(options.data, options.root, QUIET, run.meta.dataset.options)
    return require_factors(images, "evaluation")


def require_exported(run: Run) -> None:
    """SubmissionError, with the reason, where a run has no exported encoder."""
    if run.exported_file.is_file():
        return
    if not run.meta.training.finished:
        what = f"{run.path} has no exported encoder yet: its training has not ended"
        fix = f"wait, or, if it was interrupted, continue with: {invocation('train', '--resume', '--out', run.path)}"
        raise SubmissionError(what, fix)
    fix = f"write it again: {invocation('export', run.path)}"
    raise SubmissionError(f"{run.path} has no exported encoder ({run.exported_file.name} is missing)", fix)


def with_baselines(
    mine: ScoredRepresentation,
    dataset: GroundTruthDataset,
    encoder: Encoder,
    untrained: Path | None,
    options: TargetOptions,
) -> Iterator[ScoredRepresentation]:
    """``mine``, an untrained encoder (of the run, or the standard one of the same width), and the true factors."""
    yield mine
    if not options.baselines:
        return
    if untrained is not None and untrained.is_file():
        fresh = baseline(untrained, dataset, options)
    else:
        module = untrained_convolutional(dataset.image_shape, encoder.width, options.seed)
        fresh = Encoder(module, "untrained encoder", dataset.image_shape, options.device, options.precision)
    yield from_encoder(UNTRAINED, dataset, fresh, mine.layout, codes=mine.codes)
    yield true_factor_baseline(dataset)


def baseline(path: Path, dataset: GroundTruthDataset, options: TargetOptions) -> Encoder:
    """The run's encoder before training."""
    try:
        return open_encoder(path, dataset, options)
    except SubmissionError as error:
        raise SubmissionError(error.what, "restore it, or pass --no-baselines") from error


def required_data(name: str, options: TargetOptions) -> GroundTruthDataset:
    """The data set of an encoder that does not know its own."""
    if not options.data:
        raise UsageError(f"the data set for {name} is unknown", "pass --data NAME (from Python: data=...)")
    return open_data(options)


def open_data(options: TargetOptions) -> GroundTruthDataset:
    """The data set that the options name or hold, which must have known factors."""
    given = options.data
    return require_factors(load(given, options.root) if isinstance(given, str) else given, "evaluation")  # type: ignore[arg-type]


def data_name(options: TargetOptions) -> str:
    """Name of the data set in the options; empty where there is none."""
    return options.data if isinstance(options.data, str) else getattr(options.data, "name", "")


def kept_as(dataset: GroundTruthDataset, options: TargetOptions) -> tuple[Path | None, tuple[str, ...]]:
    """Folder for the scores of a named encoder, and the part of its score file's name beside the plan."""
    other = (dataset.name,) if options.data else ()
    return named_folder(options), (*other, *((options.precision,) if options.precision != "float32" else ()))


def named_folder(options: TargetOptions) -> Path | None:
    """Folder for the scores of what has a name, ``runs/NAME/scores``."""
    folder = re.sub(r"[^\w+.-]", "_", options.name).strip("._")
    return NAMED / folder / "scores" if folder else None


def open_encoder(path: Path, dataset: GroundTruthDataset, options: TargetOptions) -> Encoder:
    """The encoder in a file, on the chosen device or isolated."""
    opener = OPENERS.get(path.suffix.lower())
    on_cpu = options.device in ("cpu", "auto")
    if options.isolated:
        if options.precision != "float32" or not on_cpu:
            raise UsageError(
                f"--isolated runs {path.name} on the CPU in float32, not on {options.device} in {options.precision}",
                "leave out --isolated, or --device and --precision",
            )
        return Encoder(IsolatedModule(path, image_shape=dataset.image_shape), str(path), dataset.image_shape)
    if opener is None:
        return Encoder.load(path, dataset.image_shape, options.device, options.precision)
    if not on_cpu:
        raise UsageError(f"{path.name} runs on the CPU, not on {options.device}", "leave out --device")
    warn_of_program(path)
    return Encoder(opener(path, dataset.image_shape), str(path), dataset.image_shape, "cpu", options.precision)


def about_encoder(encoder: Encoder, dataset: GroundTruthDataset, options: TargetOptions) -> dict[str, Any]:
    """The score file's record of an encoder and its images."""
    return {
        "representation": {
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
