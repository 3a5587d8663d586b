"""``evaluate.py`` and ``python -m submission evaluate``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission.cli import likelihood
from submission.cli.switches import called, refuse, unpickling_option
from submission.errors import UsageError
from submission.run import Run

if TYPE_CHECKING:
    from submission.evaluation import Column, Plan
    from submission.evaluation.inputs import Inputs

SUMMARY = "Score a representation with the disentanglement metrics, beside an untrained encoder and the true factors."
EPILOG = """examples:
  python evaluate.py runs/demo
  python evaluate.py model.pt --data dsprites_full --metrics mig,dci
  python evaluate.py model.pt --data cars3d --data-root data --preset study --seeds 5 --json scores.json
  python evaluate.py --codes codes.npz                 (codes (N, D); factor_sizes (K,) or factors (N, K);
                                                        if need be periodic (K,) and blocks (D,), see docs/metrics.md)
  python evaluate.py runs/demo --backend disentanglement_lib
  python evaluate.py runs/demo --likelihood --samples 100

docs/metrics.md explains every metric, preset and file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``evaluate``."""
    add = parser.add_argument
    add("target", nargs="?", type=Path, metavar="RUN|FILE.pt", help="run folder, or TorchScript file")
    add("--codes", type=Path, metavar="FILE.npz", help="a table of codes instead of a model")
    add("--data", metavar="NAME", help="data set (a run folder knows its own)")
    add("--data-root", type=Path, metavar="FOLDER", help="folder of data files (default: $DISENTANGLEMENT_LIB_DATA)")
    unpickling_option(parser)
    add("--metrics", metavar="NAME,...", help="metrics to compute (default: the preset's)")
    add("--preset", default="challenge", help="challenge, study or fast (default: challenge)")
    add("--seed", type=int, default=0, help="seed of the protocol (default: 0)")
    add(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="repeat with N seeds (at most 1000) and show mean and deviation",
    )
    add("--era", default="installed", help="installed, or 2019 for the challenge's scikit-learn")
    add("--backend", choices=("submission", "disentanglement_lib"), default="submission", help="whose code computes")
    rounded, precisions = called("bf16", "bfloat16"), ("float32", "bf16")
    add("--precision", type=rounded, choices=precisions, default="float32", help="of the encoder (docs/metrics.md)")
    add("--device", default="cpu", help="where the encoder runs: cpu, cuda, cuda:1, ... (default: cpu)")
    add("--isolated", action="store_true", help="load and run the file in a sandbox, on the CPU (docs/security.md)")
    add("--no-baselines", action="store_true", help="leave out the untrained encoder and the true factors")
    add("--json", nargs="?", const="-", metavar="FILE", help="write the scores to FILE, or print them")
    likelihood.add_arguments(parser)


SCORING = ("codes", "data", "metrics", "preset", "seeds", "era", "backend", "precision", "isolated", "no_baselines")
"""What says nothing to ``--likelihood``."""
ESTIMATING = ("samples", "images")
"""What says nothing to scores."""
ENCODING = ("data", "data_root", "device", "precision", "isolated")
"""What says nothing to codes that are there."""


def run(arguments: argparse.Namespace) -> int:
    """Score, show, and keep the scores."""
    refuse_idle(arguments)
    if arguments.likelihood:
        return likelihood.run(arguments)
    plan = plan_of(arguments)
    if (arguments.target is None) == (arguments.codes is None):
        raise UsageError("name one thing to score", "pass a run folder, a .pt file, or --codes FILE.npz")
    from submission.cli.console import Bars, print_json, warn
    from submission.evaluation import evaluate, record

    settle_precision(arguments)
    given = inputs_of(arguments)
    if not given.subjects[0].full_grid:
        plan = plan.without_grid()
    columns = evaluate(plan, given.subjects, Bars())
    scores = record(plan, columns, given.about)
    try:  # first on the disk, since standard output may be closed; and shown where the disk is full
        keep(arguments, plan, scores)
    finally:
        print_json(scores) if arguments.json == "-" else show(plan, columns, given)
    failed = [outcome for outcome in columns[0].outcomes if outcome.error]
    for outcome in failed:
        warn(f"error: {outcome.error}")
    return 1 if failed else 0


def refuse_idle(arguments: argparse.Namespace) -> None:
    """UsageError where a switch is set that what is asked for has no use for, or ``--json`` names no file."""
    if arguments.json is not None and Path(arguments.json).is_dir():
        raise UsageError(f"--json {arguments.json!r} names no file", "name one, or none to print the scores")
    if arguments.likelihood:
        refuse(arguments, add_arguments, SCORING, "means nothing to --likelihood", "leave one of them out")
        return
    refuse(arguments, add_arguments, ESTIMATING, "means nothing without --likelihood", "add --likelihood")
    if arguments.codes is not None:
        refuse(arguments, add_arguments, ENCODING, "means nothing to --codes", "leave one of them out")


def settle_precision(arguments: argparse.Namespace) -> None:
    """Make bf16 float32 where nothing multiplies it: there float32 is quicker, and more exact."""
    from submission.cli.console import warn
    from submission.device import NO_UNITS, multiplies_bfloat16, usable

    if arguments.precision == "bf16" and not multiplies_bfloat16(usable(arguments.device)):
        warn(f"{NO_UNITS}: the encoder runs in float32, which is quicker here and more exact")
        arguments.precision = "float32"


def keep(arguments: argparse.Namespace, plan: Plan, scores: dict[str, Any]) -> None:
    """Write the scores to their files, and a run's to the leaderboard."""
    from submission.files import output_json, write_json

    run = arguments.target is not None and arguments.target.is_dir()
    if run:
        write_json(own_file(arguments, plan), scores)
    if arguments.json not in (None, "-"):
        output_json(Path(arguments.json), scores)
    if run:
        rank(Run.open(arguments.target))


