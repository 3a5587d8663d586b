"""``evaluate.py`` and ``python -m submission evaluate``."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission.cli.switches import called, data_root_option, hidden, refuse, unpickling_option
from submission.errors import UsageError

if TYPE_CHECKING:
    from submission.evaluation import Plan, Results
    from submission.evaluation.targets import Target, TargetOptions

SUMMARY = (
    "Score a representation with disentanglement metrics, and two baselines: an untrained encoder, the true factors."
)
EPILOG = """examples:
  python evaluate.py runs/demo
  python evaluate.py runs/demos                        (all runs of `train.py --seeds 0:5 --out runs/demos`)
  python evaluate.py model.pt --data dsprites_full --metrics mig,dci
  python evaluate.py model.onnx --data cars3d --name theirs       (saved in runs/theirs, for compare and leaderboard)
  python evaluate.py model.pt --data cars3d --data-root data --preset study --repeats 5 --json scores.json
  python evaluate.py --codes codes.npz                 (codes (N, D); factor_sizes (K,) or factors (N, K);
                                                        optional: periodic (K,), blocks (D,); see docs/metrics.md)
  python evaluate.py --codes codes.csv --factors factors.csv
  python evaluate.py runs/demo --backend disentanglement_lib

docs/metrics.md explains every metric, preset and file; `python -m submission likelihood` estimates log-likelihoods."""
TREES = ("dci", "downstream", "fairness")
"""Metrics for which disentanglement_lib fits boosted trees, which take nearly all of its time."""
SECONDS_PER_VALUE = 3.8
"""Of disentanglement_lib's DCI for one value of one factor (docs/results/evaluation.md, "From a table of codes")."""


