"""The public functions: what a notebook needs from data to report (docs/api.md). ``import submission`` offers them.

Arguments may be names or objects, paths or runs. Messages go to the logger ``submission``; progress is
shown on terminals and in notebooks unless ``progress=submission.progress.QUIET`` is passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission.progress import Bars, Progress
from submission.run import Run

if TYPE_CHECKING:
    from submission.configuration import Settings
    from submission.configuration.fill import Binds
    from submission.data import ImageDataset
    from submission.evaluation import Results
    from submission.latent.base import LatentSpace
    from submission.run import LikelihoodFile
    from submission.studies.comparison import Comparison, Evaluated


def load_data(name: str | Path, root: Path | str | None = None, **options: object) -> ImageDataset:
    """A data set of images, most with factors of variation; also a torch ``Dataset`` of (image, factors).

    Args:
        name: one of ``submission data list``, or the path of your own .npz, .h5 or folder of images.
        root: folder of the data files; ``$DISENTANGLEMENT_LIB_DATA`` or ``./data`` by default.
        options: the data set's own, see ``submission data info NAME``.

    Raises:
        SubmissionError: no such name, option or file.
    """
    from submission.data import load

    return load(name, root, Bars(), allow_unpickling=False, **options)


def parse_space(spec: str) -> LatentSpace:
    """The latent space of a specification such as ``S^10``, ``T^3 x R^4``, ``RP^3`` or ``SO(3)`` (docs/latent.md).

    Raises:
        SubmissionError: the text is not a specification; the error shows where.
    """
    from submission.latent import parse

    return parse(spec)


def train(
    config: str | Path | Iterable[str | Path] | Settings,
    out: Path | str,
    *,
    bind: Binds = (),
    data: Any = None,
    data_root: Path | str | None = None,
    resume: bool = False,
    device: str = "auto",
    time_budget: float | str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a model, export its encoder, and return its run.

    Args:
        config: name or path of a gin configuration (``submission train --list``), several of them, or settings.
        out: the run folder; it must not hold a run unless ``resume``.
        bind: bindings that change the configuration or settings: names and values, ``{"train.steps": 1000}``, or
            gin texts, ``"train.steps = 1000"``; later ones win.
        data: images to train on instead of the configuration's: a data set, its name or path (whose options are
            bound), a uint8 array (N, H, W, C), a pair of images and factors, or a torch ``Dataset``.
        data_root: folder of data files.
        resume: continue the run in ``out`` where its last checkpoint left it.
        device: ``auto``, ``cpu``, ``cuda``, ...
        time_budget: seconds, or a text such as ``90s`` or ``1h30m``, within which everything is written.
        progress: where progress is shown; bars by default.

    Raises:
        StoppedError: a signal ended the run early; everything is saved and exported.
        SubmissionError: bad settings or data, another run in ``out``, a full disk, a loss that is not finite.
    """
    from submission.configuration import Settings, load, with_bindings
    from submission.data import name_of
    from submission.training import train

    binds: Binds = bind
    if isinstance(data, str | Path):  # as --data does, so that options that are bound apply
        binds, data = [bind, {"data.name": name_of(data)}], None
    settings = with_bindings(config, binds) if isinstance(config, Settings) else load(config, binds)
    return train(
        settings, out, data=data, data_root=data_root, resume=resume, device=device, time_budget=time_budget,
        progress=progress or Bars(),
    )  # fmt: skip


def load_run(path: Path | str, data: Any = None) -> Run:
    """The run in a folder that training wrote: its metadata, settings, model, data set, logs and scores.

    Args:
        path: the folder.
        data: the images, or images and factors, where the run was trained on arrays or a torch ``Dataset`` in memory.

    Raises:
        SubmissionError: ``path`` is not a run folder, or was trained on other data.
    """
    return Run.open(path, data)


