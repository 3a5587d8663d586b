"""R^n with the ISA prior of Stühmer et al. (2020) and a diagonal Gaussian posterior."""

from __future__ import annotations

import math
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from submission.distributions import IndependentSubspaces
from submission.latent.base import Block, Component, Posterior
from submission.latent.components import DeviceAwareSpace, bounded, positive
from submission.latent.estimators import NormalCoordinates, normal_coordinates
from submission.latent.euclidean import MODES, drawn, gaussian, walk_line
from submission.latent.spec import FactorSpec, Token, describe

DEFAULTS: dict[str, object] = {"p0": 2.1, "p": 2.2, "learn": False, "components": "coordinates"}
LEARNED, FIXED = (1.0, 3.0), (0.5, 4.0)
"""Learned exponents stay where densities and gradients are smooth enough, given ones where |z|^p fits into float32."""


class SubspacePosterior(Posterior):
    """Diagonal Gaussian whose KL to the ISA prior is estimated at the sample (Stühmer et al. (2020), eq. 12).

    Args:
        distribution: q(z|x), batch shape (n, coordinates).
        space: the space it belongs to.
    """

    def __init__(self, distribution: Normal, space: IsaSpace) -> None:
        self.distribution, self.space = distribution, space

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Tensor:
        """Samples (*sample_shape, n, coordinates)."""
        return self.distribution.rsample(torch.Size(sample_shape))

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) per component (..., C)."""
        return self.space.gather(self.distribution.log_prob(z))

    def kl(self, z: Tensor) -> Tensor:
        """log q(z|x) − log p(z) per component (n, C): unbiased, no closed form exists."""
        return self.log_prob(z) - self.space.prior_log_prob(z)

    def statistics(self) -> dict[str, Tensor]:
        """Mean posterior scale, and the prior's exponent, per component."""
        scales = self.space.gather(self.distribution.scale.detach().mean(0))
        sizes = scales.new_tensor([part.stop - part.start for part in self.space.components])
        exponents = self.space.coordinate_exponents().detach().to(scales)
        return {"scale": scales / sizes, "exponent": self.space.gather(exponents) / sizes}


@normal_coordinates.register
def _subspace_coordinates(posterior: SubspacePosterior, z: Tensor) -> NormalCoordinates:
    """Coordinates of R^n; one component is one of them, or a subspace of several."""
    sizes = tuple(part.stop - part.start for part in posterior.space.components)
    q = posterior.distribution
    return NormalCoordinates(z, q.loc, q.scale, sizes, (False,) * z.shape[-1])


