"""What β-TCVAE's terms cost per update, value and gradient, beside a table of all densities written by hand."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from submission import provenance
from submission.latent import parse
from submission.latent.base import Posterior
from submission.native.memory import keep_freed_memory
from submission.objectives.beta_tcvae import decompose, stratified

SPACES = ("R^10", "ISA(5x4)", "T^10", "S^10")
BATCHES = (256, 2048)
IMAGES = 737_280
LONG = 5.0
"""Seconds from which one round is enough."""


def ours(posterior: Posterior, z: Tensor) -> Tensor:
    """Mutual information and six times the total correlation."""
    information, correlation = decompose(posterior, z, stratified(len(z), IMAGES))
    return information + 6 * correlation


def by_hand(posterior: Posterior, z: Tensor) -> Tensor:
    """The same from one table (n, n, C), with equal weights."""
    level = math.log(len(z) * IMAGES)
    table = posterior.log_prob(z[:, None])
    joint = torch.logsumexp(table.sum(-1), 1) - level
    marginals = (torch.logsumexp(table, 1) - level).sum(-1)
    return (posterior.log_prob(z).sum(-1) - joint + 6 * (joint - marginals)).mean()


def seconds(spec: str, batch: int, penalty: Callable[[Posterior, Tensor], Tensor]) -> float:
    """Median duration of value and gradient, of three after one that is not counted."""
    torch.manual_seed(0)
    space, durations = parse(spec), []
    parameters = torch.randn(batch, space.parameter_size, requires_grad=True)
    while len(durations) < 4 and not (durations and durations[-1] > LONG):
        start = time.perf_counter()
        posterior = space.posterior(parameters)
        penalty(posterior, posterior.rsample()).backward()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations[1:] or durations)


def main() -> int:
    """Print the table."""
    keep_freed_memory()
    print(f"commit {provenance.commit()}; {provenance.machine()}; {torch.get_num_threads()} threads")
    print(f"\n{'space':<12}{'batch':>6}{'ours ms':>10}{'by hand ms':>12}{'ratio':>8}")
    for batch in BATCHES:
        for spec in SPACES:
            mine = seconds(spec, batch, ours)
            hand = seconds(spec, batch, by_hand) if spec in SPACES[:2] or batch < 1000 else math.nan
            shown = f"{1e3 * hand:>12,.0f}{hand / mine:>8.1f}" if hand == hand else f"{'too large':>12}"
            print(f"{spec:<12}{batch:>6}{1e3 * mine:>10,.1f}{shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
