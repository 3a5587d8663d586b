"""Kinds of figures by name, each drawn from run folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from submission.data import ImageDataset
from submission.errors import SubmissionError, UsageError, did_you_mean
from submission.files import output, user_path
from submission.models.vae import VAE
from submission.options import as_list
from submission.plots.codes import codes_and_factors
from submission.plots.comparison import score_dots, tradeoff
from submission.plots.encoding import Encoded, decoder, encode_dataset
from submission.plots.images import prior_samples, reconstructions
from submission.plots.manifolds import latent_space
from submission.plots.matrices import heat_maps, matrices_of
from submission.plots.style import LIGHT, Theme, save
from submission.plots.training import component_curves, component_kl, training_curves
from submission.plots.traversal import animation, traversals
from submission.run import Run, ScoreFile, series
from submission.run.current import scores_of_one_protocol
from submission.run.methods import method_folder, method_names, readable
from submission.run.places import runs_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLES = 12


@dataclass(frozen=True)
class Source:
    """What figures of one run are drawn from; each part is read when it is needed, once.

    Attributes:
        run: the run folder.
        root: folder of the data files.
        label: what to call the run where its folder's name does not tell it from other runs.
    """

    run: Run
    root: Path | None = None
    label: str = ""

    @cached_property
    def name(self) -> str:
        """The label, else the folder's name; of a seed the method's folder, without a trial's digest, and the seed."""
        path, method = self.run.path.resolve(), method_folder(self.run)
        return self.label or (f"{readable(method)}/{path.name}" if path != method else path.name)

    @cached_property
    def model(self) -> VAE:
        """The trained model."""
        return self.run.model().eval()

    @cached_property
    def dataset(self) -> ImageDataset:
        """The data set that the run was trained on."""
        return self.run.dataset(self.root)

    @cached_property
    def encoded(self) -> Encoded:
        """Posteriors of the data set's images."""
        return encode_dataset(self.model, self.dataset)

    @cached_property
    def examples(self) -> Tensor:
        """Random images (EXAMPLES, C, H, W), the same ones for every run on the data set."""
        chosen = np.random.RandomState(0).randint(len(self.dataset), size=EXAMPLES)
        return torch.from_numpy(self.dataset.observations(chosen)).movedim(3, 1)

    @property
    def scores(self) -> ScoreFile:
        """The main scores of the model that the run holds now; SubmissionError where there are none."""
        return scores_of_one_protocol([self.run])[0]


def sources_of(runs: Sequence[Run], root: Path | None = None) -> list[Source]:
    """A source for each run, called by its path where two folders have one name.

    Raises:
        UsageError: a run was given twice, by whatever name.
    """
    paths = [run.path.resolve() for run in runs]
    for run, path in zip(runs, paths, strict=True):
        if paths.count(path) > 1:
            raise UsageError(f"{run.path} was given twice", "name each run once")
    found = [Source(run, root) for run in runs]
    names = [source.name for source in found]
    return [
        source if names.count(source.name) == 1 else replace(source, label=str(source.run.path)) for source in found
    ]


def draw(
    kind: str, runs: Run | Path | str | Iterable[Run | Path | str], root: Path | None = None, theme: Theme = LIGHT
) -> Figure:
    """A figure of one or several runs.

    Args:
        kind: one of ``KINDS``.
        runs: runs or their folders, one or several.
        root: folder of the data files.
        theme: colours.

    Raises:
        UsageError: there is no such kind, no run, several runs for a kind that shows a single one, or one run twice.
        SubmissionError: a run lacks what the figure shows.
    """
    sources = sources_of([run if isinstance(run, Run) else Run.open(run) for run in as_list(runs)], root)
    if kind not in KINDS:
        raise UsageError(
            f"there is no kind of figure {kind!r}", did_you_mean(kind, KINDS, f"choose {', '.join(KINDS)}")
        )
    if not sources:
        raise UsageError("there is no run to draw", "pass at least one run folder")
    if kind in SINGLE and len(sources) != 1:
        raise UsageError(f"a figure of kind {kind} shows one run, got {len(sources)}", "draw one figure per run")
    return KINDS[kind](sources, theme)


def plot(
    kind: str,
    runs: Run | Path | str | Iterable[Run | Path | str],
    out: Path | str,
    root: Path | None = None,
    theme: Theme = LIGHT,
) -> Path:
    """``draw`` into a file; the ending chooses PNG, SVG or PDF, and WebP (animated) for traversals."""
    path, given = Path(out), as_list(runs)
    if path.suffix.lower() != ".webp":
        return save(draw(kind, given, root, theme), path)
    if kind != "traversals" or len(given) != 1:
        raise UsageError("only traversals of one run can be animated", "choose .png, .svg or .pdf")

    source = Source(given[0] if isinstance(given[0], Run) else Run.open(given[0]), root)
    content = animation(source.model, source.encoded)
    with output(path) as file:
        file.write(content)
    return path


def draw_curves(sources: Sequence[Source], theme: Theme) -> Figure:
    """Loss terms over the updates."""
    held_out = sources[0].run.validation() if len(sources) == 1 else []
    return training_curves({source.name: source.run.log() for source in sources}, held_out, theme=theme)


