"""Latent spaces: encoder output → posterior, prior, decoder input, exported representation; and their spec strings."""
