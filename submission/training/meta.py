"""What ``meta.json`` says about a run (docs/run-folder.md)."""

from __future__ import annotations

from typing import Any

from submission import provenance
from submission.data import ImageDataset
from submission.models.vae import VAE
from submission.training.loop import Loop
from submission.training.settings import Settings

FORMAT = 1
AMOUNTS = ("steps", "images", "seconds", "fraction", "ahead")
"""Of training."""


def describe(settings: Settings, dataset: ImageDataset, model: VAE, mode: str, precision: str) -> dict[str, Any]:
    """``meta.json`` at the start of a run."""
    return {
        "format": FORMAT,
        **provenance.record(),
        "seed": settings.train.seed,
        "held_out": settings.train.held_out,
        "dataset": about_data(dataset, settings),
        "model": about_model(settings, model, precision),
        "space": model.space.spec,
        "representation": model.space.layout(mode),
        "untrained": "baseline/untrained.pt",
        "training": {**dict.fromkeys(AMOUNTS, 0), "finished": False, "ended_by": ""},
    }


def about_data(dataset: ImageDataset, settings: Settings) -> dict[str, Any]:
    """Name, options, factors (empty where they are unknown), shape and origin of the images."""
    factors = {key: list(getattr(dataset, key, ())) for key in ("factor_names", "factor_sizes", "periodic")}
    options = dict(settings.data.options)
    return {
        "name": dataset.name,
        "options": options,
        **factors,
        "image_shape": list(dataset.image_shape),
        "source": dataset.notes,
    }


def about_model(settings: Settings, model: VAE, precision: str) -> dict[str, Any]:
    """Networks, likelihood and objective, enough to build the model again."""
    return {
        "networks": settings.model.networks,
        "likelihood": model.likelihood,
        "variance": model.variance,
        "weights": sum(weight.numel() for weight in model.parameters()),
        "objective": settings.objective.name,
        "precision": precision,
    }


def ended(loop: Loop, reason: str) -> dict[str, Any]:
    """The ``training`` part when the loop has ended for ``reason``: ``steps``, ``time budget``, ... or a signal."""
    held = loop.validation
    best = {} if held is None or held.best_step == 0 else {"best_step": held.best_step, "best_elbo": held.best}
    return {
        "steps": loop.done,
        "images": loop.done * loop.count,
        "seconds": round(loop.elapsed(), 3),
        "fraction": loop.budget.fraction,
        "ahead": round(loop.budget.ahead, 4),
        "finished": reason in ("steps", "time budget", "early stopping"),
        "ended_by": reason,
        **best,
    }
