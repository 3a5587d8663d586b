"""Synthetic data sets: rendered, nothing to download."""