@dataclass(frozen=True)
class EvaluateOptions:
    """The command line of ``evaluate``.

    Attributes:
        targets: runs and encoders.
        codes, factors: files of codes and of factors instead.
        plan: metrics and settings.
        target: how to read and run a representation.
        json: where to write the scores; ``-`` for standard output, None for nowhere.
    """

    targets: tuple[Path, ...]
    codes: Path | None
    factors: Path | None
    plan: Plan
    target: TargetOptions
    json: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``evaluate``."""
    add = parser.add_argument
    add(
        "targets",
        nargs="*",
        type=Path,
        metavar="RUN|FILE",
        help="run folders, folders of them, or encoders (.pt, .pt2, .onnx)",
    )
    add("--codes", type=Path, metavar="FILE", help="codes instead of an encoder: .npz, .npy or .csv")
    add("--factors", type=Path, metavar="FILE", help="factors, if the file of codes has none: .npy or .csv")
    add("--data", metavar="NAME", help="data set (default: the run's own)")
    data_root_option(parser)
    unpickling_option(parser)
    add("--name", default="", help="save the scores in runs/NAME, under which compare and leaderboard find them")
    add("--metrics", metavar="NAME,...", help="metrics to compute (default: the preset's)")
    add("--preset", default="challenge", help="challenge, study or fast (default: challenge)")
    add("--seed", type=int, default=0, help="seed of the metrics' samples (default: 0)")
    add(
        "--repeats",
        type=int,
        default=1,
        metavar="N",
        help="score with N seeds; show mean and standard deviation (default: 1)",
    )
    add("--seeds", type=int, default=None, help=hidden())
    add(
        "--era",
        default="installed",
        help="installed, or 2019 for the numbers of the scikit-learn and numpy of 2019 (default: installed)",
    )
    add(
        "--backend",
        choices=("submission", "disentanglement_lib"),
        default="submission",
        help="implementation (default: submission)",
    )
    rounded, precisions = called("bf16", "bfloat16"), ("float32", "bf16")
    add(
        "--precision",
        type=rounded,
        choices=precisions,
        default="float32",
        help="precision of the encoder (default: float32)",
    )
    add("--device", default="cpu", help="where the encoder runs: cpu, cuda, cuda:1, ... (default: cpu)")
    add("--isolated", action="store_true", help="load and run the file in a sandbox, on the CPU (docs/security.md)")
    add("--no-baselines", action="store_true", help="leave out the untrained encoder and the true factors")
    add("--json", nargs="?", const="-", metavar="FILE", help="write the scores to FILE, or print them")
    add("--likelihood", action="store_true", help=hidden())
    add("--samples", type=int, default=500, help=hidden())
    add("--images", type=int, default=10_000, help=hidden())


SCORING = (
    *("codes", "factors", "data", "name", "metrics", "preset", "repeats", "seeds", "era", "backend", "precision"),
    *("isolated", "no_baselines"),
)
"""Options that have no effect with ``--likelihood``."""
ESTIMATING = ("samples", "images")
"""Options of ``likelihood``."""
ENCODING = ("data_root", "device", "precision", "isolated")
"""Options that have no effect on codes."""


def run(arguments: argparse.Namespace) -> int:
    """Score, show, and keep the scores."""
    refuse_idle(arguments)
    if arguments.likelihood:
        return estimate_likelihood(arguments)
    options = options_of(arguments)
    return max(evaluate_one(target, options) for target in opened(options))


def estimate_likelihood(arguments: argparse.Namespace) -> int:
    """``evaluate --likelihood`` as it was before version 0.4."""
    from submission.cli import likelihood
    from submission.cli.console import warn

    warn("evaluate --likelihood is now a command: python -m submission likelihood RUN")
    return likelihood.run(argparse.Namespace(**vars(arguments), runs=arguments.targets, split=""))


def refuse_idle(arguments: argparse.Namespace) -> None:
    """UsageError where an option is given that has no effect here, or ``--json`` names no file."""
    if arguments.json is not None and Path(arguments.json).is_dir():
        raise UsageError(
            f"--json {arguments.json!r} is not a file name", "pass a file name, or --json alone to print the scores"
        )
    if arguments.likelihood:
        refuse(arguments, add_arguments, SCORING, "cannot be combined with --likelihood", "leave one of them out")
        return
    refuse(
        arguments, add_arguments, ESTIMATING, "is an option of another command", "python -m submission likelihood RUN"
    )
    if arguments.codes is not None:
        refuse(arguments, add_arguments, ENCODING, "has no effect on --codes", "leave one of them out")
    else:
        refuse(arguments, add_arguments, ["factors"], "has no effect without --codes", "add --codes FILE")


def options_of(arguments: argparse.Namespace) -> EvaluateOptions:
    """The command line as typed options."""
    from submission.cli.console import warn
    from submission.evaluation import TargetOptions, make_plan
    from submission.run.places import runs_below

    if arguments.seeds is not None:
        warn(f"evaluate --seeds is now called --repeats: --repeats {arguments.seeds}")
    repeats = arguments.repeats if arguments.seeds is None else arguments.seeds
    plan = make_plan(
        arguments.preset,
        names_of(arguments.metrics),
        arguments.era,
        arguments.backend,
        arguments.seed,
        repeats,
    )
    target = TargetOptions(
        data=arguments.data,
        root=arguments.data_root,
        device=arguments.device,
        precision=usable_precision(arguments.precision, arguments.device),
        baselines=not arguments.no_baselines,
        seed=arguments.seed,
        isolated=arguments.isolated,
        name=arguments.name,
    )
    targets = tuple(path for given in arguments.targets for path in runs_below(given) or [given])
    if bool(targets) == (arguments.codes is not None):
        raise UsageError("there is nothing to score", "pass run folders, an encoder's file or --codes FILE")
    if len(targets) > 1 and (arguments.json is not None or arguments.name):
        fix = "score them one by one, or use: python -m submission compare RUN ... --json FILE"
        raise UsageError(f"--json and --name take one representation, got {len(targets)}", fix)
    return EvaluateOptions(targets, arguments.codes, arguments.factors, plan, target, arguments.json)


def names_of(metrics: str | None) -> list[str]:
    """The metrics that are named, each once."""
    names = [name.strip() for name in (metrics or "").split(",") if name.strip()]
    if metrics is not None and not names:
        raise UsageError("--metrics is empty", "e.g. --metrics mig,dci")
    return names


def usable_precision(precision: Any, device: str) -> Any:
    """float32 in place of bf16 where the device has no units for it: there float32 is faster, and more exact."""
    from submission.cli.console import warn
    from submission.device import NO_UNITS, multiplies_bfloat16, usable

    if precision == "bf16" and not multiplies_bfloat16(usable(device)):
        warn(f"{NO_UNITS}: the encoder runs in float32, which is faster here and more exact")
        return "float32"
    return precision


def opened(options: EvaluateOptions) -> Sequence[Any]:
    """What is to be scored: paths, or the table of codes."""
    from submission.evaluation.codes import load_codes

    return [load_codes(options.codes, options.factors)] if options.codes is not None else options.targets


def evaluate_one(given: Any, options: EvaluateOptions) -> int:
    """Score and show one representation; returns the exit code."""
    from submission.cli.console import Bars, warn
    from submission.evaluation import EvaluationInterrupted, score_target

    target = prepared(given, options.target)
    announce(options.plan, target)
    try:
        results, interrupted = score_target(options.plan, target, Bars()), False
    except EvaluationInterrupted as interrupt:
        results, interrupted = interrupt.results, True
    if interrupted and not results.scores:
        raise KeyboardInterrupt
    try:  # first on the disk, since standard output may be closed; and shown where the disk is full
        keep(results, options, interrupted)
    finally:
        show(results, options, target)
    for reason in results.failures.values():
        warn(f"error: {reason}")
    if interrupted:
        warn(f"interrupted; finished metrics are saved: {', '.join(results.scores)}")
        return 128 + signal.SIGINT
    return 1 if results.failures else 0


def prepared(given: Any, options: TargetOptions) -> Target:
    """A path or a table of codes, ready to be scored."""
    from submission.evaluation.codes import CodesTable
    from submission.evaluation.targets import codes_target, open_target

    if isinstance(given, CodesTable):
        return codes_target(given, options)
    return open_target(given, options)


def announce(plan: Plan, target: Target) -> None:
    """Say how long disentanglement_lib will take."""
    from submission.cli.console import warn

    trees = [metric.name for metric, _ in plan.metrics if metric.name in TREES]
    if plan.backend != "disentanglement_lib" or plan.preset.startswith("fast") or not trees:
        return
    values = sum(target.representations[0].factors.values())
    minutes = len(trees) * len(plan.seeds) * values * SECONDS_PER_VALUE / 60
    warn(
        f"disentanglement_lib takes about {max(1, round(minutes))} min for {', '.join(trees)} of each column, and "
        "encodes every image again; the first column is computed first, and Ctrl-C keeps finished metrics"
    )


def keep(results: Results, options: EvaluateOptions, interrupted: bool) -> None:
    """Write the scores to their files."""
    from submission.cli.console import say
    from submission.files import output_json

    if results.path is not None:
        path = results.save()
        if not interrupted:
            path.with_name(f"{path.stem}-partial.json").unlink(missing_ok=True)
        if options.target.name:
            say(f"kept in {path}")
    if options.json not in (None, "-"):
        output_json(Path(str(options.json)), results.record.to_json())


def show(results: Results, options: EvaluateOptions, target: Target) -> None:
    """The table, and below it notes on its numbers."""
    from submission.cli.console import print_json, say, table

    if options.json == "-":
        print_json(results.record.to_json())
        return
    table(results.record.title, *results.record.table())
    for remark in results.record.remarks(failures=False):
        say(remark)
    about = target.about["representation"]
    if about.get("resolution") == "bfloat16":
        say("the file has no float32 head after a body, so its codes are also rounded to bfloat16 (docs/metrics.md)")
    if about.get("saved_in_training_mode"):
        say("the file was saved in training mode and runs in it, as in the challenge's evaluator")
    if about.get("deterministic") is False:
        say("the codes are random: two calls with the same images give different codes, so every draw is encoded")
