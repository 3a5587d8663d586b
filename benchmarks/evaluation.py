"""Evaluation beside the real disentanglement_lib: seconds, ratios and differences, everything measured in this run.

Part 1 scores one table of codes on dSprites' grid with both programs, at the challenge's settings. Part 2 compares what
encoders cost: images that have to be encoded, and microseconds for each. ``--full`` leaves nothing reduced (the
real DCI alone takes five minutes and more) and adds part 3, whole evaluations from images with their peak memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from submission import provenance, reference
from submission.data import GroundTruthDataset, load
from submission.device import multiplies_bfloat16
from submission.evaluation.encoding.encoder import Encoder, Precision
from submission.evaluation.representation import ScoredRepresentation, from_rows, require_reference
from submission.export.representation import PARTS, without_last_layer
from submission.export.torchscript import traced
from submission.metrics.registry import metric
from submission.metrics.sampling import GridSampler, IndexSource, MemoTable, true_factors
from submission.models.networks import networks
from submission.progress import QUIET

DEFAULT = ("mig", "factor_vae", "dci", "sap", "irs")
OTHERS = ("beta_vae", "modularity", "unsupervised")
WIDTH = 10
REDUCED = {"dci": {"num_train": 1000, "num_test": 500}}
Codes = npt.NDArray[np.float32]


def codes_subject(dataset: GroundTruthDataset) -> ScoredRepresentation:
    """A middling representation: the factors mixed, squashed and noisy."""
    rng = np.random.RandomState(0)
    truth = true_factors(dataset)(np.arange(len(dataset)))
    table = np.tanh(truth @ rng.randn(dataset.num_factors, WIDTH)) + 0.05 * rng.randn(len(dataset), WIDTH)
    table = table.astype(np.float32)
    return from_rows("table", dataset, lambda cells: table[cells])


def timed(call: Callable[[], dict[str, float]]) -> tuple[float, dict[str, float]]:
    """Seconds and result."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def from_table(subject: ScoredRepresentation, full: bool) -> None:
    """Part 1."""
    print(f"\n{'from a table of codes':<24}{'ours s':>10}{'theirs s':>10}{'ratio':>8}{'largest difference':>22}")
    totals = np.zeros(2)
    given = require_reference(subject)
    for name in DEFAULT + OTHERS:
        chosen = metric(name)
        settings = dataclasses.replace(chosen.settings, **({} if full else REDUCED.get(name, {})))
        named = {key: value for key, value in dataclasses.asdict(settings).items() if key in REFERENCE_SETTINGS}
        ours, mine = timed(lambda c=chosen, s=settings: c.score(subject.sampler(0, QUIET), s).values)
        theirs, real = timed(lambda n=name, a=named: reference.score(n, given.dataset, given.encode, a, 0))
        gap = max(abs(mine[key] - float(real[key])) for key in set(real) & set(mine) - {"num_active_dims"})
        note = " (reduced: 1,000 training points)" if name in REDUCED and not full else ""
        print(f"{name + note:<24}{ours:>10.2f}{theirs:>10.2f}{theirs / ours:>8.1f}{gap:>22.1e}")
        totals += (ours, theirs) if name in DEFAULT else 0
    print(f"{'the default five':<24}{totals[0]:>10.2f}{totals[1]:>10.2f}{totals[1] / totals[0]:>8.1f}")


REFERENCE_SETTINGS = {
    *("num_train", "num_test", "num_eval", "num_variance_estimate", "batch_size", "num_bins", "diff_quantile"),
    *("prune_threshold", "continuous_factors"),
}


def export(network: str, path: Path) -> Path:
    """The encoder of ``network`` before training, with outputs of a trained one's size."""
    body, last = without_last_layer(networks(network).encoder((64, 64, 1), WIDTH).requires_grad_(False))
    last.weight.mul_(100)
    path.write_bytes(traced(nn.Sequential(OrderedDict(zip(PARTS, (body, last), strict=True))), (1, 64, 64)))
    return path


