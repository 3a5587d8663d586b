"""What an MLP gains by its kernel for sparse images: updates and first layers, with and without.

Both take turns in one process on one thread; medians are shown.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from submission import data, provenance
from submission.configuration.settings import TrainSettings
from submission.data.batches import ImageBatches
from submission.latent import parse
from submission.models import sparse
from submission.models.plain import plain
from submission.models.sparse import SparseInputLinear, has_kernel
from submission.models.vae import build
from submission.native.memory import keep_freed_memory
from submission.native.sparse import entries, multiply
from submission.objectives import TrainingPosition, create
from submission.training.step import EagerStep

UPDATES = {("mlp", 256): 40, ("mlp", 2048): 9, ("mlp_small", 256): 100, ("mlp_small", 64): 200}
LAYERS = {
    (256, 4096, 1200): 15,
    (2048, 4096, 1200): 5,
    (64, 4096, 1200): 30,
    (64, 4096, 256): 100,
    (256, 784, 256): 100,
}
DENSITIES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)


def milliseconds(functions: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median duration of each function, called in turn, after one call that is not counted."""
    durations: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds + 1):
        for function, own in zip(functions, durations, strict=True):
            start = time.perf_counter()
            function()
            own.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(own[1:]) for own in durations]


def update(networks: str, batch_size: int, ordinary: bool) -> Callable[[], object]:
    """An update of a β-VAE on one batch of dSprites, with PyTorch's own layers or ours."""
    dataset = data.load("dsprites_full")
    torch.manual_seed(0)
    model = build(networks, parse("R^10"), dataset.image_shape)
    if ordinary:
        model.encoder = nn.Sequential(*map(plain, model.encoder.children()))
    objective = create("beta_vae", model.space, len(dataset))
    step, coefficients = (
        EagerStep(model, objective, TrainSettings(steps=1)),
        objective.coefficients(TrainingPosition(0, 1)),
    )
    images = ImageBatches(dataset, torch.device("cpu"))(torch.randint(len(dataset), (batch_size,)))
    return lambda: step(images, coefficients)


def pass_through(layer: nn.Linear, batch_size: int, density: float) -> Callable[[], object]:
    """Values and gradients of one layer for images whose lit pixels lie anywhere."""
    images = (torch.rand(batch_size, layer.in_features) < density).float()
    outer = torch.randn(batch_size, layer.out_features)

    def both() -> None:
        layer.zero_grad()
        layer(images).backward(outer)

    return both


def show_outputs(count: int = 4096, width: int = 1200) -> None:
    """Print what outputs of dSprites' images cost and how exact they are, from lit pixels and from changes."""
    dataset = data.load("dsprites_full")
    images = torch.from_numpy(dataset.observations(torch.randint(len(dataset), (count,)).numpy())).flatten(1)
    weight = torch.randn(images.shape[1], width)
    exact, found = images.double() @ weight.double(), torch.empty(count, width)
    print("from           entries   list us   add us   largest error")
    for name, changes in (("lit pixels", False), ("changes", True)):
        listed = entries(images, 1.0, changes)
        assert listed is not None
        tasks = [
            lambda c=changes: entries(images, 1.0, c),
            lambda e=listed, c=changes: multiply(e, weight, found, None, c),
        ]
        spent = [1e3 * each / count for each in milliseconds(tasks, 9)]
        error = float((found - exact).abs().max())
        print(f"{name:14s} {len(listed.values) / count:7.0f} {spent[0]:9.1f} {spent[1]:8.1f} {error:15.1e}")
    print(f"{'nn.Linear':42s} {float((images @ weight - exact).abs().max()):15.1e}")


def main() -> int:
    """Print the tables."""
    print(f"commit {provenance.commit()}; {provenance.machine()}, one thread")
    torch.set_num_threads(1)
    keep_freed_memory()
    if not has_kernel(torch.empty(0)):
        print("skipped: the C kernel was not built")
        return 0
    print("\nwhole updates of a β-VAE on dSprites\nnetworks    batch  ordinary ms     kernel ms   ratio")
    for (networks, batch_size), rounds in UPDATES.items():
        dense, ours = milliseconds([update(networks, batch_size, ordinary) for ordinary in (True, False)], rounds)
        print(f"{networks:10s} {batch_size:6d} {dense:12.1f} {ours:13.1f} {dense / ours:7.2f}", flush=True)
    print("\noutputs alone of 4,096 images, 1,200 of them, per image")
    show_outputs()
    print("\nfirst layer, value and gradient: ordinary / kernel by share of lit pixels (twice as many changes)")
    print(f"images, inputs, outputs {''.join(f'{density:7.2f}' for density in DENSITIES)}")
    sparse.MOST[torch.float32] = 1.0
    for (batch_size, inputs, outputs), rounds in LAYERS.items():
        layers, ratios = (nn.Linear(inputs, outputs), SparseInputLinear(inputs, outputs)), []
        for density in DENSITIES:
            dense, ours = milliseconds([pass_through(layer, batch_size, density) for layer in layers], rounds)
            ratios.append(f"{dense / ours:7.2f}")
        print(f"{f'{batch_size}, {inputs}, {outputs}':24s}{''.join(ratios)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
