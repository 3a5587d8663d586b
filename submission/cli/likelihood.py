"""``evaluate.py RUN --likelihood``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from submission.cli.switches import seed_within, within
from submission.errors import UsageError

if TYPE_CHECKING:
    from submission.evaluation.likelihood import Likelihood
    from submission.run import Run

MOST_SAMPLES = 1_000_000
"""Importance samples per image; more are a mistyped number."""
QUANTITIES = {
    "log_likelihood": "log-likelihood (nats)",
    "elbo": "ELBO (nats)",
    "kl": "KL (nats)",
    "reconstruction": "−log p(x|z) (nats)",
    "mse": "squared error per pixel",
    "effective_samples": "effective samples",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the likelihood."""
    add = parser.add_argument_group("likelihood").add_argument
    add("--likelihood", action="store_true", help="log-likelihood, ELBO, KL and errors on held-out images instead")
    add("--samples", type=int, default=500, metavar="L", help="importance samples per image (default: 500)")
    add("--images", type=int, default=10_000, metavar="N", help="at most so many held-out images (default: 10000)")


def run(arguments: argparse.Namespace) -> int:
    """Estimate, show, and keep the result in the run's folder."""
    require_sensible(arguments)
    from pathlib import Path

    from submission.cli.console import Bars, print_json, say
    from submission.device import usable
    from submission.evaluation.held_out import held_out_images, run_likelihood
    from submission.files import output_json, write_json
    from submission.run import Run

    folder = Run.open(arguments.target)
    warn_of_early_weights(folder, arguments)
    images = held_out_images(folder, arguments.data_root, arguments.images, arguments.seed)
    device = str(usable(arguments.device))
    result, record = run_likelihood(folder, images, arguments.samples, arguments.seed, device, Bars())
    write_json(folder.likelihood_file, record)
    if arguments.json not in (None, "-"):
        output_json(Path(arguments.json), record)
    if arguments.json == "-":
        print_json(record)
    else:
        show(result, f"{arguments.target} on {result.images:,} images ({images.remark}), {result.samples} samples each")
        say(f"kept in {folder.likelihood_file}")
    return 0


def require_sensible(arguments: argparse.Namespace) -> None:
    """UsageError for what is no run folder, and for numbers out of range."""
    if arguments.target is None or not arguments.target.is_dir():
        raise UsageError("--likelihood needs a run folder", "pass the folder that train.py --out wrote")
    if arguments.images < 1:
        raise UsageError(f"--images {arguments.images} is out of range", "use at least 1")
    within("samples", arguments.samples, 1, MOST_SAMPLES)
    seed_within(arguments.seed)


def warn_of_early_weights(folder: Run, arguments: argparse.Namespace) -> None:
    """Say so where a run was not trained to its end."""
    from submission.cli.console import warn
    from submission.training import resume_command

    if not folder.meta.training.finished:
        warn(
            f"{folder.path} was not trained to its end: these are the weights of its last checkpoint "
            f"(go on with {resume_command(folder.path, arguments.data_root, 'auto')})"
        )


def show(result: Likelihood, title: str) -> None:
    """One row per quantity."""
    from submission.cli.console import table

    estimates = {label: getattr(result, name) for name, label in QUANTITIES.items()}
    rows = [[label, f"{value.mean:.4f}", f"{value.standard_error:.4f}"] for label, value in estimates.items()]
    table(title, ["per image", "mean", "standard error"], rows)
