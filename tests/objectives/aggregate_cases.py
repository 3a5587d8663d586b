"""Batches whose aggregate posterior is evaluated in one way and in another."""

from __future__ import annotations

import torch

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
