"""Means and covariances of posteriors, in coordinates in which the prior's covariance is the identity.

Each ambient coordinate of a point is divided by its standard deviation under the prior: 1 on R^n, 1/√(d + 1) on S^d
(whose uniform distribution has covariance I/(d + 1)), and that of the L^p-nested prior on ISA spaces.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Normal

from submission.distributions.power_spherical import PowerSpherical
from submission.distributions.sphere import SphereBrownian
from submission.distributions.von_mises_fisher import VonMisesFisher
from submission.latent.base import Posterior
from submission.latent.components import ComponentPosterior
from submission.latent.isa import SubspacePosterior
from submission.latent.product import ProductPosterior


class Moments(NamedTuple):
    """Moments of the posteriors of n images over A ambient coordinates.

    Attributes:
        mean: E[z|x] of each image (n, A).
        covariance: Cov[z|x], averaged over the images (A, A).
    """

    mean: Tensor
    covariance: Tensor


@singledispatch
def moments(posterior: Posterior) -> Moments | None:
    """Moments of ``posterior`` in closed form; None where they, or the prior's covariance, are not known."""
    return None


@moments.register
def _component_moments(posterior: ComponentPosterior) -> Moments | None:
    """Independent components of one distribution."""
    q = posterior.distribution
    if isinstance(q, Normal):
        return Moments(q.loc, torch.diag(q.scale.square().mean(0)))
    found = axial_moments(q)
    if found is None:
        return None
    first, second = (moment[..., None] for moment in found)
    loc: Tensor = q.loc  # type: ignore[attr-defined]
    size = loc.shape[-1]
    across, along = (1 - second) / (size - 1), second - first.square()
    turned = torch.einsum("nci,ncj->cij", (along - across) * loc, loc) / len(loc)
    blocks = turned + across.mean(0)[..., None] * torch.eye(size, dtype=loc.dtype, device=loc.device)
    return Moments((math.sqrt(size) * first * loc).flatten(-2), size * torch.block_diag(*blocks))


def axial_moments(q: object) -> tuple[Tensor, Tensor] | None:
    """E w and E w² of w = cos of the angle to the centre, for distributions around a centre on a sphere.

    Brownian motion: the harmonics of degree 1 and 2 decay as exp(−d·t/2) and exp(−(d + 1)·t). Von Mises–Fisher:
    E w² = 1 − d·A/κ with A = E w. Power spherical: (1 + w)/2 is Beta(d/2 + κ, d/2).
    """
    if isinstance(q, SphereBrownian):
        return torch.exp(-q.dim * q.time / 2), (1 + q.dim * torch.exp(-(q.dim + 1) * q.time)) / (q.dim + 1)
    if isinstance(q, VonMisesFisher):
        length, kappa = q.mean_length, q.concentration.double()
        return length.to(q.loc.dtype), (1 - (q.m - 1) * length / kappa).to(q.loc.dtype)
    if isinstance(q, PowerSpherical):
        length, kappa, d = q.mean_length, q.concentration.double(), q.m - 1
        variance = (2 * kappa + d) * d / ((kappa + d).square() * (kappa + d + 1))
        return length.to(q.loc.dtype), (variance + length.square()).to(q.loc.dtype)
    return None


@moments.register
def _subspace_moments(posterior: SubspacePosterior) -> Moments:
    """A diagonal Gaussian; learned exponents of the prior get no gradient from here."""
    q, scale = posterior.distribution, posterior.space.prior.variance.detach().sqrt().to(posterior.distribution.loc)
    return Moments(q.loc / scale, torch.diag((q.scale / scale).square().mean(0)))


@moments.register
def _product_moments(posterior: ProductPosterior) -> Moments | None:
    """The factors side by side, if the moments of all of them are known."""
    parts = [moments(part) for part in posterior.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return Moments(torch.cat([part.mean for part in known], -1), torch.block_diag(*(part.covariance for part in known)))