def export_run(
    run: Run | Path | str,
    formats: str | Iterable[str] = ("pt",),
    mode: str = "",
    progress: Progress | None = None,
    isolated: bool = False,
) -> dict[str, Path]:
    """Write a run's encoder in each of ``formats`` and compare every file with it; format → file.

    Args:
        run: the run, or its folder.
        formats: ``pt`` (TorchScript, what the challenge reads), ``pt2``, ``onnx``, ``safetensors``; one, or several.
        mode: which codes (docs/latent.md); those that the run exports by default.
        progress: where progress is shown; bars by default.
        isolated: whether another mode's ``baseline/untrained.pt`` is loaded in a sandbox (docs/security.md).

    Raises:
        SubmissionError: an unknown format or mode, or a file that differs from the encoder by more than 1e-5.
    """
    from submission.errors import UsageError
    from submission.export.bundle import write_bundle
    from submission.export.formats import FORMATS
    from submission.options import as_list

    names = as_list(formats)
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}", f"choose from {', '.join(FORMATS)}")
    opened = as_run(run)
    model = opened.model()
    chosen = mode or opened.meta.representation.mode or model.space.export_modes[0]
    write_bundle(opened, model, chosen, names, progress or Bars(), isolated)
    return {name: opened.path / FORMATS[name].file for name in names}


def estimate_likelihood(
    run: Run | Path | str,
    samples: int = 500,
    images: int = 10_000,
    *,
    seed: int = 0,
    split: str = "",
    data_root: Path | str | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> LikelihoodFile:
    """Estimate log-likelihood, ELBO, KL and squared error of held-out images under a run's model (docs/likelihood.md).

    The result is kept in the run's folder, where reports and studies find it, unless ``split`` chooses other images.

    Args:
        run: the run, or its folder.
        samples: importance samples per image.
        images: images at most, drawn by ``seed``: the test split of the run's data set, else what the run held out.
        seed: of the samples and of the choice of images.
        split: ``train``, ``valid`` or ``test``, to see another split of the data set.
        data_root: folder of data files.
        device: where the model runs: ``cpu``, ``cuda``, ...
        progress: where progress is shown; bars by default.

    Raises:
        SubmissionError: the run's model or data cannot be read, a number is out of range, or a density is not finite.
    """
    from submission.device import usable
    from submission.evaluation.held_out import estimate_likelihood

    root = None if data_root is None else Path(data_root)
    where = (seed, split, root, str(usable(device)), progress or Bars())
    return estimate_likelihood(as_run(run), samples, images, *where)


def compare(runs: Evaluated | Iterable[Evaluated], data: str = "", protocol: str = "challenge") -> Comparison:
    """Evaluated runs side by side: method × metric, with intervals over seeds.

    Args:
        runs: runs, their folders, score files, or results in memory, one or several. Runs that differ in nothing but
            their seed are one method, and so are results of one name.
        data: whose scores to take, where the runs were scored on several data sets.
        protocol: of the scores: the preset, followed by era, backend and precision where they are not the default.

    Raises:
        SubmissionError: a run has no such scores.
    """
    from submission.studies.comparison import compare

    return compare(runs, data, protocol)


def write_report(
    runs: Run | Path | str | Iterable[Run | Path | str],
    out: Path | str | None = None,
    data_root: Path | str | None = None,
) -> Path:
    """Write a report page (scores, latent space, traversals, curves) about one run or several, and return its path.

    Args:
        runs: runs, their folders, a folder of runs, or a score file.
        out: where to write; ``report.html`` in the run's folder, or beside several runs, by default.
        data_root: folder of data files.

    Raises:
        SubmissionError: a run's model, scores or data cannot be read.
    """
    from submission.report.write import write_report
    from submission.studies.sections import method_sections

    return write_report(runs, data_root, out, method_sections)


def as_run(run: Run | Path | str) -> Run:
    """A run, or the one in a folder."""
    return run if isinstance(run, Run) else Run.open(run)


def evaluate(target: Any, *, progress: Progress | None = None, **options: Any) -> Results:
    """Score a run, an encoder or a file; see ``submission.evaluation.evaluate`` for all options."""
    from submission.evaluation import evaluate

    return evaluate(target, progress=progress or Bars(), **options)


def score(codes: Any, factors: Any, *, progress: Progress | None = None, **options: Any) -> Results:
    """Score codes (N, D) against factors (N, K); see ``submission.evaluation.score`` for all options."""
    from submission.evaluation import score

    return score(codes, factors, progress=progress or Bars(), **options)
