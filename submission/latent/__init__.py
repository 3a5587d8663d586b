"""Latent spaces: encoder output → posterior, prior, decoder input, exported representation; and their spec strings."""

from submission.latent.spaces import parse

__all__ = ["parse"]
