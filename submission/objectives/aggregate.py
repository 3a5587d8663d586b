"""The aggregate posterior q(z) of a batch, jointly and component by component."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from submission.acceleration import replaceable
from submission.latent.base import Posterior

TABLE_ENTRIES = {"cpu": 2**20, "cuda": 2**26}
"""Densities q(z_i|x_j) per component held at once: little of the memory of either.

Larger tables are made, and made again for gradients, in slabs.
"""


@replaceable
def aggregate_log_prob(posterior: Posterior, z: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """log q(z_i) (m,) and log q(z_i) of each component (m, C), both as log Σ_j weight_ij·q(z_i|x_j).

    Computed from tables of log q(z_i|x_j), one slab of rows at a time.

    Args:
        posterior: q(z|x) of n images.
        z: samples (m, ambient_size).
        log_weights: (m, n).
    """

    def slab(rows: Tensor, row_weights: Tensor) -> tuple[Tensor, Tensor]:
        table = posterior.log_prob(rows[:, None])
        joint = torch.logsumexp(table.sum(-1) + row_weights, 1)
        return joint, torch.logsumexp(table + row_weights[..., None], 1)

    count, components = log_weights.shape[1], posterior.log_prob(z[:1]).shape[-1]
    height = max(1, TABLE_ENTRIES[z.device.type] // (count * components))
    if height >= len(z):
        return slab(z, log_weights)
    slabs = [
        checkpoint(slab, rows, weights, use_reentrant=False, preserve_rng_state=False)
        for rows, weights in zip(z.split(height), log_weights.split(height), strict=True)
    ]
    return torch.cat([joint for joint, _ in slabs]), torch.cat([marginals for _, marginals in slabs])
