"""The L^p-nested distribution of independent subspace analysis (Stühmer et al. (2020))."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, Gamma, constraints

from submission.distributions.derivatives import differentiated, once_differentiable_where
from submission.distributions.manifold_distribution import broadcast_shape, short

FLOOR = 1e-18
"""Least Σ|z_i|^p that powers are taken of: their derivatives then fit into float32 for all exponents from 0.5 to 4."""


CUSP = "independent subspaces have no second derivative here: a coordinate is 0 whose exponent, or p0, is not smooth"


class IndependentSubspaces(Distribution):
    """K independent subspaces of R^n, L^p-spherical each (Stühmer et al. (2020), eq. 7 to 11).

    With v_k = (Σ_i |z_i|^{p_k})^{1/p_k} over the n_k coordinates of subspace k,

        log p(z) = Σ_k [log p0 − logΓ(n_k/p0) − (n_k/p0)·log s − v_k^{p0}/s − log S_k(1)],
        log S_k(1) = n_k·log(2Γ(1/p_k)) − (n_k − 1)·log p_k − logΓ(n_k/p_k),

    which is the paper's ψ(v_0)/(v_0^{n−1}·S(1)) with its radial density (11), written as the product it is. All
    exponents 2 and s = 1: N(0, ½I). Density with respect to Lebesgue measure; gradients in z and in the exponents are
    finite everywhere in float32, at 0 too (where those in z are 0), for exponents from 0.5 to 4. Second derivatives in
    z raise at points that have none.

    Args:
        sizes: n_k, coordinates of each subspace, in column order.
        exponents: p_k > 0 (K,) or one for all; a tensor may require a gradient.
        root_exponent: p0 > 0.
        scale: s > 0; z has s^{1/p0} for unit.

    Example:
        >>> p = IndependentSubspaces([2, 2], 2.0, 2.0)
        >>> round(p.log_prob(torch.zeros(4)).item(), 4)  # −2·log π
        -2.2895
    """

    arg_constraints: ClassVar = {"exponents": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = False

    def __init__(
        self,
        sizes: Sequence[int],
        exponents: Tensor | float,
        root_exponent: float,
        scale: float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise ValueError(f"sizes are {list(sizes)}: give at least one subspace, each of at least one coordinate")
        if root_exponent <= 0 or scale <= 0:
            raise ValueError(f"root exponent {root_exponent} and scale {scale} must be positive")
        self.sizes, self.root_exponent, self.scale = tuple(sizes), float(root_exponent), float(scale)
        self.exponents = torch.as_tensor(exponents).expand(len(self.sizes))
        self.subspace, counts = subspaces(self.sizes, self.exponents.device)
        self._counts = counts.to(self.exponents.dtype)
        super().__init__(torch.Size(), torch.Size([sum(self.sizes)]), validate_args=validate_args)

    def __repr__(self) -> str:
        sizes = "+".join(map(str, self.sizes))
        return f"IndependentSubspaces(sizes={sizes}, exponents: {short(self.exponents)}, p0={self.root_exponent:g})"

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distribution with independent copies of shape ``batch_shape``."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        new.__dict__.update(self.__dict__)
        Distribution.__init__(new, torch.Size(batch_shape), self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        """0 (..., n)."""
        return self.exponents.new_zeros(self._extended_shape())

    @property
    def mode(self) -> Tensor:
        """0 (..., n)."""
        return self.mean

    def entropy(self) -> Tensor:
        """Differential entropy (...): v_k^{p0}/s is Gamma(n_k/p0) distributed."""
        entropy = (self._counts / self.root_exponent - self._constants()).sum()
        return entropy.expand(self.batch_shape)

    @property
    def variance(self) -> Tensor:
        """E z² (..., n): E v² of the subspace times E of a Dirichlet share to the power 2/p."""
        p, count, root = self.exponents, self._counts, self.root_exponent
        radius = 2 / root * math.log(self.scale) + torch.lgamma((count + 2) / root) - torch.lgamma(count / root)
        share = torch.lgamma(3 / p) + torch.lgamma(count / p) - torch.lgamma(1 / p) - torch.lgamma((count + 2) / p)
        return torch.exp(radius + share)[self.subspace].expand(self._extended_shape())

    def sample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        """Exact samples (*sample_shape, ..., n) by Stühmer et al.'s (2020) Algorithm 1.

        v_0 from its radial distribution, Dirichlet shares of v_0^{p0} at the root and of v_k^{p_k} at each node, random
        signs.
        """
        shape = torch.Size(sample_shape) + self.batch_shape
        with torch.no_grad():
            counts, exponents = self._counts, self.exponents
            radius = gamma(counts.sum() / self.root_exponent, shape)[..., None] * self.scale
            radii = radius * shares(gamma(counts / self.root_exponent, (*shape, len(self.sizes))))
            leaves = gamma((1 / exponents)[self.subspace], shape + self.event_shape)
            parts = leaves / self._sums(leaves)[..., self.subspace]
            lengths = radii ** (1 / self.root_exponent)
            magnitudes = lengths[..., self.subspace] * parts ** (1 / exponents)[self.subspace]
            return torch.where(torch.rand_like(magnitudes) < 0.5, -magnitudes, magnitudes)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) (...) of ``value`` (..., n)."""
        if self._validate_args:
            self._validate_sample(value)
        density = self.subspace_log_prob(value).sum(-1)
        return density.expand(broadcast_shape(density.shape, self.batch_shape))

    def subspace_log_prob(self, value: Tensor) -> Tensor:
        """log p of each subspace's own coordinates (..., K); the subspaces are independent."""
        return self._constants() - self._sums(self._powers(value)[1]) / self.scale

    def coordinate_log_prob(self, value: Tensor) -> Tensor:
        """``log_prob`` split over coordinates (..., n).

        Each v_k^{p0} is handed out in the proportions |z_i|^{p_k}, constants in equal parts. The sum is exact; each
        part is its coordinate's own log-density where p_k = p0, the case in which coordinates are independent.
        """
        constants = (self._constants() / self._counts)[self.subspace]
        return constants - self._powers(value)[1] / self.scale

    def _powers(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Σ_i |z_i|^{p_k} per subspace (..., K), and the share of every coordinate in v_k^{p0} (..., n)."""
        magnitudes = value.abs().clamp_min(torch.finfo(value.dtype).tiny)  # 0^(p − 1) is infinite for p < 1
        powers = magnitudes.pow(self.exponents[self.subspace])
        if differentiated(value):
            powers = self._with_curvature(value, powers)
        sums = self._sums(powers).clamp_min(FLOOR)
        quotient = sums.pow(self.root_exponent / self.exponents - 1)
        return sums, powers * quotient[..., self.subspace]

    def _with_curvature(self, value: Tensor, powers: Tensor) -> Tensor:
        """``powers`` with the second derivatives in ``value`` that its clamp loses at 0, or an error where none exist.

        Args:
            value, powers: (..., n).
        """
        empty = (self._sums(powers.detach()) <= FLOOR)[..., self.subspace]
        exponents, root = self.exponents[self.subspace], self.root_exponent
        zero = value == 0
        squares = exponents == 2
        curved = zero & squares & (~empty | (root == 2))
        cusp = zero & torch.where(empty, ~squares if root == 2 else torch.full_like(squares, root < 2), exponents < 2)
        return once_differentiable_where(powers + torch.where(curved, value.square(), 0.0), cusp, CUSP, value)

    def _sums(self, values: Tensor) -> Tensor:
        """Columns (..., n) added up per subspace (..., K)."""
        zeros = values.new_zeros(*values.shape[:-1], len(self.sizes))
        return zeros.index_add(-1, self.subspace, values)

    def _constants(self) -> Tensor:
        """Log-normaliser of each subspace (K,)."""
        p, count, root = self.exponents, self._counts, self.root_exponent
        surface = count * (math.log(2) + torch.lgamma(1 / p)) - (count - 1) * torch.log(p) - torch.lgamma(count / p)
        return math.log(root) - torch.lgamma(count / root) - count / root * math.log(self.scale) - surface


@cache
@torch.inference_mode(False)  # what is kept may take part in gradients later
def subspaces(sizes: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """The subspace of every coordinate (n,), and the coordinates of every subspace (K,), on a device."""
    counts = torch.tensor(sizes, device=device)
    return torch.repeat_interleave(torch.arange(len(sizes), device=device), counts, output_size=sum(sizes)), counts


def gamma(shape_parameter: Tensor, shape: Sequence[int]) -> Tensor:
    """Gamma(shape_parameter, 1) samples of a shape that the parameter broadcasts to."""
    concentration = shape_parameter.expand(torch.Size(shape))
    return Gamma(concentration, torch.ones_like(concentration), validate_args=False).sample()


def shares(values: Tensor) -> Tensor:
    """Values divided by their sum over the last axis: Dirichlet from gamma variables."""
    return values / values.sum(-1, keepdim=True)
