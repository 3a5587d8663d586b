"""Drawings of metrics, for ``scripts/metric_pictures.py``."""
