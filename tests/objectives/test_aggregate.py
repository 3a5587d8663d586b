"""log q(z) of a batch, computed in slabs of rows."""

from __future__ import annotations

import pytest
import torch

from submission import acceleration
from submission.latent import parse
from submission.objectives import aggregate, beta_tcvae


def evaluate(spec, parameters, z, log_weights, outer):
    """Joint, marginals, and the gradient of a weighted sum of both in parameters and samples."""
    parameters, z = parameters.detach().requires_grad_(), z.detach().requires_grad_()
    space = parse(spec).to(z.dtype)
    joint, marginals = aggregate.aggregate_log_prob(space.posterior(parameters), z, log_weights)
    loss = (outer[0] * joint).sum() + (outer[1] * marginals).sum()
    return [joint.detach(), marginals.detach(), *torch.autograd.grad(loss, (parameters, z))]


def problem(spec, images=37, samples=None, spread=1.0):
    """Encoder output, samples, weights and derivatives of a loss, whose sizes are no multiples of a vector."""
    space = parse(spec)
    parameters = spread * torch.randn(images, space.parameter_size)
    z = space.posterior(parameters).rsample().detach()
    log_weights = beta_tcvae.stratified(images, 1000)
    if samples is not None:
        z, log_weights = z[:samples], log_weights[:samples]
    outer = torch.randn(len(z)), torch.randn(len(z), len(space.components))
    return parameters, z, log_weights, outer


@pytest.mark.parametrize("spec", ["R^3", "S^2 x R^1", "T^2"])
def test_slabs_change_neither_value_nor_gradient(spec, monkeypatch):
    monkeypatch.setattr(acceleration, "accelerators", dict)
    given = problem(spec, images=10)
    whole = evaluate(spec, *given)
    monkeypatch.setitem(aggregate.TABLE_ENTRIES, "cpu", 60)
    for slab, reference in zip(evaluate(spec, *given), whole, strict=True):
        torch.testing.assert_close(slab, reference)
