"""What penalties cost per update, value and gradient.

β-TCVAE's terms beside a table of all densities written by hand; sample and KL of products beside their factors, one by
one.
"""

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
from submission.objectives.beta_tcvae import decompose, stratified

SPACES = ("R^10", "ISA(5x4)", "T^10", "S^10")
BATCHES = (256, 2048)
SHELL = "S^{}(posterior=vmf)"
PRODUCTS = ([10] * 4, [4] * 10, [31] + [1] * 9)
"""Dimensions of Davidson et al.'s (2019) hyperspheres; batches of 64, as there."""
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


def divergence(posterior: Posterior, z: Tensor) -> Tensor:
    """The KL's mean, and something that asks for the sample's gradient."""
    return posterior.kl(z).sum(-1).mean() + z.square().mean()


def seconds(spec: str, batch: int, penalty: Callable[[Posterior, Tensor], Tensor], rounds: int = 3) -> float:
    """Median duration of value and gradient, of ``rounds`` after one that is not counted."""
    torch.manual_seed(0)
    space, durations = parse(spec), []
    parameters = torch.randn(batch, space.parameter_size, requires_grad=True)
    while len(durations) < rounds + 1 and not (durations and durations[-1] > LONG):
        start = time.perf_counter()
        posterior = space.posterior(parameters)
        penalty(posterior, posterior.rsample()).backward()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations[1:] or durations)


def main() -> int:
    """Print the tables."""
    print(f"commit {provenance.commit()}; {provenance.machine()}; {torch.get_num_threads()} threads")
    correlations()
    products()
    return 0


def correlations() -> None:
    """β-TCVAE's terms."""
    print(f"\n{'space':<12}{'batch':>6}{'ours ms':>10}{'by hand ms':>12}{'ratio':>8}")
    for batch in BATCHES:
        for spec in SPACES:
            mine = seconds(spec, batch, ours)
            hand = seconds(spec, batch, by_hand) if spec in SPACES[:2] or batch < 1000 else math.nan
            shown = f"{1e3 * hand:>12,.0f}{hand / mine:>8.1f}" if hand == hand else f"{'too large':>12}"
            print(f"{spec:<12}{batch:>6}{1e3 * mine:>10,.1f}{shown}")


def products() -> None:
    """Samples and KLs of products."""
    print(f"\n{'shells':<24}{'together ms':>12}{'one by one':>12}{'ratio':>8}")
    for dimensions in PRODUCTS:
        factors = [SHELL.format(dimension) for dimension in dimensions]
        together = seconds(" x ".join(factors), 64, divergence, rounds=50)
        alone = sum(seconds(factor, 64, divergence, rounds=50) for factor in factors)
        name = " ".join(f"S^{d} x{dimensions.count(d)}" for d in dict.fromkeys(dimensions))
        print(f"{name:<24}{1e3 * together:>12.2f}{1e3 * alone:>12.2f}{alone / together:>8.1f}")


if __name__ == "__main__":
    sys.exit(main())
