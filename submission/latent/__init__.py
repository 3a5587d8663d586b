"""Latent spaces: encoder output → posterior, prior, decoder input, exported representation; and their spec strings."""

from submission.distributions.closed_manifold import Manifold
from submission.latent.spaces import parse, register

__all__ = ["Manifold", "parse", "register"]
