"""Interfaces of latent spaces: encoder output → posterior, prior, decoder input and exported representation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Component:
    """One independent part of a sample: a circle, a sphere, one Gaussian coordinate, an ISA subspace's coordinate.

    Attributes:
        name: e.g. ``S^10`` or ``R^4[2]``; unique inside its space.
        start, stop: its columns in an ambient sample.
        topology: ``sphere``, ``circle``, ``projective``, ``rotation``, ``torus``, ``manifold`` or ``line``.
        factor: index of the product's factor that it belongs to (0 in a space that is not a product).
    """

    name: str
    start: int
    stop: int
    topology: str
    factor: int = 0


@dataclass(frozen=True)
class Block:
    """Columns of the exported representation that describe one component (or subspace) together."""

    name: str
    start: int
    stop: int
    topology: str


class Posterior(ABC):
    """q(z|x) for a batch of n images over a space with C components."""

    @abstractmethod
    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Tensor:
        """Samples (*sample_shape, n, ambient_size), differentiable in the encoder's output."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) per component, (..., C); ``z`` (..., ambient_size) broadcasts against the batch (n,).

        ``posterior.log_prob(z[:, None])`` is the (n, n, C) table that total-correlation estimators need. Densities
        are with respect to the Riemannian volume of each component.
        """

    @abstractmethod
    def kl(self, z: Tensor) -> Tensor:
        """KL(q(z|x) ‖ p(z)) per component, (n, C); exact where a formula or table exists, else estimated at ``z``."""

    @abstractmethod
    def statistics(self) -> dict[str, Tensor]:
        """Dispersion parameters by name (``time``, ``concentration``, ``scale``): batch means, a 1-D tensor over
        components."""


class LatentSpace(nn.Module, ABC):
    """A latent space; products of spaces are latent spaces, too.

    A module, because a prior may have learned parameters (ISA exponents).

    Attributes:
        spec: the string that ``parse`` turns into an equal space.
        parameter_size: columns that the encoder must output.
        ambient_size: columns of a sample z.
        decoder_size: columns that the decoder receives.
        components: the C independent parts, in column order.
        export_modes: modes that ``representation`` accepts, the default first.
    """

    spec: str
    parameter_size: int
    ambient_size: int
    decoder_size: int
    components: tuple[Component, ...]
    export_modes: tuple[str, ...]

    @abstractmethod
    def posterior(self, parameters: Tensor) -> Posterior:
        """The posterior of the encoder's output (n, parameter_size); finite for every finite input."""

    @abstractmethod
    def prior_log_prob(self, z: Tensor) -> Tensor:
        """log p(z) per component (..., C); additive constants included, w.r.t. Riemannian volume."""

    @abstractmethod
    def prior_sample(self, shape: tuple[int, ...]) -> Tensor:
        """Samples (*shape, ambient_size) of the prior."""

    @abstractmethod
    def representation(self, parameters: Tensor, mode: str) -> Tensor:
        """What is exported, (n, width), from the encoder's output (n, parameter_size).

        Every space has the modes ``mean`` (the posterior's centre as an unscaled ambient point), ``mean_scaled`` (the
        same times ``scale``), ``ambient`` (the decoder's input at the centre, scaled), ``intrinsic`` (coordinates in
        the manifold: an angle per circle) and ``sample``.

        Deterministic unless the mode is ``sample``; plain traceable tensor code, independent of the batch size.
        """

    @abstractmethod
    def blocks(self, mode: str) -> tuple[Block, ...]:
        """Layout of ``representation(..., mode)``'s columns."""

    @abstractmethod
    def scale(self, mode: str) -> float | tuple[float, ...]:
        """The factor that ``representation(..., mode)`` multiplies raw coordinates by, for the metadata.

        One number; a product whose factors differ gives one per factor.
        """

    def __repr__(self) -> str:
        return f'parse("{self.spec}")'

    def decoder_input(self, z: Tensor) -> Tensor:
        """What the decoder receives, (..., decoder_size); even in z on projective spaces."""
        return z

    def width(self, mode: str) -> int:
        """Columns of ``representation(..., mode)``."""
        return self.blocks(mode)[-1].stop

    def layout(self, mode: str) -> dict[str, Any]:
        """What metadata say about ``representation(..., mode)``: mode, scale, width and blocks."""
        blocks = [asdict(block) for block in self.blocks(mode)]
        return {"mode": mode, "scale": self.scale(mode), "width": self.width(mode), "blocks": blocks}

    @abstractmethod
    def traversal(self, parameters: Tensor, block: int, steps: int) -> Tensor:
        """Samples (steps, ambient_size) that move one component through its range, the others at their mode.

        Args:
            parameters: encoder output (1, parameter_size) of the starting image.
            block: index into ``components``.
            steps: number of points; a circle is walked once around, a sphere along a great circle, a line over
                its central 95 %.
        """
