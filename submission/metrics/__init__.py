"""Disentanglement metrics: arrays in, numbers out; one file per metric."""
