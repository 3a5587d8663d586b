"""Training and encoding on a GPU: text 002's MLP networks on the whole of dSprites, everything measured in this run.

Prints one line and ends well where there is no GPU. Part 1 compares ways to make an update, part 2 trains for 20 epochs
and extrapolates the same from a shorter run, part 3 trains 16 seeds together and one, part 4 encodes every image,
part 5 scores the run at the challenge's settings.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from submission import provenance
from submission.data import GroundTruthDataset, load
from submission.data.feed import Feed
from submission.evaluation import evaluate, make_plan
from submission.evaluation.encoder import Encoder
from submission.evaluation.subject import from_encoder
from submission.latent import parse
from submission.models.vae import build
from submission.objectives import create
from submission.run_folder import RunFolder
from submission.training import Settings, train, train_together
from submission.training.captured import CapturedStep, GraphRecorder
from submission.training.mixed_step import make_step
from submission.training.randomness import Order
from submission.training.settings import DataSettings, ModelSettings, TrainSettings
from submission.training.step import Step

SPACE, NETWORKS = "R^10", "mlp"
EPOCHS, BATCH, SEEDS = 20, 2048, 16
LIMIT = 120.0
"""Seconds that the 20 epochs may take here; the target is 60."""
WARM_UP = 20


def settings(**changes: Any) -> Settings:
    """Text 002's MLP networks on dSprites."""
    base = TrainSettings(epochs=EPOCHS, batch_size=BATCH, log_every=100)
    return Settings(replace(base, **changes), DataSettings("dsprites_full"), ModelSettings(SPACE, NETWORKS))


def way(dataset: GroundTruthDataset, precision: str, captured: bool, device: torch.device) -> Step:
    """A fresh model's step."""
    torch.manual_seed(0)
    model = build(NETWORKS, parse(SPACE), dataset.image_shape).to(device)
    objective = create("beta_vae", model.space, len(dataset)).to(device)
    step = make_step(model, objective, settings().train, precision)
    return CapturedStep(step, GraphRecorder(device), print) if captured else step


def rate(step: Step, feed: Feed, batch: int, seconds: float) -> tuple[float, float]:
    """Images per second over about ``seconds``, drawn as in training, and the loss after ``WARM_UP`` updates."""
    order, done, loss = Order(len(feed.dataset), seed=0), 0, float("nan")
    torch.manual_seed(0)
    torch.cuda.synchronize()
    began = time.perf_counter()
    while done <= WARM_UP or time.perf_counter() - began < seconds:
        terms = step(feed(order.indices(done, batch)), {"beta": 1.0})
        done += 1
        if done == WARM_UP:
            loss = float(terms.scalars["loss"])  # waits for the device
            began = time.perf_counter()
        elif done % 100 == 0:
            torch.cuda.synchronize()  # the clock is looked at; no more than 100 updates are queued
    torch.cuda.synchronize()
    return (done - WARM_UP) * batch / (time.perf_counter() - began), loss


def updates(dataset: GroundTruthDataset, device: torch.device, seconds: float) -> None:
    """Part 1."""
    feed = Feed(dataset, device)
    print(f"\n{'1. images/s of updates':34s}{'eager':>14s}{'captured':>14s}{'ratio':>8s}{'losses apart':>14s}")
    for batch in (256, BATCH):
        for precision in ("float32", "bfloat16"):
            (eager, first), (captured, second) = (
                rate(way(dataset, precision, graph, device), feed, batch, seconds) for graph in (False, True)
            )
            apart = abs(first - second) / abs(first)
            name = f"{precision}, batch {batch}"
            print(f"   {name:31s}{eager:14,.0f}{captured:14,.0f}{captured / eager:8.2f}{apart:14.1e}")


def timed(run: Callable[[], RunFolder]) -> tuple[float, RunFolder]:
    """Seconds from settings to a finished folder."""
    began = time.perf_counter()
    folder = run()
    return time.perf_counter() - began, folder


def seconds_per_update(folder: RunFolder) -> float:
    """Median over the log's windows but the first, which warms up."""
    lines = [json.loads(line) for line in folder.log.read_text().splitlines()]
    return BATCH / statistics.median([line["images_per_second"] for line in lines][1:])


def whole_run(dataset: GroundTruthDataset, out: Path) -> RunFolder:
    """Part 2."""
    total = settings().train.total_steps(len(dataset))
    short = settings(epochs=0.0, steps=600)
    seconds, folder = timed(lambda: train(short, out / "short", dataset=dataset, device="cuda"))
    expected = seconds + (total - 600) * seconds_per_update(folder)
    print(f"\n2. {EPOCHS} epochs, batch {BATCH}, {folder.meta()['model']['precision']} (target: at most 60 s)")
    print(f"   extrapolated from 600 updates: {expected:.1f} s, export and start included")
    seconds, folder = timed(lambda: train(settings(), out / "whole", dataset=dataset, device="cuda", time_budget=LIMIT))
    ended = folder.meta()["training"]
    print(f"   measured: {seconds:.1f} s for {ended['steps']:,} of {total:,} updates (ended by: {ended['ended_by']})")
    return folder


def seeds(dataset: GroundTruthDataset, out: Path) -> None:
    """Part 3."""
    print(f"\n3. {SEEDS} seeds together against one (target: at most 4 times), seconds per update of all")
    for precision in ("float32", "bfloat16"):
        chosen = settings(epochs=0.0, steps=400, precision=precision, log_every=50)
        single = train(chosen, out / f"one_{precision}", dataset=dataset, device="cuda")
        group = train_together(chosen, range(SEEDS), out / precision, dataset=dataset, device="cuda", tell=print)
        one, many = seconds_per_update(single), seconds_per_update(group[0])
        print(f"   {precision}: one {one:.5f}, {SEEDS} together {many:.5f}, ratio {many / one:.2f}")


def encoding(dataset: GroundTruthDataset, folder: RunFolder) -> None:
    """Part 4."""
    encoder = Encoder.load(folder.exported, dataset.image_shape, "cuda")
    rows = encoder.rows(dataset)
    assert rows is not None
    began, count = time.perf_counter(), len(dataset)
    for start in range(0, count, encoder.batch_size):
        rows(np.arange(start, min(start + encoder.batch_size, count)))
    seconds = time.perf_counter() - began
    print(f"\n4. encoding all {count:,} images for evaluation: {seconds:.1f} s, {count / seconds:,.0f} images/s")


def scoring(dataset: GroundTruthDataset, folder: RunFolder, device: str) -> None:
    """Part 5."""
    encoder = Encoder.load(folder.exported, dataset.image_shape, device)
    (column,) = evaluate(make_plan(), [from_encoder("trained", dataset, encoder)])
    seconds = {outcome.metric.name: outcome.seconds for outcome in column.outcomes}
    parts = ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items())
    print(
        f"\n5. scoring, encoding included: {sum(seconds.values()):.1f} s ({parts}), {encoder.encoded:,} images encoded"
    )


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="per way to make an update")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("skipped: no GPU that torch can use")
        return 0
    device = torch.device("cuda", torch.cuda.current_device())
    print(f"commit {provenance.commit()}; {provenance.machine()}; {torch.cuda.get_device_name(device)}")
    dataset = load("dsprites_full")
    assert isinstance(dataset, GroundTruthDataset)
    updates(dataset, device, given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        run = whole_run(dataset, Path(folder))
        seeds(dataset, Path(folder))
        encoding(dataset, run)
        scoring(dataset, run, "cuda")
    return 0


if __name__ == "__main__":
    sys.exit(main())
