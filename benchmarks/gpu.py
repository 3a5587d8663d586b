"""Training and encoding on a GPU: Stühmer et al.'s MLP networks on the whole of dSprites, all measured in this run.

Prints one line and ends well where there is no GPU. Part 1 trains for 20 epochs and extrapolates the same from a
shorter run, part 2 compares ways to make an update, part 3 makes updates of 16 seeds together and of one, part 4
encodes every image, part 5 scores the run at the challenge's settings. Where one part fails the others go on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from submission import provenance
from submission.configuration.settings import DataSettings, ModelSettings, TrainSettings
from submission.data import GroundTruthDataset, load
from submission.data.batches import ImageBatches
from submission.evaluation import make_plan
from submission.evaluation.encoding.encoder import Encoder
from submission.evaluation.representation import from_encoder
from submission.evaluation.scoring import score_all
from submission.latent import parse
from submission.models.vae import build
from submission.objectives import create
from submission.run import Run
from submission.training import Settings, train
from submission.training.cuda_graph import Captured, GraphRecorder
from submission.training.mixed_step import make_step
from submission.training.multi_seed import GroupStep
from submission.training.randomness import Order, Stream
from submission.training.step import EagerStep

SPACE, NETWORKS = "R^10", "mlp"
EPOCHS, BATCH, SEEDS = 20, 2048, 16
PRECISIONS = ("float32", "bfloat16")
LIMIT = 120.0
"""Seconds that the 20 epochs may take here; the target is 60."""
WARM_UP = 20
SHORT = 600
"""Updates of the run that is extrapolated."""


def settings(**changes: Any) -> Settings:
    """Stühmer et al.'s (2020) MLP networks on dSprites."""
    base = TrainSettings(epochs=EPOCHS, batch_size=BATCH, log_every=SHORT // 6)
    return Settings(replace(base, **changes), DataSettings("dsprites_full"), ModelSettings(SPACE, NETWORKS))


def way(dataset: GroundTruthDataset, precision: str, captured: bool, device: torch.device) -> Callable[..., Any]:
    """A fresh model's step."""
    torch.manual_seed(0)
    model = build(NETWORKS, parse(SPACE), dataset.image_shape).to(device)
    objective = create("beta_vae", model.space, len(dataset)).to(device)
    step = make_step(model, objective, settings().train, precision)
    return Captured(step, GraphRecorder(device)) if captured else step


def group(dataset: GroundTruthDataset, precision: str, device: torch.device) -> Captured[Any]:
    """The step of SEEDS fresh models together."""
    members, streams = [], []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        model = build(NETWORKS, parse(SPACE), dataset.image_shape).to(device)
        members.append(EagerStep(model, create("beta_vae", model.space, len(dataset)).to(device), settings().train))
        streams.append(Stream(device))
    step = GroupStep(members, streams, settings().train, precision)
    return Captured(step, GraphRecorder(device, streams))


def batches(feed: ImageBatches, batch: int, seeds: int) -> Callable[[int], torch.Tensor]:
    """Update → its images (seeds·batch, ...), drawn as in training."""
    orders = [Order(len(feed.dataset), seed) for seed in range(seeds)]

    def images(update: int) -> torch.Tensor:
        return feed(torch.cat([order.indices(update, batch) for order in orders]))

    return images


def rate(
    step: Callable[..., Any], feed: ImageBatches, batch: int, seconds: float, seeds: int = 1
) -> tuple[float, float]:
    """Updates per second over about ``seconds``, and the first model's loss after ``WARM_UP`` of them."""
    images, done, loss = batches(feed, batch, seeds), 0, float("nan")
    coefficients = [{"beta": 1.0}] * seeds
    torch.manual_seed(0)
    torch.cuda.synchronize()
    began = time.perf_counter()
    while done <= WARM_UP or time.perf_counter() - began < seconds:
        terms = step(images(done), *coefficients)
        done += 1
        if done == WARM_UP:
            loss = float((terms if seeds == 1 else terms[0]).scalars["loss"])  # waits for the device
            began = time.perf_counter()
        elif done % 100 == 0:
            torch.cuda.synchronize()  # the clock is looked at; no more than 100 updates are queued
    torch.cuda.synchronize()
    return (done - WARM_UP) / (time.perf_counter() - began), loss


def updates(dataset: GroundTruthDataset, device: torch.device, seconds: float) -> None:
    """Part 2."""
    feed = ImageBatches(dataset, device)
    print(f"\n{'2. images/s of updates':34s}{'eager':>14s}{'captured':>14s}{'ratio':>8s}{'losses apart':>14s}")
    for batch in (256, BATCH):
        for precision in PRECISIONS:
            (eager, first), (captured, second) = (
                rate(way(dataset, precision, graph, device), feed, batch, seconds) for graph in (False, True)
            )
            apart = abs(first - second) / abs(first)
            shown = f"{batch * eager:14,.0f}{batch * captured:14,.0f}{captured / eager:8.2f}{apart:14.1e}"
            print(f"   {f'{precision}, batch {batch}':31s}{shown}")


def timed(run: Callable[[], Run]) -> tuple[float, Run]:
    """Seconds from settings to a finished folder."""
    began = time.perf_counter()
    folder = run()
    return time.perf_counter() - began, folder


def seconds_per_update(folder: Run) -> float:
    """Median over the log's windows but the first, which warms up."""
    lines = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    return BATCH / statistics.median([line["images_per_second"] for line in lines][1:])


def whole_run(dataset: GroundTruthDataset, out: Path) -> None:
    """Part 1."""
    total = settings().train.total_steps(len(dataset))
    short = settings(epochs=0.0, steps=SHORT)
    seconds, folder = timed(lambda: train(short, out / "short", data=dataset, device="cuda"))
    expected = seconds + (total - SHORT) * seconds_per_update(folder)
    print(f"\n1. {EPOCHS} epochs, batch {BATCH}, {folder.meta.model.precision} (target: at most 60 s)")
    print(f"   extrapolated from {SHORT} updates: {expected:.1f} s, export and start included")
    seconds, folder = timed(lambda: train(settings(), out / "whole", data=dataset, device="cuda", time_budget=LIMIT))
    ended = folder.meta.training
    print(f"   measured: {seconds:.1f} s for {ended.steps:,} of {total:,} updates (ended by: {ended.ended_by})")


def seeds(dataset: GroundTruthDataset, device: torch.device, seconds: float) -> None:
    """Part 3."""
    feed = ImageBatches(dataset, device)
    print(f"\n3. ms per update (target: {SEEDS} seeds at most 4 times one){'one':>14s}{SEEDS:14d}{'ratio':>8s}")
    for batch in (64, 256, BATCH):
        for precision in PRECISIONS:
            one, _ = rate(way(dataset, precision, True, device), feed, batch, seconds)
            many, _ = rate(group(dataset, precision, device), feed, batch, seconds, SEEDS)
            shown = f"{1e3 / one:14.3f}{1e3 / many:14.3f}{one / many:8.2f}"
            print(f"   {f'{precision}, batch {batch}':46s}{shown}")


def encoding(dataset: GroundTruthDataset, folder: Run) -> None:
    """Part 4."""
    encoder = Encoder.load(folder.exported_file, dataset.image_shape, "cuda")
    rows = encoder.rows(dataset)
    assert rows is not None
    began, count = time.perf_counter(), len(dataset)
    for start in range(0, count, encoder.batch_size):
        rows(np.arange(start, min(start + encoder.batch_size, count)))
    seconds = time.perf_counter() - began
    print(f"\n4. encoding all {count:,} images for evaluation: {seconds:.1f} s, {count / seconds:,.0f} images/s")


def scoring(dataset: GroundTruthDataset, folder: Run, device: str) -> None:
    """Part 5."""
    encoder = Encoder.load(folder.exported_file, dataset.image_shape, device)
    (column,) = score_all(make_plan(), [from_encoder("trained", dataset, encoder)])
    seconds = {outcome.metric.name: outcome.seconds for outcome in column.results}
    parts = ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items())
    print(
        f"\n5. scoring, encoding included: {sum(seconds.values()):.1f} s ({parts}), {encoder.encoded:,} images encoded"
    )


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="per way to make an update")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("skipped: no GPU that torch can use")
        return 0
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    device = torch.device("cuda", torch.cuda.current_device())
    print(f"commit {provenance.commit()}; {provenance.machine()}; {torch.cuda.get_device_name(device)}")
    dataset = load("dsprites_full")
    assert isinstance(dataset, GroundTruthDataset)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "whole")
        return attempted(
            lambda: whole_run(dataset, Path(folder)),
            lambda: updates(dataset, device, given.seconds),
            lambda: seeds(dataset, device, given.seconds),
            lambda: encoding(dataset, run),
            lambda: scoring(dataset, run, "cuda"),
        )


def attempted(*parts: Callable[[], None]) -> int:
    """Run every part; 1 if one failed."""
    failed = 0
    for part in parts:
        try:
            part()
        except Exception:  # noqa: BLE001 - whatever it is, the other parts' figures are wanted
            traceback.print_exc(file=sys.stdout)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
