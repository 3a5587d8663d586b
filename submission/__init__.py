"""Disentanglement-challenge submissions: train, export, score and submit representations.

The package is laid out in the order data flows: ``data`` → ``models`` (with ``latent`` spaces built on
``distributions``) → ``objectives`` → ``training`` → ``export`` → ``metrics`` and ``evaluation`` → ``report`` →
``challenge``. ``docs/architecture.md`` is the map.
"""

__version__ = "0.3.0"
