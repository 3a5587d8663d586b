"""What the studies cost: python scripts/desk_costs.py [STUDY ...]

For one trial of each method the CPU time of an update, of the likelihood of an image and of the scores is measured with
a few of them, and multiplied by what the study asks for. Nothing is trained to its end. Prints a table of Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from submission.configuration.studies import study_files
from submission.evaluation import evaluate
from submission.evaluation.held_out import held_out_images, run_likelihood
from submission.run import Run
from submission.studies.figures import cells
from submission.studies.results import markdown
from submission.studies.study import Study, Trial
from submission.training import train

FEW, MORE = 10, 100
"""Updates, and images of the likelihood, between which the cost of one is measured."""
HEADER = ["study", "trials", "updates per trial", "CPU seconds per trial", "core-hours in all"]


def seconds(work: Callable[[], object]) -> float:
    """CPU time of this process and its children."""

    def spent() -> float:
        uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in uses)

    before = spent()
    work()
    return spent() - before


def shortened(trial: Trial, steps: int, folder: Path, root: Path | None) -> Run:
    """The trial's run, ended after so many updates."""
    shorter = dataclasses.replace(trial.settings.train, epochs=0.0, steps=steps, log_every=steps)
    return train(dataclasses.replace(trial.settings, train=shorter), folder, data_root=root, device="cpu")


def cost(study: Study, trial: Trial, root: Path | None) -> tuple[int, float]:
    """Updates and CPU seconds of a whole trial; with patience at most so many."""
    options = trial.settings.train
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shortened(trial, 1, folder / "warm", root)  # imports, and data that are kept
        few = seconds(lambda: shortened(trial, FEW, folder / "few", root))
        more = seconds(lambda: shortened(trial, MORE, folder / "more", root))
        run = Run.open(folder / "more")
        images = len(run.dataset(root)) - options.held_out
        count = options.steps or round(options.epochs * images / options.batch_size)
        if trial.first:
            first = trial.first.train
            count += first.steps or round(first.epochs * images / first.batch_size)
        spent = few + (count - FEW) * max(0.0, more - few) / (MORE - FEW)
        return count, spent + (likelihood_cost(study, run, root) + score_cost(study, run, root))


def likelihood_cost(study: Study, run: Run, root: Path | None) -> float:
    """CPU seconds of the likelihood of as many images as the study asks for."""
    if not study.likelihood:
        return 0.0

    def estimate(images: int) -> float:
        chosen = held_out_images(run, root, images)
        return seconds(lambda: run_likelihood(run, chosen, study.likelihood))

    few, more = estimate(FEW), estimate(MORE)
    images = len(held_out_images(run, root, study.images).indices)
    return few + max(0, images - FEW) * max(0.0, more - few) / (MORE - FEW)


def score_cost(study: Study, run: Run, root: Path | None) -> float:
    """CPU seconds of the scores."""
    if not study.evaluate:
        return 0.0
    chosen: dict[str, object] = {"preset": study.evaluate, "metrics": study.metrics, "baselines": study.baselines}
    return seconds(lambda: evaluate(run, root=root, device="cpu", **chosen))


def line(name: str, size: str, root: Path | None) -> list[str]:
    """The table's line of one study."""
    study = Study.read(name, size)
    counts, total = list[int](), 0.0
    for method, trials in cells(study).items():
        count, spent = cost(study, trials[-1], root)
        sys.stderr.write(f"{name}: {method}: {count} updates, {spent:.0f} s\n")
        counts.append(count)
        total += spent * len(trials) * study.seeds
    number = len(study.trials())
    span = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
    return [f"`{name}`", str(number), span, f"{total / number:.0f}", f"{total / 3600:.1f}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="all by default")
    parser.add_argument("--size", default="desk")
    parser.add_argument("--data-root", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    lines = [line(name, options.size, options.data_root) for name in options.studies or study_files()]
    sys.stdout.write(markdown(HEADER, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