def draw_components(sources: Sequence[Source], theme: Theme) -> Figure:
    """KL divergence of each component over the updates."""
    names = [component.name for component in sources[0].model.space.components]
    return component_curves(sources[0].run.components(), names, theme=theme)


def draw_matrices(sources: Sequence[Source], theme: Theme) -> Figure:
    """Heat maps of the run's main scores."""
    scores = sources[0].scores
    column = scores.columns[scores.label]
    details = {name: outcome.details for name, outcome in column.scores.items()}
    return heat_maps(matrices_of(details), factor_names(scores), code_names(scores), theme=theme)


def factor_names(scores: ScoreFile) -> list[str]:
    """Names of the data set's factors, where the score file has them."""
    factors = scores.data.extra.get("factors")
    return list(map(str, factors)) if isinstance(factors, Mapping) else []


def code_names(scores: ScoreFile) -> list[str]:
    """A name for each column of the codes: its component's, or its block's with a number where columns share one."""
    names: dict[int, str] = {}
    coordinates: Counter[str] = Counter()  # of ISA's subspaces, whose components are named without brackets
    for block, columns in scores.columns[scores.label].blocks.items():
        stem = block.partition("[")[0]
        for number, column in enumerate(columns, start=1):
            names[column] = block if len(columns) == 1 else f"{block}, {number}"
            if stem.endswith("ISA"):
                names[column] = f"{stem}({coordinates[stem]})"
                coordinates[stem] += 1
    return [names.get(column, f"code {column}") for column in range(max(names, default=-1) + 1)]


def draw_scores(sources: Sequence[Source], theme: Theme) -> Figure:
    """Headline scores: one row per method, a dot per run."""
    scores = method_scores(sources)
    metrics = list(dict.fromkeys(name for method in scores.values() for name in method))
    return score_dots(scores, metrics, theme=theme)


def method_scores(sources: Sequence[Source]) -> dict[str, dict[str, list[float]]]:
    """Method → metric → the headline scores of its runs, all of one protocol."""
    found: dict[str, dict[str, list[float]]] = {}
    scores = main_headlines(sources)
    for name, group in by_method(sources).items():
        method = found.setdefault(name, {})
        for source in group:
            for metric, value in scores[source].items():
                method.setdefault(metric, []).append(value)
    return found


def main_headlines(sources: Sequence[Source], metric: str = "") -> dict[Source, dict[str, float]]:
    """Metric → score for each run, all of one protocol; of several shared ones one with ``metric`` if possible."""
    scores = scores_of_one_protocol([source.run for source in sources], metric)
    return {source: own.headlines() for source, own in zip(sources, scores, strict=True)}


def by_method(sources: Sequence[Source]) -> dict[str, list[Source]]:
    """Runs of each method, in the order in which they are given; those of one method differ in their seed only."""
    groups: dict[str, list[Source]] = {}
    for source, name in zip(sources, method_names([source.run for source in sources]), strict=True):
        groups.setdefault(name, []).append(source)
    return groups


def draw_tradeoff(sources: Sequence[Source], theme: Theme) -> Figure:
    """MIG against the reconstruction loss at the end of training."""
    points: dict[str, list[tuple[float, float]]] = {}
    scores = main_headlines(sources, "mig")
    for name, group in by_method(sources).items():
        for source in group:
            reconstruction = series(source.run.log(), "reconstruction")[1]
            score = scores[source].get("mig")
            if reconstruction and score is not None:
                points.setdefault(name, []).append((reconstruction[-1], score))
    if not points:
        raise SubmissionError("no run has both a MIG and a training log", "evaluate the runs")
    return tradeoff(points, theme=theme)


KINDS: Mapping[str, Callable[[Sequence[Source], Theme], Figure]] = {
    "latent": lambda sources, theme: latent_space(sources[0].encoded, decoder(sources[0].model), theme=theme),
    "traversals": lambda sources, theme: traversals(sources[0].model, sources[0].encoded, theme=theme),
    "kl": lambda sources, theme: component_kl(sources[0].encoded, theme=theme),
    "codes": lambda sources, theme: codes_and_factors(sources[0].encoded, theme=theme),
    "reconstructions": lambda sources, theme: reconstructions(sources[0].model, sources[0].examples, theme=theme),
    "samples": lambda sources, theme: prior_samples(sources[0].model, theme=theme),
    "matrices": draw_matrices,
    "curves": draw_curves,
    "components": draw_components,
    "scores": draw_scores,
    "tradeoff": draw_tradeoff,
}
"""Every kind of figure; ``curves``, ``scores`` and ``tradeoff`` show several runs."""
SINGLE = tuple(kind for kind in KINDS if kind not in ("curves", "scores", "tradeoff"))


def find_runs(paths: Iterable[Path | str]) -> list[Run]:
    """Run folders: each path is one, or holds some (seeds, or the runs of a sweep), at any depth.

    Raises:
        SubmissionError: there is no run in a path.
    """
    return [Run.open(folder) for path in map(user_path, paths) for folder in runs_below(path) or [path]]
