"""Figures as matplotlib objects: latent spaces, traversals, training, scores.

Every function returns a ``matplotlib.figure.Figure`` made without ``pyplot``; ``save`` writes it as PNG, SVG or PDF.
"""

from submission.plots.charts import Chart, charts_for, register_chart
from submission.plots.codes import codes_and_factors
from submission.plots.comparison import score_dots, tradeoff
from submission.plots.encoding import Encoded, decoder, encode_dataset
from submission.plots.images import image_rows, mosaic, prior_samples, reconstructions
from submission.plots.manifolds import latent_space
from submission.plots.matrices import heat_maps, matrices_of
from submission.plots.style import DARK, LIGHT, Theme, save, to_bytes
from submission.plots.training import component_curves, component_kl, training_curves
from submission.plots.traversal import animation, traversals

__all__ = [
    "DARK",
    "LIGHT",
    "Chart",
    "Encoded",
    "Theme",
    "animation",
    "charts_for",
    "codes_and_factors",
    "component_curves",
    "component_kl",
    "decoder",
    "encode_dataset",
    "heat_maps",
    "image_rows",
    "latent_space",
    "matrices_of",
    "mosaic",
    "prior_samples",
    "reconstructions",
    "register_chart",
    "save",
    "score_dots",
    "to_bytes",
    "tradeoff",
    "training_curves",
    "traversals",
]
