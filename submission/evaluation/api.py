"""``evaluate`` and ``score``: the whole evaluation as two functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from torch import nn

from submission.data import ImageDataset, as_dataset, name_of
from submission.evaluation.codes import codes_from_arrays
from submission.evaluation.encoding.encoder import Precision
from submission.evaluation.plan import Backend, Plan, Settings, make_plan
from submission.evaluation.results import Results, make_results
from submission.evaluation.scoring import ScoringInterrupted, score_all
from submission.evaluation.targets import Target, TargetOptions, codes_target, open_target
from submission.metrics.base import Blocks, Era
from submission.progress import QUIET, Progress
from submission.run import Run

if TYPE_CHECKING:
    from submission.data.user_data import ImagesLike


class EvaluationInterrupted(KeyboardInterrupt):
    """An evaluation was interrupted; ``results`` holds the metrics that were finished."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        self.results = results


def evaluate(
    target: Run | str | Path | nn.Module | Callable[..., Any],
    *,
    data: str | Path | ImagesLike | None = None,
    metrics: Sequence[str] = (),
    preset: str = "challenge",
    settings: Settings | None = None,
    seed: int = 0,
    repeats: int = 1,
    era: Era = "installed",
    backend: Backend = "submission",
    root: Path | str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
    baselines: bool = True,
    isolated: bool = False,
    name: str = "",
    save: bool = True,
    progress: Progress = QUIET,
) -> Results:
    """Score a representation beside an untrained encoder and the true factors.

    Args:
        target: a run or its folder; a file (TorchScript ``.pt``, ``.pt2``, ``.onnx``; codes as ``.npz``); a torch
            module of images (n, C, H, W) float32 in [0, 1]; or a function of images (n, H, W, C), a numpy array, as
            disentanglement_lib has it. Modules and functions return codes (n, D).
        data: the data set: a name or path, a data set, a pair of images and factors, or a torch ``Dataset``; by
            default the one that a run was trained on.
        metrics: names, e.g. ``["mig", "dci"]``; the preset's where none are named.
        preset: ``challenge``, ``study`` or ``fast``.
        settings: metric → settings in which it differs from the preset, e.g. ``{"mig": {"num_bins": 10}}``.
        seed, repeats: of the protocol: ``repeats`` seeds from ``seed`` on.
        era: ``installed``, or ``2019`` for the challenge's scikit-learn.
        backend: whose code computes, ``submission`` or ``disentanglement_lib``.
        root: folder of data files.
        device, precision: where and how the encoder runs.
        baselines: whether to score an untrained encoder and the true factors, too.
        isolated: whether to run a file in an isolated process.
        name: what to call the representation in tables of several.
        save: whether to keep a run's scores in its folder, where ``compare``, ``report`` and the leaderboard find them.
        progress: where long work is shown.

    Raises:
        SubmissionError: the target or its data cannot be read, or its codes cannot be computed. A metric that fails
            does not raise: see ``Results.failures``.
        EvaluationInterrupted: by Ctrl-C; it holds the metrics that were finished.
    """
    plan = make_plan(preset, metrics, era, backend, seed, repeats, settings)
    folder = None if root is None else Path(root)
    options = TargetOptions(given_data(data), folder, device, precision, baselines, seed, isolated, name)
    results = score_target(plan, open_target(target, options), progress)
    if save and isinstance(target, Run | str | Path) and results.path is not None:
        results.save()
    return results


def given_data(data: str | Path | ImagesLike | None) -> str | ImageDataset | None:
    """The name of a data set, or the data set; None where none is given."""
    if data is None or isinstance(data, str | Path):
        return None if data is None else name_of(data)
    return as_dataset(data)


def score(
    codes: npt.ArrayLike,
    factors: npt.ArrayLike,
    *,
    metrics: Sequence[str] = (),
    preset: str = "challenge",
    settings: Settings | None = None,
    periodic: Sequence[bool] = (),
    blocks: Blocks = (),
    seed: int = 0,
    repeats: int = 1,
    era: Era = "installed",
    baselines: bool = False,
    name: str = "codes",
    progress: Progress = QUIET,
) -> Results:
    """Score codes in memory.

    >>> import numpy as np
    >>> factors = np.stack(np.meshgrid(range(4), range(5), range(6), indexing="ij"), axis=-1).reshape(-1, 3)
    >>> results = score(factors + 0.0, factors, metrics=["mig"])
    >>> round(results["mig"], 3)
    1.0

    Args:
        codes: (N, D) real numbers, in the precision in which metrics are to compute.
        factors: (N, K) classes; where every combination occurs exactly once they are a full grid, on which all
            metrics exist. Otherwise they are samples, and metrics that need a grid fail.
        metrics, preset, settings, seed, repeats, era: as in ``evaluate``.
        periodic: which factors (K,) are cycles.
        blocks: columns of codes that belong together, e.g. ``[[0, 1], [2]]``; every column in exactly one.
        baselines: whether to score the true factors, too.
        name: what to call the codes.
        progress: where long work is shown.

    Raises:
        SubmissionError: arrays of other shapes, codes that are not finite, or factors that are not classes.
    """
    plan = make_plan(preset, metrics, era, "submission", seed, repeats, settings)
    table = codes_from_arrays(codes, factors, periodic=periodic, blocks=blocks, name=name)
    return score_target(plan, codes_target(table, TargetOptions(baselines=baselines, data=name)), progress)


def score_target(plan: Plan, target: Target, progress: Progress = QUIET) -> Results:
    """Every metric of ``plan`` on ``target`` and its baselines.

    Raises:
        EvaluationInterrupted: by Ctrl-C; it holds the metrics that were finished.
    """
    path = target.score_file(plan)
    try:
        columns = score_all(plan, target.representations, progress)
    except ScoringInterrupted as interrupt:
        partial = None if path is None else path.with_name(f"{path.stem}-partial.json")
        raise EvaluationInterrupted(make_results(plan, interrupt.columns, target.about, partial)) from None
    return make_results(plan, columns, target.about, path)
