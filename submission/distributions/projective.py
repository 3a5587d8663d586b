"""Brownian motion and the uniform distribution on real projective space RP^d = S^d / ±1 (Pérez Rey et al. (2020))."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import register_kl

from submission.distributions.bessel import log_sphere_area
from submission.distributions.brownian import UnitVectorBrownian
from submission.distributions.radial import one_minus_cosine
from submission.distributions.sphere import log_relative
from submission.distributions.uniform import UnitVectorUniform


class ProjectiveUniform(UnitVectorUniform):
    """The uniform distribution on RP^d; points are unit vectors (..., d + 1) up to sign, the density is 2 / Vol(S^d).

    Args:
        dim: d >= 1.
        batch_shape, dtype, device: of samples.

    Example:
        >>> round(ProjectiveUniform(3).entropy().item(), 4)  # log π²
        2.2895
    """

    @property
    def log_volume(self) -> float:
        """log Vol(S^d) - log 2."""
        return log_sphere_area(self.dim + 1) - math.log(2.0)


class ProjectiveBrownian(UnitVectorBrownian):
    """Brownian motion on RP^d at time t; ``loc`` and -``loc`` are the same centre, z and -z the same point.

    The density with respect to the Riemannian volume of RP^d (half of the sphere's) is K(r) + K(π - r), K the heat
    kernel of S^d and r the angle between ``loc`` and z. Samples are the sphere's: one representative of each point.

    Args:
        loc, time, sampler, steps, step, kl: see ``UnitVectorBrownian``.

    Example:
        >>> q = ProjectiveBrownian(torch.eye(4)[0], torch.tensor(0.1))
        >>> torch.allclose(q.log_prob(torch.eye(4)[1]), q.log_prob(-torch.eye(4)[1]))
        True
    """

    @property
    def log_volume(self) -> float:
        """log Vol(S^d) - log 2."""
        return log_sphere_area(self.dim + 1) - math.log(2.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """log density (...) at points ``value`` (..., d + 1), even in ``value``."""
        self._checked(value)
        x, time = one_minus_cosine(self.loc, value), self.time.double()
        both = [log_relative(self.tables, self.dim, time, x, opposite) for opposite in (False, True)]
        return (torch.logaddexp(*both) - math.log(2.0) - self.log_volume).to(self.loc.dtype)

    def _exact_divergence(self) -> Tensor:
        return self._from_table(self.tables.projective_kl, 2 * self.dim + 2)


@register_kl(ProjectiveBrownian, ProjectiveUniform)
def _brownian_uniform(p: ProjectiveBrownian, q: ProjectiveUniform) -> Tensor:
    return p.divergence_from_uniform()