def rank(folder: Run) -> None:
    """Keep a run's scores in the leaderboard beside it (``python -m submission leaderboard``)."""
    from submission.studies.recording import FILE_NAME, add_run

    add_run(folder.path.resolve().parent / FILE_NAME, folder)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """What the command line asks for."""
    from submission.evaluation import make_plan

    named = [name.strip() for name in (arguments.metrics or "").split(",") if name.strip()]
    names = list({name.lower(): name for name in named}.values())
    if arguments.metrics is not None and not names:
        raise UsageError("--metrics names no metric", "e.g. --metrics mig,dci")
    return make_plan(
        arguments.preset, names, arguments.era, arguments.backend, seed=arguments.seed, seeds=arguments.seeds
    )


def inputs_of(arguments: argparse.Namespace) -> Inputs:
    """What the command line points at."""
    from submission.evaluation.inputs import Options, codes_inputs, inputs

    baselines, root = not arguments.no_baselines, arguments.data_root
    options = Options(
        arguments.data, root, arguments.device, arguments.precision, baselines, arguments.seed, arguments.isolated
    )
    if arguments.codes is not None:
        return codes_inputs(arguments.codes, options)
    return inputs(arguments.target, options)


def own_file(arguments: argparse.Namespace, plan: Plan) -> Path:
    """Where a run folder keeps the scores."""
    from submission.data import same_dataset

    folder = Run(arguments.target)
    own = arguments.data is None or same_dataset(arguments.data, folder.meta.dataset.name)
    others = [] if own else [arguments.data]
    others += [arguments.precision] if arguments.precision != "float32" else []
    return folder.scores_folder / plan.file_name(*others)


def show(plan: Plan, columns: tuple[Column, ...], given: Inputs) -> None:
    """The table, and below it whatever a reader must know about its numbers."""
    from submission.cli.console import say, table
    from submission.evaluation.show import remarks, rows

    title = f"{given.about['representation']['file']} on {given.about['data']['name']}, preset {plan.preset}"
    table(title, ["score", *(column.subject.label for column in columns)], rows(columns))
    for remark in remarks(columns):
        say(remark)
    about = given.about["representation"]
    if about.get("resolution") == "bfloat16":
        say("the file has no float32 head after a body, so its codes are rounded to bfloat16, too (docs/metrics.md)")
    if about.get("saved_in_training_mode"):
        say("the file was saved in training mode, and is run so, as the challenge's evaluator does")
    if about.get("deterministic") is False:
        say("the codes are random: two calls with the same images give different codes, and each image is drawn anew")