class IsaSpace(DeviceAwareSpace):
    """R^n = R^{n_1} × … × R^{n_K} with an L^p-nested prior that is independent between subspaces, not within.

    Components are coordinates by default, as for the total correlation of Stühmer et al.; log p is then split as
    ``IndependentSubspaces.coordinate_log_prob`` says. With ``components=subspaces`` they are the subspaces, whose
    log-densities are exact: total correlation then leaves alone the dependence inside a subspace that the prior allows.
    Export blocks are subspaces either way.

    Args:
        sizes: n_k.
        root_exponent, exponent: p0, and p of every subspace (its initial value where learned).
        learn: whether the exponents p_k are learned, one per subspace, between 1 and 3.
        components: ``coordinates`` or ``subspaces``.
    """

    def __init__(
        self, sizes: tuple[int, ...], root_exponent: float, exponent: float, learn: bool, components: str
    ) -> None:
        super().__init__()
        options: dict[str, object] = {"p0": root_exponent, "p": exponent, "learn": learn, "components": components}
        given = describe("", options, dict.fromkeys(DEFAULTS) | {"learn": False, "components": "coordinates"})
        self.spec = f"ISA({layout(sizes)}; {given[1:-1]})"
        self.sizes, self.root_exponent, self.exponent = sizes, root_exponent, exponent
        self.raw_exponents = nn.Parameter(torch.zeros(len(sizes)), requires_grad=learn) if learn else None
        self.by_subspace = components == "subspaces"
        size = sum(sizes)
        self.parameter_size, self.ambient_size, self.decoder_size = 2 * size, size, size
        self.components = tuple(
            Component(part.name, part.start, part.stop, "line")
            for part in (self.blocks("mean") if self.by_subspace else coordinates(size))
        )
        self.export_modes = MODES
        variance = IndependentSubspaces(sizes, exponent, root_exponent).variance.mean()
        self._unit = 1 / math.sqrt(float(variance))

    @property
    def prior(self) -> IndependentSubspaces:
        """The ISA distribution with the current exponents."""
        if self.raw_exponents is None:
            exponents = self.reference + self.exponent
        else:
            exponents = positive(self.raw_exponents, *LEARNED, self.exponent)
        return IndependentSubspaces(self.sizes, exponents, self.root_exponent, validate_args=False)

    def coordinate_exponents(self) -> Tensor:
        """p_k of the subspace of each coordinate (n,)."""
        prior = self.prior
        return prior.exponents[prior.subspace]

    def gather(self, values: Tensor) -> Tensor:
        """Sums of columns (..., n) per component (..., C)."""
        if not self.by_subspace:
            return values
        return torch.stack([part.sum(-1) for part in values.split(list(self.sizes), -1)], -1)

    def posterior(self, parameters: Tensor) -> Posterior:
        """Diagonal Gaussian."""
        return SubspacePosterior(gaussian(parameters), self)

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """log p(z) per component (..., C); sums to the exact log-density."""
        return self.prior.subspace_log_prob(z) if self.by_subspace else self.prior.coordinate_log_prob(z)

    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        """Exact samples (*shape, n)."""
        return self.prior.sample(torch.Size(shape))

    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        """Posterior means, scaled in mode ``mean_scaled``, or one sample."""
        if mode == "sample":
            return drawn(parameters)
        return self.scale(mode) * bounded(parameters[..., : self.ambient_size])

    def blocks(self, mode: str) -> tuple[Block, ...]:
        """One block per subspace."""
        stops = accumulate(self.sizes)
        return tuple(
            Block(f"ISA[{index}]", stop - size, stop, "line")
            for index, (size, stop) in enumerate(zip(self.sizes, stops, strict=True))
        )

    def scale(self, mode: str) -> float:
        """1/√(mean prior variance) at the initial exponents (√2 for exponents 2) for ``mean_scaled``; else 1."""
        return self._unit if mode == "mean_scaled" else 1.0

    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """The component's first coordinate over ±1.96 prior standard deviations."""
        start = self.components[block].start
        return walk_line(self.representation(parameters, "mean"), start, steps, half_width=1.96 / self._unit)


def coordinates(size: int) -> tuple[Block, ...]:
    """One block per coordinate."""
    return tuple(Block(f"ISA({index})", index, index + 1, "line") for index in range(size))


def layout(sizes: tuple[int, ...]) -> str:
    """Subspace sizes as a spec writes them: ``5x4``, or ``4+4+2`` where they differ."""
    return f"{len(sizes)}x{sizes[0]}" if len(set(sizes)) == 1 else "+".join(map(str, sizes))


def read_layout(word: Token) -> tuple[int, ...]:
    """``5x4`` (five subspaces of four, Stühmer et al.'s (2020) l0 = 5, l1…5 = 4) or ``2x4+3``."""
    sizes: list[int] = []
    position = word.position
    for term in word.text.split("+"):
        first, times, second = term.partition("x")
        count = Token(first, position, word.spec).integer("a number of subspaces", 1, 4096) if times else 1
        start = position + len(first) + len(times) if times else position
        size = Token(second if times else first, start, word.spec).integer("a subspace's size", 1, 4096)
        sizes += [size] * count
        position += len(term) + 1
    return tuple(sizes)


def build(factor: FactorSpec) -> IsaSpace:
    """``ISA(5x4; p0=2.1, p=2.2, learn=true, components=subspaces)``."""
    if len(factor.layout) != 1:
        word = factor.layout[1] if factor.layout else factor.name
        raise word.error("ISA takes one layout", 'write "ISA(5x4)" for five subspaces of four')
    sizes = read_layout(factor.layout[0])
    root = factor.real("p0", 2.1, *FIXED)
    learn = factor.flag("learn")
    exponent = factor.real("p", 2.0 if learn else 2.2, *(LEARNED if learn else FIXED))
    components = factor.choice("components", ("coordinates", "subspaces"))
    factor.done(dimension=False, layout=True)
    return IsaSpace(sizes, root, exponent, learn, components)
