"""What each accelerator brings to a whole job: a training run's updates, or a complete evaluation of dSprites.

Every variant runs in a process of its own on one thread; variants take turns, and the CPU time (user + system) of the
job is compared, which other programs on the machine disturb least. ``ratio`` is the time without an accelerator over
the time with all of them.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from submission import acceleration, data, provenance

TRAINING = {
    "mlp, batch 2048, beta_tcvae on R^20": (2, ("aggregate", "memory")),
    "mlp, batch 2048, beta_tcvae on ISA(5x4)": (2, ("aggregate",)),
    "conv, batch 256, beta_vae on R^10": (8, ("memory",)),
}
EVALUATION = {
    ("conv", "challenge"): ("encoders", "memory"),
    ("mlp", "challenge"): ("encoders",),
    ("conv", "fast"): ("trees",),
}
PARTS = {
    "aggregate": "submission.objectives.aggregate.aggregate_log_prob",
    "encoders": "submission.export.verified.faster_encoder",
    "trees": "submission.metrics.boosting.classification_trees",
    "memory": "submission.device.prepare_memory",
}


def switch_off(names: list[str]) -> None:
    """Hide accelerators from this process."""
    hidden = {PARTS[name] for name in names if name}
    kept = {name: faster for name, faster in acceleration.accelerators().items() if name not in hidden}
    acceleration.accelerators = lambda: kept  # type: ignore[assignment]


def train(job: str, updates: int, images: Path) -> float:
    """Median CPU seconds of an update."""
    from submission.configuration.settings import TrainSettings
    from submission.device import prepare_memory
    from submission.latent import parse
    from submission.models.vae import build
    from submission.objectives import TrainingPosition, create
    from submission.training.step import EagerStep

    networks, batch, rest = (part.strip() for part in job.split(","))
    objective_name, _, space = rest.partition(" on ")
    prepare_memory()
    table = torch.from_numpy(np.load(images))
    torch.manual_seed(0)
    model = build(networks, parse(space), (64, 64, 1))
    objective = create(objective_name, model.space, 737_280)
    step = EagerStep(model, objective, TrainSettings(steps=1))
    coefficients, spent = objective.coefficients(TrainingPosition(0, 1)), []
    for update in range(updates + 2):
        begun = time.process_time()
        step(table[torch.randint(len(table), (int(batch.split()[1]),))], coefficients)
        if update > 1:
            spent.append(time.process_time() - begun)
    return statistics.median(spent)


def evaluate(path: str, preset: str) -> float:
    """CPU seconds of a complete evaluation, the process's start and its imports included."""
    from submission.cli.main import run_program

    run_program(
        "evaluate", [path, "--data", "dsprites_full", "--no-baselines", "--preset", preset, "--json", os.devnull]
    )
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def child(kind: str, job: str, off: str, *more: str) -> float:
    """The seconds of one variant in a process of its own."""
    command = [sys.executable, __file__, "--child", kind, job, off, *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if found.returncode:
        raise SystemExit(found.stderr[-2000:])
    return float(found.stdout.split()[-1])


def compare(kind: str, job: str, switches: tuple[str, ...], rounds: int, *more: str) -> None:
    """Print a job's table."""
    variants = ("", *switches, ",".join(switches)) if len(switches) > 1 else ("", *switches)
    seconds: dict[str, list[float]] = {off: [] for off in variants}
    for _ in range(rounds):
        for off, own in seconds.items():
            own.append(child(kind, job, off, *more))
    base = statistics.median(seconds[""])
    for off, own in seconds.items():
        label = f"without {off}" if off else "all"
        print(
            f"{kind:9s} {job:42s} {label:36s} {statistics.median(own):9.3f} {statistics.median(own) / base:6.2f}",
            flush=True,
        )


def main() -> int:
    """Print the tables, or run one variant."""
    if sys.argv[1:2] == ["--child"]:
        kind, job, off, *more = sys.argv[2:]
        switch_off(off.split(","))
        print(train(job, int(more[0]), Path(more[1])) if kind == "training" else evaluate(*more))
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("training", "evaluation"))
    given = parser.parse_args()
    print(f"commit {provenance.commit()}; {provenance.machine()}; one thread, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "evaluation":
            images = Path(folder) / "images.npy"
            dataset = data.load("dsprites_full")
            chosen = dataset.images(np.linspace(0, len(dataset) - 1, 8192).astype(int))
            np.save(images, np.moveaxis(chosen, 3, 1).astype(np.float32))
            for job, (updates, switches) in TRAINING.items():
                compare("training", job, switches, given.rounds, str(updates), str(images))
        if given.only != "training":
            from benchmarks.evaluation import export

            for (network, preset), switches in EVALUATION.items():
                path = export(network, Path(folder) / f"{network}.pt")
                compare("evaluation", f"{network}, preset {preset}", switches, given.rounds, str(path), preset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