def kit_encoder(path: Path) -> Callable[[npt.NDArray[np.float32]], Codes]:
    """The starter kit's way from images to codes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(str(path)).cpu()

    def encode(images: npt.NDArray[np.float32]) -> Codes:
        with torch.no_grad():
            return module(torch.from_numpy(np.moveaxis(images, 3, 1)).float()).numpy()

    return encode


def microseconds(encode: Callable[[npt.NDArray[np.float32]], Codes], images: npt.NDArray, size: int) -> float:
    """Time per image in batches of ``size``."""
    started = time.perf_counter()
    for start in range(0, len(images), size):
        encode(images[start : start + size])
    return 1e6 * (time.perf_counter() - started) / len(images)


def distinct_images(dataset: GroundTruthDataset) -> int:
    """How many images our protocol encodes for the default five."""
    table = MemoTable(len(dataset), lambda cells: np.zeros((len(cells), 1), np.float32))
    source = IndexSource(dataset, table)
    for name in DEFAULT:
        settings = metric(name).settings
        sampler = GridSampler(source, 0)
        if name == "factor_vae":
            metric(name).score(sampler, settings)
        else:
            sampler.points(settings.num_train + getattr(settings, "num_test", 0))
    return table.encoded


def precisions() -> tuple[Precision, ...]:
    """float32, and bf16 where the processor has units for it; elsewhere it is many times slower."""
    return ("float32", "bf16") if multiplies_bfloat16("cpu") else ("float32",)


def encoding(name: str, dataset: GroundTruthDataset, path: Path, rounds: int) -> None:
    """Part 2, one network. The kit's way has the allocator's setting that ours makes, too."""
    images = dataset.observations(np.sort(np.random.RandomState(0).randint(0, len(dataset), 4096)))
    kit = kit_encoder(path)
    ours = {p: Encoder.load(path, dataset.image_shape, precision=p) for p in precisions()}
    times: dict[str, list[float]] = {"16": [], "64": [], **{precision: [] for precision in ours}}
    for _ in range(rounds):
        for size in ("16", "64"):
            times[size].append(microseconds(kit, images, int(size)))
        for precision, encoder in ours.items():
            times[precision].append(microseconds(encoder, images, encoder.batch_size))
    typical = {key: float(np.median(values)) for key, values in times.items()}
    votes = metric("factor_vae").settings
    grouped = votes.num_variance_estimate + votes.batch_size * (votes.num_train + votes.num_eval)
    theirs = 1e-6 * (50_000 * typical["16"] + grouped * typical["64"])
    count = distinct_images(dataset)
    print(f"\n{name:<32}{'images':>12}{'us each':>10}{'seconds':>10}{'ratio':>8}   (medians of {rounds} rounds)")
    print(
        f"{'theirs, batches of 16 and 64':<32}{50_000 + grouped:>12,}{typical['64']:>10.1f}{theirs:>10.1f}{1.0:>8.1f}"
    )
    for precision, encoder in ours.items():
        seconds, title = 1e-6 * count * typical[precision], f"ours, {precision}, batches of {encoder.batch_size}"
        print(f"{title:<32}{count:>12,}{typical[precision]:>10.1f}{seconds:>10.1f}{theirs / seconds:>8.1f}")


def whole(path: Path) -> None:
    """Part 3."""
    found = {}
    for precision in precisions():
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            options = ["--data", "dsprites_full", "--no-baselines", "--precision", precision, "--json", file.name]
            started = time.perf_counter()
            subprocess.run([sys.executable, "evaluate.py", str(path), *options], check=True, capture_output=True)
            seconds = time.perf_counter() - started
            (column,) = json.loads(Path(file.name).read_text())["columns"].values()
            found[precision] = {f"{m} {k}": v for m, s in column["scores"].items() for k, v in s["values"].items()}
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"evaluate.py, {precision}: {seconds:.1f} s, largest peak memory so far {peak:,.0f} MB")
    for key, value in found["float32"].items():
        rounded = found.get("bf16", {}).get(key, float("nan"))
        print(f"{key:<40}{value:>10.4f}{rounded:>10.4f}{rounded - value:>+10.4f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="nothing reduced, and whole evaluations")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of part 2")
    parser.add_argument("--only", choices=("table", "encoder", "whole"), help="one part alone")
    parser.add_argument("--model", type=Path, help="TorchScript file for parts 2 and 3, instead of untrained encoders")
    arguments = parser.parse_args()
    where = f"{provenance.machine()}; commit {provenance.commit()}"
    print(f"{where}; {torch.get_num_threads()} threads; load before {os.getloadavg()[0]:.1f}")
    dataset = load("dsprites_full")
    assert isinstance(dataset, GroundTruthDataset)
    parts = [arguments.only] if arguments.only else ["table", "encoder", *(["whole"] if arguments.full else [])]
    if "table" in parts and not reference.installed():
        print(f"disentanglement_lib is not installed, part 1 is left out ({reference.INSTALL})")
    elif "table" in parts:
        from_table(codes_subject(dataset), arguments.full)
    with tempfile.TemporaryDirectory() as folder:
        files = {name: export(name, Path(folder) / f"{name}.pt") for name in ("conv", "mlp")}
        if arguments.model:
            files = {str(arguments.model): arguments.model}
        for name, path in files.items():
            if "encoder" in parts:
                encoding(name, dataset, path, arguments.rounds)
            if "whole" in parts:
                whole(path)


if __name__ == "__main__":
    main()
